//! Which segments make the index.
//!
//! A manifest is a small file named by a random number, which the store remembers in its own transactions. It is never
//! changed: the next state of the index has another number. So a snapshot of the store finds exactly the segments that
//! go with it; a crash before the commit leaves files that nobody names; and a copied or rolled-back store finds either
//! the very files that it had, or none.
//!
//! **Invariant:** files are removed only after the store forgot their manifest.

use super::build::build;
use super::bytes::Reader;
use super::files::{self, Output};
use super::merge::{choose, merge};
use super::segment::{Segment, SegmentId, path_of};
use super::{Fault, Fresh};
use jay_types::surroundings::{Surroundings, random};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"JAYTMAN1";
const HASH_BYTES: usize = 32;

/// The segments of one state of the index, open.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(super) segments: Vec<Segment>,
}

impl Index {
    /// Opens the index that a number names.
    pub(crate) fn open(directory: &Path, number: i64) -> Result<Self, Fault> {
        let segments = read(directory, number)?;
        let segments = segments.iter().map(|id| Segment::open(directory, id)).collect::<Result<_, _>>()?;
        Ok(Self { segments })
    }

    /// Documents in all segments.
    pub(crate) fn documents(&self) -> u64 {
        self.segments.iter().map(|segment| u64::from(segment.documents())).sum()
    }

    /// How many segments there are, and their bytes.
    #[cfg(test)]
    pub(super) fn size(&self) -> (usize, u64) {
        (self.segments.len(), self.segments.iter().map(|segment| segment.id.bytes).sum())
    }

    /// True where a segment holds the document.
    pub(crate) fn holds(&self, doc: i64) -> bool {
        self.segments.iter().any(|segment| segment.holds(doc))
    }

    /// False where a file was cut since it was opened.
    pub(crate) fn is_whole(&self) -> bool {
        self.segments.iter().all(Segment::is_whole)
    }

    /// Reads every file against its hash.
    pub(crate) fn verify(&self) -> Result<(), Fault> {
        self.segments.iter().try_for_each(Segment::verify)
    }

    /// Puts these documents (which ascend) into a segment, merging it with others where that is due. Returns the number
    /// of the new state; this one stays as it is until [`Index::clean`].
    pub(crate) fn with(&self, directory: &Path, fresh: &[Fresh], source: &dyn Surroundings) -> Result<i64, Fault> {
        files::make_directory(directory)?;
        let mut ids: Vec<SegmentId> = self.segments.iter().map(|segment| segment.id.clone()).collect();
        if !fresh.is_empty() {
            let built = build(directory, &name_of(number(source)), fresh)?;
            let sizes: Vec<u32> = ids.iter().map(|id| id.documents).collect();
            let chosen = choose(&sizes, built.documents);
            if chosen.is_empty() {
                ids.push(built);
            } else {
                let opened = Segment::open(directory, &built)?;
                let mut old: Vec<&Segment> = chosen.iter().filter_map(|place| self.segments.get(*place)).collect();
                old.push(&opened);
                let merged = merge(directory, &name_of(number(source)), &old, &BTreeSet::new())?;
                let gone: BTreeSet<&str> = old.iter().map(|segment| segment.id.name.as_str()).collect();
                ids.retain(|id| !gone.contains(id.name.as_str()));
                ids.push(merged);
                // Nobody but this call ever knew it.
                let _ = fs::remove_file(path_of(directory, &built.name));
            }
        }
        write(directory, number(source), &ids)
    }

    /// Writes those segments anew that hold one of the documents, without them: for a purge.
    pub(crate) fn without(
        &self,
        directory: &Path,
        dropped: &BTreeSet<i64>,
        source: &dyn Surroundings,
    ) -> Result<i64, Fault> {
        files::make_directory(directory)?;
        let mut ids = Vec::new();
        for segment in &self.segments {
            if !dropped.iter().any(|doc| segment.holds(*doc)) {
                ids.push(segment.id.clone());
                continue;
            }
            let rest = merge(directory, &name_of(number(source)), &[segment], dropped)?;
            if rest.documents > 0 {
                ids.push(rest);
            }
        }
        write(directory, number(source), &ids)
    }

    /// Removes every file that the manifests of these numbers do not name. Only for who alone may change the index.
    pub(crate) fn clean(directory: &Path, keep: &[i64]) -> Result<usize, Fault> {
        let mut names = BTreeSet::new();
        for number in keep {
            names.insert(file_name(*number));
            // One that cannot be read names nothing that is of use.
            for id in read(directory, *number).unwrap_or_default() {
                names.insert(format!("{}.segment", id.name));
            }
        }
        files::keep_only(directory, |name| names.contains(name))
    }
}

/// A number for a file that nobody had before.
fn number(source: &dyn Surroundings) -> i64 {
    i64::from_le_bytes(random(source))
}

fn name_of(number: i64) -> String {
    format!("{:016x}", number.cast_unsigned())
}

fn file_name(number: i64) -> String {
    format!("{}.manifest", name_of(number))
}

fn manifest_path(directory: &Path, number: i64) -> PathBuf {
    directory.join(file_name(number))
}

fn write(directory: &Path, number: i64, ids: &[SegmentId]) -> Result<i64, Fault> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes.extend_from_slice(&(ids.len() as u32).to_le_bytes());
    for id in ids {
        let name = u64::from_str_radix(&id.name, 16).map_err(|_| Fault::Damaged("a segment has no number"))?;
        bytes.extend_from_slice(&name.to_le_bytes());
        bytes.extend_from_slice(&id.bytes.to_le_bytes());
        bytes.extend_from_slice(&id.documents.to_le_bytes());
        bytes.extend_from_slice(&id.footer);
    }
    let hash = blake3::hash(&bytes);
    bytes.extend_from_slice(hash.as_bytes());
    let mut output = Output::new(&manifest_path(directory, number))?;
    output.put(&bytes)?;
    output.finish()?;
    Ok(number)
}

fn read(directory: &Path, number: i64) -> Result<Vec<SegmentId>, Fault> {
    let path = manifest_path(directory, number);
    let bytes = fs::read(&path).map_err(|error| files::fault("read", &path, error))?;
    let split = bytes.len().checked_sub(HASH_BYTES).and_then(|at| bytes.split_at_checked(at));
    let (said, hash) = split.ok_or(Fault::Damaged("a manifest is cut"))?;
    if blake3::hash(said).as_bytes() != hash {
        return Err(Fault::Damaged("a manifest does not have its hash"));
    }
    let mut reader = Reader::new(said);
    if reader.array()? != *MAGIC || reader.u64()? != number.cast_unsigned() {
        return Err(Fault::Damaged("a manifest is another one"));
    }
    let count = reader.u32()?;
    let mut ids = Vec::new();
    for _ in 0..count {
        let name = format!("{:016x}", reader.u64()?);
        ids.push(SegmentId { name, bytes: reader.u64()?, documents: reader.u32()?, footer: reader.array()? });
    }
    Ok(ids)
}
