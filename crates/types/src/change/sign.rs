//! Node keys and signatures (J3). The author's node signs the last header of each (act, stream).

use super::header::Header;
use crate::id::{Hash, NodeId};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};

/// An Ed25519 signature.
pub type Signature = [u8; 64];

/// What is put before the hash that is signed, so that a signature means this and nothing else.
const SIGNING_CONTEXT: &[u8] = b"scrubjay act v1\0";

/// A node's secret key. It lives in `node.key` and nowhere else.
#[derive(Clone)]
pub struct NodeKey(SigningKey);

impl std::fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NodeKey(of {})", self.node_id())
    }
}

fn message(hash: &Hash) -> Vec<u8> {
    [SIGNING_CONTEXT, &hash.0].concat()
}

impl NodeKey {
    /// The key of 32 random or stored bytes.
    #[must_use]
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    /// The 32 secret bytes, for `node.key`.
    #[must_use]
    pub fn secret(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The public key, which stands in the `open` of each stream.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// The node that this key makes.
    #[must_use]
    pub fn node_id(&self) -> NodeId {
        node_of(&self.public_key())
    }

    /// Signs the last header of an (act, stream).
    #[must_use]
    pub fn sign(&self, last_header: &Hash) -> Signature {
        self.0.sign(&message(last_header)).to_bytes()
    }
}

/// The node of a public key: the first 128 bits of its BLAKE3.
#[must_use]
pub fn node_of(public_key: &[u8; 32]) -> NodeId {
    let hash = Hash::of(public_key);
    NodeId(hash.dot().0)
}

/// True where `signature` over `header` is by the holder of `public_key` and that key is the header's node's.
#[must_use]
pub fn verify(header: &Header, signature: &Signature, public_key: &[u8; 32]) -> bool {
    node_of(public_key) == header.node
        && VerifyingKey::from_bytes(public_key).is_ok_and(|key| {
            key.verify_strict(&message(&header.hash()), &ed25519_dalek::Signature::from_bytes(signature)).is_ok()
        })
}
