//! The part of a long text that a hit shows: the window with the most of the query in it.
//!
//! **Invariant:** the span lies on character boundaries, holds at most the characters asked for, and its text is the
//! span's, unchanged: whoever shows it adds the marks of omission.

use crate::analyse;
use crate::plan::Query;
use serde::Serialize;
use std::collections::HashMap;
use std::ops::Range;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Snippet {
    /// The part itself.
    pub text: String,
    /// Its bytes in the whole.
    pub span: Range<usize>,
}

/// The window of at most `max_chars` characters that holds the most distinct terms and beginnings of the query (rare ones
/// weigh more, more occurrences a little), with some text before the first match; the beginning where none occurs.
#[must_use]
pub fn snippet(text: &str, query: &Query, max_chars: usize) -> Snippet {
    let ends: Vec<usize> = text.char_indices().map(|(i, _)| i).chain([text.len()]).collect();
    if ends.len() <= max_chars.saturating_add(1) {
        return Snippet { text: text.to_owned(), span: 0..text.len() };
    }
    let char_of = |byte: usize| ends.partition_point(|end| *end < byte);
    let tokens = analyse::tokens(text);
    // A text repeats its terms, and a query may have 64.
    let mut known: HashMap<&str, Option<&str>> = HashMap::new();
    let matches: Vec<(&str, Range<usize>)> = tokens
        .iter()
        .filter_map(|token| {
            let found = *known.entry(&token.term).or_insert_with(|| query.found_by(&token.term));
            Some((found?, char_of(token.span.start)..char_of(token.span.end)))
        })
        .collect();
    let start = densest(&matches, max_chars).map_or(0, |(first, last)| {
        let spare = max_chars.saturating_sub(last.saturating_sub(first));
        first.saturating_sub(spare / 3).min(ends.len() - 1 - max_chars)
    });
    let byte = |at: usize| ends.get(at).copied().unwrap_or(text.len());
    let (from, to) = on_words(text, byte(start), byte(start + max_chars));
    Snippet { text: text.get(from..to).unwrap_or_default().to_owned(), span: from..to }
}

/// First and last character of the best run of matches that fits into `max_chars`; the earliest of equals.
fn densest(matches: &[(&str, Range<usize>)], max_chars: usize) -> Option<(usize, usize)> {
    let mut frequency: HashMap<&str, f64> = HashMap::new();
    for (term, _) in matches {
        *frequency.entry(term).or_default() += 1.0;
    }
    let value = |term: &str| 1.0 + 1.0 / frequency.get(term).copied().unwrap_or(1.0);
    let mut inside: HashMap<&str, usize> = HashMap::new();
    let (mut distinct, mut best): (f64, Option<(f64, usize, usize)>) = (0.0, None);
    let mut from = 0;
    for (until, (term, span)) in matches.iter().enumerate() {
        let held = inside.entry(term).or_default();
        *held += 1;
        if *held == 1 {
            distinct += value(term);
        }
        while let Some((left, left_span)) = matches.get(from).filter(|(_, left)| span.end > left.start + max_chars) {
            let held = inside.entry(left).or_default();
            *held = held.saturating_sub(1);
            if *held == 0 {
                distinct -= value(left);
            }
            from += 1;
            if left_span.start == span.start && from > until {
                break;
            }
        }
        let score = distinct + 0.01 * ((until + 1).saturating_sub(from).min(20) as f64);
        let start = matches.get(from).map_or(span.start, |(_, first)| first.start);
        if best.is_none_or(|(so_far, ..)| score > so_far + 1e-9) {
            best = Some((score, start.min(span.start), span.end));
        }
    }
    best.map(|(_, first, last)| (first, last))
}

/// Moves the ends inwards to white space, where there is some within the outer tenth.
fn on_words(text: &str, from: usize, to: usize) -> (usize, usize) {
    let slack = (to - from) / 10;
    let inside = text.get(from..to).unwrap_or_default();
    let head = if from == 0 { 0 } else { inside.find(char::is_whitespace).filter(|i| *i <= slack).unwrap_or(0) };
    let tail = if to == text.len() {
        inside.len()
    } else {
        inside.rfind(char::is_whitespace).filter(|i| inside.len() - i <= slack).unwrap_or(inside.len())
    };
    let kept = inside.get(head..tail).unwrap_or(inside);
    let from = from + head + (kept.len() - kept.trim_start().len());
    (from, from + kept.trim().len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn query(text: &str) -> Query {
        Query::parse(text, jay_types::Timestamp(0), None)
    }

    #[test]
    fn the_densest_part_is_shown() {
        let filler = "lorem ipsum dolor sit amet ".repeat(40);
        let text = format!("a port here. {filler} the staging database listens on port 5433 since May. {filler}");
        let found = snippet(&text, &query("staging port"), 80);
        assert!(found.text.contains("staging") && found.text.contains("5433"), "{found:?}");
        assert_eq!(text.get(found.span.clone()), Some(found.text.as_str()));
        let beginning = snippet(&text, &query("absent"), 40);
        assert_eq!(beginning.span.start, 0);
        assert_eq!(snippet("short", &query("x"), 80).text, "short");
        assert_eq!(snippet("short", &query(""), 0).text, "");
    }

    #[test]
    fn a_begun_word_is_shown() {
        let text = format!("{}the deployment of staging{}", "lorem ipsum ".repeat(60), " dolor sit".repeat(60));
        for asked in ["deploy*", "deploym*", "dep*"] {
            let found = snippet(&text, &query(asked), 60);
            assert!(found.text.contains("deployment"), "{asked}: {found:?}");
        }
    }

    #[test]
    fn unspaced_text_is_cut_between_characters() {
        let text = format!("{}東京の天気予報{}", "あ".repeat(300), "い".repeat(300));
        let found = snippet(&text, &query("天気"), 30);
        assert!(found.text.contains("天気"), "{found:?}");
    }

    proptest! {
        #[test]
        fn a_snippet_is_a_part_of_its_text(text in "(\\PC{0,8} ?){0,60}", asked in "\\PC{0,12}", max in 0usize..80) {
            let found = snippet(&text, &query(&asked), max);
            prop_assert_eq!(text.get(found.span.clone()), Some(found.text.as_str()));
            prop_assert!(found.text.chars().count() <= max);
        }

        #[test]
        fn a_match_is_in_the_snippet(before in 0usize..400, after in 0usize..400) {
            let text = format!("{}zebra {}", "ab ".repeat(before), "cd ".repeat(after));
            let found = snippet(&text, &query("zebra"), 40);
            prop_assert!(found.text.contains("zebra"), "{:?}", found);
        }
    }
}
