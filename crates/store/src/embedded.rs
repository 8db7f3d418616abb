//! Which documents have no vectors yet, told without looking at each.
//!
//! While every writer of a store wants the vectors of one model, a document has them or waits as a job: then the jobs tell
//! what is missing. The name of that model is a local record. A writer that wants others, or none, takes it away; whoever
//! runs jobs queues what is missing and puts it back.
//!
//! **Invariant:** while the record names a model, every current wording and every shown message has vectors of it or a job.

use crate::Result;
use crate::open::Store;
use crate::read::list::ListFilter;
use crate::tx::Tx;
use jay_types::change::Journal;
use rusqlite::types::Value as Sql;

/// Name of the record in `meta`.
const MODEL: &str = "embedded_by";
/// Waiting messages that are counted.
const COUNTED_MAX: u64 = 10_000;

impl Tx<'_> {
    /// True where jobs tell what has no vectors of the model.
    fn is_known(&self, model: &str) -> Result<bool> {
        Ok(self.meta_text(MODEL)?.as_deref() == Some(model))
    }

    /// Takes the record away where this writer leaves documents without vectors of its model.
    pub(crate) fn note_embedder(&self) -> Result<()> {
        let wanted = self.embedder.map(|wanted| wanted.model.as_str());
        if self.meta_text(MODEL)?.is_some_and(|model| wanted != Some(model.as_str())) {
            self.execute("DELETE FROM meta WHERE name = ?1", [MODEL])?;
        }
        Ok(())
    }

    /// In a new store nothing is missing.
    pub(crate) fn begin_embedder(&self) -> Result<()> {
        match self.embedder {
            Some(wanted) => self.set_meta_text(MODEL, &wanted.model),
            None => Ok(()),
        }
    }

    /// How many current wordings in the filter have no vector of `model`.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn not_embedded(&self, model: &str, filter: &ListFilter) -> Result<u64> {
        let (clause, mut params) = filter.clause();
        let sql = if self.is_known(model)? {
            format!(
                // The few that wait come first, whatever the planner thinks of the filter.
                "SELECT count(*) FROM jobs j CROSS JOIN changes c ON c.pos = j.subject
                   CROSS JOIN memories m ON m.entity = c.entity AND m.text_pos = c.pos
                 WHERE j.kind = 'embed' AND {clause}"
            )
        } else {
            params.insert(0, Sql::from(model.to_owned()));
            format!(
                "SELECT count(*) FROM memories m WHERE NOT EXISTS(
                   SELECT 1 FROM vectors v JOIN models o ON o.num = v.model WHERE o.id = ? AND v.pos = m.text_pos) AND {clause}"
            )
        };
        Ok(self.number(&sql, rusqlite::params_from_iter(params))? as u64)
    }

    /// How many messages have no vector of `model`, as far as they are counted: none where that is not known, with true
    /// where there are more.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn messages_not_embedded(&self, model: &str) -> Result<Option<(u64, bool)>> {
        if !self.is_known(model)? {
            return Ok(None);
        }
        let sql = "SELECT count(*) FROM (SELECT 1 FROM jobs WHERE kind = 'embed' LIMIT ?1)";
        let count = self.number(sql, [COUNTED_MAX as i64 + 1])? as u64;
        Ok(Some((count.min(COUNTED_MAX), count > COUNTED_MAX)))
    }

    fn queue_missing(&self, now: i64) -> Result<()> {
        let Some(wanted) = self.embedder else { return Ok(()) };
        if self.is_known(&wanted.model)? {
            return Ok(());
        }
        let model = self.model_number(&wanted.model, wanted.dimension)?;
        let documents = match self.journal {
            Journal::Memory => "SELECT text_pos AS doc FROM memories WHERE text_pos IS NOT NULL",
            Journal::Archive => "SELECT doc FROM messages WHERE searchable = 1 AND superseded = 0",
        };
        self.execute(
            &format!(
                "INSERT OR IGNORE INTO jobs(kind, subject, queued_at) SELECT 'embed', d.doc, ?1 FROM ({documents}) d
                 WHERE NOT EXISTS(SELECT 1 FROM vectors v WHERE v.model = ?2 AND v.pos = d.doc)"
            ),
            [now, model],
        )?;
        self.set_meta_text(MODEL, &wanted.model)
    }
}

impl Store {
    /// Queues what has no vectors of the wanted model: from before it was wanted, or by writers that wanted another.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn queue_missing_vectors(&self) -> Result<()> {
        let Some(wanted) = self.options.embedder.as_ref().filter(|_| self.exists()) else { return Ok(()) };
        if self.read(|tx| tx.is_known(&wanted.model))? {
            return Ok(());
        }
        let now = self.options.surroundings.now().0;
        self.local_write(|tx| tx.queue_missing(now))
    }
}
