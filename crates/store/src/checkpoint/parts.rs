//! The parts of acts in a checkpoint, in the order in which they arrived where it was made.
//!
//! **Invariant:** a header is put together from the row and from the header before it in the file, whose hash was computed here: no
//! hash in the file is believed but that a fork leaves, which the receiver looks for among what it has.

use super::{of_checkpoint, refused};
use crate::Result;
use jay_types::bounds::{ACT_MAX_BYTES, ACT_MAX_CHANGES};
use jay_types::change::frame::FrameEntry;
use jay_types::change::header::StreamId;
use jay_types::change::{Header, Journal, StoredBody};
use jay_types::{ActId, ActorId, EntityId, Hash, Hlc, NamespaceId, NodeId, Timestamp};
use rusqlite::{Connection, Row};
use std::collections::HashMap;

/// Bytes of a part from which it is read no further: the bodies of an act, and its headers and signatures.
const PART_MAX_BYTES: usize = ACT_MAX_BYTES + ACT_MAX_CHANGES * 320;

/// The changes of one (act, stream), as they travel, with their headers.
#[derive(Default)]
pub(super) struct Part {
    pub(super) headers: Vec<(Header, Hash)>,
    pub(super) entries: Vec<FrameEntry>,
    pub(super) bytes: usize,
}

/// How far a branch was read, and where it ends.
struct Branch {
    stream: StreamId,
    last: (u64, Hash),
    head: (u64, Hash),
}

/// Changes in the file, for progress: it is not believed either.
pub(super) fn count(file: &Connection) -> Result<u64> {
    let count: i64 = file.query_row("SELECT count(*) FROM changes", [], |row| row.get(0)).map_err(of_checkpoint)?;
    Ok(count.unsigned_abs())
}

/// Calls `visit` with every part of the wanted streams.
pub(super) fn each(
    file: &Connection,
    journal: Journal,
    wanted: &dyn Fn(&StreamId) -> bool,
    visit: &mut dyn FnMut(Part) -> Result<()>,
) -> Result<()> {
    let mut branches = branches(file, journal)?;
    branches.retain(|_, branch| wanted(&branch.stream));
    let mut statement = file.prepare(CHANGES).map_err(of_checkpoint)?;
    let mut rows = statement.query([]).map_err(of_checkpoint)?;
    let mut part = Part::default();
    while let Some(row) = rows.next().map_err(of_checkpoint)? {
        let Some(branch) = branches.get_mut(&row.get(0).map_err(of_checkpoint)?) else { continue };
        let (header, entry) = change(row, branch)?;
        branch.last = (header.seq, header.hash());
        if part.ends_before(&header) {
            visit(std::mem::take(&mut part))?;
        }
        part.push(header, branch.last.1, entry)?;
        if part.is_whole() {
            visit(std::mem::take(&mut part))?;
        }
    }
    if !part.headers.is_empty() {
        visit(part)?;
    }
    match branches.values().find(|branch| branch.last != branch.head) {
        Some(branch) => Err(refused(format!("the stream of node {} is not whole", branch.stream.node))),
        None => Ok(()),
    }
}

/// The order of tables is told, so that the file is read from its beginning to its end.
const CHANGES: &str =
    "SELECT c.stream, c.seq, c.hlc, c.at, a.id, t.id, c.idx, c.count, c.run, e.kind, e.id, c.op, c.encoding,
       c.body_hash, c.signature, c.salt, c.body
     FROM changes c CROSS JOIN entities a ON a.num = c.actor CROSS JOIN acts t ON t.num = c.act
       CROSS JOIN entities e ON e.num = c.entity ORDER BY c.pos";

fn branches(file: &Connection, journal: Journal) -> Result<HashMap<i64, Branch>> {
    let read = |row: &Row<'_>| {
        let stream =
            StreamId { journal: journal.number(), namespace: NamespaceId(row.get(1)?), node: NodeId(row.get(2)?) };
        let (last, head) = ((row.get(3)?, Hash(row.get(4)?)), (row.get(5)?, Hash(row.get(6)?)));
        Ok((row.get(0)?, Branch { stream, last, head }))
    };
    let sql = "SELECT s.num, ns.id, n.id, s.after_seq, s.after_hash, s.head_seq, s.head_hash
               FROM streams s JOIN namespaces ns ON ns.num = s.namespace JOIN nodes n ON n.num = s.node";
    let mut statement = file.prepare(sql).map_err(of_checkpoint)?;
    let rows = statement.query_map([], read).map_err(of_checkpoint)?;
    rows.collect::<rusqlite::Result<_>>().map_err(of_checkpoint)
}

fn change(row: &Row<'_>, branch: &Branch) -> Result<(Header, FrameEntry)> {
    let read = || -> rusqlite::Result<(Header, FrameEntry)> {
        let encoding = row.get(12)?;
        let body = match row.get::<_, Option<[u8; 16]>>(15)? {
            Some(salt) => Some((salt, row.get::<_, Vec<u8>>(16)?)),
            None => None,
        };
        let body_hash = match &body {
            Some((salt, bytes)) => StoredBody { encoding, salt: *salt, bytes: bytes.clone() }.hash(),
            None => Hash(row.get(13)?),
        };
        let header = Header {
            journal: branch.stream.journal,
            namespace: branch.stream.namespace,
            node: branch.stream.node,
            seq: row.get(1)?,
            prev_hash: branch.last.1,
            hlc: Hlc(row.get::<_, i64>(2)? as u64),
            at: Timestamp(row.get(3)?),
            actor: ActorId(row.get(4)?),
            act: ActId(row.get(5)?),
            index: row.get(6)?,
            count: row.get(7)?,
            run: row.get::<_, Option<[u8; 16]>>(8)?.unwrap_or_default(),
            kind: row.get(9)?,
            entity: EntityId(row.get(10)?),
            op: row.get(11)?,
            encoding,
            body_hash,
        };
        let entry = FrameEntry { header: header.encode().to_vec(), body, signature: row.get(14)? };
        Ok((header, entry))
    };
    let (header, entry) = read().map_err(of_checkpoint)?;
    if branch.last.0.checked_add(1) == Some(header.seq) {
        Ok((header, entry))
    } else {
        Err(refused(format!("a change of node {} is missing before seq {}", header.node, header.seq)))
    }
}

impl Part {
    /// True where a change is of another part, whether this one is whole or not.
    fn ends_before(&self, header: &Header) -> bool {
        let last = self.headers.last().map(|(last, _)| last);
        last.is_some_and(|last| last.stream() != header.stream() || last.act != header.act || header.index == 0)
    }

    fn push(&mut self, header: Header, hash: Hash, entry: FrameEntry) -> Result<()> {
        self.bytes += entry.size_bytes();
        if self.headers.len() == ACT_MAX_CHANGES || self.bytes > PART_MAX_BYTES {
            return Err(refused(format!("an act of node {} is over the bounds", header.node)));
        }
        self.headers.push((header, hash));
        self.entries.push(entry);
        Ok(())
    }

    fn is_whole(&self) -> bool {
        self.headers.last().is_some_and(|(last, _)| usize::from(last.count) == self.headers.len())
    }
}
