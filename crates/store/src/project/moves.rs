//! The two ends of a move (J1): each names the other one in a register, in whatever namespace that is, and is found by it.
//!
//! **Invariant:** a row is made of every write that ever named an end, also where the move was taken back since; of what is purged
//! nothing is left but what the other end says.

use super::Folded;
use crate::Result;
use crate::journal::load::EVERYTHING;
use crate::tx::Tx;
use jay_types::change::fold::{BodyState, Change};
use jay_types::change::registry::{COPIED_FROM, RETIRED};
use jay_types::change::{EntityKind, Op};
use jay_types::{EntityId, NamespaceId};
use rusqlite::params;
use std::collections::BTreeSet;

/// The kind of the jobs that look whether something crossed a move of a memory.
pub const MOVE_JOB: &str = "move";

/// The other end of a move as one of them names it.
pub(crate) struct OtherEnd {
    pos: i64,
    id: EntityId,
    /// Where it is; a source does not say it.
    namespace: Option<NamespaceId>,
}

/// The other ends that a memory's changes name.
pub(crate) fn ends_of(changes: &[Change]) -> Vec<OtherEnd> {
    let end = |change: &Change| {
        let BodyState::Present(body) = &change.body else { return None };
        let id = |value: Option<&serde_json::Value>| EntityId::parse(value?.as_str()?).ok();
        let pos = change.pos as i64;
        if let Some(from) = body.registers.get(COPIED_FROM.name) {
            let namespace = serde_json::from_value(from.get("namespace")?.clone()).ok()?;
            return Some(OtherEnd { pos, id: id(from.get("id"))?, namespace: Some(namespace) });
        }
        let to = body.registers.get(RETIRED.name)?.get("moved_to");
        Some(OtherEnd { pos, id: id(to)?, namespace: None })
    };
    changes.iter().filter(|change| change.op != Op::Purge.number()).filter_map(end).collect()
}

pub(super) fn write(tx: &Tx<'_>, folded: &Folded) -> Result<()> {
    for end in &folded.ends {
        tx.execute(
            "INSERT OR IGNORE INTO moves(other, namespace, entity, pos) VALUES(?1, ?2, ?3, ?4)",
            params![end.id.0, end.namespace.map(|namespace| namespace.0), folded.row.num, end.pos],
        )?;
    }
    Ok(())
}

/// Queues a look at each of these memories that was ever moved or is what another one was moved to.
pub(super) fn queue_looks(tx: &Tx<'_>, nums: &BTreeSet<i64>, now: i64) -> Result<()> {
    const LOOK: &str = "SELECT 1 FROM moves WHERE entity = ?1
       UNION ALL SELECT 1 FROM moves m JOIN entities e ON e.id = m.other WHERE e.num = ?1 LIMIT 1";
    for num in nums {
        if tx.one(LOOK, [num], |_| Ok(()))?.is_some() {
            tx.queue_job(MOVE_JOB, *num, now)?;
        }
    }
    Ok(())
}

impl Tx<'_> {
    /// The memories that are the other end of a move of this one, as either says it.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn other_ends(&self, num: i64) -> Result<BTreeSet<i64>> {
        Ok(self.ends_named_by(num)?.into_iter().chain(self.ends_naming(num)?).collect())
    }

    /// The other ends that this memory names.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn ends_named_by(&self, num: i64) -> Result<BTreeSet<i64>> {
        let named: Vec<i64> = self.all(
            "SELECT o.num FROM moves m JOIN entities o ON o.id = m.other AND o.kind = ?2 JOIN namespaces n ON n.num = o.namespace
             WHERE m.entity = ?1 AND (m.namespace IS NULL OR m.namespace = n.id)",
            params![num, EntityKind::Memory.number()],
            |row| row.get(0),
        )?;
        Ok(named.into_iter().collect())
    }

    /// Those that name this memory as their other end.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn ends_naming(&self, num: i64) -> Result<BTreeSet<i64>> {
        Ok(self.naming(num, "m.namespace IS NULL OR m.namespace = n.id")?.into_iter().collect())
    }

    /// The memories that say that they were copied from this one.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn copies_of(&self, num: i64) -> Result<BTreeSet<i64>> {
        Ok(self.naming(num, "m.namespace = n.id")?.into_iter().collect())
    }

    /// The memories that ever said that they were moved to this one.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn moved_to(&self, num: i64) -> Result<BTreeSet<i64>> {
        Ok(self.naming(num, "m.namespace IS NULL")?.into_iter().collect())
    }

    /// Those that name this memory, where `namespace` holds of its namespace `n`.
    fn naming(&self, num: i64, namespace: &str) -> Result<Vec<i64>> {
        let sql = format!(
            "SELECT m.entity FROM entities e JOIN namespaces n ON n.num = e.namespace JOIN moves m ON m.other = e.id
             WHERE e.num = ?1 AND ({namespace})"
        );
        self.all(&sql, [num], |row| row.get(0))
    }

    /// Every change of an entity that is here, in order of arrival.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn changes_here(&self, num: i64) -> Result<Vec<Change>> {
        self.changes_of(num, EVERYTHING)
    }
}
