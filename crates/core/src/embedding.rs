//! The embedder seam: queueing is the store's, this is how a query and a queued document become vectors.
//!
//! There are two lanes. The table's vectors are made in the act and have the tokens for late interaction beside them; those
//! of an installed model are made by jobs. A question is asked of both, and what the model has not read yet is found by
//! the table.
//!
//! **Invariant:** vectors of another model are never compared; without an embedder nothing is queued and answers say
//! `text_only`.

use crate::call::Call;
use crate::models::is_asked_in_private;
use crate::secrets;
use jay_models::static_table::{LateQuery, late_code};
use jay_models::{Embedder, Encoded, StaticEmbedder, chunks};
use jay_store::{StoredVector, TextQuery, Tx};
use jay_types::Result;
use jay_types::namespace::NamespacePath;

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
    /// The question as the installed model has it.
    pub(crate) second: Option<SecondVector>,
}

/// A query as a vector of the installed model.
pub(crate) struct SecondVector {
    pub(crate) model: String,
    /// What people call it.
    pub(crate) name: String,
    pub(crate) code: Vec<u8>,
    /// Whether it is on another machine and so has not read what is private.
    pub(crate) leaves_machine: bool,
}

/// The query's vector; none without an embedder or where it fails (then text alone answers, and says so).
pub(crate) fn query_vector(embedder: Option<&dyn Embedder>, text: &str) -> Option<QueryVector> {
    let embedder = embedder?;
    let vector = embedder.embed(&[text]).ok()?.into_iter().next()?;
    let code = Encoded::from_vector(&vector).ok()?.to_bytes();
    Some(QueryVector { model: embedder.id().to_owned(), code, text: text.to_owned(), second: None })
}

/// The query's vectors of both lanes, and what is to be said where the chosen model gives none. Where nothing has a
/// meaning (only beginnings of words are asked for) there are none. A question that is asked in a private namespace, or of
/// the one that is `named`, is not sent to another machine.
pub(crate) fn query_vectors(
    call: &Call<'_>,
    text: &str,
    named: Option<&NamespacePath>,
) -> (Option<QueryVector>, Option<String>) {
    let engine = call.engine;
    if text.trim().is_empty() {
        return (None, None);
    }
    let Some(mut vector) = query_vector(engine.embedder.as_deref(), text) else { return (None, None) };
    let Some(lane) = &engine.model else { return (Some(vector), engine.model_note()) };
    let leaves_machine = lane.leaves_machine();
    if leaves_machine && is_asked_in_private(call, named) {
        let note = format!(
            "{} is on another machine: what is asked in a private namespace is not sent to it",
            lane.record.name
        );
        return (Some(vector), Some(note));
    }
    let second = lane.embedder().and_then(|model| {
        // A question was never redacted: nothing of it is stored.
        let asked = if leaves_machine { secrets::blotted(text.to_owned()) } else { text.to_owned() };
        let code = Encoded::from_vector(&model.embed_query(&asked)?)?.to_bytes();
        Ok(SecondVector { model: lane.record.id.clone(), name: lane.record.name.clone(), code, leaves_machine })
    });
    match second {
        Ok(second) => {
            vector.second = Some(second);
            (Some(vector), None)
        }
        Err(error) => {
            let note = format!("the model {} is not used: {}", lane.record.name, error.message);
            (Some(vector), Some(note))
        }
    }
}

/// What is said of texts that a model on another machine is never given.
pub(crate) fn said_of_private(count: u64, what: &str, model: &str) -> Option<String> {
    let texts = match (count, what) {
        (0, _) => return None,
        (1, what) => format!("1 private {what} is"),
        (count, "memory") => format!("{count} private memories are"),
        (count, what) => format!("{count} private {what}s are"),
    };
    Some(format!("{texts} not sent to {model}, which is on another machine"))
}

impl QueryVector {
    /// The query's words, weighed by how rare they are among the texts of this store.
    pub(crate) fn late(&self, tx: &Tx<'_>) -> Result<LateQuery> {
        let mut tokens = jay_rank::analyse::tokens(&self.text);
        // A compound has several terms over one stretch of text: the first is the whole, which tells most.
        tokens.dedup_by(|next, first| next.span == first.span);
        tokens.truncate(WORDS_MAX);
        let terms: Vec<String> = tokens.iter().map(|token| token.term.clone()).collect();
        let (frequencies, documents) = tx.text_frequencies(&TextQuery::any(terms))?;
        let words = tokens.iter().zip(frequencies).filter_map(|(token, frequency)| {
            Some((self.text.get(token.span.clone())?, jay_rank::confidence::rarity(frequency, documents)))
        });
        Ok(LateQuery::new(words))
    }
}

/// The vectors of documents' texts; `is_table`: with the tokens that late interaction compares.
pub(crate) fn embed_documents(
    embedder: &dyn Embedder,
    documents: &[(i64, &str)],
    is_table: bool,
) -> Result<Vec<StoredVector>> {
    let mut pieces = Vec::with_capacity(documents.len());
    for (doc, text) in documents {
        let spans = chunks(text, embedder.chunk_tokens(), CHUNK_OVERLAP);
        let cut = spans.into_iter().filter_map(|span| Some((text.get(span.clone())?, span)));
        pieces.extend((0..).zip(cut).map(|(chunk, (text, span))| (*doc, chunk, span, text)));
    }
    let texts: Vec<&str> = pieces.iter().map(|(.., text)| *text).collect();
    let vectors = embedder.embed(&texts)?;
    pieces
        .into_iter()
        .zip(vectors)
        .map(|((doc, chunk, span, text), vector)| {
            Ok(StoredVector {
                doc,
                chunk,
                first: u32::try_from(span.start).unwrap_or(u32::MAX),
                last: u32::try_from(span.end).unwrap_or(u32::MAX),
                code: Encoded::from_vector(&vector)?.to_bytes(),
                tokens: if is_table { late_code(text) } else { vec![] },
            })
        })
        .collect()
}

/// The vectors of a wording by the compiled-in table, in the act that writes it: it takes microseconds. Where it fails (it
/// cannot: a text's vector is finite) there are none and the answer says that a memory is not embedded.
pub(crate) fn built_in(doc: i64, text: &str) -> Vec<StoredVector> {
    embed_documents(&StaticEmbedder::new(), &[(doc, text)], true).unwrap_or_default()
}
