//! How often the tests that repeat themselves repeat.
//!
//! A usual run is short enough for every change; `scripts/test --long` sets `JAY_TEST_LONG=1` and the same tests
//! run as often as the promises of the project ask for.

/// The numbers of one run of the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    long: bool,
}

impl Counts {
    /// Whether this is the long run.
    #[must_use]
    pub const fn is_long(self) -> bool {
        self.long
    }

    /// How many seeds a test of random histories walks through.
    #[must_use]
    pub const fn seeds(self) -> u64 {
        if self.long { 1_000 } else { 30 }
    }

    /// How many times a writing process is killed.
    #[must_use]
    pub const fn kills(self) -> u32 {
        if self.long { 50 } else { 10 }
    }

    /// For how many seconds each fuzz target runs.
    #[must_use]
    pub const fn fuzz_seconds(self) -> u64 {
        if self.long { 600 } else { 30 }
    }
}

/// The numbers of this run: the long ones where `JAY_TEST_LONG` is `1`.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "a test has no door that could hand the setting in")]
pub fn counts() -> Counts {
    Counts { long: std::env::var_os("JAY_TEST_LONG").is_some_and(|value| value == "1") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_long_run_repeats_more() {
        let (short, long) = (Counts { long: false }, Counts { long: true });
        assert!(short.seeds() < long.seeds() && short.kills() < long.kills());
        assert!(short.fuzz_seconds() < long.fuzz_seconds());
        assert!(long.kills() >= 50, "the project promises at least 50 kills");
    }
}
