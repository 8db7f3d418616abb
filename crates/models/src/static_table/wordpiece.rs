//! Reads a text as BERT does: cleaned, accents stripped, lower-cased, cut at white space and around punctuation and
//! Chinese characters, each word then covered greedily by the longest tokens.
//!
//! **Invariant:** the ids equal those of the tokenizers library for the model's tokenizer.json, but that special
//! tokens are never read out of a text: what a user wrote is text.

use super::vocabulary::{self, Kind, TokenId, UNKNOWN};
use unicode_normalization::char::decompose_canonical;

/// A word of more characters is unknown.
const WORD_CHARS_MAX: usize = 100;

/// The word that is being read and its tokens; kept between texts so that they cost no memory anew.
#[derive(Debug, Default)]
pub(super) struct Reader {
    word: String,
    /// Characters of the word, also those beyond the maximum, which `word` does not hold.
    chars: usize,
    ids: Vec<TokenId>,
}

impl Reader {
    /// Calls `take` with the tokens of each word, in order.
    pub(super) fn read(&mut self, text: &str, mut take: impl FnMut(&[TokenId])) {
        for c in text.chars() {
            if c.is_ascii_alphanumeric() {
                self.push(c.to_ascii_lowercase());
                continue;
            }
            match vocabulary::kind(c) {
                Kind::Dropped => {}
                Kind::Space => self.finish(&mut take),
                Kind::Single => {
                    self.finish(&mut take);
                    self.fold(c, &mut take);
                    self.finish(&mut take);
                }
                Kind::Plain | Kind::Punctuation => self.fold(c, &mut take),
            }
        }
        self.finish(&mut take);
    }

    /// Takes the character without its accents and in lower case; what it becomes may again be punctuation.
    fn fold(&mut self, c: char, take: &mut impl FnMut(&[TokenId])) {
        decompose_canonical(c, |part| {
            if vocabulary::kind(part) == Kind::Dropped {
                return;
            }
            for lower in part.to_lowercase() {
                if vocabulary::kind(lower) == Kind::Punctuation {
                    self.finish(take);
                    self.push(lower);
                    self.finish(take);
                } else {
                    self.push(lower);
                }
            }
        });
    }

    fn push(&mut self, c: char) {
        self.chars += 1;
        if self.chars <= WORD_CHARS_MAX {
            self.word.push(c);
        }
    }

    /// Ends the word, if there is one.
    fn finish(&mut self, take: &mut impl FnMut(&[TokenId])) {
        if self.chars == 0 {
            return;
        }
        self.ids.clear();
        let mut rest = if self.chars > WORD_CHARS_MAX { "" } else { self.word.as_str() };
        while let Some((id, len)) = vocabulary::longest(rest, !self.ids.is_empty()) {
            self.ids.push(id);
            rest = rest.get(len..).unwrap_or_default();
        }
        if !rest.is_empty() || self.ids.is_empty() {
            // One part without a token makes the whole word unknown.
            self.ids.clear();
            self.ids.push(UNKNOWN);
        }
        take(&self.ids);
        self.word.clear();
        self.chars = 0;
    }
}
