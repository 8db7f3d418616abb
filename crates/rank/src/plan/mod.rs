//! What a query asks for: terms, beginnings of words, quoted phrases, identifiers, names, a time or what it hangs on.
//!
//! Exists so that text search, vector search and fusion work from one reading of the query.
//!
//! **Invariant:** a query of any length costs bounded time ([`crate::analyse::TERMS_MAX`] tokens are looked at) and
//! makes at most [`TERMS_MAX`] terms, beginnings of words among them.

pub mod event;
mod phrase;
mod prefix;
mod when;
mod window;

pub use event::{Event, Told};
pub use phrase::Phrase;
pub use prefix::{PREFIX_MIN, PREFIXES_MAX, Prefix};
pub use when::{told, window};
pub use window::Window;

use crate::analyse::{self, Token, TokenKind};
use jay_types::Timestamp;
use serde::Serialize;
use std::collections::HashSet;

/// Terms of one query at most; of a longer one the rarest are kept.
pub const TERMS_MAX: usize = 64;
/// The constants of BM25 in text search. Memories are short and of similar length: repetition and length tell less than
/// in pages of the web.
pub const BM25_K1: f64 = 0.9;
/// See [`BM25_K1`].
pub const BM25_B: f64 = 0.4;
/// Capitalised names of one query at most.
pub const NAMES_MAX: usize = 16;

/// Tells how many documents hold a term, so that a long query keeps its rarest terms.
pub type DocumentFrequency<'a> = &'a dyn Fn(&str) -> u64;

/// A query as it was understood.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Query {
    /// Terms to search, in the order of their first appearance, without duplicates.
    pub terms: Vec<String>,
    /// Beginnings of words, each of which counts as one term.
    pub prefixes: Vec<Prefix>,
    /// Beginnings that are too short to be looked for.
    pub prefixes_cut: usize,
    /// Quoted phrases; never empty ones.
    pub phrases: Vec<Phrase>,
    /// The terms that are compounds or numbers kept whole: they decide where words are vague.
    pub identifiers: Vec<String>,
    /// Capitalised words, folded and lower-cased, for matching speakers and entities.
    pub names: Vec<String>,
    /// The time that the query names.
    pub window: Option<Window>,
    /// What its time hangs on, where it names none itself.
    pub event: Option<Event>,
    /// Distinct terms that were left out because there were more than [`TERMS_MAX`].
    pub terms_cut: usize,
    /// The text without beginnings of words, where it has some: what has a meaning to compare.
    without_prefixes: Option<String>,
}

impl Query {
    /// Reads a query. `now` is the moment that "yesterday" is relative to, in UTC. Without `frequency` a query that is
    /// too long keeps identifiers and long words, which are the rarer ones.
    #[must_use]
    pub fn parse(text: &str, now: Timestamp, frequency: Option<DocumentFrequency<'_>>) -> Self {
        let read = prefix::read(text);
        let (terms, terms_cut) = select_terms(&read.tokens, TERMS_MAX - read.prefixes.len(), frequency);
        let kept: HashSet<&str> = terms.iter().map(String::as_str).collect();
        let mut seen = HashSet::new();
        let identifiers = read
            .tokens
            .iter()
            .filter(|t| matches!(t.kind, TokenKind::Whole | TokenKind::Number))
            .filter(|t| kept.contains(t.term.as_str()) && seen.insert(t.term.as_str()))
            .map(|t| t.term.clone())
            .collect();
        let window = window(text, now);
        Self {
            phrases: phrase::phrases(text),
            identifiers,
            names: names(text),
            // Only the first time of a query counts, and a day is surer than an event.
            event: if window.is_none() { event::event(text) } else { None },
            window,
            terms_cut,
            terms,
            without_prefixes: (!read.spans.is_empty()).then(|| read.rest(text)),
            prefixes_cut: read.too_short,
            prefixes: read.prefixes,
        }
    }

    /// What of the text that this was read from is compared by meaning. The beginning of a word has none, or that of
    /// another word ("port" of "portable"): it would lead away from what it stands for.
    #[must_use]
    pub fn meaning<'a>(&'a self, text: &'a str) -> &'a str {
        self.without_prefixes.as_deref().unwrap_or(text)
    }

    /// The term of the query, or the start of the beginning, that a term of a text is found by.
    #[must_use]
    pub fn found_by<'a>(&'a self, term: &str) -> Option<&'a str> {
        let whole = self.terms.iter().find(|asked| *asked == term);
        let begun = || self.prefixes.iter().find(|prefix| prefix.takes(term)).map(|prefix| &prefix.start);
        whole.or_else(begun).map(String::as_str)
    }

    /// The terms that come from names, a bit each: a text that holds none of them names nobody that the query names. All
    /// bits where a name is none of the terms.
    #[must_use]
    pub fn name_terms(&self) -> u64 {
        let bit = |term: &String| self.terms.iter().position(|of_query| of_query == term).map_or(0, |at| 1 << at);
        let bits = |name: &String| terms(name).iter().map(bit).fold(0, |all, bit| all | bit);
        let of_names = self.names.iter().map(bits);
        of_names.fold(0, |all, bits: u64| if bits == 0 { u64::MAX } else { all | bits })
    }

    /// Whether the query asks for nothing that text or vectors could find.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty() && self.phrases.is_empty() && self.prefixes.is_empty()
    }
}

/// The terms of a text that is looked for as a whole: those of [`Query::terms`], without reading a query in it.
#[must_use]
pub fn terms(text: &str) -> Vec<String> {
    select_terms(&analyse::query_tokens(text), TERMS_MAX, None).0
}

/// At most `max` distinct terms without stop words (with them where nothing else is left), and how many were cut.
fn select_terms(tokens: &[Token], max: usize, frequency: Option<DocumentFrequency<'_>>) -> (Vec<String>, usize) {
    // A negation tells two statements apart, but by itself it asks for nothing: "to be or not to be".
    let content = tokens.iter().any(|t| !t.stop && !matches!(t.term.as_str(), "not" | "no" | "never"));
    let mut seen = HashSet::new();
    let distinct: Vec<&Token> =
        tokens.iter().filter(|t| !(content && t.stop)).filter(|t| seen.insert(t.term.as_str())).collect();
    if distinct.len() <= max {
        return (distinct.into_iter().map(|t| t.term.clone()).collect(), 0);
    }
    let cut = distinct.len() - max;
    let mut ranked: Vec<(u64, usize)> = distinct
        .iter()
        .enumerate()
        .map(|(i, token)| (frequency.map_or_else(|| guessed_frequency(token), |of| of(&token.term)), i))
        .collect();
    // A term that no document holds finds nothing: it goes last, though it is the rarest.
    ranked.sort_by_key(|&(count, i)| (count == 0, count, i));
    let mut kept: Vec<usize> = ranked.into_iter().take(max).map(|(_, i)| i).collect();
    kept.sort_unstable();
    (kept.into_iter().filter_map(|i| distinct.get(i)).map(|t| t.term.clone()).collect(), cut)
}

/// Stands for a document frequency where none is known: identifiers are rare, long words are rarer than short ones.
fn guessed_frequency(token: &Token) -> u64 {
    let length = u64::try_from(token.term.chars().count().min(24)).unwrap_or(24);
    match token.kind {
        TokenKind::Whole | TokenKind::Number => 1,
        TokenKind::Pair | TokenKind::Emoji => 15,
        TokenKind::Word | TokenKind::Part => 27 - length,
        TokenKind::Character => 30,
    }
}

/// Capitalised words that are not stop words, months or week days; lower-cased, without possessive ending.
fn names(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for word in text.split_whitespace().take(analyse::TERMS_MAX) {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        let base = word.strip_suffix("'s").or_else(|| word.strip_suffix("’s")).unwrap_or(word);
        let capital = base.chars().next().is_some_and(char::is_uppercase);
        if !capital
            || base.chars().count() < 2
            || !base.chars().all(|c| c.is_alphabetic() || matches!(c, '-' | '\'' | '’'))
        {
            continue;
        }
        let name = folded(base);
        let asked = analyse::is_stop_word(&word.to_lowercase().replace(['\'', '’'], ""));
        if !asked && !when::is_calendar_word(&name) && !out.contains(&name) {
            out.push(name);
            if out.len() == NAMES_MAX {
                break;
            }
        }
    }
    out
}

/// A name as [`Query::names`] holds it: for comparing a speaker or entity with the query's names.
#[must_use]
pub fn folded(name: &str) -> String {
    analyse::fold(name).to_lowercase()
}

#[cfg(test)]
mod tests;
