//! The vocabulary: which bytes are a token, and what kind of character one is; in the file that
//! `scripts/distil/vocabulary.py` writes and describes.
//!
//! **Invariant:** the header is read while compiling. Kinds of characters are the tokenizers library's own, asked for
//! every code point, so no difference in Unicode versions can come between.

use super::table::u32_at;

/// A token's number; its row in the table has the same.
pub type TokenId = u16;

const HEADER: usize = 64;

static FILE: &[u8] = include_bytes!("../../data/static-vocabulary.bin");

const COUNT: usize = {
    assert!(matches!(FILE.first_chunk::<8>(), Some(b"JAYVOCAB")), "not a vocabulary");
    assert!(u32_at(FILE, 8) == 1, "a vocabulary of another version");
    u32_at(FILE, 12) as usize
};
const SLOTS: usize = u32_at(FILE, 16) as usize;
const RANGES: usize = u32_at(FILE, 20) as usize;
const STRINGS_LEN: usize = u32_at(FILE, 24) as usize;

/// Bytes of the longest token.
pub(super) const LONGEST: usize = u32_at(FILE, 28) as usize;

/// The token of words that no tokens make up.
pub(super) const UNKNOWN: TokenId = u32_at(FILE, 32) as TokenId;

static OFFSETS: &[[u8; 4]] = section(0, (COUNT + 1) * 4).as_chunks().0;
static TABLE: &[[u8; 2]] = section((COUNT + 1) * 4, SLOTS * 2).as_chunks().0;
static CLASSES: &[[u8; 4]] = section((COUNT + 1) * 4 + SLOTS * 2, RANGES * 4).as_chunks().0;
static STRINGS: &[u8] = section((COUNT + 1 + RANGES) * 4 + SLOTS * 2, STRINGS_LEN);
static INNER: &[u8] = section((COUNT + 1 + RANGES) * 4 + SLOTS * 2 + STRINGS_LEN, COUNT.div_ceil(8));

const fn section(start: usize, len: usize) -> &'static [u8] {
    FILE.split_at(HEADER + start).1.split_at(len).0
}

/// What the tokenizer does with a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Part of a word.
    Plain,
    /// Dropped: control and format characters, accents.
    Dropped,
    /// Between words.
    Space,
    /// A word of its own: Chinese characters.
    Single,
    /// A word of its own: punctuation.
    Punctuation,
}

/// The kind of a character.
pub(crate) fn kind(c: char) -> Kind {
    if c.is_ascii_alphanumeric() {
        return Kind::Plain;
    }
    let point = u32::from(c);
    let after = CLASSES.partition_point(|entry| u32::from_le_bytes(*entry) & 0x00ff_ffff <= point);
    match after.checked_sub(1).and_then(|at| CLASSES.get(at)) {
        Some([.., 1]) => Kind::Dropped,
        Some([.., 2]) => Kind::Space,
        Some([.., 3]) => Kind::Single,
        Some([.., 4]) => Kind::Punctuation,
        _ => Kind::Plain,
    }
}

/// The longest token that `text` begins with, and its length in bytes. `inner`: the text continues a word.
pub(super) fn longest(text: &str, inner: bool) -> Option<(TokenId, usize)> {
    let mut hashes = [0_u16; LONGEST];
    let mut hash = next(0xcbf2_9ce4_8422_2325, u8::from(inner));
    for (slot, byte) in hashes.iter_mut().zip(text.bytes()) {
        hash = next(hash, byte);
        // As many bits as there are slots.
        *slot = (hash ^ (hash >> 32)) as u16;
    }
    let ends = hashes.iter().enumerate().map(|(before, hash)| (hash, before + 1)).take(text.len());
    // An end inside a character is none.
    ends.rev().find_map(|(hash, end)| Some((find(*hash, text.get(..end)?, inner)?, end)))
}

/// One step of FNV-1a.
fn next(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
}

/// The token that is exactly these bytes: linear probing from the hash's slot to the first empty one.
fn find(hash: u16, text: &str, inner: bool) -> Option<TokenId> {
    const { assert!(SLOTS == 1 << 16, "a slot is what a u16 can number") };
    let (after, before) = TABLE.split_at_checked(usize::from(hash)).map(|(a, b)| (b, a))?;
    for entry in after.iter().chain(before) {
        let id = u16::from_le_bytes(*entry).checked_sub(1)?;
        if string(id) == Some(text.as_bytes()) && is_inner(id) == inner {
            return Some(id);
        }
    }
    None
}

/// A token's bytes, without `##`.
pub(super) fn string(id: TokenId) -> Option<&'static [u8]> {
    let at = usize::from(id);
    let offset = |at: usize| OFFSETS.get(at).map(|bytes| u32::from_le_bytes(*bytes) as usize);
    STRINGS.get(offset(at)?..offset(at + 1)?)
}

fn is_inner(id: TokenId) -> bool {
    INNER.get(usize::from(id / 8)).is_some_and(|bits| bits >> (id % 8) & 1 == 1)
}

/// What the header says of the file's content, and the content.
#[cfg(test)]
pub(super) fn hash_and_payload() -> ([u8; 24], &'static [u8]) {
    let (header, payload) = FILE.split_at(HEADER);
    (header[40..].try_into().unwrap(), payload)
}

/// A token as tokenizer.json writes it.
#[cfg(all(test, feature = "transformer"))]
pub(crate) fn token(id: TokenId) -> String {
    let text = String::from_utf8_lossy(string(id).unwrap());
    if is_inner(id) { format!("##{text}") } else { text.into_owned() }
}

/// How many tokens there are.
#[cfg(test)]
pub(crate) fn count() -> usize {
    OFFSETS.len() - 1
}
