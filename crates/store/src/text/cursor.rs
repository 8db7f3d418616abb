//! A walk through a term's postings that skips what nobody asks for.
//!
//! **Invariant:** a cursor only moves forward; a block is decoded when one of its postings is asked for, not before.

use super::Fault;
use super::packing::BLOCK;
use super::postings::{Bounds, List};
use super::score::Collection;

/// The ordinal after the last.
pub(super) const END: u32 = u32::MAX;

/// A term's place in a segment.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    list: List<'a>,
    /// The term's weight.
    pub(super) weight: f32,
    /// What no document gains more than.
    pub(super) bound: u32,
    /// The posting that it stands at; [`END`] behind the last.
    pub(super) ordinal: u32,
    ordinals: [u32; BLOCK],
    counts: [u32; BLOCK],
    filled: usize,
    at: usize,
    block: usize,
    /// The first block that may have something for the window that was asked about last.
    bounded: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(list: List<'a>, weight: f32, collection: &Collection) -> Result<Self, Fault> {
        let mut cursor = Self {
            list,
            weight,
            bound: collection.bound(weight, list.bounds),
            ordinal: END,
            ordinals: [0; BLOCK],
            counts: [0; BLOCK],
            filled: 0,
            at: 0,
            block: 0,
            bounded: 0,
        };
        cursor.load(0)?;
        Ok(cursor)
    }

    fn load(&mut self, block: usize) -> Result<(), Fault> {
        self.block = block;
        self.at = 0;
        self.filled = 0;
        if block < self.list.blocks {
            self.filled = self.list.decode(block, &mut self.ordinals, &mut self.counts)?;
        }
        self.settle();
        Ok(())
    }

    fn settle(&mut self) {
        let left = self.at < self.filled;
        self.ordinal = self.ordinals.get(self.at).copied().filter(|_| left).unwrap_or(END);
    }

    /// How often the document that it stands at holds the term.
    pub(super) fn count(&self) -> u32 {
        self.counts.get(self.at).copied().unwrap_or(1)
    }

    /// Moves to the first posting at or behind `target`.
    pub(super) fn seek(&mut self, target: u32) -> Result<(), Fault> {
        if self.ordinal >= target {
            return Ok(());
        }
        let last = self.filled.checked_sub(1).and_then(|last| self.ordinals.get(last)).copied().unwrap_or(0);
        if last < target {
            let block = self.block_behind(self.block + 1, target);
            self.load(block)?;
        }
        let left = self.ordinals.get(self.at..self.filled).unwrap_or_default();
        self.at += left.partition_point(|ordinal| *ordinal < target);
        self.settle();
        if self.ordinal == END && self.block < self.list.blocks {
            // The rest has no entry that tells its end.
            self.load(self.block + 1)?;
        }
        Ok(())
    }

    /// The first block from `from` on that ends at or behind `target`.
    fn block_behind(&self, from: usize, target: u32) -> usize {
        let ends_before = |block: usize| self.list.block(block).is_some_and(|block| block.last < target);
        let mut step = 1;
        let mut low = from;
        while low + step < self.list.blocks && ends_before(low + step) {
            low += step;
            step *= 2;
        }
        let mut high = (low + step).min(self.list.blocks);
        while low < high {
            let middle = low.midpoint(high);
            if ends_before(middle) { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// What no document from `start` to before `end` gains more than; 0 where there is none.
    pub(super) fn bound_within(&mut self, start: u32, end: u32, collection: &Collection) -> u32 {
        if self.ordinal >= end {
            return 0;
        }
        let from = self.bounded.max(self.block);
        let first = if self.list.block(from).is_some_and(|block| block.last < start) {
            self.block_behind(from, start)
        } else {
            from
        };
        self.bounded = first;
        let mut bounds: Option<Bounds> = None;
        for number in first..self.list.blocks {
            let Some(block) = self.list.block(number) else { break };
            bounds = Some(bounds.map_or(block.bounds, |all| Bounds {
                count: all.count.max(block.bounds.count),
                length: all.length.min(block.bounds.length),
            }));
            if block.last >= end - 1 {
                break;
            }
        }
        bounds.map_or(0, |bounds| collection.bound(self.weight, bounds))
    }

    /// Visits every posting from here to before `end` and moves behind them.
    #[inline]
    pub(super) fn drain(&mut self, end: u32, mut visit: impl FnMut(u32, u32)) -> Result<(), Fault> {
        while self.ordinal < end {
            let ordinals = self.ordinals.get(self.at..self.filled).unwrap_or_default();
            let counts = self.counts.get(self.at..self.filled).unwrap_or_default();
            let whole = ordinals.last().is_some_and(|last| *last < end);
            let upto = if whole { ordinals.len() } else { ordinals.partition_point(|ordinal| *ordinal < end) };
            for (ordinal, count) in ordinals.iter().zip(counts).take(upto) {
                visit(*ordinal, *count);
            }
            self.at += upto;
            if self.at < self.filled {
                self.settle();
            } else {
                self.load(self.block + 1)?;
            }
            if upto == 0 {
                // Ordinals of a damaged block do not ascend.
                return Err(Fault::Damaged("postings are not in their order"));
            }
        }
        Ok(())
    }
}
