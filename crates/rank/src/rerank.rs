//! Reranking: what a slower and better judge says of the best few is blended into their order.
//!
//! Where the judge says the same of all of them the order stays. The candidates behind them are not given here: every new score
//! stays between the least and the greatest of the old ones, so that none of those behind comes before one that was judged.
//!
//! **Invariant:** pure; scores stay within the range of what they were; equal scores keep their order; without a judgement that
//! is finite a score stays as it is.

use crate::fuse::{Leg, Share};

/// The judge's share of a score. A choice, not a measurement: half, so that a sure judge turns over what the searches are not
/// sure of, and one that knows nothing of the subject does not.
pub const JUDGE_SHARE: f64 = 0.5;

/// One of the best, in the new order.
#[derive(Clone, Debug, PartialEq)]
pub struct Reranked {
    /// Its place before.
    pub place: usize,
    /// Its new score.
    pub score: f64,
    /// What the judge added or took off; none where it said nothing.
    pub share: Option<Share>,
}

/// The new order of the best by their `scores`, best first, and the judge's `logits` of them.
///
/// A logit becomes a number from 0 to 1 (logistic function), and that a place between the least and the greatest score; the new
/// score is [`JUDGE_SHARE`] of it and the rest of the old one.
#[must_use]
pub fn rerank(scores: &[f64], logits: &[f32]) -> Vec<Reranked> {
    let judged: Vec<Option<f64>> = (0..scores.len())
        .map(|place| logits.get(place).filter(|logit| logit.is_finite()).map(|logit| squashed(f64::from(*logit))))
        .collect();
    let least = scores.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut reranked: Vec<Reranked> = scores
        .iter()
        .zip(&judged)
        .enumerate()
        .map(|(place, (score, raw))| {
            let Some(raw) = *raw else { return Reranked { place, score: *score, share: None } };
            let wanted = least + raw * (greatest - least);
            let share = JUDGE_SHARE * (wanted - score);
            let rank = 1 + judged.iter().flatten().filter(|other| **other > raw).count();
            let share = Share { leg: Leg::Reranker, raw, rank, share };
            // Rounding must not carry it out of the range.
            Reranked { place, score: (score + share.share).clamp(least, greatest), share: Some(share) }
        })
        .collect();
    reranked.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.place.cmp(&b.place)));
    reranked
}

fn squashed(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn places(reranked: &[Reranked]) -> Vec<usize> {
        reranked.iter().map(|one| one.place).collect()
    }

    #[test]
    fn a_sure_judge_turns_over_what_is_near_and_says_by_how_much() {
        let reranked = rerank(&[1.0, 0.9, 0.2], &[-9.0, 9.0, 0.0]);
        assert_eq!(places(&reranked), [1, 0, 2]);
        let share = reranked[0].share.as_ref().unwrap();
        assert_eq!((share.leg, share.rank), (Leg::Reranker, 1));
        assert!((reranked[0].score - 0.95).abs() < 1e-3 && (share.raw - 1.0).abs() < 1e-3, "{reranked:?}");
        assert!((0.9 + share.share - reranked[0].score).abs() < 1e-12);
        assert!((reranked[1].score - 0.6).abs() < 1e-3 && (reranked[2].score - 0.4).abs() < 1e-12, "{reranked:?}");
    }

    #[test]
    fn an_undecided_judge_leaves_the_order() {
        for logit in [-9.0, 0.0, 9.0] {
            assert_eq!(places(&rerank(&[0.9, 0.8, 0.8, 0.1], &[logit; 4])), [0, 1, 2, 3]);
        }
        assert_eq!(rerank(&[], &[]), []);
        let alone = rerank(&[0.7], &[-3.0]);
        assert_eq!((alone[0].score, alone[0].share.as_ref().unwrap().share), (0.7, 0.0));
    }

    #[test]
    fn what_is_not_judged_stays() {
        let reranked = rerank(&[0.9, 0.5, 0.1], &[f32::NAN, 9.0]);
        assert_eq!((places(&reranked), reranked[0].score), (vec![0, 1, 2], 0.9));
        assert!(reranked[0].share.is_none() && reranked[2].share.is_none() && reranked[2].score == 0.1);
    }

    proptest! {
        #[test]
        fn scores_stay_in_their_range_and_sorted(
            pairs in prop::collection::vec((-2.0..2.0_f64, prop::num::f32::ANY), 1..30)
        ) {
            let (mut scores, logits): (Vec<f64>, Vec<f32>) = pairs.into_iter().unzip();
            scores.sort_by(|a, b| b.total_cmp(a));
            let reranked = rerank(&scores, &logits);
            let mut seen = places(&reranked);
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..scores.len()).collect::<Vec<_>>());
            let range = scores[scores.len() - 1]..=scores[0];
            prop_assert!(reranked.iter().all(|one| range.contains(&one.score)));
            prop_assert!(reranked.is_sorted_by(|a, b| a.score >= b.score));
        }
    }
}
