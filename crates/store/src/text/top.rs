//! The best so far.
//!
//! **Invariant:** greater scores first, of equal ones the smaller document; [`Top::least`] never exceeds the score of
//! the last one that will be kept.

use std::cmp::Reverse;

/// Keeps the best `limit` of what it is offered.
#[derive(Debug)]
pub(super) struct Top {
    limit: usize,
    room: usize,
    kept: Vec<(u32, i64)>,
    least: u32,
}

impl Top {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, room: limit, kept: Vec::with_capacity(limit.min(4096)), least: 0 }
    }

    /// A score below this is not among the best.
    pub(super) const fn least(&self) -> u32 {
        self.least
    }

    #[inline]
    pub(super) fn offer(&mut self, score: u32, doc: i64) {
        if score < self.least {
            return;
        }
        self.kept.push((score, doc));
        if self.kept.len() >= self.room {
            self.tighten();
        }
    }

    #[cold]
    fn tighten(&mut self) {
        // Sorting out at each arrival would cost more than keeping some too many for a while.
        self.room = self.limit + self.limit.max(64);
        let Some(last) = self.limit.checked_sub(1).filter(|last| *last < self.kept.len()) else {
            self.kept.clear();
            self.least = u32::MAX;
            return;
        };
        let (_, (score, _), _) = self.kept.select_nth_unstable_by_key(last, |(score, doc)| (Reverse(*score), *doc));
        self.least = *score;
        self.kept.truncate(self.limit);
    }

    /// The best, best first.
    pub(super) fn finish(mut self) -> Vec<(u32, i64)> {
        self.kept.sort_unstable_by_key(|(score, doc)| (Reverse(*score), *doc));
        self.kept.truncate(self.limit);
        self.kept
    }
}
