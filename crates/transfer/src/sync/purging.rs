//! Whether what was purged is gone from a remote, and from those who read there, as this machine knows it.
//!
//! A purge travels as any other change of its namespace. Of one that is not shared any longer it stays here, as it should; but whoever
//! took in what was shared before keeps it, and that must be said.
//!
//! **Invariant:** nothing is asked of the remote; what it is not known to be rid of counts as held there.

use super::config::RemoteConfig;
use super::scope::{Scope, Shared};
use super::state::{FileRecord, RemoteState};
use crate::vault::keys::VaultKeys;
use crate::vault::roster::Roster;
use jay_store::Store;
use jay_types::change::header::StreamId;
use jay_types::{EntityId, Error, NodeId, Result};
use std::collections::{BTreeMap, BTreeSet};

/// How far a remote is rid of entities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Riddance {
    /// No file of it that is known ever carried them.
    Never,
    /// A sync of this machine has yet to look through files of it: the next one, or that which brings a key that it lacks.
    ToBeLookedThrough,
    /// Files of these nodes hold them until they sync.
    HeldBy(BTreeSet<NodeId>),
    /// No file that is known holds them.
    Gone,
}

/// How far a remote is rid of purged entities.
///
/// # Errors
/// What the stores say.
pub fn riddance(memory: &Store, archive: &Store, remote: &RemoteConfig, entities: &[EntityId]) -> Result<Riddance> {
    let state = RemoteState::load(memory, &remote.name)?;
    let mut is_known = false;
    for store in [memory, archive].into_iter().filter(|store| store.exists()) {
        let purged = store.read::<_, Error>(|tx| Ok(tx.purged_changes(&BTreeSet::new())?))?;
        for (namespace, entity, changes) in purged.into_iter().filter(|(_, entity, _)| entities.contains(entity)) {
            let is_scrubbed = state.scrubbed.contains(&(namespace, entity));
            is_known |= is_scrubbed;
            // Of what was scrubbed a file may still be closed to this machine: its key, or the rest of it, has not come.
            let is_open = |record: &&FileRecord| {
                !is_scrubbed || record.missing_since.is_none() && !record.is_checkpoint && !record.is_looked_through
            };
            let carried = |(stream, seq): &(StreamId, u64)| {
                let ranges = state.files.values().filter(is_open).flat_map(|record| &record.ranges);
                ranges.into_iter().any(|range| range.stream == *stream && (range.from..=range.to).contains(seq))
            };
            if changes.iter().any(carried) {
                return Ok(Riddance::ToBeLookedThrough);
            }
        }
    }
    let owners: BTreeSet<NodeId> = state
        .unscrubbed
        .iter()
        .filter_map(|path| NodeId::parse(path.strip_prefix("nodes/")?.split('/').next()?).ok())
        .collect();
    Ok(match (is_known, owners.is_empty()) {
        (false, _) => Riddance::Never,
        (true, true) => Riddance::Gone,
        (true, false) => Riddance::HeldBy(owners),
    })
}

/// The namespaces of purged entities that a remote carried and is not given any longer: the purge reaches no other member by it. By
/// their paths here; none where there is no other member.
///
/// # Errors
/// What the stores say.
pub fn out_of_reach(
    memory: &Store,
    archive: &Store,
    remote: &RemoteConfig,
    entities: &[EntityId],
) -> Result<BTreeSet<String>> {
    let mut paths = BTreeSet::new();
    let Some(keys) = VaultKeys::load(memory)? else { return Ok(paths) };
    let here = memory.node();
    let roster = memory.read(|tx| Roster::read(tx, &keys))?;
    if !roster.nodes.keys().any(|node| Some(*node) != here && roster.is_member(*node)) {
        return Ok(paths);
    }
    let state = RemoteState::load(memory, &remote.name)?;
    let is_carried = |(stream, seq): &(StreamId, u64)| {
        let mut ranges = state.files.values().flat_map(|record| &record.ranges);
        ranges.any(|range| range.stream == *stream && (range.from..=range.to).contains(seq))
    };
    let elsewhere = BTreeMap::new();
    let (scope, names) =
        memory.read::<_, Error>(|tx| Ok((Scope::read(tx, remote, keys.vault, &elsewhere)?, tx.all_names()?)))?;
    for store in [memory, archive].into_iter().filter(|store| store.exists()) {
        let (purged, purging) =
            store.read::<_, Error>(|tx| Ok((tx.purged_changes(&BTreeSet::new())?, tx.purging_changes()?)))?;
        for (namespace, _, changes) in purged.into_iter().filter(|(_, entity, _)| entities.contains(entity)) {
            let is_given = changes.iter().any(|(stream, _)| scope.gives(*stream) == Shared::Yes);
            let (purges, others): (Vec<_>, Vec<_>) = changes.iter().partition(|change| purging.contains(change));
            if !is_given && others.into_iter().any(is_carried) && !purges.into_iter().any(is_carried) {
                let path = names.get(&namespace).and_then(|names| names.paths.first().cloned());
                paths.insert(path.unwrap_or_else(|| namespace.to_string()));
            }
        }
    }
    Ok(paths)
}
