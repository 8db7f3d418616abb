//! Roots, by a scan (J15).

use crate::Result;
use crate::tx::Tx;
use jay_types::change::root::{LEAF_PURGED, Leaf, root};
use jay_types::{Dot, EntityId, Hash};

fn dot_of(hash: [u8; 32]) -> Dot {
    Hash(hash).dot()
}

impl Tx<'_> {
    /// The root of a namespace: equal on every store that holds the same of it.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn root_of(&self, namespace: i64) -> Result<Hash> {
        let mut leaves = self.all(
            "SELECT e.id, v.register, v.idx, c.hash FROM versions v JOIN entities e ON e.num = v.entity
               JOIN changes c ON c.pos = v.pos WHERE e.namespace = ?1 AND v.head = 0",
            [namespace],
            |row| {
                Ok(Leaf {
                    entity: EntityId(row.get(0)?),
                    register: row.get(1)?,
                    index: row.get(2)?,
                    dot: dot_of(row.get(3)?),
                })
            },
        )?;
        leaves.extend(self.all(
            "SELECT e.id FROM purged p JOIN entities e ON e.num = p.entity WHERE e.namespace = ?1",
            [namespace],
            |row| Ok(Leaf { entity: EntityId(row.get(0)?), register: LEAF_PURGED, index: 0, dot: Dot::ZERO }),
        )?);
        Ok(root(leaves))
    }
}
