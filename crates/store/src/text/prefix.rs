//! Beginnings of words: every term that begins alike is looked for as if it were one.
//!
//! The postings of the terms are put together into one list for each segment, in the bytes of any other list, so that
//! search, bounds and scores know nothing of it. A list counts how often a document holds any of the terms; how rare they
//! are is how many documents hold one at least.
//!
//! **Invariant:** which terms are taken depends on the whole index and not on how it is cut into segments. At most
//! [`PREFIX_TERMS_MAX`] are: the most frequent, since a word that a person has in mind when he breaks off is more often
//! a common one than an identifier that was written once, and leaving out a rare one loses the fewest documents.

use super::dictionary::Entry;
use super::postings::{self, List, Posting};
use super::segment::Segment;
use super::tail::Holders;
use super::{Fault, FreshSet, Index};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

/// Terms that one beginning of a word stands for at most.
pub const PREFIX_TERMS_MAX: usize = 1024;

/// The beginning of a word, as terms of the index.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TermPrefix {
    /// Every term that begins with it is meant.
    pub start: String,
    /// Terms that are meant too though they do not begin so: stems of words that do.
    pub stems: Vec<String>,
}

/// What a beginning of a word finds, as one term.
#[derive(Debug, Default)]
pub(crate) struct Union {
    /// Terms that begin so; more than were taken where there are more than [`PREFIX_TERMS_MAX`].
    pub(crate) terms: usize,
    /// Documents that hold one of the terms taken.
    pub(super) frequency: u64,
    /// Places of fresh documents that hold one, ascending, with how often.
    pub(super) fresh: Vec<(usize, u32)>,
    /// For each segment of the index the bytes of a list and its length.
    segments: Vec<(Vec<u8>, u32)>,
}

impl Union {
    /// Looks for what begins so in all segments and in what is in none.
    pub(crate) fn find(index: &Index, fresh: &FreshSet, prefix: &TermPrefix) -> Result<Self, Fault> {
        let of_fresh = fresh.holding(|term| takes(prefix, term))?;
        let chosen = choose(index, &of_fresh, prefix)?;
        let mut union = Self { terms: chosen.terms, ..Self::default() };
        for (number, segment) in index.segments.iter().enumerate() {
            let entries = chosen.taken.values().flatten().filter(|(of, _)| *of == number).map(|(_, entry)| *entry);
            let (bytes, len) = join(segment, entries)?;
            union.frequency += u64::from(len);
            union.segments.push((bytes, len));
        }
        let mut counts: BTreeMap<usize, u32> = BTreeMap::new();
        for (_, list) in of_fresh.iter().filter(|(term, _)| chosen.taken.contains_key(*term)) {
            for (place, count) in list {
                let sum = counts.entry(*place).or_default();
                *sum = sum.saturating_add(*count);
            }
        }
        union.frequency += counts.len() as u64;
        union.fresh = counts.into_iter().collect();
        Ok(union)
    }

    /// The list of a segment, by its number in the index.
    pub(super) fn list(&self, segment: usize) -> Result<Option<List<'_>>, Fault> {
        let found = self.segments.get(segment).filter(|(_, len)| *len > 0);
        found.map(|(bytes, len)| List::new(bytes, *len)).transpose()
    }
}

fn takes(prefix: &TermPrefix, term: &[u8]) -> bool {
    term.starts_with(prefix.start.as_bytes()) || prefix.stems.iter().any(|stem| stem.as_bytes() == term)
}

/// Where the postings of a term stand: number of the segment and entry.
type Places = Vec<(usize, Entry)>;

/// The terms that a beginning is taken for.
struct Chosen {
    terms: usize,
    taken: BTreeMap<Vec<u8>, Places>,
}

/// Walks the dictionaries side by side, so that each term is seen once with all its documents.
fn choose(index: &Index, fresh: &Holders, prefix: &TermPrefix) -> Result<Chosen, Fault> {
    let start = prefix.start.as_bytes();
    let mut best: BinaryHeap<(Reverse<u64>, Vec<u8>, Places)> = BinaryHeap::new();
    let mut terms = 0;
    let mut offer = |term: Vec<u8>, places: Places| {
        let of_fresh = fresh.get(&term).map_or(0, |list| list.len() as u64);
        let frequency = places.iter().fold(of_fresh, |sum, (_, entry)| sum.saturating_add(u64::from(entry.frequency)));
        if frequency > 0 {
            terms += 1;
            best.push((Reverse(frequency), term, places));
        }
        if best.len() > PREFIX_TERMS_MAX {
            best.pop();
        }
    };
    let mut walks = index.segments.iter().map(|segment| segment.terms_from(start)).collect::<Result<Vec<_>, _>>()?;
    let mut heads = walks.iter_mut().map(|walk| walk.next()).collect::<Result<Vec<_>, _>>()?;
    loop {
        let inside = walks.iter().zip(&heads).filter(|(walk, head)| head.is_some() && walk.term.starts_with(start));
        let Some(least) = inside.map(|(walk, _)| walk.term.clone()).min() else { break };
        let mut places = Places::new();
        for (number, (walk, head)) in walks.iter_mut().zip(&mut heads).enumerate() {
            if let Some(entry) = head.filter(|_| walk.term == least) {
                places.push((number, entry));
                *head = walk.next()?;
                if head.is_some() && walk.term <= least {
                    return Err(Fault::Damaged("terms are not in their order"));
                }
            }
        }
        offer(least, places);
    }
    // What stands only among the fresh documents, and stems that do not begin so.
    let others: BTreeSet<&[u8]> =
        prefix.stems.iter().map(String::as_bytes).filter(|stem| !stem.starts_with(start)).collect();
    for stem in &others {
        let mut places = Places::new();
        for (number, segment) in index.segments.iter().enumerate() {
            places.extend(segment.entry(stem)?.map(|entry| (number, entry)));
        }
        offer(stem.to_vec(), places);
    }
    for term in fresh.keys().filter(|term| !others.contains(term.as_slice())) {
        let mut is_known = false;
        for segment in &index.segments {
            is_known = is_known || segment.entry(term)?.is_some();
        }
        if !is_known {
            offer(term.clone(), Places::new());
        }
    }
    let taken = best.into_iter().map(|(_, term, places)| (term, places)).collect();
    Ok(Chosen { terms, taken })
}

/// One list out of several of a segment.
fn join(segment: &Segment, entries: impl Iterator<Item = Entry>) -> Result<(Vec<u8>, u32), Fault> {
    let mut counts = Vec::new();
    for entry in entries {
        counts.resize(segment.documents() as usize, 0_u32);
        segment.list(entry)?.each(|ordinal, count| {
            if let Some(sum) = counts.get_mut(ordinal as usize) {
                *sum = sum.saturating_add(count);
            }
        })?;
    }
    let held = (0_u32..).zip(counts).filter(|(_, count)| *count > 0);
    let joined: Vec<Posting> = held.collect();
    let mut bytes = Vec::new();
    let lengths = segment.lengths();
    postings::encode(
        &joined,
        |ordinal| lengths.get(ordinal as usize).map_or(0, |length| u32::from_le_bytes(*length)),
        &mut bytes,
    );
    Ok((bytes, joined.len() as u32))
}
