//! Documents: files of a folder as memories, a piece for each section, found as `path:line`.
//!
//! A piece is a memory of kind `document` with the register `place`. Its key is made of its file and the headings that it stands under,
//! so that a file that two machines add is one document; a folder that is added again writes what changed and nothing else.
//! The files are the truth: a piece whose text is gone is retired, and reopened where it comes back.
//!
//! **Invariant:** there is no record of what was read but the pieces themselves. What was forgotten stays so.

mod add;
pub mod cut;
mod file;
mod list;
mod matching;
pub(crate) mod name;
mod remove;
mod report;
mod secret;
mod walk;
mod write;

pub use add::{AddRequest, add};
pub use list::{DocsFile, DocsListed, DocsRoot, list};
pub use remove::{DocsRemoved, remove};
pub use report::{ChunkCounts, DocsAdded, FileCounts, LeftOut};
