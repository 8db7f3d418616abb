//! Local records of the engine: small texts by name that are neither journal nor projection and are not replicated.
//!
//! **Invariant:** nothing of a memory's text stands in one; whoever reads one can do without it.

use crate::Result;
use crate::open::Store;
use crate::tx::Tx;

/// Keeps the engine's names apart from the store's own.
fn name_of(name: &str) -> String {
    format!("engine: {name}")
}

impl Tx<'_> {
    /// A record of the engine.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn local_record(&self, name: &str) -> Result<Option<String>> {
        self.meta_text(&name_of(name))
    }

    /// Namespaces in which at least `min` memories stand that are not hidden, with their number. Reads every memory's row.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn memories_by_namespace(&self, min: u64) -> Result<Vec<(i64, u64)>> {
        self.all(
            "SELECT namespace, count(*) FROM memories WHERE hidden = 0 GROUP BY namespace HAVING count(*) >= ?1",
            [min as i64],
            |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)),
        )
    }

    /// Namespaces in which memories stand that are not hidden. Steps from one to the next and counts nothing.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn namespaces_with_memories(&self) -> Result<Vec<i64>> {
        self.all(
            "WITH RECURSIVE n(namespace) AS (
               SELECT min(namespace) FROM memories
               UNION ALL SELECT (SELECT min(m.namespace) FROM memories m WHERE m.namespace > n.namespace) FROM n
               WHERE n.namespace IS NOT NULL)
             SELECT namespace FROM n WHERE namespace IS NOT NULL
               AND EXISTS(SELECT 1 FROM memories m WHERE m.namespace = n.namespace AND m.hidden = 0)",
            [],
            |row| row.get(0),
        )
    }
}

impl Store {
    /// Notes records: (name, text).
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn set_local_records(&self, records: &[(String, String)]) -> Result<()> {
        self.local_write(|tx| records.iter().try_for_each(|(name, text)| tx.set_meta_text(&name_of(name), text)))
    }
}
