//! The lock under which writers of all processes queue (I8).
//!
//! A kernel lock on a file: it is released when its holder dies, the file is never removed. SQLite's own lock answers
//! "busy" at once or polls; this one queues, so that twenty processes wait their turn instead of failing.

use jay_types::{Code, Error};
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

/// How long a writer waits for the others before it says `busy`.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(30);

/// The right to write; given back when dropped.
#[derive(Debug)]
pub(crate) struct WriteLock {
    file: File,
}

impl Drop for WriteLock {
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

/// Waits for the lock at `path`, at most [`WAIT_MAX`].
///
/// # Errors
/// `busy` after that; `io` where the file cannot be opened.
pub(crate) fn acquire(path: &Path) -> Result<WriteLock, Error> {
    let file = open(path)?;
    match file.try_lock() {
        Ok(()) => return Ok(WriteLock { file }),
        // A file system without locks: SQLite's own lock still keeps writers apart.
        Err(TryLockError::Error(_)) => return Ok(WriteLock { file }),
        Err(TryLockError::WouldBlock) => {}
    }
    // Only a blocking lock queues fairly, and only a thread of its own can be left waiting when time is up.
    let (sender, receiver) = mpsc::sync_channel(0);
    let waiter = std::thread::Builder::new().name("jay-write-lock".to_owned()).spawn(move || {
        let locked = file.lock().map(|()| WriteLock { file });
        // Where nobody waits any more, the send fails and the lock is given back here.
        let _ = sender.send(locked);
    });
    if let Err(error) = waiter {
        return Err(Error::io("cannot wait for the write lock", &error));
    }
    match receiver.recv_timeout(WAIT_MAX) {
        Ok(Ok(lock)) => Ok(lock),
        Ok(Err(error)) => Err(Error::io("cannot take the write lock", &error)),
        Err(_) => Err(Error::new(
            Code::Busy,
            format!("another process has been writing to this store for {} seconds", WAIT_MAX.as_secs()),
        )
        .hint("Try again when it is done; `jay status` says how the store is meanwhile.")),
    }
}

/// The lock at `path` where nobody holds it.
///
/// # Errors
/// `io` where the file cannot be opened.
pub(crate) fn try_acquire(path: &Path) -> Result<Option<WriteLock>, Error> {
    let file = open(path)?;
    match file.try_lock() {
        Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(WriteLock { file })),
        Err(TryLockError::WouldBlock) => Ok(None),
    }
}

fn open(path: &Path) -> Result<File, Error> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true).read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| Error::io(format!("cannot open the lock {}", path.display()), &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_passes_on() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("lock");
        let first = acquire(&path).expect("free");
        let (sender, receiver) = mpsc::channel();
        let other = path.clone();
        let thread = std::thread::Builder::new().spawn(move || {
            let second = acquire(&other);
            sender.send(()).expect("listened to");
            second
        });
        assert!(receiver.recv_timeout(Duration::from_millis(50)).is_err(), "it waits");
        assert!(try_acquire(&path).expect("opened").is_none(), "nor does who does not wait get it");
        drop(first);
        assert!(receiver.recv_timeout(Duration::from_secs(5)).is_ok());
        assert!(thread.expect("started").join().expect("no panic").is_ok());
    }
}
