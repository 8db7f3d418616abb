//! Work that is queued in the act that needs it and done later: embedding, scrubbing.
//!
//! **Invariant:** a job holds ids, never text; doing it twice does no harm.

use crate::Result;
use crate::embedded::Lane;
use crate::held::HELD;
use crate::open::Store;
use crate::tx::Tx;
use jay_types::Timestamp;
use rusqlite::params;

/// Times that a job is tried before it waits for a person.
const ATTEMPTS_MAX: u32 = 5;
/// Microseconds before the second try; doubled for each further one.
const RETRY_FROM: i64 = 30_000_000;

/// A queued job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its local number.
    pub num: i64,
    /// `embed`, `embed_model`, `scrub`, `alias` or `move`.
    pub kind: String,
    /// The document that it is about, for `alias` and `move` the memory; 0 for the whole store.
    pub subject: i64,
    /// `pending`, `failed` or `held`.
    pub state: String,
    /// Tries so far.
    pub attempts: u32,
    /// Why the last try failed.
    pub error: Option<String>,
    /// When it was queued.
    pub queued_at: Timestamp,
}

impl Tx<'_> {
    pub(crate) fn queue_job(&self, kind: &str, subject: i64, now: i64) -> Result<()> {
        self.execute(
            "INSERT INTO jobs(kind, subject, queued_at) VALUES(?1, ?2, ?3)
             ON CONFLICT(kind, subject) DO UPDATE SET state = 'pending', attempts = 0, not_before = 0, error = NULL",
            params![kind, subject, now],
        )?;
        Ok(())
    }

    /// Queues a wording or message for embedding, unless it has vectors of the model (by number) or waits already.
    pub(crate) fn queue_embedding(&self, lane: Lane, doc: i64, model: i64, now: i64) -> Result<()> {
        self.execute(
            "INSERT OR IGNORE INTO jobs(kind, subject, queued_at)
             SELECT ?4, ?1, ?2 WHERE NOT EXISTS(SELECT 1 FROM vectors WHERE model = ?3 AND pos = ?1)",
            params![doc, now, model, lane.job()],
        )?;
        Ok(())
    }

    /// Up to `limit` jobs, oldest first; `due_at` leaves out those that wait for a later try.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn jobs(&self, due_at: Option<Timestamp>, limit: usize) -> Result<Vec<Job>> {
        self.jobs_but(due_at, limit, None)
    }

    /// Up to `limit` jobs of a kind that are due, oldest first.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn due_jobs_of(&self, kind: &str, at: Timestamp, limit: usize) -> Result<Vec<Job>> {
        self.jobs_where("kind = ?3", Some(at), limit, Some(kind))
    }

    /// Up to `limit` jobs that are due, oldest first, without those of a kind.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn due_jobs(&self, at: Timestamp, limit: usize, without: Option<&str>) -> Result<Vec<Job>> {
        self.jobs_but(Some(at), limit, without)
    }

    fn jobs_but(&self, due_at: Option<Timestamp>, limit: usize, without: Option<&str>) -> Result<Vec<Job>> {
        self.jobs_where("kind IS NOT ?3", due_at, limit, without)
    }

    fn jobs_where(
        &self,
        of_kind: &str,
        due_at: Option<Timestamp>,
        limit: usize,
        kind: Option<&str>,
    ) -> Result<Vec<Job>> {
        self.all(
            &format!(
                "SELECT num, kind, subject, state, attempts, error, queued_at FROM jobs
                 WHERE (?1 IS NULL OR (state = 'pending' AND not_before <= ?1)) AND {of_kind} ORDER BY num LIMIT ?2"
            ),
            params![due_at.map(|at| at.0), limit as i64, kind],
            |row| {
                Ok(Job {
                    num: row.get(0)?,
                    kind: row.get(1)?,
                    subject: row.get(2)?,
                    state: row.get(3)?,
                    attempts: row.get(4)?,
                    error: row.get(5)?,
                    queued_at: Timestamp(row.get(6)?),
                })
            },
        )
    }

    /// Jobs that are to be done, those that wait for a person too; of one kind, or of all.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn jobs_pending(&self, kind: Option<&str>) -> Result<u64> {
        let sql = "SELECT count(*) FROM jobs WHERE kind = ifnull(?1, kind) AND state <> ?2";
        Ok(self.number(sql, params![kind, HELD])? as u64)
    }
}

impl Store {
    /// Takes done jobs off the queue.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn finish_jobs(&self, nums: &[i64]) -> Result<()> {
        self.local_write(|tx| {
            tx.note_embedder()?;
            for num in nums {
                tx.execute("DELETE FROM jobs WHERE num = ?1", [num])?;
            }
            Ok(())
        })
    }

    /// Notes that a job failed; after five tries it waits for a person.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn fail_job(&self, num: i64, error: &str) -> Result<()> {
        let now = self.options.surroundings.now().0;
        self.local_write(|tx| {
            tx.execute(
                "UPDATE jobs SET attempts = attempts + 1, error = ?2, not_before = ?3 + ?4 * (1 << attempts),
                   state = CASE WHEN attempts + 1 >= ?5 THEN 'failed' ELSE 'pending' END WHERE num = ?1",
                params![num, error, now, RETRY_FROM, ATTEMPTS_MAX],
            )?;
            Ok(())
        })
    }

    /// A write of local records only: nothing is journalled.
    pub(crate) fn local_write<T>(&self, write: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        self.group.run(|| self.open_writer(), &self.ready()?, |connection| write(&self.tx(connection)))
    }
}
