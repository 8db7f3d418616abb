//! One vector as the file holds it, with a checksum over all of it.
//!
//! The checksum is looked at whenever a record is compared exactly: a damaged one makes the file unusable instead of
//! answering with a wrong neighbour. It finds accidents, not attacks: who can write the file can write the database.

use super::layout::{DROPPED, Shape, i64_at, u32_at};

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
    pub(crate) signs: &'a [u64],
}

impl Record<'_> {
    /// A checksum of everything, never that of a record of zeros.
    pub(crate) fn check(&self) -> u32 {
        let mut sum = Sum(0x5343_5255_424a_4159);
        sum.add(self.doc as u64);
        sum.add(u64::from(self.chunk) << 32 | u64::from(self.namespace));
        sum.add(u64::from(self.code.scale.to_bits()));
        for word in self.signs {
            sum.add(*word);
        }
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
        i64_at(self.bytes, Shape::DOCS + 8 * slot)
    }

    pub(crate) fn namespace(self, slot: usize) -> Option<u32> {
        u32_at(self.bytes, Shape::NAMESPACES + 4 * slot)
    }

    pub(crate) fn is_drop(self, slot: usize) -> bool {
        self.namespace(slot) == Some(DROPPED)
    }

    /// The sign codes of the first `slots` records, filled up to a whole group.
    pub(crate) fn signs(self, slots: usize) -> Option<&'a [u8]> {
        let groups = slots.div_ceil(super::layout::GROUP);
        self.bytes.get(Shape::SIGNS..Shape::SIGNS + groups * self.shape.group_bytes())
    }

    /// The record at `slot`, where its checksum holds. `signs` is a buffer for its sign code.
    pub(crate) fn record<'b>(self, slot: usize, signs: &'b mut Vec<u64>) -> Option<Record<'b>>
    where
        'a: 'b,
    {
        signs.clear();
        for word in 0..self.shape.words {
            signs.push(super::layout::u64_at(self.bytes, self.shape.sign_word(slot, word))?);
        }
        let codes = self.shape.codes() + slot * self.shape.dimension;
        let record = Record {
            doc: self.doc(slot)?,
            chunk: u32_at(self.bytes, Shape::CHUNKS + 4 * slot)?,
            namespace: self.namespace(slot)?,
            code: Code {
                scale: f32::from_bits(u32_at(self.bytes, Shape::SCALES + 4 * slot)?),
                values: self.bytes.get(codes..codes + self.shape.dimension)?,
            },
            signs,
        };
        (record.check() == u32_at(self.bytes, Shape::CHECKS + 4 * slot)?).then_some(record)
    }
}
