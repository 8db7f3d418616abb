//! The header: whose vectors, how many are committed, and at which contents of the table.
//!
//! It stands twice. A writer overwrites the older copy, last of all, so that a crash in between leaves the newer one
//! valid and what lies behind its count is garbage that the next writer overwrites.
//!
//! **Invariant:** a copy counts only with its checksum; the valid one with the greatest serial number is the header.

use super::layout::{DIMENSION_MAX, HEADER_BYTES, PAGE, SLOTS, model_hash, put, u32_at, u64_at};
use super::{Mark, Model};
use jay_types::Hash;

const MAGIC: &[u8; 8] = b"jayvecs\x01";
/// States of the table that a file remembers, so that readers of older snapshots find theirs.
pub(crate) const MARKS_MAX: usize = 64;
/// Where the marks begin: magic, sizes, model, build, serial, count, dropped, number of marks.
const MARKS: usize = 8 + 4 * 4 + 32 + 5 * 8 + 8;
const MARK_BYTES: usize = 24;
/// Where the checksum of a copy stands.
pub(super) const CHECKSUM: usize = PAGE - 8;

/// Why a file cannot be used. Each makes readers scan SQLite and the next writer build anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// There is none.
    Missing,
    /// It cannot be read: what the system says.
    Io(String),
    /// Neither copy of the header is whole: torn, erased, or no such file.
    Header,
    /// It is of another model, dimension or version.
    Foreign,
    /// It is shorter than its header says.
    Short,
    /// The summary of an extent is not whole.
    Summary(usize),
    /// A record is not what was written.
    Record(usize),
    /// It holds vectors of another store, of another branch of its time, or is too far behind.
    OtherContent,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => write!(f, "there is no file"),
            Self::Io(error) => write!(f, "the file cannot be read: {error}"),
            Self::Header => write!(f, "the header is not whole"),
            Self::Foreign => write!(f, "it is of another model or version"),
            Self::Short => write!(f, "the file is cut off"),
            Self::Summary(extent) => write!(f, "the summary of extent {extent} is damaged"),
            Self::Record(slot) => write!(f, "record {slot} is damaged"),
            Self::OtherContent => write!(f, "it does not fit the vectors of the store"),
        }
    }
}

/// A state of the table that the file holds in its first records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeldMark {
    pub(crate) mark: Mark,
    pub(crate) count: u64,
}

/// What the header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) dimension: usize,
    /// Differs between any two files that were built, so that readers see that a file was replaced.
    pub(crate) build: u64,
    /// Counts up with every commit.
    pub(crate) serial: u64,
    /// Records that are committed.
    pub(crate) count: usize,
    /// Records among them that a later one drops, and those that drop them.
    pub(crate) dropped: usize,
    pub(crate) marks: Vec<HeldMark>,
}

impl Header {
    pub(crate) fn marks(&self) -> &[HeldMark] {
        &self.marks
    }

    /// Adds the state that the file is now at, and forgets the oldest ones.
    pub(crate) fn add_mark(&mut self, mark: Mark) {
        self.marks.push(HeldMark { mark, count: self.count as u64 });
        let surplus = self.marks.len().saturating_sub(MARKS_MAX);
        self.marks.drain(..surplus);
    }

    /// The bytes of one copy, and where in the file it stands.
    pub(crate) fn encode(&self, model: &Model, signs_version: u32) -> (usize, Vec<u8>) {
        let mut page = vec![0; PAGE];
        put(&mut page, 0, MAGIC);
        let sizes = [self.dimension, SLOTS, signs_version as usize, self.marks.len()];
        for (index, size) in sizes.into_iter().enumerate() {
            put(&mut page, 8 + 4 * index, &(size as u32).to_le_bytes());
        }
        put(&mut page, 24, &model_hash(model).0);
        let numbers = [self.build, self.serial, self.count as u64, self.dropped as u64];
        for (index, number) in numbers.into_iter().enumerate() {
            put(&mut page, 56 + 8 * index, &number.to_le_bytes());
        }
        for (index, held) in self.marks.iter().enumerate() {
            let offset = MARKS + MARK_BYTES * index;
            put(&mut page, offset, &held.mark.seq.to_le_bytes());
            put(&mut page, offset + 8, &held.mark.token.to_le_bytes());
            put(&mut page, offset + 16, &held.count.to_le_bytes());
        }
        let checksum = checksum(page.get(..CHECKSUM).unwrap_or_default());
        put(&mut page, CHECKSUM, &checksum);
        ((self.serial % 2) as usize * PAGE, page)
    }

    /// The newer of the two copies that are whole.
    pub(crate) fn decode(bytes: &[u8; HEADER_BYTES], model: &Model, signs_version: u32) -> Result<Self, Damage> {
        let whole = bytes.chunks_exact(PAGE).filter(|page| is_whole(page));
        let headers: Vec<(Self, bool)> =
            whole.filter_map(|page| Self::decode_copy(page, model, signs_version)).collect();
        let newest = headers.into_iter().max_by_key(|(header, _)| header.serial);
        match newest {
            None => Err(Damage::Header),
            Some((_, false)) => Err(Damage::Foreign),
            Some((header, true)) => Ok(header),
        }
    }

    /// A copy, and whether it is of this model and version.
    fn decode_copy(page: &[u8], model: &Model, signs_version: u32) -> Option<(Self, bool)> {
        let [dimension, slots, version, marks] =
            [u32_at(page, 8)?, u32_at(page, 12)?, u32_at(page, 16)?, u32_at(page, 20)?];
        let [build, serial, count, dropped] =
            [u64_at(page, 56)?, u64_at(page, 64)?, u64_at(page, 72)?, u64_at(page, 80)?];
        let mark = |index: usize| {
            let offset = MARKS + MARK_BYTES * index;
            let mark = Mark { seq: u64_at(page, offset)?, token: u64_at(page, offset + 8)? };
            Some(HeldMark { mark, count: u64_at(page, offset + 16)? })
        };
        let marks = (0..(marks as usize).min(MARKS_MAX)).map(mark).collect::<Option<Vec<_>>>()?;
        let dimension = dimension as usize;
        let fits = page.get(24..56)? == model_hash(model).0
            && dimension == model.dimension
            && (1..=DIMENSION_MAX).contains(&dimension)
            && slots as usize == SLOTS
            && version == signs_version
            && marks.iter().all(|held| held.count <= count)
            && dropped <= count
            && count < u64::from(u32::MAX);
        let header = Self { dimension, build, serial, count: count as usize, dropped: dropped as usize, marks };
        Some((header, fits))
    }
}

fn is_whole(page: &[u8]) -> bool {
    page.starts_with(MAGIC) && page.split_at_checked(CHECKSUM).is_some_and(|(content, sum)| sum == checksum(content))
}

/// The first bytes of BLAKE3.
pub(crate) fn checksum(bytes: &[u8]) -> [u8; 8] {
    let hash = Hash::of(bytes).0;
    hash.first_chunk().copied().unwrap_or_default()
}
