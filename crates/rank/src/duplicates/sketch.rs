//! A look at the bytes of a text: enough to tell most pairs apart, at a fiftieth of what reading them for their
//! [`Fingerprint`](super::Fingerprint)s costs.
//!
//! **Invariant:** texts that are near are never far.

use super::{distinct, hash, jaccard};
use crate::analyse::is_stop_word;

/// Words by their first letters, since endings differ between near texts; hashes, sorted and distinct.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    words: Vec<u64>,
    /// Those that are no stop words.
    content: Vec<u64>,
    /// Where words of other scripts are among them, bytes tell too little.
    is_ascii: bool,
}

impl Sketch {
    /// Reads a text: runs of letters and digits, of other scripts their neighbouring letters.
    #[must_use]
    pub fn of(text: &str) -> Self {
        const COMPARED_BYTES: usize = 5;
        let (mut stops, mut content) = (Vec::new(), Vec::with_capacity(text.len() / 6));
        let mut lower = String::new();
        for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            if word.is_ascii() {
                word.clone_into(&mut lower);
                lower.make_ascii_lowercase();
            } else {
                lower = word.to_lowercase();
            }
            if lower.is_ascii() {
                let start = lower.as_bytes().get(..COMPARED_BYTES).unwrap_or(lower.as_bytes());
                let list = if is_stop_word(&lower) { &mut stops } else { &mut content };
                list.push(hash(start.iter().copied()));
            } else {
                let letters: Vec<char> = lower.chars().collect();
                content
                    .extend(letters.windows(2).map(|two| hash(two.iter().flat_map(|c| u32::from(*c).to_le_bytes()))));
            }
        }
        let content = distinct(content);
        Self { words: distinct([stops, content.clone()].concat()), content, is_ascii: text.is_ascii() }
    }

    /// Share of distinct words common with `other`, 0 to 1, give or take endings and stop words.
    #[must_use]
    pub fn overlap(&self, other: &Self) -> f64 {
        jaccard(&self.content, &other.content)
    }

    /// True where too few words are common for near-duplicates, which is so for most pairs. Endings differ, so that the
    /// bound is far below [`WORDS_MIN`](super::WORDS_MIN).
    #[must_use]
    pub fn is_far(&self, other: &Self) -> bool {
        const SHARE_MIN: f64 = 0.3;
        /// In few words an ending more or less is a large share.
        const WORDS_FEW: usize = 12;
        let are_long = self.words.len() >= WORDS_FEW && other.words.len() >= WORDS_FEW;
        self.is_ascii && other.is_ascii && are_long && jaccard(&self.words, &other.words) < SHARE_MIN
    }
}

#[cfg(test)]
mod tests {
    use super::super::Fingerprint;
    use super::*;
    use proptest::prelude::*;

    fn are_far(a: &str, b: &str) -> bool {
        Sketch::of(a).is_far(&Sketch::of(b))
    }

    #[test]
    fn a_look_at_the_bytes_turns_away_only_what_is_different() {
        let a =
            "The staging database of the billing team listens on port 5433 and is restarted by Caroline each Monday";
        let endings = "the STAGED databases of the billed teams listened on ports 5433 and are restarting by Caroline each Monday";
        assert!(!are_far(a, endings));
        assert!(are_far(
            a,
            "We went to the garden in spring, planted four rows of beans and ate them with my sister later"
        ));
        assert!(!are_far("a b", "c d"), "too short to tell");
        assert!(!are_far("東京都の天気は晴れです", "x"));
    }

    #[test]
    fn every_script_overlaps_with_itself() {
        let overlap = |a: &str, b: &str| Sketch::of(a).overlap(&Sketch::of(b));
        assert!(overlap("東京都の天気は晴れです", "東京都の天気は雨です") > 0.4);
        assert!(overlap("東京都の天気は晴れです", "서울 데이터센터는 점검합니다") < 0.1);
        assert!(overlap("Die Grüße gehen über den Dienst", "GRÜẞE gehen über einen Dienst") > 0.5);
        assert_eq!(overlap("", ""), 1.0);
    }

    proptest! {
        #[test]
        fn what_is_near_is_never_far(a in "([A-Za-z]{1,7}[ ,.]|not |5 |a.b ){1,24}", b in "([A-Za-z]{1,7}[ ,.]|not |5 |a.b ){1,24}") {
            prop_assert!(!are_far(&a, &a) && !are_far(&a, &a.to_ascii_uppercase()));
            prop_assert!(!(are_far(&a, &b) && Fingerprint::of(&a).near(&Fingerprint::of(&b)).is_near()));
        }
    }
}
