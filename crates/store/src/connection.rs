//! Connections: the settings that make a write durable and a read harmless.

use crate::Result;
use jay_types::change::Journal;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// How long SQLite itself waits: our lock file keeps writers apart, so that this only covers foreign programs.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a database that a connection maps at most.
const MAPPED_BYTES: i64 = 256 * 1024 * 1024;
/// The same for one that writes the archive.
const ARCHIVE_WRITER_MAPPED_BYTES: i64 = 32 * 1024 * 1024;
/// KiB of pages that a connection keeps.
pub(crate) const CACHE_KIB: i64 = 16_000;
/// Prepared statements that a connection keeps.
const STATEMENTS_MAX: usize = 128;

/// Opens for writing, making the file where it is missing.
pub(crate) fn open_writer(path: &Path, journal: Journal) -> Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    settle(&connection)?;
    if journal == Journal::Archive {
        // Who writes an archive goes through all of it once and reads little of it again.
        connection.pragma_update(None, "mmap_size", ARCHIVE_WRITER_MAPPED_BYTES)?;
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // One fsync per commit (I8). On macOS only F_FULLFSYNC reaches the medium.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "fullfsync", true)?;
    // Writers checkpoint after they acknowledged, never inside a commit (I6).
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    // A log that was large once is cut when it starts again; else its size would call for a checkpoint after each act.
    connection.pragma_update(None, "journal_size_limit", 1024 * 1024)?;
    Ok(connection)
}

/// Opens for reading; the file must be there.
pub(crate) fn open_reader(path: &Path) -> Result<Connection> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    settle(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// An empty store in memory, for reads where there is no file.
pub(crate) fn open_in_memory() -> Result<Connection> {
    let connection = Connection::open_in_memory()?;
    settle(&connection)?;
    Ok(connection)
}

fn settle(connection: &Connection) -> Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // Closing must not checkpoint: a reader would write (I6).
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // With STAT4 compiled in, a newly bound value may give another plan, so that SQLite prepares a cached statement again
    // at each use. Nothing here is analysed: one plan per statement is what we want, and it is a third of a write.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "mmap_size", MAPPED_BYTES)?;
    Ok(())
}
