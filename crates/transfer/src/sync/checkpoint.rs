//! Checkpoints on a remote (J14): a machine that knows nothing yet reads one file and what came after it.
//!
//! A member makes one when what it shares has doubled since the last one that anybody made, so that all of them together are a few
//! times what was ever shared. It is a plain SQLite file, compressed and sealed; whoever takes it verifies every chain, hash and
//! signature in it, and makes its own projections.
//!
//! One that holds bodies of what is purged goes: any member removes it (J11), and its maker makes it anew; where that one is gone, another
//! member does, if none is left. Whether another's holds them is seen by reading it.
//!
//! **Invariant:** it holds what is shared there and nothing else; the segments stay, so that nobody depends on it. A node keeps one, and one
//! that takes the place of its own is written before that is removed.

use super::rewrite::remove;
use super::run::Run;
use super::scrub::is_ours_to_scrub;
use super::state::{FileRecord, FileState};
use super::temporary::Temporary;
use super::unpacking::{Watched, fetch};
use crate::format::clear::{Clear, FileKind, NONCE_BYTES};
use crate::format::seal;
use crate::remote::Created;
use jay_store::{Adopted, Branch, checkpoint_holds_bodies};
use jay_types::change::Journal;
use jay_types::surroundings::random;
use jay_types::{Code, EntityId, Error, NamespaceId, NodeId, Result};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Seek as _;

/// Changes below which segments serve as well as a checkpoint.
pub const CHECKPOINT_FROM_CHANGES: u64 = 10_000;
/// A new one is made when there are this many times the changes of the last.
const GROWTH: u64 = 2;
const ZSTD_LEVEL: i32 = 3;

fn temporary(run: &Run<'_, '_>, what: &str) -> Temporary {
    Temporary::new(run.peer.memory, run.peer.surroundings, what)
}

/// The checkpoints that heads tell of, with how many changes each has: the largest first.
fn known(run: &Run<'_, '_>) -> Vec<(NodeId, String, u64)> {
    let told = run.state.heads.iter().filter(|(node, _)| run.roster.is_member(**node));
    let mut all: Vec<(NodeId, String, u64)> = told
        .filter_map(|(node, seen)| Some((*node, seen.head.checkpoint.clone()?, seen.head.checkpoint_changes)))
        .filter(|(_, path, _)| run.listing.iter().any(|file| file.path == *path))
        .collect();
    all.sort_by_key(|(_, _, changes)| std::cmp::Reverse(*changes));
    all
}

/// Begins a store without a change with the largest checkpoint there is. What is wrong with one is told, and segments serve.
pub(super) fn begin(run: &mut Run<'_, '_>) -> Result<()> {
    let is_empty = run.peer.memory.read::<_, Error>(|tx| Ok(tx.branches()?.is_empty()))?;
    // Whole streams are chosen by paths that are not known before.
    if !is_empty || !run.config.namespaces.is_empty() {
        return Ok(());
    }
    for (node, path, _) in known(run) {
        match take(run, node, &path) {
            Ok(Some(changes)) => {
                run.report.pulled += changes;
                run.read_roster()?;
                return Ok(());
            }
            Ok(None) => {}
            Err(error) => run.report.note(format!("{path} does not serve as a beginning: {}", error.message)),
        }
    }
    Ok(())
}

fn take(run: &mut Run<'_, '_>, node: NodeId, path: &str) -> Result<Option<u64>> {
    let plain = temporary(run, "plain");
    let Some(clear) = fetch(run, path, &plain)? else { return Ok(None) };
    if clear.node != node {
        return Err(Error::new(Code::VerificationFailed, "it is another file than its place says"));
    }
    let progress = &mut run.progress;
    let adopted = run.peer.memory.adopt(&plain.0, &mut |done, all| progress(done, all, "verifying a checkpoint"))?;
    match adopted {
        Adopted::Whole { changes, .. } => {
            run.report.node(node).applied += changes;
            Ok(Some(changes))
        }
        Adopted::NotEmpty => Ok(None),
    }
}

/// Whether the checkpoint at a path holds a body of one of these entities; none where that cannot be told yet. One that does not open,
/// because it was cut or changed on the way, may hold them: nobody can begin with it.
pub(super) fn holds_bodies(
    run: &mut Run<'_, '_>,
    path: &str,
    entities: &BTreeSet<(NamespaceId, EntityId)>,
) -> Result<Option<bool>> {
    let plain = temporary(run, "plain");
    let read = match fetch(run, path, &plain) {
        Ok(None) => return Ok(None),
        Ok(Some(_)) => checkpoint_holds_bodies(&plain.0, Journal::Memory, entities).map_err(Error::from),
        Err(error) => Err(error),
    };
    match read {
        Ok(holds) => Ok(Some(holds)),
        Err(error) if error.code == Code::VerificationFailed => Ok(Some(true)),
        Err(error) if matches!(error.code, Code::Busy | Code::StoreTooNew) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes a checkpoint where the last one that anybody made has become small beside what is shared, or is to go; removes those that
/// hold what was purged and are this node's to see to. Answers the one that this node's head tells of.
pub(super) fn tend(run: &mut Run<'_, '_>, branches: &[Branch]) -> Result<Option<(String, u64)>> {
    let own = run.state.own.as_ref().filter(|own| own.node == run.node);
    let before = own.and_then(|own| Some((own.checkpoint.clone()?, own.checkpoint_changes)));
    let before = before.filter(|(path, _)| run.listing.iter().any(|file| file.path == *path));
    if !run.roster.is_member(run.node) {
        return Ok(before);
    }
    let must_go = before.as_ref().is_some_and(|_| run.state.checkpoint_holds_purged);
    let kept = before.as_ref().filter(|_| !must_go);
    let going = going(run, kept.map(|(path, _)| path.as_str()));
    let changes: u64 = branches.iter().filter(|branch| branch.stream.journal == 0).map(super::push::held).sum();
    // Whoever made one that goes makes it anew, if it is still there to do so.
    let is_replaced_here = |path: &String| going.contains(path) && is_ours_to_scrub(run, path);
    let others = known(run).into_iter().filter(|(_, path, _)| !is_replaced_here(path)).map(|(.., changes)| changes);
    let largest = others.chain(kept.map(|(_, changes)| *changes)).max().unwrap_or(0);
    // Who is behind by a key may have been taken out: nobody would begin with what it makes, and others would remove it, again and again.
    let is_worth_it = changes >= run.peer.checkpoint_from_changes && !run.lacks_key;
    let is_due = is_worth_it && changes >= largest.saturating_mul(GROWTH);
    let stays = if is_due || must_go && is_worth_it { Some((make(run, branches)?, changes)) } else { kept.cloned() };
    let replaced = before.iter().map(|(path, _)| path);
    let gone: BTreeSet<&String> =
        replaced.chain(&going).filter(|path| stays.as_ref().is_none_or(|(stays, _)| stays != *path)).collect();
    for path in gone {
        remove(run, path)?;
    }
    run.state.checkpoint_holds_purged = false;
    Ok(stays)
}

/// Checkpoints that are to go: every one below this node's name but the one that is kept, such as copies of a carrier and what a lost record
/// knew; and those of other nodes that hold what was purged.
fn going(run: &Run<'_, '_>, kept: Option<&str>) -> Vec<String> {
    let own = run.own_directory();
    let goes = |path: &str| {
        let is_spare = path.starts_with(&own) && Some(path) != kept;
        is_spare || run.state.unscrubbed.contains(path) && !run.lacks_key && !run.place.is_unread(path)
    };
    let there = run.state.files.iter().filter(|(_, record)| record.is_checkpoint && record.missing_since.is_none());
    there.map(|(path, _)| path.clone()).filter(|path| goes(path)).collect()
}

fn make(run: &mut Run<'_, '_>, branches: &[Branch]) -> Result<String> {
    // Up to where they are shared: while this sync ran another process may have written on, in a namespace that it made private.
    let position: Vec<Branch> = branches.iter().filter(|branch| branch.stream.journal == 0).copied().collect();
    let (plain, packed, sealed) = (temporary(run, "plain"), temporary(run, "packed"), temporary(run, "sealed"));
    (run.progress)(0, 0, "making a checkpoint");
    run.peer.memory.checkpoint_at(&position, &plain.0)?;
    let pack = || -> std::io::Result<(File, u64)> {
        let mut into = packed.create().map_err(|error| std::io::Error::other(error.message))?;
        zstd::stream::copy_encode(File::open(&plain.0)?, &mut into, ZSTD_LEVEL)?;
        let bytes = into.stream_position()?;
        into.rewind()?;
        Ok((into, bytes))
    };
    let (mut content, bytes) = pack().map_err(|error| packed.fault(&error))?;
    let key = run.sealing_key()?;
    let nonce: [u8; NONCE_BYTES] = random(run.peer.surroundings);
    let clear = Clear {
        kind: FileKind::Checkpoint,
        vault: run.keys.vault,
        key: key.id,
        node: run.node,
        ranges: Vec::new(),
        nonce,
    };
    let mut file = sealed.create()?;
    let mut into = Watched::new(&mut file, u64::MAX);
    seal::seal_from(&clear, &key, bytes, &mut content, &mut into).map_err(|error| sealed.fault(&error))?;
    let hash = into.hash();
    file.sync_all().map_err(|error| sealed.fault(&error))?;
    let path = format!("{}{}", run.own_directory(), clear.name(&hash));
    let all = clear.size_bytes() as u64 + seal::sealed_bytes(bytes);
    let progress = &mut run.progress;
    let created = run.remote.upload(&path, &sealed.0, &mut |moved| progress(moved, all, "writing a checkpoint"))?;
    if created == Created::Written {
        run.report.bytes_written += all;
        run.report.files_written += 1;
    }
    let record = FileRecord {
        stamp: String::new(),
        bytes: all,
        state: FileState::Applied,
        why: None,
        ranges: Vec::new(),
        missing_since: None,
        is_checkpoint: true,
        is_intact: true,
        is_looked_through: true,
        is_full: false,
    };
    run.state.files.insert(path.clone(), record);
    Ok(path)
}
