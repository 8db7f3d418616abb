//! A transaction as the rest of the program sees it: questions, no SQL.
//!
//! The questions themselves stand in `read/`, one file for each subject, as methods of [`Tx`].

use crate::foreseen::Foreseen;
use crate::open::Analysis;
use crate::text_index::{Sources, TextFiles};
use crate::vector_files::Indexes;
use crate::vectors::WantedVectors;
use crate::{Result, StoreError, error};
use jay_types::change::Journal;
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Params, Row};
use std::cell::RefCell;

/// One snapshot of a store, or the inside of a write.
pub struct Tx<'c> {
    pub(crate) connection: &'c Connection,
    pub(crate) journal: Journal,
    pub(crate) analysis: &'c Analysis,
    pub(crate) embedder: Option<&'c WantedVectors>,
    pub(crate) model: Option<&'c WantedVectors>,
    pub(crate) indexes: &'c Indexes,
    pub(crate) text: &'c TextFiles,
    /// What text is searched in, once it was asked for.
    pub(crate) sources: RefCell<Option<Sources>>,
    /// What a write made before it took the lock.
    pub(crate) foreseen: RefCell<Foreseen>,
}

impl Tx<'_> {
    pub(crate) fn statement(&self, sql: &str) -> Result<CachedStatement<'_>> {
        self.connection.prepare_cached(sql).map_err(|error| self.fault(error))
    }

    /// What SQLite says, with the name of the file where that is damaged.
    pub(crate) fn fault(&self, error: rusqlite::Error) -> StoreError {
        error::of_file(error.into(), self.journal)
    }

    /// The first row, if there is one.
    pub(crate) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        self.statement(sql)?.query_row(params, read).optional().map_err(|error| self.fault(error))
    }

    /// Every row.
    pub(crate) fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.statement(sql)?;
        let rows = statement.query_map(params, read).map_err(|error| self.fault(error))?;
        rows.collect::<rusqlite::Result<_>>().map_err(|error| self.fault(error))
    }

    pub(crate) fn execute(&self, sql: &str, params: impl Params) -> Result<usize> {
        self.statement(sql)?.execute(params).map_err(|error| self.fault(error))
    }

    /// A count or other single number.
    pub(crate) fn number(&self, sql: &str, params: impl Params) -> Result<i64> {
        Ok(self.one(sql, params, |row| row.get::<_, Option<i64>>(0))?.flatten().unwrap_or(0))
    }
}
