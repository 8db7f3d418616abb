//! Local numbers: ids stand once, rows name them by number.

use crate::Result;
use crate::tx::Tx;
use jay_types::{ActId, EntityId, NamespaceId, NodeId};
use rusqlite::params;

impl Tx<'_> {
    /// The number of a namespace, given where it has none yet.
    pub(crate) fn number_namespace(&self, id: NamespaceId) -> Result<i64> {
        match self.namespace_number(id)? {
            Some(num) => Ok(num),
            None => {
                self.execute("INSERT INTO namespaces(id) VALUES(?1)", [id.0])?;
                Ok(self.connection.last_insert_rowid())
            }
        }
    }

    pub(crate) fn namespace_number(&self, id: NamespaceId) -> Result<Option<i64>> {
        self.one("SELECT num FROM namespaces WHERE id = ?1", [id.0], |row| row.get(0))
    }

    pub(crate) fn namespace_id(&self, num: i64) -> Result<NamespaceId> {
        let id = self.one("SELECT id FROM namespaces WHERE num = ?1", [num], |row| row.get(0))?;
        id.map(NamespaceId).ok_or_else(|| crate::error::damaged(format!("namespace number {num} is unknown")))
    }

    pub(crate) fn number_node(&self, id: NodeId) -> Result<i64> {
        if let Some(num) = self.one("SELECT num FROM nodes WHERE id = ?1", [id.0], |row| row.get(0))? {
            return Ok(num);
        }
        self.execute("INSERT INTO nodes(id) VALUES(?1)", [id.0])?;
        Ok(self.connection.last_insert_rowid())
    }

    /// The number of an entity, given where it has none yet. `kind` is the header's number, known or not.
    pub(crate) fn number_entity(&self, namespace: i64, kind: u16, id: EntityId) -> Result<i64> {
        if let Some(num) = self.entity_number(namespace, kind, id)? {
            return Ok(num);
        }
        self.execute("INSERT INTO entities(namespace, kind, id) VALUES(?1, ?2, ?3)", params![namespace, kind, id.0])?;
        Ok(self.connection.last_insert_rowid())
    }

    pub(crate) fn entity_number(&self, namespace: i64, kind: u16, id: EntityId) -> Result<Option<i64>> {
        self.one(
            "SELECT num FROM entities WHERE id = ?1 AND namespace = ?2 AND kind = ?3",
            params![id.0, namespace, kind],
            |row| row.get(0),
        )
    }

    pub(crate) fn number_act(&self, id: ActId, here: bool) -> Result<i64> {
        // An act's parts arrive together; the newest act is the one asked for in all but the first call of a part.
        let newest = self.one("SELECT num, id FROM acts ORDER BY num DESC LIMIT 1", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, [u8; 16]>(1)?))
        })?;
        if let Some((num, found)) = newest
            && found == id.0
        {
            return Ok(num);
        }
        self.execute("INSERT INTO acts(id, here) VALUES(?1, ?2)", params![id.0, here])?;
        Ok(self.connection.last_insert_rowid())
    }

    /// The next arrival number.
    pub(crate) fn next_pos(&self) -> Result<i64> {
        Ok(self.number("SELECT max(pos) FROM changes", [])? + 1)
    }

    pub(crate) fn meta_number(&self, name: &str) -> Result<Option<i64>> {
        self.one("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0))
    }

    pub(crate) fn set_meta(&self, name: &str, value: i64) -> Result<()> {
        self.execute(
            "INSERT INTO meta(name, value) VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE SET value = excluded.value",
            params![name, value],
        )?;
        Ok(())
    }

    pub(crate) fn meta_text(&self, name: &str) -> Result<Option<String>> {
        self.one("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0))
    }

    pub(crate) fn set_meta_text(&self, name: &str, value: &str) -> Result<()> {
        self.execute(
            "INSERT INTO meta(name, value) VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE SET value = excluded.value",
            params![name, value],
        )?;
        Ok(())
    }

    /// Notes when the changes up to `pos` were journalled here; never goes back (J13).
    pub(crate) fn note_arrival(&self, pos: i64, now: i64) -> Result<()> {
        let last = self.one("SELECT pos, at FROM arrivals ORDER BY pos DESC LIMIT 1", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        })?;
        let at = last.map_or(now, |(_, at)| now.max(at + 1));
        self.execute("INSERT OR REPLACE INTO arrivals(pos, at) VALUES(?1, ?2)", [pos, at])?;
        Ok(())
    }
}
