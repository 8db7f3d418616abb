//! Which documents have no vectors yet, told without looking at each.
//!
//! There are two lanes: the vectors of the table that is compiled in, and those of a model that somebody installed. While
//! every writer of a store wants the vectors of one model in a lane, a document has them or waits as a job of it: then the
//! jobs tell what is missing. The name of that model is a local record. A writer that wants others, or none, takes it away;
//! whoever runs jobs queues what is missing and puts it back.
//!
//! **Invariant:** while a lane's record names a model, every current wording and every shown message has vectors of it or a
//! job of that lane.

use crate::Result;
use crate::held::HELD;
use crate::open::Store;
use crate::project::alias::READS_AS;
use crate::read::list::ListFilter;
use crate::tx::Tx;
use crate::vectors::WantedVectors;
use jay_types::change::Journal;
use rusqlite::types::Value as Sql;

/// Whose vectors: two models are wanted at the same time, each with its own jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// [`crate::StoreOptions::embedder`]
    Table,
    /// [`crate::StoreOptions::model`]
    Model,
}

impl Lane {
    const ALL: [Self; 2] = [Self::Table, Self::Model];

    /// Name of the record in `meta`.
    const fn record(self) -> &'static str {
        match self {
            Self::Table => "embedded_by",
            Self::Model => "embedded_by_model",
        }
    }

    /// Kind of its jobs.
    pub(crate) const fn job(self) -> &'static str {
        match self {
            Self::Table => "embed",
            Self::Model => "embed_model",
        }
    }
}

/// Waiting messages that are counted.
const COUNTED_MAX: u64 = 10_000;

impl Tx<'_> {
    /// The lanes in which vectors are wanted, with whose.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = (Lane, &WantedVectors)> {
        Lane::ALL.into_iter().filter_map(|lane| Some((lane, self.wanted(lane)?)))
    }

    fn wanted(&self, lane: Lane) -> Option<&WantedVectors> {
        match lane {
            Lane::Table => self.embedder,
            Lane::Model => self.model,
        }
    }

    /// The lane whose jobs tell what has no vectors of the model.
    fn lane_of(&self, model: &str) -> Result<Option<Lane>> {
        for lane in Lane::ALL {
            if self.meta_text(lane.record())?.as_deref() == Some(model) {
                return Ok(Some(lane));
            }
        }
        Ok(None)
    }

    /// Takes the record away where this writer leaves documents without vectors of its model.
    pub(crate) fn note_embedder(&self) -> Result<()> {
        for lane in Lane::ALL {
            let wanted = self.wanted(lane).map(|wanted| wanted.model.as_str());
            if self.meta_text(lane.record())?.is_some_and(|model| wanted != Some(model.as_str())) {
                self.execute("DELETE FROM meta WHERE name = ?1", [lane.record()])?;
            }
        }
        Ok(())
    }

    /// Takes the record of a model away, whose vectors are dropped.
    pub(crate) fn forget_embedder(&self, model: &str) -> Result<()> {
        if let Some(lane) = self.lane_of(model)? {
            self.execute("DELETE FROM meta WHERE name = ?1", [lane.record()])?;
        }
        Ok(())
    }

    /// In a new store nothing is missing.
    pub(crate) fn begin_embedder(&self) -> Result<()> {
        for (lane, wanted) in self.lanes() {
            self.set_meta_text(lane.record(), &wanted.model)?;
        }
        Ok(())
    }

    /// How many current wordings in the filter have no vector of `model` and are to have one.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn not_embedded(&self, model: &str, filter: &ListFilter) -> Result<u64> {
        let (clause, mut params) = filter.clause();
        let sql = if let Some(lane) = self.lane_of(model)? {
            params.insert(0, Sql::from(lane.job().to_owned()));
            format!(
                // The few that wait come first, whatever the planner thinks of the filter.
                "SELECT count(*) FROM jobs j CROSS JOIN changes c ON c.pos = j.subject
                   CROSS JOIN memories m ON m.entity = {READS_AS} AND m.text_pos = c.pos
                 WHERE j.kind = ? AND j.state <> '{HELD}' AND {clause}"
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
        let Some(lane) = self.lane_of(model)? else {
            let is_empty = self.one("SELECT 1 FROM messages LIMIT 1", [], |_| Ok(()))?.is_none();
            return Ok(is_empty.then_some((0, false)));
        };
        let sql = "SELECT count(*) FROM (SELECT 1 FROM jobs WHERE kind = ?2 AND state <> ?3 LIMIT ?1)";
        let count = self.number(sql, rusqlite::params![COUNTED_MAX as i64 + 1, lane.job(), HELD])? as u64;
        Ok(Some((count.min(COUNTED_MAX), count > COUNTED_MAX)))
    }

    /// True where each lane's jobs tell what is missing of what is wanted.
    fn all_known(&self) -> Result<bool> {
        for (lane, wanted) in self.lanes() {
            if self.meta_text(lane.record())?.as_deref() != Some(wanted.model.as_str()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn queue_missing(&self, now: i64) -> Result<()> {
        for (lane, wanted) in self.lanes() {
            if self.meta_text(lane.record())?.as_deref() != Some(wanted.model.as_str()) {
                self.queue_missing_in(lane, wanted, now)?;
            }
        }
        Ok(())
    }

    fn queue_missing_in(&self, lane: Lane, wanted: &WantedVectors, now: i64) -> Result<()> {
        let model = self.model_number(&wanted.model, wanted.dimension)?;
        let documents = match self.journal {
            Journal::Memory => "SELECT text_pos AS doc FROM memories WHERE text_pos IS NOT NULL",
            Journal::Archive => "SELECT doc FROM messages WHERE searchable = 1 AND superseded = 0",
        };
        self.execute(
            &format!(
                "INSERT OR IGNORE INTO jobs(kind, subject, queued_at) SELECT ?3, d.doc, ?1 FROM ({documents}) d
                 WHERE NOT EXISTS(SELECT 1 FROM vectors v WHERE v.model = ?2 AND v.pos = d.doc)"
            ),
            rusqlite::params![now, model, lane.job()],
        )?;
        self.set_meta_text(lane.record(), &wanted.model)
    }
}

impl Store {
    /// Queues what has no vectors of the wanted models: from before it was wanted, or by writers that wanted another.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn queue_missing_vectors(&self) -> Result<()> {
        if !self.exists() || self.read(|tx| tx.all_known())? {
            return Ok(());
        }
        let now = self.options.surroundings.now().0;
        self.local_write(|tx| tx.queue_missing(now))
    }
}
