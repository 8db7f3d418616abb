//! Appending: drafts become chained and signed changes of this node's streams.

use crate::Result;
use crate::read::actors::ActorName;
use crate::tx::Tx;
use crate::write::{Content, Draft, WriteTx};
use jay_types::bounds::{ACT_MAX_BYTES, ACT_MAX_CHANGES};
use jay_types::change::registry::{KIND, NAME, PUBLIC_KEY};
use jay_types::change::{Body, EntityKind, Header, NodeKey, Op, StoredBody};
use jay_types::id::to_hex;
use jay_types::surroundings::{new_id, random};
use jay_types::time::TEN_YEARS;
use jay_types::{ActorId, Code, EntityId, Error, Hash, Hlc, NamespaceId, Timestamp};
use rusqlite::params;
use std::collections::BTreeSet;

/// 2026-11-01: a wall clock ten years ahead of this, in a store without changes, is not believed (J4).
const BUILD_DATE: Timestamp = Timestamp(1_793_491_200_000_000);

/// The end of a stream.
pub(crate) struct StreamHead {
    pub(crate) num: i64,
    pub(crate) seq: u64,
    pub(crate) hash: Hash,
}

/// One row of the journal, ready to be inserted.
pub(crate) struct Row<'a> {
    pub(crate) header: &'a Header,
    pub(crate) hash: Hash,
    pub(crate) body: Option<&'a StoredBody>,
    pub(crate) signature: Option<[u8; 64]>,
}

/// Journals the drafts as the act of `w`; returns the numbers of the entities that they touch.
pub(crate) fn append(w: &WriteTx<'_>, drafts: Vec<Draft>) -> Result<BTreeSet<i64>> {
    let mut hlc = Hlc(u64::try_from(w.meta_number("hlc")?.unwrap_or(0)).unwrap_or(0));
    check_clock(w.now, hlc)?;
    let mut streams: Vec<(NamespaceId, Vec<Draft>)> = Vec::new();
    for draft in drafts {
        match streams.iter_mut().find(|(namespace, _)| *namespace == draft.namespace) {
            Some((_, drafts)) => drafts.push(draft),
            None => streams.push((draft.namespace, vec![draft])),
        }
    }
    let mut touched = BTreeSet::new();
    let mut last_pos = 0;
    let mut room = Room { changes: ACT_MAX_CHANGES, bytes: ACT_MAX_BYTES };
    for (namespace, drafts) in streams {
        last_pos = append_part(w, namespace, drafts, &mut hlc, &mut room, &mut touched)?;
    }
    w.set_meta("hlc", hlc.0 as i64)?;
    w.note_arrival(last_pos, w.now.0)?;
    Ok(touched)
}

fn check_clock(now: Timestamp, greatest: Hlc) -> Result<()> {
    let known = i64::try_from(greatest.0).unwrap_or(i64::MAX).max(BUILD_DATE.0);
    if now.0 > known.saturating_add(TEN_YEARS) {
        return Err(Error::new(Code::Refused, format!("this machine's clock says {now}: that is not believable"))
            .hint("Set the clock; nothing was written.")
            .into());
    }
    Ok(())
}

/// What the act may still hold, whatever its streams (J1).
struct Room {
    changes: usize,
    bytes: usize,
}

fn append_part(
    w: &WriteTx<'_>,
    namespace: NamespaceId,
    drafts: Vec<Draft>,
    hlc: &mut Hlc,
    room: &mut Room,
    touched: &mut BTreeSet<i64>,
) -> Result<i64> {
    let namespace_num = w.number_namespace(namespace)?;
    let node = w.key.node_id();
    let node_num = w.number_node(node)?;
    let head = stream_head(w, node_num, namespace_num)?;
    let (actor, mut all) = preamble(w, namespace, namespace_num, head.is_none())?;
    all.extend(drafts);
    let head = match head {
        Some(head) => head,
        None => open_stream(w, node_num, namespace_num, &w.key)?,
    };
    let (mut seq, mut prev_hash) = (head.seq, head.hash);
    let count = room.take_changes(all.len())?;
    let mut pos = w.next_pos()?;
    let act_num = w.number_act(w.act, true)?;
    for (index, draft) in (0..count).zip(&all) {
        let body = store_body(w, &draft.content);
        room.take_bytes(body.bytes.len())?;
        *hlc = Hlc::next(*hlc, w.now);
        seq += 1;
        let header = Header {
            journal: w.journal.number(),
            namespace,
            node,
            seq,
            prev_hash,
            hlc: *hlc,
            at: w.now,
            actor,
            act: w.act,
            index,
            count,
            run: [0; 16],
            kind: draft.kind.number(),
            entity: draft.entity,
            op: draft.op.number(),
            encoding: body.encoding,
            body_hash: body.hash(),
        };
        let hash = header.hash();
        let signature = (index + 1 == count).then(|| w.key.sign(&hash));
        let row = Row { header: &header, hash, body: Some(&body), signature };
        let entity = w.number_entity(namespace_num, header.kind, header.entity)?;
        insert(w, pos, Place { stream: head.num, namespace: namespace_num, act: act_num, entity }, &row)?;
        touched.insert(entity);
        prev_hash = hash;
        pos += 1;
    }
    set_head(w, head.num, seq, prev_hash)?;
    Ok(pos - 1)
}

/// The actor's id in this namespace, and the changes that must come before its first act here.
fn preamble(w: &WriteTx<'_>, namespace: NamespaceId, namespace_num: i64, opens: bool) -> Result<(ActorId, Vec<Draft>)> {
    let mut drafts = Vec::new();
    if opens {
        let body = Body::default().with(PUBLIC_KEY, to_hex(&w.key.public_key()));
        let node = EntityId(w.key.node_id().0);
        drafts.push(Draft::new(namespace, EntityKind::Node, node, Op::Open, body));
    }
    let ActorName { kind, name } = &w.actor;
    let actor = match w.actor_id(namespace_num, &w.actor)? {
        Some(actor) => actor,
        None => {
            let actor = ActorId(new_id(w.surroundings()).0);
            let body = Body::default().with(KIND, kind.as_str()).with(NAME, name.as_str());
            drafts.push(Draft::new(namespace, EntityKind::Actor, EntityId::of_actor(actor), Op::Create, body));
            actor
        }
    };
    Ok((actor, drafts))
}

impl Room {
    fn take_changes(&mut self, count: usize) -> Result<u16> {
        let left = self.changes.checked_sub(count).zip(u16::try_from(count).ok());
        let Some((left, count)) = left else {
            return Err(Error::bad_input(format!("an act of more than {ACT_MAX_CHANGES} changes is over the bound"))
                .hint("Send it in several calls.")
                .into());
        };
        self.changes = left;
        Ok(count)
    }

    fn take_bytes(&mut self, bytes: usize) -> Result<()> {
        let Some(left) = self.bytes.checked_sub(bytes) else {
            return Err(Error::bad_input(format!("an act of more than {ACT_MAX_BYTES} bytes is over the bound"))
                .hint("Send it in several calls.")
                .into());
        };
        self.bytes = left;
        Ok(())
    }
}

fn store_body(w: &WriteTx<'_>, content: &Content) -> StoredBody {
    let salt = random(w.surroundings());
    match content {
        Content::Registers(body) => body.store(salt),
        Content::Json(json) => StoredBody::of_json(json.clone(), salt),
    }
}

/// The branch of our own stream that goes on: the one with the greatest seq, where there are several.
fn stream_head(tx: &Tx<'_>, node: i64, namespace: i64) -> Result<Option<StreamHead>> {
    tx.one(
        "SELECT num, head_seq, head_hash FROM streams WHERE node = ?1 AND namespace = ?2 ORDER BY head_seq DESC, num LIMIT 1",
        [node, namespace],
        |row| Ok(StreamHead { num: row.get(0)?, seq: row.get(1)?, hash: Hash(row.get(2)?) }),
    )
}

fn open_stream(tx: &Tx<'_>, node: i64, namespace: i64, key: &NodeKey) -> Result<StreamHead> {
    tx.execute("UPDATE nodes SET public_key = ?2 WHERE num = ?1", params![node, key.public_key()])?;
    let num = insert_stream(tx, node, namespace, None, 0)?;
    Ok(StreamHead { num, seq: 0, hash: Hash::ZERO })
}

/// A new branch of a stream; `parent` where it leaves another one after `fork_seq`.
pub(crate) fn insert_stream(tx: &Tx<'_>, node: i64, namespace: i64, parent: Option<i64>, fork_seq: u64) -> Result<i64> {
    tx.execute(
        "INSERT INTO streams(node, namespace, parent, fork_seq, head_seq, head_hash) VALUES(?1, ?2, ?3, ?4, 0, zeroblob(32))",
        params![node, namespace, parent, fork_seq],
    )?;
    Ok(tx.connection.last_insert_rowid())
}

pub(crate) fn set_head(tx: &Tx<'_>, stream: i64, seq: u64, hash: Hash) -> Result<()> {
    tx.execute("UPDATE streams SET head_seq = ?2, head_hash = ?3 WHERE num = ?1", params![stream, seq, hash.0])?;
    Ok(())
}

/// The local numbers of what a header names.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) stream: i64,
    pub(crate) namespace: i64,
    pub(crate) act: i64,
    pub(crate) entity: i64,
}

/// Inserts one change.
pub(crate) fn insert(tx: &Tx<'_>, pos: i64, place: Place, row: &Row<'_>) -> Result<()> {
    let header = row.header;
    let Place { stream, namespace, act, entity } = place;
    let actor = tx.number_entity(namespace, EntityKind::Actor.number(), EntityId::of_actor(header.actor))?;
    let run = (header.run != [0; 16]).then_some(header.run);
    tx.execute(
        "INSERT INTO changes(pos, stream, seq, hash, hlc, at, actor, act, idx, count, run, entity, op, encoding, body_hash, signature)
         VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
        params![
            pos, stream, header.seq, row.hash.0, header.hlc.0 as i64, header.at.0, actor, act, header.index,
            header.count, run, entity, header.op, header.encoding, header.body_hash.0, row.signature
        ],
    )?;
    row.body.map_or(Ok(()), |body| insert_body(tx, pos, body))
}

pub(crate) fn insert_body(tx: &Tx<'_>, pos: i64, body: &StoredBody) -> Result<()> {
    tx.execute("INSERT INTO bodies(pos, salt, bytes) VALUES(?1, ?2, ?3)", params![pos, body.salt, body.bytes])?;
    Ok(())
}
