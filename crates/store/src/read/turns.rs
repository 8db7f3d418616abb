//! What was said before and after a turn: the memories of one source session, the messages of one source file.
//!
//! Only what lies beside a turn is read, however long its session is.

use crate::Result;
use crate::read::list::ListFilter;
use crate::read::sessions::SessionClause;
use crate::tx::Tx;
use rusqlite::types::Value as Sql;

/// One turn, in the order of its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Turn {
    /// Time of a memory, row of a message.
    pub order: i64,
    /// Number of a memory, place of a message in its row.
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
            "SELECT session, created_at, namespace, text_pos, asks FROM memories WHERE entity = ?1",
            [entity],
            |row| {
                let (session, created_at) = (row.get::<_, Option<String>>(0)?, row.get::<_, i64>(1)?);
                Ok((session, created_at, row.get::<_, i64>(2)?, row.get(3)?, row.get(4)?))
            },
        )?;
        let Some((Some(session), created_at, namespace, doc, asks)) = own else { return Ok(None) };
        let (clause, params) = filter.clause();
        let side = |test: &str, order: &str| {
            let sql = format!(
                "SELECT m.created_at, m.entity, m.entity, m.text_pos, m.asks FROM memories m
                 WHERE m.session = ? AND (m.created_at, m.entity) {test} (?, ?) AND m.namespace = ? AND {clause}
                 ORDER BY m.created_at {order}, m.entity {order} LIMIT ?"
            );
            let mut all = vec![Sql::from(session.clone()), created_at.into(), entity.into(), namespace.into()];
            all.extend(params.iter().cloned());
            all.push(Sql::from(distance as i64));
            self.all(&sql, rusqlite::params_from_iter(all), turn)
        };
        let own = Turn { order: created_at, tie: entity, id: entity, doc, asks };
        let turns = in_order(side("<", "DESC")?, own, side(">", "ASC")?);
        Ok(Some(Window { session: format!("{namespace}/{session}"), turns }))
    }

    /// The messages that stand just before and after `doc` in the same source file, `distance` at either side, as far as
    /// they can be searched and pass the filter.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn messages_around(&self, doc: i64, distance: usize, clause: &SessionClause) -> Result<Option<Window>> {
        let own = self.one(
            "SELECT m.entity, m.ordinal, m.place, b.path, b.host, m.asks FROM messages m JOIN blocks b ON b.pos = m.pos
             WHERE m.doc = ?1",
            [doc],
            |row| {
                let (entity, path, host) = (row.get::<_, i64>(0)?, row.get::<_, String>(3)?, row.get::<_, String>(4)?);
                Ok((entity, row.get(1)?, row.get(2)?, path, host, row.get(5)?))
            },
        )?;
        let Some((entity, ordinal, place, path, host, asks)) = own else { return Ok(None) };
        let (filter, params) = clause.sql();
        let side = |test: &str, order: &str| {
            let sql = format!(
                "SELECT m.ordinal, m.place, m.doc, m.doc, m.asks FROM messages m JOIN blocks b ON b.pos = m.pos
                   JOIN sessions s ON s.entity = m.entity
                 WHERE m.entity = ? AND (m.ordinal, m.place) {test} (?, ?) AND m.searchable = 1
                   AND b.path = ? AND b.host = ? AND {filter}
                 ORDER BY m.ordinal {order}, m.place {order} LIMIT ?"
            );
            let mut all =
                vec![entity.into(), Sql::from(ordinal), Sql::from(place), path.clone().into(), host.clone().into()];
            all.extend(params.iter().cloned());
            all.push(Sql::from(distance as i64));
            self.all(&sql, rusqlite::params_from_iter(all), turn)
        };
        let own = Turn { order: ordinal, tie: place, id: doc, doc, asks };
        let turns = in_order(side("<", "DESC")?, own, side(">", "ASC")?);
        Ok(Some(Window { session: format!("{entity}/{host}/{path}"), turns }))
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
