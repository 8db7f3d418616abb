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

/// What else a node signs; each with words of its own, so that no signature can stand for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// What a node tells of itself on a remote.
    Head,
    /// A node asks to become a member of a vault.
    Request,
    /// A store goes on as another node.
    Succession,
}

impl Signed {
    const fn context(self) -> &'static [u8] {
        match self {
            Self::Head => b"scrubjay head v1\0",
            Self::Request => b"scrubjay request v1\0",
            Self::Succession => b"scrubjay succession v1\0",
        }
    }
}

fn message(context: &[u8], hash: &Hash) -> Vec<u8> {
    [context, &hash.0].concat()
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
        self.0.sign(&message(SIGNING_CONTEXT, last_header)).to_bytes()
    }

    /// Signs something else than an act.
    #[must_use]
    pub fn sign_other(&self, what: Signed, hash: &Hash) -> Signature {
        self.0.sign(&message(what.context(), hash)).to_bytes()
    }
}

/// The node of a public key: the first 128 bits of its BLAKE3.
#[must_use]
pub fn node_of(public_key: &[u8; 32]) -> NodeId {
    let hash = Hash::of(public_key);
    NodeId(hash.dot().0)
}

/// A node's public key, read once for many signatures.
#[derive(Clone, Debug)]
pub struct PublicKey {
    node: NodeId,
    key: VerifyingKey,
}

impl PublicKey {
    /// The key of 32 bytes; none where they are no point of the curve.
    #[must_use]
    pub fn read(bytes: &[u8; 32]) -> Option<Self> {
        Some(Self { node: node_of(bytes), key: VerifyingKey::from_bytes(bytes).ok()? })
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// The node that it makes.
    #[must_use]
    pub const fn node_id(&self) -> NodeId {
        self.node
    }

    /// True where `signature` is by the holder of this key over the header of `node` with that hash, and the node is its own.
    #[must_use]
    pub fn has_signed(&self, node: NodeId, hash: &Hash, signature: &Signature) -> bool {
        self.node == node && self.holds(SIGNING_CONTEXT, hash, signature)
    }

    fn holds(&self, context: &[u8], hash: &Hash, signature: &Signature) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        self.key.verify_strict(&message(context, hash), &signature).is_ok()
    }
}

/// True where `signature` over `header` is by the holder of `public_key` and that key is the header's node's.
#[must_use]
pub fn verify(header: &Header, signature: &Signature, public_key: &[u8; 32]) -> bool {
    PublicKey::read(public_key).is_some_and(|key| key.has_signed(header.node, &header.hash(), signature))
}

/// True where `signature` over `hash`, as something of the kind `what`, is by the holder of `public_key`.
#[must_use]
pub fn verify_other(what: Signed, hash: &Hash, signature: &Signature, public_key: &[u8; 32]) -> bool {
    PublicKey::read(public_key).is_some_and(|key| key.holds(what.context(), hash, signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_means_one_thing() {
        let key = NodeKey::from_secret(&[7; 32]);
        let hash = Hash::of(b"what is signed");
        let all = [Signed::Head, Signed::Request, Signed::Succession];
        for what in all {
            let signature = key.sign_other(what, &hash);
            assert!(verify_other(what, &hash, &signature, &key.public_key()));
            assert!(!verify_other(what, &Hash::of(b"other"), &signature, &key.public_key()));
            assert_ne!(signature, key.sign(&hash));
            for other in all.into_iter().filter(|other| *other != what) {
                assert!(!verify_other(other, &hash, &signature, &key.public_key()));
            }
        }
    }
}
