//! Writing what this machine has and the remote's files lack, then its head.
//!
//! **Invariant:** a head is written after the files that it tells of; a file that the remote lost is written anew.

use super::coverage::{Remembered, covered};
use super::run::Run;
use super::segments::Gathered;
use super::state::{FileRecord, stream_head};
use super::{bodies, checkpoint, clients, clocks, rewrite, scrub};
use crate::format::clear::FileKind;
use crate::format::head::{HEAD_NAME, Head, STREAM_HEADS_MAX, StreamHead};
use jay_store::{Branch, Store};
use jay_types::change::sign::Signed;
use jay_types::{Error, Hash, NodeId, Result};
use std::collections::BTreeMap;

/// Bytes of changes that are read from the journal at once, about: whole acts.
pub(super) const READ_BYTES: usize = 4 << 20;

/// What is to be written: a branch, and after which seq.
pub(super) fn missing(run: &Run<'_, '_>, branches: &[Branch]) -> Result<Vec<(Branch, u64)>> {
    missing_of(run, branches, &run.state.files)
}

/// What would be to be written if there were only these files.
pub(super) fn missing_of(
    run: &Run<'_, '_>,
    branches: &[Branch],
    files: &BTreeMap<String, FileRecord>,
) -> Result<Vec<(Branch, u64)>> {
    // Whom members seal against does not know who they are now, and cannot open what they write: it would write anew what they take
    // away, for ever.
    let is_member = |node| run.lacks_key || node == run.node || run.roster.is_member(node);
    let mut missing = missing_among([run.store(0), run.store(1)], branches, (files, &is_member, run.lacks_key))?;
    // The roster first: what comes after it counts by it.
    missing.sort_by_key(|(branch, _)| (branch.stream.namespace != run.keys.vault, branch.stream, branch.num));
    Ok(missing)
}

/// The same by what is remembered of files, for these stores by their journals.
pub(super) fn missing_among(
    stores: [&Store; 2],
    branches: &[Branch],
    remembered: Remembered<'_>,
) -> Result<Vec<(Branch, u64)>> {
    let mut missing = Vec::new();
    for (journal, store) in (0_u8..).zip(stores) {
        let of_journal: Vec<&Branch> = branches.iter().filter(|branch| branch.stream.journal == journal).collect();
        if of_journal.is_empty() {
            continue;
        }
        let covered = covered(store, &of_journal, remembered)?;
        for branch in of_journal {
            let upto = covered.get(&branch.num).copied().unwrap_or(0);
            if upto < branch.head_seq {
                missing.push((*branch, upto));
            }
        }
    }
    Ok(missing)
}

/// Writes what is missing.
pub(super) fn push(run: &mut Run<'_, '_>, only_roster: bool) -> Result<()> {
    let branches = run.branches()?;
    run.chosen = clients::chosen(run)?;
    let mut missing = missing(run, &branches)?;
    if only_roster {
        missing.retain(|(branch, _)| branch.stream.namespace == run.keys.vault);
    }
    let files_before = run.report.files_written;
    write_missing(run, &missing)?;
    if !only_roster {
        clients::give_more(run, &branches)?;
    }
    bodies::give(run, &branches)?;
    let mut checkpoint = None;
    run.remote.sweep(&run.own_directory())?;
    if !only_roster {
        scrub::scrub(run, &branches)?;
        rewrite::join_small(run, &branches)?;
        rewrite::remove_joined(run)?;
        checkpoint = checkpoint::tend(run, &branches)?;
    } else if let Some(own) = run.state.own.as_ref().filter(|own| own.node == run.node) {
        checkpoint = own.checkpoint.clone().map(|path| (path, own.checkpoint_changes));
    }
    let shares = if only_roster { clients::shared_before(run) } else { clients::shared(run) };
    write_head(run, &branches, (checkpoint, shares), run.report.files_written > files_before)
}

fn write_missing(run: &mut Run<'_, '_>, missing: &[(Branch, u64)]) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let in_all: u64 = missing.iter().map(|(branch, after)| branch.head_seq - after).sum();
    let mut gathered = Gathered::default();
    let write = |run: &mut Run<'_, '_>, gathered: &mut Gathered| -> Result<()> {
        run.report.pushed += gathered.write(run)?;
        let pushed = run.report.pushed;
        (run.progress)(pushed, in_all, "writing changes");
        Ok(())
    };
    for (branch, after) in missing {
        let mut after = *after;
        while after < branch.head_seq {
            let changes = run
                .store(branch.stream.journal)
                .read::<_, Error>(|tx| Ok(tx.branch_acts(branch, (after, branch.head_seq), READ_BYTES)?))?;
            if changes.is_empty() {
                break;
            }
            for change in &changes {
                after = change.header.seq;
                gathered.add(run.chosen.entry(change));
                if change.header.index + 1 == change.header.count && gathered.is_full() {
                    write(run, &mut gathered)?;
                }
            }
        }
    }
    write(run, &mut gathered)
}

/// Writes this node's head where it would tell something new.
fn write_head(
    run: &mut Run<'_, '_>,
    branches: &[Branch],
    (checkpoint, clients): (Option<(String, u64)>, Vec<String>),
    wrote_files: bool,
) -> Result<()> {
    let before = run.state.own.clone().filter(|own| own.node == run.node);
    let path = format!("{}{HEAD_NAME}", run.own_directory());
    let is_there = run.listing.iter().any(|file| file.path == path);
    let position = position_of(branches);
    let seen = seen(run)?;
    let is_news = wrote_files || before.as_ref().is_none_or(|head| head.position != position);
    let lacks = bodies::lacking(run, is_news)?;
    let is_answer =
        before.as_ref().is_none_or(|head| head.seen != seen || head.lacks != lacks || head.clients != clients);
    // Others see by the next one that this machine's clock was set right.
    let is_set_back = before.as_ref().is_some_and(|head| clocks::is_set_back(head, run.now()));
    if is_there && !is_news && !is_answer && !is_set_back {
        return Ok(());
    }
    let generation = before.as_ref().map_or(0, |head| head.generation) + 1;
    let content = if is_news { generation } else { before.as_ref().map_or(generation, |head| head.content) };
    let deferred = run.deferred()?;
    let head = Head {
        node: run.node,
        generation,
        content,
        at: run.now(),
        hlc: run.peer.memory.read::<_, Error>(|tx| Ok(tx.greatest_clock()?))?,
        program: run.peer.program.clone(),
        position,
        changes: branches.iter().map(held).sum(),
        checkpoint_changes: checkpoint.as_ref().map_or(0, |(_, changes)| *changes),
        checkpoint: checkpoint.map(|(path, _)| path),
        heads: newest(branches, before.as_ref()),
        seen,
        lacks,
        clients,
        deferred: deferred.iter().map(|(.., count)| count).sum(),
    };
    let (json, hash) = head.json();
    let (node, signature) = run.peer.memory.sign(Signed::Head, &hash)?;
    if node != run.node {
        // Another process made a new node meanwhile: the next sync tells of it.
        return Ok(());
    }
    let key = run.sealing_key()?;
    let (_, file) = run.sealed(FileKind::Head, &key, Vec::new(), &Head::encode(&json, &signature));
    run.replace(&path, &file)?;
    run.state.own_file = (file.len() as u64, String::new());
    run.state.note_content(head.content, head.changes, head.at);
    run.state.own = Some(head);
    Ok(())
}

/// Changes of a branch that stand in no other.
pub(super) fn held(branch: &Branch) -> u64 {
    branch.head_seq - branch.parent.map_or(0, |(_, seq)| seq)
}

/// A hash over all branch heads, in their order.
pub(super) fn position_of(branches: &[Branch]) -> Hash {
    let mut heads: Vec<StreamHead> =
        branches.iter().map(|branch| stream_head(branch.stream, branch.head_seq, branch.head_hash)).collect();
    heads.sort();
    let mut hasher = blake3::Hasher::new_derive_key("scrubjay position v1");
    for head in heads {
        hasher.update(&[head.journal]);
        hasher.update(&head.namespace.0);
        hasher.update(&head.node.0);
        hasher.update(&head.seq.to_be_bytes());
        hasher.update(&head.hash.0);
    }
    Hash(*hasher.finalize().as_bytes())
}

/// The branch heads that the next head tells of: those that moved, then those that it told of before.
fn newest(branches: &[Branch], before: Option<&Head>) -> Vec<StreamHead> {
    let told: BTreeMap<_, u64> =
        before.into_iter().flat_map(|head| &head.heads).map(|head| ((head.stream(), head.hash), head.seq)).collect();
    let mut all: Vec<(bool, StreamHead)> = branches
        .iter()
        .map(|branch| {
            let head = stream_head(branch.stream, branch.head_seq, branch.head_hash);
            (told.contains_key(&(branch.stream, branch.head_hash)), head)
        })
        .collect();
    all.sort_by_key(|(is_told, head)| (*is_told, *head));
    all.into_iter().take(STREAM_HEADS_MAX).map(|(_, head)| head).collect()
}

/// Of each member the last content of which everything that its head names is here.
fn seen(run: &Run<'_, '_>) -> Result<BTreeMap<NodeId, u64>> {
    let before = run.state.own.as_ref().map(|own| own.seen.clone()).unwrap_or_default();
    let mut seen = BTreeMap::new();
    let scope = run.scope()?;
    for (node, told) in run.state.heads.iter().filter(|(node, _)| run.roster.is_member(**node)) {
        let mut is_here = true;
        for head in &told.head.heads {
            if scope.shares(head.stream()) == super::scope::Shared::No {
                continue;
            }
            let store = run.store(head.journal);
            is_here &= store.read::<_, Error>(|tx| Ok(tx.has_change(head.stream(), head.seq, head.hash)?))?;
        }
        let content = if is_here { Some(told.head.content) } else { before.get(node).copied() };
        if let Some(content) = content {
            seen.insert(*node, content);
        }
    }
    Ok(seen)
}
