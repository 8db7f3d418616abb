//! Embedders and what goes with them: chunks of a text, vectors as bytes, similarity, kernels for scans over many.
//!
//! Exists so that no other crate knows how a vector is made. Text search works without any of this; a model makes
//! recall better where it is there.
//!
//! **Invariant:** no I/O, no clock, no randomness here: a model is given its files' bytes; the id of an embedder names
//! everything that decides its vectors, so that vectors of two ids are never compared.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing))]

pub mod chunk;
mod hash;
pub mod kernel;
pub mod signs;
pub mod static_table;
pub mod vector;

pub use chunk::chunks;
pub use hash::HashEmbedder;
pub use signs::sign_code;
pub use static_table::StaticEmbedder;
pub use vector::{Encoded, cosine, dot};

use jay_types::Error;

/// Turns texts into vectors.
///
/// Implementations: [`StaticEmbedder`], which is built in, and [`HashEmbedder`] for tests. The trait is kept to what
/// both need.
pub trait Embedder: Send + Sync {
    /// Name and version of everything that decides the vectors; stored beside each of them.
    fn id(&self) -> &str;

    /// Length of every vector, at least 1.
    fn dimension(&self) -> usize;

    /// One vector per text, in order: of length 1 (L2), or all zeros for a text without a word. A text's vector does
    /// not depend on the texts beside it. Texts longer than the model's window are the caller's to cut ([`chunks`]).
    ///
    /// # Errors
    /// `internal` or `io` where the model itself fails; never because of what a text says.
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error>;
}

#[cfg(test)]
mod conformance;
