//! Group commit: writers of one process share a transaction where they queue anyway (I8).
//!
//! Each writer runs its act in a savepoint of the open transaction (the first one in the transaction itself). Who finds nobody behind it commits for all; the
//! others wait for that commit, so that an answer is given only for what is durable. A batch door holds the group
//! open while complete lines wait.
//!
//! **Invariant:** whoever leaves the transaction open knows that somebody else will close it: a queued writer or the
//! holder. A failed commit fails every act in it.

use crate::lock::{self, WriteLock};
use crate::{Result, StoreError};
use jay_types::{Code, Error};
use rusqlite::Connection;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

/// Acts that share one commit at most; bounds how long the first of them waits.
const ACTS_MAX: usize = 256;
/// Failed commits that are remembered for waiting writers.
const FAILURES_KEPT: usize = 64;

/// The one writer of a store in this process.
#[derive(Default)]
pub(crate) struct Group {
    writer: Mutex<Writer>,
    /// How transactions ended; apart from the writer, so that who waits for one is not kept by the acts of the next.
    ended: Mutex<Ended>,
    committed: Condvar,
    queued: AtomicUsize,
    holder: Mutex<Option<ThreadId>>,
    released: Condvar,
    /// Commits made and acts in them, for measurements.
    pub(crate) commits: AtomicUsize,
    pub(crate) acts: AtomicUsize,
}

#[derive(Default)]
struct Writer {
    connection: Option<Connection>,
    lock: Option<WriteLock>,
    /// Number of the open or last transaction.
    number: u64,
    is_open: bool,
    acts: usize,
    /// SQLite took the whole transaction back, as it does where a disk is full.
    is_lost: bool,
    /// The first transaction that may have acts of the holder.
    held_from: u64,
}

/// What became of transactions.
#[derive(Default)]
struct Ended {
    /// Every one up to this has ended.
    upto: u64,
    /// Those that failed, the last ones.
    failures: VecDeque<(u64, Error)>,
}

impl Ended {
    /// The failure of a transaction from `number` on, if there is one.
    fn failure_from(&self, number: u64) -> Option<Error> {
        self.failures.iter().find(|(failed, _)| *failed >= number).map(|(_, error)| error.clone())
    }

    fn failure_of(&self, number: u64) -> Option<Error> {
        self.failures.iter().find(|(failed, _)| *failed == number).map(|(_, error)| error.clone())
    }
}

impl Group {
    fn lock(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ended(&self) -> MutexGuard<'_, Ended> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True where this thread holds the group open.
    pub(crate) fn is_held_here(&self) -> bool {
        *self.holder.lock().unwrap_or_else(PoisonError::into_inner) == Some(std::thread::current().id())
    }

    /// Runs `act` in a savepoint and returns when it is durable (or, for the holder, when it is in the transaction).
    pub(crate) fn run<T, E: From<StoreError>>(
        &self,
        open: impl FnOnce() -> Result<Connection>,
        lock_file: &Path,
        act: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.queued.fetch_add(1, Ordering::SeqCst);
        let mut writer = self.lock();
        self.queued.fetch_sub(1, Ordering::SeqCst);
        let held_here = self.is_held_here();
        if held_here && let Some(error) = self.ended().failure_from(writer.held_from) {
            // What the holder wrote before is not stored: nothing of it may be.
            return Err(StoreError::Told(error).into());
        }
        let result = match writer.begin(open, lock_file) {
            Ok(()) => writer.savepoint(act),
            Err(error) => Ok(Err(error.into())),
        };
        let number = writer.number;
        let others_come = self.queued.load(Ordering::SeqCst) > 0 && writer.acts < ACTS_MAX;
        let is_last = !held_here && !others_come && !self.is_held();
        if writer.is_open && (is_last || writer.is_lost) {
            self.commit(&mut writer);
        }
        drop(writer);
        let result = match result {
            Ok(result) => result,
            Err(panic) => resume_unwind(panic),
        };
        if result.is_err() || held_here {
            return result;
        }
        match self.outcome_of(number) {
            Some(error) => Err(StoreError::Told(error).into()),
            None => result,
        }
    }

    /// Waits until a transaction has ended; the reason where it failed.
    fn outcome_of(&self, number: u64) -> Option<Error> {
        let mut ended = self.ended();
        while ended.upto < number {
            ended = self.committed.wait(ended).unwrap_or_else(PoisonError::into_inner);
        }
        ended.failure_of(number)
    }

    fn is_held(&self) -> bool {
        self.holder.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn commit(&self, writer: &mut Writer) {
        self.acts.fetch_add(writer.acts, Ordering::Relaxed);
        self.commits.fetch_add(usize::from(writer.acts > 0), Ordering::Relaxed);
        let failure = writer.commit();
        let mut ended = self.ended();
        ended.upto = writer.number;
        if let Some(error) = failure {
            ended.failures.push_back((writer.number, error));
            if ended.failures.len() > FAILURES_KEPT {
                ended.failures.pop_front();
            }
        }
        drop(ended);
        self.committed.notify_all();
    }

    /// Holds the transaction open over `work`, whose writes then share one commit. One thread holds at a time; a hold
    /// inside a hold belongs to the outer one.
    ///
    /// # Errors
    /// The commit's: then nothing that `work` wrote is stored.
    pub(crate) fn hold<T>(&self, work: impl FnOnce() -> T) -> Result<T> {
        if self.is_held_here() {
            return Ok(work());
        }
        self.take_hold();
        let worked = catch_unwind(AssertUnwindSafe(work));
        let mut writer = self.lock();
        *self.holder.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.released.notify_one();
        if writer.is_open {
            self.commit(&mut writer);
        }
        let failed = self.ended().failure_from(writer.held_from);
        drop(writer);
        match (worked, failed) {
            (Err(panic), _) => resume_unwind(panic),
            (Ok(_), Some(error)) => Err(error.into()),
            (Ok(value), None) => Ok(value),
        }
    }

    fn take_hold(&self) {
        let mut holder = self.holder.lock().unwrap_or_else(PoisonError::into_inner);
        while holder.is_some() {
            holder = self.released.wait(holder).unwrap_or_else(PoisonError::into_inner);
        }
        *holder = Some(std::thread::current().id());
        drop(holder);
        let mut writer = self.lock();
        writer.held_from = writer.number + u64::from(!writer.is_open);
    }

    /// Runs `read` on the open transaction; none where there is none.
    pub(crate) fn with_open_connection<T>(&self, read: impl FnOnce(&Connection) -> T) -> Option<T> {
        let writer = self.lock();
        writer.connection.as_ref().filter(|_| writer.is_open).map(read)
    }

    /// Runs `work` on the writer's connection while no transaction is open; does nothing where there is none.
    pub(crate) fn with_idle_connection(&self, work: impl FnOnce(&Connection) -> Result<()>) -> Result<()> {
        let writer = self.lock();
        match &writer.connection {
            Some(connection) if !writer.is_open => work(connection),
            _ => Ok(()),
        }
    }

    /// Runs `work` outside of a transaction but under the write lock: VACUUM and the like.
    pub(crate) fn exclusively<T>(
        &self,
        open: impl FnOnce() -> Result<Connection>,
        lock_file: &Path,
        work: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
        let mut writer = self.lock();
        if writer.is_open {
            self.commit(&mut writer);
        }
        writer.prepare(open, lock_file)?;
        let result = writer.connection.as_ref().map_or_else(|| Err(Error::internal("no connection").into()), work);
        writer.lock = None;
        result
    }
}

impl Writer {
    /// The lock and a connection.
    fn prepare(&mut self, open: impl FnOnce() -> Result<Connection>, lock_file: &Path) -> Result<()> {
        if self.lock.is_none() {
            self.lock = Some(lock::acquire(lock_file)?);
        }
        if self.connection.is_none() {
            // Making a file and bringing it to the newest format is writing: it waits its turn too.
            self.connection = Some(open().inspect_err(|_| self.lock = None)?);
        }
        Ok(())
    }

    fn begin(&mut self, open: impl FnOnce() -> Result<Connection>, lock_file: &Path) -> Result<()> {
        if self.is_open {
            return Ok(());
        }
        self.prepare(open, lock_file)?;
        let begun = self.connection.as_ref().map_or(Ok(()), |connection| connection.execute_batch("BEGIN IMMEDIATE"));
        if let Err(error) = begun {
            self.lock = None;
            return Err(error.into());
        }
        self.is_open = true;
        self.is_lost = false;
        self.number += 1;
        self.acts = 0;
        Ok(())
    }

    /// Runs one act; a failure or a panic takes back this act only.
    ///
    /// The first act of a transaction has no savepoint: nothing stands before it, so that it is taken back with the transaction. Within
    /// a savepoint SQLite keeps every page that was changed, and goes through all it kept at the end of each statement: an act
    /// of 100,000 rows would take minutes.
    fn savepoint<T, E: From<StoreError>>(
        &mut self,
        act: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> std::thread::Result<Result<T, E>> {
        let Some(connection) = &self.connection else {
            return Ok(Err(StoreError::from(Error::internal("no connection")).into()));
        };
        let (begin, keep, take_back) = match self.acts {
            0 => ("", "", "ROLLBACK; BEGIN IMMEDIATE"),
            _ => ("SAVEPOINT act", "RELEASE act", "ROLLBACK TO act; RELEASE act"),
        };
        if let Err(error) = connection.execute_batch(begin) {
            return Ok(Err(StoreError::from(error).into()));
        }
        let result = catch_unwind(AssertUnwindSafe(|| act(connection)));
        let end = if matches!(result, Ok(Ok(_))) { keep } else { take_back };
        let ended = connection.execute_batch(end);
        self.is_lost |= connection.is_autocommit();
        match (ended, result) {
            (Ok(()), Ok(Ok(value))) => {
                self.acts += 1;
                Ok(Ok(value))
            }
            (Err(error), Ok(Ok(_))) => Ok(Err(StoreError::from(error).into())),
            (_, other) => other,
        }
    }

    /// Ends the transaction; the reason where its acts are not stored.
    fn commit(&mut self) -> Option<Error> {
        let failure = self.end();
        self.is_open = false;
        self.lock = None;
        failure
    }

    fn end(&self) -> Option<Error> {
        let connection = self.connection.as_ref()?;
        if self.is_lost {
            let error = Error::new(
                Code::Io,
                "the store could not be written: every act that shared the transaction was taken back",
            );
            return Some(error.hint("Check free space of the data directory; `jay status` shows where it is."));
        }
        let ended = connection.execute_batch(if self.acts > 0 { "COMMIT" } else { "ROLLBACK" });
        ended.err().map(|error| {
            let _ = connection.execute_batch("ROLLBACK");
            StoreError::from(error).into()
        })
    }
}
