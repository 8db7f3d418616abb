//! The one derived column: whether a memory is out of sight, and why (J6, J8, J10).
//!
//! It may read rows with an equal (namespace, key) or (namespace, text mark) and the namespace's forgets; it is
//! refreshed for the touched groups and enters no body, dot or root.

use super::memory::MAC_BYTES;
use crate::Result;
use crate::tx::Tx;
use jay_types::change::fold::EntityState;
use jay_types::change::registry::TEXT;
use rusqlite::params;
use std::collections::BTreeSet;

/// Another memory holds its key.
pub(crate) const SUPERSEDED: i64 = 1;
/// It was forgotten.
pub(crate) const FORGOTTEN: i64 = 2;
/// It was retired by a restore, revert, move or undo.
pub(crate) const RETIRED: i64 = 4;
/// Its creation is not here.
pub(crate) const SHADOW: i64 = 8;
/// An equal text was forgotten after it was created.
pub(crate) const FORGOTTEN_TEXT: i64 = 16;
/// It reads as an earlier one that says the same.
pub(crate) const ALIAS: i64 = 32;

/// What the entity's own changes say.
pub(crate) fn own_bits(state: &EntityState) -> i64 {
    let shadow = state.created.is_none() || state.value(TEXT).is_none();
    i64::from(state.is_forgotten()) * FORGOTTEN + i64::from(state.is_retired()) * RETIRED + i64::from(shadow) * SHADOW
}

/// Refreshes the groups of these keys and marks.
pub(crate) fn refresh(
    tx: &Tx<'_>,
    namespace: i64,
    keys: &[Option<String>],
    macs: &[Option<[u8; MAC_BYTES]>],
) -> Result<()> {
    for key in keys.iter().flatten().collect::<BTreeSet<_>>() {
        refresh_key(tx, namespace, key)?;
    }
    for mac in macs.iter().flatten().collect::<BTreeSet<_>>() {
        tx.execute(
            "UPDATE memories SET hidden = (hidden & ~16) | CASE WHEN EXISTS(
               SELECT 1 FROM forgets f WHERE f.namespace = ?1 AND f.mac = ?2 AND f.live AND f.hlc > memories.created_hlc) THEN 16 ELSE 0 END
             WHERE namespace = ?1 AND text_mac = ?2",
            params![namespace, mac],
        )?;
    }
    Ok(())
}

/// The holder of a slot is the greatest claim, forgotten ones included; it supersedes those created before it.
fn refresh_key(tx: &Tx<'_>, namespace: i64, key: &str) -> Result<()> {
    let holder = tx.key_holder(namespace, key)?;
    let (entity, created) = holder.unwrap_or((-1, 0));
    tx.execute(
        "UPDATE memories SET hidden = (hidden & ~1) | (1 - (hidden & 1)) WHERE namespace = ?1 AND key = ?2
           AND (hidden & 1) <> (CASE WHEN entity <> ?3 AND ?3 <> -1 AND created_hlc < ?4 THEN 1 ELSE 0 END)",
        params![namespace, key, entity, created],
    )?;
    Ok(())
}

impl Tx<'_> {
    /// Entity and creation of the memory that holds a key.
    pub(crate) fn key_holder(&self, namespace: i64, key: &str) -> Result<Option<(i64, i64)>> {
        self.one(
            "SELECT m.entity, m.created_hlc FROM memories m JOIN changes c ON c.pos = m.key_pos
               JOIN streams s ON s.num = c.stream JOIN nodes n ON n.num = s.node
             WHERE m.namespace = ?1 AND m.key = ?2 AND m.hidden & 12 = 0
             ORDER BY c.hlc DESC, n.id DESC, c.hash DESC LIMIT 1",
            params![namespace, key],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
    }
}
