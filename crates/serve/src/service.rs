//! The engine behind the open doors: async callers in, threads that may block behind.
//!
//! Every call has a thread of the blocking pool. What can be done beside other calls is; writers queue in the store, where
//! those that wait while one commits share the next commit, so that many callers cost few fsyncs. Each is answered after
//! its own commit, and what follows writes (checkpoints, index files) comes after the answer.
//!
//! **Invariant:** writers never have all threads: while they wait, for another process perhaps, reads are answered.

use crate::metrics::Metrics;
use crate::worker::Nudge;
use jay_core::{Caller, Engine, Surroundings};
use jay_ops::{Access, Context, Spec, call};
use jay_types::{Error, Result};
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, TryLockError};
use tokio::sync::{Semaphore, oneshot};

/// Threads that may wait for the store at once, whatever for.
pub const BLOCKING_THREADS_MAX: usize = 32;
/// Of these, those that may write; so many acts share a commit at most. A caller beyond them waits without a thread.
const WRITERS_MAX: usize = BLOCKING_THREADS_MAX - 8;

/// A running engine, shared by the doors.
pub struct Service {
    engine: Arc<Engine>,
    surroundings: Arc<dyn Surroundings>,
    metrics: Arc<Metrics>,
    writers: Arc<Semaphore>,
    /// Held by the thread that does what follows writes: the others need not wait for it.
    after: Arc<Mutex<()>>,
    nudge: Nudge,
    version: &'static str,
}

type Work = Box<dyn FnOnce(&Context<'_>) -> Result<Value> + Send>;

impl Service {
    /// Starts the worker behind the doors. It ends when the service is dropped.
    ///
    /// # Errors
    /// `io` where no thread can be started.
    pub fn start(engine: Arc<Engine>, surroundings: Arc<dyn Surroundings>, version: &'static str) -> Result<Arc<Self>> {
        let nudge = crate::worker::start(Arc::clone(&engine), Arc::clone(&surroundings))?;
        let (metrics, after) = (Arc::default(), Arc::default());
        let writers = Arc::new(Semaphore::new(WRITERS_MAX));
        Ok(Arc::new(Self { engine, surroundings, metrics, writers, after, nudge, version }))
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn surroundings(&self) -> &dyn Surroundings {
        &*self.surroundings
    }

    /// A sync that nobody called has ended: it is counted like one, and what it brought may want its vectors.
    pub(crate) fn synced(&self, outcome: &'static str, microseconds: u64) {
        self.metrics.count("sync", outcome, microseconds);
        self.nudge.nudge();
    }

    /// The version of the program.
    #[must_use]
    pub const fn version(&self) -> &'static str {
        self.version
    }

    /// The page of `/metrics`.
    #[must_use]
    pub fn metrics_page(&self) -> String {
        self.metrics.page(self.engine.group_counts())
    }

    /// Calls an operation.
    ///
    /// # Errors
    /// As [`jay_ops::call`]; `internal` where the operation panicked.
    pub async fn call(&self, spec: &'static Spec, caller: Caller, input: Value) -> Result<Value> {
        self.run(spec, caller, Box::new(move |context| call(spec, context, input))).await
    }

    /// Calls an operation for an agent (see [`jay_ops::agents`]).
    ///
    /// # Errors
    /// As [`Service::call`].
    pub async fn call_for_agents(
        &self,
        spec: &'static Spec,
        caller: Caller,
        input: Value,
    ) -> Result<jay_ops::agents::Answer> {
        let max_tokens = jay_ops::agents::budget(&input);
        let work: Work = Box::new(move |context| call(spec, context, jay_ops::agents::with_budget(spec, input)));
        let value = self.run(spec, caller, work).await?;
        Ok(jay_ops::agents::answer(spec, value, max_tokens))
    }

    async fn run(&self, spec: &'static Spec, caller: Caller, work: Work) -> Result<Value> {
        let started = self.surroundings.now();
        let answer = self.on_thread(spec, caller, work).await;
        let outcome = answer.as_ref().map_or_else(|error| error.code.name(), |_| "ok");
        let microseconds = u64::try_from(self.surroundings.now().0 - started.0).unwrap_or(0);
        self.metrics.count(spec.name, outcome, microseconds);
        if spec.access.writes() && answer.is_ok() {
            self.nudge.nudge();
        }
        answer
    }

    async fn on_thread(&self, spec: &'static Spec, caller: Caller, work: Work) -> Result<Value> {
        let (engine, surroundings, after) =
            (Arc::clone(&self.engine), Arc::clone(&self.surroundings), Arc::clone(&self.after));
        let place = match spec.access {
            Access::Read => None,
            _ => Some(Arc::clone(&self.writers).acquire_owned().await.map_err(|_| Error::internal("no writers"))?),
        };
        let (answer, answered) = oneshot::channel();
        tokio::task::spawn_blocking(move || {
            let _place = place;
            let context = Context { engine: &engine, caller: &caller, surroundings: &*surroundings };
            let done = catch_unwind(AssertUnwindSafe(|| work(&context)))
                .unwrap_or_else(|_| Err(Error::internal(format!("{} panicked", spec.name))));
            // A caller that went away does not need its answer; a write is done all the same.
            let _ = answer.send(done);
            if spec.access != Access::Read {
                let _one = match after.try_lock() {
                    Ok(one) => one,
                    // What it guards is nothing that a panic could leave half done.
                    Err(TryLockError::Poisoned(one)) => one.into_inner(),
                    Err(TryLockError::WouldBlock) => return,
                };
                engine.after_writes();
            }
        });
        answered.await.unwrap_or_else(|_| Err(Error::internal(format!("{} was not answered", spec.name))))
    }
}
