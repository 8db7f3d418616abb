//! The clear header of a file: what it is, whose it is, and which changes it carries.
//!
//! ```text
//! offset  bytes  field
//!      0      7  "JAYFILE"
//!      7      1  version = 1
//!      8      4  bytes of this header, up to and with the nonce
//!     12      8  bytes of the whole file
//!     20      1  kind: 1 segment, 2 head, 3 checkpoint, 5 request or invitation; 4 is reserved
//!     21     16  vault
//!     37      4  epoch of the key
//!     41      8  id of the key
//!     49     16  node under whose name it lies
//!     65      2  count of ranges, then for each:
//!             1    journal
//!            16    namespace
//!            16    node, the author
//!             8    first seq
//!             8    last seq
//!            32    header hash at the last seq
//!            19  nonce of the seal
//! ```
//! Numbers are big-endian. Who carries the file can read all of this: opaque ids, numbers and hashes.

use super::FileFault;
use jay_types::change::header::StreamId;
use jay_types::id::to_hex;
use jay_types::{Hash, NamespaceId, NodeId};

const MAGIC: &[u8; 7] = b"JAYFILE";
const VERSION: u8 = 1;
const RANGE_BYTES: usize = 81;
/// Bytes of the nonce; the seal adds a counter of chunks.
pub const NONCE_BYTES: usize = 19;
/// Bytes of a header without ranges.
pub(super) const FIXED_BYTES: usize = 67 + NONCE_BYTES;
/// Ranges of one file; a store with more streams writes more files.
pub const RANGES_MAX: usize = 2_000;
/// Bytes of the longest header.
pub const CLEAR_MAX_BYTES: usize = FIXED_BYTES + RANGES_MAX * RANGE_BYTES;
/// Streams that a file's name spells out.
const NAMED_MAX: usize = 2;
/// Characters of the hash in it.
const HASH_CHARACTERS: usize = 24;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// Changes.
    Segment,
    /// What a node tells of itself.
    Head,
    /// A store at a position.
    Checkpoint,
    /// A node that asks to become a member, or that invites one.
    Request,
}

impl FileKind {
    const ALL: [Self; 4] = [Self::Segment, Self::Head, Self::Checkpoint, Self::Request];

    const fn number(self) -> u8 {
        match self {
            Self::Segment => 1,
            Self::Head => 2,
            Self::Checkpoint => 3,
            Self::Request => 5,
        }
    }
}

/// Consecutive changes of one branch of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Range {
    /// The stream.
    pub stream: StreamId,
    /// The first.
    pub from: u64,
    /// The last.
    pub to: u64,
    /// The header hash of the last: names the branch.
    pub hash: Hash,
}

/// Names a key of a vault without telling it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId {
    /// The epoch, from 1; 0 for the key of an invitation.
    pub epoch: u32,
    /// The first 8 bytes of a hash of the key.
    pub id: [u8; 8],
}

/// A clear header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clear {
    /// What the file is.
    pub kind: FileKind,
    /// The vault.
    pub vault: NamespaceId,
    /// Which key opens it.
    pub key: KeyId,
    /// Under whose name it lies.
    pub node: NodeId,
    /// What it carries, in order.
    pub ranges: Vec<Range>,
    /// For the seal.
    pub nonce: [u8; NONCE_BYTES],
}

impl Clear {
    /// Bytes of the header.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        FIXED_BYTES + self.ranges.len() * RANGE_BYTES
    }

    /// The header of a file whose content takes `sealed_bytes`.
    #[must_use]
    pub fn encode(&self, sealed_bytes: u64) -> Vec<u8> {
        let size = self.size_bytes();
        let mut out = Vec::with_capacity(size);
        out.extend_from_slice(MAGIC);
        out.push(VERSION);
        out.extend_from_slice(&(size as u32).to_be_bytes());
        out.extend_from_slice(&(size as u64 + sealed_bytes).to_be_bytes());
        out.push(self.kind.number());
        out.extend_from_slice(&self.vault.0);
        out.extend_from_slice(&self.key.epoch.to_be_bytes());
        out.extend_from_slice(&self.key.id);
        out.extend_from_slice(&self.node.0);
        out.extend_from_slice(&(self.ranges.len() as u16).to_be_bytes());
        for range in &self.ranges {
            out.push(range.stream.journal);
            out.extend_from_slice(&range.stream.namespace.0);
            out.extend_from_slice(&range.stream.node.0);
            out.extend_from_slice(&range.from.to_be_bytes());
            out.extend_from_slice(&range.to.to_be_bytes());
            out.extend_from_slice(&range.hash.0);
        }
        out.extend_from_slice(&self.nonce);
        out
    }

    /// Reads the header at the front of a file's bytes, of which the rest may be missing; answers the bytes of the header and
    /// of the whole file too.
    ///
    /// # Errors
    /// [`FileFault::Incomplete`] where the bytes end within the header, else [`FileFault::NotOurs`] or `Damaged`.
    pub fn decode(bytes: &[u8]) -> Result<(Self, usize, u64), FileFault> {
        let rest = &mut &*bytes;
        if !bytes.starts_with(MAGIC.get(..bytes.len().min(MAGIC.len())).unwrap_or_default()) {
            return Err(FileFault::NotOurs);
        }
        take::<7>(rest)?;
        let [version] = take::<1>(rest)?;
        if version != VERSION {
            return Err(FileFault::NotOurs);
        }
        let size = u32::from_be_bytes(take(rest)?) as usize;
        let whole = u64::from_be_bytes(take(rest)?);
        let [kind] = take::<1>(rest)?;
        let kind = FileKind::ALL.into_iter().find(|known| known.number() == kind).ok_or(FileFault::NotOurs)?;
        let vault = NamespaceId(take(rest)?);
        let key = KeyId { epoch: u32::from_be_bytes(take(rest)?), id: take(rest)? };
        let node = NodeId(take(rest)?);
        let count = usize::from(u16::from_be_bytes(take(rest)?));
        if count > RANGES_MAX || size != FIXED_BYTES + count * RANGE_BYTES || whole < size as u64 {
            return Err(FileFault::Damaged);
        }
        let mut ranges = Vec::with_capacity(count);
        for _ in 0..count {
            ranges.push(range(rest)?);
        }
        Ok((Self { kind, vault, key, node, ranges, nonce: take(rest)? }, size, whole))
    }

    /// The name of a file with this header and these bytes: its ranges, as far as there is room, and a hash.
    ///
    /// A stream is `m` or `a` for its journal, 8 characters of the namespace, 8 of the author where that is another node than the
    /// one under whose name the file lies.
    #[must_use]
    pub fn name(&self, hash: &Hash) -> String {
        let mut words: Vec<String> = self.ranges.iter().take(NAMED_MAX).map(|range| self.word(range)).collect();
        if self.ranges.len() > NAMED_MAX {
            words.push(format!("and{}", self.ranges.len() - NAMED_MAX));
        }
        if words.is_empty() {
            words.push(match self.kind {
                FileKind::Checkpoint => "checkpoint".to_owned(),
                _ => "empty".to_owned(),
            });
        }
        format!("{}.{}.jay", words.join("_"), to_hex(hash.0.split_at(HASH_CHARACTERS / 2).0))
    }

    /// True where a path ends in a name that [`Clear::name`] could have given: a carrier's copies have others.
    #[must_use]
    pub fn is_name(path: &str) -> bool {
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        let hash = name.strip_suffix(".jay").and_then(|stem| stem.split_once('.')).map(|(_, hash)| hash);
        hash.is_some_and(|hash| hash.len() == HASH_CHARACTERS && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
    }

    /// True where this is the header of a checkpoint in the place of one.
    #[must_use]
    pub fn is_checkpoint_at(&self, path: &str) -> bool {
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        self.kind == FileKind::Checkpoint && self.ranges.is_empty() && name.starts_with("checkpoint.")
    }

    fn word(&self, range: &Range) -> String {
        let journal = if range.stream.journal == 0 { 'm' } else { 'a' };
        let short = |bytes: &[u8; 16]| to_hex(bytes.split_at(12).1);
        let author =
            if range.stream.node == self.node { String::new() } else { format!("-{}", short(&range.stream.node.0)) };
        format!("{journal}{}{author}-{}-{}", short(&range.stream.namespace.0), range.from, range.to)
    }
}

fn range(rest: &mut &[u8]) -> Result<Range, FileFault> {
    let [journal] = take::<1>(rest)?;
    let stream = StreamId { journal, namespace: NamespaceId(take(rest)?), node: NodeId(take(rest)?) };
    let (from, to) = (u64::from_be_bytes(take(rest)?), u64::from_be_bytes(take(rest)?));
    let hash = Hash(take(rest)?);
    if from == 0 || to < from {
        return Err(FileFault::Damaged);
    }
    Ok(Range { stream, from, to, hash })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], FileFault> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(FileFault::Incomplete)?;
    *rest = tail;
    Ok(*head)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A header with as many ranges.
    pub(crate) fn sample(ranges: u64) -> Clear {
        let stream = |n: u64| StreamId {
            journal: (n % 2) as u8,
            namespace: NamespaceId([3; 16]),
            node: NodeId([if n == 0 { 9 } else { 4 }; 16]),
        };
        Clear {
            kind: FileKind::Segment,
            vault: NamespaceId([1; 16]),
            key: KeyId { epoch: 2, id: [2; 8] },
            node: NodeId([9; 16]),
            ranges: (0..ranges)
                .map(|n| Range { stream: stream(n), from: n + 1, to: n + 5, hash: Hash([n as u8; 32]) })
                .collect(),
            nonce: [7; NONCE_BYTES],
        }
    }

    #[test]
    fn a_header_round_trips() {
        for ranges in [0, 1, 3, 2_000] {
            let clear = sample(ranges);
            let bytes = clear.encode(100);
            assert_eq!(bytes.len(), clear.size_bytes());
            assert_eq!(Clear::decode(&bytes), Ok((clear.clone(), bytes.len(), bytes.len() as u64 + 100)));
            for cut in [0, 6, 7, 8, 20, 66, bytes.len() - 1] {
                assert_eq!(Clear::decode(&bytes[..cut]), Err(FileFault::Incomplete), "{cut}");
            }
        }
    }

    #[test]
    fn what_is_not_ours_is_told_apart() {
        let bytes = sample(1).encode(0);
        let changed = |at: usize, to: u8| {
            let mut bytes = bytes.clone();
            bytes[at] = to;
            Clear::decode(&bytes).map(|_| ())
        };
        assert_eq!(changed(0, b'X'), Err(FileFault::NotOurs));
        assert_eq!(changed(7, 2), Err(FileFault::NotOurs));
        assert_eq!(changed(20, 77), Err(FileFault::NotOurs));
        assert_eq!(changed(66, 2), Err(FileFault::Damaged), "another count than the size says");
        assert_eq!(changed(11, 0), Err(FileFault::Damaged));
        assert_eq!(Clear::decode(b"PK"), Err(FileFault::NotOurs));
    }

    #[test]
    fn a_name_tells_what_is_in_it() {
        let name = |ranges| sample(ranges).name(&Hash([0xab; 32]));
        assert_eq!(name(1), "m03030303-1-5.abababababababababababab.jay");
        for ranges in [0, 1, 3] {
            assert!(Clear::is_name(&name(ranges)) && Clear::is_name(&format!("nodes/x/{}", name(ranges))));
        }
        for copy in [" (conflicted copy)", ".sync-conflict-20260102-030405-ABCDEFG", "-other machine", " (2)"] {
            assert!(!Clear::is_name(&name(1).replace(".jay", &format!("{copy}.jay"))), "{copy}");
        }
        assert_eq!(name(3), "m03030303-1-5_a03030303-04040404-2-6_and1.abababababababababababab.jay");
    }

    proptest! {
        #[test]
        fn noise_is_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Clear::decode(&bytes);
            let mut ours = sample(2).encode(5);
            for (to, from) in ours.iter_mut().skip(8).zip(&bytes) {
                *to ^= from & 1;
            }
            let _ = Clear::decode(&ours);
        }
    }
}
