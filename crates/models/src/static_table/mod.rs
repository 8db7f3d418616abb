//! The built-in embedder: a table of token vectors that was distilled from all-MiniLM-L6-v2.
//!
//! Exists so that recall knows meaning on every machine, without a download, a library or a start-up time. A text's
//! vector is the sum of its tokens' rows, scaled to length 1; how much a token counts is part of its row. How the
//! table is made stands in `docs/models.md` and `scripts/distil`.
//!
//! **Invariant:** nothing is read, parsed or allocated at start: the files are compiled in and used where they lie.
//! Time and memory grow with the text's length only.

mod late;
mod table;
pub(crate) mod vocabulary;
mod wordpiece;

pub use late::{LateQuery, late_code};
pub use table::{DIMENSION, Row};
pub use vocabulary::TokenId;

use crate::{Embedder, vector};
use jay_types::Error;
use wordpiece::Reader;

/// The embedder over the compiled-in table; holds nothing, so that making one costs nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct StaticEmbedder;

impl StaticEmbedder {
    /// Name of the table's content and of how texts are read. Another table or tokenizer needs another name.
    pub const ID: &str = "static-minilm-256-v1";

    /// The embedder.
    #[must_use]
    pub fn new() -> Self {
        Self
    }

    /// The ids of a text's tokens, in order; `[UNK]` for words that no tokens make up. What looks like a special
    /// token is read as text.
    #[must_use]
    pub fn token_ids(&self, text: &str) -> Vec<TokenId> {
        let mut out = Vec::with_capacity(text.len() / 4 + 1);
        Reader::default().read(text, |ids| out.extend_from_slice(ids));
        out
    }

    /// A token's row, for comparing texts token by token. None for an id that the vocabulary lacks; a row of length 0
    /// for `[UNK]` and other tokens that stand for no text.
    #[must_use]
    pub fn row(&self, id: TokenId) -> Option<Row> {
        table::row(id)
    }

    fn vector(reader: &mut Reader, text: &str) -> Vec<f32> {
        let mut sum = [0.0; DIMENSION];
        reader.read(text, |ids| {
            for row in ids.iter().filter_map(|id| table::row(*id)) {
                row.add_to(&mut sum);
            }
        });
        vector::normalise(&mut sum);
        sum.to_vec()
    }
}

impl Embedder for StaticEmbedder {
    fn id(&self) -> &str {
        Self::ID
    }

    fn dimension(&self) -> usize {
        DIMENSION
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        let mut reader = Reader::default();
        Ok(texts.iter().map(|text| Self::vector(&mut reader, text)).collect())
    }
}

#[cfg(test)]
mod tests;
