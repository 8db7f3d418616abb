//! The vector index of each model, kept beside the table it follows: reading through it, extending it, making it anew.
//!
//! A reader asks the file for the part that fits its snapshot, adds what the table has since, and scans the table where
//! no file fits. A writer extends the file after its commit, under the same lock; where that fails the vectors are
//! safe in the table and the next writer tries again.
//!
//! **Invariant:** readers write nothing (I6); the same answers come with and without a file, but for the neighbours
//! that sign codes miss.

mod tend;

pub use tend::IndexCheck;

use crate::Result;
use crate::read::namespaces::Scope;
use crate::tx::Tx;
use crate::vector_index::{Code, Content, Damage, Model, Neighbour, Query, VectorIndex, VectorMath, walk};
use jay_types::change::Journal;
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
