//! The archive: sessions, messages, what was read of which source.

use crate::index::TextQuery;
use crate::open::Store;
use crate::project::document::{PLACE_BITS, mask, masked_text, of_message};
use crate::project::memory::embedded_text;
use crate::read::namespaces::Scope;
use crate::read::search::{Passing, TextHit};
use crate::tx::Tx;
use crate::{Result, StoreError};
use jay_types::change::block::Block;
use jay_types::session::Part;
use jay_types::{EntityId, Error, NamespaceId, Timestamp};
use rusqlite::params;
use rusqlite::types::Value as Sql;
use std::collections::BTreeMap;

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

/// Where a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRow {
    /// Its document.
    pub doc: i64,
    /// Local number of its session.
    pub entity: i64,
    /// Its row in the source.
    pub ordinal: i64,
    /// The client's own id.
    pub id: String,
    /// `system`, `user`, `assistant` or `tool`.
    pub role: Option<String>,
    /// The speaker's name.
    pub author: Option<String>,
    /// When it was said.
    pub at: Option<Timestamp>,
    /// True where it has conversational text.
    pub searchable: bool,
}

/// How far a source on this machine was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRow {
    /// Counts the times that the client rewrote it.
    pub revision: u32,
    /// The adapter's own record.
    pub cursor: String,
}

/// Which messages are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionClause {
    /// Of this client.
    pub client: Option<String>,
    /// In these namespaces.
    pub namespaces: Option<Vec<i64>>,
    /// With this text in the project directory.
    pub project: Option<String>,
    /// At or after.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// Of this role.
    pub role: Option<String>,
    /// Of this session, by number.
    pub session: Option<i64>,
}

impl SessionClause {
    /// The clause over `messages m` and `sessions s`.
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
        if let Some(role) = &self.role {
            sql.0.push_str(" AND m.role = ?");
            sql.1.push(Sql::from(role.clone()));
        }
        sql
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
        if let Some(project) = &self.project {
            and("instr(s.project, ?) > 0", Sql::from(project.clone()));
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

fn message_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<MessageRow> {
    Ok(MessageRow {
        doc: row.get(0)?,
        entity: row.get(1)?,
        ordinal: row.get(2)?,
        id: row.get(3)?,
        role: row.get(4)?,
        author: row.get(5)?,
        at: row.get::<_, Option<i64>>(6)?.map(Timestamp),
        searchable: row.get(7)?,
    })
}

const MESSAGE: &str = "m.doc, m.entity, m.ordinal, m.id, m.role, m.author, m.at, m.searchable";
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

impl Tx<'_> {
    /// How far a source was read.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn source(&self, client: &str, path: &str) -> Result<Option<SourceRow>> {
        self.one("SELECT revision, cursor FROM sources WHERE client = ?1 AND path = ?2", [client, path], |row| {
            Ok(SourceRow { revision: row.get(0)?, cursor: row.get(1)? })
        })
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

    /// Messages of a session in their order, after `cursor` (documents shown before).
    ///
    /// # Errors
    /// What SQLite says.
    pub fn messages(&self, session: i64, offset: usize, limit: usize) -> Result<Vec<MessageRow>> {
        let sql = format!(
            "SELECT {MESSAGE} FROM messages m JOIN blocks b ON b.pos = m.pos WHERE m.entity = ?1 AND m.superseded = 0
             ORDER BY b.path, b.host, m.ordinal, m.place LIMIT ?2 OFFSET ?3"
        );
        self.all(&sql, params![session, limit as i64, offset as i64], message_row)
    }

    /// The place of a message in its session; none where it has none of that id.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn message_offset(&self, session: i64, id: &str) -> Result<Option<usize>> {
        let ids: Vec<String> = self.all(
            "SELECT m.id FROM messages m JOIN blocks b ON b.pos = m.pos WHERE m.entity = ?1 AND m.superseded = 0
             ORDER BY b.path, b.host, m.ordinal, m.place",
            [session],
            |row| row.get(0),
        )?;
        Ok(ids.iter().position(|found| found == id))
    }

    /// A message by document.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn message(&self, doc: i64) -> Result<Option<MessageRow>> {
        self.one(&format!("SELECT {MESSAGE} FROM messages m WHERE m.doc = ?1"), [doc], message_row)
    }

    /// Messages for `query`, best first; with the number of all that match.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn search_messages(
        &self,
        query: &TextQuery,
        clause: &SessionClause,
        limit: usize,
    ) -> Result<(Vec<TextHit>, u64)> {
        let (filter, params) = clause.sql();
        let from = "FROM messages m JOIN sessions s ON s.entity = m.entity WHERE";
        let one = format!("SELECT m.entity {from} m.doc = ? AND {filter}");
        let mut passing = Passing::new(self, &one, format!("SELECT m.doc, m.entity {from} {filter}"), params)?;
        let scope = clause.namespaces.clone().map_or(Scope::All, Scope::Of);
        let matching = self.matching_text(query, &scope)?;
        let is_narrow = SessionClause { namespaces: None, ..clause.clone() }.is_narrow();
        let matched = if is_narrow {
            let passing = passing.all()?;
            matching.iter().filter(|doc| passing.contains_key(doc)).count()
        } else {
            // Everything is meant but what another stands for: that is little, and has an index of its own.
            let hidden = "SELECT doc FROM messages WHERE superseded <> 0 UNION SELECT doc FROM dropped";
            let hidden: Vec<i64> = self.all(hidden, [], |row| row.get(0))?;
            matching.len() - hidden.iter().filter(|doc| matching.binary_search(doc).is_ok()).count()
        };
        let hits = self.search_text(query, &scope, i64::MAX, limit, |doc| passing.entity_of(doc))?;
        Ok((hits, matched as u64))
    }

    /// How many messages with conversational text are meant.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn searchable_messages(&self, clause: &SessionClause) -> Result<u64> {
        let (filter, params) = clause.sql();
        let sql = format!(
            "SELECT count(*) FROM messages m JOIN sessions s ON s.entity = m.entity WHERE m.searchable = 1 AND {filter}"
        );
        Ok(self.number(&sql, rusqlite::params_from_iter(params))? as u64)
    }

    /// True where a message passes the filter.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn message_passes(&self, doc: i64, clause: &SessionClause) -> Result<bool> {
        let (filter, mut params) = clause.sql();
        params.insert(0, Sql::from(doc));
        let sql =
            format!("SELECT 1 FROM messages m JOIN sessions s ON s.entity = m.entity WHERE m.doc = ? AND {filter}");
        Ok(self.one(&sql, rusqlite::params_from_iter(params), |_| Ok(()))?.is_some())
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

    /// The searchable messages of a session, in their order.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn searchable_docs(&self, session: i64) -> Result<Vec<i64>> {
        self.all(
            "SELECT m.doc FROM messages m JOIN blocks b ON b.pos = m.pos
             WHERE m.entity = ?1 AND m.searchable = 1 AND m.superseded = 0 ORDER BY b.path, b.host, m.ordinal, m.place",
            [session],
            |row| row.get(0),
        )
    }

    /// The conversational texts of messages, secrets masked; each block is read once.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn message_texts(&self, docs: &[i64]) -> Result<BTreeMap<i64, String>> {
        let mut out = BTreeMap::new();
        self.with_blocks(docs, |doc, block, place| {
            if let Some(message) = block.messages.get(place) {
                out.insert(doc, masked_text(block, place, message));
            }
        })?;
        Ok(out)
    }

    /// The parts of messages; secrets masked unless `reveal`.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn message_parts(&self, docs: &[i64], reveal: bool) -> Result<BTreeMap<i64, Vec<Part>>> {
        let mut out = BTreeMap::new();
        self.with_blocks(docs, |doc, block, place| {
            let Some(message) = block.messages.get(place) else { return };
            let parts = message.parts.iter().enumerate();
            let shown = parts.map(|(n, part)| if reveal { part.clone() } else { masked_part(block, place, n, part) });
            out.insert(doc, shown.collect());
        })?;
        Ok(out)
    }

    fn with_blocks(&self, docs: &[i64], mut visit: impl FnMut(i64, &Block, usize)) -> Result<()> {
        let mut by_block: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for doc in docs {
            by_block.entry(doc >> PLACE_BITS).or_default().push(*doc);
        }
        for (pos, docs) in by_block {
            let Some(json) = self.body_json(pos)? else { continue };
            let block =
                Block::from_json(&json).map_err(|reason| crate::error::damaged(format!("block {pos}: {reason}")))?;
            for doc in docs {
                visit(doc, &block, (doc & ((1 << PLACE_BITS) - 1)) as usize);
            }
        }
        Ok(())
    }

    /// The source rows of a session, in order: what its files held, byte for byte.
    ///
    /// # Errors
    /// What SQLite says; `damaged` where a block cannot be read.
    pub fn source_rows(&self, session: i64, visit: &mut dyn FnMut(&Block)) -> Result<()> {
        let blocks: Vec<i64> = self.all(
            "SELECT pos FROM blocks WHERE entity = ?1 ORDER BY path, host, revision, first_row",
            [session],
            |row| row.get(0),
        )?;
        for pos in blocks {
            let Some(json) = self.body_json(pos)? else { continue };
            let block =
                Block::from_json(&json).map_err(|reason| crate::error::damaged(format!("block {pos}: {reason}")))?;
            visit(&block);
        }
        Ok(())
    }
}

fn escape_like(text: &str) -> String {
    text.chars().flat_map(|c| matches!(c, '%' | '_' | '\\').then_some('\\').into_iter().chain([c])).collect()
}

fn masked_part(block: &Block, message: usize, place: usize, part: &Part) -> Part {
    let hide = |text: &str| mask(block, message, place, text);
    match part {
        Part::Text { text, provenance } => Part::Text { text: hide(text), provenance: *provenance },
        Part::Reasoning { text } => Part::Reasoning { text: hide(text) },
        Part::ToolResult { id, name, output, is_error } => {
            Part::ToolResult { id: id.clone(), name: name.clone(), output: hide(output), is_error: *is_error }
        }
        Part::ToolCall { id, name, input } => {
            // Spans of a call are over its input as JSON text; a masked one is shown as that text.
            let text = input.to_string();
            let shown = hide(&text);
            let input = if shown == text { input.clone() } else { serde_json::Value::String(shown) };
            Part::ToolCall { id: id.clone(), name: name.clone(), input }
        }
        Part::File { .. } => part.clone(),
    }
}

/// A source with how far it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceCursor {
    /// The client.
    pub client: String,
    /// The file.
    pub path: String,
    /// Counts the times that the client rewrote it.
    pub revision: u32,
    /// The adapter's own record.
    pub cursor: String,
}

impl Tx<'_> {
    /// Every source of this machine.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn source_cursors(&self) -> Result<Vec<SourceCursor>> {
        self.all("SELECT client, path, revision, cursor FROM sources ORDER BY client, path", [], |row| {
            Ok(SourceCursor { client: row.get(0)?, path: row.get(1)?, revision: row.get(2)?, cursor: row.get(3)? })
        })
    }
}

impl crate::write::WriteTx<'_> {
    /// Notes how far a source was read, with the act that brought its rows.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn note_source(&self, client: &str, path: &str, revision: u32, cursor: &str) -> Result<()> {
        self.execute(
            "INSERT OR REPLACE INTO sources(client, path, revision, cursor, at) VALUES(?1, ?2, ?3, ?4, ?5)",
            params![client, path, revision, cursor, self.now.0],
        )?;
        Ok(())
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

impl Tx<'_> {
    /// When a source of this machine was read last.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn last_source_read(&self) -> Result<Option<Timestamp>> {
        let at = self.one("SELECT max(at) FROM sources", [], |row| row.get::<_, Option<i64>>(0))?;
        Ok(at.flatten().map(Timestamp))
    }

    /// The text to be embedded of a document: a current wording with its title, or a message; none where it is neither.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn document_text(&self, doc: i64) -> Result<Option<String>> {
        match self.journal {
            jay_types::change::Journal::Archive => {
                // With speaker and day, as in the text index: half of what is asked about a conversation names one of them.
                let mut document = None;
                self.with_blocks(&[doc], |_, block, place| document = of_message(block, place).map(|text| text.0))?;
                Ok(document)
            }
            jay_types::change::Journal::Memory => {
                let entity = self.one(
                    "SELECT m.entity FROM changes c JOIN memories m ON m.entity = c.entity AND m.text_pos = c.pos WHERE c.pos = ?1",
                    [doc],
                    |row| row.get::<_, i64>(0),
                )?;
                let Some(entity) = entity else { return Ok(None) };
                let row = self.memory(entity, crate::Moment::Latest)?;
                Ok(row.map(|row| embedded_text(row.memory.title.as_deref(), &row.memory.text)))
            }
        }
    }
}
