//! Tending the text index after writes: fresh documents become segments, purged ones leave them, lost ones are made again.
//!
//! **Invariant:** under the index lock; the files first, then one transaction that names them, so that a reader finds a
//! document in one of the two places at every moment.

use super::{FRESH_MAX, LOOK_EVERY, MANIFEST, PAGE};
use crate::lock::{self, WriteLock};
use crate::open::Store;
use crate::text::{Fault, Index};
use crate::tx::Tx;
use crate::{Result, StoreError};
use jay_types::Code;
use jay_types::change::Journal;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

impl Store {
    fn index_lock_file(&self) -> PathBuf {
        self.options.directory.join("state").join(match self.journal {
            Journal::Memory => "index-memory.lock",
            Journal::Archive => "index-archive.lock",
        })
    }

    /// What follows a write once it is acknowledged: a large log goes into the database, many fresh documents into a
    /// segment (then it is true). Nothing depends on it.
    ///
    /// # Errors
    /// What SQLite or the file system says; the store stays as it was.
    pub fn tend(&self) -> Result<bool> {
        self.checkpoint_if_large()?;
        if self.group.is_held_here() || self.text.written.load(Ordering::Relaxed) < LOOK_EVERY || !self.exists() {
            return Ok(false);
        }
        self.text.written.store(0, Ordering::Relaxed);
        self.settle_roots_if_behind()?;
        self.grow_index(FRESH_MAX)
    }

    /// Puts every fresh document into a segment, and makes segments again that are missing or damaged.
    ///
    /// # Errors
    /// As [`Store::tend`].
    pub fn settle_index(&self) -> Result<()> {
        if self.exists() { self.grow_index(1).map(drop) } else { Ok(()) }
    }

    /// Makes all segments again from the journal.
    ///
    /// # Errors
    /// As [`Store::tend`].
    pub fn renew_index(&self) -> Result<()> {
        self.text.suspect();
        self.settle_index()
    }

    /// Reads every byte of the index files, text and vectors, and makes again what is damaged; true where anything was. For
    /// a process that lives long: no answer waits for it.
    ///
    /// # Errors
    /// As [`Store::tend`].
    pub fn mend_indexes(&self) -> Result<bool> {
        if !self.exists() {
            return Ok(false);
        }
        let (texts, vectors) =
            self.read(|tx| -> Result<_> { Ok((tx.text_index_faults()?, tx.check_vector_indexes()?)) })?;
        let are_vectors_damaged = vectors.iter().any(|check| check.fault.is_some());
        if !texts.is_empty() {
            self.renew_index()?;
        }
        if are_vectors_damaged {
            self.remake_vector_indexes()?;
        }
        Ok(!texts.is_empty() || are_vectors_damaged)
    }

    /// Moves fresh documents into segments while there are `from` of them.
    fn grow_index(&self, from: i64) -> Result<bool> {
        let state = |tx: &Tx<'_>| -> Result<_> {
            let count = tx.number("SELECT count(*) FROM (SELECT 1 FROM fresh LIMIT ?1)", [from])?;
            Ok((count >= from, self.text.is_whole(tx.meta_number(MANIFEST)?)))
        };
        if self.read(state)? == (false, true) {
            return Ok(false);
        }
        self.ready()?;
        // Where another process is at it, there is nothing to do here.
        let Some(_lock) = lock::try_acquire(&self.index_lock_file())? else { return Ok(false) };
        let (mut grew, mut was_damaged) = (false, false);
        loop {
            let (is_due, is_whole) = self.read(state)?;
            if !is_whole {
                tracing::warn!("the text index is damaged or missing and is made again");
                self.local_write(|tx| tx.forget_segments())?;
                self.text.is_suspect.store(false, Ordering::Relaxed);
            } else if is_due {
                match self.move_fresh() {
                    Ok(()) => grew = true,
                    // What cannot be merged is damaged: it is made again, once.
                    Err(StoreError::Told(error)) if error.code == Code::Damaged && !was_damaged => {
                        was_damaged = true;
                        self.text.suspect();
                    }
                    Err(error) => return Err(error),
                }
            } else {
                return Ok(grew);
            }
        }
    }

    /// Moves a page of fresh documents into a segment. Only under the index lock.
    fn move_fresh(&self) -> Result<()> {
        let (number, index, fresh) = self.read(|tx| -> Result<_> {
            let number = tx.meta_number(MANIFEST)?;
            Ok((number, self.text.index(number)?, tx.fresh(PAGE)?))
        })?;
        let made = index.with(&self.text.directory, &fresh, self.options.surroundings.as_ref())?;
        let is_taken = self.local_write(|tx| {
            if tx.meta_number(MANIFEST)? != number {
                // The writer of a purge or a rebuild waits for the lock, so that this is a program without it.
                return Ok(false);
            }
            for document in &fresh {
                tx.execute("DELETE FROM fresh WHERE doc = ?1", [document.doc])?;
            }
            tx.set_meta(MANIFEST, made)?;
            Ok(true)
        })?;
        if is_taken {
            // The state before stays for readers that look at an older snapshot at this moment.
            let keep: Vec<i64> = [made].into_iter().chain(number).collect();
            Index::clean(&self.text.directory, &keep)?;
        }
        Ok(())
    }

    /// Who wants to write files of the index waits here for those who do.
    pub(crate) fn lock_index(&self) -> Result<WriteLock> {
        Ok(lock::acquire(&self.index_lock_file())?)
    }

    /// Writes segments anew that hold purged documents, and names them. Only under both locks.
    pub(crate) fn scrub_index(&self, tx: &Tx<'_>) -> Result<()> {
        let dropped = tx.dropped()?;
        if dropped.is_empty() {
            return Ok(());
        }
        let number = tx.meta_number(MANIFEST)?;
        let without = |number| -> Result<i64, Fault> {
            let index = self.text.index(Some(number))?;
            index.without(&self.text.directory, &dropped, self.options.surroundings.as_ref())
        };
        let made = match number.map(without).transpose() {
            Err(Fault::Io(what, error)) => return Err(Fault::Io(what, error).into()),
            made => made,
        };
        tx.connection.execute_batch("BEGIN IMMEDIATE")?;
        let run = || match made {
            Ok(number) => {
                number.map_or(Ok(()), |number| tx.set_meta(MANIFEST, number))?;
                tx.execute("DELETE FROM dropped", []).map(drop)
            }
            // What is damaged cannot be written anew without some documents: it goes as a whole.
            Err(_) => tx.forget_segments(),
        };
        match run() {
            Ok(()) => Ok(tx.connection.execute_batch("COMMIT")?),
            Err(error) => {
                tx.connection.execute_batch("ROLLBACK")?;
                Err(error)
            }
        }
    }

    /// Removes every file that is not of the index's present state. Only under the index lock.
    pub(crate) fn clean_index(&self, tx: &Tx<'_>) -> Result<()> {
        self.text.close();
        let keep: Vec<i64> = tx.meta_number(MANIFEST)?.into_iter().collect();
        Index::clean(&self.text.directory, &keep)?;
        Ok(())
    }
}
