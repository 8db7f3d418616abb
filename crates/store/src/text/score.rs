//! BM25 in whole numbers.
//!
//! A gain is rounded to about a millionth once and sums are exact, whatever the order: an index of one segment and one
//! of ten give the same scores, and a score that is equal is equal.
//!
//! **Invariant:** a bound is never less than a gain that it bounds.

use super::postings::Bounds;

/// What one unit of relevance is in whole numbers: 64 terms of the greatest gain still fit.
const SCALE: f64 = 1_048_576.0;
/// The least weight of a term: what every document holds still tells a document that says it twice from one that
/// says it once.
const WEIGHT_MIN: f64 = 0.001;

/// The two constants of BM25.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bm25 {
    /// How soon repetitions stop to count.
    pub k1: f64,
    /// How much long documents are held back.
    pub b: f64,
}

/// What scores depend on besides term and document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Collection {
    model: Bm25,
    documents: f64,
    norm_base: f32,
    norm_step: f32,
}

impl Collection {
    /// Of so many documents with so many terms together.
    pub(super) fn new(model: Bm25, documents: u64, length: u64) -> Self {
        let average = length as f64 / documents.max(1) as f64;
        Self {
            model,
            documents: documents as f64,
            norm_base: (model.k1 * (1.0 - model.b)) as f32,
            norm_step: (model.k1 * model.b / average.max(1.0)) as f32,
        }
    }

    /// The weight of a term that so many documents hold.
    pub(super) fn weight(&self, frequency: u64) -> f32 {
        let frequency = (frequency as f64).min(self.documents);
        let rarity = (1.0 + (self.documents - frequency + 0.5) / (frequency + 0.5)).ln();
        (rarity.max(WEIGHT_MIN) * (self.model.k1 + 1.0) * SCALE) as f32
    }

    /// What a term of this weight adds to the score of a document.
    #[inline]
    pub(super) fn gain(&self, weight: f32, count: u32, length: u32) -> u32 {
        let count = count as f32;
        let norm = self.norm_base + self.norm_step * length as f32;
        // Not less than one: a document that matches has a score.
        ((weight * count / (count + norm)) as u32).max(1)
    }

    /// What no posting within the bounds adds more than.
    pub(super) fn bound(&self, weight: f32, bounds: Bounds) -> u32 {
        let gain = self.gain(weight, bounds.count, bounds.length);
        // Rounding is not quite monotonic; one part in 65,536 is far more than it can be off.
        gain.saturating_add(gain >> 16).saturating_add(2)
    }
}

/// A sum of gains as a score.
pub(super) fn score_of(sum: u32) -> f64 {
    f64::from(sum) / SCALE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gains_are_those_of_bm25_and_within_their_bounds() {
        let model = Bm25 { k1: 0.9, b: 0.4 };
        let collection = Collection::new(model, 1000, 60_000);
        for frequency in [1, 10, 500, 1000] {
            for count in [1, 2, 3, 50, 100_000] {
                for length in [1, 20, 60, 900, 1_000_000] {
                    let (n, tf) = (frequency as f64, f64::from(count));
                    let rarity = (1.0 + (1000.0 - n + 0.5) / (n + 0.5)).ln().max(WEIGHT_MIN);
                    let norm = 0.9 * (1.0 - 0.4 + 0.4 * f64::from(length) / 60.0);
                    let expected = rarity * tf * 1.9 / (tf + norm);
                    let weight = collection.weight(frequency);
                    let gain = collection.gain(weight, count, length);
                    assert!((score_of(gain) - expected).abs() < 1e-5 * expected.max(0.2), "{gain} {expected}");
                    assert!(collection.bound(weight, Bounds { count, length }) >= gain);
                    assert!(collection.bound(weight, Bounds { count: count + 1, length: length - 1 }) >= gain);
                }
            }
        }
    }
}
