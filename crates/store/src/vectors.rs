//! Vectors: inputs beside the journal, keyed by the document that they are of, its chunk and the model (I4, J13).
//!
//! **Invariant:** a vector is never compared with one of another model; a wording that is not current has none.

use crate::Result;
use crate::open::Store;
use crate::tx::Tx;
use jay_types::change::Journal;
use rusqlite::{OptionalExtension as _, params};

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
}

impl Tx<'_> {
    fn model(&self, id: &str) -> Result<Option<i64>> {
        Ok(self.statement("SELECT num FROM models WHERE id = ?1")?.query_row([id], |row| row.get(0)).optional()?)
    }

    /// Drops the vectors of a memory's wordings, and the jobs that would make them, but for one wording.
    pub(crate) fn drop_vectors(&self, entity: i64, keep: Option<i64>) -> Result<()> {
        let docs = "SELECT pos FROM changes WHERE entity = ?1 AND pos IS NOT ?2";
        self.execute(
            &format!("DELETE FROM vectors WHERE model IN (SELECT num FROM models) AND pos IN ({docs})"),
            params![entity, keep],
        )?;
        self.execute(&format!("DELETE FROM jobs WHERE kind = 'embed' AND subject IN ({docs})"), params![entity, keep])?;
        Ok(())
    }

    /// True where the document may have vectors: a current wording, or a message that is here.
    fn takes_vectors(&self, doc: i64) -> Result<bool> {
        let sql = match self.journal {
            Journal::Memory => {
                "SELECT 1 FROM changes c JOIN memories m ON m.entity = c.entity AND m.text_pos = c.pos WHERE c.pos = ?1"
            }
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
            tx.execute("INSERT OR IGNORE INTO models(id, dimension) VALUES(?1, ?2)", params![model, dimension as i64])?;
            let number = tx.model(model)?;
            let mut stored = Vec::new();
            for vector in vectors {
                if !tx.takes_vectors(vector.doc)? {
                    // It was reworded or purged while the model worked.
                    continue;
                }
                tx.execute(
                    "INSERT OR REPLACE INTO vectors(model, pos, chunk, first, last, code) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
                    params![number, vector.doc, vector.chunk, vector.first, vector.last, vector.code],
                )?;
                stored.push((vector.doc, vector.chunk, vector.code.as_slice()));
            }
            if let Some(number) = number.filter(|_| !stored.is_empty()) {
                tx.note_vectors(number, stored.iter().copied())?;
            }
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
}
