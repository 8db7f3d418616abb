//! Blocks of 128 numbers, each in as many bits as the largest of them needs.
//!
//! The width is a constant of each unpacking function, so that the compiler turns it into shifts without branches: about
//! half a nanosecond for a number.

use super::Fault;

/// Numbers of a whole block.
pub(super) const BLOCK: usize = 128;
/// Numbers that are packed together into whole words of 32 bits.
const GROUP: usize = 32;

/// Bits that the largest of these needs.
pub(super) fn width_of(values: &[u32; BLOCK]) -> u8 {
    let all = values.iter().fold(0, |all, value| all | value);
    (u32::BITS - all.leading_zeros()) as u8
}

/// Bytes of a packed block.
pub(super) const fn packed_bytes(width: u8) -> usize {
    BLOCK / 8 * width as usize
}

/// Appends the low `width` bits of every value, low ones first.
pub(super) fn pack(values: &[u32; BLOCK], width: u8, out: &mut Vec<u8>) {
    let (mut held, mut bits) = (0_u64, 0_u32);
    for value in values {
        held |= u64::from(*value) << bits;
        bits += u32::from(width);
        while bits >= 8 {
            out.push(held as u8);
            held >>= 8;
            bits -= 8;
        }
    }
}

/// Reads a block back.
pub(super) fn unpack(bytes: &[u8], width: u8, out: &mut [u32; BLOCK]) -> Result<(), Fault> {
    macro_rules! by_width {
        ($($width:literal)*) => {
            match width {
                0 => {
                    out.fill(0);
                    Some(())
                }
                $($width => unpack_block::<$width, { $width * 4 }>(bytes, out),)*
                _ => None,
            }
        };
    }
    by_width!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32)
        .ok_or(Fault::Damaged("a block is cut"))
}

fn unpack_block<const WIDTH: usize, const BYTES: usize>(bytes: &[u8], out: &mut [u32; BLOCK]) -> Option<()> {
    let mut rest = bytes;
    for group in out.as_chunks_mut::<GROUP>().0 {
        let (packed, after) = rest.split_first_chunk::<BYTES>()?;
        unpack_group::<WIDTH, BYTES>(packed, group);
        rest = after;
    }
    Some(())
}

#[inline(always)]
#[expect(
    clippy::indexing_slicing,
    reason = "every index is below a constant: WIDTH words hold 32 values of WIDTH bits"
)]
fn unpack_group<const WIDTH: usize, const BYTES: usize>(packed: &[u8; BYTES], out: &mut [u32; GROUP]) {
    let mut words = [0_u32; WIDTH];
    for (word, bytes) in words.iter_mut().zip(packed.as_chunks::<4>().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    let mask = if WIDTH == 32 { u32::MAX } else { (1 << WIDTH) - 1 };
    for (at, value) in out.iter_mut().enumerate() {
        let (word, shift) = (at * WIDTH / 32, at * WIDTH % 32);
        let low = words[word] >> shift;
        *value = if shift + WIDTH > 32 { low | words[word + 1] << (32 - shift) } else { low } & mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_comes_back() {
        let mut random = jay_testkit::Random::new(3);
        for width in 0..=32_u8 {
            let values: [u32; BLOCK] = std::array::from_fn(|_| random.below(1 << width) as u32);
            assert!(width_of(&values) <= width);
            let mut bytes = Vec::new();
            pack(&values, width, &mut bytes);
            assert_eq!(bytes.len(), packed_bytes(width));
            let mut read = [7; BLOCK];
            unpack(&bytes, width, &mut read).expect("whole");
            assert_eq!(read, values);
            if width > 0 {
                assert!(unpack(&bytes[1..], width, &mut read).is_err());
            }
        }
        assert!(unpack(&[0; 999], 33, &mut [0; BLOCK]).is_err());
    }
}
