//! Arithmetic on codes: distances of a query from many sign codes, dot product of two int8 codes.
//!
//! Exists so that a scan over a million vectors is as quick as the machine allows, with the same integers on each. One
//! body is compiled several times, each time for other instructions; which one runs is found out at run time. The
//! rows of a scan stand word by word in groups of [`LANES`] (see [`Kernel::distances`]), so that a vector register takes
//! a group and nothing is added across its lanes: so laid out, counting bits in AVX-512 is the quickest, and written
//! intrinsics gain nothing over what the compiler makes of the body (`vpdpbusd` for the dot product gained nothing
//! either: rescoring waits for memory).
//!
//! **Invariant:** every kernel gives the same integers for the same input, whatever its length.

#[cfg(target_arch = "x86_64")]
mod detected;

use std::sync::OnceLock;

/// Sign codes that stand interleaved, word by word.
pub const LANES: usize = 8;
/// Binary digits of the weight of a bit.
pub const PLANES: usize = 3;
/// Words of a query for each word of a row: the signs, then the digits of their weights, the lowest first.
pub(crate) const QUERY_WORDS: usize = 1 + PLANES;

/// One way to do the arithmetic.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    /// The instructions that it is compiled for.
    pub name: &'static str,
    /// Distances between a query and groups of rows: the weights of the bits in which they differ, added up. The query is
    /// what [`crate::weighted_query`] makes: for each word of a row the signs and the [`PLANES`] of their weights. Of each
    /// group of [`LANES`] rows the first words of all stand first, then the second words, and so on, little endian. One
    /// distance per row, in 16 bits; rows without a place in the output are left out.
    pub distances: fn(query: &[u64], rows: &[u8], distances: &mut [u16]),
    /// Dot product of int8 codes, the second one as its bytes; of the shorter length where they differ. Exact up to
    /// 130,000 dimensions.
    pub dot: fn(query: &[i8], code: &[u8]) -> i32,
    /// Dot products of one int8 code, as its bytes, with each of several that stand one after the other, widened: what
    /// [`Kernel::dot`] gives for each. The code is widened once for all of them.
    pub dots: fn(queries: &[i16], code: &[u8], sums: &mut [i32]),
}

/// What the compiler makes of the body for every machine of this kind: with NEON on aarch64, where it is always there.
const BASE: Kernel = Kernel {
    name: if cfg!(target_arch = "aarch64") { "neon" } else { "portable" },
    distances: distances_base,
    dot: dot_base,
    dots: dots_base,
};

/// Every kernel that this machine can run, the slowest first.
#[must_use]
pub fn available() -> Vec<Kernel> {
    #[cfg_attr(not(target_arch = "x86_64"), expect(unused_mut, reason = "only x86 has more than one"))]
    let mut kernels = vec![BASE];
    #[cfg(target_arch = "x86_64")]
    kernels.extend(detected::kernels());
    kernels
}

/// The quickest kernel of this machine.
#[must_use]
pub fn best() -> Kernel {
    static BEST: OnceLock<Kernel> = OnceLock::new();
    *BEST.get_or_init(|| available().pop().unwrap_or(BASE))
}

/// [`Kernel::distances`] of the quickest kernel.
pub fn distances(query: &[u64], rows: &[u8], distances: &mut [u16]) {
    (best().distances)(query, rows, distances);
}

/// [`Kernel::dot`] of the quickest kernel.
#[must_use]
pub fn dot(query: &[i8], code: &[u8]) -> i32 {
    (best().dot)(query, code)
}

/// [`Kernel::dots`] of the quickest kernel.
pub fn dots(queries: &[i16], code: &[u8], sums: &mut [i32]) {
    (best().dots)(queries, code, sums);
}

fn distances_base(query: &[u64], rows: &[u8], distances: &mut [u16]) {
    distances_body(query, rows, distances);
}

fn dot_base(query: &[i8], code: &[u8]) -> i32 {
    dot_body(query, code)
}

fn dots_base(queries: &[i16], code: &[u8], sums: &mut [i32]) {
    dots_body(queries, code, sums);
}

#[inline(always)]
fn distances_body(query: &[u64], rows: &[u8], distances: &mut [u16]) {
    let (query, _) = query.as_chunks::<QUERY_WORDS>();
    if query.is_empty() {
        distances.fill(0);
        return;
    }
    for (group, distances) in rows.chunks_exact(query.len() * LANES * 8).zip(distances.chunks_mut(LANES)) {
        let mut sums = [0_u64; LANES];
        for ([signs, ones, twos, fours], lanes) in query.iter().zip(group.chunks_exact(LANES * 8)) {
            let (lanes, _) = lanes.as_chunks::<8>();
            for (sum, lane) in sums.iter_mut().zip(lanes) {
                let differ = u64::from_le_bytes(*lane) ^ signs;
                let count = |plane: u64| u64::from((differ & plane).count_ones());
                *sum += count(*ones) + 2 * count(*twos) + 4 * count(*fours);
            }
        }
        for (distance, sum) in distances.iter_mut().zip(sums) {
            *distance = sum as u16;
        }
    }
}

#[inline(always)]
fn dot_body(query: &[i8], code: &[u8]) -> i32 {
    query.iter().zip(code).map(|(a, b)| i32::from(*a) * i32::from(b.cast_signed())).sum()
}

#[inline(always)]
fn dots_body(queries: &[i16], code: &[u8], sums: &mut [i32]) {
    /// Values that are widened together: they stay in registers while every query is held against them.
    const BLOCK: usize = 256;
    sums.fill(0);
    let length = code.len().max(1);
    for (number, code) in code.chunks(BLOCK).enumerate() {
        let mut wide = [0_i16; BLOCK];
        for (wide, byte) in wide.iter_mut().zip(code) {
            *wide = i16::from(byte.cast_signed());
        }
        let wide = wide.get(..code.len()).unwrap_or_default();
        let first = number * BLOCK;
        for (sum, query) in sums.iter_mut().zip(queries.chunks_exact(length)) {
            let query = query.get(first..).unwrap_or_default();
            *sum += query.iter().zip(wide).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum::<i32>();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Distances one by one and bit by bit, from rows that are not interleaved.
    fn plain(query: &[u64], rows: &[Vec<u64>]) -> Vec<u16> {
        let of_bit = |words: &[u64], word: u64, bit: u32| -> u16 {
            let is = |number: u64| u16::from(number >> bit & 1 == 1);
            let weight = is(words[1]) + 2 * is(words[2]) + 4 * is(words[3]);
            if is(words[0]) == is(word) { 0 } else { weight }
        };
        let of_row = |row: &Vec<u64>| {
            let of_word = |(words, word): (&[u64], &u64)| (0..64).map(|bit| of_bit(words, *word, bit)).sum::<u16>();
            query.chunks(QUERY_WORDS).zip(row).map(of_word).sum()
        };
        rows.iter().map(of_row).collect()
    }

    fn interleave(rows: &[Vec<u64>], words: usize) -> Vec<u8> {
        let mut out = Vec::new();
        for group in rows.chunks(LANES) {
            for word in 0..words {
                for lane in 0..LANES {
                    out.extend(group.get(lane).map_or(0, |row| row[word]).to_le_bytes());
                }
            }
        }
        out
    }

    #[test]
    fn this_machine_has_a_kernel() {
        let names: Vec<&str> = available().iter().map(|kernel| kernel.name).collect();
        assert_eq!(names.first(), Some(&BASE.name), "{names:?}");
        assert_eq!(best().name, *names.last().unwrap());
        assert_eq!((dot(&[-128, 127], &[0x80, 127]), dot(&[], &[])), (128 * 128 + 127 * 127, 0));
        let mut none = [7_u16];
        distances(&[], &[], &mut none);
        assert_eq!(none, [0], "codes without a word are all equal");
    }

    #[test]
    fn the_greatest_sums_fit() {
        let (query, code) = (vec![-128_i8; 4096], vec![0x80_u8; 4096]);
        for kernel in available() {
            assert_eq!((kernel.dot)(&query, &code), 4096 * 128 * 128, "{}", kernel.name);
        }
    }

    proptest! {
        #[test]
        fn every_kernel_gives_the_same_distances(
            rows in (1_usize..9).prop_flat_map(|words| prop::collection::vec(prop::collection::vec(any::<u64>(), words), 1..60)),
            query in prop::collection::vec(any::<u64>(), 9 * QUERY_WORDS),
        ) {
            let words = rows[0].len();
            let query = &query[..words * QUERY_WORDS];
            let expected = plain(query, &rows);
            let stored = interleave(&rows, words);
            for kernel in available() {
                let mut distances = vec![u16::MAX; rows.len()];
                (kernel.distances)(query, &stored, &mut distances);
                prop_assert_eq!(&distances, &expected, "{}", kernel.name);
            }
        }

        #[test]
        fn every_kernel_gives_the_same_dot_product(
            pairs in prop::collection::vec(any::<(i8, i8)>(), 0..700), cut in 0_usize..3,
        ) {
            let query: Vec<i8> = pairs.iter().map(|(a, _)| *a).collect();
            let mut code: Vec<u8> = pairs.iter().map(|(_, b)| b.cast_unsigned()).collect();
            code.truncate(pairs.len().saturating_sub(cut));
            let expected: i64 = query.iter().zip(&code).map(|(a, b)| i64::from(*a) * i64::from(b.cast_signed())).sum();
            for kernel in available() {
                prop_assert_eq!(i64::from((kernel.dot)(&query, &code)), expected, "{}", kernel.name);
            }
        }

        #[test]
        fn every_kernel_gives_the_same_dot_products(
            length in 0_usize..600, several in 0_usize..5, bytes in prop::collection::vec(any::<i8>(), 3600),
        ) {
            let code: Vec<u8> = bytes.iter().take(length).map(|value| value.cast_unsigned()).collect();
            let queries: Vec<&[i8]> = bytes[600..].chunks(length.max(1)).take(several).collect();
            let wide: Vec<i16> = queries.iter().flat_map(|query| query.iter().copied().map(i16::from)).collect();
            let expected: Vec<i32> = queries.iter().map(|query| dot_base(query, &code)).collect();
            for kernel in available() {
                let mut sums = vec![7; queries.len()];
                (kernel.dots)(&wide, &code, &mut sums);
                prop_assert_eq!(&sums, &expected, "{}", kernel.name);
            }
        }
    }
}
