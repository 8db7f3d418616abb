//! The embedder seam: queueing is the store's, this is how a query and a queued document become vectors.
//!
//! **Invariant:** vectors of another model are never compared; without an embedder nothing is queued and answers say
//! `text_only`.

use jay_models::static_table::{LateQuery, late_code};
use jay_models::{Embedder, Encoded, StaticEmbedder, chunks};
use jay_store::{StoredVector, Tx};
use jay_types::Result;

/// Tokens of one chunk: below the window of every common model.
const CHUNK_TOKENS: usize = 200;
/// Tokens that neighbouring chunks share.
const CHUNK_OVERLAP: usize = 30;

/// Words of a query that are compared one by one.
const WORDS_MAX: usize = 64;

/// A query as a vector, with the model that made it.
pub(crate) struct QueryVector {
    pub(crate) model: String,
    /// As the store keeps vectors.
    pub(crate) code: Vec<u8>,
    /// What was asked, for late interaction.
    text: String,
}

/// The query's vector; none without an embedder or where it fails (then text alone answers, and says so).
pub(crate) fn query_vector(embedder: Option<&dyn Embedder>, text: &str) -> Option<QueryVector> {
    let embedder = embedder?;
    let vector = embedder.embed(&[text]).ok()?.into_iter().next()?;
    let code = Encoded::from_vector(&vector).ok()?.to_bytes();
    Some(QueryVector { model: embedder.id().to_owned(), code, text: text.to_owned() })
}

impl QueryVector {
    /// The query's words, weighed by how rare they are among the texts of this store.
    pub(crate) fn late(&self, tx: &Tx<'_>) -> Result<LateQuery> {
        let mut tokens = jay_rank::analyse::tokens(&self.text);
        // A compound has several terms over one stretch of text: the first is the whole, which tells most.
        tokens.dedup_by(|next, first| next.span == first.span);
        tokens.truncate(WORDS_MAX);
        let terms: Vec<String> = tokens.iter().map(|token| token.term.clone()).collect();
        let (frequencies, documents) = tx.text_frequencies(&terms)?;
        let words = tokens.iter().zip(frequencies).filter_map(|(token, frequency)| {
            Some((self.text.get(token.span.clone())?, jay_rank::confidence::rarity(frequency, documents)))
        });
        Ok(LateQuery::new(words))
    }
}

/// The vectors of one document's text.
pub(crate) fn embed_document(embedder: &dyn Embedder, doc: i64, text: &str) -> Result<Vec<StoredVector>> {
    let spans = chunks(text, CHUNK_TOKENS, CHUNK_OVERLAP);
    let texts: Vec<&str> = spans.iter().filter_map(|span| text.get(span.clone())).collect();
    let vectors = embedder.embed(&texts)?;
    (0..)
        .zip(spans)
        .zip(vectors)
        .zip(texts)
        .map(|(((chunk, span), vector), text)| {
            Ok(StoredVector {
                doc,
                chunk,
                first: u32::try_from(span.start).unwrap_or(u32::MAX),
                last: u32::try_from(span.end).unwrap_or(u32::MAX),
                code: Encoded::from_vector(&vector)?.to_bytes(),
                tokens: late_code(text),
            })
        })
        .collect()
}

/// The vectors of a wording by the compiled-in table, in the act that writes it: it takes microseconds. Where it fails (it
/// cannot: a text's vector is finite) there are none and the answer says that a memory is not embedded.
pub(crate) fn built_in(doc: i64, text: &str) -> Vec<StoredVector> {
    embed_document(&StaticEmbedder::new(), doc, text).unwrap_or_default()
}
