//! The floors: what the disk and SQLite ask for the same bytes, with nothing of ours in between.

use anyhow::{Result, ensure};
use jay_testkit::Stopwatch;
use rusqlite::Connection;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

/// Size of the log at which it is moved into the database, as the store does it: after the acknowledgement.
const LOG_BYTES_MAX: u64 = 4 << 20;

/// A file to which rows are appended, each synced.
pub(crate) struct Append(File);

impl Append {
    /// Makes it in `directory`.
    pub(crate) fn new(directory: &Path) -> Result<Self> {
        Ok(Self(File::options().append(true).create(true).open(directory.join("append.bench"))?))
    }

    /// Appends `text` and waits until it is on the disk.
    pub(crate) fn add(&mut self, text: &str) -> Result<Duration> {
        let watch = Stopwatch::start();
        self.0.write_all(text.as_bytes())?;
        self.0.sync_data()?;
        Ok(watch.elapsed())
    }

    /// Syncs a second that one writer gets out of this disk.
    pub(crate) fn syncs_per_second(&mut self, text: &str, time: Duration) -> Result<f64> {
        let watch = Stopwatch::start();
        let mut syncs = 0_u32;
        while watch.elapsed() < time {
            self.add(text)?;
            syncs += 1;
        }
        Ok(f64::from(syncs) / watch.elapsed().as_secs_f64())
    }
}

/// A database of one table of texts, set as durable as the store sets its own.
pub(crate) struct BareSqlite {
    connection: Connection,
    log: std::path::PathBuf,
}

impl BareSqlite {
    /// Makes it in `directory`.
    pub(crate) fn new(directory: &Path) -> Result<Self> {
        let path = directory.join("bare.bench");
        let connection = Connection::open(&path)?;
        let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        ensure!(mode == "wal", "SQLite chose the journal mode {mode}");
        connection.execute_batch(
            "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 1048576;
             CREATE TABLE memories(id INTEGER PRIMARY KEY, text TEXT NOT NULL);",
        )?;
        Ok(Self { connection, log: directory.join("bare.bench-wal") })
    }

    /// Inserts `text` in a transaction of its own; a large log is emptied outside of the time.
    pub(crate) fn add(&self, text: &str) -> Result<Duration> {
        let watch = Stopwatch::start();
        self.connection.prepare_cached("INSERT INTO memories(text) VALUES (?1)")?.execute([text])?;
        let elapsed = watch.elapsed();
        if std::fs::metadata(&self.log)?.len() > LOG_BYTES_MAX {
            self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        }
        Ok(elapsed)
    }
}
