//! What was said before and after a turn: the memories of one source session, the messages of one source file.
//!
//! Only what lies beside a turn is read, however long its session is.

use crate::Result;
use crate::project::document::PLACE_BITS;
use crate::read::list::ListFilter;
use crate::read::messages::{MESSAGE, message_row};
use crate::read::passing::PassingMessages;
use crate::tx::Tx;
use rusqlite::types::Value as Sql;

/// One turn, in the order of its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Turn {
    /// Time of a memory, row of a message.
    pub order: i64,
    /// When a memory was written, place of a message in its row.
    pub tie: i64,
    /// Number of the memory, document of the message.
    pub id: i64,
    /// The document: of the memory's current wording, of the message.
    pub doc: i64,
    /// Whether it ends by asking something.
    pub asks: bool,
}

/// A turn with those beside it, in order; the turn itself is one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// What names its session within this store.
    pub session: String,
    /// Neighbours without a gap.
    pub turns: Vec<Turn>,
}

impl Tx<'_> {
    /// The memories that were said just before and after `entity` in the same session and namespace, `distance` at either
    /// side, as far as they pass the filter; none where its source names no session.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn memories_around(&self, entity: i64, distance: usize, filter: &ListFilter) -> Result<Option<Window>> {
        let own = self.one(
            "SELECT session, created_at, namespace, text_pos, asks, created_hlc FROM memories WHERE entity = ?1",
            [entity],
            |row| {
                let (session, created_at) = (row.get::<_, Option<String>>(0)?, row.get::<_, i64>(1)?);
                Ok((session, created_at, row.get::<_, i64>(2)?, row.get(3)?, row.get(4)?, row.get::<_, i64>(5)?))
            },
        )?;
        let Some((Some(session), created_at, namespace, doc, asks, hlc)) = own else { return Ok(None) };
        let (clause, params) = filter.clause();
        let side = |test: &str, order: &str| {
            let sql = format!(
                "SELECT m.created_at, m.created_hlc, m.entity, m.text_pos, m.asks FROM memories m
                 WHERE m.session = ? AND (m.created_at, m.created_hlc, m.entity) {test} (?, ?, ?) AND m.namespace = ? AND {clause}
                 ORDER BY m.created_at {order}, m.created_hlc {order}, m.entity {order} LIMIT ?"
            );
            let mut all =
                vec![Sql::from(session.clone()), created_at.into(), hlc.into(), entity.into(), namespace.into()];
            all.extend(params.iter().cloned());
            all.push(Sql::from(distance as i64));
            self.all(&sql, rusqlite::params_from_iter(all), turn)
        };
        let own = Turn { order: created_at, tie: hlc, id: entity, doc, asks };
        let turns = in_order(side("<", "DESC")?, own, side(">", "ASC")?);
        Ok(Some(Window { session: format!("{namespace}/{session}"), turns }))
    }

    /// The messages that stand just before and after `doc` in the same source file, `distance` at either side, as far as
    /// they can be searched and pass the filter; their rows are noted in `passing`.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn messages_around(
        &self,
        doc: i64,
        distance: usize,
        passing: &mut PassingMessages<'_>,
    ) -> Result<Option<Window>> {
        let own = self.one(
            "SELECT m.entity, m.ordinal, m.asks, b.path, b.host FROM messages m JOIN blocks b ON b.pos = m.pos
             WHERE m.doc = ?1",
            [doc],
            |row| {
                let own = Turn { order: row.get(1)?, tie: doc & PLACES, id: doc, doc, asks: row.get(2)? };
                Ok((row.get(0)?, own, row.get(3)?, row.get(4)?))
            },
        )?;
        let Some((entity, own, path, host)) = own else { return Ok(None) };
        let file = File { entity, path, host };
        let before = self.messages_beside(&file, own, Way::Before, distance, passing)?;
        let after = self.messages_beside(&file, own, Way::After, distance, passing)?;
        let File { entity, path, host } = file;
        Ok(Some(Window { session: format!("{entity}/{host}/{path}"), turns: in_order(before, own, after) }))
    }

    fn messages_beside(
        &self,
        file: &File,
        own: Turn,
        way: Way,
        distance: usize,
        passing: &mut PassingMessages<'_>,
    ) -> Result<Vec<Turn>> {
        let (filter, params) = passing.clause().sql();
        let tables = passing.clause().tables();
        let mut ask = |from: &str, mut all: Vec<Sql>, order: &str| {
            let sql = format!(
                "SELECT {MESSAGE}, m.asks FROM {tables} {from} AND m.searchable = 1 AND {filter} ORDER BY {order} LIMIT ?"
            );
            all.extend(params.iter().cloned());
            all.push(Sql::from(distance as i64));
            self.all(&sql, rusqlite::params_from_iter(all), |row| {
                let (message, asks) = (message_row(row)?, row.get(7)?);
                let (doc, order) = (message.doc, message.ordinal);
                passing.note(message);
                Ok(Turn { order, tie: doc & PLACES, id: doc, doc, asks })
            })
        };
        // Most neighbours stand in the same block, whose messages are in the order of its rows.
        let (low, high) = match way {
            Way::Before => (own.doc & !PLACES, own.doc - 1),
            Way::After => (own.doc + 1, own.doc | PLACES),
        };
        let (test, sorted) = way.sql();
        let from = "WHERE m.doc BETWEEN ? AND ?";
        let beside = ask(from, vec![low.into(), high.into()], &format!("m.doc {sorted}"))?;
        if beside.len() == distance {
            return Ok(beside);
        }
        let from = format!(
            "JOIN blocks b ON b.pos = m.pos WHERE m.entity = ? AND (m.ordinal, m.place) {test} (?, ?) AND b.path = ? AND b.host = ?"
        );
        let place = vec![
            Sql::from(file.entity),
            own.order.into(),
            own.tie.into(),
            file.path.clone().into(),
            file.host.clone().into(),
        ];
        ask(&from, place, &format!("m.ordinal {sorted}, m.place {sorted}"))
    }
}

/// The bits of a document that tell a message's place in its block.
const PLACES: i64 = (1 << PLACE_BITS) - 1;

/// A source file, as far as it belongs to one session.
struct File {
    entity: i64,
    path: String,
    host: String,
}

#[derive(Clone, Copy)]
enum Way {
    Before,
    After,
}

impl Way {
    const fn sql(self) -> (&'static str, &'static str) {
        match self {
            Self::Before => ("<", "DESC"),
            Self::After => (">", "ASC"),
        }
    }
}

fn turn(row: &rusqlite::Row<'_>) -> rusqlite::Result<Turn> {
    Ok(Turn { order: row.get(0)?, tie: row.get(1)?, id: row.get(2)?, doc: row.get(3)?, asks: row.get(4)? })
}

fn in_order(mut before: Vec<Turn>, own: Turn, after: Vec<Turn>) -> Vec<Turn> {
    before.reverse();
    before.push(own);
    before.extend(after);
    before
}
