//! Segments: a frame of whole acts, compressed.
//!
//! **Invariant:** the ranges in a segment's clear header are exactly the changes in it; who reads checks that.

use super::FileFault;
use super::clear::Range;
use jay_types::bounds::FRAME_MAX_BYTES;
use jay_types::change::Header;
use jay_types::change::frame::{self, FrameEntry};
use jay_types::change::header::StreamId;

/// Bytes of the largest segment file: a frame that compression could make no smaller, with its header and seal.
pub const SEGMENT_MAX_BYTES: u64 = 18 << 20;
/// zstd's usual level: stronger ones save a few percent and take many times as long.
const ZSTD_LEVEL: i32 = 3;

/// The content of a segment.
///
/// # Errors
/// `internal` where the entries are more than a frame holds: the caller cuts.
pub fn encode(entries: &[FrameEntry]) -> jay_types::Result<Vec<u8>> {
    let internal = |error: String| jay_types::Error::internal(error);
    let frame = frame::encode(entries).map_err(|fault| internal(fault.to_string()))?;
    zstd::bulk::compress(&frame, ZSTD_LEVEL).map_err(|error| internal(error.to_string()))
}

/// The changes in a segment's content.
///
/// # Errors
/// [`FileFault::Damaged`]; it was sealed by somebody who has the key, so that it is no accident of the carrier.
pub fn decode(content: &[u8]) -> Result<Vec<FrameEntry>, FileFault> {
    let size = zstd::bulk::Decompressor::upper_bound(content).unwrap_or(FRAME_MAX_BYTES).min(FRAME_MAX_BYTES);
    let frame = zstd::bulk::decompress(content, size).map_err(|_| FileFault::Damaged)?;
    frame::decode(&frame).map_err(|_| FileFault::Damaged)
}

/// The ranges of entries that stand stream by stream; none where an entry is no header of version 1.
#[must_use]
pub fn ranges_of(entries: &[FrameEntry]) -> Option<Vec<Range>> {
    let mut ranges: Vec<Range> = Vec::new();
    for entry in entries {
        let header = Header::decode(&entry.header).ok()?;
        let (stream, seq, hash): (StreamId, u64, _) = (header.stream(), header.seq, header.hash());
        match ranges.last_mut() {
            Some(range)
                if range.stream == stream && range.to.checked_add(1) == Some(seq) && range.hash == header.prev_hash =>
            {
                (range.to, range.hash) = (seq, hash);
            }
            _ => ranges.push(Range { stream, from: seq, to: seq, hash }),
        }
    }
    Some(ranges)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use jay_types::{ActId, ActorId, EntityId, Hash, Hlc, NamespaceId, NodeId, Timestamp};

    /// A change by itself, that says nothing.
    pub(crate) fn entry(seq: u64, prev_hash: Hash) -> FrameEntry {
        let header = Header {
            journal: 0,
            namespace: NamespaceId([1; 16]),
            node: NodeId([2; 16]),
            seq,
            prev_hash,
            hlc: Hlc(1),
            at: Timestamp(0),
            actor: ActorId([0; 16]),
            act: ActId([0; 16]),
            index: 0,
            count: 1,
            run: [0; 16],
            kind: 4,
            entity: EntityId([0; 16]),
            op: 2,
            encoding: 0,
            body_hash: Hash::ZERO,
        };
        FrameEntry { header: header.encode().to_vec(), body: None, signature: None }
    }

    #[test]
    fn what_follows_is_one_range_whatever_its_numbers() {
        let first = entry(1, Hash::ZERO);
        let before = Header::decode(&first.header).unwrap().hash();
        let ranges = ranges_of(&[first.clone(), entry(2, before)]).unwrap();
        assert_eq!(ranges.iter().map(|range| (range.from, range.to)).collect::<Vec<_>>(), [(1, 2)]);
        // Nothing follows the last number there is.
        let last = entry(u64::MAX, Hash::ZERO);
        assert_eq!(ranges_of(&[last, first]).unwrap().len(), 2);
    }
}
