//! How far every node is with a remote, as this machine knows it. Nothing is asked of the remote.
//!
//! **Invariant:** what is not known is not told as zero.

use super::clocks::{self, ClockOff};
use super::config::RemoteConfig;
pub use super::removals::Contested;
use super::report::FileReport;
use super::run::demand_files;
use super::scope::{Scope, Shared};
use super::state::{RemoteState, SeenHead};
use crate::vault::keys::VaultKeys;
use crate::vault::roster::{Member, Roster};
use jay_store::{Branch, ClockAhead, NOT_SHARED, StoppedClock, Store};
use jay_types::{Error, NamespaceId, NodeId, Result, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The vault of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VaultStatus {
    /// Its id
    pub id: NamespaceId,
    /// Its name
    pub name: String,
    /// Who made it
    pub founder: NodeId,
    /// True once this machine was let in
    pub is_member: bool,
    /// The epoch that files are sealed in
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u32>,
    /// True where the key of that epoch is here
    pub has_key: bool,
}

/// A node of a vault, as a remote shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeStatus {
    /// The node
    pub node: NodeId,
    /// Its name
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// This machine
    pub is_here: bool,
    /// member, removed, or history where only what it wrote before counts
    pub standing: String,
    /// When it last told of itself, by its own clock
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_at: Option<Timestamp>,
    /// Which telling that was
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// Changes that it shares and that are not here, at least; absent where it has not told
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lacking_here: Option<u64>,
    /// Changes that are shared here and that it has not told of having; absent where it is not known
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lacking_there: Option<u64>,
    /// True where it holds exactly what is shared here
    pub is_equal: bool,
    /// The clients whose archived sessions it shares, where it shares those of some only
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<String>,
    /// Changes that it holds and cannot apply
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deferred_there: Option<u64>,
    /// That its clock is ahead of this machine's, or was in the last 30 days; absent where nothing shows it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_ahead: Option<ClockOff>,
    /// The same of a clock that is behind
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_behind: Option<ClockOff>,
    /// The carrier brought back an older telling, of this generation; it is not applied backwards
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_back_to: Option<u64>,
}

/// A remote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemoteStatus {
    /// Its name
    pub name: String,
    /// Where it is
    pub url: String,
    /// When the last sync with it ended well; absent before the first
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_success: Option<Timestamp>,
    /// Changes that are shared there; absent where this machine belongs to no vault yet
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<u64>,
    /// Changes from here that no file there carries; absent where that is not known
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_share: Option<u64>,
    /// Files of it that were looked at
    pub files: u64,
    /// Files that are not taken in, or not yet
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FileReport>,
    /// Files that still hold what was purged: their owners write them anew when they sync
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub purges_pending: Vec<String>,
    /// Nodes of the vault
    pub nodes: Vec<NodeStatus>,
    /// Nodes that ask to be let in, with the names that they give themselves
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asking: Vec<Asking>,
    /// Nodes that were taken out, and took out in turn who had done so: a person settles it
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contested: Vec<Contested>,
}

/// A node that asks to be let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Asking {
    /// The node
    pub node: NodeId,
    /// The name that it gives itself
    pub name: String,
    /// When it asked, by its own clock
    pub at: Timestamp,
}

/// Changes of a node that are kept and not applied, or a stream of it that may not go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Held {
    /// The author
    pub node: NodeId,
    /// Why
    pub reason: String,
    /// How many, where they are counted
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// What else is known
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Of a stream that is stopped as `bad_clock`: from which time on, by this machine's clock, it is taken in without another word
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_from: Option<Timestamp>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SyncStatus {
    /// The vault; absent where this machine belongs to none
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault: Option<VaultStatus>,
    /// Every remote
    pub remotes: Vec<RemoteStatus>,
    /// Changes that are kept and wait for a newer version or for their body
    pub deferred: Vec<Held>,
    /// Streams that may not go on
    pub refused: Vec<Held>,
    /// Branches of streams that were written twice
    pub forks: u64,
    /// What there is to say
    pub notes: Vec<String>,
}

/// Reads what is known at `now`, by this machine's clock.
///
/// # Errors
/// What the stores say.
pub fn status(memory: &Store, archive: &Store, remotes: &[RemoteConfig], now: Timestamp) -> Result<SyncStatus> {
    demand_files(memory, archive)?;
    let keys = VaultKeys::load(memory)?;
    let here = memory.node();
    let roster = match &keys {
        Some(keys) => memory.read(|tx| Roster::read(tx, keys))?,
        None => Roster::default(),
    };
    let mut notes = Vec::new();
    if remotes.is_empty() {
        notes.push("there is no remote yet: `jay remote add home /path/to/folder` adds one".to_owned());
    }
    if keys.is_none() && !remotes.is_empty() {
        notes.push("this machine belongs to no vault yet: `jay vault join REMOTE --code CODE`".to_owned());
    }
    let in_stores = in_stores(memory, archive)?;
    let mut all = Vec::new();
    for remote in remotes {
        let state = RemoteState::load_for(memory, archive, &remote.name)?;
        let mut told = of_remote(memory, archive, (remote, &state), keys.as_ref(), &roster)?;
        for said in tell_clocks(&mut told, &state, &in_stores.clocks_ahead, (here, now)) {
            if !notes.contains(&said) {
                notes.push(said);
            }
        }
        all.push(told);
    }
    notes.extend(clocks::said_of_stopped(&in_stores.stopped_clocks, &roster));
    let vault = keys.as_ref().map(|keys| VaultStatus {
        id: keys.vault,
        name: keys.name.clone(),
        founder: keys.founder.node,
        is_member: here.is_some_and(|node| roster.is_member(node)),
        epoch: roster.key.map(|key| key.epoch),
        has_key: roster.key.is_none_or(|key| keys.key(key).is_some()),
    });
    let InStores { deferred, refused, forks, .. } = in_stores;
    Ok(SyncStatus { vault, remotes: all, deferred, refused, forks, notes })
}

/// What both journals say of changes that came.
#[derive(Default)]
struct InStores {
    deferred: Vec<Held>,
    refused: Vec<Held>,
    forks: u64,
    stopped_clocks: Vec<StoppedClock>,
    clocks_ahead: Vec<ClockAhead>,
}

fn in_stores(memory: &Store, archive: &Store) -> Result<InStores> {
    let mut all = InStores::default();
    for store in [memory, archive] {
        let (deferred, stopped, counts) =
            store.read::<_, Error>(|tx| Ok((tx.deferred_by_node()?, tx.stopped_streams()?, tx.counts()?)))?;
        let deferred = deferred.into_iter().filter(|(_, reason, _)| reason != NOT_SHARED);
        all.deferred.extend(deferred.map(|(node, reason, count)| Held {
            node,
            reason,
            count: Some(count),
            detail: String::new(),
            retry_from: None,
        }));
        all.refused.extend(stopped.into_iter().map(|(node, namespace, reason, detail)| {
            let mut clocks = counts.stopped_clocks.iter();
            let clock = clocks.find(|clock| (clock.node, clock.namespace) == (node, namespace));
            let retry_from = clock.and_then(|clock| clock.retry_from);
            // The clock that was refused says the same, in a form that nobody reads.
            let detail = match detail.split_once(", clock ") {
                Some((seq, _)) if clock.is_some() => seq.to_owned(),
                _ => detail,
            };
            Held { node, reason, count: None, detail, retry_from }
        }));
        all.forks += counts.forks;
        all.stopped_clocks.extend(counts.stopped_clocks);
        all.clocks_ahead.extend(counts.clocks_ahead);
    }
    Ok(all)
}

/// Tells of every node's clock what is known; what there is to say of this machine's own is the answer.
fn tell_clocks(
    remote: &mut RemoteStatus,
    state: &RemoteState,
    clocks_ahead: &[ClockAhead],
    (here, now): (Option<NodeId>, Timestamp),
) -> Vec<String> {
    for node in remote.nodes.iter_mut().filter(|node| !node.is_here) {
        let of_node: Vec<ClockAhead> = clocks_ahead.iter().filter(|of| of.node == node.node).copied().collect();
        let seen = state.clocks.get(&node.node);
        (node.clock_ahead, node.clock_behind) = (clocks::ahead(&of_node, seen, now), clocks::behind(seen, now));
    }
    let is_off = |off: Option<ClockOff>| off.is_some_and(|off| off.is_now);
    let others =
        remote.nodes.iter().filter(|node| !node.is_here && node.told_at.is_some() && node.standing == "member");
    let others: Vec<_> = others.map(|node| [is_off(node.clock_ahead), is_off(node.clock_behind)]).collect();
    clocks::said_of_here(state.own.as_ref().filter(|own| Some(own.node) == here), &others, now)
}

fn of_remote(
    memory: &Store,
    archive: &Store,
    (remote, state): (&RemoteConfig, &RemoteState),
    keys: Option<&VaultKeys>,
    roster: &Roster,
) -> Result<RemoteStatus> {
    let here = memory.node();
    let branches = match keys {
        Some(keys) => shared(memory, archive, remote, keys)?,
        None => Vec::new(),
    };
    let position = super::push::position_of(&branches);
    let known: BTreeSet<NodeId> = roster.nodes.keys().chain(state.heads.keys()).copied().collect();
    let mut nodes = Vec::new();
    for node in known {
        let told = state.heads.get(&node).filter(|seen| !seen.is_outdated);
        let lacking_here = match told {
            Some(seen) if Some(node) != here => {
                keys.map(|keys| lacking([memory, archive], (remote, state), keys, seen)).transpose()?
            }
            _ => None,
        };
        let mut status = of_node(node, roster.nodes.get(&node), state.heads.get(&node));
        status.is_here = Some(node) == here;
        status.lacking_here = lacking_here;
        status.lacking_there = here.filter(|here| *here != node).and_then(|here| state.lag_there(here, node));
        status.is_equal = status.is_here || told.is_some_and(|seen| seen.head.position == position);
        nodes.push(status);
    }
    let told = state.files.iter().filter(|(_, record)| record.missing_since.is_none());
    let faults = told.clone().filter_map(|(path, record)| FileReport::of(path, record));
    Ok(RemoteStatus {
        name: remote.name.clone(),
        url: remote.url.clone(),
        last_success: state.last_success,
        changes: keys.map(|_| branches.iter().map(super::push::held).sum()),
        to_share: keys.map(|_| to_share([memory, archive], state, &branches, roster)).transpose()?.flatten(),
        files: told.clone().count() as u64,
        faults: faults.collect(),
        purges_pending: state.unscrubbed.iter().cloned().collect(),
        nodes,
        contested: state.contested.iter().map(|(node, by)| Contested { node: *node, by: *by }).collect(),
        asking: state
            .requests
            .iter()
            .map(|(node, (name, at))| Asking { node: *node, name: name.clone(), at: *at })
            .collect(),
    })
}

pub(super) fn shared(memory: &Store, archive: &Store, remote: &RemoteConfig, keys: &VaultKeys) -> Result<Vec<Branch>> {
    // What is given stands in the journal.
    let elsewhere = BTreeMap::new();
    let (scope, mut branches) =
        memory.read::<_, Error>(|tx| Ok((Scope::read(tx, remote, keys.vault, &elsewhere)?, tx.branches()?)))?;
    if remote.archive && archive.exists() {
        branches.extend(archive.read::<_, Error>(|tx| Ok(tx.branches()?))?);
    }
    Ok(scope.shared(branches))
}

/// How many changes no file that is remembered carries; none before the first sync.
fn to_share(stores: [&Store; 2], state: &RemoteState, branches: &[Branch], roster: &Roster) -> Result<Option<u64>> {
    if state.last_success.is_none() {
        return Ok(None);
    }
    let [memory, _] = stores;
    let (here, lacks_key) = (memory.node(), state.lacks_key_since.is_some());
    let counts = |node| lacks_key || Some(node) == here || roster.is_member(node);
    let missing = super::push::missing_among(stores, branches, (&state.files, &counts, lacks_key))?;
    Ok(Some(missing.iter().map(|(branch, after)| branch.head_seq - after).sum()))
}

fn of_node(node: NodeId, member: Option<&Member>, seen: Option<&SeenHead>) -> NodeStatus {
    let standing = match member {
        Some(member) if member.removed.is_none() => "member",
        Some(member) if member.admitted == "history" => "history",
        Some(_) => "removed",
        None => "unknown",
    };
    let head = seen.map(|seen| &seen.head);
    NodeStatus {
        node,
        name: member.map(|member| member.name.clone()).unwrap_or_default(),
        is_here: false,
        standing: standing.to_owned(),
        told_at: head.map(|head| head.at),
        generation: head.map(|head| head.generation),
        lacking_here: None,
        lacking_there: None,
        is_equal: false,
        clients: head.map(|head| head.clients.clone()).unwrap_or_default(),
        deferred_there: head.map(|head| head.deferred),
        clock_ahead: None,
        clock_behind: None,
        rolled_back_to: seen.and_then(|seen| seen.rolled_back_to),
    }
}

/// Changes that a node's head names and that are not here, at least.
fn lacking(
    [memory, archive]: [&Store; 2],
    (remote, state): (&RemoteConfig, &RemoteState),
    keys: &VaultKeys,
    seen: &SeenHead,
) -> Result<u64> {
    let scope = memory.read(|tx| Scope::read(tx, remote, keys.vault, &state.elsewhere))?;
    let mut lacking: u64 = 0;
    for head in &seen.head.heads {
        if scope.shares(head.stream()) == Shared::No {
            continue;
        }
        let store = if head.journal == 0 { memory } else { archive };
        let of_head = store.read::<_, Error>(|tx| {
            if tx.has_change(head.stream(), head.seq, head.hash)? {
                return Ok(0);
            }
            let of_stream = tx.branches()?.into_iter().filter(|branch| branch.stream == head.stream());
            let held = of_stream.map(|branch| branch.head_seq).max().unwrap_or(0);
            // Of a fork the other branch is lacking, however long it is.
            Ok(head.seq.saturating_sub(held).max(1))
        })?;
        // A member can name any numbers.
        lacking = lacking.saturating_add(of_head);
    }
    Ok(lacking)
}
