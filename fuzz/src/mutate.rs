//! Makes new inputs from old ones, without knowing what reads them.
//!
//! Without coverage to guide it, a search finds what lies near a good seed: so the changes are small, several are
//! stacked, and numbers, delimiters and broken UTF-8 are drawn more often than chance would.

use jay_testkit::Random;

/// An input grows to at most this many bytes: every reader has a bound, and time per run is what limits a search.
pub const INPUT_BYTES_MAX: usize = 8 << 10;

/// What readers stumble over: delimiters, limits of numbers, parts of characters.
const TOKENS: &[&[u8]] = &[
    b"\0",
    b"\n",
    b"\r\n",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"/",
    b"..",
    b"://",
    b"@",
    b"-1",
    b"0",
    b"65536",
    b"4294967296",
    b"18446744073709551616",
    b"1e999",
    b"null",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\xe2\x80\x8b",
    b"\xcc\x81",
];

/// Changes `input` in one to eight small ways; `other` is one more input to take parts from.
pub fn mutate(random: &mut Random, input: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..=random.below(8) {
        step(random, input, other);
    }
    input.truncate(INPUT_BYTES_MAX);
}

fn step(random: &mut Random, input: &mut Vec<u8>, other: &[u8]) {
    let at = random.index(input.len() + 1);
    match random.below(8) {
        0 => {
            let bit = 1_u8 << random.below(8);
            if let Some(byte) = input.get_mut(at) {
                *byte ^= bit;
            }
        }
        1 => {
            let [drawn] = random.bytes::<1>();
            if let Some(byte) = input.get_mut(at) {
                *byte = drawn;
            }
        }
        2 => insert(input, at, &random.bytes::<1>()),
        3 => insert(input, at, random.pick(TOKENS).copied().unwrap_or_default()),
        4 => {
            let end = at + random.index(input.len() - at + 1).min(16);
            input.drain(at..end);
        }
        5 => {
            let part = part(random, input).to_vec();
            insert(input, at, &part);
        }
        6 => insert(input, at, part(random, other)),
        _ => input.truncate(at),
    }
}

fn insert(input: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    input.splice(at..at, bytes.iter().copied());
}

/// Any run of bytes of `from`.
fn part<'a>(random: &mut Random, from: &'a [u8]) -> &'a [u8] {
    let start = random.index(from.len() + 1);
    let end = start + random.index(from.len() - start + 1);
    from.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_change_stay_bounded_and_belong_to_their_seed() {
        let mut different = std::collections::HashSet::new();
        for seed in 0..2_000 {
            let [mut first, mut second] = [b"work/acme".to_vec(), b"work/acme".to_vec()];
            mutate(&mut Random::new(seed), &mut first, b"2026-05-01");
            mutate(&mut Random::new(seed), &mut second, b"2026-05-01");
            assert_eq!(first, second);
            different.insert(first);
        }
        assert!(different.len() > 1_500, "only {} different inputs", different.len());
        let (mut random, mut input) = (Random::new(1), Vec::new());
        for _ in 0..20_000 {
            let other = input.clone();
            mutate(&mut random, &mut input, &other);
            assert!(input.len() <= INPUT_BYTES_MAX);
        }
    }
}
