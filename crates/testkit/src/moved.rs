//! Bytes that syncs have moved, as `jay sync --json` tells them, and what a benchmark makes of them.
//!
//! **Invariant:** an answer that does not tell is none: a sync of which nothing is known is not one that moved nothing.

use serde_json::Value;

/// What one sync has moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Bytes written to remotes.
    pub written: u64,
    /// Bytes read from remotes.
    pub read: u64,
    /// Changes that were written there.
    pub pushed: u64,
    /// Changes that were taken in from there.
    pub pulled: u64,
}

impl Moved {
    /// Reads the answer of a sync, all its remotes together; none where it is no such answer or a remote failed.
    #[must_use]
    pub fn of_answer(json: &str) -> Option<Self> {
        let answer: Value = serde_json::from_str(json).ok()?;
        let remotes = answer.get("remotes")?.as_array().filter(|remotes| !remotes.is_empty())?;
        let one = |remote: &Value| {
            let number = |name: &str| remote.get(name)?.as_u64();
            let is_ok = remote.get("outcome")? == "ok";
            is_ok.then_some(())?;
            Some(Self {
                written: number("bytes_written")?,
                read: number("bytes_read")?,
                pushed: number("pushed")?,
                pulled: number("pulled")?,
            })
        };
        remotes.iter().try_fold(Self::default(), |sum, remote| Some(sum.and(one(remote)?)))
    }

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            written: self.written + other.written,
            read: self.read + other.read,
            pushed: self.pushed + other.pushed,
            pulled: self.pulled + other.pulled,
        }
    }

    /// Bytes in either direction.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.written + self.read
    }
}

/// The sum of the last `share` of the values over that of the first so many, `share` being a part such as 5 for a fifth: whether
/// repeating something makes it dearer. None where there are not two such parts, or the first cost nothing.
#[must_use]
pub fn growth(values: &[u64], share: usize) -> Option<f64> {
    let count = values.len().checked_div(share).filter(|count| *count > 0 && share > 1)?;
    let first: u64 = values.iter().take(count).sum();
    let last: u64 = values.iter().rev().take(count).sum();
    (first > 0).then(|| last as f64 / first as f64)
}

/// One figure over another; none where the other is nothing.
#[must_use]
pub fn ratio(of: u64, to: u64) -> Option<f64> {
    (to > 0).then(|| of as f64 / to as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(outcome: &str) -> String {
        let remote = |bytes: u64| {
            serde_json::json!({
                "outcome": outcome, "bytes_written": bytes, "bytes_read": 2 * bytes, "pushed": 3, "pulled": 4
            })
        };
        serde_json::json!({ "remotes": [remote(10), remote(100)] }).to_string()
    }

    #[test]
    fn all_remotes_of_an_answer_are_counted() {
        let moved = Moved::of_answer(&answer("ok")).expect("an answer");
        assert_eq!(moved, Moved { written: 110, read: 220, pushed: 6, pulled: 8 });
        assert_eq!((moved.bytes(), moved.and(moved).bytes()), (330, 660));
    }

    #[test]
    fn what_is_no_answer_is_not_a_sync_that_moved_nothing() {
        for json in ["", "{}", "{\"remotes\":[]}", "{\"remotes\":[{\"outcome\":\"ok\"}]}", &answer("error")] {
            assert_eq!(Moved::of_answer(json), None, "{json}");
        }
    }

    #[test]
    fn the_end_is_held_against_the_beginning() {
        assert_eq!(growth(&[1, 1, 9, 9, 9, 9, 9, 9, 2, 2], 5), Some(2.0));
        assert_eq!(growth(&[4, 4, 7, 4, 4], 2), Some(1.0));
        for (values, share) in [(&[1, 2, 3][..], 5), (&[], 2), (&[1, 2], 1), (&[1, 2], 0), (&[0, 0, 5, 5], 2)] {
            assert_eq!(growth(values, share), None, "{values:?}");
        }
        assert_eq!((ratio(3, 2), ratio(3, 0)), (Some(1.5), None));
    }
}
