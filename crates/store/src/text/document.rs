//! A document as the index takes it: a bag of terms, and the bytes in which it waits to be put into a segment.
//!
//! **Invariant:** terms are sorted, without duplicates and not empty, so that a query's terms are found in one pass.

use super::Fault;
use super::bytes::{Reader, put_varint};

/// A document's terms with how often each stands in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    /// Every term once, sorted, with its count.
    counts: Vec<(Vec<u8>, u32)>,
    /// All terms, repetitions included.
    length: u32,
}

impl Terms {
    /// Counts terms that are separated by blanks.
    pub(crate) fn of(text: &str) -> Self {
        let mut terms: Vec<&str> = text.split_ascii_whitespace().collect();
        terms.sort_unstable();
        let length = u32::try_from(terms.len()).unwrap_or(u32::MAX);
        let counts = terms.chunk_by(|a, b| a == b);
        let counts = counts.filter_map(|same| Some((same.first()?.as_bytes().to_vec(), same.len() as u32)));
        Self { counts: counts.collect(), length }
    }

    /// The bytes that [`TermsView`] reads.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.counts.len() * 10 + 4);
        put_varint(&mut out, u64::from(self.length));
        for (term, count) in &self.counts {
            put_varint(&mut out, term.len() as u64);
            out.extend_from_slice(term);
            put_varint(&mut out, u64::from(*count));
        }
        out
    }
}

/// The encoded terms of a document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TermsView<'a> {
    /// All terms, repetitions included.
    pub(super) length: u32,
    rest: Reader<'a>,
}

impl<'a> TermsView<'a> {
    /// Looks at encoded terms.
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut rest = Reader::new(bytes);
        Ok(Self { length: rest.number()?, rest })
    }

    /// The next term and its count, in the order of terms.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<(&'a [u8], u32)>, Fault> {
        if self.rest.rest.is_empty() {
            return Ok(None);
        }
        let length = self.rest.number()?;
        let term = self.rest.take(length as usize)?;
        Ok(Some((term, self.rest.number()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_counted_and_come_back() {
        let bytes = Terms::of("b a  b ça b").encode();
        let mut view = TermsView::new(&bytes).expect("whole");
        assert_eq!(view.length, 5);
        let mut read = Vec::new();
        while let Some((term, count)) = view.next().expect("whole") {
            read.push((String::from_utf8_lossy(term).into_owned(), count));
        }
        assert_eq!(read, [("a".to_owned(), 1), ("b".to_owned(), 3), ("ça".to_owned(), 1)]);
        for end in 0..bytes.len() {
            let mut view = TermsView::new(&bytes[..end]);
            while let Ok(Some(_)) = view.as_mut().map_or(Ok(None), TermsView::next) {}
        }
    }
}
