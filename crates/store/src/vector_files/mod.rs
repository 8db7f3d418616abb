//! The vector index of each model, kept beside the table it follows: reading through it, extending it, making it anew.
//!
//! A reader asks the file for the part that fits its snapshot, adds what the table has since, and scans the table where
//! no file fits. A writer extends the file after its commit, under the same lock; where that fails the vectors are
//! safe in the table and the next writer tries again.
//!
//! **Invariant:** readers write nothing (I6); the same answers come with and without a file, but for the neighbours
//! that sign codes miss.

use crate::Result;
use crate::open::Store;
use crate::read::namespaces::Scope;
use crate::tx::Tx;
use crate::vector_index::{
    Addition, Code, Content, Damage, Mark, Model, NEWER_MAX, Neighbour, Query, VectorIndex, VectorMath, erase, walk,
};
use jay_types::Timestamp;
use jay_types::change::Journal;
use rusqlite::params;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// The indexes of one store's models that this process has open.
#[derive(Debug)]
pub(crate) struct Indexes {
    directory: PathBuf,
    prefix: &'static str,
    math: VectorMath,
    open: Mutex<BTreeMap<String, Arc<VectorIndex>>>,
}

impl Indexes {
    pub(crate) fn new(directory: PathBuf, journal: Journal, math: VectorMath) -> Self {
        let prefix = match journal {
            Journal::Memory => "memory",
            Journal::Archive => "archive",
        };
        Self { directory, prefix, math, open: Mutex::new(BTreeMap::new()) }
    }

    fn of(&self, table: &Table) -> Arc<VectorIndex> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let known = open.get(&table.model.id).filter(|index| *index.model() == table.model);
        known.cloned().unwrap_or_else(|| {
            let index = VectorIndex::new(&self.directory, self.prefix, table.model.clone(), self.math);
            let index = Arc::new(index);
            open.insert(table.model.id.clone(), Arc::clone(&index));
            index
        })
    }

    /// Files of this store's indexes, half made ones too.
    fn files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let is_ours = |name: &str| name.starts_with(self.prefix) && name.contains(".vectors");
        entries.filter(|entry| is_ours(&entry.file_name().to_string_lossy())).map(|entry| entry.path()).collect()
    }
}

/// The rows of one model.
struct Table {
    num: i64,
    model: Model,
}

/// What a check of an index found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexCheck {
    /// The model.
    pub model: String,
    /// Records in the file.
    pub records: usize,
    /// Those of them that nothing finds any more.
    pub dropped: usize,
    /// What is wrong with the file.
    pub fault: Option<String>,
    /// Whether readers use it all the same; otherwise they scan the table.
    pub is_used: bool,
}

impl Tx<'_> {
    fn vector_table(&self, model: &str) -> Result<Option<Table>> {
        let sql = "SELECT num, dimension FROM models WHERE id = ?1";
        let found = self.one(sql, [model], |row| Ok((row.get(0)?, row.get::<_, u32>(1)?)))?;
        let model = |dimension| Model { id: model.to_owned(), dimension };
        Ok(found.map(|(num, dimension)| Table { num, model: model(dimension as usize) }))
    }

    fn vector_tables(&self) -> Result<Vec<Table>> {
        let ids: Vec<String> = self.all("SELECT id FROM models ORDER BY num", [], |row| row.get(0))?;
        ids.iter().filter_map(|id| self.vector_table(id).transpose()).collect()
    }

    /// The `k` documents whose vectors are nearest to `query` (a code of the model), of those that pass. The filter is
    /// asked from the nearest on until enough have passed; it must turn away what is not current.
    ///
    /// # Errors
    /// What SQLite says, what the filter returns.
    pub fn nearest(
        &self,
        model: &str,
        query: &[u8],
        scope: &Scope,
        k: usize,
        filter: &mut dyn FnMut(i64) -> Result<bool>,
    ) -> Result<Vec<Neighbour>> {
        let Some(table) = self.vector_table(model)? else { return Ok(vec![]) };
        let Some(query) = Query::read(query, table.model.dimension, self.indexes.math) else { return Ok(vec![]) };
        let scope = scope_numbers(scope);
        let mut failed = None;
        let mut passes = |doc: i64, _: u32| match failed {
            // The walk ends soonest when everything passes.
            Some(_) => true,
            None => filter(doc).unwrap_or_else(|error| {
                failed = Some(error);
                true
            }),
        };
        let found = match self.nearest_in_file(&table, &query, scope.as_deref(), k, &mut passes)? {
            Ok(found) => found,
            Err(damage) => {
                tracing::debug!(model, %damage, "the vector index is not used");
                self.nearest_in_table(&table, &query, scope.as_deref(), k, &mut passes)?
            }
        };
        failed.map_or(Ok(found), Err)
    }

    fn nearest_in_file(
        &self,
        table: &Table,
        query: &Query,
        scope: Option<&[u32]>,
        k: usize,
        filter: &mut dyn FnMut(i64, u32) -> bool,
    ) -> Result<Result<Vec<Neighbour>, Damage>> {
        let index = self.indexes.of(table);
        let search = match index.at(&self.vector_content(table.num)?) {
            Ok(search) => search,
            Err(damage) => return Ok(Err(damage)),
        };
        let mut newer = Vec::new();
        for doc in search.newer() {
            let namespace = self.document_namespace(*doc)?;
            if scope.is_none_or(|scope| scope.contains(&namespace)) {
                newer.extend(self.score_document(table, query, *doc, namespace)?);
            }
        }
        Ok(search.nearest(query, k, scope, &newer, filter))
    }

    fn nearest_in_table(
        &self,
        table: &Table,
        query: &Query,
        scope: Option<&[u32]>,
        k: usize,
        filter: &mut dyn FnMut(i64, u32) -> bool,
    ) -> Result<Vec<Neighbour>> {
        let mut scored = Vec::new();
        let mut statement = self.statement("SELECT pos, chunk, code FROM vectors WHERE model = ?1")?;
        let mut rows = statement.query([table.num])?;
        while let Some(row) = rows.next()? {
            let code = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
            if let Some(code) = Code::read(code, table.model.dimension) {
                let score = query.score(&code, self.indexes.math);
                scored.push(Neighbour { doc: row.get(0)?, chunk: row.get(1)?, namespace: 0, score });
            }
        }
        scored.sort_unstable_by(Neighbour::order);
        let mut failed = None;
        let mut passes = |doc: i64, _: u32| match self.document_namespace(doc) {
            Ok(namespace) => scope.is_none_or(|scope| scope.contains(&namespace)) && filter(doc, namespace),
            Err(error) => {
                failed = Some(error);
                true
            }
        };
        let (found, _) = walk(&scored, k, &mut HashMap::new(), &mut passes);
        failed.map_or(Ok(found), Err)
    }

    /// The cosine of each document's nearest chunk with `query`; documents without a vector are left out.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn cosines(&self, model: &str, query: &[u8], docs: &[i64]) -> Result<BTreeMap<i64, f32>> {
        let Some(table) = self.vector_table(model)? else { return Ok(BTreeMap::new()) };
        let Some(query) = Query::read(query, table.model.dimension, self.indexes.math) else {
            return Ok(BTreeMap::new());
        };
        let index = self.indexes.of(&table);
        let content = self.vector_content(table.num)?;
        let from_file = index.at(&content).and_then(|search| {
            let newer: BTreeSet<i64> = search.newer().iter().copied().collect();
            Ok((search.cosines(&query, docs)?, newer))
        });
        let (mut scores, left): (BTreeMap<i64, f32>, Vec<i64>) = match from_file {
            Ok((found, newer)) => (
                found.into_iter().map(|(doc, neighbour)| (doc, neighbour.score)).collect(),
                docs.iter().copied().filter(|doc| newer.contains(doc)).collect(),
            ),
            Err(_) => (BTreeMap::new(), docs.to_vec()),
        };
        for doc in left {
            let chunks = self.score_document(&table, &query, doc, 0)?;
            if let Some(best) = chunks.iter().map(|chunk| chunk.score).max_by(f32::total_cmp) {
                scores.insert(doc, best);
            }
        }
        Ok(scores)
    }

    /// The chunks of a document as the table has them.
    fn score_document(&self, table: &Table, query: &Query, doc: i64, namespace: u32) -> Result<Vec<Neighbour>> {
        let rows = self.document_codes(table.num, doc)?;
        let scored = rows.iter().filter_map(|(chunk, code)| {
            let score = query.score(&Code::read(code, table.model.dimension)?, self.indexes.math);
            Some(Neighbour { doc, chunk: *chunk, namespace, score })
        });
        Ok(scored.collect())
    }

    fn document_codes(&self, model: i64, doc: i64) -> Result<Vec<(u32, Vec<u8>)>> {
        let sql = "SELECT chunk, code FROM vectors WHERE model = ?1 AND pos = ?2 ORDER BY chunk";
        self.all(sql, [model, doc], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// What tells documents and namespaces together: `d.doc`, `d.entity`.
    const fn documents(&self) -> &'static str {
        match self.journal {
            Journal::Memory => "(SELECT pos AS doc, entity FROM changes)",
            Journal::Archive => "(SELECT doc, entity FROM messages)",
        }
    }

    /// The number of a document's namespace; one that nobody has where the document is not here.
    fn document_namespace(&self, doc: i64) -> Result<u32> {
        let sql = format!(
            "SELECT e.namespace FROM {} d JOIN entities e ON e.num = d.entity WHERE d.doc = ?1",
            self.documents()
        );
        Ok(self.one(&sql, [doc], |row| row.get(0))?.map_or(NOWHERE, namespace_number))
    }

    /// What led to the vectors of a model, as this snapshot knows it.
    fn vector_content(&self, model: i64) -> Result<Content> {
        let sql = "SELECT value FROM meta WHERE name = ?1";
        let bytes: Option<Vec<u8>> = self.one(sql, [content_name(model)], |row| row.get(0))?;
        Ok(bytes.map_or_else(Content::default, |bytes| Content::from_bytes(&bytes)))
    }

    fn set_vector_content(&self, model: i64, content: &Content) -> Result<()> {
        self.execute(
            "INSERT OR REPLACE INTO meta(name, value) VALUES(?1, ?2)",
            params![content_name(model), content.to_bytes()],
        )?;
        Ok(())
    }

    /// Notes which vectors were stored, in the transaction that stores them.
    pub(crate) fn note_vectors<'a>(
        &self,
        model: i64,
        stored: impl Iterator<Item = (i64, u32, &'a [u8])> + Clone,
    ) -> Result<()> {
        let mut content = self.vector_content(model)?;
        let docs: BTreeSet<i64> = stored.clone().map(|(doc, ..)| doc).collect();
        content.push(content.mark().after(stored), docs.into_iter().collect());
        self.set_vector_content(model, &content)
    }

    /// Brings the file up to the table. Runs under the write lock, outside of a transaction.
    fn extend_index(&self, table: &Table, now: Timestamp) -> Result<()> {
        let index = self.indexes.of(table);
        let content = self.vector_content(table.num)?;
        let newer = match index.at(&content) {
            // A file that went on from a state of ours in another way is of another past.
            Ok(search) if search.is_whole() && !index.is_worn().unwrap_or(true) => search.newer().to_vec(),
            _ => return self.remake_index(table, now, false),
        };
        if newer.is_empty() {
            return Ok(());
        }
        let (mut rows, mut dropped) = (Vec::new(), Vec::new());
        for doc in newer {
            let codes = self.document_codes(table.num, doc)?;
            let namespace = self.document_namespace(doc)?;
            dropped.push(doc);
            if self.journal == Journal::Memory {
                let sql = "SELECT o.pos FROM changes c JOIN changes o ON o.entity = c.entity WHERE c.pos = ?1";
                dropped.extend(self.all(sql, [doc], |row| row.get::<_, i64>(0))?);
            }
            rows.extend(codes.into_iter().map(|(chunk, code)| (doc, chunk, namespace, code)));
        }
        let is_code = |code: &[u8]| Code::read(code, table.model.dimension).is_some();
        let additions = rows.iter().filter(|(.., code)| is_code(code)).map(|(doc, chunk, namespace, code)| Addition {
            doc: *doc,
            chunk: *chunk,
            namespace: *namespace,
            code,
        });
        match index.append(&additions.collect::<Vec<_>>(), &dropped, content.mark()) {
            Ok(()) => Ok(()),
            Err(damage) => {
                tracing::debug!(model = table.model.id, %damage, "the vector index is made anew");
                self.remake_index(table, now, false)
            }
        }
    }

    /// Makes the file anew from the table; without vectors there is none.
    fn remake_index(&self, table: &Table, now: Timestamp, erase_old: bool) -> Result<()> {
        let index = self.indexes.of(table);
        let mut content = self.vector_content(table.num)?;
        if content.mark() == Mark::default() {
            // Vectors from before there were indexes.
            content.push(content.mark().after(std::iter::empty()), vec![]);
            self.set_vector_content(table.num, &content)?;
        }
        let sql = format!(
            "SELECT v.pos, v.chunk, v.code, e.namespace FROM vectors v JOIN {} d ON d.doc = v.pos
             JOIN entities e ON e.num = d.entity WHERE v.model = ?1 ORDER BY v.pos, v.chunk",
            self.documents()
        );
        let mut statement = self.statement(&sql)?;
        let mut rows = statement.query([table.num])?;
        let mut builder = None;
        while let Some(row) = rows.next()? {
            let code = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
            if Code::read(code, table.model.dimension).is_none() {
                continue;
            }
            let builder = match &mut builder {
                Some(builder) => builder,
                none => none.insert(index.build()?),
            };
            let namespace = namespace_number(row.get(3)?);
            builder.push(&Addition { doc: row.get(0)?, chunk: row.get(1)?, namespace, code })?;
        }
        match builder {
            Some(builder) => Ok(builder.finish(content.mark(), now.0 as u64, erase_old)?),
            None => Ok(index.erase()?),
        }
    }

    /// Makes every index anew and overwrites what was there, strays too: nothing of what was purged is left in one.
    pub(crate) fn remake_indexes(&self, now: Timestamp) -> Result<()> {
        let mut kept = Vec::new();
        for table in self.vector_tables()? {
            self.remake_index(&table, now, true)?;
            kept.push(self.indexes.of(&table).path().to_owned());
        }
        for file in self.indexes.files().iter().filter(|file| !kept.contains(file)) {
            erase(file)?;
        }
        Ok(())
    }

    /// Looks at every byte of the indexes.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn check_vector_indexes(&self) -> Result<Vec<IndexCheck>> {
        let mut checks = Vec::new();
        for table in self.vector_tables()? {
            let index = self.indexes.of(&table);
            let has_rows = self.one("SELECT 1 FROM vectors WHERE model = ?1 LIMIT 1", [table.num], |_| Ok(()))?;
            let content = self.vector_content(table.num)?;
            let opened = index.at(&content).map(drop);
            let is_used = opened.is_ok();
            let verified = opened.and_then(|()| index.verify());
            let (records, dropped, fault) = match verified {
                Ok((records, dropped)) => (records, dropped, None),
                Err(Damage::Missing) if has_rows.is_none() => (0, 0, None),
                Err(damage) => (0, 0, Some(damage.to_string())),
            };
            checks.push(IndexCheck { model: table.model.id, records, dropped, fault, is_used });
        }
        Ok(checks)
    }
}

impl Store {
    /// Brings a model's index up to what is stored. Not inside a group that this thread holds open: its transaction goes
    /// on, and the next writer does it.
    pub(crate) fn extend_vector_index(&self, model: &str) -> Result<()> {
        if self.group.is_held_here() {
            return Ok(());
        }
        let now = self.options.surroundings.now();
        self.group.exclusively(
            || self.open_writer(),
            &self.ready()?,
            |connection| {
                let tx = self.tx(connection);
                tx.vector_table(model)?.map_or(Ok(()), |table| tx.extend_index(&table, now))
            },
        )
    }

    /// Removes the index of a model.
    pub(crate) fn erase_vector_index(&self, model: &str) -> Result<()> {
        self.group.exclusively(
            || self.open_writer(),
            &self.ready()?,
            |connection| {
                let tx = self.tx(connection);
                tx.vector_table(model)?.map_or(Ok(()), |table| Ok(tx.indexes.of(&table).erase()?))
            },
        )
    }

    /// Brings the index of the wanted vectors up to the table where many are not in it yet: each of those is scored from the
    /// table at every search. Called after acknowledgements.
    ///
    /// # Errors
    /// As [`Store::write`]; the vectors are safe in the table.
    pub fn extend_vectors_if_behind(&self) -> Result<()> {
        let Some(wanted) = self.options.embedder.as_ref().filter(|_| self.exists()) else { return Ok(()) };
        let behind = self.read(|tx| -> Result<bool> {
            let Some(table) = tx.vector_table(&wanted.model)? else { return Ok(false) };
            let content = tx.vector_content(table.num)?;
            if content.mark() == Mark::default() {
                return Ok(false);
            }
            let index = tx.indexes.of(&table);
            Ok(index.at(&content).map_or(true, |search| search.newer().len() >= NEWER_MAX))
        })?;
        if behind { self.extend_vector_index(&wanted.model) } else { Ok(()) }
    }

    /// Makes the vector indexes anew from the table.
    ///
    /// # Errors
    /// `busy` where writers do not let go, `io` where there is no room.
    pub fn remake_vector_indexes(&self) -> Result<()> {
        let now = self.options.surroundings.now();
        self.group.exclusively(
            || self.open_writer(),
            &self.ready()?,
            |connection| self.tx(connection).remake_indexes(now),
        )
    }
}

/// The namespace of what is in none.
const NOWHERE: u32 = u32::MAX - 1;

fn namespace_number(number: i64) -> u32 {
    u32::try_from(number).map_or(NOWHERE, |number| number.min(NOWHERE))
}

fn scope_numbers(scope: &Scope) -> Option<Vec<u32>> {
    match scope {
        Scope::All => None,
        Scope::Of(namespaces) => {
            let numbers: BTreeSet<u32> = namespaces.iter().copied().map(namespace_number).collect();
            Some(numbers.into_iter().collect())
        }
    }
}

/// The local record of what led to a model's vectors.
fn content_name(model: i64) -> String {
    format!("vector content {model}")
}
