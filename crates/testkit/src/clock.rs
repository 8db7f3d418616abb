//! A clock for tests: time passes when the test says so.
//!
//! **Invariant:** two runs of a test read the same times.

use jay_types::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};

/// Where a [`Clock::new`] starts: 2026-05-01T10:00:00Z, in microseconds.
const START: i64 = 1_777_629_600_000_000;

/// A clock that stands still until it is stepped; threads can share it.
#[derive(Debug)]
pub struct Clock(AtomicI64);

impl Clock {
    /// A clock that shows 2026-05-01T10:00:00Z.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicI64::new(START))
    }

    /// A clock that shows `text` (RFC 3339 or a date).
    ///
    /// # Panics
    /// Where `text` is not a time: the test is wrong.
    #[must_use]
    pub fn at(text: &str) -> Self {
        let at = Timestamp::parse(text).expect("the test names a valid time");
        Self(AtomicI64::new(at.0))
    }

    /// What the clock shows.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }

    /// Moves the clock by `microseconds` (back where negative) and returns what it shows then.
    pub fn advance(&self, microseconds: i64) -> Timestamp {
        Timestamp(self.0.fetch_add(microseconds, Ordering::SeqCst) + microseconds)
    }

    /// Moves the clock by one second and returns what it shows then: a different time for each call.
    pub fn tick(&self) -> Timestamp {
        self.advance(jay_types::time::SECOND)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_only_when_stepped() {
        let clock = Clock::new();
        assert_eq!(clock.now().rfc3339(), "2026-05-01T10:00:00Z");
        assert_eq!(clock.now(), clock.now());
        assert_eq!(clock.tick().rfc3339(), "2026-05-01T10:00:01Z");
        assert_eq!(clock.advance(-2 * jay_types::time::SECOND).rfc3339(), "2026-05-01T09:59:59Z");
        assert_eq!(Clock::at("2026-01-02").now().date(), "2026-01-02");
    }
}
