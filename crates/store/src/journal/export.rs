//! Handing out streams: whole headers, as their authors signed them.

use crate::Result;
use crate::tx::Tx;
use jay_types::change::Header;
use jay_types::change::frame::FrameEntry;
use jay_types::change::header::StreamId;
use jay_types::{ActId, ActorId, EntityId, Hash, Hlc, NamespaceId, NodeId, Timestamp};
use rusqlite::{Row, params};

/// Bytes that a change takes beside its body, about.
const HEADER_BYTES: usize = 256;

/// A branch of a stream that is held here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Branch {
    /// Its local number.
    pub num: i64,
    /// The stream.
    pub stream: StreamId,
    /// The branch that it left, and the last seq that both have.
    pub parent: Option<(i64, u64)>,
    /// Its end.
    pub head_seq: u64,
    /// The hash of its last header: what a position names (J1).
    pub head_hash: Hash,
}

/// A change with its whole header, as the journal holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journalled {
    /// Local arrival number.
    pub pos: i64,
    /// The header, chained.
    pub header: Header,
    /// The hash that is stored for it.
    pub hash: Hash,
    /// Salt and stored bytes; none where the body is not here.
    pub body: Option<([u8; 16], Vec<u8>)>,
    /// The author's signature, at the end of each (act, stream).
    pub signature: Option<[u8; 64]>,
}

impl Journalled {
    /// It, as it travels.
    #[must_use]
    pub fn entry(&self) -> FrameEntry {
        FrameEntry { header: self.header.encode().to_vec(), body: self.body.clone(), signature: self.signature }
    }
}

impl Tx<'_> {
    /// Every branch of every stream of this journal: the store's position.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn branches(&self) -> Result<Vec<Branch>> {
        self.all(
            "SELECT s.num, ns.id, n.id, s.parent, s.fork_seq, s.head_seq, s.head_hash
             FROM streams s JOIN namespaces ns ON ns.num = s.namespace JOIN nodes n ON n.num = s.node ORDER BY s.num",
            [],
            |row| {
                let parent: Option<i64> = row.get(3)?;
                let fork_seq: u64 = row.get(4)?;
                Ok(Branch {
                    num: row.get(0)?,
                    stream: StreamId {
                        journal: self.journal.number(),
                        namespace: NamespaceId(row.get(1)?),
                        node: NodeId(row.get(2)?),
                    },
                    parent: parent.map(|parent| (parent, fork_seq)),
                    head_seq: row.get(5)?,
                    head_hash: Hash(row.get(6)?),
                })
            },
        )
    }

    /// Up to `limit` changes of a branch after `after_seq`, with whole headers.
    ///
    /// # Errors
    /// `damaged` where the header before the first is not here.
    pub fn branch_changes(&self, branch: &Branch, after_seq: u64, limit: u32) -> Result<Vec<Journalled>> {
        let mut left = limit;
        if left == 0 {
            return Ok(Vec::new());
        }
        self.read_branch(branch, (after_seq, u64::MAX), |_| {
            left -= 1;
            left == 0
        })
    }

    /// Whole acts of a branch after `after_seq` and up to `upto_seq`, until their bodies have `bytes`: one act at least, where there is
    /// one. What is cut at `upto_seq` is answered as it is.
    ///
    /// # Errors
    /// `damaged` where the header before the first is not here.
    pub fn branch_acts(
        &self,
        branch: &Branch,
        (after_seq, upto_seq): (u64, u64),
        bytes: usize,
    ) -> Result<Vec<Journalled>> {
        let mut read = 0;
        self.read_branch(branch, (after_seq, upto_seq), |change| {
            read += HEADER_BYTES + change.body.as_ref().map_or(0, |(_, body)| body.len());
            change.header.index + 1 == change.header.count && read >= bytes
        })
    }

    /// Changes of a branch after one and up to another, the one for which `is_last` is true included.
    fn read_branch(
        &self,
        branch: &Branch,
        (after_seq, upto_seq): (u64, u64),
        mut is_last: impl FnMut(&Journalled) -> bool,
    ) -> Result<Vec<Journalled>> {
        let fork_seq = branch.parent.map_or(0, |(_, seq)| seq);
        let after_seq = after_seq.max(fork_seq);
        let mut prev_hash = match (after_seq, branch.parent) {
            (0, _) => Hash::ZERO,
            (seq, Some((parent, fork_seq))) if seq == fork_seq => self.hash_in_branch(parent, seq)?,
            (seq, _) => self.hash_in_branch(branch.num, seq)?,
        };
        let mut statement = self.statement(
            "SELECT c.pos, c.seq, c.hash, c.hlc, c.at, a.id, t.id, c.idx, c.count, c.run, e.kind, e.id, c.op, c.encoding,
                    c.body_hash, c.signature, b.salt, b.bytes
             FROM changes c JOIN entities a ON a.num = c.actor JOIN acts t ON t.num = c.act JOIN entities e ON e.num = c.entity
             LEFT JOIN bodies b ON b.pos = c.pos
             WHERE c.stream = ?1 AND c.seq > ?2 AND c.seq <= ?3 ORDER BY c.seq",
        )?;
        let upto_seq = i64::try_from(upto_seq).unwrap_or(i64::MAX);
        let rows = statement
            .query_map(params![branch.num, after_seq, upto_seq], |row| journalled(branch.stream, row))
            .map_err(|error| self.fault(error))?;
        let mut changes = Vec::new();
        for row in rows {
            let mut change = row.map_err(|error| self.fault(error))?;
            change.header.prev_hash = std::mem::replace(&mut prev_hash, change.hash);
            let is_last = is_last(&change);
            changes.push(change);
            if is_last {
                break;
            }
        }
        Ok(changes)
    }

    /// The hash of `seq` in a branch or in what it left.
    pub(crate) fn hash_in_branch(&self, branch: i64, seq: u64) -> Result<Hash> {
        let mut branch = branch;
        loop {
            let found =
                self.one("SELECT hash FROM changes WHERE stream = ?1 AND seq = ?2", params![branch, seq], |row| {
                    row.get(0)
                })?;
            if let Some(hash) = found {
                return Ok(Hash(hash));
            }
            let parent: Option<i64> =
                self.one("SELECT parent FROM streams WHERE num = ?1", [branch], |row| row.get(0))?.flatten();
            branch = parent.ok_or_else(|| crate::error::damaged(format!("seq {seq} of a stream is missing")))?;
        }
    }
}

/// A change out of a row; the hash before it is not in it.
fn journalled(stream: StreamId, row: &Row<'_>) -> rusqlite::Result<Journalled> {
    let salt: Option<[u8; 16]> = row.get(16)?;
    let bytes: Option<Vec<u8>> = row.get(17)?;
    Ok(Journalled {
        pos: row.get(0)?,
        header: Header {
            journal: stream.journal,
            namespace: stream.namespace,
            node: stream.node,
            seq: row.get(1)?,
            prev_hash: Hash::ZERO,
            hlc: Hlc(row.get::<_, i64>(3)? as u64),
            at: Timestamp(row.get(4)?),
            actor: ActorId(row.get(5)?),
            act: ActId(row.get(6)?),
            index: row.get(7)?,
            count: row.get(8)?,
            run: row.get::<_, Option<[u8; 16]>>(9)?.unwrap_or_default(),
            kind: row.get(10)?,
            entity: EntityId(row.get(11)?),
            op: row.get(12)?,
            encoding: row.get(13)?,
            body_hash: Hash(row.get(14)?),
        },
        hash: Hash(row.get(2)?),
        body: salt.zip(bytes),
        signature: row.get(15)?,
    })
}
