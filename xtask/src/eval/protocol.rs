//! The arithmetic of the protocols, over ids.
//!
//! Any, all and fraction are three different figures that are all called recall: names here say which.
//!
//! **Invariant:** pure functions; a figure of a question lies between 0 and 1.

use std::collections::BTreeSet;

/// The share of the gold ids that were found.
pub(super) fn fraction(gold: &BTreeSet<String>, found: &[&str]) -> f64 {
    let found: BTreeSet<&str> = found.iter().copied().collect();
    let held = gold.iter().filter(|id| found.contains(id.as_str())).count();
    held as f64 / gold.len().max(1) as f64
}

/// 1 where at least one gold id was found.
pub(super) fn any(gold: &BTreeSet<String>, found: &[&str]) -> f64 {
    f64::from(found.iter().any(|id| gold.contains(*id)))
}

/// 1 where every gold id was found.
pub(super) fn all(gold: &BTreeSet<String>, found: &[&str]) -> f64 {
    f64::from(gold.iter().all(|id| found.contains(&id.as_str())))
}

/// One over the rank of the first gold id; 0 where none was found.
pub(super) fn reciprocal_rank(gold: &BTreeSet<String>, found: &[&str]) -> f64 {
    rank(found, |id| gold.contains(id)).map_or(0.0, |rank| 1.0 / rank as f64)
}

/// The rank, from 1, of the first that is wanted.
pub(super) fn rank(found: &[&str], is_wanted: impl Fn(&str) -> bool) -> Option<usize> {
    found.iter().position(|id| is_wanted(id)).map(|position| position + 1)
}

/// The first `k`.
pub(super) fn first<'a, 'b>(found: &'a [&'b str], k: usize) -> &'a [&'b str] {
    found.get(..k).unwrap_or(found)
}

/// Discounted cumulative gain as LongMemEval's scripts have it: `rel[0] + Σ rel[i] / log2(i + 1)` for i from 1. Ranks 1
/// and 2 therefore weigh the same, which the usual form does not do.
pub(super) fn dcg(relevant: impl Iterator<Item = bool>) -> f64 {
    let gains = relevant.enumerate().filter(|(_, is_relevant)| *is_relevant);
    // An empty sum of floats would be -0.
    gains.fold(0.0, |sum, (at, _)| sum + 1.0 / (at.max(1) as f64 + 1.0).log2())
}

/// That gain of the first `k`, over the best that an order of the whole corpus could have had.
///
/// `relevant_in_corpus` counts documents: where several carry the same label, each of them.
pub(super) fn ndcg(gold: &BTreeSet<String>, found: &[&str], relevant_in_corpus: usize, k: usize) -> f64 {
    let ideal = dcg(std::iter::repeat_n(true, relevant_in_corpus.min(k)));
    if ideal == 0.0 { 0.0 } else { dcg(first(found, k).iter().map(|id| gold.contains(*id))) / ideal }
}

/// How many of `found` must be taken until `k` different ones are among them; `corpus` where there are not so many.
pub(super) fn grown(found: &[&str], k: usize, corpus: usize) -> usize {
    let mut different = BTreeSet::new();
    let reached = found.iter().position(|label| {
        different.insert(*label);
        different.len() == k
    });
    reached.map_or_else(|| corpus.max(k), |position| position + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ids: &str) -> BTreeSet<String> {
        ids.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn any_all_and_fraction_are_three_figures() {
        let (gold, found) = (set("a b c"), ["x", "b", "a"]);
        assert_eq!(fraction(&gold, &found), 2.0 / 3.0);
        assert_eq!((any(&gold, &found), all(&gold, &found)), (1.0, 0.0));
        assert_eq!(reciprocal_rank(&gold, &found), 0.5);
        assert_eq!((any(&gold, &["x"]), reciprocal_rank(&gold, &["x"])), (0.0, 0.0));
        assert_eq!(all(&gold, &["c", "b", "a"]), 1.0);
        // The same id twice is one piece of evidence.
        assert_eq!(fraction(&gold, &["a", "a"]), 1.0 / 3.0);
    }

    #[test]
    fn k_is_held_and_may_be_more_than_was_found() {
        assert_eq!(first(&["a", "b"], 1), ["a"]);
        assert_eq!(first(&["a", "b"], 9), ["a", "b"]);
    }

    #[test]
    fn the_first_two_ranks_weigh_the_same() {
        // 1 + 1/log2(2) = 2; then 1/log2(3) = 0.6309, 1/log2(4) = 0.5.
        let gain = |relevant: &[bool]| dcg(relevant.iter().copied());
        assert_eq!((gain(&[true]), gain(&[false, true]), gain(&[true, true])), (1.0, 1.0, 2.0));
        assert!((gain(&[false, false, true]) - 0.630_93).abs() < 1e-5);
        assert!((gain(&[true, true, true, true]) - 3.130_93).abs() < 1e-5);
    }

    #[test]
    fn the_ideal_order_is_one_of_the_whole_corpus() {
        // Found one of three at rank 3, k = 3: 0.6309 / (1 + 1 + 0.6309) = 0.2398. An ideal among the found alone
        // would have made it 0.6309.
        let gold = set("a b c");
        assert!((ndcg(&gold, &["x", "y", "a"], 3, 3) - 0.239_81).abs() < 1e-5);
        // k = 1 holds one of them at best.
        assert_eq!(ndcg(&gold, &["a", "x"], 3, 1), 1.0);
        assert_eq!(ndcg(&gold, &["x"], 0, 5), 0.0);
        assert!(ndcg(&gold, &["x"], 3, 5).is_sign_positive());
    }

    #[test]
    fn k_grows_until_so_many_sessions_are_there() {
        let sessions = ["s", "s", "t", "s", "u"];
        assert_eq!([1, 2, 3].map(|k| grown(&sessions, k, 40)), [1, 3, 5]);
        assert_eq!(grown(&sessions, 4, 40), 40);
    }
}
