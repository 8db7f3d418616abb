//! The rows: int8 codes with a scale each, in the file that `scripts/distil/table.py` writes and describes.
//!
//! **Invariant:** the header is read while compiling; a file that does not fit its header does not compile.

use super::vocabulary::TokenId;

/// Values in a row and in a vector.
pub const DIMENSION: usize = 256;

const HEADER: usize = 64;

/// Rows start at a cache line, so that reading one touches four lines and not five.
#[repr(C, align(64))]
struct Aligned<const N: usize>([u8; N]);

static FILE: Aligned<{ include_bytes!("../../data/static-table.bin").len() }> =
    Aligned(*include_bytes!("../../data/static-table.bin"));

static SCALES: &[[u8; 4]] = section(0, 4).as_chunks().0;
static LENGTHS: &[[u8; 4]] = section(ROWS * 4, 4).as_chunks().0;
static CODES: &[[u8; DIMENSION]] = section((ROWS * 8).next_multiple_of(64), DIMENSION).as_chunks().0;

/// How many rows there are.
pub(super) const ROWS: usize = {
    assert!(matches!(FILE.0.first_chunk::<8>(), Some(b"JAYTABLE")), "not a table");
    assert!(u32_at(&FILE.0, 8) == 1, "a table of another version");
    assert!(u32_at(&FILE.0, 12) as usize == DIMENSION, "a table of another dimension");
    u32_at(&FILE.0, 16) as usize
};

/// One part of the file: `width` bytes for each row, from `start` bytes after the header.
const fn section(start: usize, width: usize) -> &'static [u8] {
    FILE.0.split_at(HEADER + start).1.split_at(ROWS * width).0
}

/// A number of a header.
pub(super) const fn u32_at(bytes: &[u8], at: usize) -> u32 {
    match bytes.split_at(at).1.first_chunk() {
        Some(chunk) => u32::from_le_bytes(*chunk),
        None => panic!("the file ends in its header"),
    }
}

/// A token's vector: codes times a scale. How much the token counts in a text is in the scale, so the direction is the
/// token's meaning and the length its weight.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    codes: &'static [u8; DIMENSION],
    scale: f32,
    length: f32,
}

/// The row of a token.
pub(super) fn row(id: TokenId) -> Option<Row> {
    let at = usize::from(id);
    let (scale, length) = (SCALES.get(at)?, LENGTHS.get(at)?);
    Some(Row { codes: CODES.get(at)?, scale: f32::from_le_bytes(*scale), length: f32::from_le_bytes(*length) })
}

impl Row {
    /// The codes, one per dimension.
    pub fn codes(&self) -> impl ExactSizeIterator<Item = i8> + use<> {
        self.codes.iter().map(|code| code.cast_signed())
    }

    /// What a code is multiplied by.
    #[must_use]
    pub fn scale(&self) -> f32 {
        self.scale
    }

    /// How much the token counts in a text: the length of the row; 0 for one that stands for no text.
    #[must_use]
    pub fn weight(&self) -> f32 {
        self.length * self.scale
    }

    /// The row to be compared with many others.
    #[must_use]
    pub fn to_probe(&self) -> Probe {
        Probe { values: self.codes.iter().map(|code| code.cast_signed()).collect(), length: self.length }
    }

    /// Something of each of its cache lines.
    pub(super) fn touch(&self) -> u8 {
        self.codes.iter().step_by(64).fold(0, |all, code| all ^ code)
    }

    /// Adds the row's values.
    pub(super) fn add_to(&self, sum: &mut [f32; DIMENSION]) {
        for (value, code) in sum.iter_mut().zip(self.codes) {
            *value += f32::from(code.cast_signed()) * self.scale;
        }
    }
}

/// A row as it is compared with many others.
#[derive(Clone, Debug)]
pub struct Probe {
    values: Vec<i8>,
    length: f32,
}

impl Probe {
    /// Cosine with a row, -1 to 1; 0 where either stands for no text.
    #[must_use]
    pub fn cosine(&self, row: &Row) -> f32 {
        cosine(crate::kernel::dot(&self.values, row.codes), self.length * row.length)
    }
}

/// Rows that are compared with many others, all at once: the tokens of a query.
#[derive(Clone, Debug, Default)]
pub(super) struct Probes {
    /// The codes of one row after the other, widened.
    values: Vec<i16>,
    lengths: Vec<f32>,
    /// Room for dot products.
    sums: Vec<i32>,
}

impl Probes {
    pub(super) fn push(&mut self, row: &Row) {
        self.values.extend(row.codes().map(i16::from));
        self.lengths.push(row.length);
        self.sums.push(0);
    }

    /// The cosine of each with `row`, in their order: what [`Probe::cosine`] gives.
    pub(super) fn cosines(&mut self, row: &Row) -> impl Iterator<Item = f32> {
        crate::kernel::dots(&self.values, row.codes, &mut self.sums);
        self.lengths.iter().zip(&self.sums).map(|(length, sum)| cosine(*sum, length * row.length))
    }
}

/// Of the dot product of two rows and the product of their lengths.
fn cosine(sum: i32, lengths: f32) -> f32 {
    // The sum stays below 256 x 127 x 127, which i32 holds.
    if lengths > 0.0 { (sum as f32 / lengths).clamp(-1.0, 1.0) } else { 0.0 }
}

/// What the header says of the file's content, and the content.
#[cfg(test)]
pub(super) fn hash_and_payload() -> ([u8; 32], &'static [u8]) {
    let (header, payload) = FILE.0.split_at(HEADER);
    (header[24..56].try_into().unwrap(), payload)
}

/// How many rows there are.
#[cfg(test)]
pub(super) fn rows() -> usize {
    CODES.len()
}
