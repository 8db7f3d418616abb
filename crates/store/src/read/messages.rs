//! Messages of the archive: in their order, by a search, and what they say, read from their blocks.
//!
//! **Invariant:** a text leaves with its secrets masked unless the caller asks to have them revealed.

use crate::Result;
use crate::project::alias::READS_AS;
use crate::project::document::{PLACE_BITS, mask, masked_text, of_said};
use crate::project::memory::embedded_text;
use crate::project::session::{message_key, role_of_number};
use crate::read::sessions::SessionClause;
use crate::tx::Tx;
use jay_types::Timestamp;
use jay_types::change::block::SecretSpan;
use jay_types::change::said;
use jay_types::session::{Message, Part, Role};
use rusqlite::params;
use std::collections::BTreeMap;

/// Where a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRow {
    /// Its document.
    pub doc: i64,
    /// Local number of its session.
    pub entity: i64,
    /// Its row in the source.
    pub ordinal: i64,
    /// Who speaks.
    pub role: Option<Role>,
    /// The speaker's name.
    pub author: Option<String>,
    /// When it was said.
    pub at: Option<Timestamp>,
    /// True where it has conversational text.
    pub searchable: bool,
}

/// What a message says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MessageBody {
    /// The client's own id.
    pub id: String,
    /// The model that answered, if told.
    pub model: Option<String>,
    /// What was said.
    pub parts: Vec<Part>,
}

/// What was said in a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageText {
    /// The client's own id.
    pub id: String,
    /// Its conversational text.
    pub text: String,
}

pub(super) fn message_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<MessageRow> {
    Ok(MessageRow {
        entity: row.get(0)?,
        doc: row.get(1)?,
        ordinal: row.get(2)?,
        role: role_of_number(row.get(3)?),
        author: row.get(4)?,
        at: row.get::<_, Option<i64>>(5)?.map(Timestamp),
        searchable: row.get(6)?,
    })
}

pub(super) const MESSAGE: &str = "m.entity, m.doc, m.ordinal, m.role, m.author, m.at, m.searchable";

impl Tx<'_> {
    /// Messages of a session in their order, after `cursor` (documents shown before).
    ///
    /// # Errors
    /// What SQLite says.
    pub fn messages(&self, session: i64, offset: usize, limit: usize) -> Result<Vec<MessageRow>> {
        let sql = format!(
            "SELECT {MESSAGE} FROM messages m JOIN blocks b ON b.pos = m.pos WHERE m.entity = ?1 AND m.superseded = 0
             ORDER BY b.path, b.host, m.ordinal, b.revision, m.place LIMIT ?2 OFFSET ?3"
        );
        self.all(&sql, params![session, limit as i64, offset as i64], message_row)
    }

    /// The place of a message in its session; none where it has none of that id.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn message_offset(&self, session: i64, id: &str) -> Result<Option<usize>> {
        let keys: Vec<i64> = self.all(
            "SELECT m.key FROM messages m JOIN blocks b ON b.pos = m.pos WHERE m.entity = ?1 AND m.superseded = 0
             ORDER BY b.path, b.host, m.ordinal, b.revision, m.place",
            [session],
            |row| row.get(0),
        )?;
        Ok(keys.iter().position(|key| *key == message_key(id)))
    }

    /// A message by document.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn message(&self, doc: i64) -> Result<Option<MessageRow>> {
        self.one(&format!("SELECT {MESSAGE} FROM messages m WHERE m.doc = ?1"), [doc], message_row)
    }

    /// How many messages with conversational text are meant.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn searchable_messages(&self, clause: &SessionClause) -> Result<u64> {
        let (sql, params) = match clause.session_sql_if_whole() {
            // Each session knows its own.
            Some((filter, params)) => {
                (format!("SELECT coalesce(sum(s.searchable), 0) FROM sessions s WHERE {filter}"), params)
            }
            None => {
                let (filter, params) = clause.sql();
                let tables = clause.tables();
                (format!("SELECT count(*) FROM {tables} WHERE m.searchable = 1 AND {filter}"), params)
            }
        };
        Ok(self.number(&sql, rusqlite::params_from_iter(params))? as u64)
    }

    /// The documents of all messages that can be found, in the order in which they came.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn all_searchable_messages(&self) -> Result<Vec<i64>> {
        self.all("SELECT doc FROM messages WHERE searchable = 1 AND superseded = 0 ORDER BY doc", [], |row| row.get(0))
    }

    /// The searchable messages of a session, in their order.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn searchable_docs(&self, session: i64) -> Result<Vec<i64>> {
        self.all(
            "SELECT m.doc FROM messages m JOIN blocks b ON b.pos = m.pos
             WHERE m.entity = ?1 AND m.searchable = 1 AND m.superseded = 0 ORDER BY b.path, b.host, m.ordinal, b.revision, m.place",
            [session],
            |row| row.get(0),
        )
    }

    /// The conversational texts of messages, secrets masked; each block is read once.
    ///
    /// # Errors
    /// What SQLite says; `damaged` where a block cannot be read.
    pub fn message_texts(&self, docs: &[i64]) -> Result<BTreeMap<i64, MessageText>> {
        let mut out = BTreeMap::new();
        self.each_said(docs, &mut 0, |doc, secrets, place, message| {
            let text = masked_text(secrets, place, &message);
            out.insert(doc, MessageText { id: message.id, text });
        })?;
        Ok(out)
    }

    /// What messages say, and which model said it; secrets masked unless `reveal`.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn message_bodies(&self, docs: &[i64], reveal: bool) -> Result<BTreeMap<i64, MessageBody>> {
        self.message_bodies_of(docs, reveal, &mut 0)
    }

    /// The same; counts the `bytes` of JSON that were read.
    pub(super) fn message_bodies_of(
        &self,
        docs: &[i64],
        reveal: bool,
        bytes: &mut usize,
    ) -> Result<BTreeMap<i64, MessageBody>> {
        let mut out = BTreeMap::new();
        self.each_said(docs, bytes, |doc, secrets, place, message| {
            let parts = match reveal {
                true => message.parts,
                false => {
                    message.parts.iter().enumerate().map(|(n, part)| masked_part(secrets, place, n, part)).collect()
                }
            };
            out.insert(doc, MessageBody { id: message.id, model: message.model, parts });
        })?;
        Ok(out)
    }

    /// Hands over each message with where secrets stand in its block, which is read once; adds up the `bytes` of JSON that were read.
    fn each_said(
        &self,
        docs: &[i64],
        bytes: &mut usize,
        mut visit: impl FnMut(i64, &[SecretSpan], usize, Message),
    ) -> Result<()> {
        let mut by_block: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for doc in docs {
            by_block.entry(doc >> PLACE_BITS).or_default().push(*doc);
        }
        let mut reader = said::Reader::default();
        for (pos, docs) in by_block {
            let damaged = |reason: String| crate::error::damaged(format!("block {pos}: {reason}"));
            self.said_in(&mut reader, pos, |said, read| {
                *bytes += read;
                for doc in docs {
                    let place = (doc & ((1 << PLACE_BITS) - 1)) as usize;
                    if let Some(message) = said.message(place).map_err(damaged)? {
                        visit(doc, &said.secrets, place, message);
                    }
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Hands over what is said in a block, unless its body is not here.
    fn said_in(
        &self,
        reader: &mut said::Reader,
        pos: i64,
        visit: impl FnOnce(&said::Said<'_>, usize) -> Result<()>,
    ) -> Result<()> {
        let sql = "SELECT c.encoding, b.bytes FROM bodies b JOIN changes c ON c.pos = b.pos WHERE b.pos = ?1";
        let read = self.one(sql, [pos], |row| {
            let bytes = row.get_ref(1)?.as_blob()?;
            Ok(reader.read(row.get(0)?, bytes, visit))
        })?;
        match read {
            None => Ok(()),
            Some(Ok(visited)) => visited,
            Some(Err(fault)) => Err(crate::error::damaged(format!("block {pos}: {fault}"))),
        }
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
                self.each_said(&[doc], &mut 0, |_, secrets, place, message| {
                    document = of_said(secrets, place, &message).map(|text| text.0);
                })?;
                Ok(document)
            }
            jay_types::change::Journal::Memory => {
                let entity = self.one(
                    &format!(
                        "SELECT m.entity FROM changes c JOIN memories m ON m.entity = {READS_AS} AND m.text_pos = c.pos WHERE c.pos = ?1"
                    ),
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

pub(crate) fn masked_part(secrets: &[SecretSpan], message: usize, place: usize, part: &Part) -> Part {
    let hide = |text: &str| mask(secrets, message, place, text);
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
