//! Vectors: inputs beside the journal, keyed by the document that they are of, its chunk and the model (I4, J13).
//!
//! **Invariant:** a vector is never compared with one of another model; a wording that is not current has none.

use crate::Result;
use crate::embedded::Lane;
use crate::open::Store;
use crate::project::Absent;
use crate::project::alias::READS_AS;
use crate::tx::Tx;
use jay_types::change::Journal;
use rusqlite::{OptionalExtension as _, params};
use std::cell::LazyCell;

/// One vector of a chunk of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredVector {
    /// The document: position of a wording, or number of a message.
    pub doc: i64,
    /// 0, 1, … within the document.
    pub chunk: u32,
    /// First byte of the document's text.
    pub first: u32,
    /// One past the last byte.
    pub last: u32,
    /// The vector as its model encodes it.
    pub code: Vec<u8>,
    /// The chunk's distinct tokens, for late interaction; empty where none are wanted.
    pub tokens: Vec<u8>,
}

/// Whose vectors are wanted, and how they come to be. Given from outside, so that this crate knows no model.
#[derive(Clone, Debug)]
pub struct WantedVectors {
    /// Name and version of everything that decides the vectors.
    pub model: String,
    /// Length of every vector.
    pub dimension: usize,
    /// Makes the vectors of a document in the act that writes it, where that is a matter of microseconds; otherwise a job
    /// is queued.
    pub at_once: Option<fn(doc: i64, text: &str) -> Vec<StoredVector>>,
}

/// What projections of one transaction want embedded.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    /// With the lane that they are of.
    made: Vec<(Lane, StoredVector)>,
    /// Documents for which a job of the lane is queued.
    later: Vec<(Lane, i64)>,
}

impl Wishes {
    /// Forgets what was wished for documents that are gone.
    pub(crate) fn leave_out(&mut self, docs: std::ops::Range<i64>) {
        self.made.retain(|(_, made)| !docs.contains(&made.doc));
        self.later.retain(|(_, doc)| !docs.contains(doc));
    }
}

impl Tx<'_> {
    fn model(&self, id: &str) -> Result<Option<i64>> {
        Ok(self.statement("SELECT num FROM models WHERE id = ?1")?.query_row([id], |row| row.get(0)).optional()?)
    }

    /// Notes that a wording is to have vectors, where it has none yet.
    pub(crate) fn wish(
        &self,
        wishes: &mut Wishes,
        doc: i64,
        absent: Absent,
        text: impl FnOnce() -> String,
    ) -> Result<()> {
        let text = LazyCell::new(text);
        for (lane, wanted) in self.lanes() {
            if !absent.vectors && self.has_vectors(&wanted.model, doc)? {
                continue;
            }
            match wanted.at_once {
                Some(embed) => {
                    let vectors = self.vectors_of(lane, doc, &text, embed);
                    wishes.made.extend(vectors.into_iter().map(|made| (lane, made)));
                }
                None => wishes.later.push((lane, doc)),
            }
        }
        Ok(())
    }

    /// Stores what was made at once and queues the rest.
    pub(crate) fn grant(&self, wishes: &Wishes, now: i64) -> Result<()> {
        for (lane, wanted) in self.lanes() {
            let later: Vec<i64> = wishes.later.iter().filter(|(of, _)| *of == lane).map(|(_, doc)| *doc).collect();
            let made: Vec<StoredVector> =
                wishes.made.iter().filter(|(of, _)| *of == lane).map(|(_, made)| made.clone()).collect();
            if later.is_empty() && made.is_empty() {
                continue;
            }
            let model = self.model_number(&wanted.model, wanted.dimension)?;
            for doc in later {
                self.queue_embedding(lane, doc, model, now)?;
            }
            self.store_vectors(model, &made)?;
        }
        Ok(())
    }

    pub(crate) fn model_number(&self, id: &str, dimension: usize) -> Result<i64> {
        if let Some(number) = self.model(id)? {
            return Ok(number);
        }
        self.execute("INSERT INTO models(id, dimension) VALUES(?1, ?2)", params![id, dimension as i64])?;
        Ok(self.connection.last_insert_rowid())
    }

    fn store_vectors(&self, model: i64, vectors: &[StoredVector]) -> Result<()> {
        for vector in vectors {
            self.execute(
                "INSERT OR REPLACE INTO vectors(model, pos, chunk, first, last, code, tokens) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![model, vector.doc, vector.chunk, vector.first, vector.last, vector.code, vector.tokens],
            )?;
        }
        if vectors.is_empty() {
            return Ok(());
        }
        self.note_vectors(model, vectors.iter().map(|vector| (vector.doc, vector.chunk, vector.code.as_slice())))
    }

    /// The tokens of each document, its chunks one after the other; documents without vectors are left out.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn tokens(&self, model: &str, docs: &[i64]) -> Result<Vec<(i64, Vec<u8>)>> {
        let Some(model) = self.model(model)? else { return Ok(vec![]) };
        let mut statement =
            self.statement("SELECT tokens FROM vectors WHERE model = ?1 AND pos = ?2 ORDER BY chunk")?;
        let mut out = Vec::with_capacity(docs.len());
        for doc in docs {
            let mut rows = statement.query([model, *doc])?;
            let mut tokens: Option<Vec<u8>> = None;
            while let Some(row) = rows.next()? {
                let bytes = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
                tokens.get_or_insert_default().extend_from_slice(bytes);
            }
            out.extend(tokens.map(|tokens| (*doc, tokens)));
        }
        Ok(out)
    }

    /// Drops the vectors of a memory's wordings, and the jobs that would make them, but for one wording.
    pub(crate) fn drop_vectors(&self, entity: i64, keep: Option<i64>) -> Result<()> {
        let docs = "SELECT pos FROM changes WHERE entity = ?1 AND pos IS NOT ?2";
        self.execute(
            &format!("DELETE FROM vectors WHERE model IN (SELECT num FROM models) AND pos IN ({docs})"),
            params![entity, keep],
        )?;
        self.execute(
            &format!("DELETE FROM jobs WHERE kind IN ('embed', 'embed_model') AND subject IN ({docs})"),
            params![entity, keep],
        )?;
        Ok(())
    }

    /// True where the document may have vectors: a current wording, or a message that is here.
    fn takes_vectors(&self, doc: i64) -> Result<bool> {
        let sql = match self.journal {
            Journal::Memory => &format!(
                "SELECT 1 FROM changes c JOIN memories m ON m.entity = {READS_AS} AND m.text_pos = c.pos WHERE c.pos = ?1"
            ),
            Journal::Archive => "SELECT 1 FROM messages WHERE doc = ?1",
        };
        Ok(self.one(sql, [doc], |_| Ok(()))?.is_some())
    }

    /// True where the model has vectors of the document.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn has_vectors(&self, model: &str, doc: i64) -> Result<bool> {
        let Some(model) = self.model(model)? else { return Ok(false) };
        Ok(self.one("SELECT 1 FROM vectors WHERE model = ?1 AND pos = ?2", [model, doc], |_| Ok(()))?.is_some())
    }
}

impl Store {
    /// Stores documents' vectors, takes their jobs off the queue, and extends the model's index.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn put_vectors(&self, model: &str, dimension: usize, vectors: &[StoredVector], done: &[i64]) -> Result<()> {
        self.local_write(|tx| {
            // Another process may want the vectors of another model of documents whose jobs are done here.
            tx.note_embedder()?;
            let number = tx.model_number(model, dimension)?;
            let mut current = Vec::with_capacity(vectors.len());
            for vector in vectors {
                // It may have been reworded or purged while the model worked.
                if tx.takes_vectors(vector.doc)? {
                    current.push(vector.clone());
                }
            }
            tx.store_vectors(number, &current)?;
            for num in done {
                tx.execute("DELETE FROM jobs WHERE num = ?1", [num])?;
            }
            Ok(())
        })?;
        // The vectors are stored; a file that cannot follow is brought up by the next writer.
        if let Err(error) = self.extend_vector_index(model) {
            tracing::warn!(%error, "the vector index could not be extended");
        }
        Ok(())
    }

    /// Drops every vector of a model, with its index; gives how many there were.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn drop_model(&self, model: &str) -> Result<u64> {
        if !self.exists() {
            return Ok(0);
        }
        let dropped = self.local_write(|tx| -> Result<usize> {
            tx.forget_embedder(model)?;
            let Some(number) = tx.model(model)? else { return Ok(0) };
            tx.execute("DELETE FROM vectors WHERE model = ?1", [number])
        })?;
        if let Err(error) = self.erase_vector_index(model) {
            tracing::warn!(%error, "the vector index of a model that is gone could not be removed");
        }
        Ok(dropped as u64)
    }
}
