//! Time that steps and randomness that belongs to a seed.

use jay_testkit::{Clock, Random};
use jay_types::Timestamp;
use jay_types::surroundings::Surroundings;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// What a machine has that nothing below the binary takes by itself.
pub(crate) struct Steps {
    pub(crate) clock: Clock,
    random: Mutex<Random>,
    /// After how many questions the process dies; 0 for never.
    pub(crate) fuse: AtomicUsize,
}

/// What a process dies of in these tests.
pub(crate) struct Death;

/// Counts down; at the end of it the process dies.
pub(crate) fn burn(fuse: &AtomicUsize) {
    let left = fuse.load(Ordering::Relaxed);
    fuse.store(left.saturating_sub(1), Ordering::Relaxed);
    if left == 1 {
        resume_unwind(Box::new(Death));
    }
}

impl Steps {
    pub(crate) fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self { clock: Clock::new(), random: Mutex::new(Random::new(seed)), fuse: AtomicUsize::new(0) })
    }
}

impl Surroundings for Steps {
    fn now(&self) -> Timestamp {
        burn(&self.fuse);
        self.clock.now()
    }
    fn fill_random(&self, bytes: &mut [u8]) {
        burn(&self.fuse);
        self.random.lock().unwrap().fill(bytes);
    }
}

/// A directory for what is written often and kept for a moment: in memory where the machine has such a place, for each act of a
/// store waits for its disk.
pub(crate) fn quick_directory(prefix: &str) -> TempDir {
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix(prefix);
    let in_memory = Path::new("/dev/shm");
    if in_memory.is_dir() { builder.tempdir_in(in_memory).or_else(|_| builder.tempdir()) } else { builder.tempdir() }
        .unwrap()
}
