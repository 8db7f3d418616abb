//! Whether what was purged is gone from a remote, as this machine knows it.
//!
//! **Invariant:** nothing is asked of the remote; what it is not known to be rid of counts as held there.

use super::config::RemoteConfig;
use super::state::{FileRecord, RemoteState};
use jay_store::Store;
use jay_types::change::header::StreamId;
use jay_types::{EntityId, Error, NodeId, Result};
use std::collections::BTreeSet;

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
