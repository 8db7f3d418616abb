//! Late interaction: a text compared with a query token by token, on the compiled-in table.
//!
//! One vector for a text blurs what it says in passing. Here each token of the query looks for its best match among the
//! text's tokens, and the score is the weighted sum of these matches (Khattab and Zaharia, ColBERT, 2020, with table
//! rows in place of contextual vectors). It is too dear for a whole store and cheap for the best hundred.
//!
//! **Invariant:** a text's code depends on the text only; an equal code gives an equal score.

use super::table::{self, Probes};
use super::{StaticEmbedder, TokenId};

/// Cosines below this are no match: unrelated words of one language have about .2 (.25 to .35
/// measured alike).
const COSINE_MIN: f32 = 0.3;
/// Distinct tokens of a query that are looked for.
const QUERY_TOKENS_MAX: usize = 64;
/// Distinct tokens of a text that are kept; a text of 200 words has about 150.
const TEXT_TOKENS_MAX: usize = 512;

/// The distinct tokens of a text as bytes: what is kept beside its vector, two bytes a token.
#[must_use]
pub fn late_code(text: &str) -> Vec<u8> {
    let mut ids = StaticEmbedder::new().token_ids(text);
    ids.truncate(TEXT_TOKENS_MAX * 4);
    ids.sort_unstable();
    ids.dedup();
    ids.retain(|id| table::row(*id).is_some_and(|row| row.weight() > 0.0));
    ids.truncate(TEXT_TOKENS_MAX);
    ids.into_iter().flat_map(TokenId::to_le_bytes).collect()
}

/// Cosines that are compared together; rows of them are filled up to a multiple.
const LANES: usize = 8;

/// A query whose tokens are looked for in texts. It remembers what it compared: texts share most of their words.
#[derive(Clone, Debug, Default)]
pub struct LateQuery {
    /// How much each token counts.
    weights: Vec<f32>,
    known: Compared,
    /// The best cosine of each token within one text; room that is used again.
    best: Vec<[f32; LANES]>,
}

/// The cosines of a text's tokens with those of the query, by the number of the text's token: it is looked up for every
/// token of some hundred texts.
#[derive(Clone, Debug, Default)]
struct Compared {
    probes: Probes,
    /// One more than the place of a token's cosines; 0 where they are not known.
    places: Vec<u32>,
    /// So many rows of lanes for each token of a text as the query needs.
    cosines: Vec<[f32; LANES]>,
}

impl Compared {
    /// Touches the rows of a text's tokens that are not known yet: memory answers for all of them at once, and not for one
    /// after the other when each is compared.
    fn fetch(&self, code: &[u8]) {
        let ids = code.as_chunks().0.iter().map(|bytes| TokenId::from_le_bytes(*bytes));
        let unknown = ids.filter(|id| self.places.get(usize::from(*id)).is_none_or(|place| *place == 0));
        std::hint::black_box(unknown.filter_map(table::row).fold(0, |all, row| all ^ row.touch()));
    }

    /// The cosines of one token of a text, `lanes` rows of them; 0 where there is no match.
    fn of(&mut self, id: TokenId, lanes: usize) -> &[[f32; LANES]] {
        let at = usize::from(id);
        if self.places.len() <= at {
            self.places.resize((at + 1).max(table::ROWS), 0);
        }
        let Some(place) = self.places.get_mut(at) else { return &[] };
        if *place == 0 {
            let start = self.cosines.len();
            self.cosines.resize(start + lanes, [0.0; LANES]);
            let cosines = self.cosines.get_mut(start..).unwrap_or_default().as_flattened_mut();
            if let Some(row) = table::row(id) {
                for (to, cosine) in cosines.iter_mut().zip(self.probes.cosines(&row)) {
                    *to = if cosine < COSINE_MIN { 0.0 } else { cosine };
                }
            }
            *place = (self.cosines.len() / lanes.max(1)) as u32;
        }
        let end = *place as usize * lanes;
        self.cosines.get(end.saturating_sub(lanes)..end).unwrap_or_default()
    }
}

/// The greater one of each lane. None of them is NaN, so that this is one instruction for all lanes, which `f32::max` is not;
/// arrays by value, since through references to both it was one after the other.
fn greater(mut best: [f32; LANES], cosines: [f32; LANES]) -> [f32; LANES] {
    for (best, cosine) in best.iter_mut().zip(cosines) {
        *best = if cosine > *best { cosine } else { *best };
    }
    best
}

impl LateQuery {
    /// Reads the words of a query, each with its rarity among the texts that are searched; the first 64 distinct tokens
    /// count. A token's weight is the table's, from language at large, times the rarity of its word here: either alone is
    /// 1.5 to 2 points of recall@10 worse on conversations.
    #[must_use]
    pub fn new<'a>(words: impl IntoIterator<Item = (&'a str, f64)>) -> Self {
        let mut seen: Vec<TokenId> = Vec::new();
        let mut query = Self::default();
        'words: for (word, rarity) in words {
            for id in StaticEmbedder::new().token_ids(word) {
                if seen.contains(&id) {
                    continue;
                }
                seen.push(id);
                if let Some(row) = table::row(id).filter(|row| row.weight() > 0.0) {
                    query.known.probes.push(&row);
                    query.weights.push(row.weight() * rarity as f32);
                }
                if seen.len() == QUERY_TOKENS_MAX {
                    break 'words;
                }
            }
        }
        query.best.resize(query.weights.len().div_ceil(LANES), [0.0; LANES]);
        query
    }

    /// The score of a text that holds every token of the query.
    #[must_use]
    pub fn score_max(&self) -> f64 {
        f64::from(self.weights.iter().sum::<f32>())
    }

    /// The sum over the query's tokens of weight times best cosine with a token of the text; 0 where nothing matches.
    pub fn score(&mut self, code: &[u8]) -> f64 {
        let Self { weights, known, best } = self;
        best.fill([0.0; LANES]);
        let lanes = best.len();
        known.fetch(code);
        for bytes in code.as_chunks().0 {
            let id = TokenId::from_le_bytes(*bytes);
            for (best, cosines) in best.iter_mut().zip(known.of(id, lanes)) {
                *best = greater(*best, *cosines);
            }
        }
        let sum: f32 = weights.iter().zip(best.as_flattened()).map(|(weight, best)| weight * best).sum();
        f64::from(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(query: &str, text: &str) -> f64 {
        LateQuery::new([(query, 1.0)]).score(&late_code(text))
    }

    #[test]
    fn the_text_that_meets_every_word_is_the_best() {
        let query = "which database port does staging use";
        let best = score(query, "Staging Postgres listens on port 5433");
        for other in ["the staging area of the theatre", "a harbour is a port for ships", "my dog likes the garden"] {
            assert!(best > score(query, other), "{other}");
        }
    }

    #[test]
    fn a_related_word_counts_and_a_repeated_one_does_not() {
        assert!(score("car", "the automobile") > 0.0);
        assert!((score("car", "car car car") - score("car", "car")).abs() < 1e-9);
    }

    #[test]
    fn a_word_that_is_rare_here_weighs_more() {
        let score = |rarity, text: &str| LateQuery::new([("database", rarity), ("port", 1.0)]).score(&late_code(text));
        assert!(score(0.2, "the port") > score(0.2, "the database"));
        assert!(score(5.0, "the database") > score(5.0, "the port"));
    }

    #[test]
    fn nothing_and_noise_score_nothing() {
        assert_eq!(score("", "anything"), 0.0);
        assert_eq!(score("port", ""), 0.0);
        assert_eq!(LateQuery::new([("port", 1.0)]).score(&[1]), 0.0);
        assert_eq!(LateQuery::new([("port", 1.0)]).score(&[0xff, 0xff]), 0.0);
        assert!(late_code(&"word ".repeat(100_000)).len() <= 2 * TEXT_TOKENS_MAX);
    }
}
