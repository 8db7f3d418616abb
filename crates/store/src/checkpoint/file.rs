//! The file of a checkpoint: made new, opened with distrust.
//!
//! **Invariant:** a file bears the mark of a checkpoint only when all of it is written.

use super::{of_checkpoint, refused};
use crate::{Result, connection};
use jay_types::bounds::ACT_MAX_BYTES;
use jay_types::change::Journal;
use jay_types::{Code, Error};
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::path::{Path, PathBuf};

/// The format that this program writes, and the only one that there is.
const FORMAT: u32 = 1;
const TABLES: &str = include_str!("../../migrations/checkpoint-0001.sql");

/// Marks a file as a checkpoint: "JACM" and "JACA".
const fn application_id(journal: Journal) -> i32 {
    match journal {
        Journal::Memory => 0x4A41_434D,
        Journal::Archive => 0x4A41_4341,
    }
}

/// A checkpoint that is being written; removed where it does not come to its end.
pub(super) struct Unfinished {
    path: PathBuf,
    pub(super) connection: Connection,
    is_finished: bool,
}

impl Unfinished {
    /// Makes the file, which must not be there, for its owner only.
    pub(super) fn make(path: &Path) -> Result<Self> {
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options
            .open(path)
            .map_err(|error| Error::io(format!("cannot make the checkpoint {}", path.display()), &error))?;
        let opened =
            Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX);
        let connection = opened.inspect_err(|_| drop(std::fs::remove_file(path)))?;
        let made = Self { path: path.to_owned(), connection, is_finished: false };
        // Nobody reads it before it is finished, and it is synced then.
        made.connection.pragma_update(None, "journal_mode", "OFF")?;
        made.connection.pragma_update(None, "synchronous", "OFF")?;
        made.connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        made.connection.execute_batch(TABLES)?;
        made.connection.execute_batch("BEGIN")?;
        Ok(made)
    }

    /// Marks the file as a checkpoint and returns its bytes once they are durable.
    pub(super) fn finish(mut self, journal: Journal) -> Result<u64> {
        self.connection.flush_prepared_statement_cache();
        self.connection.execute_batch("COMMIT")?;
        self.connection.pragma_update(None, "user_version", FORMAT)?;
        self.connection.pragma_update(None, "application_id", application_id(journal))?;
        let failed = |error: std::io::Error| Error::io("cannot write the checkpoint", &error);
        let file = File::open(&self.path).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        crate::identity::sync_directory(&self.path).map_err(failed)?;
        self.is_finished = true;
        Ok(file.metadata().map_err(failed)?.len())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_finished {
            // It is this program's own, made a moment ago; a rest of it bears no mark.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Opens a checkpoint of a journal. The file is not believed: it may hold no views, triggers or tables but those of the format.
pub(super) fn open(path: &Path, journal: Journal) -> Result<Connection> {
    File::open(path).map_err(|error| Error::io(format!("cannot open the checkpoint {}", path.display()), &error))?;
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    distrust(&connection).map_err(of_checkpoint)?;
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0)).map_err(of_checkpoint);
    let (id, format) = (number("application_id")?, number("user_version")?);
    if id != application_id(journal) {
        let is_other =
            id == application_id(if journal == Journal::Memory { Journal::Archive } else { Journal::Memory });
        return Err(refused(if is_other { "it is one of the other journal" } else { "it is no checkpoint" }));
    }
    if format > FORMAT as i32 {
        let what = format!("the checkpoint has format {format}, this jay knows formats up to {FORMAT}");
        return Err(Error::new(Code::StoreTooNew, what).hint("Use a newer jay; nothing was changed.").into());
    }
    let is_whole = format == FORMAT as i32 && tables_of(&connection).map_err(of_checkpoint)? == tables()?;
    if is_whole { Ok(connection) } else { Err(refused("its tables are not those of a checkpoint")) }
}

/// The settings that SQLite advises for a file that somebody else made.
fn distrust(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(connection::BUSY_TIMEOUT)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // A row holds one body, and an act's bodies are bounded.
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, ACT_MAX_BYTES as i32 + 4096)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "mmap_size", 0)
}

fn tables_of(connection: &Connection) -> rusqlite::Result<Vec<(String, Option<String>)>> {
    let mut statement = connection.prepare("SELECT type || ' ' || name, sql FROM sqlite_master ORDER BY 1, 2")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

fn tables() -> Result<Vec<(String, Option<String>)>> {
    let connection = connection::open_in_memory()?;
    connection.execute_batch(TABLES)?;
    Ok(tables_of(&connection)?)
}
