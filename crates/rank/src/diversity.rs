//! Diversity: an answer does not say the same thing twice.
//!
//! Near-duplicates of a better hit are set aside, and among the rest what repeats the hits before it moves down a little.
//!
//! **Invariant:** the first hit stays first; only near-duplicates leave the list (their ids are told), never a hit
//! because of its score; no hit moves past one whose relevance is more than [`REPEAT_MAX`] of the best score better.

use crate::duplicates::Fingerprint;

/// The most that repeating earlier hits costs, as a share of the best hit's score. Small, because relevance comes first.
pub const REPEAT_MAX: f64 = 0.1;
/// Hits that are compared with each other; what is behind them keeps its order. Bounds the quadratic cost.
pub const COMPARED_MAX: usize = 100;

/// One hit to be placed.
#[derive(Clone, Debug)]
pub struct Item<Id> {
    /// The hit.
    pub id: Id,
    /// Its fused score.
    pub score: f64,
    /// Its text's fingerprint.
    pub fingerprint: Fingerprint,
}

/// The new order, and what was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diverse<Id> {
    /// Ids in their new order.
    pub order: Vec<Id>,
    /// (near-duplicate, the better hit that stands for it).
    pub duplicates: Vec<(Id, Id)>,
}

/// Places hits that are given best first.
#[must_use]
pub fn diversify<Id: Clone>(items: &[Item<Id>]) -> Diverse<Id> {
    let (head, tail) = items.split_at(items.len().min(COMPARED_MAX));
    let mut duplicates = Vec::new();
    let mut kept: Vec<&Item<Id>> = Vec::with_capacity(head.len());
    for item in head {
        match kept.iter().find(|better| better.fingerprint.near(&item.fingerprint).is_near()) {
            Some(better) => duplicates.push((item.id.clone(), better.id.clone())),
            None => kept.push(item),
        }
    }
    let mut order = spread(kept);
    order.extend(tail.iter().map(|item| item.id.clone()));
    Diverse { order, duplicates }
}

/// Maximal marginal relevance: the next hit is the one with the best score less what it repeats.
fn spread<Id: Clone>(mut waiting: Vec<&Item<Id>>) -> Vec<Id> {
    let mut order = Vec::with_capacity(waiting.len());
    let Some(first) = waiting.first().copied() else { return order };
    let price = REPEAT_MAX * first.score.abs();
    waiting.remove(0);
    order.push(first.id.clone());
    let mut placed = first;
    let mut repeated = vec![0.0_f64; waiting.len()];
    while !waiting.is_empty() {
        let mut best = (f64::NEG_INFINITY, 0);
        for (i, (item, repeated)) in waiting.iter().zip(repeated.iter_mut()).enumerate() {
            *repeated = repeated.max(item.fingerprint.overlap(&placed.fingerprint));
            let value = item.score - price * *repeated;
            if value > best.0 {
                best = (value, i);
            }
        }
        placed = waiting.remove(best.1);
        repeated.remove(best.1);
        order.push(placed.id.clone());
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn items(texts: &[(&str, f64)]) -> Vec<Item<usize>> {
        let item =
            |(id, (text, score)): (usize, &(&str, f64))| Item { id, score: *score, fingerprint: Fingerprint::of(text) };
        texts.iter().enumerate().map(item).collect()
    }

    #[test]
    fn near_duplicates_are_set_aside_and_repeats_move_down() {
        let found = diversify(&items(&[
            ("the staging database listens on port 5433", 1.0),
            ("The staging database listens on port 5433.", 0.9),
            ("the staging database listens on port 5434", 0.8),
            ("caroline restarts the workers on monday", 0.78),
            ("unrelated words about gardens", 0.3),
        ]));
        assert_eq!(found.duplicates, [(1, 0)]);
        assert_eq!(found.order, [0, 3, 2, 4]);
        assert!(diversify::<usize>(&[]).order.is_empty());
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_moves_far(texts in prop::collection::vec(("[abc]{1,2}( [abc]{1,2}){0,4}", 0.0..1.0_f64), 0..130)) {
            let mut texts: Vec<(String, f64)> = texts;
            texts.sort_by(|a, b| b.1.total_cmp(&a.1));
            let scored: Vec<(&str, f64)> = texts.iter().map(|(text, score)| (text.as_str(), *score)).collect();
            let items = items(&scored);
            let found = diversify(&items);
            prop_assert_eq!(found.order.len() + found.duplicates.len(), items.len());
            prop_assert_eq!(found.order.first().copied(), (!items.is_empty()).then_some(0));
            let best = scored.first().map_or(0.0, |s| s.1);
            for (i, first) in found.order.iter().enumerate() {
                for second in &found.order[i + 1..] {
                    prop_assert!(scored[*second].1 - scored[*first].1 <= REPEAT_MAX * best + 1e-9);
                }
            }
        }
    }
}
