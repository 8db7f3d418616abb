//! Which content of the table a file holds: a log of the last vectors that were stored.
//!
//! Each transaction that stores vectors adds an entry: a number and a token, a hash over the one before and over what
//! is stored. The file remembers the tokens that it was extended to. So a reader knows whether the file is of its
//! snapshot, is ahead of it (then it takes the part that it knows), or behind (then the entries name what is missing);
//! and a store that was put back in time or replaced never takes a file of another past for its own, since the same
//! token means the same vectors.
//!
//! Vectors that are removed are not logged: what is no longer current never passes a reader's filter, the writer drops
//! it when it extends the file, and a purge makes the file anew.

use super::header::HeldMark;
use super::layout::{i64_at, u32_at, u64_at};
use jay_types::Hash;

/// Documents that may stand in the table only before the file follows: each is scored from there at every search. An
/// entry has at least one, so that the log reaches back far enough to extend the file however they came.
pub(crate) const NEWER_MAX: usize = 32;
/// Entries that are kept; who is farther behind builds anew.
const ENTRIES_MAX: usize = 3 * NEWER_MAX;
/// Documents in them, but for the last entry's.
const DOCS_MAX: usize = 8192;

/// A state of the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// How often vectors were stored.
    pub seq: u64,
    /// What was stored, one after the other, as a number.
    pub token: u64,
}

impl Mark {
    /// The state after these vectors were stored: (document, chunk, code).
    #[must_use]
    pub fn after<'a>(self, stored: impl Iterator<Item = (i64, u32, &'a [u8])>) -> Self {
        let mut bytes = self.token.to_le_bytes().to_vec();
        for (doc, chunk, code) in stored {
            bytes.extend(doc.to_le_bytes());
            bytes.extend(chunk.to_le_bytes());
            bytes.extend((code.len() as u64).to_le_bytes());
            bytes.extend(code);
        }
        let token = u64_at(&Hash::of(&bytes).0, 0).unwrap_or_default();
        Self { seq: self.seq + 1, token }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    mark: Mark,
    docs: Vec<i64>,
}

/// The state of the table with what led to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// The state before the first entry.
    base: Mark,
    entries: Vec<Entry>,
}

impl Content {
    /// The state now.
    #[must_use]
    pub fn mark(&self) -> Mark {
        self.entries.last().map_or(self.base, |entry| entry.mark)
    }

    /// Notes that vectors of these documents were stored, which led to `mark`.
    pub fn push(&mut self, mark: Mark, docs: Vec<i64>) {
        self.entries.push(Entry { mark, docs });
        let docs = |entries: &[Entry]| entries.iter().map(|entry| entry.docs.len()).sum::<usize>();
        while self.entries.len() > ENTRIES_MAX || (self.entries.len() > 1 && docs(&self.entries) > DOCS_MAX) {
            self.base = self.entries.remove(0).mark;
        }
    }

    /// The newest state that a file holds too: its number of records, and the documents that were stored since.
    pub(super) fn match_marks(&self, held: &[HeldMark]) -> Option<(usize, Vec<i64>)> {
        let marks = std::iter::once(self.base).chain(self.entries.iter().map(|entry| entry.mark));
        let known: Vec<Mark> = marks.collect();
        let (place, count) = known.iter().enumerate().rev().find_map(|(place, mark)| {
            held.iter().rev().find(|held| held.mark == *mark && mark.seq > 0).map(|held| (place, held.count))
        })?;
        let mut newer: Vec<i64> =
            self.entries.iter().skip(place).flat_map(|entry| entry.docs.iter().copied()).collect();
        newer.sort_unstable();
        newer.dedup();
        Some((usize::try_from(count).ok()?, newer))
    }

    /// The bytes under which the store keeps it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mark = |out: &mut Vec<u8>, mark: Mark| {
            out.extend(mark.seq.to_le_bytes());
            out.extend(mark.token.to_le_bytes());
        };
        mark(&mut out, self.base);
        for entry in &self.entries {
            mark(&mut out, entry.mark);
            out.extend((entry.docs.len() as u32).to_le_bytes());
            out.extend(entry.docs.iter().flat_map(|doc| doc.to_le_bytes()));
        }
        out
    }

    /// Reads the bytes; the empty state where they are none of these, which fits no file.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self::parse(bytes).unwrap_or_default()
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let mark = |offset: usize| Some(Mark { seq: u64_at(bytes, offset)?, token: u64_at(bytes, offset + 8)? });
        let mut content = Self { base: mark(0)?, entries: Vec::new() };
        let mut offset = 16;
        while offset < bytes.len() {
            let count = u32_at(bytes, offset + 16)? as usize;
            let docs = bytes.get(offset + 20..offset + 20 + 8 * count)?;
            let docs = docs.chunks_exact(8).map(|doc| i64_at(doc, 0)).collect::<Option<_>>()?;
            content.entries.push(Entry { mark: mark(offset)?, docs });
            offset += 20 + 8 * count;
        }
        Some(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(content: &mut Content, doc: i64) -> Mark {
        let mark = content.mark().after([(doc, 0, [doc as u8].as_slice())].into_iter());
        content.push(mark, vec![doc]);
        mark
    }

    #[test]
    fn a_file_is_matched_by_what_led_to_it() {
        let mut content = Content::default();
        assert_eq!(content.match_marks(&[HeldMark { mark: Mark::default(), count: 0 }]), None, "nothing fits nothing");
        let held: Vec<HeldMark> =
            (1..=5).map(|doc| HeldMark { mark: stored(&mut content, doc), count: doc as u64 * 10 }).collect();
        assert_eq!(content.match_marks(&held), Some((50, vec![])));
        assert_eq!(content.match_marks(&held[..3]), Some((30, vec![4, 5])), "the file is behind");
        let mut older = Content::default();
        for doc in 1..=2 {
            stored(&mut older, doc);
        }
        assert_eq!(older.match_marks(&held), Some((20, vec![])), "the file is ahead");
        let mut other = older.clone();
        stored(&mut other, 33);
        assert_eq!(other.match_marks(&held), Some((20, vec![33])), "the store went on in another way");
        assert_eq!(other.match_marks(&held[2..]), None);
    }

    #[test]
    fn the_log_is_bounded_and_its_bytes_are_read_back() {
        let mut content = Content::default();
        let first = stored(&mut content, 1);
        for doc in 2..100 {
            stored(&mut content, doc);
        }
        assert_eq!(content.match_marks(&[HeldMark { mark: first, count: 1 }]), None, "too far behind");
        assert_eq!(Content::from_bytes(&content.to_bytes()), content);
        let mark = content.mark().after(std::iter::empty());
        content.push(mark, (0..DOCS_MAX as i64 + 1).collect());
        assert_eq!(content.entries.len(), 1);
        let bytes = content.to_bytes();
        assert_eq!(Content::from_bytes(&bytes), content);
        assert_eq!(Content::from_bytes(&bytes[..bytes.len() - 1]), Content::default());
        assert_eq!(Content::from_bytes(&[]), Content::default());
    }
}
