//! Candidates: what the text index and recency offer, filters applied inside the scan.

use crate::Result;
use crate::project::alias::READS_AS;
use crate::read::as_of::Moment;
use crate::read::list::ListFilter;
use crate::read::namespaces::Scope;
use crate::text_index::TextQuery;
use crate::tx::Tx;
use jay_types::Timestamp;
use rusqlite::types::Value as Sql;
use rusqlite::{CachedStatement, OptionalExtension as _};
use std::collections::{BTreeMap, HashMap};

/// A document that matches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextHit {
    /// The document.
    pub doc: i64,
    /// What it belongs to: number of the memory or session.
    pub entity: i64,
    /// BM25, greater is better.
    pub score: f64,
}

/// What fusion looks at of a memory besides its text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Brief {
    /// Number of the memory.
    pub entity: i64,
    /// When it was said.
    pub created_at: Timestamp,
    /// The hlc with which it was written.
    pub written: i64,
    /// 0 to 1.
    pub importance: Option<f64>,
    /// 0 to 1.
    pub confidence: Option<f64>,
    /// Kept in the context at all times.
    pub pinned: bool,
    /// Marks of usefulness less marks of noise.
    pub votes: i64,
    /// Whether its source names a session, so that others may stand beside it.
    pub in_session: bool,
}

/// The columns of a [`Brief`], of `memories m`.
const BRIEF: &str = "m.entity, m.created_at, m.created_hlc, m.importance, m.confidence, m.pinned, m.useful - m.noise, m.session IS NOT NULL";

impl Brief {
    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            entity: row.get(0)?,
            created_at: Timestamp(row.get(1)?),
            written: row.get(2)?,
            importance: row.get(3)?,
            confidence: row.get(4)?,
            pinned: row.get(5)?,
            votes: row.get(6)?,
            in_session: row.get(7)?,
        })
    }
}

/// Which documents are current wordings that pass a filter, each asked for once, with what fusion looks at: the legs meet
/// the same documents, and the row is read for the filter anyway.
pub struct Current<'t> {
    tx: &'t Tx<'t>,
    sql: String,
    params: Vec<Sql>,
    /// Prepared at the first question that is not answered yet.
    one: Option<CachedStatement<'t>>,
    known: HashMap<i64, Option<Brief>>,
}

impl std::fmt::Debug for Current<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Current({} known)", self.known.len())
    }
}

impl<'t> Current<'t> {
    /// The memory of a document that passes.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn brief(&mut self, doc: i64) -> Result<Option<Brief>> {
        if let Some(known) = self.known.get(&doc) {
            return Ok(*known);
        }
        let one = match &mut self.one {
            Some(one) => one,
            none => none.insert(prepare(self.tx, &self.sql, &self.params)?),
        };
        one.raw_bind_parameter(1, doc)?;
        let mut rows = one.raw_query();
        let brief = rows.next()?.map(Brief::read).transpose()?;
        drop(rows);
        self.known.insert(doc, brief);
        Ok(brief)
    }

    /// What is known of memories that passed, by their numbers.
    #[must_use]
    pub fn passed(&self) -> BTreeMap<i64, Brief> {
        self.known.values().flatten().map(|brief| (brief.entity, *brief)).collect()
    }
}

/// A statement whose first parameter is a document and whose others are bound once.
fn prepare<'t>(tx: &'t Tx<'t>, sql: &str, params: &[Sql]) -> Result<CachedStatement<'t>> {
    let mut one = tx.statement(sql)?;
    for (index, value) in params.iter().enumerate() {
        one.raw_bind_parameter(index + 2, value)?;
    }
    Ok(one)
}

/// Documents that are asked about one by one before all that pass are read at once.
const ASKED_MAX: usize = 1000;

/// Which documents pass a filter, and of which entity they are: by a question for each, and where most are refused, by
/// one question for all.
pub(crate) struct Passing<'t> {
    tx: &'t Tx<'t>,
    one: CachedStatement<'t>,
    all: String,
    params: Vec<Sql>,
    asked: usize,
    known: Option<HashMap<i64, i64>>,
}

impl<'t> Passing<'t> {
    /// `one` answers with the entity of a document, its first parameter; `all` with every document and its entity.
    pub(crate) fn new(tx: &'t Tx<'t>, one: &str, all: String, params: Vec<Sql>) -> Result<Self> {
        Ok(Self { tx, one: prepare(tx, one, &params)?, all, params, asked: 0, known: None })
    }

    /// Every document that passes, with its entity.
    pub(crate) fn all(&mut self) -> Result<&HashMap<i64, i64>> {
        if self.known.is_none() {
            let params = rusqlite::params_from_iter(&self.params);
            let rows: Vec<(i64, i64)> = self.tx.all(&self.all, params, |row| Ok((row.get(0)?, row.get(1)?)))?;
            self.known = Some(rows.into_iter().collect());
        }
        Ok(self.known.get_or_insert_default())
    }

    /// The entity of a document that passes; `seen` is shown the row where there is one of this document alone.
    pub(crate) fn entity_of_row(
        &mut self,
        doc: i64,
        seen: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<Option<i64>> {
        self.asked += 1;
        if self.asked > ASKED_MAX || self.known.is_some() {
            return Ok(self.all()?.get(&doc).copied());
        }
        self.one.raw_bind_parameter(1, doc)?;
        let mut rows = self.one.raw_query();
        let Some(row) = rows.next()? else { return Ok(None) };
        seen(row)?;
        Ok(row.get(0)?)
    }
}

impl Tx<'_> {
    /// The best current wordings for `query`, best first, at most `limit`.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn search_memories(&self, query: &TextQuery, filter: &ListFilter, limit: usize) -> Result<Vec<TextHit>> {
        self.search_noting(query, filter, limit, &mut self.current(filter))
    }

    /// The same; what is asked of documents on the way is noted in `current`, which must be of the same filter.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn search_noting(
        &self,
        query: &TextQuery,
        filter: &ListFilter,
        limit: usize,
        current: &mut Current<'_>,
    ) -> Result<Vec<TextHit>> {
        if matches!(&filter.scope, Scope::Of(namespaces) if namespaces.is_empty()) {
            return Ok(Vec::new());
        }
        if filter.moment != Moment::Latest {
            return self.search_memories_at(query, filter, limit);
        }
        let (clause, params) = filter.clause();
        let all = format!("SELECT m.text_pos, m.entity FROM memories m WHERE {clause}");
        let mut passing = Passing::new(self, &current.sql, all, params)?;
        self.search_text(query, &filter.scope, i64::MAX, limit, |doc| {
            let mut brief = None;
            let entity = passing.entity_of_row(doc, |row| {
                brief = Some(Brief::read(row)?);
                Ok(())
            })?;
            // One that passed by the question for all was not read.
            if entity.is_none() || brief.is_some() {
                current.known.insert(doc, brief);
            }
            Ok(entity)
        })
    }

    /// Questions about documents and one filter, none asked yet.
    #[must_use]
    pub fn current(&self, filter: &ListFilter) -> Current<'_> {
        let (clause, params) = filter.clause();
        let sql = format!(
            "SELECT {BRIEF} FROM changes c JOIN memories m ON m.entity = {READS_AS} AND m.text_pos = c.pos WHERE c.pos = ? AND {clause}"
        );
        Current { tx: self, sql, params, one: None, known: HashMap::new() }
    }

    /// The same over the wordings of a moment: old wordings stay in the index until purge (J13).
    fn search_memories_at(&self, query: &TextQuery, filter: &ListFilter, limit: usize) -> Result<Vec<TextHit>> {
        let mut of_document = self.statement("SELECT entity FROM changes WHERE pos = ?1")?;
        self.search_text(query, &filter.scope, filter.moment.upto(), limit, |doc| {
            let Some(entity) = of_document.query_row([doc], |row| row.get(0)).optional()? else { return Ok(None) };
            let Some(memory) = self.memory(entity, filter.moment)? else { return Ok(None) };
            let passes = memory.text_pos == doc && filter.takes(&memory, self.namespace_of(memory.num)?);
            Ok(passes.then_some(memory.num))
        })
    }

    /// Memories in an order that is the same on every store: by the hlc with which each was written, then by id. Ids are read of those alone
    /// that were written at the same time.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn in_order_of_writing(&self, written: impl IntoIterator<Item = (i64, i64)>) -> Result<Vec<i64>> {
        let mut ranked: Vec<(i64, i64)> = written.into_iter().map(|(entity, hlc)| (hlc, entity)).collect();
        ranked.sort_unstable();
        let mut in_order = Vec::with_capacity(ranked.len());
        for at_once in ranked.chunk_by(|one, next| one.0 == next.0) {
            match at_once {
                [(_, entity)] => in_order.push(*entity),
                several => {
                    let with_id = several.iter().map(|(_, entity)| Ok((self.entity(*entity)?.id, *entity)));
                    let mut with_id = with_id.collect::<Result<Vec<_>>>()?;
                    with_id.sort_unstable();
                    in_order.extend(with_id.into_iter().map(|(_, entity)| entity));
                }
            }
        }
        Ok(in_order)
    }

    /// What fusion looks at of these memories, in no order.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn briefs(&self, entities: &[i64]) -> Result<Vec<Brief>> {
        let mut statement = self.statement(&format!("SELECT {BRIEF} FROM memories m WHERE m.entity = ?1"))?;
        let mut briefs = Vec::with_capacity(entities.len());
        for entity in entities {
            let mut rows = statement.query([entity])?;
            if let Some(row) = rows.next()? {
                briefs.push(Brief::read(row)?);
            }
        }
        Ok(briefs)
    }
}
