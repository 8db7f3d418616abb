//! Sign codes: one bit per dimension, for finding the few vectors that are worth an exact look.
//!
//! The bits are the signs after a rotation that is the same for every vector of a dimension, so that each bit says
//! about equally much even where a model keeps its variance in few dimensions. Removing the mean does as well, but a
//! mean belongs to the vectors that were there when it was taken: the same vectors would give other answers after a
//! rebuild (I4). The rotation needs nothing but the code itself.
//!
//! A code is stored as its signs alone; of a query it is known how far each value is from changing its sign. So what
//! differs counts by the query's value there, in eight steps: of the ten nearest among 100,000 passages of documentation
//! 800 hold 99 in a hundred then, for 95 where every bit counts the same.
//!
//! **Invariant:** integers only, so that the bits of a code are the same on every machine; [`SIGNS_VERSION`] counts up
//! where they change.

use crate::kernel::{PLANES, QUERY_WORDS};

/// Counts up when the bits of a code change: stored ones are then made again.
pub const SIGNS_VERSION: u32 = 1;

/// Rounds of the rotation: a second one gained up to a point of recall, a third one nothing.
const ROUNDS: u64 = 2;
/// Bits that a value is moved up by before the first round, so that what rounding takes is far below a code's step.
const HEADROOM: u32 = 8;

/// The greatest weight of a bit in a query.
const WEIGHT_MAX: u64 = (1 << PLANES) - 1;

/// A query as it is compared with sign codes, of int8 codes, given as their bytes; and the greatest distance that a sign
/// code can have from it. For each word of a sign code the signs, then the binary digits of their weights, the lowest
/// first. The greatest value weighs 7, or less where more than 9,362 dimensions would not fit in 16 bits.
#[must_use]
pub fn weighted_query(codes: &[u8]) -> (Vec<u64>, u16) {
    let rotated = rotate(codes);
    let room = u64::from(u16::MAX) / (rotated.len() as u64).max(1);
    let most = WEIGHT_MAX.min(room);
    let greatest = rotated.iter().map(|value| u64::from(value.unsigned_abs())).max().unwrap_or_default().max(1);
    let (words, _) = rotated.as_chunks::<64>();
    let (mut out, mut farthest) = (Vec::with_capacity(words.len() * QUERY_WORDS), 0);
    for values in words {
        let mut word = [0; QUERY_WORDS];
        for (bit, value) in values.iter().enumerate() {
            let weight = (u64::from(value.unsigned_abs()) * most * 2 + greatest) / (2 * greatest);
            farthest += weight;
            let digits = (0..PLANES).map(|digit| weight >> digit & 1);
            for (word, is_set) in word.iter_mut().zip([u64::from(*value > 0)].into_iter().chain(digits)) {
                *word |= is_set << bit;
            }
        }
        out.extend(word);
    }
    (out, farthest as u16)
}

/// The sign code of int8 codes, given as their bytes: a bit per dimension, filled up to whole words.
#[must_use]
pub fn sign_code(codes: &[u8]) -> Vec<u64> {
    let rotated = rotate(codes);
    let (words, _) = rotated.as_chunks::<64>();
    let word =
        |values: &[i32; 64]| (0..).zip(values).fold(0, |word, (bit, value)| word | (u64::from(*value > 0) << bit));
    words.iter().map(word).collect()
}

/// Signs at random, a Hadamard transform of each block, and mixing of the blocks, twice.
fn rotate(codes: &[u8]) -> Vec<i32> {
    let length = codes.len().next_multiple_of(64);
    let mut values: Vec<i32> = codes.iter().map(|code| i32::from(code.cast_signed()) << HEADROOM).collect();
    values.resize(length, 0);
    // 384 dimensions are three blocks of 128: the transform needs a power of two.
    let block = 1_usize << length.trailing_zeros().min(12);
    let blocks = length / block;
    for round in 0..ROUNDS {
        flip_signs(&mut values, round);
        for part in values.chunks_exact_mut(block) {
            hadamard(part);
            // Keeps the length of the vector, but for rounding, so that the next round cannot overflow.
            part.iter_mut().for_each(|value| *value >>= block.trailing_zeros() / 2);
        }
        if blocks > 1 {
            let of_block = |first: usize| values.iter().skip(first).step_by(block).copied();
            values = (0..block).flat_map(of_block).collect();
        }
    }
    values
}

/// Turns about half of the values over, the same ones in every call.
fn flip_signs(values: &mut [i32], round: u64) {
    for (index, part) in (0_u64..).zip(values.chunks_mut(64)) {
        let mut signs = scatter(round << 32 | index);
        for value in part {
            *value = if signs & 1 == 1 { -*value } else { *value };
            signs >>= 1;
        }
    }
}

/// A number without a pattern for each number (the last step of SplitMix64).
const fn scatter(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn hadamard(values: &mut [i32]) {
    let mut half = 1;
    while half < values.len() {
        for pair in values.chunks_exact_mut(2 * half) {
            let (left, right) = pair.split_at_mut(half);
            for (a, b) in left.iter_mut().zip(right) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Encoded;
    use expect_test::expect;
    use proptest::prelude::*;

    fn length(values: &[i32]) -> f64 {
        values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt()
    }

    #[test]
    fn the_bits_of_a_code_never_change() {
        let code = |dimension: usize| (0..dimension).map(|index| (index * 37 % 251) as u8).collect::<Vec<u8>>();
        expect!["[1f570aa7d25b135e, bed5f18808f6884] [d7e0a8a560411ace, 9afd1f90aa14f085, d53db0f02b2b27a, 170e552880186ea2]"].assert_eq(&format!("{:x?} {:x?}", sign_code(&code(100)), sign_code(&code(256))));
        assert_eq!(sign_code(&code(384)).len(), 6);
        assert!(sign_code(&[]).is_empty());
    }

    #[test]
    fn the_greatest_codes_do_not_overflow() {
        for dimension in [1, 63, 256, 384, 1024, 4096, 8192] {
            // All equal, and all at one side of the transform's rows.
            for code in [127_u8, 0x81] {
                assert_eq!(sign_code(&vec![code; dimension]).len(), dimension.div_ceil(64));
            }
        }
    }

    #[test]
    fn the_greatest_distance_fits_and_is_that_of_the_opposite() {
        for dimension in [1, 64, 100, 256, 384, 4096, 9500, 16_384] {
            let code = |sign: i32| -> Vec<u8> {
                (0..dimension).map(|at: i32| ((sign * (at * 37 % 127)) as i8).cast_unsigned()).collect()
            };
            let ((query, farthest), opposite) = (weighted_query(&code(1)), sign_code(&code(-1)));
            let rows: Vec<u8> = opposite.iter().flat_map(|word| [word.to_le_bytes(); 8]).flatten().collect();
            let mut distances = [0; 8];
            crate::kernel::distances(&query, &rows, &mut distances);
            // A value of zero has the same bit on both sides, and no weight.
            assert_eq!(distances, [farthest; 8], "{dimension}");
            let own: Vec<u8> = sign_code(&code(1)).iter().flat_map(|word| [word.to_le_bytes(); 8]).flatten().collect();
            crate::kernel::distances(&query, &own, &mut distances);
            assert_eq!(distances, [0; 8], "{dimension}");
        }
        assert_eq!(weighted_query(&[]), (vec![], 0));
        assert_eq!(weighted_query(&[0; 64]).1, 0, "a vector of zeros is equally far from all");
    }

    proptest! {
        #[test]
        fn a_rotation_keeps_lengths_and_opposites(codes in prop::collection::vec(any::<i8>(), 64..500)) {
            let bytes: Vec<u8> = codes.iter().map(|code| code.cast_unsigned()).collect();
            let before: Vec<i32> = codes.iter().map(|code| i32::from(*code) << HEADROOM).collect();
            let after = length(&rotate(&bytes));
            // Odd powers of two cannot be undone by shifting alone: each round may gain a factor of the root of two.
            prop_assert!(after >= length(&before) * 0.98 && after <= length(&before) * 2.05, "{after}");
        }

        #[test]
        fn near_vectors_share_most_bits(vector in prop::collection::vec(-1.0_f32..1.0, 256), noise in prop::collection::vec(-0.1_f32..0.1, 256)) {
            let near: Vec<f32> = vector.iter().zip(&noise).map(|(a, b)| a + b).collect();
            let code = |vector: &[f32]| sign_code(&Encoded::from_vector(vector).unwrap().to_bytes()[4..]);
            let apart: u32 = code(&vector).iter().zip(code(&near)).map(|(a, b)| (a ^ b).count_ones()).sum();
            // The angle is about 6 degrees: 8 of 256 bits on average.
            prop_assert!(apart < 40, "{apart} bits differ");
        }
    }
}
