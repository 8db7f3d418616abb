//! Embedders and what goes with them: chunks of a text, vectors as bytes, similarity, kernels for scans over many.
//!
//! Exists so that no other crate knows how a vector is made. Text search works without any of this; a model makes
//! recall better where it is there.
//!
//! **Invariant:** no I/O but in `network`, no clock, no randomness here: a model is given its files' bytes; the id of an
//! embedder names everything that decides its vectors, so that vectors of two ids are never compared.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing))]

pub mod chunk;
mod hash;
pub mod kernel;
#[cfg(feature = "network")]
pub mod network;
pub mod signs;
pub mod static_table;
#[cfg(feature = "transformer")]
pub mod transformer;
pub mod vector;

pub use chunk::chunks;
pub use hash::HashEmbedder;
pub use signs::{sign_code, weighted_query};
pub use static_table::StaticEmbedder;
pub use vector::{Encoded, cosine, dot};

use jay_types::Error;

/// Turns texts into vectors.
///
/// Implementations: [`StaticEmbedder`], which is built in, `transformer::Transformer`, which reads a model's files,
/// `network::Endpoint`, which asks a server, and [`HashEmbedder`] for tests. The trait is kept to what they need.
pub trait Embedder: Send + Sync {
    /// Name and version of everything that decides the vectors; stored beside each of them.
    fn id(&self) -> &str;

    /// Length of every vector, at least 1.
    fn dimension(&self) -> usize;

    /// One vector per text, in order: of length 1 (L2), or all zeros for a text without a word. A text's vector does
    /// not depend on the texts beside it. Texts longer than the model's window are the caller's to cut ([`chunks`]).
    ///
    /// # Errors
    /// `internal` or `io` where the model itself fails, `unreachable` and others where a server does; `bad_input` where it does not
    /// take a text.
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error>;

    /// The vector of a question; another than that of an equal document where the model reads the two differently.
    ///
    /// # Errors
    /// As [`Embedder::embed`].
    fn embed_query(&self, text: &str) -> Result<Vec<f32>, Error> {
        let vector = self.embed(&[text])?.into_iter().next();
        vector.ok_or_else(|| Error::internal(format!("{} gave no vector", self.id())))
    }

    /// The most tokens, as [`chunks`] estimates them, that a document is to be cut into.
    fn chunk_tokens(&self) -> usize {
        CHUNK_TOKENS
    }

    /// True where texts are sent to another machine: those of private namespaces may not be given to it.
    fn leaves_machine(&self) -> bool {
        false
    }
}

/// Judges how well texts answer a question by reading both together: better than two vectors, and too slow for more than some.
///
/// Implementation: `transformer::CrossEncoder`. It is a trait because builds without that feature know none.
pub trait Reranker: Send + Sync {
    /// Name and version of everything that decides the judgements.
    fn id(&self) -> &str;

    /// A logit for each document, in order: greater is better, 0 is undecided. What does not fit into the model's window is
    /// not read. A document's logit does not depend on those beside it. None where `is_late` says so before the last one.
    ///
    /// # Errors
    /// What the model's runtime says.
    fn judge(
        &self,
        question: &str,
        documents: &[&str],
        is_late: &(dyn Fn() -> bool + Sync),
    ) -> Result<Option<Vec<f32>>, Error>;
}

/// Tokens of one chunk: below the window of every common model.
pub const CHUNK_TOKENS: usize = 200;

#[cfg(test)]
mod conformance;
