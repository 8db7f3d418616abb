//! Diversity: an answer does not say the same thing twice.
//!
//! Near-duplicates of a better hit are set aside, and among the rest what repeats the hits before it moves down a little.
//!
//! **Invariant:** the first hit stays first; only near-duplicates leave the list (their ids are told), never a hit
//! because of its score; no hit moves past one whose relevance is more than [`REPEAT_MAX`] of the best score better.

use crate::duplicates::{Fingerprint, Sketch};
use std::cell::OnceCell;

/// The most that repeating earlier hits costs, as a share of the best hit's score. Small, because relevance comes first.
pub const REPEAT_MAX: f64 = 0.1;
/// Hits that are compared with each other. Bounds the quadratic cost.
pub const COMPARED_MAX: usize = 100;

/// One hit to be placed.
#[derive(Clone, Debug)]
pub struct Item<'a, Id> {
    /// The hit.
    pub id: Id,
    /// Its fused score.
    pub score: f64,
    /// What it says.
    pub text: &'a str,
}

/// The new order, and what was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diverse<Id> {
    /// Ids in their new order, as many as were asked for.
    pub order: Vec<Id>,
    /// (near-duplicate, the better hit that stands for it), of the hits that were looked at.
    pub duplicates: Vec<(Id, Id)>,
}

/// A hit whose words are known; all of them only where a first look at the words leaves a doubt.
struct Read<'a, Id> {
    item: &'a Item<'a, Id>,
    sketch: Sketch,
    fingerprint: OnceCell<Fingerprint>,
}

impl<'a, Id> Read<'a, Id> {
    fn of(item: &'a Item<'a, Id>) -> Self {
        Self { item, sketch: Sketch::of(item.text), fingerprint: OnceCell::new() }
    }

    fn fingerprint(&self) -> &Fingerprint {
        self.fingerprint.get_or_init(|| Fingerprint::of(self.item.text))
    }

    fn is_near(&self, other: &Self) -> bool {
        !self.sketch.is_far(&other.sketch) && self.fingerprint().near(other.fingerprint()).is_near()
    }
}

/// Places the first `limit` of hits that are given best first.
#[must_use]
pub fn diversify<Id: Clone>(items: &[Item<'_, Id>], limit: usize) -> Diverse<Id> {
    let (head, tail) = items.split_at(items.len().min(COMPARED_MAX));
    let price = head.first().map_or(0.0, |best| REPEAT_MAX * best.score.abs());
    let mut duplicates = Vec::new();
    let mut kept: Vec<Read<'_, Id>> = Vec::with_capacity(head.len());
    for item in head {
        // What is worse than the last place even if that one repeats the others in every word has no chance.
        let last = limit.checked_sub(1).and_then(|last| kept.get(last));
        if last.is_some_and(|last| item.score < last.item.score - price) {
            break;
        }
        let read = Read::of(item);
        match kept.iter().find(|better| better.is_near(&read)) {
            Some(better) => duplicates.push((item.id.clone(), better.item.id.clone())),
            None => kept.push(read),
        }
    }
    let mut order = spread(kept, price, limit);
    order.extend(tail.iter().map(|item| item.id.clone()));
    order.truncate(limit);
    Diverse { order, duplicates }
}

/// Maximal marginal relevance: the next hit is the one with the best score less what it repeats.
fn spread<Id: Clone>(mut waiting: Vec<Read<'_, Id>>, price: f64, limit: usize) -> Vec<Id> {
    let mut order = Vec::with_capacity(waiting.len());
    if waiting.is_empty() {
        return order;
    }
    let mut placed = waiting.remove(0);
    order.push(placed.item.id.clone());
    let mut repeated = vec![0.0_f64; waiting.len()];
    while !waiting.is_empty() && order.len() < limit {
        let mut best = (f64::NEG_INFINITY, 0);
        for (i, (read, repeated)) in waiting.iter().zip(repeated.iter_mut()).enumerate() {
            *repeated = repeated.max(read.sketch.overlap(&placed.sketch));
            let value = read.item.score - price * *repeated;
            if value > best.0 {
                best = (value, i);
            }
        }
        placed = waiting.remove(best.1);
        repeated.remove(best.1);
        order.push(placed.item.id.clone());
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn items<'a>(texts: &[(&'a str, f64)]) -> Vec<Item<'a, usize>> {
        texts.iter().enumerate().map(|(id, (text, score))| Item { id, score: *score, text }).collect()
    }

    #[test]
    fn near_duplicates_are_set_aside_and_repeats_move_down() {
        let texts = [
            ("the staging database listens on port 5433", 1.0),
            ("The staging database listens on port 5433.", 0.9),
            ("the staging database listens on port 5434", 0.8),
            ("caroline restarts the workers on monday", 0.78),
            ("unrelated words about gardens", 0.3),
        ];
        let found = diversify(&items(&texts), 10);
        assert_eq!(found.duplicates, [(1, 0)]);
        assert_eq!(found.order, [0, 3, 2, 4]);
        assert_eq!(diversify(&items(&texts), 2).order, [0, 3]);
        assert!(diversify::<usize>(&[], 10).order.is_empty());
        assert!(diversify(&items(&texts), 0).order.is_empty());
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_moves_far(texts in prop::collection::vec(("[abc]{1,2}( [abc]{1,2}){0,4}", 0.0..1.0_f64), 0..130), limit in 0..20_usize) {
            let mut texts: Vec<(String, f64)> = texts;
            texts.sort_by(|a, b| b.1.total_cmp(&a.1));
            let scored: Vec<(&str, f64)> = texts.iter().map(|(text, score)| (text.as_str(), *score)).collect();
            let items = items(&scored);
            let found = diversify(&items, usize::MAX);
            prop_assert_eq!(&diversify(&items, limit).order[..], &found.order[..limit.min(found.order.len())]);
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
