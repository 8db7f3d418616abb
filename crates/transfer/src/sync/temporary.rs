//! Files of this machine in which a checkpoint lies in plain text while it is made or read, and those in which small files of the
//! state directory, such as the one of the keys, are written before they get their names.
//!
//! They go when they are no longer needed, whatever happens in between; but a process that is killed removes nothing. So what
//! such a one left goes when the next sync begins, and with a purge, which nobody may call done while the words lie there.
//!
//! **Invariant:** what is removed as left over is nobody's: whoever removes it holds the lock under which the one sync of a store runs;
//! of files that are written without that lock only those go that nobody has written to for an hour.

use jay_store::{Attempt, Holder, Store};
use jay_types::id::to_hex;
use jay_types::surroundings::{Surroundings, random};
use jay_types::time::MINUTE;
use jay_types::{Error, Result, Timestamp};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

/// How their names begin and end.
const BEGINNING: &str = "checkpoint-";
const END: &str = ".tmp";
/// After how long nobody is writing a small file any longer.
const UNFINISHED_FOR: i64 = 60 * MINUTE;

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

/// The files of the state directory with such a name.
fn named(store: &Store, is_meant: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>> {
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
        if entry.file_name().to_str().is_some_and(&is_meant) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// The checkpoints that lie there: of a sync that runs, or left over by one that was killed.
fn lying_there(store: &Store) -> Result<Vec<PathBuf>> {
    // A journal that the database library makes beside one has a longer name.
    named(store, |name| name.starts_with(BEGINNING) && name.contains(END))
}

/// Removes what syncs that were killed left. The caller holds the lock of syncs.
pub(super) fn remove_left_over(store: &Store) -> Result<()> {
    lying_there(store)?.iter().try_for_each(remove)
}

/// Removes what processes left that were killed while they wrote a small file: the keys of a vault may be in it.
pub(super) fn remove_unfinished(store: &Store, now: Timestamp) -> Result<()> {
    for path in named(store, is_unfinished)? {
        let written = fs::metadata(&path).and_then(|found| found.modified()).ok();
        let age = written
            .and_then(|at| at.duration_since(UNIX_EPOCH).ok())
            .map(|at| i128::from(now.0) - i128::try_from(at.as_micros()).unwrap_or(i128::MAX));
        if age.is_some_and(|age| age > i128::from(UNFINISHED_FOR)) {
            remove(&path)?;
        }
    }
    Ok(())
}

/// True for the name that [`Store::put_state`] writes beside: that of the file, 16 characters, and an end.
fn is_unfinished(name: &str) -> bool {
    let suffix = name.strip_suffix(END).and_then(|stem| stem.rsplit_once('.')).map(|(_, suffix)| suffix);
    suffix.is_some_and(|suffix| suffix.len() == 16 && suffix.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn remove(path: &PathBuf) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(Error::io(format!("cannot remove {}", path.display()), &error))
        }
        _ => Ok(()),
    }
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
