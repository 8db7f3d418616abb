//! What a session holds already: for messages that are handed in one by one and may be handed in again.
//!
//! **Invariant:** asked within the act that would add them, so that two who hand in the same at once add it once.

use crate::Result;
use crate::project::session::{digest, message_key};
use crate::tx::Tx;
use jay_types::EntityId;
use jay_types::change::EntityKind;
use jay_types::session::Message;
use rusqlite::params;

/// What a session has under the id of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// Nothing.
    New,
    /// The same, by the same speaker.
    Same,
    /// Something else.
    Other,
}

/// The messages of an id. `+` keeps SQLite from looking through the whole session for them.
const OF_ID: &str = "SELECT m.digest, m.author FROM messages m JOIN entities e ON e.num = +m.entity
     WHERE m.key = ?1 AND e.id = ?2 AND e.kind = ?3 AND m.superseded & 1 = 0";

impl Tx<'_> {
    /// What `session` has under the id of `message`, in whatever namespace. Times are not compared: who sends again may
    /// stamp again.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn said(&self, session: EntityId, message: &Message) -> Result<Said> {
        let held =
            self.all(OF_ID, params![message_key(&message.id), session.0, EntityKind::Session.number()], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, Option<String>>(1)?))
            })?;
        let wanted = (digest(message), message.author.clone());
        Ok(match held.as_slice() {
            [] => Said::New,
            held if held.contains(&wanted) => Said::Same,
            _ => Said::Other,
        })
    }

    /// The number of the first row that is free in a session: one more than that of its last message.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn free_row(&self, session: EntityId) -> Result<u64> {
        let sql =
            "SELECT max(ordinal) FROM messages WHERE entity IN (SELECT num FROM entities WHERE id = ?1 AND kind = ?2)";
        let last =
            self.one(sql, params![session.0, EntityKind::Session.number()], |row| row.get::<_, Option<i64>>(0))?;
        Ok(last.flatten().map_or(0, |last| last.unsigned_abs() + 1))
    }
}
