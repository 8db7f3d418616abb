//! What of this store's branches a remote's files carry already.
//!
//! **Invariant:** a branch counts as covered up to where ranges follow one another from its beginning, by files that are there;
//! what only follows a gap counts as not there, for nobody could take it in.

use super::state::{FileRecord, FileState};
use crate::format::clear::Range;
use jay_store::{Branch, Store};
use jay_types::change::header::StreamId;
use jay_types::{Result, Timestamp};
use std::collections::BTreeMap;

/// For how long a file of another node that is not listed counts as being there: a carrier may bring it back.
const MISSED_FOR: i64 = 24 * 60 * jay_types::time::MINUTE;

/// The last seq of each branch, by number, that files carry. Files in `lost` are not counted.
pub(super) fn covered(
    store: &Store,
    branches: &[&Branch],
    files: &BTreeMap<String, FileRecord>,
    (own, now): (&str, Timestamp),
) -> Result<BTreeMap<i64, u64>> {
    let mut by_stream: BTreeMap<StreamId, Vec<Range>> = BTreeMap::new();
    let is_there = |path: &str, record: &FileRecord| match record.missing_since {
        None => true,
        Some(since) => !path.starts_with(own) && now.0.saturating_sub(since.0) < MISSED_FOR,
    };
    for (path, record) in files {
        if record.state != FileState::Quarantined && is_there(path, record) {
            for range in &record.ranges {
                by_stream.entry(range.stream).or_default().push(*range);
            }
        }
    }
    by_stream.values_mut().for_each(|ranges| ranges.sort_by_key(|range| (range.from, range.to)));
    store.read(|tx| {
        let mut covered = BTreeMap::new();
        for branch in branches {
            let begins = branch.parent.map_or(0, |(_, seq)| seq);
            let mut upto = 0;
            for range in by_stream.get(&branch.stream).into_iter().flatten() {
                if range.from <= upto + 1
                    && range.to > upto
                    && range.to <= branch.head_seq
                    && tx.branch_hash(branch, range.to)? == range.hash
                {
                    upto = range.to;
                }
            }
            covered.insert(branch.num, upto.max(begins));
        }
        Ok(covered)
    })
}
