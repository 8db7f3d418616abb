//! A term's postings: which documents of a segment hold it, and how often.
//!
//! ```text
//! varint greatest count, varint least length          bounds of the whole list
//! from 128 postings on, for each whole block and the rest:
//!   u32 last ordinal, u32 offset, u8 bits of gaps, u8 bits of counts, u16 greatest count, u16 least length, 2 × 0
//! blocks of 128: packed gaps, packed counts less 1     the rest: varint gap × 2 + (count is 1), varint count less 2
//! ```
//!
//! **Invariant:** ordinals ascend. Damaged bytes give an error or wrong ordinals, never a panic: who uses an ordinal
//! looks whether there is such a document.

use super::Fault;
use super::bytes::{Reader, put_varint, u32_at};
use super::packing::{BLOCK, pack, packed_bytes, unpack, width_of};

/// A document of the segment and how often it holds the term.
pub(super) type Posting = (u32, u32);

/// Bytes of a block's entry.
const ENTRY_BYTES: usize = 16;
/// A count that is this or greater is looked up in the bound of the whole list.
const COUNT_CEILING: u32 = u16::MAX as u32;

/// What bounds the gain of every posting of a block or list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    /// The greatest count.
    pub(super) count: u32,
    /// The least length of a document.
    pub(super) length: u32,
}

impl Bounds {
    fn of(postings: &[Posting], length: impl Fn(u32) -> u32) -> Self {
        Self {
            count: postings.iter().map(|(_, count)| *count).max().unwrap_or(0),
            length: postings.iter().map(|(ordinal, _)| length(*ordinal)).min().unwrap_or(0),
        }
    }
}

/// Encodes the postings of one term, none with a count of 0; `length` tells that of a document by its ordinal.
pub(super) fn encode(postings: &[Posting], length: impl Fn(u32) -> u32 + Copy, out: &mut Vec<u8>) {
    let bounds = Bounds::of(postings, length);
    put_varint(out, u64::from(bounds.count));
    put_varint(out, u64::from(bounds.length));
    let (blocks, rest) = postings.as_chunks::<BLOCK>();
    let mut data = Vec::new();
    // The ordinal before the first of a block, so that neighbours have a gap of 0.
    let mut before = u32::MAX;
    for block in blocks {
        let offset = data.len();
        let mut gaps = [0; BLOCK];
        let mut counts = [0; BLOCK];
        for ((gap, less), (ordinal, count)) in gaps.iter_mut().zip(&mut counts).zip(block) {
            *gap = ordinal.wrapping_sub(before).wrapping_sub(1);
            *less = count - 1;
            before = *ordinal;
        }
        let widths = (width_of(&gaps), width_of(&counts));
        pack(&gaps, widths.0, &mut data);
        pack(&counts, widths.1, &mut data);
        put_entry(out, before, offset, widths, Bounds::of(block, length));
    }
    if let Some((last, _)) = rest.last().filter(|_| !blocks.is_empty()) {
        put_entry(out, *last, data.len(), (0, 0), Bounds::of(rest, length));
    }
    for (ordinal, count) in rest {
        let gap = u64::from(ordinal.wrapping_sub(before).wrapping_sub(1));
        put_varint(&mut data, gap << 1 | u64::from(*count == 1));
        if *count != 1 {
            put_varint(&mut data, u64::from(*count) - 2);
        }
        before = *ordinal;
    }
    out.extend_from_slice(&data);
}

fn put_entry(out: &mut Vec<u8>, last: u32, offset: usize, widths: (u8, u8), bounds: Bounds) {
    out.extend_from_slice(&last.to_le_bytes());
    out.extend_from_slice(&(offset as u32).to_le_bytes());
    out.extend_from_slice(&[widths.0, widths.1]);
    out.extend_from_slice(&(bounds.count.min(COUNT_CEILING) as u16).to_le_bytes());
    // A smaller length is a greater bound: a cut one still holds.
    out.extend_from_slice(&(bounds.length.min(u32::from(u16::MAX)) as u16).to_le_bytes());
    out.extend_from_slice(&[0, 0]);
}

/// A block as its entry tells of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    /// Its last ordinal.
    pub(super) last: u32,
    /// What bounds it.
    pub(super) bounds: Bounds,
    offset: u32,
    widths: (u8, u8),
}

/// A term's postings in a segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct List<'a> {
    /// How many.
    pub(super) len: u32,
    /// What bounds all of them.
    pub(super) bounds: Bounds,
    /// How many blocks, the rest included.
    pub(super) blocks: usize,
    entries: &'a [u8],
    data: &'a [u8],
}

impl<'a> List<'a> {
    /// Reads the head of a list of `len` postings.
    pub(super) fn new(bytes: &'a [u8], len: u32) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes);
        let bounds = Bounds { count: reader.number()?, length: reader.number()? };
        let blocks = (len as usize).div_ceil(BLOCK);
        let entries = if len as usize >= BLOCK { reader.take(blocks * ENTRY_BYTES)? } else { &[] };
        Ok(Self { len, bounds, blocks, entries, data: reader.rest })
    }

    /// What is known of a block; a list of less than one block has one that bounds nothing by its end.
    #[inline]
    pub(super) fn block(&self, index: usize) -> Option<Block> {
        if self.entries.is_empty() {
            let whole = Block { last: u32::MAX - 1, bounds: self.bounds, offset: 0, widths: (0, 0) };
            return (index == 0 && self.len > 0).then_some(whole);
        }
        let entry: &[u8; ENTRY_BYTES] = self.entries.get(index * ENTRY_BYTES..)?.first_chunk()?;
        let [_, _, _, _, _, _, _, _, gaps, counts, c0, c1, l0, l1, _, _] = *entry;
        let count = u32::from(u16::from_le_bytes([c0, c1]));
        Some(Block {
            last: u32_at(entry, 0)?,
            offset: u32_at(entry, 4)?,
            widths: (gaps, counts),
            bounds: Bounds {
                count: if count == COUNT_CEILING { self.bounds.count } else { count },
                length: u32::from(u16::from_le_bytes([l0, l1])),
            },
        })
    }

    /// Decodes a block; returns how many postings it has.
    pub(super) fn decode(
        &self,
        index: usize,
        ordinals: &mut [u32; BLOCK],
        counts: &mut [u32; BLOCK],
    ) -> Result<usize, Fault> {
        const CUT: Fault = Fault::Damaged("a list of postings is cut");
        let block = self.block(index).ok_or(CUT)?;
        let before = match index.checked_sub(1) {
            None => u32::MAX,
            Some(earlier) => self.block(earlier).ok_or(CUT)?.last,
        };
        let data = self.data.get(block.offset as usize..).ok_or(CUT)?;
        let len = (self.len as usize).saturating_sub(index * BLOCK).min(BLOCK);
        if len < BLOCK {
            return decode_rest(data, before, len, ordinals, counts);
        }
        let (gaps, rest) = data.split_at_checked(packed_bytes(block.widths.0.min(32))).ok_or(CUT)?;
        unpack(gaps, block.widths.0, ordinals)?;
        let mut before = before;
        for ordinal in ordinals.iter_mut() {
            before = before.wrapping_add(*ordinal).wrapping_add(1);
            *ordinal = before;
        }
        if before != block.last {
            return Err(Fault::Damaged("a block ends elsewhere"));
        }
        if block.widths.1 == 0 {
            counts.fill(1);
        } else {
            unpack(rest, block.widths.1, counts)?;
            counts.iter_mut().for_each(|count| *count = count.saturating_add(1));
        }
        Ok(BLOCK)
    }

    /// Every posting, in order.
    pub(super) fn each(&self, mut visit: impl FnMut(u32, u32)) -> Result<(), Fault> {
        let (mut ordinals, mut counts) = ([0; BLOCK], [0; BLOCK]);
        for index in 0..self.blocks {
            let len = self.decode(index, &mut ordinals, &mut counts)?;
            ordinals.iter().zip(&counts).take(len).for_each(|(ordinal, count)| visit(*ordinal, *count));
        }
        Ok(())
    }
}

fn decode_rest(
    data: &[u8],
    mut before: u32,
    len: usize,
    ordinals: &mut [u32; BLOCK],
    counts: &mut [u32; BLOCK],
) -> Result<usize, Fault> {
    let mut reader = Reader::new(data);
    for (ordinal, count) in ordinals.iter_mut().zip(counts.iter_mut()).take(len) {
        let value = reader.varint()?;
        before = before.wrapping_add((value >> 1) as u32).wrapping_add(1);
        *ordinal = before;
        *count = if value & 1 == 1 { 1 } else { reader.number()?.saturating_add(2) };
    }
    Ok(len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8], len: usize) -> Result<Vec<Posting>, Fault> {
        let mut read = Vec::new();
        List::new(bytes, len as u32)?.each(|ordinal, count| read.push((ordinal, count)))?;
        Ok(read)
    }

    proptest! {
        #[test]
        fn postings_come_back(gaps in proptest::collection::vec((0_u32..3000, 1_u32..9), 0..700), dense in any::<bool>(), cut in any::<usize>()) {
            let mut next = 0;
            let postings: Vec<Posting> = gaps.iter().map(|(gap, count)| {
                let ordinal = next + if dense { 0 } else { *gap };
                next = ordinal + 1;
                (ordinal, if dense { 1 } else { *count * *count * *count * 100 })
            }).collect();
            let mut bytes = Vec::new();
            encode(&postings, |_| 60, &mut bytes);
            prop_assert_eq!(read(&bytes, postings.len()).expect("whole"), postings.clone());
            let cut = cut % (bytes.len() + 1);
            let _ = read(&bytes[..cut], postings.len());
            if let Some(byte) = bytes.get_mut(cut) {
                *byte ^= 0x55;
            }
            let _ = read(&bytes, postings.len());
        }
    }
}
