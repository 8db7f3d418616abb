//! What of this store's branches a remote's files carry already.
//!
//! **Invariant:** a branch counts as covered up to where ranges follow one another from its beginning, by files that are there;
//! what only follows a gap counts as not there, for nobody could take it in. Files of who is no member count for nothing: who was
//! taken out may remove them, or write them anew without what it purged. Nor do copies that a carrier made: they may be in this
//! machine's folder only. Nor do files that were not opened, for a carrier can write any header.

use super::state::{FileRecord, FileState};
use crate::format::clear::{Clear, Range};
use jay_store::{Branch, Store};
use jay_types::change::header::StreamId;
use jay_types::{NodeId, Result};
use std::collections::BTreeMap;

/// For how long a file of another node that is not listed counts as being there: a carrier may bring it back.
pub(super) const MISSED_FOR: i64 = jay_types::time::DAY;

/// What is remembered of files, whose count, and whether those do that were not opened.
pub(super) type Remembered<'a> = (&'a BTreeMap<String, FileRecord>, &'a dyn Fn(NodeId) -> bool, bool);

/// The last seq of each branch, by number, that the files which are remembered carry.
pub(super) fn covered(
    store: &Store,
    branches: &[&Branch],
    (files, is_member, counts_unopened): Remembered<'_>,
) -> Result<BTreeMap<i64, u64>> {
    let mut by_stream: BTreeMap<StreamId, Vec<Range>> = BTreeMap::new();
    let writer = |path: &str| path.split('/').nth(1).and_then(|node| NodeId::parse(node).ok());
    let counts = |path: &str| writer(path).is_some_and(is_member) && Clear::is_name(path);
    let is_read = |record: &FileRecord| record.state != FileState::Quarantined && (record.is_intact || counts_unopened);
    let files = files.iter().filter(|(path, record)| is_read(record) && counts(path));
    for (_, record) in files {
        for range in &record.ranges {
            by_stream.entry(range.stream).or_default().push(*range);
        }
    }
    by_stream.values_mut().for_each(|ranges| ranges.sort_by_key(|range| (range.from, range.to)));
    store.read(|tx| {
        let mut covered = BTreeMap::new();
        for branch in branches {
            // What is before it is the part of the branch that it left.
            let mut upto = branch.parent.map_or(0, |(_, seq)| seq);
            for range in by_stream.get(&branch.stream).into_iter().flatten() {
                if range.from <= upto + 1
                    && range.to > upto
                    && range.to <= branch.head_seq
                    && tx.branch_hash(branch, range.to)? == range.hash
                {
                    upto = range.to;
                }
            }
            covered.insert(branch.num, upto);
        }
        Ok(covered)
    })
}
