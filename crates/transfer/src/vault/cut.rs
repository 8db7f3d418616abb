//! Up to where the streams of a node count that is no member any longer.
//!
//! **Invariant:** what counts is named by hashes of headers: a node can always sign another branch with the same numbers, and never
//! another one with the same hashes.

use jay_store::Branch;
use jay_types::change::header::StreamId;
use jay_types::{Hash, NodeId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// By stream the ends of the branches that count, with their numbers; a stream that is not named counts for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cut(BTreeMap<String, BTreeMap<Hash, u64>>);

/// A stream as `standing` names it.
fn name_of(stream: StreamId) -> String {
    format!("{} {} {}", stream.journal, stream.namespace, stream.node)
}

impl Cut {
    /// What of a node is held: the ends of its branches.
    #[must_use]
    pub fn of(node: NodeId, branches: &[Branch]) -> Self {
        let mut cut = Self::default();
        for branch in branches.iter().filter(|branch| branch.stream.node == node) {
            cut.name(branch);
        }
        cut
    }

    /// Lets a branch count up to its end.
    pub fn name(&mut self, branch: &Branch) {
        self.0.entry(name_of(branch.stream)).or_default().insert(branch.head_hash, branch.head_seq);
    }

    /// Lets everything count that the other one names.
    pub fn extend(&mut self, other: Self) {
        for (stream, ends) in other.0 {
            self.0.entry(stream).or_default().extend(ends);
        }
    }

    /// The ends of a stream that count.
    pub fn ends(&self, stream: StreamId) -> impl Iterator<Item = (u64, Hash)> {
        self.0.get(&name_of(stream)).into_iter().flatten().map(|(hash, seq)| (*seq, *hash))
    }

    /// The greatest number of a stream that counts; none where nothing of it does.
    #[must_use]
    pub fn last(&self, stream: StreamId) -> Option<u64> {
        self.ends(stream).map(|(seq, _)| seq).max()
    }
}
