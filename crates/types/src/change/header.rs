//! The header: a fixed binary layout of opaque ids and numbers (J2).
//!
//! ```text
//! offset  bytes  field
//!      0      1  v = 1
//!      1      1  journal
//!      2     16  namespace id
//!     18     16  node id
//!     34      8  seq, 1 …
//!     42     32  hash of the header before it in the stream, zeros for seq 1
//!     74      8  hlc
//!     82      8  at, signed microseconds
//!     90     16  actor id
//!    106     16  act id
//!    122      2  index within (act, stream), 0 …
//!    124      2  count of (act, stream), 1 … 4,096
//!    126     16  run id, zeros for none
//!    142      2  entity kind
//!    144     16  entity id
//!    160      2  op
//!    162      1  encoding of the body
//!    163     32  BLAKE3(salt ‖ stored bytes of the body)
//! ```
//! All numbers are big-endian. The first 42 bytes keep their place in every later version, so that an unknown `v`
//! stops the stream that it names and no other.

use crate::id::{ActId, ActorId, EntityId, Hash, NamespaceId, NodeId};
use crate::time::{Hlc, Timestamp};

/// Bytes of a header of version 1.
pub const HEADER_BYTES: usize = 195;
/// The version that this room writes.
pub const HEADER_VERSION: u8 = 1;
/// Bytes that keep their place in every version.
pub const PREFIX_BYTES: usize = 42;

/// One change without its body.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// Which journal; a number this version may not know.
    pub journal: u8,
    /// The stream's namespace.
    pub namespace: NamespaceId,
    /// The author's node.
    pub node: NodeId,
    /// 1, 2, 3 … per stream.
    pub seq: u64,
    /// The header before it.
    pub prev_hash: Hash,
    /// Logical clock; with node and hash it orders all writes.
    pub hlc: Hlc,
    /// Wall clock of the author, for display.
    pub at: Timestamp,
    /// Who acted.
    pub actor: ActorId,
    /// The transaction that it belongs to.
    pub act: ActId,
    /// Place within (act, stream).
    pub index: u16,
    /// Changes of (act, stream).
    pub count: u16,
    /// The run it was made in; zeros for none.
    pub run: [u8; 16],
    /// Number of the entity's kind; may be unknown to this version.
    pub kind: u16,
    /// The entity.
    pub entity: EntityId,
    /// Number of the op; may be unknown to this version.
    pub op: u16,
    /// How the body's bytes are to be read.
    pub encoding: u8,
    /// BLAKE3(salt ‖ stored bytes).
    pub body_hash: Hash,
}

/// What every version's header begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// Which journal.
    pub journal: u8,
    /// Whose namespace.
    pub namespace: NamespaceId,
    /// Whose node.
    pub node: NodeId,
}

/// Why bytes are not a header of version 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderFault {
    /// Shorter or longer than the layout.
    Length(usize),
    /// A version this program does not know; the stream must wait for a newer program.
    UnknownVersion(u8),
}

fn take<const N: usize>(bytes: &mut &[u8]) -> [u8; N] {
    let mut out = [0; N];
    let (head, rest) = bytes.split_at(N.min(bytes.len()));
    out.iter_mut().zip(head).for_each(|(to, from)| *to = *from);
    *bytes = rest;
    out
}

impl Header {
    /// The stream that it belongs to.
    #[must_use]
    pub const fn stream(&self) -> StreamId {
        StreamId { journal: self.journal, namespace: self.namespace, node: self.node }
    }

    /// The fixed layout.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = Vec::with_capacity(HEADER_BYTES);
        out.push(HEADER_VERSION);
        out.push(self.journal);
        out.extend_from_slice(&self.namespace.0);
        out.extend_from_slice(&self.node.0);
        out.extend_from_slice(&self.seq.to_be_bytes());
        out.extend_from_slice(&self.prev_hash.0);
        out.extend_from_slice(&self.hlc.0.to_be_bytes());
        out.extend_from_slice(&self.at.0.to_be_bytes());
        out.extend_from_slice(&self.actor.0);
        out.extend_from_slice(&self.act.0);
        out.extend_from_slice(&self.index.to_be_bytes());
        out.extend_from_slice(&self.count.to_be_bytes());
        out.extend_from_slice(&self.run);
        out.extend_from_slice(&self.kind.to_be_bytes());
        out.extend_from_slice(&self.entity.0);
        out.extend_from_slice(&self.op.to_be_bytes());
        out.push(self.encoding);
        out.extend_from_slice(&self.body_hash.0);
        out.try_into().unwrap_or_else(|_| unreachable!("the fields above are 195 bytes"))
    }

    /// Reads the fixed layout.
    ///
    /// # Errors
    /// [`HeaderFault`] where the length or the version is another.
    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderFault> {
        let Some(&version) = bytes.first() else { return Err(HeaderFault::Length(0)) };
        if version != HEADER_VERSION {
            return Err(HeaderFault::UnknownVersion(version));
        }
        if bytes.len() != HEADER_BYTES {
            return Err(HeaderFault::Length(bytes.len()));
        }
        let rest = &mut bytes.split_at(1).1;
        Ok(Self {
            journal: take::<1>(rest)[0],
            namespace: NamespaceId(take(rest)),
            node: NodeId(take(rest)),
            seq: u64::from_be_bytes(take(rest)),
            prev_hash: Hash(take(rest)),
            hlc: Hlc(u64::from_be_bytes(take(rest))),
            at: Timestamp(i64::from_be_bytes(take(rest))),
            actor: ActorId(take(rest)),
            act: ActId(take(rest)),
            index: u16::from_be_bytes(take(rest)),
            count: u16::from_be_bytes(take(rest)),
            run: take(rest),
            kind: u16::from_be_bytes(take(rest)),
            entity: EntityId(take(rest)),
            op: u16::from_be_bytes(take(rest)),
            encoding: take::<1>(rest)[0],
            body_hash: Hash(take(rest)),
        })
    }

    /// The stream and seq that bytes of *any* version name; none where they are too short.
    #[must_use]
    pub fn peek(bytes: &[u8]) -> Option<(u8, StreamId, u64)> {
        if bytes.len() < PREFIX_BYTES {
            return None;
        }
        let rest = &mut &*bytes;
        let version = take::<1>(rest)[0];
        let stream = StreamId {
            journal: take::<1>(rest)[0],
            namespace: NamespaceId(take(rest)),
            node: NodeId(take(rest)),
        };
        Some((version, stream, u64::from_be_bytes(take(rest))))
    }

    /// The hash that names this change: BLAKE3 in its own domain over the fixed layout.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let mut hasher = blake3::Hasher::new_derive_key("scrubjay change header v1");
        hasher.update(&self.encode());
        Hash(*hasher.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn sample() -> Header {
        Header {
            journal: 0,
            namespace: NamespaceId([1; 16]),
            node: NodeId([2; 16]),
            seq: 3,
            prev_hash: Hash([4; 32]),
            hlc: Hlc(5),
            at: Timestamp(-6),
            actor: ActorId([7; 16]),
            act: ActId([8; 16]),
            index: 9,
            count: 10,
            run: [11; 16],
            kind: 12,
            entity: EntityId([13; 16]),
            op: 14,
            encoding: 1,
            body_hash: Hash([15; 32]),
        }
    }

    #[test]
    fn the_layout_round_trips() {
        let header = sample();
        let bytes = header.encode();
        assert_eq!(Header::decode(&bytes), Ok(header.clone()));
        assert_eq!(Header::peek(&bytes), Some((1, header.stream(), 3)));
    }

    #[test]
    fn another_version_or_length_is_named() {
        let mut bytes = sample().encode().to_vec();
        assert_eq!(Header::decode(&bytes[..194]), Err(HeaderFault::Length(194)));
        bytes[0] = 2;
        assert_eq!(Header::decode(&bytes), Err(HeaderFault::UnknownVersion(2)));
        assert_eq!(Header::peek(&bytes).map(|(version, ..)| version), Some(2));
        assert_eq!(Header::peek(&bytes[..41]), None);
        assert_eq!(Header::decode(&[]), Err(HeaderFault::Length(0)));
    }
}
