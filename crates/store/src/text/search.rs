//! The best documents for some terms, over all segments and what is in none yet.
//!
//! **Invariant:** frequencies and lengths are of the whole index, so that a score does not depend on where a document
//! is; what the caller's filter refuses takes no place.

use super::cursor::Cursor;
use super::postings::List;
use super::prefix::Union;
use super::scan::{Meant, Scan};
use super::score::{Bm25, Collection, score_of};
use super::segment::Segment;
use super::tail::{Match, Tail};
use super::top::Top;
use super::{Fault, FreshSet, Index};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Postings of the rarest terms, where only those are asked for: without a bound the time for each text that comes would
/// grow with the texts that are there.
const RAREST_POSTINGS_MAX: u64 = 2_000;
/// Of the rarest terms so many count, whatever postings they have.
pub(super) const RAREST_MIN: usize = 6;

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// Terms of which a document holds at least one; they make the score.
    pub(crate) any: &'a [String],
    /// Beginnings of words, each as one term; they count like those of `any`.
    pub(crate) unions: &'a [Arc<Union>],
    /// Terms that a document must hold, every one.
    pub(crate) all: &'a [String],
    /// How many of `any` (and unions) count at most, the rarest: the others cost most and tell least. Where this is not all,
    /// six count in any case, and others while all their postings are no more than two thousand.
    pub(crate) rarest: usize,
    /// Numbers of the namespaces that are meant; none for all.
    pub(crate) scope: Option<&'a [i64]>,
    /// Documents up to this one.
    pub(crate) upto: i64,
}

impl Asked<'_> {
    /// True where nothing makes a score: what is demanded alone decides.
    fn is_unscored(&self) -> bool {
        self.any.is_empty() && self.unions.is_empty()
    }
}

/// A document and its score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) doc: i64,
    pub(crate) score: f64,
}

/// A query as it stands to the index.
pub(super) struct Prepared<'a> {
    pub(super) asked: Asked<'a>,
    /// Sorted, without doubles. A union's number is behind the last of them.
    pub(super) terms: Vec<&'a [u8]>,
    /// For each term whether it is in `any` and in `all`; in the order of terms, unions last.
    roles: Vec<(bool, bool)>,
    /// Each segment with the postings of each term, the largest first: it soon shows what the best are worth.
    pub(super) segments: Vec<(&'a Segment, Vec<Option<List<'a>>>, Meant)>,
    pub(super) tail: Tail,
    namespaces: Option<Vec<bool>>,
    pub(super) frequencies: Vec<u64>,
    pub(super) documents: u64,
    pub(super) length: u64,
}

impl<'a> Prepared<'a> {
    pub(super) fn new(index: &'a Index, fresh: &FreshSet, asked: Asked<'a>) -> Result<Self, Fault> {
        let mut roles: BTreeMap<&'a [u8], (bool, bool)> = BTreeMap::new();
        asked.any.iter().for_each(|term| roles.entry(term.as_bytes()).or_default().0 = true);
        asked.all.iter().for_each(|term| roles.entry(term.as_bytes()).or_default().1 = true);
        roles.remove(b"".as_slice());
        let terms: Vec<&'a [u8]> = roles.keys().copied().collect();
        let roles = roles.into_values().chain(asked.unions.iter().map(|_| (true, false))).collect();
        let tail = Tail::find(fresh, &terms, asked.unions)?;
        let namespaces = asked.scope.map(flags);
        let mut prepared = Self {
            asked,
            segments: Vec::with_capacity(index.segments.len()),
            frequencies: tail.frequencies.clone(),
            documents: tail.documents,
            length: tail.length,
            tail,
            namespaces,
            roles,
            terms: terms.clone(),
        };
        for (number, segment) in index.segments.iter().enumerate() {
            let of_terms = terms.iter().map(|term| segment.find(term));
            let of_unions = asked.unions.iter().map(|union| union.list(number));
            let lists = of_terms.chain(of_unions).collect::<Result<Vec<_>, _>>()?;
            prepared.documents += u64::from(segment.documents());
            prepared.length += segment.length;
            for (frequency, list) in prepared.frequencies.iter_mut().zip(&lists) {
                *frequency += list.map_or(0, |list| u64::from(list.len));
            }
            let meant = prepared.meant(segment, &lists)?;
            prepared.segments.push((segment, lists, meant));
        }
        prepared.segments.sort_by_key(|(segment, ..)| std::cmp::Reverse(segment.documents()));
        prepared.keep_rarest();
        Ok(prepared)
    }

    /// Takes terms out of the score but for the rarest that some document holds.
    fn keep_rarest(&mut self) {
        let held =
            self.roles.iter_mut().zip(&self.frequencies).filter(|((scored, _), frequency)| *scored && **frequency > 0);
        let mut scored: Vec<(u64, &mut bool)> = held.map(|((scored, _), frequency)| (*frequency, scored)).collect();
        scored.sort_by_key(|(frequency, _)| *frequency);
        let (most, mut postings) = (self.asked.rarest, 0_u64);
        let are_all = most == usize::MAX;
        for (place, (frequency, scored)) in scored.into_iter().enumerate() {
            postings = postings.saturating_add(frequency);
            *scored = place < most && (are_all || place < RAREST_MIN || postings <= RAREST_POSTINGS_MAX);
        }
    }

    fn meant(&self, segment: &Segment, lists: &[Option<List<'_>>]) -> Result<Meant, Fault> {
        let end = segment.count_upto(self.asked.upto);
        let demanded = self.roles.iter().zip(lists).filter(|((_, demanded), _)| *demanded);
        let mut holding: Option<Vec<u64>> = None;
        for (_, list) in demanded {
            let bits = list.map_or_else(|| Ok(Vec::new()), |list| bits_of(&[list], segment.documents()))?;
            holding = Some(match holding {
                None => bits,
                Some(all) => all.iter().zip(&bits).map(|(a, b)| a & b).collect(),
            });
        }
        Ok(Meant { namespaces: self.namespaces.clone(), end, holding })
    }

    /// True where a fresh document is meant.
    fn takes(&self, found: &Match) -> bool {
        let held = |number: usize| self.tail.counts(found).iter().any(|(held, _)| *held == number);
        let mut demanded = self.roles.iter().enumerate().filter(|(_, (_, demanded))| *demanded);
        found.doc <= self.asked.upto
            && self
                .namespaces
                .as_ref()
                .is_none_or(|namespaces| namespaces.get(found.namespace as usize).copied().unwrap_or(false))
            && demanded.all(|(number, _)| held(number))
    }

    pub(super) fn is_scored(&self, number: usize) -> bool {
        self.roles.get(number).is_some_and(|(scored, _)| *scored)
    }

    /// The best `limit`, whatever the caller's filter will say of them.
    fn best(&self, collection: &Collection, weights: &[f32], limit: usize) -> Result<Vec<(u32, i64)>, Fault> {
        let mut top = Top::new(limit);
        for found in self.tail.matches.iter().filter(|found| self.takes(found)) {
            let counts = self.tail.counts(found).iter().filter(|(number, _)| self.is_scored(*number));
            let gains = counts
                .filter_map(|(number, count)| Some(collection.gain(*weights.get(*number)?, *count, found.length)));
            let sum = gains.fold(0_u32, u32::saturating_add);
            if sum > 0 {
                top.offer(sum, found.doc);
            }
        }
        let mut sums = Vec::new();
        for (segment, lists, meant) in &self.segments {
            let scored = lists.iter().zip(weights).enumerate().filter(|(number, _)| self.is_scored(*number));
            let cursors = scored.filter_map(|(_, (list, weight))| Some(Cursor::new((*list)?, *weight, collection)));
            let cursors = cursors.collect::<Result<Vec<_>, _>>()?;
            Scan { segment, collection, meant, top: &mut top, sums: &mut sums }.run(cursors)?;
        }
        Ok(top.finish())
    }
}

/// The best `limit` documents that `passes` takes, best first. It is asked in the order of scores, once for each, for no
/// more than are needed.
pub(crate) fn search<E: From<Fault>>(
    index: &Index,
    fresh: &FreshSet,
    asked: Asked<'_>,
    model: Bm25,
    limit: usize,
    mut passes: impl FnMut(i64) -> Result<bool, E>,
) -> Result<Vec<Found>, E> {
    let prepared = Prepared::new(index, fresh, asked)?;
    let collection = Collection::new(model, prepared.documents, prepared.length);
    let weights: Vec<f32> = prepared.frequencies.iter().map(|frequency| collection.weight(*frequency)).collect();
    let mut found = Vec::new();
    let mut seen = 0;
    // Some more than asked for, since some will be hidden; where that is not enough, the scan is done again for more.
    let mut sample = limit + limit / 4 + 8;
    while found.len() < limit {
        let best = prepared.best(&collection, &weights, sample)?;
        for (score, doc) in best.iter().skip(seen) {
            if passes(*doc)? {
                found.push(Found { doc: *doc, score: score_of(*score) });
                if found.len() == limit {
                    break;
                }
            }
        }
        if best.len() < sample {
            break;
        }
        seen = best.len();
        sample *= 8;
    }
    Ok(found)
}

/// Every document that is meant: holding one of `any` (where there are any) and all of `all`; ascending.
pub(crate) fn matching(index: &Index, fresh: &FreshSet, asked: Asked<'_>) -> Result<Vec<i64>, Fault> {
    let prepared = Prepared::new(index, fresh, asked)?;
    let holds_any = |found: &&Match| {
        asked.is_unscored() || prepared.tail.counts(found).iter().any(|(number, _)| prepared.is_scored(*number))
    };
    let of_tail = prepared.tail.matches.iter().filter(|found| prepared.takes(found)).filter(holds_any);
    let mut docs: Vec<i64> = of_tail.map(|found| found.doc).collect();
    for (segment, lists, meant) in &prepared.segments {
        let scored = lists.iter().enumerate().filter(|(number, _)| asked.is_unscored() || prepared.is_scored(*number));
        let scored: Vec<List<'_>> = scored.filter_map(|(_, list)| *list).collect();
        let bits = bits_of(&scored, segment.documents())?;
        for (word, start) in bits.iter().zip((0_u32..).step_by(64)) {
            let mut left = *word;
            while left != 0 {
                let ordinal = start + left.trailing_zeros();
                left &= left - 1;
                if meant.takes(segment, ordinal) {
                    docs.extend(segment.doc(ordinal));
                }
            }
        }
    }
    // Each segment's ascend: the sort that knows runs joins them.
    docs.sort();
    Ok(docs)
}

/// A bit for each document that one of the lists has.
fn bits_of(lists: &[List<'_>], documents: u32) -> Result<Vec<u64>, Fault> {
    let mut bits = vec![0_u64; (documents as usize).div_ceil(64)];
    for list in lists {
        list.each(|ordinal, _| {
            if let Some(word) = bits.get_mut(ordinal as usize / 64) {
                *word |= 1 << (ordinal % 64);
            }
        })?;
    }
    Ok(bits)
}

fn flags(numbers: &[i64]) -> Vec<bool> {
    let numbers = numbers.iter().filter_map(|number| usize::try_from(*number).ok());
    // Local numbers are given one after the other; a wild one must not ask for a wild amount of memory.
    let numbers: Vec<usize> = numbers.filter(|number| *number < 1 << 24).collect();
    let mut flags = vec![false; numbers.iter().max().map_or(0, |most| most + 1)];
    for number in numbers {
        if let Some(flag) = flags.get_mut(number) {
            *flag = true;
        }
    }
    flags
}
