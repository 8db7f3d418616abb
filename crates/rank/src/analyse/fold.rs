//! Folding to base letters and stemming.

use rust_stemmers::{Algorithm, Stemmer};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use unicode_normalization::UnicodeNormalization as _;

/// Removes accents: compatibility decomposition, Latin, Greek and Cyrillic marks dropped, then composed again so that
/// Hangul syllables and Japanese voicing marks stay whole. Case is kept.
pub(crate) fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.nfkd().filter(|c| !is_dropped(*c)).nfc() {
        match c {
            'ß' => out.push_str("ss"),
            'ẞ' => out.push_str("SS"),
            'æ' => out.push_str("ae"),
            'Æ' => out.push_str("AE"),
            'œ' => out.push_str("oe"),
            'Œ' => out.push_str("OE"),
            'ø' => out.push('o'),
            'Ø' => out.push('O'),
            'ł' => out.push('l'),
            'Ł' => out.push('L'),
            'đ' | 'ð' => out.push('d'),
            'Đ' | 'Ð' => out.push('D'),
            'þ' => out.push_str("th"),
            'Þ' => out.push_str("Th"),
            'ı' => out.push('i'),
            '’' | '‘' | 'ʼ' => out.push('\''),
            _ => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Combining diacritical marks, variation selectors and characters that are not seen.
fn is_dropped(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}')
}

thread_local! {
    /// Texts repeat their words, and one another's.
    static STEMS: RefCell<Stems> = RefCell::default();
}

/// Stems that one thread remembers: a text of 60 words has about 40 different ones, half of them in any other text.
const KNOWN_MAX: usize = 16_384;

/// Snowball English stems with a memory.
struct Stems {
    stemmer: Stemmer,
    known: HashMap<String, String>,
}

impl Default for Stems {
    fn default() -> Self {
        Self { stemmer: Stemmer::create(Algorithm::English), known: HashMap::new() }
    }
}

impl Stems {
    fn stem(&mut self, word: &str) -> String {
        if let Some(stem) = self.known.get(word) {
            return stem.clone();
        }
        let stem = self.stemmer.stem(word).into_owned();
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        self.known.insert(word.to_owned(), stem.clone());
        stem
    }
}

/// The stem of a lower-case word; words that are not ASCII letters are returned as they are.
pub(crate) fn stem(word: &str) -> String {
    if word.len() <= 2 || !word.bytes().all(|b| b.is_ascii_lowercase()) {
        return word.to_owned();
    }
    STEMS.with_borrow_mut(|stems| stems.stem(word))
}
