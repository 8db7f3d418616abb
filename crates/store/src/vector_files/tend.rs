//! Extending, making anew, checking: what a writer does for the files.
//!
//! **Invariant:** all of it runs under the write lock and after the commit, but for the note of what was stored, which is
//! part of the transaction.

use super::{Table, content_name, namespace_number};
use crate::Result;
use crate::open::Store;
use crate::tx::Tx;
use crate::vector_index::{Addition, Code, Content, Damage, Mark, NEWER_MAX, erase};
use jay_types::Timestamp;
use jay_types::change::Journal;
use rusqlite::params;
use std::collections::BTreeSet;

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
