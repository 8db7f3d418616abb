//! Files of this machine in which a checkpoint lies in plain text while it is made or read.
//!
//! They go when they are no longer needed, whatever happens in between; but a process that is killed removes nothing. So what
//! such a one left goes when the next sync begins, and with a purge, which nobody may call done while the words lie there.
//!
//! **Invariant:** what is removed as left over is nobody's: whoever removes it holds the lock under which the one sync of a store runs.

use jay_store::{Attempt, Holder, Store};
use jay_types::id::to_hex;
use jay_types::surroundings::{Surroundings, random};
use jay_types::{Error, Result};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::PathBuf;

/// How their names begin and end.
const BEGINNING: &str = "checkpoint-";
const END: &str = ".tmp";

/// A file that goes when this is dropped.
pub(super) struct Temporary(pub(super) PathBuf);

impl Temporary {
    /// A name in the store's state directory; nothing is there yet.
    pub(super) fn new(store: &Store, surroundings: &dyn Surroundings, what: &str) -> Self {
        let suffix = to_hex(&random::<8>(surroundings));
        Self(store.state_file(&format!("{BEGINNING}{what}-{suffix}{END}")))
    }

    /// Makes the file, for its owner only.
    pub(super) fn create(&self) -> Result<File> {
        let mut options = File::options();
        options.write(true).read(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&self.0).map_err(|error| self.fault(&error))
    }

    pub(super) fn fault(&self, error: &io::Error) -> Error {
        Error::io(format!("cannot write {}", self.0.display()), error)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// The files that lie there: of a sync that runs, or left over by one that was killed.
fn lying_there(store: &Store) -> Result<Vec<PathBuf>> {
    let directory = store.state_file("");
    let told = |error: &io::Error| Error::io(format!("cannot list {}", directory.display()), error);
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(told(&error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| told(&error))?;
        // A journal that the database library makes beside one has a longer name.
        let is_one = entry.file_name().to_str().is_some_and(|name| name.starts_with(BEGINNING) && name.contains(END));
        if is_one {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Removes what syncs that were killed left. The caller holds the lock of syncs.
pub(super) fn remove_left_over(store: &Store) -> Result<()> {
    for path in lying_there(store)? {
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io(format!("cannot remove {}", path.display()), &error)),
        }
    }
    Ok(())
}

/// For a purge: the files that lay there, which are removed unless a sync runs, and else whom they wait for. `archive` is the store in
/// which syncs take the lock of that name.
///
/// # Errors
/// `io` where the directory cannot be read, the lock not be opened or a file not be removed.
pub fn purge(memory: &Store, archive: &Store, lock: &str) -> Result<(Vec<PathBuf>, Option<String>)> {
    let found = lying_there(memory)?;
    if found.is_empty() {
        return Ok((found, None));
    }
    let waiting_for = match archive.exclusive(lock)? {
        Attempt::Taken(_lock) => {
            remove_left_over(memory)?;
            None
        }
        Attempt::Held(Some(Holder { pid, .. })) => Some(format!("the sync of process {pid}")),
        Attempt::Held(None) => Some("another sync, which does not say whose it is".to_owned()),
    };
    Ok((found, waiting_for))
}
