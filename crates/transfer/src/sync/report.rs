//! What a sync answers.

use super::state::{FileRecord, FileState};
use crate::format::FileFault;
use crate::format::clear::Clear;
use jay_types::{NodeId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a sync did with the changes of one node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeReport {
    /// The node, the author of the changes
    pub node: NodeId,
    /// Its name, where the vault knows one
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Changes of it that were taken in
    pub applied: u64,
    /// Changes of it that files brought and that were here already
    pub have: u64,
    /// Changes of it that are kept and cannot be applied by this version
    pub deferred: u64,
    /// Changes of it that were refused
    pub refused: u64,
}

/// A file that is not taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileReport {
    /// Its path on the remote
    pub path: String,
    /// Why
    pub why: String,
    /// True where it is not looked at again unless it changes
    pub is_quarantined: bool,
}

impl FileReport {
    /// What is told of a file; nothing where it was taken in.
    pub(super) fn of(path: &str, record: &FileRecord) -> Option<Self> {
        let is_quarantined = record.state == FileState::Quarantined;
        let mut why = record.why.clone()?;
        if !Clear::is_name(path) && why == FileFault::Incomplete.to_string() {
            why += "; no machine gave it this name: where it stays, remove it";
        }
        Some(Self { path: path.to_owned(), why, is_quarantined })
    }

    /// True where no machine gave the file its name: it is a carrier's copy, or was put there. Its owner does not see to it.
    #[must_use]
    pub fn is_stray(&self) -> bool {
        !Clear::is_name(&self.path)
    }
}

/// What a sync with one remote did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SyncedRemote {
    /// The remote
    pub remote: String,
    /// Where it is
    pub url: String,
    /// Changes that were written there
    pub pushed: u64,
    /// Changes that were taken in from there
    pub pulled: u64,
    /// Bytes written there
    pub bytes_written: u64,
    /// Bytes read from there
    pub bytes_read: u64,
    /// Files written there
    pub files_written: u64,
    /// By the author of changes
    pub nodes: Vec<NodeReport>,
    /// Files that are not taken in, or not yet
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileReport>,
    /// What else is to be said
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// When it ended
    pub finished_at: Timestamp,
}

impl SyncedRemote {
    /// Nothing done yet.
    #[must_use]
    pub fn new(remote: &str, url: &str) -> Self {
        Self {
            remote: remote.to_owned(),
            url: url.to_owned(),
            pushed: 0,
            pulled: 0,
            bytes_written: 0,
            bytes_read: 0,
            files_written: 0,
            nodes: Vec::new(),
            files: Vec::new(),
            notes: Vec::new(),
            finished_at: Timestamp(0),
        }
    }

    /// What is told of a node.
    pub fn node(&mut self, node: NodeId) -> &mut NodeReport {
        let at = match self.nodes.binary_search_by_key(&node, |report| report.node) {
            Ok(at) => at,
            Err(at) => {
                self.nodes.insert(at, NodeReport { node, ..NodeReport::default() });
                at
            }
        };
        // The place was found or made just now.
        match self.nodes.get_mut(at) {
            Some(report) => report,
            None => unreachable!("the report of a node stands where it was put"),
        }
    }

    /// Says something once.
    pub fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}
