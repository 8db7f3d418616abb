//! Where the bytes stand: a header of two pages, then extents of 4,096 records, each a page of its own and four arrays.
//!
//! Arrays instead of rows, so that the scan touches nothing but sign codes; extents, so that a file grows without
//! moving what is there. All numbers are little endian.
//!
//! **Invariant:** every offset is computed here and nowhere else.

use super::Model;
use jay_types::Hash;

/// Records of an extent.
pub(crate) const SLOTS: usize = 4096;
/// Records whose sign codes stand interleaved, word by word.
pub(crate) const GROUP: usize = 8;
/// Bytes of a page: the header's two copies and the summaries of extents take one each.
pub(crate) const PAGE: usize = 4096;
/// Bytes before the first extent.
pub(crate) const HEADER_BYTES: usize = 2 * PAGE;
/// The greatest dimension: distances are counted in 16 bits, and no model comes near it.
pub(crate) const DIMENSION_MAX: usize = 16_384;
/// Bytes of a label: document, chunk, namespace, scale, checksum. Together, since whoever compares a record exactly needs
/// most of them and waits for each line of memory.
pub(crate) const LABEL_BYTES: usize = 24;
/// Offsets within a label.
pub(crate) const CHUNK: usize = 8;
pub(crate) const NAMESPACE: usize = 12;
pub(crate) const SCALE: usize = 16;
pub(crate) const CHECK: usize = 20;
/// The namespace of a record that says: earlier records of this document are dropped.
pub(crate) const DROPPED: u32 = u32::MAX;

/// Sizes that follow from the dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) dimension: usize,
    pub(crate) words: usize,
}

impl Shape {
    pub(crate) const fn of(dimension: usize) -> Self {
        Self { dimension, words: dimension.div_ceil(64) }
    }

    // Offsets within an extent: summary, labels, namespaces once more for the scan alone, sign codes, int8 codes.
    pub(crate) const LABELS: usize = PAGE;
    pub(crate) const SCOPES: usize = Self::LABELS + LABEL_BYTES * SLOTS;
    pub(crate) const SIGNS: usize = Self::SCOPES + 4 * SLOTS;

    /// Where the label of the record at `slot` stands.
    pub(crate) const fn label(slot: usize) -> usize {
        Self::LABELS + LABEL_BYTES * slot
    }

    pub(crate) const fn codes(self) -> usize {
        Self::SIGNS + self.words * 8 * SLOTS
    }

    pub(crate) const fn extent_bytes(self) -> usize {
        (self.codes() + self.dimension * SLOTS).next_multiple_of(PAGE)
    }

    /// Bytes of a group's sign codes.
    pub(crate) const fn group_bytes(self) -> usize {
        self.words * 8 * GROUP
    }

    /// Where word `word` of the record at `slot` of an extent stands.
    pub(crate) const fn sign_word(self, slot: usize, word: usize) -> usize {
        Self::SIGNS + slot / GROUP * self.group_bytes() + (word * GROUP + slot % GROUP) * 8
    }

    /// Bytes of a file that holds `count` records.
    pub(crate) const fn file_bytes(self, count: usize) -> usize {
        HEADER_BYTES + count.div_ceil(SLOTS) * self.extent_bytes()
    }
}

/// Names model and dimension; stands in the header, and its beginning in the name of the file.
pub(crate) fn model_hash(model: &Model) -> Hash {
    Hash::of(format!("scrubjay vectors {} {}", model.dimension, model.id).as_bytes())
}

/// The part of a file's name that tells models apart.
pub(crate) fn file_stem(model: &Model) -> String {
    model_hash(model).0.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(offset..)?.first_chunk()?))
}

pub(crate) fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(offset..)?.first_chunk()?))
}

pub(crate) fn i64_at(bytes: &[u8], offset: usize) -> Option<i64> {
    Some(i64::from_le_bytes(*bytes.get(offset..)?.first_chunk()?))
}

/// Writes `value` at `offset`; nothing where it does not fit, which no caller lets happen.
pub(crate) fn put(bytes: &mut [u8], offset: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(offset..offset + value.len()) {
        place.copy_from_slice(value);
    }
}
