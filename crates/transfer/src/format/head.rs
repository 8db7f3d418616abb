//! The head: what a node tells of itself on a remote, signed by it.
//!
//! A hint only: files are found by listing. It lets others see how far a node is, which of their own writings it has
//! (`seen`), and that a carrier gave back an older one (`generation`).
//!
//! The content is zstd of a JSON object, with the signature of its bytes before it: 64 bytes, by the node's key, over
//! BLAKE3 of the JSON.

use super::FileFault;
use jay_types::change::header::StreamId;
use jay_types::change::sign::{Signature, Signed, verify_other};
use jay_types::{Hash, NamespaceId, NodeId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Name of a node's head below its directory.
pub const HEAD_NAME: &str = "head";
/// Bytes of the largest head file.
pub const HEAD_MAX_BYTES: u64 = 256 << 10;
/// Most bytes of JSON in it.
const JSON_MAX_BYTES: usize = 1 << 20;
/// Most stream heads in it: the rest is found by listing.
pub const STREAM_HEADS_MAX: usize = 32;
/// Most changes in it that lack a body: the others are asked for when these have come.
pub const LACKS_MAX: usize = 32;
const ZSTD_LEVEL: i32 = 3;

/// The end of a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StreamHead {
    /// Which journal.
    pub journal: u8,
    /// Whose namespace.
    pub namespace: NamespaceId,
    /// The author.
    pub node: NodeId,
    /// The last change.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
}

impl StreamHead {
    /// The stream.
    #[must_use]
    pub const fn stream(&self) -> StreamId {
        StreamId { journal: self.journal, namespace: self.namespace, node: self.node }
    }
}

/// What a node tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Whose it is.
    pub node: NodeId,
    /// Counts up with every head that the node writes.
    pub generation: u64,
    /// The generation that last told of something new: others acknowledge that one.
    pub content: u64,
    /// The node's wall clock when it was written.
    pub at: Timestamp,
    /// The node's greatest logical clock.
    pub hlc: u64,
    /// The version of its program.
    pub program: String,
    /// A hash over all branch heads that it shares here.
    pub position: Hash,
    /// How many changes that is.
    pub changes: u64,
    /// The checkpoint from which a new machine starts, a path below the remote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
    /// How many changes that has.
    #[serde(default, skip_serializing_if = "is_none")]
    pub checkpoint_changes: u64,
    /// Branch heads that are newer than the checkpoint, the latest first, at most [`STREAM_HEADS_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heads: Vec<StreamHead>,
    /// Of other nodes: the content number of the last head of which everything is here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub seen: BTreeMap<NodeId, u64>,
    /// Changes that it holds without their bodies, at most [`LACKS_MAX`]: whoever has them writes them once more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<StreamHead>,
    /// The clients whose archived sessions it shares, where it shares those of some only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<String>,
    /// Changes that it holds and cannot apply.
    #[serde(default, skip_serializing_if = "is_none")]
    pub deferred: u64,
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

impl Head {
    /// Its JSON, and the hash that is to be signed.
    #[must_use]
    pub fn json(&self) -> (Vec<u8>, Hash) {
        let json = serde_json::to_vec(self).unwrap_or_default();
        let hash = Hash::of(&json);
        (json, hash)
    }

    /// The content of the file.
    #[must_use]
    pub fn encode(json: &[u8], signature: &Signature) -> Vec<u8> {
        let mut content = signature.to_vec();
        content.extend(zstd::bulk::compress(json, ZSTD_LEVEL).unwrap_or_default());
        content
    }

    /// Reads what `node` wrote, whose public key is known.
    ///
    /// # Errors
    /// [`FileFault::Damaged`] where it is no head of that node or not signed by it.
    pub fn decode(content: &[u8], node: NodeId, public_key: &[u8; 32]) -> Result<Self, FileFault> {
        let (signature, packed) = content.split_first_chunk::<64>().ok_or(FileFault::Damaged)?;
        let size = zstd::bulk::Decompressor::upper_bound(packed).unwrap_or(JSON_MAX_BYTES).min(JSON_MAX_BYTES);
        let json = zstd::bulk::decompress(packed, size).map_err(|_| FileFault::Damaged)?;
        if !verify_other(Signed::Head, &Hash::of(&json), signature, public_key) {
            return Err(FileFault::Damaged);
        }
        let head: Self = serde_json::from_slice(&json).map_err(|_| FileFault::Damaged)?;
        if head.node == node { Ok(head) } else { Err(FileFault::Damaged) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jay_types::change::NodeKey;

    #[test]
    fn a_head_is_its_nodes_or_nothing() {
        let key = NodeKey::from_secret(&[3; 32]);
        let head = Head {
            node: key.node_id(),
            generation: 7,
            content: 6,
            at: Timestamp(1),
            hlc: 2,
            program: "0.1.0".to_owned(),
            position: Hash([4; 32]),
            changes: 9,
            checkpoint: None,
            checkpoint_changes: 0,
            heads: vec![],
            seen: BTreeMap::from([(NodeId([1; 16]), 3)]),
            lacks: vec![],
            clients: vec![],
            deferred: 0,
        };
        let (json, hash) = head.json();
        let content = Head::encode(&json, &key.sign_other(Signed::Head, &hash));
        assert_eq!(Head::decode(&content, key.node_id(), &key.public_key()), Ok(head));
        assert_eq!(Head::decode(&content, NodeId([1; 16]), &key.public_key()), Err(FileFault::Damaged));
        let other = NodeKey::from_secret(&[4; 32]);
        assert_eq!(Head::decode(&content, key.node_id(), &other.public_key()), Err(FileFault::Damaged));
        for at in 0..content.len() {
            let mut changed = content.clone();
            changed[at] ^= 4;
            assert!(Head::decode(&changed, key.node_id(), &key.public_key()).is_err(), "byte {at}");
            assert!(Head::decode(&content[..at], key.node_id(), &key.public_key()).is_err(), "cut at {at}");
        }
    }
}
