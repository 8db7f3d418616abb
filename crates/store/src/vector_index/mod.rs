//! The vector index: codes of one model in one file beside the database, mapped into memory and shared by processes.
//!
//! SQLite is the truth; the file makes scans quick. A query is compared with one bit per dimension of every vector, the
//! nearest are compared exactly by their int8 codes, and the best of those pass the caller's filter, which is asked as
//! rarely as it goes (`search.rs`). The file grows in place by whoever holds the store's write lock (`write.rs`); readers
//! take the part that their snapshot knows (`state.rs`) and scan from SQLite what is newer. It can be removed at any
//! time: readers then scan SQLite, and the next writer makes it again.
//!
//! | file | what stands there |
//! | --- | --- |
//! | `layout.rs` | where the bytes of header and extents stand |
//! | `header.rs` | the header: two copies, each with its checksum |
//! | `record.rs` | one vector with its checksum |
//! | `view.rs` | reading: the records of one file as one reader sees them |
//! | `search.rs` | nearest vectors, and cosines of given documents |
//! | `write.rs` | building, extending, erasing |
//! | `state.rs` | which content of the table a file holds |
//!
//! **Invariant:** what is committed is never changed in place (erasing by a purge is the exception: it makes the whole
//! file invalid first). A record is answered only where its checksum holds; a file that does not fit is not used at all.
//! Answers depend on the vectors alone, not on the order in which they came (I4).

mod header;
mod layout;
pub(crate) mod probe;
mod record;
mod search;
mod state;
mod view;
mod write;

pub use header::Damage;
pub use record::Code;
pub(crate) use search::walk;
pub use search::{Neighbour, Query, Search};
pub(crate) use state::NEWER_MAX;
pub use state::{Content, Mark};
pub(crate) use write::erase;
pub use write::{Addition, Builder};

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use view::View;

/// Arithmetic on codes, given from outside, so that this crate knows no model.
#[derive(Clone, Copy)]
pub struct VectorMath {
    /// Distances between a query, as `query_code` makes it, and sign codes that are interleaved in groups of eight, word by
    /// word.
    pub distances: fn(query: &[u64], rows: &[u8], distances: &mut [u16]),
    /// Dot product of int8 codes, the second one as its bytes.
    pub dot: fn(query: &[i8], code: &[u8]) -> i32,
    /// The sign code of int8 codes: a bit per dimension, filled up to whole words.
    pub sign_code: fn(codes: &[u8]) -> Vec<u64>,
    /// What `distances` takes, of a query's int8 codes, and the greatest distance that comes out.
    pub query_code: fn(codes: &[u8]) -> (Vec<u64>, u16),
    /// Counts up when `sign_code` gives other bits; files are then made again.
    pub version: u32,
}

impl std::fmt::Debug for VectorMath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VectorMath(version {})", self.version)
    }
}

/// Whose vectors a file holds. Files of other models, dimensions or sign codes are not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// Name and version of everything that decides the vectors.
    pub id: String,
    /// Length of every vector.
    pub dimension: usize,
}

/// How many of the nearest by sign codes are looked at exactly: ten times the root of the number of vectors, at least 200.
///
/// It grows, since the share of the true neighbours among a fixed number falls. Of the ten nearest of a text's few words
/// among 100,000 passages of documentation in the built-in table's vectors, 800 hold 99 in a hundred, 1,600 more than 99
/// and 3,200 nearly all. Texts of random words lie so close around one direction that their signs tell little: of theirs
/// 3,200 hold 96. Topics that are made up would do with a quarter of it.
#[must_use]
pub fn oversample(vectors: usize) -> usize {
    ((vectors as f64).sqrt() * 10.0).max(200.0) as usize
}

/// The file of one model, as this process sees it.
#[derive(Debug)]
pub struct VectorIndex {
    path: PathBuf,
    model: Model,
    math: VectorMath,
    seen: Mutex<Option<Arc<View>>>,
}

impl VectorIndex {
    /// The index of a model in `directory`, in a file whose name begins with `prefix`. Nothing is opened or made yet.
    #[must_use]
    pub fn new(directory: &Path, prefix: &str, model: Model, math: VectorMath) -> Self {
        let name = format!("{prefix}-{}.vectors", layout::file_stem(&model));
        Self { path: directory.join(name), model, math, seen: Mutex::new(None) }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The model whose vectors these are.
    #[must_use]
    pub const fn model(&self) -> &Model {
        &self.model
    }

    /// The records that the file holds now; an error says why it cannot be used.
    fn view(&self) -> Result<Arc<View>, Damage> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let view = View::open(&self.path, &self.model, self.math.version, seen.as_deref())?;
        let view = view.map_or_else(|| seen.clone().ok_or(Damage::Missing), |fresh| Ok(Arc::new(fresh)))?;
        *seen = Some(Arc::clone(&view));
        Ok(view)
    }

    /// The part of the file that fits a content of the table, with the documents that are newer than it. None of the
    /// file's states fits: then it is of another time or another store, and must be made again.
    ///
    /// # Errors
    /// Why the file cannot be used.
    pub fn at<'a>(&'a self, content: &Content) -> Result<Search<'a>, Damage> {
        let view = self.view()?;
        let (count, tail) = content.match_marks(view.header().marks()).ok_or(Damage::OtherContent)?;
        Ok(Search::new(self, view, count, tail))
    }

    /// Reads every record and checks it: records in all, records whose documents are dropped.
    ///
    /// # Errors
    /// The first damage.
    pub fn verify(&self) -> Result<(usize, usize), Damage> {
        let view = self.view()?;
        view.verify(self.math.sign_code)?;
        Ok((view.count(), view.dead_count()))
    }

    fn forget(&self) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(test)]
mod tests;
