//! A remote that does nothing more once its process is told to end: a sync stops between two files, as if the place had gone.
//!
//! **Invariant:** until it is told, it is the remote behind it; from then on each call is refused before that one is asked.

use super::{Created, Listing, Moved, Remote, RemoteFile};
use jay_types::{Code, Error, Result};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A remote with a switch.
pub struct Stopping {
    inner: Box<dyn Remote>,
    stop: Arc<AtomicBool>,
}

impl Stopping {
    /// `inner`, until `stop` is true.
    #[must_use]
    pub fn new(inner: Box<dyn Remote>, stop: Arc<AtomicBool>) -> Self {
        Self { inner, stop }
    }

    fn go_on(&self) -> Result<&dyn Remote> {
        if self.stop.load(Ordering::Relaxed) { Err(stopped()) } else { Ok(self.inner.as_ref()) }
    }
}

fn stopped() -> Error {
    Error::new(Code::Busy, "the sync was stopped, since its process is to end")
        .hint("Nothing is lost: the next `jay sync` goes on from here.")
}

/// What is written into as long as the switch is off.
struct Switched<'a> {
    inner: &'a mut dyn Write,
    stop: &'a AtomicBool,
}

impl Write for Switched<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("stopped"));
        }
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl Remote for Stopping {
    fn address(&self) -> &str {
        self.inner.address()
    }

    fn list(&self, prefix: &str) -> Result<Vec<RemoteFile>> {
        self.go_on()?.list(prefix)
    }

    fn list_readable(&self, prefix: &str) -> Result<Listing> {
        self.go_on()?.list_readable(prefix)
    }

    fn read(&self, path: &str, max_bytes: u64) -> Result<Option<Vec<u8>>> {
        self.go_on()?.read(path, max_bytes)
    }

    fn download(&self, path: &str, into: &mut dyn Write, moved: &mut Moved<'_>) -> Result<bool> {
        let mut into = Switched { inner: into, stop: &self.stop };
        let done = self.go_on()?.download(path, &mut into, moved);
        // A large file takes longer than its process may take to end.
        if done.is_err() && self.stop.load(Ordering::Relaxed) { Err(stopped()) } else { done }
    }

    fn create(&self, path: &str, bytes: &[u8]) -> Result<Created> {
        self.go_on()?.create(path, bytes)
    }

    fn upload(&self, path: &str, from: &Path, moved: &mut Moved<'_>) -> Result<Created> {
        self.go_on()?.upload(path, from, moved)
    }

    fn replace(&self, path: &str, bytes: &[u8]) -> Result<()> {
        self.go_on()?.replace(path, bytes)
    }

    fn delete(&self, path: &str) -> Result<()> {
        self.go_on()?.delete(path)
    }

    fn holds_writers_apart(&self) -> Result<bool> {
        self.go_on()?.holds_writers_apart()
    }

    fn sweep(&self, prefix: &str) -> Result<()> {
        self.go_on()?.sweep(prefix)
    }
}
