//! That a node goes on from another one: `node.past.json`, with a signature of each earlier key for the one after it.
//!
//! A copied or rolled-back data directory goes on as a new node (J3). Whoever trusted the earlier one can see by this that it
//! is the same store, or a copy of it, and decide.
//!
//! **Invariant:** it holds no secret; a link counts only with the earlier node's signature.

use crate::Result;
use crate::open::Store;
use jay_types::change::NodeKey;
use jay_types::change::sign::{Signed, node_of, verify_other};
use jay_types::id::{from_hex, to_hex};
use jay_types::{Error, Hash, NodeId};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Name of the file, beside `node.key`.
pub(crate) const FILE: &str = "node.past.json";
/// Links that are kept: the latest ones.
const LINKS_MAX: usize = 64;

/// One node goes on from another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Succession {
    /// The earlier node.
    pub from: NodeId,
    /// Its public key, hex.
    pub public_key: String,
    /// The node after it.
    pub to: NodeId,
    /// The earlier one's signature, hex.
    pub signature: String,
}

impl Succession {
    pub(crate) fn sign(before: &NodeKey, after: &NodeKey) -> Self {
        let (from, to) = (before.node_id(), after.node_id());
        let signature = to_hex(&before.sign_other(Signed::Succession, &hash_of(to)));
        Self { from, public_key: to_hex(&before.public_key()), to, signature }
    }

    /// True where the earlier node signed it.
    #[must_use]
    pub fn holds(&self) -> bool {
        let read = || Some((from_hex::<32>(&self.public_key)?, from_hex::<64>(&self.signature)?));
        read().is_some_and(|(key, signature)| {
            node_of(&key) == self.from && verify_other(Signed::Succession, &hash_of(self.to), &signature, &key)
        })
    }
}

fn hash_of(to: NodeId) -> Hash {
    Hash::of(&to.0)
}

/// What is known of the nodes that a directory was before.
pub(crate) fn read(directory: &Path) -> Result<Vec<Succession>, Error> {
    let path = directory.join(FILE);
    match std::fs::read(&path) {
        // What cannot be read speaks for nobody: a person can still let the node in.
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Error::io(format!("cannot read {}", path.display()), &error)),
    }
}

pub(crate) fn to_json(past: &[Succession]) -> Result<Vec<u8>, Error> {
    let latest = past.get(past.len().saturating_sub(LINKS_MAX)..).unwrap_or_default();
    serde_json::to_vec(latest).map_err(|error| Error::internal(error.to_string()))
}

impl Store {
    /// The nodes that this data directory was before, the earliest first.
    ///
    /// # Errors
    /// `io` where that cannot be read.
    pub fn successions(&self) -> Result<Vec<Succession>, Error> {
        read(self.directory())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_earlier_node_can_say_it() {
        let key = |n| NodeKey::from_secret(&[n; 32]);
        let link = Succession::sign(&key(1), &key(2));
        assert!(link.holds());
        assert!(!Succession { to: key(3).node_id(), ..link.clone() }.holds());
        assert!(!Succession { from: key(3).node_id(), ..link.clone() }.holds());
        let other = Succession::sign(&key(3), &key(2));
        assert!(!Succession { signature: other.signature, ..link }.holds());
    }
}
