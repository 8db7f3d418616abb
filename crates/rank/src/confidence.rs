//! Confidence: is the best hit an answer, or only the best of a bad lot?
//!
//! Fused scores are relative to their query and cannot tell. What is absolute is how much of the query the hit holds: its
//! words, their nearest relatives, its meaning. How much of a query that has no answer a store holds by chance differs
//! from store to store, so it is measured there: questions about other subjects give the null distribution, and the
//! confidence of a hit is the share of them whose best hit would be weaker.
//!
//! **Invariant:** from 0 to 1, growing with the strength of the hit; several null distributions (a store's namespaces)
//! make it smaller, never greater.

/// What is known of a hit, apart from its rank.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evidence {
    /// Share of the query's terms that the hit holds, weighted by rarity, 0 to 1 ([`coverage`]).
    pub coverage: f64,
    /// Cosine of hit and query, where both have vectors.
    pub cosine: Option<f64>,
    /// Share of late interaction's greatest possible score, where words were compared.
    pub words: Option<f64>,
}

impl Evidence {
    /// One number from 0 to 1. Without vectors it is the coverage; with them the mean of the three signs, each of which
    /// misses what another sees.
    #[must_use]
    pub fn strength(&self) -> f64 {
        let unit = |value: f64| if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 };
        let signs: Vec<f64> = [Some(self.coverage), self.cosine, self.words].into_iter().flatten().map(unit).collect();
        signs.iter().sum::<f64>() / signs.len().max(1) as f64
    }
}

/// Share of the query's terms whose bits are set in `held`, each weighted by its rarity.
#[must_use]
pub fn coverage(held: u64, rarities: &[f64]) -> f64 {
    let (mut found, mut all) = (0.0, 0.0);
    for (bit, rarity) in (0_u32..64).zip(rarities) {
        all += rarity;
        if held & (1_u64 << bit) != 0 {
            found += rarity;
        }
    }
    if all > 0.0 { found / all } else { 0.0 }
}

/// How rare a term is that `held` of `all` documents hold: BM25's inverse document frequency, never negative.
#[must_use]
pub fn rarity(held: u64, all: u64) -> f64 {
    let (held, all) = (held as f64, all.max(held) as f64);
    (1.0 + (all - held + 0.5) / (held + 0.5)).ln()
}

/// How strong the best hit of a question about something else is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Null {
    /// The middle of the strengths.
    pub median: f64,
    /// Their spread as a standard deviation.
    pub deviation: f64,
}

/// The least spread that is believed: few samples can lie together by chance.
const DEVIATION_MIN: f64 = 0.03;

impl Null {
    /// From the strengths of best hits; an empty store has none, and anything stands out in it. Median and median absolute
    /// deviation, since a few of the questions may be what this store is about.
    #[must_use]
    pub fn of(strengths: &[f64]) -> Self {
        let median = middle(strengths.to_vec());
        let distances = strengths.iter().map(|strength| (strength - median).abs()).collect();
        // 1.4826 makes it the standard deviation of a normal distribution.
        Self { median, deviation: (1.4826 * middle(distances)).max(DEVIATION_MIN) }
    }

    /// The share of off-topic questions whose best hit is weaker than `strength`: the normal distribution by its logistic
    /// approximation (Bowling et al., 2009: the error is below .0002).
    #[must_use]
    pub fn below(&self, strength: f64) -> f64 {
        let z = ((strength - self.median) / self.deviation).clamp(-8.0, 8.0);
        1.0 / (1.0 + (-(1.5976 * z + 0.070_565_992 * z.powi(3))).exp())
    }
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// The confidence of a best hit of this strength among documents with these null distributions: an off-topic question
/// gets the strongest of all of them.
#[must_use]
pub fn confidence(strength: f64, nulls: &[Null]) -> f64 {
    nulls.iter().map(|null| null.below(strength)).product()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strength_is_the_mean_of_what_is_known() {
        let all = Evidence { coverage: 0.2, cosine: Some(0.5), words: Some(0.8) };
        assert!((all.strength() - 0.5).abs() < 1e-9);
        assert!((Evidence { coverage: 0.2, ..Evidence::default() }.strength() - 0.2).abs() < 1e-9);
        let noise = Evidence { coverage: f64::NAN, cosine: Some(f64::INFINITY), words: Some(-3.0) };
        assert!(noise.strength().abs() < 1e-9);
    }

    #[test]
    fn rare_terms_weigh_more() {
        let rarities = [rarity(90, 100), rarity(1, 100)];
        assert!(coverage(0b10, &rarities) > 0.9 && coverage(0b01, &rarities) < 0.1);
        assert!((coverage(0b11, &rarities) - 1.0).abs() < 1e-9);
        assert_eq!(coverage(u64::MAX, &[]), 0.0);
        assert!(rarity(5, 3) > 0.0, "counts may be of different moments");
    }

    #[test]
    fn a_null_distribution_bears_outliers() {
        let null = Null::of(&[0.20, 0.22, 0.24, 0.21, 0.23, 0.95]);
        assert!((null.median - 0.23).abs() < 1e-9 && null.deviation < 0.05);
        assert!((null.below(0.23) - 0.5).abs() < 1e-9);
        assert!(null.below(0.4) > 0.99 && null.below(0.1) < 0.01);
        assert!((null.below(null.median + 1.645 * null.deviation) - 0.95).abs() < 0.001);
    }

    #[test]
    fn confidence_falls_with_what_is_searched() {
        let (quiet, loud) = (Null { median: 0.2, deviation: 0.05 }, Null { median: 0.4, deviation: 0.05 });
        assert!(confidence(0.45, &[quiet]) > confidence(0.45, &[quiet, loud]));
        assert!(confidence(0.9, &[quiet, loud]) > 0.99);
        assert!((confidence(0.1, &[]) - 1.0).abs() < 1e-9);
        let empty = Null::of(&[]);
        assert!(empty.below(0.3) > 0.99);
    }
}
