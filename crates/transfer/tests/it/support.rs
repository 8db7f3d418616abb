//! Time that steps and randomness that belongs to a seed.

use jay_testkit::{Clock, Random};
use jay_types::Timestamp;
use jay_types::surroundings::Surroundings;
use std::sync::{Arc, Mutex};

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
