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
use jay_types::time::DAY;
use jay_types::{Error, NodeId, Result};
use std::collections::BTreeMap;

/// How many of a store are looked at: some are of namespaces that are not shared here.
const LOOKED_AT: u32 = 1_024;
/// After which time without an answer a head asks for others, microseconds.
const ASKED_FOR: i64 = DAY;

/// Changes that are here without their bodies and shared with the remote, at most [`LACKS_MAX`].
/// A head that is written anyway (`is_news`), or is a day old, asks for others than the last one where none of those came.
pub(super) fn lacking(run: &Run<'_, '_>, is_news: bool) -> Result<Vec<StreamHead>> {
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
    lacking.dedup();
    let own = run.state.own.as_ref().filter(|own| own.node == run.node);
    let asked = own.map(|own| own.lacks.as_slice()).unwrap_or_default();
    let is_old = own.is_some_and(|own| run.now().0.saturating_sub(own.at.0) > ASKED_FOR);
    Ok(chosen(&lacking, asked, is_news || is_old))
}

/// At most [`LACKS_MAX`] of what is lacking: what was asked for and has not come, then those after it, from the first again at the end. Where
/// nothing came, perhaps nobody has it: others are asked for meanwhile.
fn chosen(lacking: &[StreamHead], asked: &[StreamHead], may_be_in_vain: bool) -> Vec<StreamHead> {
    let kept: Vec<StreamHead> = asked.iter().filter(|head| lacking.contains(head)).copied().collect();
    let is_over = may_be_in_vain && lacking.len() > LACKS_MAX && kept.len() == asked.len();
    let kept = if is_over { Vec::new() } else { kept };
    let after = asked.last().map_or(0, |last| lacking.partition_point(|head| head <= last));
    let (before, behind) = lacking.split_at(after);
    let others = behind.iter().chain(before).filter(|head| !kept.contains(head));
    kept.iter().chain(others).take(LACKS_MAX).copied().collect()
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
        if let Some(path) = gathered.write_files(run)?.pop() {
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

#[cfg(test)]
mod tests {
    use super::*;
    use jay_types::{Hash, NamespaceId};

    fn heads(seqs: std::ops::Range<u64>) -> Vec<StreamHead> {
        let (journal, namespace, node) = (0, NamespaceId([1; 16]), NodeId([2; 16]));
        seqs.map(|seq| StreamHead { journal, namespace, node, seq, hash: Hash::ZERO }).collect()
    }

    fn seqs(heads: &[StreamHead]) -> Vec<u64> {
        heads.iter().map(|head| head.seq).collect()
    }

    #[test]
    fn what_nobody_has_keeps_nothing_else_from_being_asked_for() {
        let max = LACKS_MAX as u64;
        let lacking = heads(0..max + 10);
        let first = chosen(&lacking, &[], false);
        assert_eq!(seqs(&first), (0..max).collect::<Vec<_>>());
        assert_eq!(chosen(&lacking, &first, false), first, "it is waited for");
        // A day went by, and none of them came.
        let second = chosen(&lacking, &first, true);
        assert_eq!(seqs(&second), (max..max + 10).chain(0..max - 10).collect::<Vec<_>>());
        // Some came: the others go on being asked for, and more with them.
        let third = chosen(&lacking[5..], &second, true);
        assert_eq!(seqs(&third).len(), LACKS_MAX);
        assert!(third.iter().all(|head| head.seq >= 5));
        // Fewer than may be asked for at once are asked for, for good.
        let few = heads(0..3);
        assert_eq!(chosen(&few, &few, true), few);
        assert_eq!(chosen(&[], &few, false), Vec::new());
    }
}
