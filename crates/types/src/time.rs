//! Wall-clock times for display and the logical clock that orders changes (J4).
//!
//! **Invariant:** no function here reads a clock; `now` is always an argument.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Wall-clock time: microseconds since 1970-01-01T00:00:00Z. In JSON an RFC 3339 string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// Hybrid logical clock: microseconds, `max(wall clock, greatest seen + 1)` (J4). Orders writes; never shown as a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Hlc(pub u64);

impl Hlc {
    /// The next value after everything seen so far, not behind the wall clock.
    #[must_use]
    pub fn next(greatest_seen: Self, now: Timestamp) -> Self {
        let wall = u64::try_from(now.0).unwrap_or(0);
        Self(wall.max(greatest_seen.0.saturating_add(1)))
    }
}

/// Microseconds in a second.
pub const SECOND: i64 = 1_000_000;
/// Microseconds in a minute.
pub const MINUTE: i64 = 60 * SECOND;
/// Microseconds in a day.
pub const DAY: i64 = 24 * 60 * MINUTE;
/// Microseconds in ten years of 365.25 days: how far ahead a clock may be before it is not believed (J4).
pub const TEN_YEARS: i64 = 3652 * DAY + DAY / 2;

/// A duration of whole seconds in its two largest units, for people.
#[must_use]
pub fn span(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min {} s", seconds % 60),
        (0, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

impl Timestamp {
    /// What helps whoever wrote a time that is none.
    pub const HINT: &str = "Write times as 2026-05-01 or 2026-05-01T10:00:00Z.";
    /// The same where an age may stand too.
    pub const HINT_RELATIVE: &str = "Write times as 2026-05-01, 2026-05-01T10:00:00Z, or an age such as 3d.";

    /// Reads RFC 3339 (`2026-05-01T10:00:00Z`), a date (`2026-05-01`, midnight UTC) or a civil time without zone (UTC).
    ///
    /// # Errors
    /// `bad_input` where the text is none of these or outside jiff's range (years -9999 to 9999).
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        if let Ok(at) = text.parse::<jiff::Timestamp>() {
            return Ok(Self(at.as_microsecond()));
        }
        let civil = text
            .parse::<jiff::civil::DateTime>()
            .or_else(|_| text.parse::<jiff::civil::Date>().map(jiff::civil::DateTime::from));
        civil
            .ok()
            .and_then(|civil| civil.to_zoned(jiff::tz::TimeZone::UTC).ok())
            .map(|zoned| Self(zoned.timestamp().as_microsecond()))
            .ok_or_else(|| {
                Error::bad_input(format!("`{}` is not a time", crate::text::shorten(text, 40))).hint(Self::HINT)
            })
    }

    /// Reads what [`Timestamp::parse`] reads, or an age before `now`: `90s`, `15m`, `4h`, `3d`, `2w`.
    ///
    /// # Errors
    /// `bad_input` where the text is neither.
    pub fn parse_relative(text: &str, now: Self) -> Result<Self> {
        let trimmed = text.trim();
        let (digits, unit) = trimmed.split_at(trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len()));
        let unit = match unit.trim().trim_end_matches(" ago") {
            "s" => SECOND,
            "m" => MINUTE,
            "h" => 60 * MINUTE,
            "d" => DAY,
            "w" => 7 * DAY,
            _ => return Self::parse(text).map_err(|error| error.hint(Self::HINT_RELATIVE)),
        };
        digits
            .parse::<i64>()
            .ok()
            .and_then(|n| n.checked_mul(unit))
            .and_then(|age| now.0.checked_sub(age))
            .map(Self)
            .ok_or_else(|| {
                Error::bad_input(format!("`{}` is not an age", crate::text::shorten(text, 40)))
                    .hint(Self::HINT_RELATIVE)
            })
    }

    /// True where its text can be read again: within the years -9999 to 9999.
    #[must_use]
    pub fn is_readable(self) -> bool {
        jiff::Timestamp::from_microsecond(self.0).is_ok()
    }

    /// The RFC 3339 text, in UTC, without needless fractions.
    #[must_use]
    pub fn rfc3339(self) -> String {
        jiff::Timestamp::from_microsecond(self.0).map_or_else(|_| format!("{}us", self.0), |at| at.to_string())
    }

    /// The date in UTC, `2026-05-01`.
    #[must_use]
    pub fn date(self) -> String {
        self.rfc3339().chars().take(10).collect()
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(|error| serde::de::Error::custom(error.message))
    }
}

impl schemars::JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "format": "date-time"})
    }
    fn inline_schema() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        let now = Timestamp::parse("2026-05-10T00:00:00Z").expect("a time");
        for (text, expected) in [
            ("2026-05-01", "2026-05-01T00:00:00Z"),
            ("2026-05-01T10:00:00+02:00", "2026-05-01T08:00:00Z"),
            ("2026-05-01 10:00", "2026-05-01T10:00:00Z"),
            ("3d", "2026-05-07T00:00:00Z"),
            ("90s ago", "2026-05-09T23:58:30Z"),
        ] {
            assert_eq!(
                Timestamp::parse_relative(text, now).map(Timestamp::rfc3339).ok().as_deref(),
                Some(expected),
                "{text}"
            );
        }
        for text in ["", "yesterday", "2026-13-01", "99999999999999999999d", "-3d"] {
            assert!(Timestamp::parse_relative(text, now).is_err(), "{text}");
        }
    }

    #[test]
    fn a_span_has_two_units() {
        let said = [0, 301, 7_260, 90_000, 31_536_000].map(span);
        assert_eq!(said, ["0 min 0 s", "5 min 1 s", "2 h 1 min", "1 d 1 h", "365 d 0 h"]);
    }

    #[test]
    fn the_clock_never_stands_still() {
        let seen = Hlc(500);
        assert_eq!(Hlc::next(seen, Timestamp(100)), Hlc(501));
        assert_eq!(Hlc::next(seen, Timestamp(900)), Hlc(900));
        assert_eq!(Hlc::next(seen, Timestamp(-5)), Hlc(501));
    }
}
