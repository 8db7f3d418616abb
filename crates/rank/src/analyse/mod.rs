//! Text to terms: the one analysis behind the text index, queries, duplicate checks and snippets.
//!
//! A run of text becomes folded, lower-cased, stemmed words; a code identifier, path, version or date is kept whole
//! (separators written `_`) and also split into its parts; CJK text becomes characters and pairs of characters.
//!
//! The terms are joined by blanks and the text index only counts them: it has nothing left to decide and cannot
//! disagree with this module.
//!
//! **Invariant:** every term consists of lower-case ASCII letters, ASCII digits, `_` and non-ASCII characters only,
//! is not empty and has at most [`TERM_MAX_CHARS`] characters; index and query make the same terms of the same run.

mod fold;
mod question;
mod scan;
mod split;
mod stop;

pub use question::is_question;
pub use stop::is_stop_word;

pub(crate) use fold::{fold, stem};
pub(crate) use split::start_of;

use scan::Piece;
use std::ops::Range;

/// Terms of one text at most; what follows is not analysed. A text of 64 KiB stays below it.
pub const TERMS_MAX: usize = 65_536;
/// Characters of one term at most; a longer word is cut, a longer compound is only indexed by its parts.
pub const TERM_MAX_CHARS: usize = 128;

/// What kind of thing a term is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenKind {
    /// A natural word, folded and stemmed.
    Word,
    /// A compound kept whole: identifier, path, host with port.
    Whole,
    /// A part of a compound, stemmed if it consists of letters.
    Part,
    /// A number, version, date or address, kept whole.
    Number,
    /// One character of a script written without spaces.
    Character,
    /// Two neighbouring characters of a script written without spaces.
    Pair,
    /// An emoji.
    Emoji,
}

/// One term and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The term as it is indexed.
    pub term: String,
    /// What it is.
    pub kind: TokenKind,
    /// True for a natural word of the stop list.
    pub stop: bool,
    /// Bytes of it in the analysed text; all terms of one compound share the compound's.
    pub span: Range<usize>,
}

/// Collects terms up to [`TERMS_MAX`].
struct Sink {
    tokens: Vec<Token>,
    span: Range<usize>,
}

impl Sink {
    fn push(&mut self, term: String, kind: TokenKind, stop: bool) {
        if !term.is_empty() && self.tokens.len() < TERMS_MAX {
            self.tokens.push(Token { term, kind, stop, span: self.span.clone() });
        }
    }

    fn is_full(&self) -> bool {
        self.tokens.len() >= TERMS_MAX
    }
}

/// All tokens of `text` in order, at most [`TERMS_MAX`].
#[must_use]
pub fn tokens(text: &str) -> Vec<Token> {
    let mut sink = Sink { tokens: Vec::with_capacity(text.len() / 5), span: 0..0 };
    for (span, piece) in scan::Pieces::new(text) {
        sink.span = span;
        match piece {
            Piece::Run(run) => split::run(run, &mut sink),
            Piece::Unspaced(run) => unspaced(run, &mut sink),
            Piece::Emoji(emoji) => {
                let term: String = emoji.chars().filter(|c| *c != '\u{fe0f}' && !c.is_ascii()).collect();
                sink.push(term, TokenKind::Emoji, false);
            }
        }
        if sink.is_full() {
            break;
        }
    }
    sink.tokens
}

/// Characters and pairs interleaved, so that the terms of any part are a contiguous part of the terms of the whole
/// and a phrase query works.
fn unspaced(run: &str, sink: &mut Sink) {
    let folded: Vec<char> = fold::fold(run).chars().flat_map(char::to_lowercase).filter(|c| !c.is_ascii()).collect();
    let whole = sink.span.clone();
    let mut starts: Vec<usize> = run.char_indices().map(|(i, _)| whole.start + i).chain([whole.end]).collect();
    if starts.len() != folded.len() + 1 {
        // Folding joined or split characters, so that only the run's own place is known.
        starts.clear();
    }
    for (i, c) in folded.iter().enumerate() {
        let span = |chars: usize| Some(*starts.get(i)?..*starts.get(i + chars)?);
        sink.span = span(1).unwrap_or_else(|| whole.clone());
        sink.push(c.to_string(), TokenKind::Character, false);
        if let Some(next) = folded.get(i + 1) {
            sink.span = span(2).unwrap_or_else(|| whole.clone());
            sink.push([*c, *next].iter().collect(), TokenKind::Pair, false);
        }
    }
}

/// The terms of a document in order, duplicates kept.
#[must_use]
pub fn index_terms(text: &str) -> Vec<String> {
    tokens(text).into_iter().map(|token| token.term).collect()
}

/// The terms of a document joined by a space, as the text index takes them.
#[must_use]
pub fn index_text(text: &str) -> String {
    let tokens = tokens(text);
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    for token in &tokens {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&token.term);
    }
    out
}

/// The tokens of a query: as [`tokens`], without the single characters that stand in a pair, which would match
/// too much of a text written without spaces.
#[must_use]
pub fn query_tokens(text: &str) -> Vec<Token> {
    let tokens = tokens(text);
    let is_pair = |i: Option<usize>| i.and_then(|i| tokens.get(i)).is_some_and(|t| t.kind == TokenKind::Pair);
    // A pair always stands between its two characters.
    let in_pair: Vec<bool> = (0..tokens.len()).map(|i| is_pair(i.checked_sub(1)) || is_pair(Some(i + 1))).collect();
    tokens
        .into_iter()
        .zip(in_pair)
        .filter(|(token, in_pair)| token.kind != TokenKind::Character || !in_pair)
        .map(|(token, _)| token)
        .collect()
}

#[cfg(test)]
mod tests;
