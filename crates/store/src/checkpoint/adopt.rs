//! A store that begins with a checkpoint.
//!
//! **Invariant:** one transaction: whenever the process dies, the store is empty or has all of it.

use super::{file, parts, prove, refused};
use crate::journal::receive::{ReceiveReport, Receiving, take_part};
use crate::open::Store;
use crate::project::everything;
use crate::tx::Tx;
use crate::{Result, connection};
use rusqlite::Connection;
use std::path::Path;

/// What became of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Adopted {
    /// The store has it now, projected and searchable.
    Whole {
        /// Changes that were journalled.
        changes: u64,
        /// Entities that were projected.
        entities: u64,
        /// One of the streams is this store's own: its directory was set back or copied, and it goes on as a new node (J3).
        renewed_node: bool,
    },
    /// The store holds changes already; nothing was done. [`Store::receive_checkpoint`] takes it in beside them.
    NotEmpty,
}

/// KiB of pages that are kept while a whole journal is written and projected: rows of an index come in no order.
const CACHE_KIB: i64 = 256 * 1024;

impl Store {
    /// Begins this store, which must hold no change, with a checkpoint: everything in it is verified, journalled and projected
    /// in one transaction. When this returns, its texts are found; vectors that are quickly made are there, the others are
    /// queued. `progress` is called with (steps done, steps in all).
    ///
    /// # Errors
    /// `verification_failed` where anything in the file does not hold, `store_too_new`; nothing is stored then. As [`Store::write`].
    pub fn adopt(&self, checkpoint: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Adopted> {
        let file = file::open(checkpoint, self.journal)?;
        if self.read(holds_changes)? {
            return Ok(Adopted::NotEmpty);
        }
        self.demand_file()?;
        self.ready()?;
        let lock = self.lock_index()?;
        let adopted = self.local_write(|tx| {
            if holds_changes(tx)? {
                return Ok(Adopted::NotEmpty);
            }
            with_room(tx.connection, || self.take_whole(tx, file, progress))
        })?;
        drop(lock);
        if matches!(adopted, Adopted::Whole { .. }) {
            self.follow_adoption();
        }
        Ok(adopted)
    }

    fn take_whole(&self, tx: &Tx<'_>, file: Connection, progress: &mut dyn FnMut(u64, u64)) -> Result<Adopted> {
        let now = self.options.surroundings.now().0;
        let report = journal_all(tx, file, Receiving::new(self.identity.key()?.node_id(), now, true), now, progress)?;
        let changes = report.journalled;
        let entities = everything::project(tx, now, &mut |done, all| progress(changes + done, changes + all))?;
        if report.renewed_node {
            // Before the commit: once the branch is here, nothing would tell of it again.
            self.identity.renew()?;
        }
        Ok(Adopted::Whole { changes, entities, renewed_node: report.renewed_node })
    }

    /// Index files. What cannot be made now is made by the next writer; until then readers ask the rows.
    fn follow_adoption(&self) {
        let vectors = || -> Result<()> {
            let lanes = [&self.options.embedder, &self.options.model].into_iter().flatten();
            lanes
                .filter(|wanted| wanted.at_once.is_some())
                .try_for_each(|wanted| self.extend_vector_index(&wanted.model))
        };
        for done in [self.settle_index(), vectors(), self.checkpoint_if_large()] {
            if let Err(error) = done {
                tracing::warn!(%error, "an index of the adopted journal could not be made");
            }
        }
    }
}

fn holds_changes(tx: &Tx<'_>) -> Result<bool> {
    Ok(tx.one("SELECT 1 FROM changes LIMIT 1", [], |_| Ok(()))?.is_some())
}

/// Journals every part of the file, or fails.
fn journal_all(
    tx: &Tx<'_>,
    file: Connection,
    mut receiving: Receiving,
    now: i64,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<ReceiveReport> {
    let all = parts::count(&file)?;
    prove::each_proven(file, tx.journal, now, &mut |part| {
        let before = receiving.report.journalled;
        if let Err(reason) = take_part(tx, &part.received(), &mut receiving)? {
            return Err(part.refused(reason));
        }
        // Of an empty store every part is new, and stands behind the one that it follows.
        let journalled = receiving.report.journalled;
        if journalled - before != part.entries.len() as u64 {
            return Err(part.refused("bad_chain"));
        }
        progress(journalled, 2 * all);
        Ok(())
    })?;
    let report = receiving.report;
    if report.journalled != all {
        return Err(refused("it holds rows of no stream"));
    }
    if all > 0 {
        tx.note_arrival(tx.next_pos()? - 1, now)?;
    }
    Ok(report)
}

/// Runs `work` with a large cache of pages.
fn with_room<T>(connection: &Connection, work: impl FnOnce() -> Result<T>) -> Result<T> {
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    let result = work();
    connection.pragma_update(None, "cache_size", -connection::CACHE_KIB)?;
    result
}
