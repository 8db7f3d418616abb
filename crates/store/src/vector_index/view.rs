//! The records of one file as one reader sees them: mapped bytes, a summary of each extent, what is dropped.
//!
//! Opening reads the header and a page per extent, whatever the number of records; the order of an extent whose
//! documents do not ascend is found out when somebody asks for one of them.
//!
//! **Invariant:** nothing behind the committed count is looked at.

use super::Model;
use super::header::{Damage, Header, checksum};
use super::layout::{DROPPED, HEADER_BYTES, SLOTS, Shape, i64_at, put, u32_at};
use super::record::Extent;
use crate::mapped::Mapped;
use std::collections::HashMap;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// What stands on the page before a full extent: where its documents lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) least: i64,
    pub(super) greatest: i64,
    /// Documents ascend and nothing is dropped: they can be searched as they stand.
    pub(super) is_sorted: bool,
    /// Records that drop others.
    pub(super) drops: u32,
}

/// Dropped records from which a file is made anew, where they are also a quarter of all.
const DROPPED_MIN: usize = 1024;
/// Bytes of a summary before its checksum.
const SUMMARY_BYTES: usize = 24;

impl Summary {
    pub(super) fn of(extent: Extent<'_>, used: usize) -> Self {
        let mut summary = Self { least: i64::MAX, greatest: i64::MIN, is_sorted: true, drops: 0 };
        for slot in 0..used {
            let doc = extent.doc(slot).unwrap_or_default();
            if extent.is_drop(slot) {
                summary.drops += 1;
                summary.is_sorted = false;
                continue;
            }
            summary.is_sorted &= doc >= summary.greatest;
            summary.least = summary.least.min(doc);
            summary.greatest = summary.greatest.max(doc);
        }
        summary
    }

    /// Writes it to the beginning of its extent.
    pub(super) fn write(self, extent: &mut [u8]) {
        put(extent, 0, &self.least.to_le_bytes());
        put(extent, 8, &self.greatest.to_le_bytes());
        put(extent, 16, &u32::from(self.is_sorted).to_le_bytes());
        put(extent, 20, &self.drops.to_le_bytes());
        Self::seal(extent);
    }

    /// Writes the checksum of the summary that stands at the beginning of an extent.
    pub(super) fn seal(extent: &mut [u8]) {
        let sum = checksum(extent.get(..SUMMARY_BYTES).unwrap_or_default());
        put(extent, SUMMARY_BYTES, &sum);
    }

    fn read(extent: &[u8]) -> Option<Self> {
        let (content, rest) = extent.split_at_checked(SUMMARY_BYTES)?;
        (rest.starts_with(&checksum(content))).then_some(Self {
            least: i64_at(content, 0)?,
            greatest: i64_at(content, 8)?,
            is_sorted: u32_at(content, 16)? == 1,
            drops: u32_at(content, 20)?,
        })
    }
}

/// One file at one commit.
pub(super) struct View {
    header: Header,
    shape: Shape,
    map: Arc<Mapped>,
    summaries: Vec<Summary>,
    /// Slots of the records that drop a document's earlier ones.
    drops: HashMap<i64, Vec<usize>>,
    /// For extents that are not sorted: their slots in the order of documents.
    orders: Vec<OnceLock<Vec<u16>>>,
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "View({:?})", self.header)
    }
}

impl View {
    /// Opens a file; none where it is still as `seen`.
    pub(super) fn open(path: &Path, model: &Model, version: u32, seen: Option<&Self>) -> Result<Option<Self>, Damage> {
        let told = |error: std::io::Error| match error.kind() {
            ErrorKind::NotFound => Damage::Missing,
            ErrorKind::UnexpectedEof => Damage::Short,
            _ => Damage::Io(error.to_string()),
        };
        let mut file = File::open(path).map_err(told)?;
        let header = read_header(&mut file, model, version)?;
        let shape = Shape::of(header.dimension);
        let length = shape.file_bytes(header.count);
        // Also of a file that was seen before: touching a mapped page behind its end would kill the process.
        if file.metadata().map_err(told)?.len() < length as u64 {
            return Err(Damage::Short);
        }
        let seen = seen.filter(|seen| seen.header.build == header.build);
        if seen.is_some_and(|seen| seen.header.serial == header.serial) {
            return Ok(None);
        }
        let map = match seen.filter(|seen| seen.map.bytes().len() >= length) {
            Some(seen) => Arc::clone(&seen.map),
            None => Arc::new(Mapped::first(&file, length).map_err(told)?),
        };
        Self::of(header, map).map(Some)
    }

    /// The records that a header counts, in bytes that hold all of them.
    pub(super) fn of(header: Header, map: Arc<Mapped>) -> Result<Self, Damage> {
        let shape = Shape::of(header.dimension);
        let mut view = Self { header, shape, map, summaries: vec![], drops: HashMap::new(), orders: vec![] };
        view.summarise()?;
        Ok(view)
    }

    fn summarise(&mut self) -> Result<(), Damage> {
        for index in 0..self.count().div_ceil(SLOTS) {
            let used = self.used(index);
            let extent = self.extent(index)?;
            let summary = match used {
                SLOTS => Summary::read(extent.bytes).ok_or(Damage::Summary(index))?,
                _ => Summary::of(extent, used),
            };
            if summary.drops > 0 {
                let drops: Vec<(i64, usize)> = (0..used)
                    .filter(|slot| extent.is_drop(*slot))
                    .filter_map(|slot| Some((extent.doc(slot)?, index * SLOTS + slot)))
                    .collect();
                for (doc, slot) in drops {
                    self.drops.entry(doc).or_default().push(slot);
                }
            }
            self.summaries.push(summary);
            self.orders.push(OnceLock::new());
        }
        Ok(())
    }

    pub(super) const fn header(&self) -> &Header {
        &self.header
    }

    pub(super) const fn count(&self) -> usize {
        self.header.count
    }

    pub(super) const fn dead_count(&self) -> usize {
        self.header.dropped
    }

    /// True where so much is dropped that the file is better made anew.
    pub(super) const fn is_worn(&self) -> bool {
        self.dead_count() >= DROPPED_MIN && self.dead_count() * 4 >= self.count()
    }

    /// Committed records of an extent.
    pub(super) fn used(&self, extent: usize) -> usize {
        self.count().saturating_sub(extent * SLOTS).min(SLOTS)
    }

    pub(super) fn extent(&self, index: usize) -> Result<Extent<'_>, Damage> {
        let first = HEADER_BYTES + index * self.shape.extent_bytes();
        let bytes = self.map.bytes().get(first..first + self.shape.extent_bytes()).ok_or(Damage::Short)?;
        Ok(Extent { shape: self.shape, bytes })
    }

    /// True where a record before `count` drops what stands at `slot`.
    pub(super) fn is_dropped(&self, doc: i64, slot: usize, count: usize) -> bool {
        !self.drops.is_empty()
            && self.drops.get(&doc).is_some_and(|drops| drops.iter().any(|drop| slot < *drop && *drop < count))
    }

    /// The slots before `count` of a document's records that are not dropped.
    pub(super) fn slots_of(&self, doc: i64, count: usize) -> Result<Vec<usize>, Damage> {
        let mut slots = Vec::new();
        for (index, summary) in self.summaries.iter().enumerate().take(count.div_ceil(SLOTS)) {
            if !(summary.least..=summary.greatest).contains(&doc) {
                continue;
            }
            let extent = self.extent(index)?;
            let used = self.used(index);
            let order = if summary.is_sorted {
                None
            } else {
                self.orders.get(index).map(|order| order.get_or_init(|| order_of(extent, used)))
            };
            let at = |place: usize| order.map_or(Some(place), |order| order.get(place).map(|slot| usize::from(*slot)));
            let doc_at = |place: usize| at(place).and_then(|slot| extent.doc(slot)).unwrap_or(i64::MAX);
            let near = near_places(summary, used, doc, doc_at);
            let first = first_place(near, |place| doc_at(place) >= doc);
            let places = (first..used).take_while(|place| doc_at(*place) == doc);
            let found = places.filter_map(at).filter(|slot| !extent.is_drop(*slot)).map(|slot| index * SLOTS + slot);
            slots.extend(found.filter(|slot| *slot < count && !self.is_dropped(doc, *slot, count)));
        }
        Ok(slots)
    }

    /// Checks every record with its sign code, and every summary.
    pub(super) fn verify(&self, sign_code: fn(&[u8]) -> Vec<u64>) -> Result<(), Damage> {
        for (index, summary) in self.summaries.iter().enumerate() {
            let extent = self.extent(index)?;
            for slot in 0..self.used(index) {
                let damage = Damage::Record(index * SLOTS + slot);
                let Some(record) = extent.checked(slot) else { return Err(damage) };
                let signs = extent.sign_code(slot).unwrap_or_default();
                let follows = extent.is_drop(slot) || signs == sign_code(record.code.values);
                if !follows || extent.scope(slot) != Some(record.namespace) {
                    return Err(damage);
                }
            }
            if *summary != Summary::of(extent, self.used(index)) {
                return Err(Damage::Summary(index));
            }
        }
        Ok(())
    }
}

/// Reads and checks the header of an open file.
pub(super) fn read_header(file: &mut File, model: &Model, version: u32) -> Result<Header, Damage> {
    let mut bytes = [0; HEADER_BYTES];
    file.read_exact(&mut bytes).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => Damage::Header,
        _ => Damage::Io(error.to_string()),
    })?;
    Header::decode(&bytes, model, version)
}

/// The slots of an extent by document; of one document in the order in which they stand.
fn order_of(extent: Extent<'_>, used: usize) -> Vec<u16> {
    let mut order: Vec<u16> = (0..used as u16).collect();
    order.sort_by_key(|slot| extent.doc(usize::from(*slot)));
    order
}

/// Places among which the first of a document is: mostly a few around where it would stand if documents were spread
/// evenly, since each place that is looked at is a line of memory to wait for; else all.
fn near_places(summary: &Summary, used: usize, doc: i64, doc_at: impl Fn(usize) -> i64) -> Range<usize> {
    const AROUND: usize = 8;
    let width = summary.greatest.abs_diff(summary.least).max(1);
    let share = doc.abs_diff(summary.least) as f64 / width as f64;
    let guess = (share * used.saturating_sub(1) as f64) as usize;
    let (low, high) = (guess.saturating_sub(AROUND), (guess + AROUND).min(used));
    let begins_before = low == 0 || doc_at(low) < doc;
    if begins_before && (high == used || doc_at(high) >= doc) { low..high } else { 0..used }
}

/// The first place where `is_behind` holds, which holds for all after it.
fn first_place(places: Range<usize>, is_behind: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (places.start, places.end);
    while low < high {
        let middle = low.midpoint(high);
        if is_behind(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// True for the namespace of a record that drops others.
pub(super) const fn is_drop(namespace: u32) -> bool {
    namespace == DROPPED
}
