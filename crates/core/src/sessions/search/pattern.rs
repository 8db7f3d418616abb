//! What is looked for where no index helps: words that must all be there, or a regular expression.
//!
//! **Invariant:** time is linear in the text and memory bounded, whatever the pattern.

use jay_types::{Error, Result};
use regex::{Regex, RegexBuilder};
use std::ops::Range;

/// Words and phrases of a query at most.
const WORDS_MAX: usize = 32;
/// Bytes that the program of one expression takes at most.
const PROGRAM_MAX_BYTES: usize = 4 << 20;
/// Bytes of what its automaton remembers at most.
const AUTOMATON_MAX_BYTES: usize = 8 << 20;

/// All of it must stand in a text.
#[derive(Debug)]
pub(super) struct Pattern(Vec<Regex>);

impl Pattern {
    /// Words as they stand in a text, in any order and case; a quoted phrase is one.
    ///
    /// # Errors
    /// `bad_input` for too many or too long ones.
    pub(super) fn of_words(query: &str) -> Result<Self> {
        let words = words(query);
        if words.len() > WORDS_MAX {
            return Err(Error::bad_input(format!(
                "`query`: has {} words; {WORDS_MAX} can be looked through for",
                words.len()
            ))
            .hint("Give fewer words, or leave out `in` to search the index of what was said."));
        }
        words.iter().map(|word| compiled(&regex::escape(word), true)).collect::<Result<_>>().map(Self)
    }

    /// A regular expression.
    ///
    /// # Errors
    /// `bad_input` where it is none, or too large.
    pub(super) fn of_expression(query: &str) -> Result<Self> {
        Ok(Self(vec![compiled(query, false)?]))
    }

    /// True where nothing is looked for.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Where the first of it stands in a text that has all of it.
    pub(super) fn find(&self, text: &str) -> Option<Range<usize>> {
        let mut first: Option<Range<usize>> = None;
        for part in &self.0 {
            let found = part.find(text)?.range();
            if first.as_ref().is_none_or(|first| found.start < first.start) {
                first = Some(found);
            }
        }
        first
    }
}

fn compiled(expression: &str, ignores_case: bool) -> Result<Regex> {
    let mut builder = RegexBuilder::new(expression);
    builder.case_insensitive(ignores_case).size_limit(PROGRAM_MAX_BYTES).dfa_size_limit(AUTOMATON_MAX_BYTES);
    builder.build().map_err(|error| {
        // The library's own words point at the fault on lines of their own.
        let why = error.to_string();
        let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        Error::bad_input(format!("`query`: is no regular expression that can be used: {why}"))
            .hint("The syntax is that of docs.rs/regex, without look-around and backreferences.")
    })
}

/// The words of a query, and what stands between quotes as one.
fn words(query: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (place, piece) in query.split('"').enumerate() {
        if place % 2 == 1 {
            found.push(piece.trim().to_owned());
        } else {
            found.extend(piece.split_whitespace().map(|word| word.trim_end_matches('*').to_owned()));
        }
    }
    found.retain(|word| !word.is_empty());
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_must_all_stand_there_in_any_case() {
        let pattern = Pattern::of_words("Cargo BUILD* \"no such file\"").unwrap();
        assert_eq!(pattern.find("error: No such file; cargo builder failed"), Some(7..19));
        assert_eq!(pattern.find("cargo build: no such"), None);
        assert_eq!(pattern.find("such file no cargo build"), None, "a phrase is one");
        assert!(Pattern::of_words(" \"\" * ").unwrap().is_empty());
        assert_eq!(Pattern::of_words("a.b").unwrap().find("axb"), None, "a word is no expression");
        assert!(Pattern::of_words("ÉTÉ").unwrap().find("été").is_some());
    }

    #[test]
    fn expressions_are_bounded_and_explained() {
        assert_eq!(Pattern::of_expression(r"exit code: [1-9]\d*").unwrap().find("exit code: 101"), Some(0..14));
        for bad in ["(", "a{1000}{1000}{1000}", "(?=x)", r"(a)\1"] {
            let error = Pattern::of_expression(bad).unwrap_err();
            assert!(error.message.contains("regular expression") && error.hint.is_some(), "{bad}: {error:?}");
        }
        let many = (0..40).map(|n| format!("w{n} ")).collect::<String>();
        assert!(Pattern::of_words(&many).unwrap_err().message.contains("40 words"));
        let slow = Pattern::of_expression("(a*)*b").unwrap();
        assert_eq!(slow.find(&"a".repeat(1 << 20)), None, "linear, whatever it is");
    }
}
