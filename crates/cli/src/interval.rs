//! How often something is done, as people write it: `15m`, `2h`, `1d`.
//!
//! **Invariant:** a number and one unit, without a sign, a blank or a fraction: what is read in two ways is refused.

use jay_types::text::shorten;
use jay_types::{Error, Result};
use std::time::Duration;

/// A second, and what is made of it.
const SECONDS: [(char, u64); 4] = [('s', 1), ('m', 60), ('h', 60 * 60), ('d', 24 * 60 * 60)];
/// How often a server may sync: a listing of a bucket is paid for, and a machine that is away for a day is seldom meant.
const SYNC_MIN_SECONDS: u64 = 5;
const SYNC_MAX_SECONDS: u64 = 24 * 60 * 60;

/// The seconds of an interval in one of `units`; none where it is no interval. A number beyond all bounds is the greatest one.
pub(crate) fn seconds(text: &str, units: &str) -> Option<u64> {
    let trimmed = text.trim();
    let unit = trimmed.chars().last().filter(|unit| units.contains(*unit))?;
    let (_, seconds) = SECONDS.into_iter().find(|(name, _)| *name == unit)?;
    let digits = trimmed.strip_suffix(unit)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse::<u64>().unwrap_or(u64::MAX).saturating_mul(seconds))
}

/// Reads how often a server syncs; none for `never`.
///
/// # Errors
/// `bad_input` for anything else than such an interval, and outside of 5 seconds to 1 day.
pub(crate) fn sync_every(text: &str) -> Result<Option<Duration>> {
    if text.trim() == "never" {
        return Ok(None);
    }
    let bad = |why: &str| {
        Error::bad_input(format!("`sync_every`: {why}, not `{}`", shorten(text, 40)))
            .hint("Write a number with s, m, h or d, or `never`: `jay serve --sync-every 15m`.")
    };
    let seconds = seconds(text, "smhd").ok_or_else(|| bad("must be an interval such as 30s, 15m or 2h"))?;
    if !(SYNC_MIN_SECONDS..=SYNC_MAX_SECONDS).contains(&seconds) {
        return Err(bad("must be from 5s to 1d"));
    }
    Ok(Some(Duration::from_secs(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_often_a_server_syncs_is_read_and_bounded() {
        for (text, seconds) in [("5s", 5), (" 15m ", 900), ("2h", 7200), ("1d", 86_400), ("86400s", 86_400)] {
            assert_eq!(sync_every(text).unwrap(), Some(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(sync_every("never").unwrap(), None);
        for (text, why) in [
            ("", "must be an interval"),
            ("15", "must be an interval"),
            ("s", "must be an interval"),
            ("+5m", "must be an interval"),
            ("1.5h", "must be an interval"),
            ("15 m", "must be an interval"),
            ("5ms", "must be an interval"),
            ("1w", "must be an interval"),
            ("4s", "must be from 5s to 1d"),
            ("0m", "must be from 5s to 1d"),
            ("25h", "must be from 5s to 1d"),
            ("99999999999999999999m", "must be from 5s to 1d"),
        ] {
            let error = sync_every(text).unwrap_err();
            assert!(error.message.contains(why) && error.hint.is_some(), "{text}: {}", error.message);
        }
    }
}
