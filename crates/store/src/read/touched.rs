//! Who touched a file, what was asked before it, and whether a message is here.
//!
//! **Invariant:** a mark of a path is not the path: what is given here is to be compared with what the messages say.

use crate::Result;
use crate::project::session::{message_key, role_number};
use crate::project::touched::marks;
use crate::tx::Tx;
use jay_types::EntityId;
use jay_types::change::EntityKind;
use jay_types::session::Role;
use rusqlite::params;

/// Messages that may tell of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touching {
    /// Their documents, the latest first.
    pub docs: Vec<i64>,
    /// How many there are, those beyond the limit too.
    pub all: u64,
}

/// What the archive holds of talk and of commits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArchiveCounts {
    /// Sessions of agents.
    pub sessions: u64,
    /// Messages of the client that is named apart.
    pub messages_apart: u64,
}

/// The messages of a session that are of a person and have words, up to a row, in the file of that row.
const ASKED: &str = "SELECT a.doc FROM messages m JOIN blocks b ON b.pos = m.pos
       JOIN messages a ON a.entity = m.entity AND a.ordinal <= m.ordinal AND a.doc <> m.doc
       JOIN blocks c ON c.pos = a.pos AND c.path = b.path AND c.revision = b.revision AND c.host = b.host
     WHERE m.doc = ?1 AND a.role = ?2 AND a.searchable = 1 ORDER BY a.ordinal DESC, a.place DESC LIMIT 1";

impl Tx<'_> {
    /// Messages that tell of touching a file whose path ends as `path` does in its last two names, or in its last where either
    /// has no more.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn touching(&self, path: &str, limit: usize) -> Result<Touching> {
        let (name, tail) = marks(path);
        let from = "FROM touched t JOIN messages m ON m.doc = t.doc WHERE t.name = ?1 AND (?2 = 0 OR t.tail IN (?2, 0))
                      AND m.superseded = 0";
        let docs = format!("SELECT t.doc {from} ORDER BY m.at DESC, t.doc DESC LIMIT ?3");
        let docs = self.all(&docs, params![name, tail, limit as i64], |row| row.get(0))?;
        let all = match docs.len() < limit {
            true => docs.len() as u64,
            false => self.number(&format!("SELECT count(*) {from}"), params![name, tail])?.cast_unsigned(),
        };
        Ok(Touching { docs, all })
    }

    /// The document of what a person said last before a message, in its session; none where nobody did.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn asked_before(&self, doc: i64) -> Result<Option<i64>> {
        self.one(ASKED, params![doc, role_number(Role::User) as i64], |row| row.get(0))
    }

    /// Whether a session has a message of this id, in whatever namespace.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn has_message(&self, session: EntityId, id: &str) -> Result<bool> {
        // `+` keeps SQLite from looking through the whole session for it.
        let sql = "SELECT 1 FROM messages m JOIN entities e ON e.num = +m.entity WHERE m.key = ?1 AND e.id = ?2 AND e.kind = ?3";
        Ok(self.one(sql, params![message_key(id), session.0, EntityKind::Session.number()], |_| Ok(()))?.is_some())
    }

    /// The sessions of all clients but one, and the messages of that one.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn archive_counts(&self, apart: &str) -> Result<ArchiveCounts> {
        let sql = "SELECT count(*) FILTER (WHERE client <> ?1), coalesce(sum(messages) FILTER (WHERE client = ?1), 0) FROM sessions";
        let counts = self.one(sql, [apart], |row| {
            let (sessions, messages): (i64, i64) = (row.get(0)?, row.get(1)?);
            Ok(ArchiveCounts { sessions: sessions.cast_unsigned(), messages_apart: messages.cast_unsigned() })
        })?;
        Ok(counts.unwrap_or_default())
    }
}
