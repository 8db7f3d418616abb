//! One vector as the file holds it, with a checksum over label and code.
//!
//! The checksum of every record that is answered is looked at: a damaged one makes the file unusable instead of being a
//! wrong neighbour. A record that damage has moved far from a query, or whose sign code is damaged (it follows from the
//! code), is missed until `jay doctor` reads all of them. It finds accidents, not attacks: who can write the file can
//! write the database.

use super::layout::{CHECK, CHUNK, DROPPED, LABEL_BYTES, NAMESPACE, SCALE, Shape, i64_at, u32_at, u64_at};

/// Bytes before an int8 code as the table stores it: the f32 scale.
const SCALE_BYTES: usize = 4;

/// A code as the table stores it: a scale and one signed byte per dimension.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Code<'a> {
    /// What the bytes are multiplied by.
    pub scale: f32,
    /// One signed byte per dimension.
    pub values: &'a [u8],
}

impl<'a> Code<'a> {
    /// Reads the bytes of a vector; none where they are not one of `dimension` dimensions.
    #[must_use]
    pub fn read(bytes: &'a [u8], dimension: usize) -> Option<Self> {
        let (head, values) = bytes.split_first_chunk::<SCALE_BYTES>()?;
        let scale = f32::from_le_bytes(*head);
        (values.len() == dimension && scale.is_finite() && scale >= 0.0).then_some(Self { scale, values })
    }
}

/// A vector with what it is of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Record<'a> {
    pub(crate) doc: i64,
    pub(crate) chunk: u32,
    /// [`DROPPED`] for a record that drops the earlier ones of its document.
    pub(crate) namespace: u32,
    pub(crate) code: Code<'a>,
}

impl Record<'_> {
    /// A checksum of everything, never that of a record of zeros.
    pub(crate) fn check(&self) -> u32 {
        let mut sum = Sum(0x5343_5255_424a_4159);
        sum.add(self.doc as u64);
        sum.add(u64::from(self.chunk) << 32 | u64::from(self.namespace));
        sum.add(u64::from(self.code.scale.to_bits()));
        let (words, rest) = self.code.values.as_chunks::<8>();
        for word in words {
            sum.add(u64::from_le_bytes(*word));
        }
        sum.add(rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)));
        sum.end()
    }
}

/// A multiply-and-rotate sum over words: a few nanoseconds for a record, and every bit of a word reaches the result.
struct Sum(u64);

impl Sum {
    const fn add(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ mixed.rotate_left(32);
    }

    const fn end(&self) -> u32 {
        let mixed = (self.0 ^ (self.0 >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        // Zero is what erased bytes say.
        if (mixed >> 32) as u32 == 0 { 1 } else { (mixed >> 32) as u32 }
    }
}

/// The bytes of one extent, whoever holds them.
#[derive(Clone, Copy)]
pub(crate) struct Extent<'a> {
    pub(crate) shape: Shape,
    pub(crate) bytes: &'a [u8],
}

impl<'a> Extent<'a> {
    pub(crate) fn doc(self, slot: usize) -> Option<i64> {
        i64_at(self.bytes, Shape::label(slot))
    }

    pub(crate) fn namespace(self, slot: usize) -> Option<u32> {
        u32_at(self.bytes, Shape::label(slot) + NAMESPACE)
    }

    /// The namespace as the scan reads it: side by side with those of the neighbouring records.
    pub(crate) fn scope(self, slot: usize) -> Option<u32> {
        u32_at(self.bytes, Shape::SCOPES + 4 * slot)
    }

    pub(crate) fn is_drop(self, slot: usize) -> bool {
        self.namespace(slot) == Some(DROPPED)
    }

    /// The sign codes of the first `slots` records, filled up to a whole group.
    pub(crate) fn signs(self, slots: usize) -> Option<&'a [u8]> {
        let groups = slots.div_ceil(super::layout::GROUP);
        self.bytes.get(Shape::SIGNS..Shape::SIGNS + groups * self.shape.group_bytes())
    }

    /// The record at `slot`, not checked.
    pub(crate) fn record(self, slot: usize) -> Option<Record<'a>> {
        let label = self.bytes.get(Shape::label(slot)..Shape::label(slot) + LABEL_BYTES)?;
        let code = self.shape.codes() + slot * self.shape.dimension;
        Some(Record {
            doc: i64_at(label, 0)?,
            chunk: u32_at(label, CHUNK)?,
            namespace: u32_at(label, NAMESPACE)?,
            code: Code {
                scale: f32::from_bits(u32_at(label, SCALE)?),
                values: self.bytes.get(code..code + self.shape.dimension)?,
            },
        })
    }

    /// The record at `slot`, where its checksum holds.
    pub(crate) fn checked(self, slot: usize) -> Option<Record<'a>> {
        let check = u32_at(self.bytes, Shape::label(slot) + CHECK)?;
        self.record(slot).filter(|record| record.check() == check)
    }

    /// The sign code of the record at `slot`.
    pub(crate) fn sign_code(self, slot: usize) -> Option<Vec<u64>> {
        (0..self.shape.words).map(|word| u64_at(self.bytes, self.shape.sign_word(slot, word))).collect()
    }
}
