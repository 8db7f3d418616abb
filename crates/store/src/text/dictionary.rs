//! A segment's terms in their order, each with where its postings are.
//!
//! Sixteen terms make a block; a term is written without what it shares with the one before. The index holds where each
//! block begins and the first bytes of its first term, so that a look-up is a binary search over numbers (most of a write's
//! search for near-duplicates are look-ups) and a walk through one block, in which only what a term does not share with the
//! one before is compared.
//!
//! **Invariant:** terms ascend strictly; a block begins with a whole term and the offset of its postings.

use super::Fault;
use super::bytes::{Reader, put_varint, u32_at, u64_at};
use std::cmp::Ordering;

/// Terms of a block.
pub(super) const TERMS: usize = 16;
/// Bytes of a block in the index: where it begins, and [`key`] of its first term.
pub(super) const BLOCK_BYTES: usize = 4 + 8;

/// Where the postings of a term are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    /// How many documents hold it.
    pub(super) frequency: u32,
    /// Where its postings begin.
    pub(super) offset: u64,
    /// Bytes of its postings.
    pub(super) bytes: u64,
}

/// Writes a dictionary, term by term in their order.
#[derive(Debug, Default)]
pub(super) struct DictionaryWriter {
    pub(super) bytes: Vec<u8>,
    pub(super) index: Vec<u8>,
    pub(super) count: u32,
    last: Vec<u8>,
}

impl DictionaryWriter {
    pub(super) fn push(&mut self, term: &[u8], entry: Entry) {
        let begins = (self.count as usize).is_multiple_of(TERMS);
        if begins {
            self.index.extend_from_slice(&(self.bytes.len() as u32).to_le_bytes());
            self.index.extend_from_slice(&key(term).to_le_bytes());
            put_varint(&mut self.bytes, entry.offset);
            self.last.clear();
        }
        let shared = self.last.iter().zip(term).take_while(|(a, b)| a == b).count();
        let own = term.get(shared..).unwrap_or_default();
        put_varint(&mut self.bytes, shared as u64);
        put_varint(&mut self.bytes, own.len() as u64);
        self.bytes.extend_from_slice(own);
        put_varint(&mut self.bytes, u64::from(entry.frequency));
        put_varint(&mut self.bytes, entry.bytes);
        self.last.clear();
        self.last.extend_from_slice(term);
        self.count += 1;
    }
}

/// The first eight bytes of a term as a number that sorts as they do; a shorter term is filled with zeros.
fn key(term: &[u8]) -> u64 {
    let mut first = [0; 8];
    first.iter_mut().zip(term).for_each(|(to, byte)| *to = *byte);
    u64::from_be_bytes(first)
}

/// A dictionary to look terms up in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dictionary<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) index: &'a [u8],
    pub(super) count: u32,
}

impl<'a> Dictionary<'a> {
    /// Where a term's postings are; none where no document holds it.
    pub(super) fn find(&self, term: &[u8]) -> Result<Option<Entry>, Fault> {
        let Some(block) = self.block_of(term)? else { return Ok(None) };
        let mut reader = self.block(block)?;
        let mut offset = reader.varint()?;
        // Bytes of `term` that the term before begins with; that one is less.
        let mut alike = 0;
        for _ in 0..TERMS.min((self.count as usize).saturating_sub(block * TERMS)) {
            let shared = reader.number()? as usize;
            let length = reader.number()?;
            let own = reader.take(length as usize)?;
            let (frequency, bytes) = (reader.number()?, reader.varint()?);
            // What shares more with the one before differs from `term` where that one does; what shares less, earlier.
            if shared < alike {
                break;
            }
            if shared == alike {
                let left = term.get(alike..).unwrap_or_default();
                match own.cmp(left) {
                    Ordering::Equal => return Ok(Some(Entry { frequency, offset, bytes })),
                    Ordering::Greater => break,
                    Ordering::Less => alike += own.iter().zip(left).take_while(|(a, b)| a == b).count(),
                }
            }
            offset = offset.wrapping_add(bytes);
        }
        Ok(None)
    }

    /// The last block whose first term is not greater.
    fn block_of(&self, term: &[u8]) -> Result<Option<usize>, Fault> {
        let wanted = key(term);
        let (mut low, mut high) = (0, (self.count as usize).div_ceil(TERMS));
        while low < high {
            let middle = low.midpoint(high);
            let first =
                u64_at(self.index, middle * BLOCK_BYTES + 4).ok_or(Fault::Damaged("a block of terms is missing"))?;
            let is_before = match first.cmp(&wanted) {
                Ordering::Equal => self.first(middle)? <= term,
                order => order.is_lt(),
            };
            if is_before { low = middle + 1 } else { high = middle }
        }
        Ok(low.checked_sub(1))
    }

    fn block(&self, block: usize) -> Result<Reader<'a>, Fault> {
        let start = u32_at(self.index, block * BLOCK_BYTES).and_then(|start| self.bytes.get(start as usize..));
        start.map(Reader::new).ok_or(Fault::Damaged("a block of terms is missing"))
    }

    /// The first term of a block, which shares nothing.
    fn first(&self, block: usize) -> Result<&'a [u8], Fault> {
        let mut reader = self.block(block)?;
        reader.varint()?;
        reader.varint()?;
        let length = reader.number()?;
        reader.take(length as usize)
    }

    fn walk(&self, block: usize) -> Result<Walk<'a>, Fault> {
        let left = (self.count as usize).saturating_sub(block * TERMS);
        let reader = if left == 0 { Reader::new(&[]) } else { self.block(block)? };
        Ok(Walk { reader, left: left as u32, in_block: 0, offset: 0, term: Vec::new(), waiting: None })
    }

    /// Every term, in order.
    pub(super) fn all(&self) -> Result<Walk<'a>, Fault> {
        self.walk(0)
    }

    /// Every term that is not before `start`, in order.
    pub(super) fn from(&self, start: &[u8]) -> Result<Walk<'a>, Fault> {
        let mut walk = self.walk(self.block_of(start)?.unwrap_or(0))?;
        while let Some(entry) = walk.next()? {
            if walk.term.as_slice() >= start {
                walk.waiting = Some(entry);
                break;
            }
        }
        Ok(walk)
    }
}

/// A walk through the terms of a dictionary.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    reader: Reader<'a>,
    left: u32,
    in_block: usize,
    offset: u64,
    /// The term of the entry that was given last.
    pub(super) term: Vec<u8>,
    /// What was read ahead: the entry of the term that stands here.
    waiting: Option<Entry>,
}

impl Walk<'_> {
    pub(super) fn next(&mut self) -> Result<Option<Entry>, Fault> {
        if let Some(entry) = self.waiting.take() {
            return Ok(Some(entry));
        }
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        if self.in_block == 0 {
            self.offset = self.reader.varint()?;
            self.term.clear();
        }
        self.in_block = (self.in_block + 1) % TERMS;
        let shared = self.reader.number()? as usize;
        let own = self.reader.number()?;
        self.term.truncate(shared);
        self.term.extend_from_slice(self.reader.take(own as usize)?);
        let frequency = self.reader.number()?;
        let bytes = self.reader.varint()?;
        let entry = Entry { frequency, offset: self.offset, bytes };
        self.offset = self.offset.wrapping_add(bytes);
        Ok(Some(entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn terms_are_found_and_others_are_not() {
        let mut random = jay_testkit::Random::new(5);
        // Some are longer than what the index has of them, and begin alike for more than that.
        let long = (0..200).map(|n| format!("prefix-{}", "ab".repeat(1 + n % 5)) + &n.to_string());
        let terms: BTreeSet<String> = (0..700).map(|n| random.letters(1 + n % 7)).chain(long).collect();
        let mut writer = DictionaryWriter::default();
        let mut offset = 8;
        for (n, term) in terms.iter().enumerate() {
            writer.push(term.as_bytes(), Entry { frequency: n as u32, offset, bytes: n as u64 % 50 });
            offset += n as u64 % 50;
        }
        let dictionary = Dictionary { bytes: &writer.bytes, index: &writer.index, count: writer.count };
        let mut walk = dictionary.all().expect("whole");
        let mut places = Vec::new();
        while let Some(entry) = walk.next().expect("whole") {
            places.push((String::from_utf8(walk.term.clone()).expect("letters"), entry));
        }
        assert_eq!(places.iter().map(|(term, _)| term).collect::<Vec<_>>(), terms.iter().collect::<Vec<_>>());
        for (term, entry) in &places {
            assert_eq!(dictionary.find(term.as_bytes()).expect("whole"), Some(*entry));
            for other in [format!("{term}~"), format!("{term}a"), format!("{term}\0"), term.replace('a', "b")] {
                let entry = places.iter().find(|(term, _)| *term == other).map(|(_, entry)| *entry);
                assert_eq!(dictionary.find(other.as_bytes()).expect("whole"), entry, "{other}");
            }
        }
        assert_eq!(dictionary.find(b"").expect("whole"), None);
        for start in ["", "a", "m", "mq", "prefix-ab", "zzzzzzzzz"]
            .into_iter()
            .chain(terms.iter().map(String::as_str).step_by(9))
        {
            let mut walk = dictionary.from(start.as_bytes()).expect("whole");
            let mut left = places.iter().filter(|(term, _)| term.as_str() >= start);
            while let Some(entry) = walk.next().expect("whole") {
                assert_eq!(left.next(), Some(&(String::from_utf8_lossy(&walk.term).into_owned(), entry)), "{start}");
            }
            assert_eq!(left.next(), None, "{start}");
        }
        let empty = Dictionary { bytes: &[], index: &[], count: 0 };
        assert!(
            empty.find(b"a").expect("whole").is_none() && empty.all().expect("whole").next().expect("whole").is_none()
        );
    }
}
