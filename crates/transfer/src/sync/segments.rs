//! Entries of whole acts, gathered until they make a segment.
//!
//! **Invariant:** a segment has no more ranges than its clear header may name and no more bytes than a frame, whatever is gathered.

use super::parts;
use super::run::Run;
use super::state::{FileRecord, FileState};
use crate::format::clear::{FileKind, RANGES_MAX};
use crate::format::segment;
use jay_types::bounds::FRAME_MAX_BYTES;
use jay_types::change::Header;
use jay_types::change::frame::FrameEntry;
use jay_types::change::header::StreamId;
use jay_types::{Error, Result};

/// Bytes of changes in one segment, about; an act of 12 MiB makes a larger one.
const SEGMENT_BYTES: usize = 4 << 20;
/// Bytes of changes that a frame has room for, beside its own mark and checksum.
const ROOM_BYTES: usize = FRAME_MAX_BYTES - 64;

/// Whole acts that become a segment.
#[derive(Default)]
pub(super) struct Gathered {
    entries: Vec<FrameEntry>,
    bytes: usize,
    /// Ranges, at most: what goes on where the last one ended is counted with it.
    ranges: usize,
    last: Option<(StreamId, u64)>,
}

impl Gathered {
    /// Adds a change; those of an act stand together.
    pub(super) fn add(&mut self, entry: FrameEntry) {
        self.bytes += entry.size_bytes();
        let place = Header::peek(&entry.header).map(|(_, stream, seq)| (stream, seq));
        // What a file that waits is written anew of may name any numbers.
        let goes_on = self
            .last
            .zip(place)
            .is_some_and(|((last, upto), (next, seq))| last == next && upto.checked_add(1) == Some(seq));
        self.ranges += usize::from(!goes_on);
        self.last = place;
        self.entries.push(entry);
    }

    /// True where it is to be written before another act is added.
    pub(super) const fn is_full(&self) -> bool {
        self.bytes >= SEGMENT_BYTES || self.ranges + 1 >= RANGES_MAX
    }

    /// Writes what is gathered, if anything is; answers how many changes that were.
    pub(super) fn write(&mut self, run: &mut Run<'_, '_>) -> Result<u64> {
        let changes = self.entries.len() as u64;
        self.write_files(run)?;
        Ok(changes)
    }

    /// The same; answers the paths of what was written.
    pub(super) fn write_files(&mut self, run: &mut Run<'_, '_>) -> Result<Vec<String>> {
        let is_full = self.is_full();
        let entries = std::mem::take(self).entries;
        fitting(&entries).into_iter().map(|piece| write_segment(run, piece, is_full)).collect()
    }
}

/// Entries as pieces that fit into a frame each, cut between acts: a large one may find less room left than it needs.
fn fitting(entries: &[FrameEntry]) -> Vec<&[FrameEntry]> {
    let (mut pieces, mut rest, mut count, mut bytes) = (Vec::new(), entries, 0, 0);
    for part in parts::cut(entries) {
        let size: usize = part.entries.iter().map(FrameEntry::size_bytes).sum();
        if count > 0 && bytes + size > ROOM_BYTES {
            let (piece, after) = rest.split_at(count);
            pieces.push(piece);
            (rest, count, bytes) = (after, 0, 0);
        }
        (count, bytes) = (count + part.entries.len(), bytes + size);
    }
    pieces.extend((!rest.is_empty()).then_some(rest));
    pieces
}

/// Seals entries as a segment and writes it.
fn write_segment(run: &mut Run<'_, '_>, entries: &[FrameEntry], is_full: bool) -> Result<String> {
    let key = run.sealing_key()?;
    let ranges =
        segment::ranges_of(entries).ok_or_else(|| Error::internal("a header of another version in the journal"))?;
    let content = segment::encode(entries)?;
    let (name, file) = run.sealed(FileKind::Segment, &key, ranges.clone(), &content);
    let path = format!("{}{name}", run.own_directory());
    run.write_new(&path, &file)?;
    let record = FileRecord {
        stamp: String::new(),
        bytes: file.len() as u64,
        state: FileState::Applied,
        why: None,
        ranges,
        missing_since: None,
        is_checkpoint: false,
        is_intact: true,
        // It comes out of the journal, or was looked through: it holds no body of what was purged.
        is_looked_through: true,
        is_full,
    };
    run.state.files.insert(path.clone(), record);
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::segment::tests::entry as change;
    use jay_types::{ActId, Hash, NamespaceId};

    fn entry(namespace: u16, seq: u64) -> FrameEntry {
        let [high, low] = namespace.to_be_bytes();
        let mut header = Header::decode(&change(seq, Hash::ZERO).header).unwrap();
        header.namespace = NamespaceId([high, low, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        FrameEntry { header: header.encode().to_vec(), ..change(seq, Hash::ZERO) }
    }

    #[test]
    fn a_segment_of_many_streams_is_full_before_its_header_is() {
        let mut gathered = Gathered::default();
        for namespace in 0..5_000 {
            if gathered.is_full() {
                break;
            }
            gathered.add(entry(namespace, 1));
            gathered.add(entry(namespace, 2));
        }
        assert!(gathered.is_full());
        assert_eq!(gathered.ranges, RANGES_MAX - 1, "what goes on is the same range");
        assert_eq!(gathered.entries.len(), 2 * (RANGES_MAX - 1));
    }

    #[test]
    fn a_large_act_that_finds_too_little_room_begins_another_segment() {
        let of_act = |act: u8, seq: u64, bytes: usize| {
            let mut header = Header::decode(&entry(1, seq).header).unwrap();
            header.act = ActId([act; 16]);
            FrameEntry {
                header: header.encode().to_vec(),
                body: Some(([0; 16], vec![act; bytes])),
                signature: Some([0; 64]),
            }
        };
        let large = [of_act(1, 1, 4_000_000), of_act(2, 2, 6_500_000), of_act(2, 3, 6_500_000), of_act(3, 4, 9)];
        assert!(segment::encode(&large).is_err(), "the test is of no use");
        let lengths = |entries: &[FrameEntry]| fitting(entries).iter().map(|piece| piece.len()).collect::<Vec<_>>();
        assert_eq!(lengths(&large), [1, 3]);
        assert!(fitting(&large).iter().all(|piece| segment::encode(piece).is_ok()));
        assert_eq!(lengths(&large[..2]), [2]);
        assert_eq!(lengths(&[]), [0; 0]);
    }
}
