//! Messages that are looked through one after the other, for what no index holds: tool calls and what they answered.
//!
//! **Invariant:** a text leaves with its secrets masked: who can ask for patterns must not be told by a hit what a secret is.

use crate::Result;
use crate::project::document::PLACE_BITS;
use crate::read::messages::{MESSAGE, MessageBody, MessageRow, message_row};
use crate::read::sessions::SessionClause;
use crate::tx::Tx;
use jay_types::Timestamp;
use rusqlite::types::Value as Sql;
use std::collections::BTreeMap;

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
    /// The messages, secrets masked.
    pub messages: Vec<(MessageRow, MessageBody)>,
}

impl Tx<'_> {
    /// The blocks of all messages that pass, in no order.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn passing_blocks(&self, clause: &SessionClause) -> Result<Vec<PassingBlock>> {
        let (filter, params) = clause.sql();
        let sql = format!(
            "SELECT m.pos, max(m.at), min(m.at), count(*), count(*) - count(m.at) FROM {} WHERE {filter} GROUP BY m.pos",
            clause.tables()
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
        let (filter, mut params) = clause.sql();
        params.splice(..0, [Sql::from(pos << PLACE_BITS), Sql::from((pos + 1) << PLACE_BITS)]);
        let sql = format!("SELECT {MESSAGE} FROM {} WHERE m.doc >= ? AND m.doc < ? AND {filter}", clause.tables());
        let rows = self.all(&sql, rusqlite::params_from_iter(params), message_row)?;
        let rows: BTreeMap<i64, MessageRow> = rows.into_iter().map(|row| (row.doc, row)).collect();
        let docs: Vec<i64> = rows.keys().copied().collect();
        let mut bytes = 0;
        let mut bodies = self.message_bodies_of(&docs, false, &mut bytes)?;
        let messages = rows.into_iter().filter_map(|(doc, row)| Some((row, bodies.remove(&doc)?))).collect();
        Ok(LookedAt { bytes, messages })
    }
}
