//! Purge: the bytes of an entity go, for ever (J10, J11).
//!
//! The change itself drops bodies, documents and vectors in its transaction. SQLite keeps what is deleted until pages are
//! written anew, and the text index until its segments are, so that a job follows: segments without the documents,
//! vector indexes made anew, VACUUM, truncate the log, remove the old segments.
//!
//! **Invariant:** a place is reported as done only after its bytes are gone.

use crate::open::Store;
use crate::project::Folded;
use crate::tx::Tx;
use crate::{Result, connection, holders};
use jay_types::change::{EntityKind, Journal};
use rusqlite::Connection;
use std::path::Path;

/// What `Store::scrub` did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scrubbed {
    /// True where no byte of a purged text is left in this store's files.
    pub done: bool,
    /// Who keeps the log from being truncated: `process 1234` where the system tells.
    pub waiting_for: Option<String>,
}

/// Drops everything that holds words of the entity; its headers stay.
pub(crate) fn destroy(tx: &Tx<'_>, folded: &Folded, kind: EntityKind, now: i64) -> Result<()> {
    let num = folded.row.num;
    for (pos, _) in &folded.texts {
        if tx.is_indexed(*pos)? {
            tx.unindex(*pos)?;
        }
    }
    if kind == EntityKind::Session {
        destroy_documents(tx, num)?;
    }
    if tx.journal == Journal::Memory {
        tx.execute("DELETE FROM undone WHERE pos IN (SELECT pos FROM changes WHERE entity = ?1)", [num])?;
    }
    tx.drop_vectors(num, None)?;
    let gone = tx.execute("DELETE FROM bodies WHERE pos IN (SELECT pos FROM changes WHERE entity = ?1)", [num])?;
    // Whoever hears of an entity when it is purged already has no byte of it.
    if gone > 0 { tx.queue_job("scrub", 0, now) } else { Ok(()) }
}

fn destroy_documents(tx: &Tx<'_>, num: i64) -> Result<()> {
    let blocks: Vec<i64> = tx.all("SELECT pos FROM blocks WHERE entity = ?1", [num], |row| row.get(0))?;
    for pos in blocks {
        crate::project::session::drop_documents(tx, pos)?;
    }
    Ok(())
}

impl Tx<'_> {
    /// True where a body of the entity is here; of a purged one also what this store wrote for it since is destroyed.
    pub(crate) fn has_bodies(&self, entity: i64) -> Result<bool> {
        let sql = "SELECT 1 FROM changes c JOIN bodies b ON b.pos = c.pos WHERE c.entity = ?1 LIMIT 1";
        Ok(self.one(sql, [entity], |_| Ok(()))?.is_some())
    }
}

impl Store {
    /// Rewrites this store's files without what was deleted: the job that ends a purge.
    ///
    /// # Errors
    /// `busy` where writers do not let go; `io` where there is no room for a second copy of the file.
    pub fn scrub(&self) -> Result<Scrubbed> {
        if !self.exists() {
            return Ok(Scrubbed { done: true, waiting_for: None });
        }
        self.close_readers();
        self.ready()?;
        let _lock = self.lock_index()?;
        self.group.exclusively(
            || self.open_writer(),
            &self.ready()?,
            |connection| {
                let tx = self.tx(connection);
                self.scrub_index(&tx)?;
                tx.remake_indexes(self.options.surroundings.now())?;
                connection.execute_batch("VACUUM")?;
                let scrubbed = truncate(connection, &self.shm_file())?;
                self.clean_index(&tx)?;
                Ok(scrubbed)
            },
        )
    }
}

fn truncate(connection: &Connection, shm: &Path) -> rusqlite::Result<Scrubbed> {
    connection.busy_timeout(std::time::Duration::from_secs(2))?;
    let blocked: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    connection.busy_timeout(connection::BUSY_TIMEOUT)?;
    let waiting_for = (blocked != 0).then(|| holders::who_holds(shm));
    Ok(Scrubbed { done: blocked == 0, waiting_for })
}
