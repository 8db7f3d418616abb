//! The floor: is the best hit good enough to answer at all?
//!
//! Fused scores are relative to their query, so they cannot tell "best of a bad lot" from "good". The floor looks at
//! what is absolute: how much of the query the best hit covers, and how near its vector is.
//!
//! **Invariant:** only the best hit is judged; a hit behind a good one is never dropped because of its score.

use std::collections::HashSet;

/// What is known of the best hit, apart from its rank.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evidence {
    /// Share of the query's terms that the hit holds, weighted by rarity, 0 to 1 ([`coverage`]).
    pub coverage: f64,
    /// Cosine of hit and query, where both have vectors.
    pub cosine: Option<f64>,
}

impl Evidence {
    /// One number from 0 to 1: the better of the two signs, each of which can be right alone.
    #[must_use]
    pub fn strength(&self) -> f64 {
        let cosine = self.cosine.filter(|c| c.is_finite()).unwrap_or(0.0);
        let coverage = if self.coverage.is_finite() { self.coverage } else { 0.0 };
        coverage.max(cosine).clamp(0.0, 1.0)
    }
}

/// Whether the answer is to be empty with note `below_floor`: there is a best hit and it is weaker than `floor`.
/// A floor of 0 lets every hit pass.
#[must_use]
pub fn is_below(best: Option<Evidence>, floor: f64) -> bool {
    best.is_some_and(|best| floor > 0.0 && best.strength() < floor)
}

/// Share of the query's terms that stand in `text`, each weighted by `rarity` (an inverse document frequency, or 1).
#[must_use]
pub fn coverage(query_terms: &[String], text: &str, rarity: &dyn Fn(&str) -> f64) -> f64 {
    let have: HashSet<String> = crate::analyse::index_terms(text).into_iter().collect();
    let (mut found, mut all) = (0.0, 0.0);
    for term in query_terms {
        let weight = rarity(term).max(0.0);
        all += weight;
        if have.contains(term) {
            found += weight;
        }
    }
    if all > 0.0 { found / all } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_weak_best_hit_is_below() {
        let weak = Evidence { coverage: 0.1, cosine: Some(0.2) };
        assert!(is_below(Some(weak), 0.5));
        assert!(!is_below(Some(weak), 0.0));
        assert!(!is_below(Some(Evidence { coverage: 0.1, cosine: Some(0.6) }), 0.5));
        assert!(!is_below(Some(Evidence { coverage: 0.9, cosine: None }), 0.5));
        assert!(is_below(Some(Evidence { coverage: f64::NAN, cosine: Some(f64::NAN) }), 0.5));
        assert!(!is_below(None, 0.5));
    }

    #[test]
    fn rare_terms_weigh_more() {
        let terms = ["port".to_owned(), "zebra".to_owned()];
        let rarity = |term: &str| if term == "zebra" { 3.0 } else { 1.0 };
        assert!((coverage(&terms, "Zebras!", &rarity) - 0.75).abs() < 1e-9);
        assert!((coverage(&terms, "the ports", &rarity) - 0.25).abs() < 1e-9);
        assert!(coverage(&[], "anything", &rarity) == 0.0);
    }
}
