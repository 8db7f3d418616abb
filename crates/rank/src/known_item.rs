//! Known-item questions: a question whose answer is known, made of a text that is in the store.
//!
//! Whoever has no questions with answers can still see what recall finds: a few words of a text, none of which tells it by
//! itself, are a question that the text should answer.
//!
//! **Invariant:** the same text and frequencies make the same question.

use crate::analyse::{self, TokenKind};

/// Words of a question.
const WORDS: usize = 4;
/// With fewer it is a matter of luck what is found.
const WORDS_MIN: usize = 2;

/// A word of a text that a question may be made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// As it stands in the index.
    pub term: String,
    /// As it stands in the text.
    pub surface: String,
}

/// The distinct words of a text that say something, in their order.
#[must_use]
pub fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    for token in analyse::tokens(text) {
        let says_something = matches!(token.kind, TokenKind::Word | TokenKind::Whole | TokenKind::Pair) && !token.stop;
        if !says_something || words.iter().any(|word| word.term == token.term) {
            continue;
        }
        if let Some(surface) = text.get(token.span.clone()) {
            words.push(Word { surface: surface.to_owned(), term: token.term });
        }
    }
    words
}

/// The question: the rarest words that at least one other document holds too, in their order; words that stand nowhere else
/// come in only where there are too few. None where the text has too little to say.
#[must_use]
pub fn question(words: &[Word], frequencies: &[u64]) -> Option<String> {
    let mut ranked: Vec<(bool, u64, usize)> =
        words.iter().zip(frequencies).enumerate().map(|(place, (_, held))| (*held < 2, *held, place)).collect();
    ranked.sort_unstable();
    let shared = ranked.iter().filter(|(is_alone, ..)| !is_alone).count();
    ranked.truncate(if shared >= WORDS_MIN { shared.min(WORDS) } else { WORDS_MIN });
    if ranked.len() < WORDS_MIN {
        return None;
    }
    let mut places: Vec<usize> = ranked.into_iter().map(|(.., place)| place).collect();
    places.sort_unstable();
    let words: Vec<&str> = places.iter().filter_map(|place| words.get(*place)).map(|w| w.surface.as_str()).collect();
    Some(words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_has_rare_words_that_others_have_too() {
        let words = words("The staging database listens on port 5433 because zeppelins block the port of billing");
        let terms: Vec<&str> = words.iter().map(|word| word.surface.as_str()).collect();
        assert_eq!(terms, ["staging", "database", "listens", "port", "zeppelins", "block", "billing"]);
        let frequencies = [5, 9, 2, 9, 1, 3, 4];
        assert_eq!(question(&words, &frequencies).as_deref(), Some("staging listens block billing"));
        assert_eq!(question(&words, &[1; 7]).as_deref(), Some("staging database"), "all of it is new here");
        assert_eq!(question(&words[..1], &[3]), None);
        assert_eq!(question(&[], &[]), None);
    }
}
