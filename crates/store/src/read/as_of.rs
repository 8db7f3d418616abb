//! Moments: what this store had journalled by then (J13).

use crate::Result;
use crate::journal::load::EVERYTHING;
use crate::tx::Tx;
use jay_types::Timestamp;

/// A moment of this store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Now.
    Latest,
    /// Everything that arrived up to this position.
    Position(u64),
}

impl Moment {
    pub(crate) fn upto(self) -> i64 {
        match self {
            Self::Latest => EVERYTHING,
            Self::Position(pos) => i64::try_from(pos).unwrap_or(EVERYTHING),
        }
    }
}

impl Tx<'_> {
    /// The moment that a wall-clock time names: everything that had been journalled here by then.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn moment_at(&self, at: Timestamp) -> Result<Moment> {
        let pos = self.number("SELECT pos FROM arrivals WHERE at <= ?1 ORDER BY pos DESC LIMIT 1", [at.0])?;
        Ok(Moment::Position(pos as u64))
    }

    /// When the change at this position arrived; none where it is not here yet.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn arrived_at(&self, pos: u64) -> Result<Option<Timestamp>> {
        let pos = Moment::Position(pos).upto();
        self.one("SELECT at FROM arrivals WHERE pos >= ?1 ORDER BY pos LIMIT 1", [pos], |row| row.get(0).map(Timestamp))
    }

    /// The greatest arrival number.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn latest_pos(&self) -> Result<u64> {
        Ok(self.number("SELECT max(pos) FROM changes", [])? as u64)
    }
}
