//! Near-duplicates by token overlap, with the differences that matter compared first.
//!
//! Two texts that share nearly every word may say the opposite. So numbers, negations, identifiers, names and words of
//! opposite meaning are compared before similarity is believed.
//!
//! **Invariant:** a doubt means "different": the cost is a memory too many, never one that was silently taken for another.

mod opposites;
mod sketch;

pub use sketch::Sketch;

use crate::analyse::{self, TokenKind};
use opposites::{opposable, opposite};
use std::collections::BTreeSet;

/// Share of common distinct words from which two texts can be near-duplicates (Jaccard).
pub const WORDS_MIN: f64 = 0.8;
/// Share of common neighbouring word pairs: the same words in another order are another statement.
pub const PAIRS_MIN: f64 = 0.5;

/// Why two texts of similar words are not near.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Difference {
    /// Numbers, versions, dates or ports differ, or their order.
    Numbers,
    /// One negates what the other does not.
    Negation,
    /// Identifiers, paths or hosts differ.
    Identifiers,
    /// Capitalised names differ.
    Names,
    /// One holds the opposite of a word of the other.
    Opposites,
    /// Too few words, or pairs of words, are common.
    Words,
}

/// What comparing two texts says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// The same words in the same order.
    Same,
    /// Near-duplicates; the share of common words.
    Near(f64),
    /// Different, and by what.
    Different(Difference),
}

impl Verdict {
    /// Whether the texts are the same or near.
    #[must_use]
    pub const fn is_near(&self) -> bool {
        !matches!(self, Self::Different(_))
    }
}

/// What of a text is compared; made once per text. Words are kept as 64-bit hashes: they are many, and a collision
/// would only make two texts look a word more alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// In order of the text.
    sequence: Vec<u64>,
    /// Sorted and distinct.
    words: Vec<u64>,
    /// Neighbouring words, sorted and distinct.
    pairs: Vec<u64>,
    numbers: Vec<String>,
    negated: Vec<String>,
    identifiers: BTreeSet<String>,
    names: BTreeSet<u64>,
    /// Words that have an opposite.
    opposable: BTreeSet<&'static str>,
}

impl Fingerprint {
    /// Reads a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut out = Self::default();
        let mut negating = false;
        let tokens = analyse::tokens(text);
        let mut previous_end = 0;
        for token in &tokens {
            let surface = text.get(token.span.clone()).unwrap_or_default();
            let starts_sentence = out.sequence.is_empty()
                || text.get(previous_end..token.span.start).is_some_and(|gap| gap.contains(['.', '!', '?', '\n', ':']));
            previous_end = previous_end.max(token.span.end);
            match token.kind {
                TokenKind::Part | TokenKind::Character => continue,
                TokenKind::Number => out.numbers.push(token.term.clone()),
                TokenKind::Whole => drop(out.identifiers.insert(token.term.clone())),
                TokenKind::Word => {
                    let lower = analyse::fold(surface).to_lowercase();
                    if !starts_sentence && !token.stop && surface.chars().next().is_some_and(char::is_uppercase) {
                        out.names.insert(hash(token.term.bytes()));
                    }
                    if is_negation(&lower) {
                        negating = true;
                        continue;
                    }
                    out.opposable.extend(opposable(&lower));
                }
                TokenKind::Pair | TokenKind::Emoji => {}
            }
            if negating && !token.stop {
                out.negated.push(token.term.clone());
                negating = false;
            }
            out.sequence.push(hash(token.term.bytes()));
        }
        if negating {
            out.negated.push(String::new());
        }
        out.negated.sort_unstable();
        out.words = distinct(out.sequence.clone());
        out.pairs = distinct(out.sequence.iter().zip(out.sequence.iter().skip(1)).map(|(a, b)| pair(*a, *b)).collect());
        out
    }

    /// Share of distinct words common with `other`, 0 to 1.
    #[must_use]
    pub fn overlap(&self, other: &Self) -> f64 {
        jaccard(&self.words, &other.words)
    }

    /// Compares with another text.
    #[must_use]
    pub fn near(&self, other: &Self) -> Verdict {
        if self.numbers != other.numbers {
            return Verdict::Different(Difference::Numbers);
        }
        if self.negated != other.negated {
            return Verdict::Different(Difference::Negation);
        }
        if self.identifiers != other.identifiers {
            return Verdict::Different(Difference::Identifiers);
        }
        if self.sequence == other.sequence {
            // Texts without a word (`!!!`, `???`) have nothing by which they could be told to be the same.
            let empty = self.sequence.is_empty() && self.negated.is_empty();
            return if empty { Verdict::Different(Difference::Words) } else { Verdict::Same };
        }
        // A name at the start of a sentence looks like any word, so each side is looked up in all words of the other.
        if self.names.iter().any(|n| other.words.binary_search(n).is_err())
            || other.names.iter().any(|n| self.words.binary_search(n).is_err())
        {
            return Verdict::Different(Difference::Names);
        }
        if opposite(&self.opposable, &other.opposable) {
            return Verdict::Different(Difference::Opposites);
        }
        let words = self.overlap(other);
        if words < WORDS_MIN || jaccard(&self.pairs, &other.pairs) < PAIRS_MIN {
            return Verdict::Different(Difference::Words);
        }
        Verdict::Near(words)
    }
}

/// Compares two texts. For one text against many, make the [`Fingerprint`]s once.
#[must_use]
pub fn near(a: &str, b: &str) -> Verdict {
    if Sketch::of(a).is_far(&Sketch::of(b)) {
        return Verdict::Different(Difference::Words);
    }
    Fingerprint::of(a).near(&Fingerprint::of(b))
}

/// Negation is a word: "not", "never", "no" (also of "no longer"), "without", a verb with n't; never a substring.
fn is_negation(word: &str) -> bool {
    matches!(word, "not" | "never" | "no" | "nor" | "neither" | "cannot" | "without" | "none" | "nobody" | "nothing")
        || word.ends_with("n't")
        || matches!(
            word,
            "dont" | "doesnt" | "didnt" | "isnt" | "wasnt" | "arent" | "werent" | "wont" | "cant" | "shouldnt"
        )
}

/// FNV-1a, 64 bits: the same on every machine and version, since an order may hang on it.
fn hash(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Of two neighbours, in their order.
fn pair(a: u64, b: u64) -> u64 {
    (a.rotate_left(17) ^ b).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn distinct(mut hashes: Vec<u64>) -> Vec<u64> {
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}

/// Common share of two sorted, distinct lists; 1 where both are empty.
fn jaccard(a: &[u64], b: &[u64]) -> f64 {
    let (mut left, mut right, mut common) = (0, 0, 0);
    // Which one is less is a toss: without a branch, nothing is guessed wrong.
    while let (Some(x), Some(y)) = (a.get(left), b.get(right)) {
        common += usize::from(x == y);
        left += usize::from(x <= y);
        right += usize::from(y <= x);
    }
    let all = a.len() + b.len() - common;
    if all == 0 { 1.0 } else { common as f64 / all as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Difference::{Identifiers, Names, Negation, Numbers, Opposites, Words};
    use proptest::prelude::*;

    #[test]
    fn what_differs_in_what_matters_is_not_near() {
        for (a, b, difference) in [
            ("staging postgres listens on port 5432", "staging postgres listens on port 5433", Numbers),
            ("upgrade the agent to v1.2.3 this week", "upgrade the agent to v1.2.4 this week", Numbers),
            ("move it from 5432 to 5433", "move it from 5433 to 5432", Numbers),
            ("the flag is enabled in the test cluster", "the flag is not enabled in the test cluster", Negation),
            ("we use the cache in the build", "we no longer use the cache in the build", Negation),
            ("you should run the linter first", "you shouldn't run the linter first", Negation),
            ("always call parse_header before the loop", "always call parse_footer before the loop", Identifiers),
            ("see src/a.rs for the parser of dates", "see src/b.rs for the parser of dates", Identifiers),
            (
                "the review of the plan was done by Alice on time",
                "the review of the plan was done by Bob on time",
                Names,
            ),
            (
                "the retry flag is enabled in the test cluster",
                "the retry flag is disabled in the test cluster",
                Opposites,
            ),
            ("run the migration before the big deploy", "run the migration after the big deploy", Opposites),
            ("alice owes bob money", "bob owes alice money", Words),
            ("the build uses make", "tests run in parallel", Words),
        ] {
            assert_eq!(near(a, b), Verdict::Different(difference), "{a} | {b}");
            assert_eq!(near(b, a), Verdict::Different(difference), "{b} | {a}");
        }
    }

    #[test]
    fn small_changes_of_wording_are_near() {
        for (a, b) in [
            ("Staging Postgres listens on 5433, not 5432", "staging postgres listens on 5433, not 5432."),
            ("the deploy script needs another notify step", "the deploy script needs another notify step now"),
            ("never push to main on a friday evening", "do not push to main on a friday evening"),
            ("the release notes are written by the bot each week", "the release note is written by the bot each week"),
            ("東京都の天気は晴れです", "東京都の天気は晴れです。"),
        ] {
            let verdict = near(a, b);
            assert!(verdict.is_near(), "{a} | {b}: {verdict:?}");
        }
    }

    #[test]
    fn negation_is_a_word() {
        assert!(Fingerprint::of("another notify knot nothingness cannon").negated.is_empty());
        assert_eq!(Fingerprint::of("don’t use tabs").negated, ["use"]);
    }

    proptest! {
        #[test]
        fn comparing_is_symmetric_and_reflexive(a in "([a-z]{1,4} |not |5 |a.b ){1,12}", b in "([a-z]{1,4} |not |5 |a.b ){1,12}") {
            prop_assert_eq!(near(&a, &b), near(&b, &a));
            prop_assert!(near(&a, &a).is_near());
        }
    }
}
