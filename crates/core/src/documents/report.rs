//! What adding documents answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Files and pieces that are named where they are left out; of more it is said how many.
const NAMED_MAX: usize = 100;

/// What became of files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileCounts {
    /// New here, or here again
    pub added: u64,
    /// With other pieces than before, or with pieces in other lines
    pub changed: u64,
    /// No longer there, or no document any more
    pub removed: u64,
    /// As they were
    pub unchanged: u64,
}

/// What became of pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChunkCounts {
    /// New here, or here again
    pub added: u64,
    /// With another text or title
    pub changed: u64,
    /// With the same text in other lines, or in another file
    pub moved: u64,
    /// No longer in their file: retired, and brought back where the text comes back
    pub removed: u64,
    /// As they were
    pub unchanged: u64,
}

/// A file, or a piece of one, that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    /// The file
    pub path: String,
    /// The line at which the piece begins, where only a piece was left out
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Why
    pub reason: String,
}

/// The answer to docs add.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocsAdded {
    /// The namespace that has them
    pub namespace: String,
    /// The folder or file under which they are listed
    pub root: String,
    /// What became of files
    pub files: FileCounts,
    /// What became of their pieces
    pub chunks: ChunkCounts,
    /// Pieces that were left out because a person forgot their text
    #[serde(default, skip_serializing_if = "is_zero")]
    pub forgotten: u64,
    /// Files that were not read, at most 100 of them
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<LeftOut>,
    /// Files and pieces that the namespace's policy about secrets refused, at most 100 of them
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<LeftOut>,
    /// What there is to say
    pub notes: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A list of what was left out that is bounded in an answer.
#[derive(Debug, Default)]
pub(super) struct Left {
    named: Vec<LeftOut>,
    more: u64,
}

impl Left {
    pub(super) fn push(&mut self, path: &str, line: Option<u64>, reason: impl Into<String>) {
        if self.named.len() < NAMED_MAX {
            let path = crate::secrets::masked_name(path.to_owned());
            self.named.push(LeftOut { path, line, reason: reason.into() });
        } else {
            self.more += 1;
        }
    }

    /// The named ones, and what is to be said of the others.
    pub(super) fn finish(self, what: &str) -> (Vec<LeftOut>, Option<String>) {
        let note = (self.more > 0).then(|| format!("{} more {what}", self.more));
        (self.named, note)
    }
}
