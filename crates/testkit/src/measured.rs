//! What a benchmark has found out, on its way from the program that measures to the one that makes the table.
//!
//! A target is judged where the figures are, beside those that it is a ratio to: only within one run do two figures
//! compare.
//!
//! **Invariant:** one line of JSON per result, so that what was measured before a failure is not lost.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A result of one benchmark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measured {
    /// The same thing was done many times.
    Times(Times),
    /// A rate, a size, a count.
    Figure(Figure),
}

/// How long each repetition took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// What was done.
    pub name: String,
    /// How long, each time.
    pub nanoseconds: Vec<u64>,
    /// What was promised of it.
    pub target: Option<Target>,
}

/// One figure with its unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figure {
    /// What was counted.
    pub name: String,
    /// The figure, for people.
    pub value: String,
    /// What was promised of it.
    pub target: Option<Target>,
}

/// What was promised, and whether it holds in this run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The promise with the figures that it is judged by.
    pub text: String,
    /// Whether it holds.
    pub is_kept: bool,
}

impl Measured {
    /// Times of a benchmark.
    #[must_use]
    pub fn times(name: impl Into<String>, times: &[Duration], target: Option<Target>) -> Self {
        let nanoseconds = times.iter().map(|time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)).collect();
        Self::Times(Times { name: name.into(), nanoseconds, target })
    }

    /// A figure of a benchmark.
    #[must_use]
    pub fn figure(name: impl Into<String>, value: impl Into<String>, target: Option<Target>) -> Self {
        Self::Figure(Figure { name: name.into(), value: value.into(), target })
    }

    /// The line in which it travels.
    ///
    /// # Panics
    /// Never: there is nothing in it that JSON cannot hold.
    #[must_use]
    pub fn line(&self) -> String {
        serde_json::to_string(self).expect("strings, numbers and booleans")
    }

    /// Reads a line; none where it is something else.
    #[must_use]
    pub fn of_line(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }
}

impl Target {
    /// A promise that holds or does not.
    #[must_use]
    pub fn new(text: impl Into<String>, is_kept: bool) -> Self {
        Self { text: text.into(), is_kept }
    }

    /// The promise with its verdict.
    #[must_use]
    pub fn verdict(&self) -> String {
        format!("{}: {}", self.text, if self.is_kept { "kept" } else { "NOT kept" })
    }
}

/// The value below which `percent` of the values lie (nearest rank); none where there are no values.
#[must_use]
pub fn percentile<T: Copy + Ord>(values: &[T], percent: usize) -> Option<T> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent.min(100)).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// A time in the unit in which people read it.
#[must_use]
pub fn show(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        _ if seconds >= 10.0 => format!("{seconds:.1} s"),
        _ if seconds >= 1.0 => format!("{seconds:.2} s"),
        _ if seconds >= 0.01 => format!("{:.1} ms", seconds * 1e3),
        _ if seconds >= 0.000_1 => format!("{:.2} ms", seconds * 1e3),
        _ => format!("{:.1} µs", seconds * 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_survives_its_line_and_other_lines_are_none() {
        let target = Some(Target::new("≤ 2 ms", false));
        let results = [
            Measured::times("a", &[Duration::from_micros(3)], target.clone()),
            Measured::figure("b", "12 MB/s", target),
        ];
        for result in results {
            assert_eq!(Measured::of_line(&result.line()), Some(result));
        }
        for line in ["", "noise", "{}", "{\"times\":{}}"] {
            assert_eq!(Measured::of_line(line), None, "{line}");
        }
    }

    #[test]
    fn a_broken_promise_is_said_aloud() {
        assert_eq!(Target::new("≤ 2 ms", true).verdict(), "≤ 2 ms: kept");
        assert_eq!(Target::new("≤ 2 ms", false).verdict(), "≤ 2 ms: NOT kept");
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values: Vec<u64> = (1..=10).rev().collect();
        for (percent, expected) in [(0, 1), (10, 1), (50, 5), (95, 10), (100, 10), (300, 10)] {
            assert_eq!(percentile(&values, percent), Some(expected), "{percent}");
        }
        assert_eq!(percentile::<u64>(&[], 50), None);
    }

    #[test]
    fn times_are_shown_in_the_unit_that_fits() {
        let shown = [12_340_000_000, 2_340_000_000, 23_400_000, 2_340_000, 23_400].map(Duration::from_nanos).map(show);
        assert_eq!(shown, ["12.3 s", "2.34 s", "23.4 ms", "2.34 ms", "23.4 µs"]);
    }
}
