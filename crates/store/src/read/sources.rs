//! Sources of the archive: how far each file of a client was read here, and the rows as they stood in it.
//!
//! **Invariant:** how far a source was read is committed with the rows that were read.

use crate::Result;
use crate::tx::Tx;
use jay_types::change::block::Block;
use jay_types::{Dot, EntityId, Hash, NamespaceId};
use rusqlite::params;
use std::collections::{BTreeMap, HashMap};

/// How far a source on this machine was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRow {
    /// Counts the times that the client rewrote it.
    pub revision: u32,
    /// The adapter's own record.
    pub cursor: String,
}

/// A source with how far it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceCursor {
    /// The client.
    pub client: String,
    /// The file.
    pub path: String,
    /// Counts the times that the client rewrote it.
    pub revision: u32,
    /// The adapter's own record.
    pub cursor: String,
}

/// A block whose rows may be read once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptBlock {
    /// The file.
    pub path: String,
    /// The revision of the file.
    pub revision: u32,
    /// The number of its first row.
    pub first_row: u64,
    /// Its place in the journal.
    pub pos: i64,
    /// Its name in the journal.
    pub dot: Dot,
    /// The session.
    pub session: EntityId,
    /// The client's own id of the session.
    pub session_id: String,
    /// The namespace of the session.
    pub namespace: NamespaceId,
    /// The version of the adapter whose reading of it is shown.
    pub adapter: u32,
}

/// Where a block is, and of which run of rows it is a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockPlace {
    /// Its place in the journal.
    pub pos: i64,
    /// Number of its session.
    pub session: i64,
    /// The machine on which its rows were read.
    pub host: String,
    /// The revision of the file.
    pub revision: u32,
}

/// Blocks of files; what agents hand over themselves stands in rows of our own making.
const FROM_FILES: &str = "FROM blocks b JOIN sessions s ON s.entity = b.entity JOIN entities e ON e.num = b.entity
       JOIN namespaces n ON n.num = s.namespace JOIN changes c ON c.pos = b.pos
     WHERE b.host = ?1 AND b.path NOT LIKE 'append:%'";

impl Tx<'_> {
    /// How far a source was read.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn source(&self, client: &str, path: &str) -> Result<Option<SourceRow>> {
        self.one("SELECT revision, cursor FROM sources WHERE client = ?1 AND path = ?2", [client, path], |row| {
            Ok(SourceRow { revision: row.get(0)?, cursor: row.get(1)? })
        })
    }

    /// The files from which a session was taken in on a machine.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn source_paths(&self, client: &str, session: &str, host: &str) -> Result<Vec<String>> {
        let sql = "SELECT DISTINCT b.path FROM sessions s JOIN blocks b ON b.entity = s.entity
                   WHERE s.client = ?1 AND s.session = ?2 AND b.host = ?3";
        self.all(sql, [client, session, host], |row| row.get(0))
    }

    /// Every source of this machine.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn source_cursors(&self) -> Result<Vec<SourceCursor>> {
        self.all("SELECT client, path, revision, cursor FROM sources ORDER BY client, path", [], |row| {
            Ok(SourceCursor { client: row.get(0)?, path: row.get(1)?, revision: row.get(2)?, cursor: row.get(3)? })
        })
    }

    /// Every block by the path of its file. Blocks of one session, machine and revision stand together, in the order of
    /// their rows.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn blocks_by_path(&self) -> Result<BTreeMap<String, Vec<BlockPlace>>> {
        let mut by_path: BTreeMap<String, Vec<BlockPlace>> = BTreeMap::new();
        let sql = "SELECT path, pos, entity, host, revision FROM blocks WHERE reads IS NULL ORDER BY path, entity, host, revision, first_row, pos";
        let _: Vec<()> = self.all(sql, [], |row| {
            let place = BlockPlace { pos: row.get(1)?, session: row.get(2)?, host: row.get(3)?, revision: row.get(4)? };
            by_path.entry(row.get(0)?).or_default().push(place);
            Ok(())
        })?;
        Ok(by_path)
    }

    /// The clients of which there are sessions taken in on a machine, with the earliest version of an adapter whose reading is
    /// shown.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn adapters_shown(&self, host: &str) -> Result<Vec<(String, u32)>> {
        let sql = format!("SELECT s.client, min(b.adapter) {FROM_FILES} AND b.shown = 1 GROUP BY s.client");
        self.all(&sql, [host], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// The blocks of a client's files that were taken in on a machine, in the order of their rows.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn kept_blocks(&self, host: &str, client: &str) -> Result<Vec<KeptBlock>> {
        let sql = format!("SELECT b.rows_pos, b.adapter {FROM_FILES} AND b.shown = 1 AND s.client = ?2");
        let shown = self.all(&sql, [host, client], |row| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, u32>(1)?)))?;
        let shown: HashMap<i64, u32> = shown.into_iter().filter_map(|(pos, adapter)| Some((pos?, adapter))).collect();
        let sql = format!(
            "SELECT b.path, b.revision, b.first_row, b.pos, c.hash, e.id, n.id, b.adapter, s.session {FROM_FILES}
               AND b.reads IS NULL AND s.client = ?2 ORDER BY b.path, b.revision, b.first_row, b.pos"
        );
        self.all(&sql, [host, client], |row| {
            let (pos, own) = (row.get(3)?, row.get(7)?);
            Ok(KeptBlock {
                path: row.get(0)?,
                revision: row.get(1)?,
                first_row: row.get::<_, i64>(2)?.cast_unsigned(),
                pos,
                dot: Hash(row.get(4)?).dot(),
                session: EntityId(row.get(5)?),
                session_id: row.get(8)?,
                namespace: NamespaceId(row.get(6)?),
                adapter: shown.get(&pos).copied().unwrap_or(own),
            })
        })
    }

    /// A block; none where its body was purged.
    ///
    /// # Errors
    /// What SQLite says; `damaged` where it cannot be read.
    pub fn block(&self, pos: i64) -> Result<Option<Block>> {
        let Some(json) = self.body_json(pos)? else { return Ok(None) };
        let damaged = |reason| crate::error::damaged(format!("block {pos}: {reason}"));
        Ok(Some(Block::from_json(&json).map_err(damaged)?))
    }

    /// The source rows of a session, in order: what its files held, byte for byte.
    ///
    /// # Errors
    /// What SQLite says; `damaged` where a block cannot be read.
    pub fn source_rows(&self, session: i64, visit: &mut dyn FnMut(&Block)) -> Result<()> {
        let blocks: Vec<i64> = self.all(
            "SELECT pos FROM blocks WHERE entity = ?1 AND reads IS NULL ORDER BY path, host, revision, first_row",
            [session],
            |row| row.get(0),
        )?;
        for pos in blocks {
            if let Some(block) = self.block(pos)? {
                visit(&block);
            }
        }
        Ok(())
    }
}

impl crate::write::WriteTx<'_> {
    /// Notes how far a source was read, with the act that brought its rows.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn note_source(&self, client: &str, path: &str, revision: u32, cursor: &str) -> Result<()> {
        self.execute(
            "INSERT OR REPLACE INTO sources(client, path, revision, cursor, at) VALUES(?1, ?2, ?3, ?4, ?5)",
            params![client, path, revision, cursor, self.now.0],
        )?;
        Ok(())
    }
}
