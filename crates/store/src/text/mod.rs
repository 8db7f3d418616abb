//! The text index: BM25 over immutable segments that processes share, and over what is in no segment yet.
//!
//! FTS5 scores every match of an OR query, which at 100,000 memories takes tens of milliseconds. Here postings stand in
//! mapped files with the bounds of each block, so that documents that cannot be among the best are not looked at.
//!
//! - `document`: a document's terms, and the bytes in which they wait to be put into a segment
//! - `segment`, `dictionary`, `postings`, `packing`, `bytes`: one file and what is in it
//! - `manifest`, `files`: which segments make the index; names, syncs and removals
//! - `build`, `merge`: new segments out of documents, and out of segments
//! - `prefix`: what begins alike, as one term
//! - `search`, `score`, `cursor`, `scan`, `tail`, `top`: the best documents for some terms; `weigh`: given documents
//!
//! The room knows no SQL and no journal: the store hands documents in, keeps those that are in no segment beside its
//! rows ("fresh"), and remembers by the number of a manifest what the segments hold. That number changes in the same
//! transaction that takes documents off the fresh ones, so that each snapshot of the store has exactly one index.
//!
//! **Invariant:** a file that has its name never changes. Scores are sums of whole numbers, so that they do not depend
//! on how documents are cut into segments, nor on the order in which they are added up. Damaged bytes are a [`Fault`].

mod build;
mod bytes;
mod cursor;
mod dictionary;
mod document;
mod files;
mod manifest;
mod merge;
mod packing;
mod postings;
mod prefix;
pub(crate) mod probe;
mod scan;
mod score;
mod search;
mod segment;
mod tail;
#[cfg(test)]
mod tests;
mod top;
mod weigh;

pub(crate) use document::Terms;
pub(crate) use manifest::Index;
pub(crate) use prefix::Union;
pub use prefix::{PREFIX_TERMS_MAX, TermPrefix};
pub use score::Bm25;
pub(crate) use search::{Asked, Found, matching, search};
pub(crate) use tail::{Fresh, FreshSet};
#[cfg(test)]
pub(crate) use weigh::Weighed;
pub(crate) use weigh::{frequencies, weigh};

/// Why an index could not be used.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A file is not there (any more).
    Missing,
    /// Bytes are not what was written.
    Damaged(&'static str),
    /// A file cannot be read or written.
    Io(String, std::io::Error),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => write!(f, "a file of the text index is missing"),
            Self::Damaged(what) => write!(f, "the text index is damaged: {what}"),
            Self::Io(what, error) => write!(f, "{what}: {error}"),
        }
    }
}
