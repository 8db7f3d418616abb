//! A checkpoint for a store that has changes of its own.
//!
//! **Invariant:** what it brings comes in through [`Store::receive`], as from a frame: part by part verified, in transactions that
//! are bounded; what was taken in before a failure stays.

use super::{file, parts};
use crate::Result;
use crate::journal::receive::ReceiveReport;
use crate::open::Store;
use jay_types::change::frame::FrameEntry;
use jay_types::change::header::StreamId;
use std::path::Path;

/// Changes and bytes of one transaction; a part is at most as large as an act may be.
const FRAME_CHANGES: usize = 2_000;
const FRAME_BYTES: usize = 4 * 1024 * 1024;

impl Store {
    /// Takes in what a checkpoint holds of the wanted streams and this store does not. `progress` is called with (changes
    /// looked at, changes in the file).
    ///
    /// # Errors
    /// `verification_failed` where the file does not hold together, `store_too_new`; as [`Store::receive`]. Faults of
    /// changes stand in the report.
    pub fn receive_checkpoint(
        &self,
        checkpoint: &Path,
        wanted: &dyn Fn(&StreamId) -> bool,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<ReceiveReport> {
        let file = file::open(checkpoint, self.journal)?;
        let all = parts::count(&file)?;
        let mut report = ReceiveReport::default();
        let (mut frame, mut bytes): (Vec<FrameEntry>, usize) = (Vec::new(), 0);
        let mut seen = 0;
        let mut receive = |frame: &mut Vec<FrameEntry>| -> Result<()> {
            seen += frame.len() as u64;
            report.extend(self.receive(frame)?);
            frame.clear();
            progress(seen, all);
            Ok(())
        };
        parts::each(&file, self.journal, wanted, &mut |part| {
            bytes += part.bytes;
            frame.extend(part.entries);
            if frame.len() < FRAME_CHANGES && bytes < FRAME_BYTES {
                return Ok(());
            }
            bytes = 0;
            receive(&mut frame)
        })?;
        if !frame.is_empty() {
            receive(&mut frame)?;
        }
        Ok(report)
    }
}

impl ReceiveReport {
    /// Adds what became of further changes.
    fn extend(&mut self, other: Self) {
        let Self { journalled, have, by_node, bodies, gaps, refused, renewed_node, say_what_was_purged } = other;
        self.journalled += journalled;
        self.have += have;
        for (node, (journalled, have)) in by_node {
            let counts = self.by_node.entry(node).or_default();
            *counts = (counts.0 + journalled, counts.1 + have);
        }
        self.bodies += bodies;
        self.gaps += gaps;
        self.refused.extend(refused);
        self.renewed_node |= renewed_node;
        self.say_what_was_purged.extend(say_what_was_purged);
    }
}
