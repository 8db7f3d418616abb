//! Doors for fuzzing: index files out of bytes that somebody made up, and all that a query does with them.
//!
//! Checksums keep damage out before the code behind them sees it, so that a search by mutation would test checksums only.
//! `seal_*` writes the checksums of what stands there, as a forger or a fault in our own writer would.
//!
//! **Invariant:** nothing here is called by the product, and nothing here is part of the crate's promises.

use crate::StoreError;
use crate::text::probe as text;
use jay_types::Error;
use std::path::Path;

pub use crate::vector_index::probe::{VectorSeals, seal_vectors, vector_parts, vectors};

/// What came of a walk through a file.
#[derive(Debug)]
pub struct Probed<E> {
    /// Questions that were answered.
    pub answers: u64,
    /// Rows, terms, postings and hits that were seen.
    pub seen: u64,
    /// Why the first question that was not answered failed.
    pub fault: Option<E>,
}

impl<E> Default for Probed<E> {
    fn default() -> Self {
        Self { answers: 0, seen: 0, fault: None }
    }
}

impl<E> Probed<E> {
    /// Counts what an answer holds, or keeps why there is none: damage in one part must not hide the others.
    pub(crate) fn note(&mut self, answer: Result<u64, E>) {
        match answer {
            Ok(seen) => {
                self.answers += 1;
                self.seen += seen;
            }
            Err(fault) => self.fault = self.fault.take().or(Some(fault)),
        }
    }
}

/// How a segment's file is made to look whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextSeal {
    /// The footer gets its hash, whatever it says.
    Footer,
    /// The footer names the parts that its counts ask for; what was put in or taken out is part of the postings.
    Postings,
    /// The same; what was put in or taken out is part of the terms.
    Terms,
}

/// A segment's file of documents (number, namespace, terms between blanks) that ascend, written into `directory`.
///
/// # Errors
/// Documents that do not ascend, `io`.
pub fn make_segment(directory: &Path, documents: &[(i64, u32, String)]) -> Result<Vec<u8>, StoreError> {
    Ok(text::make(directory, documents)?)
}

/// Makes bytes look like a whole segment; bytes that are too short for one stay as they are.
pub fn seal_segment(bytes: &mut [u8], seal: TextSeal) {
    text::seal(bytes, seal);
}

/// Takes each of `files` for a segment of one index and asks all that queries and merges ask.
#[must_use]
pub fn segments(files: &[&[u8]]) -> Probed<Error> {
    let Probed { answers, seen, fault } = text::ask(files);
    Probed { answers, seen, fault: fault.map(|fault| StoreError::from(fault).into()) }
}
