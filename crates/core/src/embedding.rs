//! The embedder seam: queueing is the store's, this is how a query and a queued document become vectors.
//!
//! **Invariant:** vectors of another model are never compared; without an embedder nothing is queued and answers say
//! `text_only`.

use jay_models::{Embedder, Encoded, chunks};
use jay_rank::fuse::Candidate;
use jay_store::{ListFilter, StoredVector, Tx};
use jay_types::Result;
use std::collections::BTreeMap;

/// Tokens of one chunk: below the window of every common model.
const CHUNK_TOKENS: usize = 200;
/// Tokens that neighbouring chunks share.
const CHUNK_OVERLAP: usize = 30;

/// A query as a vector, with the model that made it.
pub(crate) struct QueryVector {
    pub(crate) model: String,
    code: Encoded,
    dimension: usize,
}

/// The query's vector; none without an embedder or where it fails (then text alone answers, and says so).
pub(crate) fn query_vector(embedder: Option<&dyn Embedder>, text: &str) -> Option<QueryVector> {
    let embedder = embedder?;
    let vector = embedder.embed(&[text]).ok()?.into_iter().next()?;
    let code = Encoded::from_vector(&vector).ok()?;
    Some(QueryVector { model: embedder.id().to_owned(), code, dimension: embedder.dimension() })
}

/// Cosine of every embedded document with the query, best chunk counts.
pub(crate) fn scan(tx: &Tx<'_>, query: &QueryVector) -> Result<BTreeMap<i64, f64>> {
    let mut best: BTreeMap<i64, f64> = BTreeMap::new();
    tx.vectors(&query.model, &mut |doc, bytes| {
        let score = Encoded::from_bytes(bytes, query.dimension).ok().and_then(|code| code.dot(&query.code));
        if let Some(score) = score.map(f64::from) {
            let entry = best.entry(doc).or_insert(f64::MIN);
            *entry = entry.max(score);
        }
    })?;
    Ok(best)
}

/// Adds the nearest memories, and the cosine of every candidate that the text found.
pub(crate) fn add_vector_leg(
    tx: &Tx<'_>,
    query: &QueryVector,
    filter: &ListFilter,
    limit: usize,
    found: &mut BTreeMap<i64, Candidate<i64>>,
) -> Result<()> {
    let mut ranked: Vec<(i64, f64)> = scan(tx, query)?.into_iter().collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut taken = 0;
    for (doc, score) in ranked {
        // Candidates of the text leg need their cosine however far down they are.
        if taken >= limit && found.values().all(|candidate| candidate.vector.is_some()) {
            break;
        }
        let Some(entity) = tx.current_document(doc, filter)? else { continue };
        if taken < limit {
            taken += 1;
            found.entry(entity).or_insert_with(|| Candidate::new(entity)).vector = Some(score);
        } else if let Some(candidate) = found.get_mut(&entity) {
            candidate.vector = Some(score);
        }
    }
    Ok(())
}

/// The vectors of one document's text.
pub(crate) fn embed_document(embedder: &dyn Embedder, doc: i64, text: &str) -> Result<Vec<StoredVector>> {
    let spans = chunks(text, CHUNK_TOKENS, CHUNK_OVERLAP);
    let texts: Vec<&str> = spans.iter().filter_map(|span| text.get(span.clone())).collect();
    let vectors = embedder.embed(&texts)?;
    (0..)
        .zip(spans)
        .zip(vectors)
        .map(|((chunk, span), vector)| {
            Ok(StoredVector {
                doc,
                chunk,
                first: u32::try_from(span.start).unwrap_or(u32::MAX),
                last: u32::try_from(span.end).unwrap_or(u32::MAX),
                code: Encoded::from_vector(&vector)?.to_bytes(),
            })
        })
        .collect()
}
