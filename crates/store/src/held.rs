//! Jobs of the installed model that are held back: their texts belong to namespaces whose texts it is not given.
//!
//! Who may be given what is not decided here. A held job keeps its place in the table, so that a document still has vectors or
//! a job ([`crate::embedded`]), but it is never due and counts as waiting nowhere.
//!
//! **Invariant:** jobs are held under one rule at a time, whose name is a local record; under another rule all of them are
//! looked at again.

use crate::Result;
use crate::embedded::Lane;
use crate::open::Store;
use crate::project::alias::READS_AS;
use crate::read::list::ListFilter;
use crate::tx::Tx;
use jay_types::NamespaceId;
use rusqlite::params;
use rusqlite::types::Value as Sql;

/// State of a held job.
pub const HELD: &str = "held";
/// Name of the record in `meta`.
const RULE: &str = "held_under";

impl Tx<'_> {
    /// The namespace of a document: a wording or a message; none where there is no such document.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn namespace_of_document(&self, doc: i64) -> Result<Option<NamespaceId>> {
        let num = self.one("SELECT namespace FROM documents WHERE doc = ?1", [doc], |row| row.get(0))?;
        num.map(|num| self.namespace_id_of(num)).transpose()
    }

    /// How many current wordings in the filter are held back.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn held_memories(&self, filter: &ListFilter) -> Result<u64> {
        let (clause, mut params) = filter.clause();
        params.insert(0, Sql::from(Lane::Model.job().to_owned()));
        let sql = format!(
            "SELECT count(*) FROM jobs j CROSS JOIN changes c ON c.pos = j.subject
               CROSS JOIN memories m ON m.entity = {READS_AS} AND m.text_pos = c.pos
             WHERE j.kind = ? AND j.state = '{HELD}' AND {clause}"
        );
        Ok(self.number(&sql, rusqlite::params_from_iter(params))? as u64)
    }

    /// How many documents are held back in all.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn held_documents(&self) -> Result<u64> {
        let sql = "SELECT count(*) FROM jobs WHERE kind = ?1 AND state = ?2";
        Ok(self.number(sql, params![Lane::Model.job(), HELD])? as u64)
    }
}

impl Store {
    /// Holds jobs of the model back under a rule, with the reason that lists show.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn hold_jobs(&self, nums: &[i64], rule: &str, reason: &str) -> Result<()> {
        self.local_write(|tx| {
            for num in nums {
                tx.execute(
                    "UPDATE jobs SET state = ?2, error = ?3 WHERE num = ?1 AND kind = ?4",
                    params![num, HELD, reason, Lane::Model.job()],
                )?;
            }
            tx.set_meta_text(RULE, rule)
        })
    }

    /// Lets go what is held under any other rule.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn release_jobs_but(&self, rule: &str) -> Result<()> {
        let is_to_do = |tx: &Tx<'_>| -> Result<bool> {
            Ok(tx.held_documents()? > 0 && tx.meta_text(RULE)?.as_deref() != Some(rule))
        };
        if !self.exists() || !self.read(is_to_do)? {
            return Ok(());
        }
        self.local_write(|tx| {
            tx.execute("UPDATE jobs SET state = 'pending', error = NULL WHERE state = ?1", [HELD])?;
            tx.set_meta_text(RULE, rule)
        })
    }
}
