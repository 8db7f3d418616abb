//! Who acts.

use crate::Result;
use crate::tx::Tx;
use jay_types::ActorId;
use rusqlite::params;

/// An actor by kind and name; it has an id of its own in each namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActorName {
    /// `person`, `agent` or `service`.
    pub kind: String,
    /// The name.
    pub name: String,
}

impl Tx<'_> {
    /// The id under which an actor acts in a namespace: the first that this store saw.
    pub(crate) fn actor_id(&self, namespace: i64, actor: &ActorName) -> Result<Option<ActorId>> {
        self.one(
            "SELECT e.id FROM actors a JOIN entities e ON e.num = a.entity
             WHERE a.namespace = ?1 AND a.name = ?2 AND a.kind = ?3 ORDER BY a.entity LIMIT 1",
            params![namespace, actor.name, actor.kind],
            |row| row.get(0).map(ActorId),
        )
    }

    /// The id of an actor in a namespace, for feedback marks; none before its first act there.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn actor_in(&self, namespace: i64, actor: &ActorName) -> Result<Option<ActorId>> {
        self.actor_id(namespace, actor)
    }

    /// The name of the actor with this entity number.
    pub(crate) fn actor_name(&self, entity: i64) -> Result<String> {
        let name = self.one("SELECT name FROM actors WHERE entity = ?1", [entity], |row| row.get::<_, String>(0))?;
        Ok(name.unwrap_or_else(|| "unknown".to_owned()))
    }
}
