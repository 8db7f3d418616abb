//! Bodies that one machine lacks and another has.
//!
//! A file without a body covers its change as well as one with it, so that a body is lost to whoever comes later where only the former is
//! left: a member may have purged it and been taken out before the purge counted. Who lacks bodies tells so in its head; whoever has them
//! writes those acts once more.
//!
//! **Invariant:** what is purged here is neither asked for nor given.

use super::run::Run;
use super::scope::Shared;
use super::segments::Gathered;
use super::state::stream_head;
use crate::format::head::{LACKS_MAX, StreamHead};
use jay_store::Branch;
use jay_types::change::Journal;
use jay_types::{Error, NodeId, Result};
use std::collections::BTreeMap;

/// How many of a store are looked at: some are of namespaces that are not shared here.
const LOOKED_AT: u32 = 1_024;

/// Changes that are here without their bodies and shared with the remote, at most [`LACKS_MAX`].
pub(super) fn lacking(run: &Run<'_, '_>) -> Result<Vec<StreamHead>> {
    let scope = run.scope()?;
    let mut lacking = Vec::new();
    for store in [run.peer.memory, run.peer.archive].into_iter().filter(|store| store.exists()) {
        let missing = store.read::<_, Error>(|tx| Ok(tx.missing_bodies(LOOKED_AT)?))?;
        lacking.extend(missing.into_iter().map(|(stream, seq, hash)| stream_head(stream, seq, hash)));
    }
    // Of who shares the sessions of chosen clients, and where only those are wanted here, what is missing was left out.
    let shares_in_part = |node: &NodeId| run.state.heads.get(node).is_some_and(|seen| !seen.head.clients.is_empty());
    let is_left_out = |head: &StreamHead| {
        head.journal == Journal::Archive.number() && (!run.config.clients.is_empty() || shares_in_part(&head.node))
    };
    lacking.retain(|head| scope.shares(head.stream()) == Shared::Yes && !is_left_out(head));
    lacking.sort();
    lacking.truncate(LACKS_MAX);
    Ok(lacking)
}

/// Writes the acts of which members say that they lack bodies that are here.
pub(super) fn give(run: &mut Run<'_, '_>, branches: &[Branch]) -> Result<()> {
    let members = run.state.heads.iter().filter(|(node, _)| **node != run.node && run.roster.is_member(**node));
    let asked: BTreeMap<String, StreamHead> =
        members.flat_map(|(_, seen)| &seen.head.lacks).map(|head| (name(head), *head)).collect();
    run.state.given.retain(|name, _| asked.contains_key(name));
    for (name, head) in asked {
        let is_given = run.state.given.get(&name).is_some_and(|path| run.state.files.contains_key(path));
        if is_given {
            continue;
        }
        let Some(act) = act_of(run, branches, &head)? else { continue };
        let mut gathered = Gathered::default();
        act.iter().for_each(|change| gathered.add(run.chosen.entry(change)));
        if let Some(path) = gathered.write_file(run)? {
            run.state.given.insert(name, path);
        }
    }
    Ok(())
}

fn name(head: &StreamHead) -> String {
    format!("{} {} {} {} {}", head.journal, head.namespace, head.node, head.seq, head.hash)
}

/// The part of an act that a change is of, where its body is here.
fn act_of(run: &Run<'_, '_>, branches: &[Branch], head: &StreamHead) -> Result<Option<Vec<jay_store::Journalled>>> {
    for branch in branches.iter().filter(|branch| branch.stream == head.stream()) {
        let begins = branch.parent.map_or(0, |(_, seq)| seq);
        if !(begins + 1..=branch.head_seq).contains(&head.seq) {
            continue;
        }
        let act = run.store(head.journal).read::<_, Error>(|tx| {
            let found = tx.branch_changes(branch, head.seq - 1, 1)?.pop();
            let Some(found) = found.filter(|found| found.hash == head.hash && found.body.is_some()) else {
                return Ok(None);
            };
            let before = head.seq - 1 - u64::from(found.header.index);
            Ok(Some(tx.branch_changes(branch, before, u32::from(found.header.count))?))
        })?;
        if act.is_some() {
            return Ok(act);
        }
    }
    Ok(None)
}
