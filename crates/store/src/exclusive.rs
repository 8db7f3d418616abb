//! One run at a time of what takes long, such as a sync: a kernel lock whose holder can be read by who waits.
//!
//! Unlike the write lock ([`crate::lock`]) it is held for minutes, so that who finds it taken wants to know by whom.
//!
//! **Invariant:** the kernel releases the lock when its holder dies, whatever the file says; the file is never removed, and a
//! child process does not inherit it (files are opened close-on-exec). What is told of a holder is for people: nothing is
//! decided by it.

use crate::Result;
use crate::identity::write_secret;
use crate::open::Store;
use jay_types::{Error, Timestamp};
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// Who holds a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// Since when.
    pub started_at: Timestamp,
}

/// The right to run alone; given back when dropped.
#[derive(Debug)]
pub struct Exclusive {
    file: File,
    #[cfg(not(unix))]
    path: PathBuf,
    /// False where the file system has no locks: then nobody is kept out.
    is_locked: bool,
}

impl Exclusive {
    /// False where the file system has no locks, so that others may run beside.
    #[must_use]
    pub const fn is_locked(&self) -> bool {
        self.is_locked
    }
}

impl Drop for Exclusive {
    fn drop(&mut self) {
        if self.is_locked {
            // Who comes next is not to be told of us before it says its own name.
            let _ = untell(self);
            let _ = self.file.unlock();
        }
    }
}

/// What an attempt to take the lock came to.
#[derive(Debug)]
pub enum Attempt {
    /// It is ours.
    Taken(Exclusive),
    /// Somebody has it; none where it cannot be read who.
    Held(Option<Holder>),
}

impl Store {
    /// Takes the lock `<name>.lock` in this store's state directory where nobody holds it. Another store has another one.
    ///
    /// # Errors
    /// `io` where the file cannot be opened or written.
    pub fn exclusive(&self, name: &str) -> Result<Attempt> {
        self.ready()?;
        let holder = Holder { pid: std::process::id(), started_at: self.options.surroundings.now() };
        Ok(take(&self.state_file(&format!("{name}.lock")), holder, File::try_lock)?)
    }

    /// Replaces a small file in this store's state directory: written beside, synced, renamed.
    ///
    /// # Errors
    /// `io`; then the old one is there.
    pub fn put_state(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.ready()?;
        let suffix = jay_types::id::to_hex(&jay_types::surroundings::random::<8>(self.options.surroundings.as_ref()));
        Ok(write_secret(&self.state_file(name), &suffix, bytes)?)
    }

    /// A file of this store's state directory; none where it was never written.
    ///
    /// # Errors
    /// `io` where it cannot be read.
    pub fn state(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.state_file(name);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io(format!("cannot read {}", path.display()), &error).into()),
        }
    }

    /// Where a file of this store's state directory is, or would be.
    #[must_use]
    pub fn state_file(&self, name: &str) -> PathBuf {
        self.directory().join("state").join(name)
    }
}

fn take(
    path: &Path,
    holder: Holder,
    try_lock: impl Fn(&File) -> std::result::Result<(), TryLockError>,
) -> std::result::Result<Attempt, Error> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true).read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let told = |error: std::io::Error| Error::io(format!("cannot open the lock {}", path.display()), &error);
    let file = options.open(path).map_err(told)?;
    let is_locked = match try_lock(&file) {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => return Ok(Attempt::Held(told_holder(path))),
        Err(TryLockError::Error(_)) => false,
    };
    let lock = Exclusive {
        file,
        #[cfg(not(unix))]
        path: path.to_owned(),
        is_locked,
    };
    tell(&lock, holder).map_err(told)?;
    Ok(Attempt::Taken(lock))
}

/// Says in the lock file itself who holds it: one write at its beginning, so that a reader sees all of it or an old one.
#[cfg(unix)]
fn tell(lock: &Exclusive, holder: Holder) -> std::io::Result<()> {
    let mut text = serde_json::to_vec(&holder)?;
    text.push(b'\n');
    std::os::unix::fs::FileExt::write_all_at(&lock.file, &text, 0)?;
    lock.file.set_len(text.len() as u64)
}

/// Says it in a file beside: here a locked file cannot be read by others.
#[cfg(not(unix))]
fn tell(lock: &Exclusive, holder: Holder) -> std::io::Result<()> {
    let suffix = holder.pid.to_string();
    write_secret(&sidecar(&lock.path), &suffix, &serde_json::to_vec(&holder)?).map_err(std::io::Error::other)
}

#[cfg(unix)]
fn untell(lock: &Exclusive) -> std::io::Result<()> {
    lock.file.set_len(0)
}

#[cfg(not(unix))]
fn untell(lock: &Exclusive) -> std::io::Result<()> {
    std::fs::remove_file(sidecar(&lock.path))
}

#[cfg(unix)]
fn told_holder(path: &Path) -> Option<Holder> {
    read_holder(path)
}

#[cfg(not(unix))]
fn told_holder(path: &Path) -> Option<Holder> {
    read_holder(&sidecar(path))
}

#[cfg(not(unix))]
fn sidecar(path: &Path) -> PathBuf {
    path.with_extension("holder.json")
}

/// What stands at the beginning of the file: of a shorter text over a longer one the rest is not cut off yet.
fn read_holder(path: &Path) -> Option<Holder> {
    let text = std::fs::read(path).ok()?;
    serde_json::Deserializer::from_slice(&text).into_iter::<Holder>().next()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Holder = Holder { pid: 4711, started_at: Timestamp(1_700_000_000_000_000) };

    fn place() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sync-archive.lock");
        (directory, path)
    }

    #[test]
    fn who_comes_second_reads_who_holds_it() {
        let (_directory, path) = place();
        let first = take(&path, OURS, File::try_lock).unwrap();
        assert!(matches!(&first, Attempt::Taken(lock) if lock.is_locked()));
        let other = Holder { pid: 1, started_at: Timestamp(0) };
        assert!(matches!(take(&path, other, File::try_lock).unwrap(), Attempt::Held(Some(OURS))));
        drop(first);
        assert!(path.exists(), "the file stays");
        assert_eq!(told_holder(&path), None, "and no longer tells of who is gone");
        let Attempt::Taken(_lock) = take(&path, other, File::try_lock).unwrap() else { panic!("it is free") };
        let Attempt::Held(Some(holder)) = take(&path, OURS, File::try_lock).unwrap() else { panic!("it is held") };
        assert_eq!(holder, other, "a shorter text over a longer one");
    }

    #[test]
    fn another_file_is_another_lock() {
        let (directory, path) = place();
        let _first = take(&path, OURS, File::try_lock).unwrap();
        let other = take(&directory.path().join("sync-memory.lock"), OURS, File::try_lock).unwrap();
        assert!(matches!(other, Attempt::Taken(_)));
    }

    #[test]
    fn a_file_system_without_locks_keeps_nobody_out() {
        let (_directory, path) = place();
        let none = |_: &File| Err(TryLockError::Error(std::io::ErrorKind::Unsupported.into()));
        for _ in 0..2 {
            assert!(matches!(take(&path, OURS, none).unwrap(), Attempt::Taken(lock) if !lock.is_locked()));
        }
    }

    #[test]
    fn a_holder_that_cannot_be_read_is_held_all_the_same() {
        let (_directory, path) = place();
        let lock = take(&path, OURS, File::try_lock).unwrap();
        for text in ["", "{", "{\"pid\":-1}", "no"] {
            jay_testkit::write(&path, text);
            assert!(matches!(take(&path, OURS, File::try_lock).unwrap(), Attempt::Held(None)), "{text}");
        }
        drop(lock);
    }
}
