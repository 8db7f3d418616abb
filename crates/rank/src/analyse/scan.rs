//! Cuts a text into runs: words with the joiners inside them, stretches of unspaced scripts, emoji.
//!
//! Word boundaries follow UAX #29 in spirit; joiners of code (`.`, `-`, `_`, `/`, `\`, `:`, `@`) stay inside a run
//! where a word character stands on both sides, so that a sentence's full stop is never part of a word.

use std::ops::Range;
use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation as _;

/// A stretch of text that is analysed as one.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Word characters with single joiners between them.
    Run(&'a str),
    /// Characters of scripts written without spaces.
    Unspaced(&'a str),
    /// One emoji, as a grapheme cluster.
    Emoji(&'a str),
}

/// Iterator over the pieces of a text with their byte spans.
pub(super) struct Pieces<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self, from: usize) -> &'a str {
        self.text.get(from..).unwrap_or_default()
    }

    /// End of the run that starts at `start` with a word character.
    fn end_of_run(&self, start: usize) -> usize {
        let mut end = start;
        loop {
            let word_end =
                self.rest(end).char_indices().find(|(_, c)| !is_word(*c)).map_or(self.text.len(), |(i, _)| end + i);
            let joiner_end =
                self.rest(word_end).char_indices().take(4).find(|(_, c)| !is_joiner(*c)).map(|(i, _)| word_end + i);
            end = word_end;
            let Some(next) = joiner_end.filter(|next| *next > word_end) else { return end };
            let joiners = self.text.get(word_end..next).unwrap_or_default();
            let before = self.text.get(..word_end).and_then(|t| t.chars().next_back());
            let after = self.rest(next).chars().next();
            if !after.is_some_and(is_word) || !joins(joiners, before, after) {
                return end;
            }
            end = next;
        }
    }
}

/// Whether these joiners between two word characters keep them in one run.
fn joins(joiners: &str, before: Option<char>, after: Option<char>) -> bool {
    let letters = before.is_some_and(char::is_alphabetic) && after.is_some_and(char::is_alphabetic);
    match joiners {
        "'" | "’" => letters,
        "." | "-" | "/" | "\\" | ":" | "@" | "_" => true,
        more => !more.contains(['\'', '’']) && more.contains(['/', '\\', ':', '_']),
    }
}

fn is_joiner(c: char) -> bool {
    matches!(c, '.' | '-' | '_' | '/' | '\\' | ':' | '@' | '\'' | '’')
}

fn is_word(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric();
    }
    !is_unspaced(c)
        && !is_emoji(c)
        && (c.is_alphanumeric() || is_combining_mark(c) || matches!(c, '\u{ad}' | '\u{200c}'))
}

/// Scripts that do not put spaces between words (and Hangul, whose particles stick to words).
fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1100}'..='\u{11ff}' | '\u{1780}'..='\u{17ff}'
        | '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30fa}' | '\u{30fc}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{a960}'..='\u{a97f}' | '\u{ac00}'..='\u{d7ff}'
        | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ffdc}' | '\u{1b000}'..='\u{1b16f}' | '\u{20000}'..='\u{323af}')
}

fn is_emoji(c: char) -> bool {
    matches!(c,
        '\u{2600}'..='\u{27bf}' | '\u{2b05}'..='\u{2b07}' | '\u{2b1b}' | '\u{2b1c}' | '\u{2b50}' | '\u{2b55}'
        | '\u{231a}' | '\u{231b}' | '\u{23e9}'..='\u{23fa}' | '\u{1f000}'..='\u{1f0ff}' | '\u{1f170}'..='\u{1f1ff}'
        | '\u{1f300}'..='\u{1faff}')
}

impl<'a> Iterator for Pieces<'a> {
    type Item = (Range<usize>, Piece<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (skipped, first) =
            self.rest(self.at).char_indices().find(|(_, c)| is_word(*c) || is_unspaced(*c) || is_emoji(*c))?;
        let start = self.at + skipped;
        let end = if is_word(first) {
            self.end_of_run(start)
        } else if is_unspaced(first) {
            let inside = |c: char| is_unspaced(c) || is_combining_mark(c);
            self.rest(start).char_indices().find(|(_, c)| !inside(*c)).map_or(self.text.len(), |(i, _)| start + i)
        } else {
            start + self.rest(start).graphemes(true).next().map_or(first.len_utf8(), str::len)
        };
        let slice = self.text.get(start..end).unwrap_or_default();
        // `c++`, `c#` and `f#` are the only words whose last character is punctuation.
        let (end, slice) = match (slice, self.rest(end)) {
            ("C" | "c", rest) if rest.starts_with("++") => (end + 2, "cpp"),
            ("C" | "c", rest) if rest.starts_with('#') => (end + 1, "csharp"),
            ("F" | "f", rest) if rest.starts_with('#') => (end + 1, "fsharp"),
            _ => (end, slice),
        };
        self.at = end.max(start + first.len_utf8());
        let piece = if is_word(first) {
            Piece::Run(slice)
        } else if is_unspaced(first) {
            Piece::Unspaced(slice)
        } else {
            Piece::Emoji(slice)
        };
        Some((start..end, piece))
    }
}
