//! Small segments of this node joined into one.
//!
//! What takes their place is written out of the journal: same ranges, other bytes. Who has the changes knows by the ranges that there
//! is nothing to read. What is as large as segments are made stays as it is, however small compression made it: joined, it would be the same
//! once more with each sync.
//!
//! **Invariant:** a file is removed only after the one that takes its place is written, and stays until every member has told of having
//! what it carried, or 30 days.

use super::push::READ_BYTES;
use super::run::Run;
use super::segments::Gathered;
use super::state::{FileRecord, FileState, RemoteState};
use crate::format::clear::Range;
use jay_store::Branch;
use jay_types::time::DAY;
use jay_types::{Error, Result};
use std::collections::BTreeMap;

/// From how many files of which size on they are joined: (less than bytes, files). Each change is so written about once for each
/// line, however many syncs there are.
const TIERS: [(u64, usize); 3] = [(64 << 10, 32), (1 << 20, 24), (4 << 20, 16)];
/// After this time a joined file goes, whoever has not told.
const KEPT_FOR: i64 = 30 * DAY;

/// Joins small files.
pub(super) fn join_small(run: &mut Run<'_, '_>, branches: &[Branch]) -> Result<()> {
    let own = run.own_directory();
    let mut at_least = 0;
    for (less_than, many) in TIERS {
        let of_tier = of_tier(&run.state, &own, at_least..less_than);
        at_least = less_than;
        if of_tier.len() < many {
            continue;
        }
        let mut can_be_joined = Vec::new();
        for path in of_tier {
            if is_here_as_it_was(run, branches, &path)? {
                can_be_joined.push(path);
            }
        }
        if can_be_joined.len() >= many {
            join(run, branches, &can_be_joined)?;
        }
    }
    Ok(())
}

/// Own segments of such a size that may become larger.
fn of_tier(state: &RemoteState, own: &str, bytes: std::ops::Range<u64>) -> Vec<String> {
    let is_one = |(path, record): &(&String, &FileRecord)| {
        path.starts_with(own)
            && record.state == FileState::Applied
            && record.missing_since.is_none()
            && bytes.contains(&record.bytes)
            && !record.is_full
            && !record.ranges.is_empty()
            && !state.retired.contains_key(*path)
    };
    state.files.iter().filter(is_one).map(|(path, _)| path.clone()).collect()
}

/// False for a file that can not be written anew out of the journal: something in it is shared no longer, or of a branch that is not here.
fn is_here_as_it_was(run: &Run<'_, '_>, branches: &[Branch], path: &str) -> Result<bool> {
    for range in run.state.files.get(path).into_iter().flat_map(|record| &record.ranges) {
        if branch_of(run, branches, range)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn join(run: &mut Run<'_, '_>, branches: &[Branch], paths: &[String]) -> Result<()> {
    let records = paths.iter().filter_map(|path| run.state.files.get(path));
    let ranges: Vec<Range> = records.flat_map(|record| record.ranges.clone()).collect();
    if !write_ranges(run, branches, &ranges)? {
        return Ok(());
    }
    let now = run.now();
    // The head that is written after this tells of it.
    let content = run.state.own.as_ref().map_or(0, |own| own.generation) + 1;
    for path in paths {
        run.state.retired.insert(path.clone(), (content, now));
    }
    Ok(())
}

/// A branch, and the first and last seq of what is to be written of it.
type OfBranch<'b> = (&'b Branch, Vec<(u64, u64)>);

/// Writes the changes of ranges out of the journal; false where one of them is of a branch that is not here as it was.
pub(super) fn write_ranges(run: &mut Run<'_, '_>, branches: &[Branch], ranges: &[Range]) -> Result<bool> {
    let mut by_branch: BTreeMap<i64, OfBranch<'_>> = BTreeMap::new();
    for range in ranges {
        let Some(branch) = branch_of(run, branches, range)? else { return Ok(false) };
        let key = branch.num * 2 + i64::from(branch.stream.journal);
        by_branch.entry(key).or_insert((branch, Vec::new())).1.push((range.from, range.to));
    }
    let mut gathered = Gathered::default();
    for (branch, spans) in by_branch.into_values() {
        for (from, to) in joined(spans) {
            let mut after = from - 1;
            while after < to {
                let changes = run
                    .store(branch.stream.journal)
                    .read::<_, Error>(|tx| Ok(tx.branch_acts(branch, (after, to), READ_BYTES)?))?;
                let Some(last) = changes.last() else { break };
                after = last.header.seq;
                for change in &changes {
                    gathered.add(run.chosen.entry(change));
                    if change.header.index + 1 == change.header.count && gathered.is_full() {
                        gathered.write(run)?;
                    }
                }
            }
        }
    }
    gathered.write(run)?;
    Ok(true)
}

/// Spans that follow one another become one.
pub(super) fn joined(mut spans: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    spans.sort_unstable();
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for (from, to) in spans {
        match joined.last_mut() {
            Some(last) if from <= last.1.saturating_add(1) => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined
}

/// The branch of which a range is: by the hash at its end. What reaches back into what a branch left is of neither.
pub(super) fn branch_of<'b>(run: &Run<'_, '_>, branches: &'b [Branch], range: &Range) -> Result<Option<&'b Branch>> {
    run.store(range.stream.journal).read(|tx| -> Result<Option<&'b Branch>> {
        for branch in branches.iter().filter(|branch| branch.stream == range.stream && branch.head_seq >= range.to) {
            let begins = branch.parent.map_or(0, |(_, seq)| seq);
            if range.from > begins && tx.branch_hash(branch, range.to)? == range.hash {
                return Ok(Some(branch));
            }
        }
        Ok(None)
    })
}

/// Removes files that were joined, once everybody has what they carried.
pub(super) fn remove_joined(run: &mut Run<'_, '_>) -> Result<()> {
    let now = run.now();
    let mut had_by_all = u64::MAX;
    for (node, _) in run.roster.active().filter(|(node, _)| *node != run.node) {
        let seen = run.state.heads.get(&node).and_then(|seen| seen.head.seen.get(&run.node)).copied();
        had_by_all = had_by_all.min(seen.unwrap_or(0));
    }
    let gone: Vec<String> = run
        .state
        .retired
        .iter()
        .filter(|(_, (content, at))| *content <= had_by_all || now.0.saturating_sub(at.0) > KEPT_FOR)
        .map(|(path, _)| path.clone())
        .collect();
    for path in gone {
        remove(run, &path)?;
    }
    Ok(())
}

/// Removes a file, and what is remembered of it.
pub(super) fn remove(run: &mut Run<'_, '_>, path: &str) -> Result<()> {
    run.remote.delete(path)?;
    run.listing.retain(|file| file.path != path);
    run.state.files.remove(path);
    run.state.retired.remove(path);
    run.state.unscrubbed.remove(path);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jay_types::change::header::StreamId;
    use jay_types::{Hash, NamespaceId, NodeId};

    #[test]
    fn what_is_full_is_joined_no_more() {
        let stream = StreamId { journal: 0, namespace: NamespaceId([1; 16]), node: NodeId([2; 16]) };
        let record = |bytes, is_full| FileRecord {
            stamp: String::new(),
            bytes,
            state: FileState::Applied,
            why: None,
            ranges: vec![Range { stream, from: 1, to: 2, hash: Hash::ZERO }],
            missing_since: None,
            is_checkpoint: false,
            is_looked_through: true,
            is_full,
            is_intact: true,
        };
        let (small, full) = (record(70 << 10, false), record(3 << 20, true));
        let mut state = RemoteState::default();
        for (path, record) in
            [("a/1", &small), ("a/2", &small), ("a/3", &full), ("b/1", &small), ("a/4", &record(3 << 20, false))]
        {
            state.files.insert(path.to_owned(), record.clone());
        }
        state.retired.insert("a/2".to_owned(), (1, jay_types::Timestamp(0)));
        assert_eq!(of_tier(&state, "a/", 64 << 10..1 << 20), ["a/1"]);
        assert_eq!(of_tier(&state, "a/", 1 << 20..4 << 20), ["a/4"]);
    }
}
