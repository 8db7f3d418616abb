//! Time that steps and randomness that belongs to a seed.

use jay_testkit::{Clock, Random};
use jay_types::Timestamp;
use jay_types::surroundings::Surroundings;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// What a machine has that nothing below the binary takes by itself.
pub(crate) struct Steps {
    pub(crate) clock: Clock,
    random: Mutex<Random>,
}

impl Steps {
    pub(crate) fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self { clock: Clock::new(), random: Mutex::new(Random::new(seed)) })
    }
}

impl Surroundings for Steps {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }
    fn fill_random(&self, bytes: &mut [u8]) {
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
