//! Messages that are looked through one after the other, for what no index holds: tool calls and what they answered.
//!
//! **Invariant:** a text leaves with its secrets masked: who can ask for patterns must not be told by a hit what a secret is.

use crate::Result;
use crate::project::document::PLACE_BITS;
use crate::read::messages::{MESSAGE, MessageRow, masked_part, message_row};
use crate::read::sessions::SessionClause;
use crate::tx::Tx;
use jay_types::Timestamp;
use jay_types::change::block::{Block, BlockSource, SecretSpan};
use jay_types::session::{Message, Part, SessionMeta};
use rusqlite::types::Value as Sql;
use serde::Deserialize;

/// A block in which messages are that pass a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassingBlock {
    /// Its place in the journal.
    pub pos: i64,
    /// When the latest of them was said; none where none tells.
    pub latest: Option<Timestamp>,
    /// When the earliest of them was said.
    pub earliest: Option<Timestamp>,
    /// How many they are.
    pub messages: u64,
    /// How many of them tell no time.
    pub untimed: u64,
}

/// The messages of a block that pass a filter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LookedAt {
    /// Bytes that were read for it.
    pub bytes: usize,
    /// The messages with their parts, secrets masked.
    pub messages: Vec<(MessageRow, Vec<Part>)>,
}

/// What is said in a block: its rows, which are as many bytes again, are passed over.
#[derive(Deserialize)]
struct Wrapper {
    block: Said,
}

#[derive(Deserialize)]
struct Said {
    messages: Vec<Message>,
    #[serde(default)]
    secrets: Vec<SecretSpan>,
}

impl Said {
    fn into_block(self) -> Block {
        let (client, path) = (String::new(), String::new());
        let source = BlockSource { client, path, revision: 0, host: String::new(), user: String::new() };
        let (session, rows) = (SessionMeta::default(), vec![]);
        Block { source, session, adapter: 0, rows, messages: self.messages, secrets: self.secrets }
    }
}

impl Tx<'_> {
    /// The blocks of all messages that pass, in no order.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn passing_blocks(&self, clause: &SessionClause) -> Result<Vec<PassingBlock>> {
        let (filter, params) = clause.sql();
        let sql = format!(
            "SELECT m.pos, max(m.at), min(m.at), count(*), count(*) - count(m.at) FROM messages m JOIN sessions s ON s.entity = m.entity
             WHERE {filter} GROUP BY m.pos"
        );
        self.all(&sql, rusqlite::params_from_iter(params), |row| {
            Ok(PassingBlock {
                pos: row.get(0)?,
                latest: row.get::<_, Option<i64>>(1)?.map(Timestamp),
                earliest: row.get::<_, Option<i64>>(2)?.map(Timestamp),
                messages: row.get::<_, i64>(3)?.cast_unsigned(),
                untimed: row.get::<_, i64>(4)?.cast_unsigned(),
            })
        })
    }

    /// The messages of a block that pass, with what they say.
    ///
    /// # Errors
    /// What SQLite says; `damaged` where the block cannot be read.
    pub fn look_at(&self, pos: i64, clause: &SessionClause) -> Result<LookedAt> {
        let Some(json) = self.body_json(pos)? else { return Ok(LookedAt::default()) };
        let damaged = |reason: serde_json::Error| crate::error::damaged(format!("block {pos}: {reason}"));
        let block = serde_json::from_slice::<Wrapper>(&json).map_err(damaged)?.block.into_block();
        let (filter, mut params) = clause.sql();
        params.splice(..0, [Sql::from(pos << PLACE_BITS), Sql::from((pos + 1) << PLACE_BITS)]);
        let sql = format!(
            "SELECT {MESSAGE} FROM messages m JOIN sessions s ON s.entity = m.entity
             WHERE m.doc >= ? AND m.doc < ? AND {filter}"
        );
        let rows = self.all(&sql, rusqlite::params_from_iter(params), message_row)?;
        let said = |row: MessageRow| {
            let place = (row.doc & ((1 << PLACE_BITS) - 1)) as usize;
            let parts = block.messages.get(place)?.parts.iter().enumerate();
            let parts = parts.map(|(n, part)| masked_part(&block, place, n, part)).collect();
            Some((row, parts))
        };
        Ok(LookedAt { bytes: json.len(), messages: rows.into_iter().filter_map(said).collect() })
    }
}
