//! Taking what was purged out of the files of a remote (J11).
//!
//! A file that holds a body of a purged entity is written anew without it, as an ordinary segment below this node's own name with the same
//! ranges, and then removed. Its owner does so, and the node that purged, which need not wait for anybody; where both are gone, any member.
//! Other files are looked into as well as those that were taken in: what a removed member wrote too late, copies that a carrier made, what
//! never arrived whole.
//!
//! **Invariant:** a file is removed only after what takes its place is written; what is not here and in no other file is never removed
//! with it.

use super::pull::{self, WHOLE_BYTES, is_here};
use super::rewrite::{branch_of, joined, remove, write_ranges};
use super::run::Run;
use super::scope::Shared;
use super::segments::Gathered;
use super::state::{FileRecord, FileState};
use super::{checkpoint, intact, push};
use crate::format::FileFault;
use crate::format::clear::{Clear, FileKind, Range};
use crate::format::seal;
use crate::format::segment::{self, SEGMENT_MAX_BYTES};
use crate::remote::RemoteFile;
use jay_store::{Branch, Store};
use jay_types::change::frame::FrameEntry;
use jay_types::change::header::StreamId;
use jay_types::change::{EntityKind, Header, Op};
use jay_types::time::DAY;
use jay_types::{EntityId, Error, NamespaceId, NodeId, Result};
use std::collections::{BTreeMap, BTreeSet};

/// After this time without a new word of it the files of another node are taken care of by others.
const SILENT_FOR: i64 = 7 * DAY;

/// Writes segments anew that hold bodies of what is purged, and removes the old ones: own ones, those that hold what this node purged, and
/// those of nodes that write no longer. Others are for their owners, and are remembered until they are gone; so are checkpoints, which
/// [`checkpoint::tend`] sees to.
pub(super) fn scrub(run: &mut Run<'_, '_>, branches: &[Branch]) -> Result<()> {
    let purged = purged_since(run, &run.state.scrubbed)?;
    let listed: BTreeSet<String> = run.listing.iter().map(|file| file.path.clone()).collect();
    let place = run.place;
    run.state.unscrubbed.retain(|path| listed.contains(path) || place.is_unread(path));
    find_holding(run, &purged)?;
    run.state.checkpoint_holds_purged |= !purged.entities.is_empty();
    run.state.scrubbed.extend(purged.entities);
    remove_covered(run, branches)?;
    if run.state.unscrubbed.is_empty() {
        return Ok(());
    }
    let (ever, here) = (Purged::ever(run)?, purged_here(run)?);
    let mut ours = Vec::new();
    for path in &run.state.unscrubbed {
        let ranges = run.state.files.get(path).map_or(&[][..], |record| &record.ranges);
        if is_ours_to_scrub(run, path) || !here.is_empty() && !purged_in(run, ranges)?.is_disjoint(&here) {
            ours.push(path.clone());
        }
    }
    for path in ours {
        let Some(record) = run.state.files.get(&path).filter(|record| !record.is_checkpoint).cloned() else { continue };
        if !run.place.is_unread(&path) && take_its_place(run, branches, &ever, &path, &record)? {
            remove(run, &path)?;
        } else {
            run.report.note(format!("{path} holds what was purged and could not be written anew: it is tried again"));
        }
    }
    Ok(())
}

/// Removes segments that hold what was purged where other files carry everything that is in them: whose they are does not matter then, and
/// their owners may not see them any longer where a carrier keeps its folders apart.
fn remove_covered(run: &mut Run<'_, '_>, branches: &[Branch]) -> Result<()> {
    if run.state.unscrubbed.is_empty() || !run.roster.is_member(run.node) || run.lacks_key {
        return Ok(());
    }
    let holding = &run.state.unscrubbed;
    let others = run.state.files.iter().filter(|(path, record)| {
        let is_there = record.missing_since.is_none() && !run.place.is_unread(path);
        !holding.contains(*path) && is_there && record.state == FileState::Applied
    });
    let others: BTreeMap<String, FileRecord> = others.map(|(path, record)| (path.clone(), record.clone())).collect();
    let missing: BTreeMap<(u8, i64), u64> = push::missing_of(run, branches, &others)?
        .into_iter()
        .map(|(branch, upto)| ((branch.stream.journal, branch.num), upto))
        .collect();
    let mut covered = Vec::new();
    for path in holding.iter().filter(|path| !run.place.is_unread(path)) {
        let Some(record) = run.state.files.get(path).filter(|record| !record.ranges.is_empty()) else { continue };
        let mut is_covered = record.state == FileState::Applied;
        for range in &record.ranges {
            let branch = branch_of(run, branches, range)?;
            is_covered &= branch.is_some_and(|branch| {
                missing.get(&(branch.stream.journal, branch.num)).is_none_or(|upto| range.to <= *upto)
            });
        }
        if is_covered {
            covered.push(path.clone());
        }
    }
    for path in covered {
        remove(run, &path)?;
        run.state.unscrubbed.remove(&path);
    }
    Ok(())
}

/// Remembers the files that hold bodies of what is purged. A file that came later than the purge, such as a copy that a carrier
/// made or a file that it brought back, is looked through for all that was ever purged.
fn find_holding(run: &mut Run<'_, '_>, newly: &Purged) -> Result<()> {
    let is_new = |record: &FileRecord| record.missing_since.is_none() && !record.is_looked_through;
    let ever = if run.state.files.values().any(is_new) { Purged::ever(run)? } else { Purged::default() };
    let own = run.own_directory();
    let there = run.state.files.iter().filter(|(_, record)| record.missing_since.is_none());
    let there: Vec<(String, FileRecord)> = there.map(|(path, record)| (path.clone(), record.clone())).collect();
    for (path, record) in there {
        let purged = if record.is_looked_through { newly } else { &ever };
        // Own checkpoints are known: one is made anew with every purge, any other goes.
        let is_decided_elsewhere = record.is_checkpoint && path.starts_with(&own);
        let holds = if is_decided_elsewhere || !purged.may_be_in(run, &record)? {
            Some(false)
        } else if record.is_checkpoint {
            checkpoint::holds_bodies(run, &path, &purged.entities)?
        } else {
            purged.has_bodies_in(run, &path, &record)?
        };
        match holds {
            Some(true) => {
                run.state.unscrubbed.insert(path.clone());
            }
            // What did not open before is whole now, and was looked through for all there is.
            Some(false) if !record.is_looked_through => {
                run.state.unscrubbed.remove(&path);
            }
            Some(false) | None => {}
        }
        if let Some(record) = run.state.files.get_mut(&path) {
            record.is_looked_through = holds.is_some();
        }
    }
    Ok(())
}

/// What was purged.
#[derive(Default)]
struct Purged {
    entities: BTreeSet<(NamespaceId, EntityId)>,
    /// Where their changes stand. None of all that was ever purged: the journal is asked, by what a file carries, so that a new file
    /// costs no more where much was purged.
    changes: Option<BTreeMap<StreamId, BTreeSet<u64>>>,
}

/// The memory, and the archive where there is one.
fn stores<'r>(run: &'r Run<'_, '_>) -> impl Iterator<Item = &'r Store> {
    [run.peer.memory, run.peer.archive].into_iter().filter(|store| store.exists())
}

/// What was purged, without what is known.
fn purged_since(run: &Run<'_, '_>, known: &BTreeSet<(NamespaceId, EntityId)>) -> Result<Purged> {
    let (mut entities, mut by_stream) = (BTreeSet::new(), BTreeMap::<StreamId, BTreeSet<u64>>::new());
    for store in stores(run) {
        for (namespace, entity, changes) in store.read::<_, Error>(|tx| Ok(tx.purged_changes(known)?))? {
            entities.insert((namespace, entity));
            for (stream, seq) in changes {
                by_stream.entry(stream).or_default().insert(seq);
            }
        }
    }
    Ok(Purged { entities, changes: Some(by_stream) })
}

/// Of what was purged, that which this node purged, or one that its data directory was before. Nothing where it may have been taken out
/// of the vault: what it writes takes no other file's place.
fn purged_here(run: &Run<'_, '_>) -> Result<BTreeSet<(NamespaceId, EntityId)>> {
    let mut here = BTreeSet::new();
    if !run.roster.is_member(run.node) || run.lacks_key {
        return Ok(here);
    }
    let nodes: BTreeSet<NodeId> = run.roster.past.iter().copied().chain([run.node]).collect();
    for store in stores(run) {
        here.extend(store.read::<_, Error>(|tx| Ok(tx.purged_by(&nodes)?))?);
    }
    Ok(here)
}

/// What was ever purged of the changes in these ranges.
fn purged_in(run: &Run<'_, '_>, ranges: &[Range]) -> Result<BTreeSet<(NamespaceId, EntityId)>> {
    let mut by_stream: BTreeMap<StreamId, Vec<(u64, u64)>> = BTreeMap::new();
    for range in ranges {
        by_stream.entry(range.stream).or_default().push((range.from, range.to));
    }
    let mut purged = BTreeSet::new();
    for (stream, spans) in by_stream {
        // A clear header can name the same numbers many times.
        for (from, to) in joined(spans) {
            let found = run.store(stream.journal).read::<_, Error>(|tx| Ok(tx.purged_in(stream, from, to)?))?;
            purged.extend(found.into_iter().map(|entity| (stream.namespace, entity)));
        }
    }
    Ok(purged)
}

impl Purged {
    /// All that was ever purged.
    fn ever(run: &Run<'_, '_>) -> Result<Self> {
        let mut entities = BTreeSet::new();
        for store in stores(run) {
            entities.extend(store.read::<_, Error>(|tx| Ok(tx.purged_entities()?))?);
        }
        Ok(Self { entities, changes: None })
    }

    /// False where a file holds nothing of it, by what is remembered of the file. Of one that was not taken in the changes are not known.
    fn may_be_in(&self, run: &Run<'_, '_>, record: &FileRecord) -> Result<bool> {
        if self.entities.is_empty() || record.state != FileState::Applied || record.is_checkpoint {
            return Ok(!self.entities.is_empty());
        }
        self.touches(run, &record.ranges)
    }

    fn touches(&self, run: &Run<'_, '_>, ranges: &[Range]) -> Result<bool> {
        let Some(changes) = &self.changes else { return Ok(!purged_in(run, ranges)?.is_empty()) };
        Ok(ranges.iter().any(|range| {
            let seqs = changes.get(&range.stream);
            seqs.is_some_and(|seqs| seqs.range(range.from..=range.to).next().is_some())
        }))
    }

    /// True where an entry bears a body of a purged entity.
    fn is_body_of(&self, entry: &FrameEntry) -> bool {
        let Ok(header) = Header::decode(&entry.header) else { return false };
        let can_be_purged = EntityKind::ALL.iter().any(|kind| kind.number() == header.kind && kind.takes(Op::Purge));
        entry.body.is_some() && can_be_purged && self.entities.contains(&(header.namespace, header.entity))
    }

    /// Whether a segment holds a body of a purged entity. One that does not open may hold them, where what it says to carry is here
    /// and some of it is purged. None where that cannot be told yet.
    fn has_bodies_in(&self, run: &mut Run<'_, '_>, path: &str, record: &FileRecord) -> Result<Option<bool>> {
        if record.state == FileState::Waiting && is_closed(run, path, record)? {
            return Ok(None);
        }
        let Some(bytes) = run.remote.read(path, SEGMENT_MAX_BYTES)? else { return Ok(None) };
        run.report.bytes_read += bytes.len() as u64;
        match open(run, &bytes) {
            Ok(entries) => Ok(Some(entries.iter().any(|entry| self.is_body_of(entry)))),
            Err(FileFault::NoKey) => Ok(None),
            Err(_) if is_cut_checkpoint(&bytes) => Ok(take_for_checkpoint(run, path)),
            Err(_) => {
                let Some(ranges) = carried(&bytes) else { return Ok(Some(false)) };
                if !self.touches(run, &ranges)? {
                    return Ok(Some(false));
                }
                Ok(is_all_here(run, &ranges)?.then_some(true))
            }
        }
    }
}

/// True for a large file that is sealed with a key which has not come: no more than its header is read, each time, for whoever carries
/// files can name any key.
fn is_closed(run: &mut Run<'_, '_>, path: &str, record: &FileRecord) -> Result<bool> {
    if record.bytes <= WHOLE_BYTES {
        return Ok(false);
    }
    let file = RemoteFile { path: path.to_owned(), bytes: record.bytes, stamp: record.stamp.clone() };
    Ok(match pull::read_clear(run, &file)? {
        Some(Ok((clear, _))) => run.keys.key(clear.key).is_none(),
        Some(Err(_)) | None => false,
    })
}

fn open(run: &Run<'_, '_>, bytes: &[u8]) -> Result<Vec<FrameEntry>, FileFault> {
    let (clear, content) = seal::open(bytes, &|id| run.keys.key(id))?;
    if clear.kind != FileKind::Segment {
        return Ok(Vec::new());
    }
    segment::decode(&content)
}

fn is_cut_checkpoint(bytes: &[u8]) -> bool {
    Clear::decode(bytes).is_ok_and(|(clear, ..)| clear.kind == FileKind::Checkpoint)
}

/// A checkpoint of which a part is there holds what it holds. One that its owner wrote may still be on its way, and is looked at when it is
/// whole; any other, such as the half of a copy, goes.
fn take_for_checkpoint(run: &mut Run<'_, '_>, path: &str) -> Option<bool> {
    if !is_ours_to_scrub(run, path) {
        return None;
    }
    if let Some(record) = run.state.files.get_mut(path) {
        record.is_checkpoint = true;
    }
    Some(true)
}

/// What a segment says that it carries, whole or not; none where it has no readable header.
fn carried(bytes: &[u8]) -> Option<Vec<Range>> {
    let (clear, ..) = Clear::decode(bytes).ok()?;
    (clear.kind == FileKind::Segment).then_some(clear.ranges)
}

/// True where every change of the ranges is in this store's journal.
fn is_all_here(run: &Run<'_, '_>, ranges: &[Range]) -> Result<bool> {
    let scope = run.scope()?;
    let is_shared = ranges.iter().all(|range| scope.shares(range.stream) == Shared::Yes);
    drop(scope);
    Ok(is_shared && is_here(run, ranges)?)
}

/// Writes what takes the place of a file that holds purged bodies; false where that cannot be.
fn take_its_place(
    run: &mut Run<'_, '_>,
    branches: &[Branch],
    ever: &Purged,
    path: &str,
    record: &FileRecord,
) -> Result<bool> {
    // What was joined already stands in the file that took its place; what was refused counts for nobody.
    if run.state.retired.contains_key(path) || record.state == FileState::Quarantined && !record.ranges.is_empty() {
        return Ok(true);
    }
    let Some(bytes) = run.remote.read(path, SEGMENT_MAX_BYTES)? else { return Ok(!run.place.is_unread(path)) };
    run.report.bytes_read += bytes.len() as u64;
    match (open(run, &bytes), record.state) {
        (Ok(entries), FileState::Applied) if is_what_it_says(run, &bytes, record)? => {
            write_without(run, ever, entries, record)
        }
        // Of what cannot be opened, or is not what it says, every change is here.
        (_, FileState::Applied) => write_ranges(run, branches, &record.ranges),
        (Ok(entries), _) => write_without(run, ever, entries, record),
        // What it carried is here, and what no other file has was written by this sync.
        (Err(_), _) => carried(&bytes).map_or(Ok(false), |ranges| is_all_here(run, &ranges)),
    }
}

/// True where a segment carries what is remembered of it, as its authors signed it. A file of which every change is here may never have
/// been opened, and what takes its place counts for all as this node's word.
fn is_what_it_says(run: &Run<'_, '_>, bytes: &[u8], record: &FileRecord) -> Result<bool> {
    let Ok((clear, entries)) = pull::open(run, bytes) else { return Ok(false) };
    Ok(clear.ranges == record.ranges && intact::is_signed(run, &entries)?)
}

/// Writes a file's changes without the bodies of what is purged.
fn write_without(
    run: &mut Run<'_, '_>,
    ever: &Purged,
    mut entries: Vec<FrameEntry>,
    before: &FileRecord,
) -> Result<bool> {
    // A header of a later version cannot be cut from the others.
    if segment::ranges_of(&entries).is_none() {
        return Ok(false);
    }
    for entry in &mut entries {
        if ever.is_body_of(entry) {
            entry.body = None;
        }
    }
    let mut gathered = Gathered::default();
    let mut written = Vec::new();
    for entry in entries {
        // Of what waits no journal has judged the numbers.
        let is_end =
            Header::decode(&entry.header).is_ok_and(|header| header.index.checked_add(1) == Some(header.count));
        gathered.add(entry);
        if is_end && gathered.is_full() {
            written.extend(gathered.write_files(run)?);
        }
    }
    written.extend(gathered.write_files(run)?);
    for path in written {
        if before.state != FileState::Applied {
            // The next sync looks at it as at any other file: what it waits for may come.
            run.state.files.remove(&path);
        } else if let Some(record) = run.state.files.get_mut(&path) {
            // Who is no member may have left out bodies that are here.
            record.is_intact = before.is_intact;
        }
    }
    Ok(true)
}

/// True where a file is this node's to see to: its own, one of a node that this data directory was, one of a node that is no member
/// or has not told of itself for long, and one that nobody gave its name: a copy that a carrier made, which its owner may never see.
pub(super) fn is_ours_to_scrub(run: &Run<'_, '_>, path: &str) -> bool {
    let owner =
        path.strip_prefix("nodes/").and_then(|rest| rest.split('/').next()).and_then(|node| NodeId::parse(node).ok());
    let Some(owner) = owner else { return false };
    if owner == run.node {
        return true;
    }
    // Whoever may purge here may also see to it that it is done where nobody else will.
    let is_silent = run.state.heads.get(&owner).is_none_or(|seen| {
        let told_at = seen.seen_at.unwrap_or(seen.head.at);
        run.now().0.saturating_sub(told_at.0) > SILENT_FOR
    });
    let is_gone =
        run.roster.past.contains(&owner) || !run.roster.is_member(owner) || is_silent || !Clear::is_name(path);
    run.roster.is_member(run.node) && is_gone
}
