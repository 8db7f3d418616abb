//! Text in the shape of what agents store, without being anybody's: words by Zipf's law, about 60 to a memory.
//!
//! The frequencies matter: a text index over equally frequent words is neither as large nor as slow as over real
//! ones. Word rank r is drawn with a weight of 1 / r (Zipf 1949); 20,000 words is an adult's active vocabulary.
//!
//! **Invariant:** the texts of a seed never change.

use crate::random::Random;

/// How many words the vocabulary has.
const VOCABULARY: usize = 20_000;
/// How many words a memory has on average; the sizes on disk that the project states are for this.
pub const WORDS_PER_MEMORY: usize = 60;
/// The vocabulary is one and the same for all salads, so that two of them share words as two people do.
const VOCABULARY_SEED: u64 = 0x006a_6179;

/// A generator of texts that belong to its seed.
#[derive(Clone, Debug)]
pub struct Salad {
    random: Random,
    words: Vec<String>,
    /// For each word the sum of the weights up to and with it.
    weights: Vec<f64>,
}

impl Salad {
    /// The generator of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let words = vocabulary();
        let mut sum = 0.0;
        let weights = (1..=u32::try_from(words.len()).unwrap_or(u32::MAX))
            .map(|rank| {
                sum += 1.0 / f64::from(rank);
                sum
            })
            .collect();
        Self { random: Random::new(seed), words, weights }
    }

    /// One word, frequent ones more often.
    pub fn word(&mut self) -> &str {
        let total = self.weights.last().copied().unwrap_or_default();
        let drawn = self.random.fraction() * total;
        let rank = self.weights.partition_point(|sum| *sum <= drawn);
        self.words.get(rank).map_or("", String::as_str)
    }

    /// A text of exactly `count` words in sentences of 5 to 14.
    pub fn text(&mut self, count: usize) -> String {
        let mut text = String::with_capacity(count * 8);
        let mut left_in_sentence = 0_u64;
        for at in 0..count {
            let starts = left_in_sentence == 0;
            if starts {
                left_in_sentence = 5 + self.random.below(10);
                if at > 0 {
                    text.push('.');
                }
            }
            if at > 0 {
                text.push(' ');
            }
            let word = self.word();
            let mut letters = word.chars();
            match letters.next() {
                Some(first) if starts => {
                    text.extend(first.to_uppercase());
                    text.push_str(letters.as_str());
                }
                _ => text.push_str(word),
            }
            left_in_sentence -= 1;
        }
        if count > 0 {
            text.push('.');
        }
        text
    }

    /// The text of one memory: 30 to 90 words, [`WORDS_PER_MEMORY`] on average.
    pub fn memory(&mut self) -> String {
        let count = WORDS_PER_MEMORY / 2 + self.random.index(WORDS_PER_MEMORY + 1);
        self.text(count)
    }

    /// The texts of `count` memories.
    pub fn memories(&mut self, count: usize) -> impl Iterator<Item = String> {
        (0..count).map(|_| self.memory())
    }
}

/// Pronounceable words, all different; frequent ones are short, as in any language.
fn vocabulary() -> Vec<String> {
    const ONSETS: [&str; 20] =
        ["b", "br", "c", "d", "dr", "f", "g", "gr", "h", "k", "l", "m", "n", "p", "r", "s", "st", "t", "tr", "v"];
    const NUCLEI: [&str; 8] = ["a", "e", "i", "o", "u", "ai", "ea", "ou"];
    const CODAS: [&str; 8] = ["", "", "n", "r", "s", "t", "l", "nd"];
    let mut random = Random::new(VOCABULARY_SEED);
    let mut seen = std::collections::HashSet::new();
    let mut words = Vec::with_capacity(VOCABULARY);
    while words.len() < VOCABULARY {
        let rank = words.len();
        let syllables = 1 + usize::from(rank >= 200) + usize::from(rank >= 4_000) * random.index(2);
        let word: String = (0..syllables)
            .flat_map(|_| [random.pick(&ONSETS), random.pick(&NUCLEI), random.pick(&CODAS)])
            .flatten()
            .copied()
            .collect();
        if seen.insert(word.clone()) {
            words.push(word);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn the_texts_of_a_seed_are_fixed() {
        assert_eq!(Salad::new(1).memory(), Salad::new(1).memory());
        assert_ne!(Salad::new(1).memory(), Salad::new(2).memory());
    }

    #[test]
    fn a_text_has_the_words_asked_for() {
        let mut salad = Salad::new(5);
        for count in [0, 1, 2, 59, 200] {
            assert_eq!(salad.text(count).split_whitespace().count(), count);
        }
        let words: usize = salad.memories(1_000).map(|text| text.split(' ').count()).sum();
        assert!((57_000..63_000).contains(&words), "{words}");
    }

    #[test]
    fn the_most_frequent_word_is_about_twice_as_frequent_as_the_next() {
        let mut salad = Salad::new(9);
        let mut counts: HashMap<String, u32> = HashMap::new();
        for _ in 0..200_000 {
            *counts.entry(salad.word().to_owned()).or_default() += 1;
        }
        let mut sorted: Vec<u32> = counts.values().copied().collect();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        let ratio = f64::from(sorted[0]) / f64::from(sorted[1]);
        assert!((1.8..2.2).contains(&ratio), "{ratio}");
        assert!(sorted.len() > 10_000, "only {} different words", sorted.len());
    }
}
