//! Words of opposite meaning: two texts that differ in one of them say different things.
//!
//! **Invariant:** pairs are whole words, compared lower-cased and folded; no word is the opposite of itself.

use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Pairs of opposites; stems are not needed.
const OPPOSITES: &[(&str, &str)] = &[
    ("enabled", "disabled"),
    ("enable", "disable"),
    ("enables", "disables"),
    ("true", "false"),
    ("on", "off"),
    ("yes", "no"),
    ("before", "after"),
    ("always", "never"),
    ("allow", "deny"),
    ("allowed", "denied"),
    ("allowed", "forbidden"),
    ("include", "exclude"),
    ("included", "excluded"),
    ("with", "without"),
    ("up", "down"),
    ("start", "stop"),
    ("started", "stopped"),
    ("open", "closed"),
    ("open", "close"),
    ("add", "remove"),
    ("added", "removed"),
    ("increase", "decrease"),
    ("increased", "decreased"),
    ("more", "less"),
    ("above", "below"),
    ("over", "under"),
    ("first", "last"),
    ("public", "private"),
    ("read", "write"),
    ("sync", "async"),
    ("success", "failure"),
    ("succeeded", "failed"),
    ("works", "fails"),
    ("passes", "fails"),
    ("valid", "invalid"),
    ("safe", "unsafe"),
    ("possible", "impossible"),
    ("required", "optional"),
    ("required", "forbidden"),
    ("staging", "production"),
    ("client", "server"),
    ("source", "target"),
    ("min", "max"),
    ("minimum", "maximum"),
    ("left", "right"),
    ("old", "new"),
    ("local", "remote"),
    ("master", "main"),
    ("push", "pull"),
    ("upload", "download"),
    ("encrypt", "decrypt"),
    ("lock", "unlock"),
    ("locked", "unlocked"),
    ("accept", "reject"),
    ("accepted", "rejected"),
    ("in", "out"),
    ("all", "none"),
    ("everyone", "nobody"),
    ("likes", "hates"),
    ("love", "hate"),
    ("loves", "hates"),
    ("like", "dislike"),
    ("good", "bad"),
    ("same", "different"),
    ("early", "late"),
    ("earlier", "later"),
    ("faster", "slower"),
    ("fast", "slow"),
    ("and", "or"),
    ("must", "may"),
    ("dev", "prod"),
];

/// The word as [`OPPOSITES`] holds it, if it does.
pub(super) fn opposable(word: &str) -> Option<&'static str> {
    static WORDS: LazyLock<BTreeSet<&str>> = LazyLock::new(|| OPPOSITES.iter().flat_map(|(a, b)| [*a, *b]).collect());
    WORDS.get(word).copied()
}

pub(super) fn opposite(a: &BTreeSet<&str>, b: &BTreeSet<&str>) -> bool {
    let only = |x: &str, y: &str, here: &BTreeSet<&str>, there: &BTreeSet<&str>| {
        here.contains(x) && !there.contains(x) && there.contains(y) && !here.contains(y)
    };
    OPPOSITES.iter().any(|(x, y)| only(x, y, a, b) || only(x, y, b, a))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_differs_both_ways_and_only_where_neither_side_holds_both() {
        let words = |words: &[&'static str]| words.iter().copied().filter_map(opposable).collect::<BTreeSet<_>>();
        assert!(opposite(&words(&["on"]), &words(&["off"])) && opposite(&words(&["off"]), &words(&["on"])));
        assert!(!opposite(&words(&["on", "off"]), &words(&["off"])));
        assert!(!opposite(&words(&["on"]), &words(&["down"])));
        assert!(OPPOSITES.iter().all(|(a, b)| a != b));
    }
}
