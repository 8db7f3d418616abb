//! Removals that lie there and were not taken in yet.
//!
//! Whoever is taken out still has the keys, and may write to the roster: let others in, wrap keys for itself. What of that counts is decided
//! by whether the removal is known when it is read. So the roster's files are looked into before: those of whom one of them takes out
//! come last. Two that took each other out, neither knowing of it, make halves: each machine goes by the one that it heard of first, and takes
//! nothing in of the other. Nobody but a person can say which is right, and is told.
//!
//! **Invariant:** nothing here lets anybody in or takes anybody out: what is found decides in which order files are read, and what is told.

use super::pull::open;
use super::run::Run;
use super::state::FileState;
use super::{choosing, key_rings, parts};
use crate::format::FileFault;
use crate::format::clear::Range;
use crate::format::segment::SEGMENT_MAX_BYTES;
use crate::remote::RemoteFile;
use crate::vault::roster::{ADMITTED_HISTORY, Member};
use jay_store::Branch;
use jay_types::change::frame::FrameEntry;
use jay_types::change::header::StreamId;
use jay_types::change::registry::STANDING;
use jay_types::change::{EntityKind, Header, Journal, Order};
use jay_types::id::to_hex;
use jay_types::{NodeId, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A node that was taken out, and took out in turn who had done so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Contested {
    /// The node
    pub node: NodeId,
    /// By whom
    pub by: NodeId,
}

impl Contested {
    /// What that means.
    #[must_use]
    pub fn said(&self) -> String {
        let Self { node, by } = self;
        format!(
            "{node} was taken out by {by}, and took that one out in turn: each machine goes by what it heard of first, and nothing passes \
             between the halves"
        )
    }

    /// What helps.
    #[must_use]
    pub fn hint(&self) -> String {
        let node = self.node;
        format!(
            "A person settles it for all: `jay vault add {node}` lets it back in, `jay vault remove {node}` says once more that it stays out."
        )
    }
}

/// That one node takes out another.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Removal {
    at: Order,
    by: NodeId,
    whom: NodeId,
}

/// The files of the roster first, and of these the ones of whom another one takes out last.
pub(super) fn arrange(run: &mut Run<'_, '_>, files: &mut [RemoteFile]) -> Result<()> {
    let word = roster_word(run);
    let is_roster = |file: &RemoteFile| file.path.contains(&word);
    let is_new = |file: &RemoteFile| run.state.files.get(&file.path).is_none_or(|known| known.stamp != file.stamp);
    let owners: BTreeSet<NodeId> = files.iter().filter(|file| is_roster(file)).filter_map(owner).collect();
    if owners.len() < 2 || !files.iter().any(|file| is_roster(file) && is_new(file)) {
        return Ok(());
    }
    let rosters: Vec<&RemoteFile> = files.iter().filter(|file| is_roster(file)).collect();
    let mut removals = removals_of_members(run, &rosters)?;
    // The key with which a removal begins its epoch seals it, too.
    if key_rings::take(run)? {
        removals = removals_of_members(run, &rosters)?;
    }
    let out = taken_out(removals);
    files.sort_by_key(|file| {
        let is_roster = is_roster(file);
        (!is_roster, is_roster && owner(file).is_some_and(|node| out.contains(&node)))
    });
    Ok(())
}

/// The removals by members in these files; with which keys those are sealed that do not open is noted.
fn removals_of_members(run: &mut Run<'_, '_>, files: &[&RemoteFile]) -> Result<Vec<Removal>> {
    let mut removals = Vec::new();
    for file in files {
        let Some(bytes) = run.remote.read(&file.path, SEGMENT_MAX_BYTES)? else { continue };
        run.report.bytes_read += bytes.len() as u64;
        match open(run, &bytes) {
            Ok((_, entries)) => removals.extend(removals_in(run, &entries, &|node| run.roster.is_member(node))?),
            Err(FileFault::NoKey) => key_rings::note_lacking(run, &bytes),
            // It is told where the file itself is read.
            Err(_) => {}
        }
    }
    Ok(removals)
}

/// Whom removals take out: of two that take out each other the one of whom that was said first.
fn taken_out(mut removals: Vec<Removal>) -> BTreeSet<NodeId> {
    removals.sort();
    let mut out = BTreeSet::new();
    for removal in removals {
        if !out.contains(&removal.by) {
            out.insert(removal.whom);
        }
    }
    out
}

/// How the names of files of the vault's own namespace have it.
pub(super) fn roster_word(run: &Run<'_, '_>) -> String {
    format!("m{}", to_hex(run.keys.vault.0.split_at(12).1))
}

fn owner(file: &RemoteFile) -> Option<NodeId> {
    file.path.split('/').nth(1).and_then(|node| NodeId::parse(node).ok())
}

/// The removals among some entries, by those who count.
fn removals_in(run: &Run<'_, '_>, entries: &[FrameEntry], counts: &dyn Fn(NodeId) -> bool) -> Result<Vec<Removal>> {
    let mut found = Vec::new();
    for part in parts::cut(entries) {
        let StreamId { journal, namespace, node } = part.stream;
        if journal != Journal::Memory.number() || namespace != run.keys.vault || !counts(node) {
            continue;
        }
        let here: Vec<Removal> = part.entries.iter().filter_map(removal).filter(|found| found.whom != node).collect();
        if here.is_empty() || !choosing::key_of(run, node, entries)?.is_some_and(|key| part.is_signed(&key)) {
            continue;
        }
        found.extend(here);
    }
    Ok(found)
}

fn removal(entry: &FrameEntry) -> Option<Removal> {
    let header = Header::decode(&entry.header).ok().filter(|header| header.kind == EntityKind::Member.number())?;
    let body = entry.stored_body(&header)?.read().ok()?;
    let standing = body.registers.get(STANDING.name)?;
    // Who only vouches takes nobody out.
    let by = standing.get("removed_by").and_then(|by| by.as_str()).and_then(|by| NodeId::parse(by).ok());
    let is_removal = standing.get("state")?.as_str()? == "removed" && by == Some(header.node);
    let at = Order { hlc: header.hlc, node: header.node, hash: header.hash() };
    is_removal.then_some(Removal { at, by: header.node, whom: NodeId(header.entity.0) })
}

/// Remembers and tells who was taken out by somebody whom it took out in turn.
pub(super) fn tell_contested(run: &mut Run<'_, '_>) -> Result<()> {
    let nodes = &run.roster.nodes;
    let mut removed: Vec<(NodeId, NodeId)> =
        nodes.iter().filter_map(|(node, member)| by_another(*node, member)).collect();
    // A person has settled it.
    removed.retain(|(node, by)| nodes.get(by).is_none_or(|member| member.over != Some(*node)));
    for (node, by) in &removed {
        for (path, stamp) in later_files(run, *node) {
            let Some(bytes) = run.remote.read(&path, SEGMENT_MAX_BYTES)? else { continue };
            run.report.bytes_read += bytes.len() as u64;
            match open(run, &bytes) {
                Ok((_, entries)) => {
                    let in_turn = removals_in(run, &entries, &|author| author == *node)?;
                    if in_turn.iter().any(|removal| removal.whom == *by) {
                        run.state.contested.insert(*node, *by);
                    }
                }
                // It is looked into once the key is here.
                Err(FileFault::NoKey) => continue,
                Err(_) => {}
            }
            run.state.read.insert(path, stamp);
        }
    }
    run.state.contested.retain(|node, by| removed.contains(&(*node, *by)));
    for (node, by) in run.state.contested.clone() {
        let contested = Contested { node, by };
        run.report.note(format!("{}. {}", contested.said(), contested.hint()));
    }
    Ok(())
}

fn by_another(node: NodeId, member: &Member) -> Option<(NodeId, NodeId)> {
    let by = member.removed_by.filter(|by| *by != node && member.admitted != ADMITTED_HISTORY)?;
    member.removed.as_ref().map(|_| (node, by))
}

/// Tells where this machine had taken in what a node did to the roster after it was taken out: it counts for all from now on.
pub(super) fn tell_late(run: &mut Run<'_, '_>, branches: &[Branch]) {
    let mut late = BTreeSet::new();
    for branch in branches.iter().filter(|branch| branch.stream.namespace == run.keys.vault) {
        let node = branch.stream.node;
        let cut = run.roster.nodes.get(&node).filter(|member| member.admitted != ADMITTED_HISTORY);
        let cut = cut.and_then(|member| member.removed.as_ref());
        if cut.is_some_and(|cut| cut.last(branch.stream).is_none_or(|last| branch.head_seq > last)) {
            late.insert(node);
        }
    }
    for node in late {
        run.report.note(format!(
            "{node} wrote to the roster after it was taken out, and this machine had heard of that first, so that it counts: look at \
             `jay vault members`, and take out whom it let in (`jay vault remove`)"
        ));
    }
}

/// Files of a removed node with what it wrote to the roster later, that were not looked into.
fn later_files(run: &Run<'_, '_>, node: NodeId) -> Vec<(String, String)> {
    let cut = run.roster.nodes.get(&node).and_then(|member| member.removed.as_ref());
    let is_later = |range: &Range| {
        let is_of_roster = range.stream.namespace == run.keys.vault && range.stream.node == node;
        is_of_roster && cut.and_then(|cut| cut.last(range.stream)).is_none_or(|last| range.to > last)
    };
    let directory = format!("nodes/{node}/");
    let listed = run.listing.iter().filter(|file| file.path.starts_with(&directory));
    let waiting = listed.filter(|file| {
        let record = run.state.files.get(&file.path).filter(|record| record.state == FileState::Waiting);
        record.is_some_and(|record| record.ranges.iter().any(is_later))
    });
    let known = |path: &str| run.state.read.get(path);
    waiting
        .filter(|file| known(&file.path) != Some(&file.stamp))
        .map(|file| (file.path.clone(), file.stamp.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jay_types::{Hash, Hlc};

    #[test]
    fn of_two_that_take_out_each_other_the_first_word_counts() {
        let node = |number: u8| NodeId([number; 16]);
        let removal = |hlc: u64, by: u8, whom: u8| Removal {
            at: Order { hlc: Hlc(hlc), node: node(by), hash: Hash::ZERO },
            by: node(by),
            whom: node(whom),
        };
        let out = |removals: Vec<Removal>| taken_out(removals).into_iter().collect::<Vec<_>>();
        assert_eq!(out(vec![removal(5, 1, 2)]), [node(2)]);
        assert_eq!(out(vec![removal(9, 2, 1), removal(5, 1, 2)]), [node(2)]);
        assert_eq!(out(vec![removal(9, 1, 2), removal(5, 2, 1), removal(7, 3, 4)]), [node(1), node(4)]);
        assert_eq!(out(vec![]), []);
    }
}
