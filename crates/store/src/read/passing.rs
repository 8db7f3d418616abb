//! Messages that pass a filter: which of them a search finds, each row read once.

use crate::Result;
use crate::read::messages::{MESSAGE, MessageRow, message_row};
use crate::read::namespaces::Scope;
use crate::read::search::{Passing, TextHit};
use crate::read::sessions::SessionClause;
use crate::text_index::TextQuery;
use crate::tx::Tx;
use std::collections::HashMap;

/// Which messages pass a filter. The legs of a search meet the same ones, and the row is read for the filter anyway: it is kept.
#[derive(Debug)]
pub struct PassingMessages<'c> {
    clause: &'c SessionClause,
    known: HashMap<i64, Option<MessageRow>>,
}

impl<'c> PassingMessages<'c> {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(clause: &'c SessionClause) -> Self {
        Self { clause, known: HashMap::new() }
    }

    /// The filter.
    #[must_use]
    pub const fn clause(&self) -> &'c SessionClause {
        self.clause
    }

    /// The message of a document, if it passes.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn row(&mut self, tx: &Tx<'_>, doc: i64) -> Result<Option<&MessageRow>> {
        if !self.known.contains_key(&doc) {
            let (filter, mut params) = self.clause.sql();
            params.insert(0, doc.into());
            let sql = format!("SELECT {MESSAGE} FROM {} WHERE m.doc = ? AND {filter}", self.clause.tables());
            let row = tx.one(&sql, rusqlite::params_from_iter(params), message_row)?;
            self.known.insert(doc, row);
        }
        Ok(self.known.get(&doc).and_then(Option::as_ref))
    }

    /// Keeps a row that is known to pass.
    pub(crate) fn note(&mut self, row: MessageRow) {
        self.known.insert(row.doc, Some(row));
    }
}

impl Tx<'_> {
    /// Messages for `query`, best first; with the number of all that match.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn search_messages(
        &self,
        query: &TextQuery,
        passing: &mut PassingMessages<'_>,
        limit: usize,
    ) -> Result<(Vec<TextHit>, u64)> {
        let clause = passing.clause;
        let (filter, params) = clause.sql();
        let from = format!("FROM {} WHERE", clause.tables());
        let one = format!("SELECT {MESSAGE} {from} m.doc = ? AND {filter}");
        let mut asked = Passing::new(self, &one, format!("SELECT m.doc, m.entity {from} {filter}"), params)?;
        let scope = clause.namespaces.clone().map_or(Scope::All, Scope::Of);
        let matching = self.matching_text(query, &scope)?;
        let is_narrow = SessionClause { namespaces: None, ..clause.clone() }.is_narrow();
        let matched = if is_narrow {
            let all = asked.all()?;
            matching.iter().filter(|doc| all.contains_key(doc)).count()
        } else {
            // Everything is meant but what another stands for: that is little, and has an index of its own.
            let hidden = "SELECT doc FROM messages WHERE superseded <> 0 UNION SELECT doc FROM dropped";
            let hidden: Vec<i64> = self.all(hidden, [], |row| row.get(0))?;
            matching.len() - hidden.iter().filter(|doc| matching.binary_search(doc).is_ok()).count()
        };
        let hits = self.search_text(query, &scope, i64::MAX, limit, |doc| {
            let mut seen = None;
            let entity = asked.entity_of_row(doc, |row| {
                seen = Some(message_row(row)?);
                Ok(())
            })?;
            if let Some(row) = seen {
                passing.note(row);
            }
            Ok(entity)
        })?;
        Ok((hits, matched as u64))
    }
}
