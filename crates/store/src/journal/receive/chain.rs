//! Where a part belongs in its author's stream, whether its hashes and clocks go on from there, and by which key it is signed.
//!
//! **Invariant:** nothing is written here; what is not known is not taken for broken (J3, J5).

use super::Received;
use crate::Result;
use crate::tx::Tx;
use jay_types::Hash;
use jay_types::change::registry::PUBLIC_KEY;
use jay_types::change::{EntityKind, Header, Op, PublicKey};
use jay_types::id::from_hex;
use rusqlite::params;

pub(super) enum Parent {
    /// The part is the first of a branch without a beginning elsewhere.
    Start,
    /// It follows the end of this branch, whose clock says `hlc`.
    Head { stream: i64, hlc: i64 },
    /// It leaves this branch after `seq`, where its clock says `hlc`.
    Inside { stream: i64, seq: u64, hlc: i64 },
}

pub(super) enum Missing {
    NotHereYet,
    Broken,
}

pub(super) fn find_parent(tx: &Tx<'_>, node: i64, namespace: i64, first: &Header) -> Result<Result<Parent, Missing>> {
    let before = first.seq - 1;
    if before == 0 {
        return Ok(if first.prev_hash == Hash::ZERO { Ok(Parent::Start) } else { Err(Missing::Broken) });
    }
    let at_head = tx.one(
        "SELECT s.num, c.hlc FROM streams s CROSS JOIN changes c ON c.stream = s.num AND c.seq = s.head_seq
         WHERE s.node = ?1 AND s.namespace = ?2 AND s.head_seq = ?3 AND s.head_hash = ?4",
        params![node, namespace, before, first.prev_hash.0],
        |row| Ok(Parent::Head { stream: row.get(0)?, hlc: row.get(1)? }),
    )?;
    if let Some(head) = at_head {
        return Ok(Ok(head));
    }
    let inside = tx.one(
        "SELECT c.stream, c.hlc FROM streams s CROSS JOIN changes c ON c.stream = s.num AND c.seq = ?3
         WHERE s.node = ?1 AND s.namespace = ?2 AND c.hash = ?4",
        params![node, namespace, before, first.prev_hash.0],
        |row| Ok(Parent::Inside { stream: row.get(0)?, seq: before, hlc: row.get(1)? }),
    )?;
    Ok(inside.ok_or(Missing::NotHereYet))
}

pub(super) fn check_chain(part: &[Received<'_>], parent: &Parent) -> Result<(), &'static str> {
    let Some(head) = part.first() else { return Ok(()) };
    let before = match parent {
        Parent::Start => 0,
        Parent::Head { hlc, .. } | Parent::Inside { hlc, .. } => *hlc,
    };
    let mut hlc = before;
    let mut chain = (head.header.seq - 1, head.header.prev_hash);
    for received in part {
        let header = &received.header;
        if header.seq != chain.0 + 1 || header.prev_hash != chain.1 || header.hlc.0 as i64 <= hlc {
            return Err("bad_chain");
        }
        hlc = header.hlc.0 as i64;
        chain = (header.seq, received.hash);
        let opens = header.op == Op::Open.number() && header.kind == EntityKind::Node.number();
        if opens != (header.seq == 1) {
            return Err("bad_chain");
        }
    }
    Ok(())
}

/// An author's public key, and whether it was known here.
pub(super) struct AuthorKey {
    pub(super) key: PublicKey,
    pub(super) is_known: bool,
}

/// The author's public key: known, or told by the `open` at the front of this part.
pub(super) fn public_key(tx: &Tx<'_>, node: i64, head: &Received<'_>) -> Result<Option<AuthorKey>> {
    let known: Option<[u8; 32]> =
        tx.one("SELECT public_key FROM nodes WHERE num = ?1", [node], |row| row.get(0))?.flatten();
    let known = known.and_then(|key| Some(AuthorKey { key: PublicKey::read(&key)?, is_known: true }));
    Ok(known.or_else(|| told_key(head).map(|key| AuthorKey { key, is_known: false })))
}

/// The public key that an `open` tells, where it is its author's.
pub(crate) fn told_key(head: &Received<'_>) -> Option<PublicKey> {
    let body = head.body()?.read().ok()?;
    let key = PublicKey::read(&from_hex::<32>(body.registers.get(PUBLIC_KEY.name)?.as_str()?)?)?;
    (key.node_id() == head.header.node).then_some(key)
}
