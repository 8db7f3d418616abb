//! Counts and health, from asking the tables, not from remembering.

use crate::Result;
use crate::journal::ahead::ClockAhead;
use crate::journal::stopped::StoppedClock;
use crate::project::namespace::GONE;
use crate::tx::Tx;
use jay_types::change::Journal;
use rusqlite::params;

/// What a store holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreCounts {
    /// Format number.
    pub format: u32,
    /// Changes of the journal.
    pub changes: u64,
    /// Memories that are not hidden; sessions in the archive.
    pub entities: u64,
    /// Messages in the archive.
    pub messages: u64,
    /// Namespaces that are not deleted.
    pub namespaces: u64,
    /// Fields of memories with contradicting heads.
    pub conflicts: u64,
    /// Deferred changes and fields, by reason; `not_shared` where nothing of a session is here.
    pub deferred: Vec<(String, u64)>,
    /// Branches beyond the first of a stream.
    pub forks: u64,
    /// Streams that may not go on, by reason.
    pub stopped: Vec<(String, u64)>,
    /// Streams that wait for the wall clock.
    pub stopped_clocks: Vec<StoppedClock>,
    /// What came ahead of this store's clock, by node.
    pub clocks_ahead: Vec<ClockAhead>,
    /// Jobs that are not done, by kind and state.
    pub jobs: Vec<(String, String, u64)>,
}

/// Fields in conflict of memories that can be read (neither forgotten, retired nor shadows), of those that read as themselves alone.
const ALONE: &str = "SELECT v.entity, v.register FROM versions v JOIN memories m ON m.entity = v.entity
   WHERE v.head > 0 AND m.hidden & 30 = 0 AND NOT EXISTS(SELECT 1 FROM aliases a WHERE a.entity = v.entity OR a.first = v.entity)";
/// The same of those that others read as.
const TOGETHER: &str =
    "SELECT a.first entity, a.disputed FROM aliases a JOIN memories m ON m.entity = a.first WHERE m.hidden & 30 = 0";

impl Tx<'_> {
    /// What this store holds.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn counts(&self) -> Result<StoreCounts> {
        let count = |sql: &str| self.number(sql, params![]).map(|n| n as u64);
        let grouped = |sql: &str| self.all(sql, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)? as u64)));
        let (entities, messages, namespaces) = match self.journal {
            Journal::Memory => (
                count("SELECT count(*) FROM memories WHERE hidden = 0")?,
                0,
                self.number("SELECT count(*) FROM namespace_state WHERE retired <> ?1 AND path IS NOT NULL", [GONE])?
                    as u64,
            ),
            Journal::Archive => (
                count("SELECT count(*) FROM sessions")?,
                count("SELECT count(*) FROM messages WHERE superseded = 0")?,
                0,
            ),
        };
        Ok(StoreCounts {
            format: crate::migrate::format_of(self.connection)?,
            changes: count("SELECT count(*) FROM changes")?,
            entities,
            messages,
            namespaces,
            conflicts: self.conflicts()?,
            deferred: grouped(&format!(
                "SELECT {} why, count(*) FROM deferred d JOIN changes c ON c.pos = d.pos GROUP BY why ORDER BY why",
                self.reason_of_deferred()
            ))?,
            forks: count("SELECT count(*) - count(DISTINCT node << 32 | namespace) FROM streams")?,
            stopped: grouped("SELECT reason, count(*) FROM stopped GROUP BY reason ORDER BY reason")?,
            stopped_clocks: self.stopped_clocks()?,
            clocks_ahead: self.clocks_ahead()?,
            jobs: self.all(
                "SELECT kind, state, count(*) FROM jobs GROUP BY kind, state ORDER BY kind, state",
                [],
                |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)? as u64)),
            )?,
        })
    }

    /// Fields of memories of which heads say different things, as far as the memory can be read: a write there settles it. Of what reads
    /// as one they are counted when its rows are made.
    fn conflicts(&self) -> Result<u64> {
        if self.journal == Journal::Archive {
            return Ok(0);
        }
        let sql = format!(
            "SELECT (SELECT count(*) FROM (SELECT DISTINCT entity, register FROM ({ALONE})))
               + (SELECT ifnull(sum(n), 0) FROM (SELECT max(disputed) n FROM ({TOGETHER}) GROUP BY entity))"
        );
        Ok(self.number(&sql, [])? as u64)
    }

    /// Ids of up to `limit` memories with a conflict, for `status`.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn memories_in_conflict(&self, limit: usize) -> Result<Vec<jay_types::EntityId>> {
        self.all(
            &format!(
                "SELECT id FROM entities WHERE num IN (SELECT entity FROM ({ALONE})
                   UNION SELECT entity FROM ({TOGETHER}) WHERE disputed > 0) ORDER BY id LIMIT ?1"
            ),
            [limit as i64],
            |row| row.get(0).map(jay_types::EntityId),
        )
    }

    /// What SQLite finds wrong with the file; empty where nothing is.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn integrity_faults(&self) -> Result<Vec<String>> {
        let found: Vec<String> = self.all("PRAGMA integrity_check(20)", [], |row| row.get(0))?;
        Ok(found.into_iter().filter(|line| line != "ok").collect())
    }

    /// Bytes by table and index, largest first; empty where SQLite was built without its statistics table.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn bytes_by_table(&self) -> Result<Vec<(String, u64)>> {
        self.all("SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC", [], |row| {
            Ok((row.get(0)?, row.get::<_, i64>(1)? as u64))
        })
    }

    /// The version of the analysis that made the text index; none where nothing was indexed by a known one.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn analysis_version(&self) -> Result<Option<u32>> {
        Ok(self.meta_number("analysis")?.and_then(|version| u32::try_from(version).ok()))
    }
}
