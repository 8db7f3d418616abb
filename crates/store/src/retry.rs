//! What waits for another program or another hour is tried again by the first writer of a process (J4, J5).
//!
//! Reading writes nothing (I6), so it happens where a store is opened for writing: under the write lock, before the first
//! act, in a transaction of its own. Where nothing waits it costs two look-ups in empty tables.
//!
//! **Invariant:** what goes wrong here takes back itself and holds up no write.

use crate::Result;
use crate::journal::stopped;
use crate::open::Store;
use crate::project::deferred;
use crate::tx::Tx;
use jay_types::Timestamp;
use rusqlite::Connection;

impl Store {
    /// Tries again what may have become possible. The caller holds the write lock.
    pub(crate) fn retry_waiting(&self, connection: &Connection) {
        let tx = self.tx(connection);
        let now = self.options.surroundings.now();
        let tried = is_due(&tx, now).and_then(|due| if due { in_transaction(&tx, now) } else { Ok(()) });
        if let Err(error) = tried {
            tracing::warn!(%error, "what waits could not be tried again");
        }
    }
}

fn is_due(tx: &Tx<'_>, now: Timestamp) -> Result<bool> {
    Ok(deferred::is_due(tx)? || tx.stopped_clocks()?.iter().any(|stopped| stopped.is_due(now)))
}

fn in_transaction(tx: &Tx<'_>, now: Timestamp) -> Result<()> {
    tx.connection.execute_batch("BEGIN IMMEDIATE")?;
    let tried = try_again(tx, now).and_then(|()| Ok(tx.connection.execute_batch("COMMIT")?));
    if tried.is_err() {
        // Where SQLite took it back itself there is nothing left to take back.
        let _ = tx.connection.execute_batch("ROLLBACK");
    }
    tried
}

fn try_again(tx: &Tx<'_>, now: Timestamp) -> Result<()> {
    for stream in tx.stopped_clocks()?.into_iter().filter(|stopped| stopped.is_due(now)) {
        stopped::lift(tx, stream.node, stream.namespace)?;
        tracing::info!(node = %stream.node, "a stream that was ahead of our clock may go on");
    }
    if deferred::is_due(tx)? {
        let applied = deferred::try_again(tx, now.0)?;
        tracing::info!(applied, "deferred changes were tried again");
    }
    Ok(())
}
