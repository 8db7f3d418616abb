//! Databases with a table of sessions and tables of what belongs to one: which tables those are is all that an adapter
//! must tell.
//!
//! **Invariant:** a document is one row of a table with the rows of other tables that hang on it, so that none needs
//! another to be understood. Of a session only keys are held in memory, and one document.

use super::record::key;
use super::{Database, Filter, Record, Select};
use crate::cursor::FileStamp;
use crate::discover::{Discovery, Source};
use crate::documents::{Document, Documents};
use crate::key::content_hash;
use jay_types::{Result, Timestamp};
use rusqlite::types::Value;
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

/// The tables of a client.
#[derive(Debug)]
pub(crate) struct Layout {
    /// Those whose rows are documents, in the order in which they are given; the first holds the sessions.
    pub(crate) tables: &'static [Rows],
}

/// A table whose rows belong to sessions.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) table: &'static str,
    /// The column that tells the session.
    pub(crate) session: &'static str,
    /// The column that tells the row.
    pub(crate) key: &'static str,
    pub(crate) order: &'static [&'static str],
    /// The column that changes when the row does.
    pub(crate) time: Option<&'static str>,
    /// The column that is largest.
    pub(crate) size: &'static str,
    pub(crate) children: &'static [Child],
}

/// A table whose rows hang on another's.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) table: &'static str,
    /// The column that tells the row on which it hangs.
    pub(crate) parent: &'static str,
    /// The column that tells the session.
    pub(crate) session: &'static str,
    pub(crate) order: &'static [&'static str],
    pub(crate) time: Option<&'static str>,
    pub(crate) size: &'static str,
}

/// What is counted of a session.
#[derive(Default)]
struct Tally {
    /// Rows of other tables than the sessions' own.
    rows: i64,
    bytes: i64,
    latest: Option<Timestamp>,
    seen: Vec<u8>,
}

impl Layout {
    fn sessions(&self) -> Option<&'static Rows> {
        self.tables.first()
    }

    /// True where the database has the first two of these tables: another's is none of ours, and a later version may
    /// have dropped what else there is.
    pub(crate) fn fits(&self, database: &Database) -> Result<bool> {
        for table in self.tables.iter().take(2) {
            let columns = database.columns(table.table)?;
            if ![table.session, table.key].iter().all(|name| columns.iter().any(|column| column == name)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Every session that has rows in other tables, with what its own row holds and its stamp, by id.
    fn list(&self, database: &Database, columns: &[&str]) -> Result<Vec<(Record, FileStamp)>> {
        let Some(sessions) = self.sessions() else { return Ok(Vec::new()) };
        let mut tallies: BTreeMap<Vec<u8>, Tally> = BTreeMap::new();
        for table in self.tables {
            count(database, (table.table, table.session, table.size, table.time), &mut tallies)?;
            if table.table == sessions.table {
                tallies.values_mut().for_each(|tally| tally.rows = 0);
            }
            for child in table.children {
                count(database, (child.table, child.session, child.size, child.time), &mut tallies)?;
            }
        }
        let rows =
            database.rows(&Select { table: sessions.table, columns, filter: Filter::All, order: &[sessions.key] })?;
        // One that was opened and left has no words.
        let stamped = |row: Record| {
            let tally = tallies.get(&key(row.get(sessions.key)?)).filter(|tally| tally.rows > 0)?;
            Some((row, tally.stamp()))
        };
        Ok(rows.into_iter().filter_map(stamped).collect())
    }

    /// Puts every session of a database into `discovery`, as `source` tells of its row and of those that it asks for by id; a database with other tables has
    /// none, and one that cannot be read is a problem.
    pub(crate) fn discover(
        &self,
        path: &Path,
        columns: &[&str],
        discovery: &mut Discovery,
        source: impl Fn(&Record, &dyn Fn(&str) -> Option<Record>) -> Option<Source>,
    ) {
        let found = Database::open(path)
            .and_then(|database| if self.fits(&database)? { self.list(&database, columns) } else { Ok(Vec::new()) });
        match found {
            Ok(found) => {
                let id = self.sessions().map(|sessions| sessions.key).unwrap_or_default();
                let by_id = |wanted: &str| {
                    found.iter().find(|(row, _)| row.text(id).as_deref() == Some(wanted)).map(|(row, _)| row.clone())
                };
                discovery.sources.extend(found.iter().filter_map(|(row, stamp)| {
                    let source = source(row, &by_id)?;
                    let within = Some(source.session.clone());
                    Some(Source { path: path.to_path_buf(), within, stamp: *stamp, ..source })
                }));
            }
            Err(error) => discovery.problem(path, error.message),
        }
    }

    /// The documents of one session.
    pub(crate) fn documents(&'static self, path: &Path, session: &str) -> Result<Box<dyn Documents>> {
        let database = Database::open(path)?;
        let session = Value::Text(session.to_owned());
        Ok(Box::new(Session { database, session, tables: self.tables.iter(), now: None, keys: VecDeque::new() }))
    }
}

impl Tally {
    fn stamp(&self) -> FileStamp {
        let [a, b, c, d, e, f, g, h, ..] = content_hash(&[&self.seen]).0;
        FileStamp {
            size_bytes: u64::try_from(self.bytes).unwrap_or(0),
            // Without a time the count alone tells; a stamp without one would be taken for unknown.
            modified: Some(self.latest.unwrap_or(Timestamp(0))),
            inode: Some(u64::from_le_bytes([a, b, c, d, e, f, g, h])),
        }
    }
}

type Counted = (&'static str, &'static str, &'static str, Option<&'static str>);

fn count(
    database: &Database,
    (table, session, size, time): Counted,
    tallies: &mut BTreeMap<Vec<u8>, Tally>,
) -> Result<()> {
    database.totals(table, session, size, time, |of, count, bytes, latest| {
        let tally = tallies.entry(key(&of)).or_default();
        tally.rows += count;
        tally.bytes += bytes;
        for part in [table.as_bytes(), &count.to_le_bytes(), &bytes.to_le_bytes(), &key(&latest)] {
            tally.seen.extend_from_slice(part);
        }
        let text = match latest {
            Value::Text(text) => serde_json::to_string(&text).unwrap_or_default(),
            other => String::from_utf8(key(&other)).unwrap_or_default(),
        };
        let at = serde_json::value::RawValue::from_string(text).ok().and_then(|raw| crate::json::time(&raw));
        tally.latest = tally.latest.max(at);
    })
}

/// Reads one session, a document at a time.
struct Session {
    database: Database,
    session: Value,
    tables: std::slice::Iter<'static, Rows>,
    now: Option<&'static Rows>,
    keys: VecDeque<Value>,
}

impl Documents for Session {
    fn next(&mut self, _: usize) -> Result<Option<Document>> {
        loop {
            let Some((table, row)) = self.now.zip(self.keys.pop_front()) else {
                let Some(table) = self.tables.next() else { return Ok(None) };
                self.begin(table)?;
                continue;
            };
            if let Some(document) = self.document(table, &row)? {
                return Ok(Some(document));
            }
        }
    }
}

impl Session {
    fn begin(&mut self, table: &'static Rows) -> Result<()> {
        self.now = Some(table);
        let keys = self.database.rows(&Select {
            table: table.table,
            columns: &[table.key],
            filter: Filter::Equal(table.session, &self.session),
            order: table.order,
        })?;
        self.keys = keys.into_iter().filter_map(|mut row| row.remove(table.key)).collect();
        Ok(())
    }

    fn document(&self, table: &'static Rows, row: &Value) -> Result<Option<Document>> {
        // A key is one within its session only, for all that is known of it.
        let filter = Filter::Both([(table.session, &self.session), (table.key, row)]);
        let wanted = Select { table: table.table, columns: &[], filter, order: &[] };
        let Some(found) = self.database.rows(&wanted)?.into_iter().next() else { return Ok(None) };
        let mut line = Map::new();
        line.insert("table".to_owned(), table.table.into());
        line.insert("row".to_owned(), found.json());
        for child in table.children {
            let filter = Filter::Equal(child.parent, row);
            let children =
                self.database.rows(&Select { table: child.table, columns: &[], filter, order: child.order })?;
            line.insert(child.table.to_owned(), Json::Array(children.iter().map(Record::json).collect()));
        }
        let key = [table.table.as_bytes(), b"\0", &key(row)].concat();
        Ok(Some(Document { key, bytes: Json::Object(line).to_string().into_bytes(), is_fragment: false }))
    }
}
