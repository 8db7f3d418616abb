//! Whether a checkpoint holds bodies of entities that are purged since.
//!
//! **Invariant:** a file that cannot be read is an error and no answer.

use super::{file, of_checkpoint};
use crate::Result;
use jay_types::change::{EntityKind, Journal, Op};
use jay_types::{EntityId, NamespaceId};
use std::collections::BTreeSet;
use std::path::Path;

/// True where a checkpoint holds a body of one of the entities. Nothing else in it is looked at or verified.
///
/// # Errors
/// `verification_failed` where it is no checkpoint or its rows cannot be read, `store_too_new`, `io`.
pub fn checkpoint_holds_bodies(
    checkpoint: &Path,
    journal: Journal,
    entities: &BTreeSet<(NamespaceId, EntityId)>,
) -> Result<bool> {
    let file = file::open(checkpoint, journal)?;
    let holds = || -> rusqlite::Result<bool> {
        let mut statement = file.prepare(
            "SELECT ns.id, e.id, e.kind FROM changes c JOIN streams s ON s.num = c.stream
               JOIN namespaces ns ON ns.num = s.namespace JOIN entities e ON e.num = c.entity
             WHERE c.body IS NOT NULL",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (namespace, entity, kind): (_, _, u16) = (NamespaceId(row.get(0)?), EntityId(row.get(1)?), row.get(2)?);
            let can_be_purged = EntityKind::ALL.iter().any(|known| known.number() == kind && known.takes(Op::Purge));
            if can_be_purged && entities.contains(&(namespace, entity)) {
                return Ok(true);
            }
        }
        Ok(false)
    };
    holds().map_err(of_checkpoint)
}
