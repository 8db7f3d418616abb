//! Equal texts, and those that are forgotten: found by their marks under the namespace's forget key.
//!
//! **Invariant:** a text is compared by its mark, never by its words: those of what was purged are gone.

use crate::Result;
use crate::project::memory::{MAC_BYTES, text_mac};
use crate::tx::Tx;
use jay_types::EntityId;
use rusqlite::params;

impl Tx<'_> {
    /// Memories of a namespace whose text is equal (normalised), earliest first; forgotten and hidden ones too.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn equal_texts(&self, namespace: i64, text: &str) -> Result<Vec<i64>> {
        let Some(key) = self.forget_key(namespace)? else { return Ok(Vec::new()) };
        self.marked_alike(namespace, &text_mac(&key, text))
    }

    /// The same by the mark of the text.
    pub(crate) fn marked_alike(&self, namespace: i64, mac: &[u8; MAC_BYTES]) -> Result<Vec<i64>> {
        self.all(
            "SELECT entity FROM memories WHERE namespace = ?1 AND text_mac = ?2 ORDER BY created_hlc, entity",
            params![namespace, mac],
            |row| row.get(0),
        )
    }

    /// The forgotten memory whose forget covers this text, if there is one: in this namespace, or in a deleted one that had
    /// its path, for deleting a namespace takes no forget back.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn forgotten_text(&self, namespace: i64, text: &str) -> Result<Option<EntityId>> {
        self.forgotten_at(namespace, &self.paths_of(namespace)?, text)
    }

    pub(crate) fn forgotten_at(&self, namespace: i64, paths: &[String], text: &str) -> Result<Option<EntityId>> {
        for namespace in [namespace].into_iter().chain(self.deleted_at(paths)?) {
            if let Some(forgotten) = self.forgotten_in(namespace, text)? {
                return Ok(Some(forgotten));
            }
        }
        Ok(None)
    }

    fn forgotten_in(&self, namespace: i64, text: &str) -> Result<Option<EntityId>> {
        let Some(key) = self.forget_key(namespace)? else { return Ok(None) };
        self.one(
            "SELECT e.id FROM forgets f JOIN entities e ON e.num = f.entity
             WHERE f.namespace = ?1 AND f.mac = ?2 AND f.live ORDER BY f.pos LIMIT 1",
            params![namespace, text_mac(&key, text)],
            |row| row.get(0).map(EntityId),
        )
    }

    /// The mark of a text in a namespace, for the register of a forget.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn mark_of(&self, namespace: i64, text: &str) -> Result<Option<[u8; MAC_BYTES]>> {
        Ok(self.forget_key(namespace)?.map(|key| text_mac(&key, text)))
    }
}
