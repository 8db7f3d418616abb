//! Files of this node that take the place of others: small segments joined into one, and segments without what was purged.
//!
//! Both are written anew out of the journal: same ranges, other bytes. Who has the changes knows by the ranges that there is nothing
//! to read.
//!
//! **Invariant:** a file is removed only after the one that takes its place is written; one that was merely joined stays until
//! every member has told of having what it carried, or 30 days.

use super::run::Run;
use super::segments::Gathered;
use super::state::{FileRecord, FileState};
use crate::format::clear::Range;
use crate::format::seal;
use crate::format::segment::{self, SEGMENT_MAX_BYTES};
use jay_store::Branch;
use jay_types::change::Header;
use jay_types::change::header::StreamId;
use jay_types::time::DAY;
use jay_types::{EntityId, Error, NamespaceId, NodeId, Result};
use std::collections::{BTreeMap, BTreeSet};

/// From how many files of which size on they are joined: (less than bytes, files). Each change is so written about once for each
/// line, however many syncs there are.
const TIERS: [(u64, usize); 3] = [(64 << 10, 32), (1 << 20, 24), (4 << 20, 16)];
/// After this time a joined file goes, whoever has not told.
const KEPT_FOR: i64 = 30 * DAY;
/// After this time without a word of it the files of another node are taken care of by others.
const SILENT_FOR: i64 = 7 * DAY;

/// Joins small files.
pub(super) fn join_small(run: &mut Run<'_, '_>, branches: &[Branch]) -> Result<()> {
    let own = run.own_directory();
    let mut at_least = 0;
    for (less_than, many) in TIERS {
        let of_tier: Vec<String> = run
            .state
            .files
            .iter()
            .filter(|(path, record)| {
                path.starts_with(&own)
                    && record.state == FileState::Applied
                    && record.missing_since.is_none()
                    && (at_least..less_than).contains(&record.bytes)
                    && !record.ranges.is_empty()
                    && !run.state.retired.contains_key(*path)
            })
            .map(|(path, _)| path.clone())
            .collect();
        at_least = less_than;
        if of_tier.len() >= many {
            join(run, branches, &of_tier)?;
        }
    }
    Ok(())
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
fn write_ranges(run: &mut Run<'_, '_>, branches: &[Branch], ranges: &[Range]) -> Result<bool> {
    let mut by_branch: BTreeMap<i64, OfBranch<'_>> = BTreeMap::new();
    for range in ranges {
        let Some(branch) = branch_of(run, branches, range)? else { return Ok(false) };
        let key = branch.num * 2 + i64::from(branch.stream.journal);
        by_branch.entry(key).or_insert((branch, Vec::new())).1.push((range.from, range.to));
    }
    let mut gathered = Gathered::default();
    for (branch, spans) in by_branch.into_values() {
        for (from, to) in joined(spans) {
            let count = u32::try_from(to - from + 1).unwrap_or(u32::MAX);
            let changes = run
                .store(branch.stream.journal)
                .read::<_, Error>(|tx| Ok(tx.branch_changes(branch, from - 1, count)?))?;
            for change in &changes {
                gathered.add(change.entry());
                if change.header.index + 1 == change.header.count && gathered.is_full() {
                    gathered.write(run)?;
                }
            }
        }
    }
    gathered.write(run)?;
    Ok(true)
}

/// Spans that follow one another become one.
fn joined(mut spans: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    spans.sort_unstable();
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for (from, to) in spans {
        match joined.last_mut() {
            Some(last) if from <= last.1 + 1 => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined
}

/// The branch of which a range is: by the hash at its end. What reaches back into what a branch left is of neither.
fn branch_of<'b>(run: &Run<'_, '_>, branches: &'b [Branch], range: &Range) -> Result<Option<&'b Branch>> {
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

fn remove(run: &mut Run<'_, '_>, path: &str) -> Result<()> {
    run.remote.delete(path)?;
    run.state.files.remove(path);
    run.state.retired.remove(path);
    Ok(())
}

/// Writes files anew that hold bodies of what is purged, and removes the old ones: own ones, and those of nodes that write no
/// longer. Those of others are for their owners, and are remembered until they are gone.
pub(super) fn scrub(run: &mut Run<'_, '_>, branches: &[Branch]) -> Result<()> {
    let purged = purged_since(run, &run.state.scrubbed)?;
    let listed: BTreeSet<String> = run.listing.iter().map(|file| file.path.clone()).collect();
    run.state.unscrubbed.retain(|path| listed.contains(path));
    find_holding(run, &purged)?;
    run.state.checkpoint_holds_purged |= !purged.entities.is_empty();
    run.state.scrubbed.extend(purged.entities);
    for path in run.state.unscrubbed.clone() {
        if !is_ours_to_scrub(run, &path) {
            continue;
        }
        // What was joined already stands in the file that took its place.
        let ranges = match run.state.files.get(&path) {
            Some(record) if !run.state.retired.contains_key(&path) => record.ranges.clone(),
            _ => Vec::new(),
        };
        if write_ranges(run, branches, &ranges)? {
            remove(run, &path)?;
            run.state.unscrubbed.remove(&path);
        } else {
            run.report.note(format!("{path} holds what was purged and could not be written anew: it is tried again"));
        }
    }
    Ok(())
}

/// Remembers the files that hold bodies of what is purged. A file that came later than the purge, such as a copy that a carrier
/// made or a file that it brought back, is looked through for all that was ever purged.
fn find_holding(run: &mut Run<'_, '_>, newly: &Purged) -> Result<()> {
    let is_there = |record: &FileRecord| record.missing_since.is_none() && record.state == FileState::Applied;
    let has_new = run.state.files.values().any(|record| is_there(record) && !record.is_looked_through);
    let ever = if has_new { purged_since(run, &BTreeSet::new())? } else { Purged::default() };
    let holding: Vec<(String, &Purged)> = run
        .state
        .files
        .iter()
        .filter(|(_, record)| is_there(record))
        .map(|(path, record)| (path, record, if record.is_looked_through { newly } else { &ever }))
        .filter(|(_, record, purged)| record.ranges.iter().any(|range| purged.touches(range)))
        .map(|(path, _, purged)| (path.clone(), purged))
        .collect();
    for (path, purged) in holding {
        if purged.has_bodies_in(run, &path)? {
            run.state.unscrubbed.insert(path);
        }
    }
    for record in run.state.files.values_mut().filter(|record| is_there(record)) {
        record.is_looked_through = true;
    }
    Ok(())
}

/// What was purged, without what is known.
#[derive(Default)]
struct Purged {
    changes: BTreeMap<StreamId, BTreeSet<u64>>,
    entities: Vec<(NamespaceId, EntityId)>,
}

fn purged_since(run: &Run<'_, '_>, known: &BTreeSet<(NamespaceId, EntityId)>) -> Result<Purged> {
    let mut purged = Purged::default();
    for store in [run.peer.memory, run.peer.archive] {
        if !store.exists() {
            continue;
        }
        for (namespace, entity, changes) in store.read::<_, Error>(|tx| Ok(tx.purged_changes(known)?))? {
            purged.entities.push((namespace, entity));
            for (stream, seq) in changes {
                purged.changes.entry(stream).or_default().insert(seq);
            }
        }
    }
    Ok(purged)
}

impl Purged {
    fn touches(&self, range: &Range) -> bool {
        let seqs = self.changes.get(&range.stream);
        seqs.is_some_and(|seqs| seqs.range(range.from..=range.to).next().is_some())
    }

    /// True where a file holds a body of a purged change; also where it cannot be read: then it may.
    fn has_bodies_in(&self, run: &mut Run<'_, '_>, path: &str) -> Result<bool> {
        let Some(bytes) = run.remote.read(path, SEGMENT_MAX_BYTES)? else { return Ok(false) };
        run.report.bytes_read += bytes.len() as u64;
        let opened = seal::open(&bytes, &|id| run.keys.key(id)).and_then(|(_, content)| segment::decode(&content));
        let Ok(entries) = opened else { return Ok(true) };
        Ok(entries.iter().filter(|entry| entry.body.is_some()).any(|entry| {
            Header::peek(&entry.header)
                .is_some_and(|(_, stream, seq)| self.changes.get(&stream).is_some_and(|seqs| seqs.contains(&seq)))
        }))
    }
}

fn is_ours_to_scrub(run: &Run<'_, '_>, path: &str) -> bool {
    let owner =
        path.strip_prefix("nodes/").and_then(|rest| rest.split('/').next()).and_then(|node| NodeId::parse(node).ok());
    let Some(owner) = owner else { return false };
    if owner == run.node {
        return true;
    }
    // Whoever may purge here may also see to it that it is done where nobody else will.
    let is_silent =
        run.state.heads.get(&owner).is_none_or(|seen| run.now().0.saturating_sub(seen.head.at.0) > SILENT_FOR);
    run.roster.is_member(run.node) && (!run.roster.is_member(owner) || is_silent)
}
