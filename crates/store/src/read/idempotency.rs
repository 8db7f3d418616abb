//! Writes that were sent twice: the first answer is given again.

use crate::Result;
use crate::tx::Tx;
use crate::write::WriteTx;
use jay_types::time::DAY;
use jay_types::{Code, Error};
use rusqlite::params;

/// How long an answer is kept, microseconds.
const KEPT_FOR: i64 = 7 * DAY;

impl Tx<'_> {
    /// The answer that this key was given before.
    ///
    /// # Errors
    /// `conflict` where it was another operation's or other input's.
    pub fn answered_before(&self, name: &str, input_hash: &[u8; 32], now: i64) -> Result<Option<String>> {
        let found = self.one(
            "SELECT input_hash, answer FROM idempotency WHERE name = ?1 AND at > ?2",
            params![name, now - KEPT_FOR],
            |row| Ok((row.get::<_, [u8; 32]>(0)?, row.get::<_, String>(1)?)),
        )?;
        match found {
            None => Ok(None),
            Some((hash, answer)) if hash == *input_hash => Ok(Some(answer)),
            Some(_) => Err(Error::new(Code::Conflict, "this idempotency key was used with other input")
                .hint("Use a fresh key for another write; nothing was stored.")
                .into()),
        }
    }
}

impl WriteTx<'_> {
    /// Keeps the answer with the act that it is the answer of.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn remember_answer(&self, name: &str, input_hash: &[u8; 32], answer: &str) -> Result<()> {
        self.execute("DELETE FROM idempotency WHERE at <= ?1", [self.now.0 - KEPT_FOR])?;
        self.execute(
            "INSERT OR REPLACE INTO idempotency(name, input_hash, answer, at) VALUES(?1, ?2, ?3, ?4)",
            params![name, input_hash, answer, self.now.0],
        )?;
        Ok(())
    }

    /// A secret of this store, for keyed hashes of local records; made at its first use.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn local_secret(&self) -> Result<[u8; 32]> {
        if let Some(secret) = self.known_local_secret()? {
            return Ok(secret);
        }
        let secret: [u8; 32] = jay_types::surroundings::random(self.surroundings());
        self.execute("INSERT INTO meta(name, value) VALUES('local_secret', ?1)", [secret])?;
        Ok(secret)
    }
}

impl Tx<'_> {
    /// The secret of [`WriteTx::local_secret`]; none before its first use.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn known_local_secret(&self) -> Result<Option<[u8; 32]>> {
        self.one("SELECT value FROM meta WHERE name = 'local_secret'", [], |row| row.get(0))
    }
}
