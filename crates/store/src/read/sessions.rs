//! Sessions of the archive, and the filter that messages share with them.

use crate::open::Store;
use crate::project::session::role_number;
use crate::tx::Tx;
use crate::{Result, StoreError};
use jay_types::session::Role;
use jay_types::{EntityId, Error, NamespaceId, Timestamp};
use rusqlite::params;
use rusqlite::types::Value as Sql;
use std::collections::BTreeSet;

/// A session as `list` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Local number.
    pub num: i64,
    /// Our id of it.
    pub id: EntityId,
    /// Local number of its namespace.
    pub namespace: i64,
    /// The client.
    pub client: String,
    /// The client's own id.
    pub session: String,
    /// The client's own id of its parent.
    pub parent: Option<String>,
    /// The agent within the client.
    pub agent: Option<String>,
    /// The project directory.
    pub project: Option<String>,
    /// The title.
    pub title: Option<String>,
    /// First time told.
    pub started_at: Option<Timestamp>,
    /// Last time told.
    pub ended_at: Option<Timestamp>,
    /// Messages that are shown.
    pub messages: u64,
    /// What the cursor of a list names.
    pub latest: i64,
}

/// Which messages are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionClause {
    /// Of this client.
    pub client: Option<String>,
    /// In these namespaces.
    pub namespaces: Option<Vec<i64>>,
    /// Of one of these project directories.
    pub projects: Option<Vec<String>>,
    /// Taken in on this machine.
    pub host: Option<String>,
    /// At or after.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// Of this role.
    pub role: Option<Role>,
    /// Of this session, by number.
    pub session: Option<i64>,
}

impl SessionClause {
    /// The tables that the clause speaks of: `messages m`, and `sessions s` where something is asked of a session.
    pub(crate) fn tables(&self) -> &'static str {
        let of_messages = Self { since: self.since, until: self.until, role: self.role, ..Self::default() };
        if *self == of_messages { "messages m" } else { "messages m JOIN sessions s ON s.entity = m.entity" }
    }

    /// The clause over [`Self::tables`].
    pub(crate) fn sql(&self) -> (String, Vec<Sql>) {
        let mut sql = self.session_sql();
        sql.0.push_str(" AND m.superseded = 0");
        let times = [("m.at >= ?", self.since.map(|at| at.0)), ("m.at < ?", self.until.map(|at| at.0))];
        for (test, value) in times {
            if let Some(value) = value {
                sql.0.push_str(&format!(" AND {test}"));
                sql.1.push(Sql::from(value));
            }
        }
        if let Some(role) = self.role {
            sql.0.push_str(" AND m.role = ?");
            sql.1.push(Sql::from(role_number(role) as i64));
        }
        sql
    }

    /// The clause over `sessions s`, where it takes all messages of a session or none.
    pub(crate) fn session_sql_if_whole(&self) -> Option<(String, Vec<Sql>)> {
        (self.since.is_none() && self.until.is_none() && self.role.is_none()).then(|| self.session_sql())
    }

    fn session_sql(&self) -> (String, Vec<Sql>) {
        let mut sql = "1".to_owned();
        let mut params = Vec::new();
        let mut and = |test: &str, value: Sql| {
            sql.push_str(&format!(" AND {test}"));
            params.push(value);
        };
        if let Some(client) = &self.client {
            and("s.client = ?", Sql::from(client.clone()));
        }
        if let Some(projects) = &self.projects {
            // One value, however many there are: a statement takes some 32,000.
            and("s.project IN (SELECT value FROM json_each(?))", Sql::from(serde_json::json!(projects).to_string()));
        }
        if let Some(host) = &self.host {
            // A session that two machines hold belongs to both; the session itself tells only the last.
            and(
                "EXISTS (SELECT 1 FROM blocks h WHERE h.entity = s.entity AND h.host = ? COLLATE NOCASE)",
                Sql::from(host.clone()),
            );
        }
        if let Some(num) = self.session {
            and("s.entity = ?", Sql::from(num));
        }
        if let Some(namespaces) = &self.namespaces {
            sql.push_str(&format!(" AND s.namespace IN ({})", vec!["?"; namespaces.len()].join(", ")));
            params.extend(namespaces.iter().map(|num| Sql::from(*num)));
        }
        (sql, params)
    }

    /// True where more than everything is asked for.
    #[must_use]
    pub fn is_narrow(&self) -> bool {
        *self != Self::default()
    }
}

const SESSION: &str = "s.entity, e.id, s.namespace, s.client, s.session, s.parent, s.agent, s.project, s.title,
                       s.started_at, s.ended_at, s.messages, s.latest";

fn session_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<SessionRow> {
    Ok(SessionRow {
        num: row.get(0)?,
        id: EntityId(row.get(1)?),
        namespace: row.get(2)?,
        client: row.get(3)?,
        session: row.get(4)?,
        parent: row.get(5)?,
        agent: row.get(6)?,
        project: row.get(7)?,
        title: row.get(8)?,
        started_at: row.get::<_, Option<i64>>(9)?.map(Timestamp),
        ended_at: row.get::<_, Option<i64>>(10)?.map(Timestamp),
        messages: row.get::<_, i64>(11)? as u64,
        latest: row.get(12)?,
    })
}

fn escape_like(text: &str) -> String {
    text.chars().flat_map(|c| matches!(c, '%' | '_' | '\\').then_some('\\').into_iter().chain([c])).collect()
}

impl Tx<'_> {
    /// Every project directory of which there are sessions.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn projects(&self) -> Result<Vec<String>> {
        self.all("SELECT DISTINCT project FROM sessions WHERE project IS NOT NULL", [], |row| row.get(0))
    }

    /// Sessions, latest first; `cursor` is the (latest, num) of the last row of the page before.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn sessions(
        &self,
        clause: &SessionClause,
        limit: usize,
        cursor: Option<(i64, i64)>,
    ) -> Result<Vec<SessionRow>> {
        let (mut sql, mut params) = clause.session_sql();
        if let Some(since) = clause.since {
            sql.push_str(" AND s.latest >= ?");
            params.push(Sql::from(since.0));
        }
        if let Some(until) = clause.until {
            sql.push_str(" AND coalesce(s.started_at, s.latest) < ?");
            params.push(Sql::from(until.0));
        }
        if let Some((latest, num)) = cursor {
            sql.push_str(" AND (s.latest, s.entity) < (?, ?)");
            params.extend([Sql::from(latest), Sql::from(num)]);
        }
        params.push(Sql::from(limit as i64));
        let sql = format!(
            "SELECT {SESSION} FROM sessions s JOIN entities e ON e.num = s.entity WHERE {sql} ORDER BY s.latest DESC, s.entity DESC LIMIT ?"
        );
        self.all(&sql, rusqlite::params_from_iter(params), session_row)
    }

    /// A session by number.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn session(&self, num: i64) -> Result<Option<SessionRow>> {
        let sql = format!("SELECT {SESSION} FROM sessions s JOIN entities e ON e.num = s.entity WHERE s.entity = ?1");
        self.one(&sql, [num], session_row)
    }

    /// Sessions whose own id, or ours, is or begins or ends with `text`.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn find_sessions(&self, text: &str) -> Result<Vec<SessionRow>> {
        let sql = |test: &str| {
            format!(
                "SELECT {SESSION} FROM sessions s JOIN entities e ON e.num = s.entity WHERE {test} ORDER BY s.entity LIMIT 20"
            )
        };
        let exact = self.all(&sql("s.session = ?1"), [text], session_row)?;
        if !exact.is_empty() {
            return Ok(exact);
        }
        let squeezed: String = text.chars().filter(|c| *c != '-').collect::<String>().to_ascii_lowercase();
        self.all(
            &sql("replace(lower(s.session), '-', '') LIKE ?1 || '%' ESCAPE '\\' OR replace(lower(s.session), '-', '') LIKE '%' || ?1 ESCAPE '\\' OR lower(hex(e.id)) LIKE ?1 || '%' ESCAPE '\\'"),
            [escape_like(&squeezed)],
            session_row,
        )
    }

    /// The subagents of a session, and theirs: what they say belongs to it.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn subagents_of(&self, row: &SessionRow) -> Result<Vec<SessionRow>> {
        let sql = format!(
            "WITH RECURSIVE below(entity, client, session) AS (
               SELECT entity, client, session FROM sessions WHERE entity = ?1
               UNION SELECT c.entity, c.client, c.session FROM below b
                 JOIN sessions c ON c.client = b.client AND c.parent = b.session AND c.relation = 'subagent')
             SELECT {SESSION} FROM sessions s JOIN entities e ON e.num = s.entity
             WHERE s.entity IN (SELECT entity FROM below) AND s.entity <> ?1 ORDER BY s.entity"
        );
        self.all(&sql, [row.num], session_row)
    }

    /// The sources of this machine out of which a session was read.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn sources_of_session(&self, num: i64) -> Result<Vec<String>> {
        self.all("SELECT DISTINCT path FROM blocks WHERE entity = ?1", [num], |row| row.get(0))
    }

    /// True where a session was purged, in whatever namespace: its rows are not to be taken in again.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn is_session_purged(&self, id: EntityId) -> Result<bool> {
        let sql = "SELECT 1 FROM purged p JOIN entities e ON e.num = p.entity WHERE e.id = ?1 AND e.kind = ?2 LIMIT 1";
        let kind = jay_types::change::EntityKind::Session.number();
        Ok(self.one(sql, params![id.0, kind], |_| Ok(()))?.is_some())
    }

    /// True where a session of this client is archived.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn has_client(&self, client: &str) -> Result<bool> {
        Ok(self.one("SELECT 1 FROM sessions WHERE client = ?1 LIMIT 1", [client], |_| Ok(()))?.is_some())
    }

    /// The sessions of these clients, by their ids here.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn sessions_of_clients(&self, clients: &[String]) -> Result<BTreeSet<EntityId>> {
        let marks = vec!["?"; clients.len()].join(", ");
        let sql =
            format!("SELECT e.id FROM sessions s JOIN entities e ON e.num = s.entity WHERE s.client IN ({marks})");
        let ids = self.all(&sql, rusqlite::params_from_iter(clients), |row| row.get(0).map(EntityId))?;
        Ok(ids.into_iter().collect())
    }

    /// The namespace in which a session is archived.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn session_namespace(&self, client: &str, session: &str) -> Result<Option<NamespaceId>> {
        self.one(
            "SELECT n.id FROM sessions s JOIN namespaces n ON n.num = s.namespace WHERE s.client = ?1 AND s.session = ?2
             ORDER BY s.entity LIMIT 1",
            [client, session],
            |row| row.get(0).map(NamespaceId),
        )
    }
}

impl Store {
    /// Finds one session by its own id or a part of it.
    ///
    /// # Errors
    /// `not_found`, `ambiguous` with the candidates.
    pub fn find_session(tx: &Tx<'_>, text: &str) -> Result<SessionRow, StoreError> {
        let mut found = tx.find_sessions(text.trim())?;
        if text.trim().len() < 6 {
            // A client's own id may be shorter than what a part of one must have.
            found.retain(|row| row.session == text.trim());
        }
        match found.len() {
            1 => Ok(found.remove(0)),
            0 => Err(Error::not_found(format!("no session has the id `{}`", jay_types::text::shorten(text, 60)))
                .hint("`jay session list` shows the sessions here.")
                .into()),
            n => {
                let candidates: Vec<String> =
                    found.iter().map(|row| format!("{} {}", row.client, row.session)).collect();
                Err(Error::new(jay_types::Code::Ambiguous, format!("`{}` fits {n} sessions", text.trim()))
                    .hint(format!("Give more of the id: {}.", candidates.join(", ")))
                    .details(serde_json::json!({"candidates": candidates}))
                    .into())
            }
        }
    }
}
