//! Beginnings of words in a query: `deploy*`, `parse_http*`, `src/net*`.
//!
//! A star stands behind a word, or behind the joiner that follows it (`parse_*`, `src/*`). What Markdown, code and
//! arithmetic mean by stars is no beginning: `*stressed*`, `**stressed**`, `10*20`, `*.rs`.
//!
//! The index holds stems, so that "deployment" stands in it as `deploy` and `deploym*` begins no term of it. A prefix
//! knows the stems of the words that it may go on to, by the endings that the stemmer takes off.
//!
//! **Invariant:** a beginning has at least [`PREFIX_MIN`] letters or digits; a query has at most [`PREFIXES_MAX`].

use crate::analyse::{self, Token, TokenKind};
use serde::Serialize;
use std::collections::{BTreeSet, HashSet};
use std::ops::Range;

/// Letters and digits that a beginning has at least: fewer begin a good part of all words.
pub const PREFIX_MIN: usize = 2;
/// Beginnings of one query at most; later ones are read as words.
pub const PREFIXES_MAX: usize = 8;
/// The last part of a compound is looked for by itself as well if it has so many letters: `src/net*` also finds `net/`.
const PART_MIN: usize = 3;
/// A stem that does not begin as the word does must have this many letters, so that "being" does not lead to every "be".
const STEM_MIN: usize = 3;

/// Endings that the English stemmer takes off or changes, with their common plurals.
const ENDINGS: [&str; 54] = [
    "s", "es", "e", "y", "ies", "ied", "ed", "er", "ers", "ing", "ings", "ly", "edly", "ingly", "ment", "ments",
    "ness", "nesses", "ion", "ions", "ation", "ations", "ational", "ator", "ators", "able", "ably", "ability", "ible",
    "ize", "izes", "ized", "izer", "izing", "ization", "izations", "ive", "iveness", "ful", "fulness", "al", "ally",
    "ality", "ous", "ously", "ity", "ities", "ic", "ical", "ically", "ence", "ance", "ent", "ant",
];

/// The beginning of a word, as the text index looks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Prefix {
    /// Terms that begin with it are meant: folded, lower case, separators written `_`.
    pub start: String,
    /// Stems of words that begin so which do not begin so themselves, sorted; without very short ones and stop words,
    /// which would lead to nearly every text.
    pub stems: Vec<String>,
}

impl Prefix {
    /// Of a beginning as it would stand in a term.
    fn new(start: String) -> Self {
        let stems = stems(&start);
        Self { start, stems }
    }

    /// Whether a term of the index is of a word that begins so.
    #[must_use]
    pub fn takes(&self, term: &str) -> bool {
        term.starts_with(&self.start) || self.stems.iter().any(|stem| stem == term)
    }
}

/// The stems of words which begin with `start` that `start` does not begin.
fn stems(start: &str) -> Vec<String> {
    if !start.bytes().all(|b| b.is_ascii_lowercase()) {
        return Vec::new();
    }
    let mut found = BTreeSet::new();
    for ending in ENDINGS {
        // Some of the ending may stand there already.
        for said in (0..=ending.len()).filter(|said| start.ends_with(ending.get(..*said).unwrap_or("?"))) {
            let word = [start, ending.get(said..).unwrap_or_default()].concat();
            let stem = analyse::stem(&word);
            if !stem.starts_with(start) && stem.len() >= STEM_MIN && !analyse::is_stop_word(&stem) {
                found.insert(stem);
            }
        }
    }
    found.into_iter().collect()
}

/// A text with what its stars mean.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// What is looked for whole.
    pub(super) tokens: Vec<Token>,
    /// Without doubles, in the order of their first appearance.
    pub(super) prefixes: Vec<Prefix>,
    /// Bytes of the text that are beginnings, with their stars; also of those that are too short.
    pub(super) spans: Vec<Range<usize>>,
    /// How many are too short to be looked for.
    pub(super) too_short: usize,
}

/// Reads the tokens of a query and takes beginnings out of them.
pub(super) fn read(text: &str) -> Read {
    let tokens = analyse::query_tokens(text);
    if !text.contains('*') {
        return Read { tokens, ..Read::default() };
    }
    let closing = closing_stars(text);
    let mut read = Read::default();
    for group in tokens.chunk_by(|a, b| a.span == b.span) {
        let begun = group.first().and_then(|first| begun(text, first, &closing));
        match begun.filter(|_| read.prefixes.len() < PREFIXES_MAX) {
            Some(begun) => read.take(text, group, begun),
            None => read.tokens.extend_from_slice(group),
        }
    }
    read
}

impl Read {
    fn take(&mut self, text: &str, group: &[Token], begun: Begun) {
        self.spans.push(begun.span);
        let Some(start) = begun.start else {
            self.too_short += 1;
            return;
        };
        // Parts that are complete are looked for as parts of any compound are.
        let complete: HashSet<String> =
            analyse::index_terms(text.get(begun.complete).unwrap_or_default()).into_iter().collect();
        self.tokens.extend(group.iter().filter(|token| complete.contains(&token.term)).cloned());
        self.push(start);
        begun.part.into_iter().for_each(|part| self.push(part));
    }

    fn push(&mut self, start: String) {
        if self.prefixes.len() < PREFIXES_MAX && self.prefixes.iter().all(|prefix| prefix.start != start) {
            self.prefixes.push(Prefix::new(start));
        }
    }

    /// The text without its beginnings.
    pub(super) fn rest(&self, text: &str) -> String {
        let ends = self.spans.iter().map(|span| span.start).chain([text.len()]);
        let starts = [0].into_iter().chain(self.spans.iter().map(|span| span.end));
        starts.zip(ends).filter_map(|(from, to)| text.get(from..to)).collect::<Vec<_>>().join(" ")
    }
}

/// A word that is only begun.
struct Begun {
    /// Its bytes, the star included.
    span: Range<usize>,
    /// What its terms begin with; none where that is too short.
    start: Option<String>,
    /// Bytes in which every part is complete.
    complete: Range<usize>,
    /// The part that is not, where it is long enough to be looked for by itself.
    part: Option<String>,
}

/// The beginning that a token is; none where no star follows that means one.
fn begun(text: &str, token: &Token, closing: &HashSet<usize>) -> Option<Begun> {
    if matches!(token.kind, TokenKind::Character | TokenKind::Pair | TokenKind::Emoji) {
        // Any part of a text without spaces is found as it is.
        return None;
    }
    let Range { start: from, end } = token.span;
    let behind = text.get(end..)?;
    let joiner = ["::", "_", "-", ".", "/", "\\"].into_iter().find(|joiner| behind.starts_with(joiner)).unwrap_or("");
    let after = behind.get(joiner.len()..)?.strip_prefix('*')?;
    let star = end + joiner.len();
    if after.starts_with(|c: char| c == '*' || c.is_alphanumeric()) || closing.contains(&star) {
        return None;
    }
    let (mut start, last) = analyse::start_of(text.get(from..end)?);
    let is_long = start.chars().filter(|c| c.is_alphanumeric()).count() >= PREFIX_MIN;
    let mut part = text.get(from + last..end).filter(|_| last > 0).map(|part| analyse::start_of(part).0);
    let mut complete = from..from + last;
    if !joiner.is_empty() {
        start.push('_');
        part = None;
        complete = from..end;
    }
    Some(Begun {
        span: from..star + 1,
        start: is_long.then_some(start),
        complete,
        part: part.filter(|part| part.chars().count() >= PART_MIN),
    })
}

/// The beginning that ends a text, and where it starts there.
pub(super) fn last(text: &str) -> Option<(usize, Prefix)> {
    let text = text.trim_end();
    let tokens = analyse::query_tokens(text.strip_suffix('*').map(|_| text)?);
    // All tokens of one run have its span.
    let begun = begun(text, tokens.last()?, &closing_stars(text)).filter(|begun| begun.span.end == text.len())?;
    Some((begun.span.start, Prefix::new(begun.start?)))
}

/// The stars that end what a star before a word began: `*stressed*`, `*stressed words*`.
fn closing_stars(text: &str) -> HashSet<usize> {
    let mut closing = HashSet::new();
    let mut is_open = false;
    for (at, _) in text.match_indices('*') {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let after = text.get(at + 1..).and_then(|text| text.chars().next());
        if before == Some('*') || after == Some('*') {
            continue;
        }
        if before.is_none_or(|c| !c.is_alphanumeric()) && after.is_some_and(char::is_alphanumeric) {
            is_open = true;
        } else if is_open && before.is_some_and(|c| !c.is_whitespace()) {
            closing.insert(at);
            is_open = false;
        }
    }
    closing
}
