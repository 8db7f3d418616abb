//! A segment: an immutable file with the postings of some documents.
//!
//! ```text
//! "JAYTEXT2" · postings · terms · index of terms · documents (i64) · namespaces (u32) · lengths (u32) · footer
//! footer: u32 documents, u32 terms, u64 sum of lengths, 6 × u64 ends of the parts, hash of all before, hash of the footer
//! ```
//!
//! Everything is little-endian. Ordinals are the places of the documents in the file, which ascend.
//!
//! **Invariant:** a file is opened by its length and footer's hash as the manifest has them; what is read from it is
//! checked as it is decoded; [`Segment::verify`] reads all of it.

use super::dictionary::{Dictionary, DictionaryWriter, Entry, Walk};
use super::files::{self, Output};
use super::postings::{self, List, Posting};
use super::{Fault, bytes};
use crate::mapped::Mapped;
use std::path::{Path, PathBuf};

pub(super) const MAGIC: &[u8; 8] = b"JAYTEXT2";
/// Bytes of the footer.
pub(super) const FOOTER_BYTES: usize = 128;
/// Parts of the file, see the head.
const PARTS: usize = 6;
pub(super) const HASH_BYTES: usize = 32;

/// A document as a segment knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DocumentRow {
    pub(super) doc: i64,
    pub(super) namespace: u32,
    pub(super) length: u32,
}

/// What names a segment's file and tells it from every other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SegmentId {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) documents: u32,
    pub(super) footer: [u8; HASH_BYTES],
}

/// Writes a segment: its documents are known first, terms follow in their order.
#[derive(Debug)]
pub(super) struct SegmentWriter<'a> {
    output: Output,
    rows: &'a [DocumentRow],
    lengths: Vec<u32>,
    dictionary: DictionaryWriter,
    scratch: Vec<u8>,
}

impl<'a> SegmentWriter<'a> {
    pub(super) fn new(directory: &Path, name: &str, rows: &'a [DocumentRow]) -> Result<Self, Fault> {
        let mut output = Output::new(&path_of(directory, name))?;
        output.put(MAGIC)?;
        let lengths = rows.iter().map(|row| row.length).collect();
        Ok(Self { output, rows, lengths, dictionary: DictionaryWriter::default(), scratch: Vec::new() })
    }

    /// Adds a term with its postings, which ascend; a term without any is left out.
    pub(super) fn term(&mut self, term: &[u8], postings: &[Posting]) -> Result<(), Fault> {
        if postings.is_empty() {
            return Ok(());
        }
        self.scratch.clear();
        let lengths = &self.lengths;
        let length = |ordinal: u32| lengths.get(ordinal as usize).copied().unwrap_or(0);
        postings::encode(postings, length, &mut self.scratch);
        let (offset, bytes) = (self.output.len, self.scratch.len() as u64);
        self.dictionary.push(term, Entry { frequency: postings.len() as u32, offset, bytes });
        self.output.put(&self.scratch)
    }

    /// Writes the rest; the file has its name only when all of it is on the medium.
    pub(super) fn finish(mut self, name: &str) -> Result<SegmentId, Fault> {
        let mut ends = vec![self.output.len];
        let documents = self.rows.iter().flat_map(|row| row.doc.to_le_bytes()).collect();
        let namespaces = self.rows.iter().flat_map(|row| row.namespace.to_le_bytes()).collect();
        let lengths = self.rows.iter().flat_map(|row| row.length.to_le_bytes()).collect();
        let DictionaryWriter { bytes, index, count, .. } = std::mem::take(&mut self.dictionary);
        for part in [bytes, index, documents, namespaces, lengths] {
            self.output.put(&part)?;
            ends.push(self.output.len);
        }
        let sum: u64 = self.rows.iter().map(|row| u64::from(row.length)).sum();
        let mut footer = Vec::with_capacity(FOOTER_BYTES);
        footer.extend_from_slice(&(self.rows.len() as u32).to_le_bytes());
        footer.extend_from_slice(&count.to_le_bytes());
        footer.extend_from_slice(&sum.to_le_bytes());
        footer.extend(ends.iter().flat_map(|end| end.to_le_bytes()));
        footer.extend_from_slice(self.output.hash().as_bytes());
        let hash = *blake3::hash(&footer).as_bytes();
        footer.extend_from_slice(&hash);
        self.output.put(&footer)?;
        let bytes = self.output.len;
        self.output.finish()?;
        Ok(SegmentId { name: name.to_owned(), bytes, documents: self.rows.len() as u32, footer: hash })
    }
}

/// The file of a segment.
pub(super) fn path_of(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.segment"))
}

/// An open segment.
#[derive(Debug)]
pub(super) struct Segment {
    mapped: Mapped,
    pub(super) id: SegmentId,
    terms: u32,
    /// Sum of the lengths of its documents.
    pub(super) length: u64,
    ends: [usize; PARTS],
}

impl Segment {
    /// Opens the file that `id` names; looks at its footer only.
    pub(super) fn open(directory: &Path, id: &SegmentId) -> Result<Self, Fault> {
        let path = path_of(directory, &id.name);
        Self::of(Mapped::open(&path).map_err(|error| files::fault("read", &path, error))?, id)
    }

    /// The segment that these bytes are.
    pub(super) fn of(mapped: Mapped, id: &SegmentId) -> Result<Self, Fault> {
        let all = mapped.bytes();
        if all.len() as u64 != id.bytes || !all.starts_with(MAGIC) {
            return Err(Fault::Damaged("a segment is not the one that was written"));
        }
        let split = all.len().checked_sub(FOOTER_BYTES).and_then(|at| all.split_at_checked(at));
        let (parts, footer) = split.ok_or(Fault::Damaged("a segment is cut"))?;
        let (said, hash) =
            footer.split_at_checked(FOOTER_BYTES - HASH_BYTES).ok_or(Fault::Damaged("a footer is cut"))?;
        if hash != id.footer || *blake3::hash(said).as_bytes() != id.footer {
            return Err(Fault::Damaged("a segment's footer does not hold"));
        }
        let mut reader = bytes::Reader::new(said);
        let (documents, terms, length) = (reader.u32()?, reader.u32()?, reader.u64()?);
        let mut ends = [0; PARTS];
        let mut before = 0;
        for end in &mut ends {
            *end = usize::try_from(reader.u64()?).unwrap_or(usize::MAX);
            if *end < before {
                return Err(Fault::Damaged("a segment's parts overlap"));
            }
            before = *end;
        }
        if before != parts.len() || documents != id.documents {
            return Err(Fault::Damaged("a segment's parts do not fit"));
        }
        // Lengths of segments are added up.
        if length > u64::from(documents) * u64::from(u32::MAX) {
            return Err(Fault::Damaged("a segment's documents are not as long as it says"));
        }
        let segment = Self { id: id.clone(), terms, length, ends, mapped };
        // A scan takes room by this count.
        let rows = [(3, 8), (4, 4), (5, 4)].map(|(part, bytes)| segment.part(part).len() as u64 / bytes);
        if rows != [u64::from(documents); 3] {
            return Err(Fault::Damaged("a segment has another number of documents than it says"));
        }
        Ok(segment)
    }

    /// False where somebody has cut the file.
    pub(super) fn is_whole(&self) -> bool {
        self.mapped.is_whole()
    }

    fn part(&self, number: usize) -> &[u8] {
        let start = number.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied());
        let range = start.zip(self.ends.get(number).copied());
        range.and_then(|(start, end)| self.mapped.bytes().get(start..end)).unwrap_or_default()
    }

    fn dictionary(&self) -> Dictionary<'_> {
        Dictionary { bytes: self.part(1), index: self.part(2), count: self.terms }
    }

    pub(super) const fn documents(&self) -> u32 {
        self.id.documents
    }

    /// The postings of a term.
    pub(super) fn find(&self, term: &[u8]) -> Result<Option<List<'_>>, Fault> {
        self.entry(term)?.map(|entry| self.list(entry)).transpose()
    }

    /// Where the postings of a term are, for [`Segment::list`].
    pub(super) fn entry(&self, term: &[u8]) -> Result<Option<Entry>, Fault> {
        self.dictionary().find(term)
    }

    /// Every term from `start` on, in order.
    pub(super) fn terms_from(&self, start: &[u8]) -> Result<Walk<'_>, Fault> {
        self.dictionary().from(start)
    }

    /// Every term, in order, for [`Segment::list`].
    pub(super) fn terms(&self) -> Result<Walk<'_>, Fault> {
        self.dictionary().all()
    }

    pub(super) fn list(&self, entry: Entry) -> Result<List<'_>, Fault> {
        let start = usize::try_from(entry.offset).ok();
        let end = start.and_then(|start| start.checked_add(usize::try_from(entry.bytes).ok()?));
        let bytes = start.zip(end).and_then(|(start, end)| self.part(0).get(start..end));
        List::new(bytes.ok_or(Fault::Damaged("a list of postings is missing"))?, entry.frequency)
    }

    /// The number of a document.
    #[inline]
    pub(super) fn doc(&self, ordinal: u32) -> Option<i64> {
        bytes::u64_at(self.part(3), ordinal as usize * 8).map(u64::cast_signed)
    }

    #[inline]
    pub(super) fn namespace(&self, ordinal: u32) -> Option<u32> {
        bytes::u32_at(self.part(4), ordinal as usize * 4)
    }

    /// The lengths of all documents, four bytes each.
    pub(super) fn lengths(&self) -> &[[u8; 4]] {
        self.part(5).as_chunks().0
    }

    pub(super) fn row(&self, ordinal: u32) -> Result<DocumentRow, Fault> {
        let length = self.lengths().get(ordinal as usize).map(|bytes| u32::from_le_bytes(*bytes));
        let row = self.doc(ordinal).zip(self.namespace(ordinal)).zip(length);
        let ((doc, namespace), length) = row.ok_or(Fault::Damaged("a document is missing"))?;
        Ok(DocumentRow { doc, namespace, length })
    }

    /// How many of its documents are not behind `upto`: they are the first.
    pub(super) fn count_upto(&self, upto: i64) -> u32 {
        let docs = self.part(3).as_chunks::<8>().0;
        docs.partition_point(|bytes| i64::from_le_bytes(*bytes) <= upto) as u32
    }

    /// The place of a document.
    pub(super) fn ordinal(&self, doc: i64) -> Option<u32> {
        let docs = self.part(3).as_chunks::<8>().0;
        docs.binary_search_by_key(&doc, |bytes| i64::from_le_bytes(*bytes)).ok().map(|ordinal| ordinal as u32)
    }

    /// True where it holds a document.
    pub(super) fn holds(&self, doc: i64) -> bool {
        self.ordinal(doc).is_some()
    }

    /// Reads the whole file against its hash.
    pub(super) fn verify(&self) -> Result<(), Fault> {
        let all = self.mapped.bytes();
        let said = all.len().checked_sub(2 * HASH_BYTES).and_then(|at| all.get(at..at + HASH_BYTES));
        let (parts, _) = all.split_at(all.len().saturating_sub(FOOTER_BYTES));
        if said.is_none_or(|said| blake3::hash(parts).as_bytes() != said) {
            return Err(Fault::Damaged("a segment's bytes do not have its hash"));
        }
        Ok(())
    }
}
