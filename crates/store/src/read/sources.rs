//! Sources of the archive: how far each file of a client was read here, and the rows as they stood in it.
//!
//! **Invariant:** how far a source was read is committed with the rows that were read.

use crate::Result;
use crate::tx::Tx;
use jay_types::change::block::Block;
use rusqlite::params;
use std::collections::BTreeMap;

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
        let sql = "SELECT path, pos, entity, host, revision FROM blocks ORDER BY path, entity, host, revision, first_row, pos";
        let _: Vec<()> = self.all(sql, [], |row| {
            let place = BlockPlace { pos: row.get(1)?, session: row.get(2)?, host: row.get(3)?, revision: row.get(4)? };
            by_path.entry(row.get(0)?).or_default().push(place);
            Ok(())
        })?;
        Ok(by_path)
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
            "SELECT pos FROM blocks WHERE entity = ?1 ORDER BY path, host, revision, first_row",
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
