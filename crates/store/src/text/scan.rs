//! The best documents of one segment.
//!
//! Ordinals are taken in windows. In each the terms are parted by their bounds: those which together cannot lift a
//! document among the best are only asked about documents that another term brought up (MaxScore). The others are added
//! up over the whole window, one after the other, without a heap: that is quick where words are frequent, and the bounds
//! leave little to add up where they are rare.
//!
//! **Invariant:** nothing is left out whose score is at least that of the last one kept.

use super::Fault;
use super::cursor::{Cursor, END};
use super::score::Collection;
use super::segment::Segment;
use super::top::Top;

/// Ordinals of a window: its sums stay in the first cache.
const WINDOW: u32 = 4096;
/// Sums that are looked at together.
const STRIDE: usize = 32;
/// Sums of a part of a window, of which there are as many as a number has bits: where words are rare, most parts hold
/// nothing and are neither looked at nor cleared.
const PART: usize = WINDOW as usize / u64::BITS as usize;

/// Which documents of a segment are meant, as far as the segment itself can tell.
#[derive(Debug)]
pub(super) struct Meant {
    /// By number of the namespace; none where all are.
    pub(super) namespaces: Option<Vec<bool>>,
    /// Ordinals before this.
    pub(super) end: u32,
    /// Those that hold every demanded term, a bit each; none where nothing is demanded.
    pub(super) holding: Option<Vec<u64>>,
}

impl Meant {
    #[inline]
    pub(super) fn takes(&self, segment: &Segment, ordinal: u32) -> bool {
        ordinal < self.end
            && self
                .holding
                .as_ref()
                .is_none_or(|bits| bits.get(ordinal as usize / 64).is_some_and(|word| word >> (ordinal % 64) & 1 == 1))
            && self.namespaces.as_ref().is_none_or(|namespaces| {
                let number = segment.namespace(ordinal).unwrap_or(u32::MAX);
                namespaces.get(number as usize).copied().unwrap_or(false)
            })
    }
}

/// One scan of a segment.
pub(super) struct Scan<'a, 's> {
    pub(super) segment: &'s Segment,
    pub(super) collection: &'a Collection,
    pub(super) meant: &'a Meant,
    pub(super) top: &'a mut Top,
    /// Room for the sums of a window; zeros before and after.
    pub(super) sums: &'a mut Vec<u32>,
}

/// A cursor's number and its bound within the window.
type Bounded = (u32, usize);

impl Scan<'_, '_> {
    /// Offers every document that may be among the best.
    pub(super) fn run(&mut self, mut cursors: Vec<Cursor<'_>>) -> Result<(), Fault> {
        self.sums.resize(WINDOW as usize, 0);
        cursors.sort_by_key(|cursor| cursor.bound);
        let mut start = 0;
        let mut bounds: Vec<Bounded> = Vec::with_capacity(cursors.len());
        while let Some(next) = self.next_document(&mut cursors, start)? {
            let end = next.saturating_add(WINDOW).min(self.meant.end);
            bounds.clear();
            for (number, cursor) in cursors.iter_mut().enumerate() {
                let bound = cursor.bound_within(next, end, self.collection);
                if bound > 0 {
                    bounds.push((bound, number));
                }
            }
            bounds.sort_unstable();
            let helpers = self.count_helpers(bounds.iter().map(|(bound, _)| *bound));
            if helpers < bounds.len() {
                let (helpers, leaders) = bounds.split_at(helpers);
                self.window(&mut cursors, next, end, helpers, leaders)?;
            }
            start = end;
        }
        Ok(())
    }

    /// How many of the terms, by ascending bounds, cannot lift a document among the best even together.
    fn count_helpers(&self, bounds: impl Iterator<Item = u32>) -> usize {
        let least = self.top.least();
        let mut sum = 0_u32;
        bounds
            .take_while(|bound| {
                sum = sum.saturating_add(*bound);
                sum < least
            })
            .count()
    }

    /// The first document from `start` on that holds a term which could lift it.
    fn next_document(&self, cursors: &mut [Cursor<'_>], start: u32) -> Result<Option<u32>, Fault> {
        let helpers = self.count_helpers(cursors.iter().map(|cursor| cursor.bound));
        let mut next = END;
        for cursor in cursors.iter_mut().skip(helpers) {
            cursor.seek(start)?;
            next = next.min(cursor.ordinal);
        }
        Ok(Some(next).filter(|next| *next < self.meant.end))
    }

    fn window(
        &mut self,
        cursors: &mut [Cursor<'_>],
        start: u32,
        end: u32,
        helpers: &[Bounded],
        leaders: &[Bounded],
    ) -> Result<(), Fault> {
        let lengths = self.segment.lengths();
        let collection = self.collection;
        let mut touched = 0_u64;
        for (_, number) in leaders {
            let Some(cursor) = cursors.get_mut(*number) else { continue };
            cursor.seek(start)?;
            let weight = cursor.weight;
            let sums = &mut *self.sums;
            cursor.drain(end, |ordinal, count| {
                let length = lengths.get(ordinal as usize).map_or(0, |bytes| u32::from_le_bytes(*bytes));
                let place = ordinal.wrapping_sub(start) as usize;
                if let Some(sum) = sums.get_mut(place) {
                    touched |= 1 << (place / PART);
                    *sum = sum.saturating_add(collection.gain(weight, count, length));
                }
            })?;
        }
        let help = helpers.iter().fold(0_u32, |sum, (bound, _)| sum.saturating_add(*bound));
        let mut sums = std::mem::take(self.sums);
        let mut result = Ok(());
        for (part, sums) in (0_u32..).zip(sums.chunks_mut(PART)).filter(|(part, _)| touched >> part & 1 == 1) {
            if result.is_ok() {
                result = self.candidates(cursors, start + part * PART as u32, sums, helpers, help);
            }
            sums.fill(0);
        }
        *self.sums = sums;
        result
    }

    fn candidates(
        &mut self,
        cursors: &mut [Cursor<'_>],
        start: u32,
        sums: &[u32],
        helpers: &[Bounded],
        help: u32,
    ) -> Result<(), Fault> {
        for (stride, sums) in (0_u32..).zip(sums.chunks(STRIDE)) {
            let needed = self.top.least().saturating_sub(help).max(1);
            if sums.iter().fold(0, |most, sum| most.max(*sum)) < needed {
                continue;
            }
            for (ordinal, sum) in (start + stride * STRIDE as u32..).zip(sums) {
                if *sum >= needed && self.meant.takes(self.segment, ordinal) {
                    self.candidate(cursors, ordinal, *sum, helpers, help)?;
                }
            }
        }
        Ok(())
    }

    /// Adds what the helping terms give, greatest bounds first, for as long as it may get among the best.
    fn candidate(
        &mut self,
        cursors: &mut [Cursor<'_>],
        ordinal: u32,
        mut sum: u32,
        helpers: &[Bounded],
        mut help: u32,
    ) -> Result<(), Fault> {
        let mut length = None;
        for (bound, number) in helpers.iter().rev() {
            if sum.saturating_add(help) < self.top.least() {
                return Ok(());
            }
            help = help.saturating_sub(*bound);
            let Some(cursor) = cursors.get_mut(*number) else { continue };
            cursor.seek(ordinal)?;
            if cursor.ordinal == ordinal {
                let length = *length.get_or_insert_with(|| {
                    self.segment.lengths().get(ordinal as usize).map_or(0, |bytes| u32::from_le_bytes(*bytes))
                });
                sum = sum.saturating_add(self.collection.gain(cursor.weight, cursor.count(), length));
            }
        }
        if let Some(doc) = self.segment.doc(ordinal).filter(|_| sum >= self.top.least()) {
            self.top.offer(sum, doc);
        }
        Ok(())
    }
}
