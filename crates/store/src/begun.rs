//! Whether a journal that is not there was there once: a file that is gone must not read as an empty one.
//!
//! The record is `state/memory.begun` or `state/archive.begun`, written once, by the first write of a process that finds
//! none, after the database is made. `node.json` cannot tell: both journals share the node, and whoever has only archived
//! sessions has a node and no memory. Lock files cannot either: they are made before the database is. A file without
//! bytes counts as missing, for a database that was made has its first page in its file, also while the rest of it is in
//! the log; and SQLite throws the log of an empty file away, which may be all that is left.
//!
//! **Invariant:** where a journal is missing, nothing is written in its place: putting the file back loses nothing.

use crate::Result;
use crate::identity::write_secret;
use crate::open::Store;
use jay_types::change::Journal;
use jay_types::surroundings::random;
use jay_types::{Code, Error};
use std::fs;
use std::path::PathBuf;

/// The name of a journal's file.
pub(crate) const fn file_name(journal: Journal) -> &'static str {
    match journal {
        Journal::Memory => "memory.db",
        Journal::Archive => "archive.db",
    }
}

impl Store {
    /// Why this journal cannot be read or written: its file was here once and is gone or empty. None where it is here, or
    /// never was.
    #[must_use]
    pub fn missing(&self) -> Option<Error> {
        let begun = self.begun_file();
        // Before the file is looked at: another process may be making it, and remembers that only when the file has bytes.
        if !begun.exists() {
            return None;
        }
        let state = match fs::metadata(self.file()) {
            Ok(metadata) if metadata.len() > 0 => return None,
            Ok(_) => "is empty",
            Err(_) => "is missing",
        };
        let name = file_name(self.journal);
        let what = match self.journal {
            Journal::Memory => "memory",
            Journal::Archive => "archive",
        };
        let message = format!("{name} {state}, and this data directory has had one: {}", self.directory().display());
        let hint = format!(
            "Put {name} and {name}-wal back from a copy. To begin an empty {what} instead, remove {}.",
            begun.display()
        );
        Some(Error::new(Code::Damaged, message).hint(hint))
    }

    /// Refuses where the file is missing.
    pub(crate) fn demand_file(&self) -> Result<()> {
        self.missing().map_or(Ok(()), |error| Err(error.into()))
    }

    /// Remembers that the database was made.
    pub(crate) fn note_begun(&self) -> Result<()> {
        let begun = self.begun_file();
        if begun.exists() {
            return Ok(());
        }
        let surroundings = self.options.surroundings.as_ref();
        let suffix = jay_types::id::to_hex(&random::<8>(surroundings));
        Ok(write_secret(&begun, &suffix, format!("{}\n", surroundings.now().rfc3339()).as_bytes())?)
    }

    fn begun_file(&self) -> PathBuf {
        let name = match self.journal {
            Journal::Memory => "memory.begun",
            Journal::Archive => "archive.begun",
        };
        self.directory().join("state").join(name)
    }
}
