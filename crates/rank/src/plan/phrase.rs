//! Quoted phrases: words that must stand next to each other, the last of which may only be begun (`"retry loo*"`).
//!
//! **Invariant:** a phrase of the query that is a contiguous part of a text is found in the terms of that text.

use super::prefix::{self, Prefix};
use crate::analyse;
use serde::Serialize;

/// Quoted phrases of one query at most, and terms of one phrase.
const PHRASES_MAX: usize = 8;
const TERMS_MAX: usize = 32;

/// What stands between quotation marks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Phrase {
    /// Contiguous terms of the index.
    pub terms: Vec<String>,
    /// The beginning of the word behind them.
    pub last: Option<Prefix>,
}

impl Phrase {
    /// Whether the terms of a text hold the phrase.
    #[must_use]
    pub fn stands_in(&self, terms: &[String]) -> bool {
        let width = self.terms.len() + usize::from(self.last.is_some());
        terms.windows(width.max(1)).any(|window| {
            let begins = |last: &Prefix| window.last().is_some_and(|term| last.takes(term));
            window.starts_with(&self.terms) && self.last.as_ref().is_none_or(begins)
        })
    }

    fn new(inside: &str) -> Self {
        // A star within a phrase is a sign like any other; the last word alone can be unfinished.
        match prefix::last(inside) {
            Some((at, last)) => {
                Self { terms: analyse::index_terms(inside.get(..at).unwrap_or_default()), last: Some(last) }
            }
            None => Self { terms: analyse::index_terms(inside), last: None },
        }
    }

    fn is_empty(&self) -> bool {
        self.terms.is_empty() && self.last.is_none()
    }
}

/// What stands in double quotes, straight or curly.
pub(super) fn phrases(text: &str) -> Vec<Phrase> {
    let mut out = Vec::new();
    let mut rest = text;
    while out.len() < PHRASES_MAX {
        let Some((_, after)) = rest.split_once(['"', '“', '„']) else { break };
        let Some((inside, after)) = after.split_once(['"', '”', '“']) else { break };
        rest = after;
        if inside.len() > 16 * TERMS_MAX {
            continue;
        }
        let phrase = Phrase::new(inside);
        if !phrase.is_empty() && phrase.terms.len() <= TERMS_MAX && !out.contains(&phrase) {
            out.push(phrase);
        }
    }
    out
}
