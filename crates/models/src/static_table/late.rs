//! Late interaction: a text compared with a query token by token, on the compiled-in table.
//!
//! One vector for a text blurs what it says in passing. Here each token of the query looks for its best match among the
//! text's tokens, and the score is the weighted sum of these matches (Khattab and Zaharia, ColBERT, 2020, with table
//! rows in place of contextual vectors). It is too dear for a whole store and cheap for the best hundred.
//!
//! **Invariant:** a text's code depends on the text only; an equal code gives an equal score.

use super::table::{self, Probe};
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

/// A query whose tokens are looked for in texts. It remembers what it compared: texts share most of their words.
#[derive(Clone, Debug, Default)]
pub struct LateQuery {
    tokens: Vec<Token>,
    known: Compared,
}

#[derive(Clone, Debug)]
struct Token {
    probe: Probe,
    weight: f32,
}

/// The cosines of a text's tokens with those of the query, by the number of the text's token: it is looked up for every
/// token of some hundred texts.
#[derive(Clone, Debug, Default)]
struct Compared {
    /// One more than the place of a token's cosines; 0 where they are not known.
    places: Vec<u32>,
    cosines: Vec<f32>,
}

impl Compared {
    fn of(&mut self, tokens: &[Token], id: TokenId) -> &[f32] {
        let at = usize::from(id);
        if self.places.len() <= at {
            self.places.resize(at + 1, 0);
        }
        let Some(place) = self.places.get_mut(at) else { return &[] };
        if *place == 0 {
            self.cosines.extend(cosines(tokens, id));
            *place = (self.cosines.len() / tokens.len().max(1)) as u32;
        }
        let end = *place as usize * tokens.len();
        self.cosines.get(end.saturating_sub(tokens.len())..end).unwrap_or_default()
    }
}

impl LateQuery {
    /// Reads the words of a query, each with its rarity among the texts that are searched; the first 64 distinct tokens
    /// count. A token's weight is the table's, from language at large, times the rarity of its word here: either alone is
    /// 1.5 to 2 points of recall@10 worse on conversations.
    #[must_use]
    pub fn new<'a>(words: impl IntoIterator<Item = (&'a str, f64)>) -> Self {
        let mut seen: Vec<TokenId> = Vec::new();
        let mut tokens = Vec::new();
        'words: for (word, rarity) in words {
            for id in StaticEmbedder::new().token_ids(word) {
                if seen.contains(&id) {
                    continue;
                }
                seen.push(id);
                let row = table::row(id).filter(|row| row.weight() > 0.0);
                tokens.extend(row.map(|row| Token { probe: row.to_probe(), weight: row.weight() * rarity as f32 }));
                if seen.len() == QUERY_TOKENS_MAX {
                    break 'words;
                }
            }
        }
        Self { tokens, known: Compared::default() }
    }

    /// The score of a text that holds every token of the query.
    #[must_use]
    pub fn score_max(&self) -> f64 {
        f64::from(self.tokens.iter().map(|token| token.weight).sum::<f32>())
    }

    /// The sum over the query's tokens of weight times best cosine with a token of the text; 0 where nothing matches.
    pub fn score(&mut self, code: &[u8]) -> f64 {
        let Self { tokens, known } = self;
        let mut best = vec![0.0_f32; tokens.len()];
        for bytes in code.as_chunks().0 {
            let id = TokenId::from_le_bytes(*bytes);
            for (best, cosine) in best.iter_mut().zip(known.of(tokens, id)) {
                *best = best.max(*cosine);
            }
        }
        let sum: f32 = tokens.iter().zip(&best).map(|(token, best)| token.weight * best).sum();
        f64::from(sum)
    }
}

fn cosines(tokens: &[Token], id: TokenId) -> impl Iterator<Item = f32> {
    let row = table::row(id);
    tokens.iter().map(move |token| {
        let cosine = row.as_ref().map_or(0.0, |row| token.probe.cosine(row));
        if cosine < COSINE_MIN { 0.0 } else { cosine }
    })
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
