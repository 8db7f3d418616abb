//! Time expressions of a query: "yesterday", "in May 2023", "3 days ago".
//!
//! The result is a soft window: fusion lifts what lies in or near it, nothing is filtered, so a wrong reading costs
//! a little order and no answer.

use super::{Told, Window};
use jay_types::Timestamp;
use jiff::civil::{Date, Weekday};
use jiff::{Span, ToSpan as _};

/// Words of a query that are looked at for a time.
const WORDS_MAX: usize = 512;

/// The first time expression of `text`, read at `now`; none where there is none. A month or day without a year is the
/// latest one that is not in the future.
#[must_use]
pub fn window(text: &str, now: Timestamp) -> Option<Window> {
    let today = jiff::Timestamp::from_microsecond(now.0).ok()?.to_zoned(jiff::tz::TimeZone::UTC).date();
    let words: Vec<String> = text.split_whitespace().take(WORDS_MAX).map(clean).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    (0..words.len()).find_map(|i| {
        let here = words.get(i..)?;
        let before = i.checked_sub(1).and_then(|i| words.get(i)).copied().unwrap_or_default();
        let (first, last) = days(before, here, today)?;
        let end = |day: Date| midnight(day.checked_add(1.day()).ok()?);
        Some(match before {
            "since" if last < today => Window::since(midnight(first)?),
            "after" if last < today => Window::since(midnight(last)?),
            "before" => Window::until(midnight(first)?),
            "until" => Window::until(end(last)?),
            _ => Window::between(midnight(first)?, end(last)?),
        })
    })
}

/// The first span of at most a month that `text`, which was said at `at`, names: when what it tells of was. One that is
/// open ("before May") tells of no day.
#[must_use]
pub fn told(text: &str, at: Timestamp) -> Option<Told> {
    let today = jiff::Timestamp::from_microsecond(at.0).ok()?.to_zoned(jiff::tz::TimeZone::UTC).date();
    let words: Vec<String> = text.split_whitespace().take(WORDS_MAX).map(clean).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    (0..words.len()).find_map(|i| {
        let before = i.checked_sub(1).and_then(|i| words.get(i)).copied().unwrap_or_default();
        let (first, last) = days(before, words.get(i..)?, today)?;
        let is_open = matches!(before, "since" | "after" | "before" | "until" | "till" | "by");
        let is_long = first.checked_add(31.days()).is_ok_and(|longest| longest <= last);
        let told = Told { from: midnight(first)?, to: midnight(last.checked_add(1.day()).ok()?)? };
        (!is_open && !is_long).then_some(told)
    })
}

/// Whether a lower-case word is a month or a day of the week, and so no name.
pub(super) fn is_calendar_word(word: &str) -> bool {
    month(word).is_some() || weekday(word).is_some() || matches!(word, "today" | "yesterday")
}

fn clean(word: &str) -> String {
    word.trim_matches(|c: char| !c.is_alphanumeric()).trim_end_matches("'s").trim_end_matches("’s").to_lowercase()
}

/// The first and last day that the words at this place name.
fn days(before: &str, words: &[&str], today: Date) -> Option<(Date, Date)> {
    let word = |i: usize| words.get(i).copied().unwrap_or_default();
    iso(word(0))
        .or_else(|| relative(words, today))
        .or_else(|| day_and_month(&[word(0), word(1), word(2), word(3)], today))
        .or_else(|| month_or_year(before, word(0), word(1), today))
}

/// `2023-05-08`, `2023-05`.
fn iso(word: &str) -> Option<(Date, Date)> {
    let word = word.split('t').next().unwrap_or(word);
    let parts: Vec<&str> = word.split('-').collect();
    let year = parts.first().and_then(|y| year(y))?;
    let month: i8 = parts.get(1).filter(|m| m.len() == 2)?.parse().ok()?;
    match parts.get(2) {
        Some(day) => {
            let day = Date::new(year, month, day.parse().ok()?).ok()?;
            Some((day, day))
        }
        None => Date::new(year, month, 1).ok().map(whole_month),
    }
}

/// "yesterday", "last week", "this month", "3 days ago", "in the past two weeks", "last friday".
fn relative(words: &[&str], today: Date) -> Option<(Date, Date)> {
    let word = |i: usize| words.get(i).copied().unwrap_or_default();
    let back = |span: Span| today.checked_sub(span).ok();
    match word(0) {
        "today" | "tonight" => return Some((today, today)),
        "yesterday" => return back(1.day()).map(|day| (day, day)),
        "last" | "past" | "previous" | "this" => {}
        _ => {
            let ago = words.get(2).is_some_and(|w| *w == "ago");
            let (count, unit) = (count(word(0))?, unit(word(1)).filter(|_| ago)?);
            let at = back(unit.times(count)?)?;
            return Some(unit.around(at));
        }
    }
    if let (Some(count), Some(unit)) = (count(word(1)), unit(word(2))) {
        return Some((back(unit.times(count)?)?, today));
    }
    if let Some(day) = weekday(word(1)) {
        let back_days = i64::from(day.until(today.weekday())).rem_euclid(7);
        let back_days = if back_days == 0 && word(0) != "this" { 7 } else { back_days };
        return back(back_days.days()).map(|day| (day, day));
    }
    if matches!(word(1), "night" | "evening") {
        return back((if word(0) == "this" { 0 } else { 1 }).days()).map(|day| (day, day));
    }
    if let Some(month) = month(word(1)) {
        return Some(whole_month(latest_month(month, today)?));
    }
    let unit = unit(word(1))?;
    match word(0) {
        "this" => Some(unit.around_calendar(today)),
        "past" => back(unit.times(1)?).map(|from| (from, today)),
        _ => back(unit.times(1)?).map(|day| unit.around_calendar(day)),
    }
}

/// "8 may 2023", "8th of may", "may 8, 2023", "may 8".
fn day_and_month(words: &[&str; 4], today: Date) -> Option<(Date, Date)> {
    let [a, b, c, d] = *words;
    let (day, month_of, year_word) = match (day_number(a), month(a)) {
        (Some(day), _) if b == "of" => (day, month(c)?, d),
        (Some(day), _) => (day, month(b)?, c),
        (None, Some(found)) => (day_number(b)?, found, c),
        (None, None) => return None,
    };
    let at = match year(year_word) {
        Some(year) => Date::new(year, month_of, day).ok()?,
        None => [today.year(), today.year() - 1]
            .into_iter()
            .filter_map(|year| Date::new(year, month_of, day).ok())
            .find(|at| *at <= today)?,
    };
    Some((at, at))
}

/// "may 2023"; "in may" and "in 2023" only behind a preposition, since "may" is a verb and 2023 a number.
fn month_or_year(before: &str, word: &str, next: &str, today: Date) -> Option<(Date, Date)> {
    let placed = matches!(
        before,
        "in" | "during" | "since" | "until" | "before" | "after" | "of" | "from" | "by" | "early" | "late"
    );
    match (month(word), year(next)) {
        (Some(month), Some(year)) => Date::new(year, month, 1).ok().map(whole_month),
        (Some(month), None) if placed && (word != "may" || !matches!(next, "i" | "we" | "you" | "be" | "not")) => {
            latest_month(month, today).map(whole_month)
        }
        (None, _) if placed && before != "of" && before != "by" => {
            let year = year(word)?;
            Some((Date::new(year, 1, 1).ok()?, Date::new(year, 12, 31).ok()?))
        }
        _ => None,
    }
}

#[derive(Clone, Copy)]
enum Unit {
    Day,
    Week,
    Month,
    Year,
}

impl Unit {
    fn times(self, count: i64) -> Option<Span> {
        let span = Span::new();
        match self {
            Self::Day => span.try_days(count),
            Self::Week => span.try_weeks(count),
            Self::Month => span.try_months(count),
            Self::Year => span.try_years(count),
        }
        .ok()
    }

    /// What "3 weeks ago" may mean: the day for days, some days around it for the rest.
    fn around(self, at: Date) -> (Date, Date) {
        let slack = match self {
            Self::Day => 0,
            Self::Week => 3,
            Self::Month => 15,
            Self::Year => 183,
        };
        (at.saturating_sub(slack.days()), at.saturating_add(slack.days()))
    }

    /// The calendar unit that holds `at`; weeks begin on Monday.
    fn around_calendar(self, at: Date) -> (Date, Date) {
        match self {
            Self::Day => (at, at),
            Self::Week => {
                let monday = at.saturating_sub(i64::from(at.weekday().to_monday_zero_offset()).days());
                (monday, monday.saturating_add(6.days()))
            }
            Self::Month => whole_month(at),
            Self::Year => (at.first_of_year(), at.last_of_year()),
        }
    }
}

fn unit(word: &str) -> Option<Unit> {
    match word.trim_end_matches('s') {
        "day" => Some(Unit::Day),
        "week" => Some(Unit::Week),
        "month" => Some(Unit::Month),
        "year" => Some(Unit::Year),
        _ => None,
    }
}

/// A count in digits or words, at most 1,000.
fn count(word: &str) -> Option<i64> {
    const WORDS: [&str; 13] =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    match word {
        "a" | "an" => Some(1),
        "couple" => Some(2),
        "few" => Some(3),
        _ => WORDS
            .iter()
            .position(|w| *w == word)
            .and_then(|n| i64::try_from(n).ok())
            .or_else(|| word.parse().ok())
            .filter(|n| (1..=1000).contains(n)),
    }
}

fn day_number(word: &str) -> Option<i8> {
    let digits = ["st", "nd", "rd", "th"].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word);
    digits.parse().ok().filter(|day| (1..=31).contains(day) && digits.len() <= 2)
}

fn year(word: &str) -> Option<i16> {
    word.parse().ok().filter(|year| word.len() == 4 && (1970..=2199).contains(year))
}

fn month(word: &str) -> Option<i8> {
    const MONTHS: [(&str, &str); 12] = [
        ("january", "jan"),
        ("february", "feb"),
        ("march", "mar"),
        ("april", "apr"),
        ("may", "may"),
        ("june", "jun"),
        ("july", "jul"),
        ("august", "aug"),
        ("september", "sept"),
        ("october", "oct"),
        ("november", "nov"),
        ("december", "dec"),
    ];
    let found =
        MONTHS.iter().position(|(long, short)| *long == word || *short == word).or((word == "sep").then_some(8))?;
    i8::try_from(found + 1).ok()
}

fn weekday(word: &str) -> Option<Weekday> {
    Some(match word {
        "monday" => Weekday::Monday,
        "tuesday" => Weekday::Tuesday,
        "wednesday" => Weekday::Wednesday,
        "thursday" => Weekday::Thursday,
        "friday" => Weekday::Friday,
        "saturday" => Weekday::Saturday,
        "sunday" => Weekday::Sunday,
        _ => return None,
    })
}

/// The latest first-of-month of `month` that is not after `today`.
fn latest_month(month: i8, today: Date) -> Option<Date> {
    [today.year(), today.year() - 1]
        .into_iter()
        .filter_map(|year| Date::new(year, month, 1).ok())
        .find(|at| *at <= today)
}

fn whole_month(at: Date) -> (Date, Date) {
    (at.first_of_month(), at.last_of_month())
}

fn midnight(day: Date) -> Option<Timestamp> {
    let zoned = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Timestamp(zoned.timestamp().as_microsecond()))
}
