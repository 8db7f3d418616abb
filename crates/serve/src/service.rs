//! The engine behind the open doors: async callers in, threads that may block behind.
//!
//! Short writes go to one writer thread. What waits while it commits shares its next commit, so many callers cost
//! few fsyncs; each is answered after its own commit. Everything else runs on the blocking pool.

use crate::metrics::Metrics;
use crate::worker::Nudge;
use jay_core::{Caller, Engine, Surroundings};
use jay_ops::{Access, Context, Spec, call, together};
use jay_types::{Error, Result};
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use tokio::sync::oneshot;

/// Writes that share one commit at most: a bound on how long the first waits for the last.
const GROUP_MAX: usize = 256;
/// Writes that may wait for the writer; a caller beyond them waits with its request unread.
const QUEUE_MAX: usize = 4096;

/// A running engine, shared by the doors.
pub struct Service {
    engine: Arc<Engine>,
    surroundings: Arc<dyn Surroundings>,
    metrics: Arc<Metrics>,
    writer: mpsc::SyncSender<Write>,
    nudge: Nudge,
    version: &'static str,
}

struct Write {
    spec: &'static Spec,
    caller: Caller,
    work: Work,
    answer: oneshot::Sender<Result<Value>>,
}

type Work = Box<dyn FnOnce(&Context<'_>) -> Result<Value> + Send>;

impl Service {
    /// Starts the threads behind the doors. They end when the service is dropped.
    ///
    /// # Errors
    /// `io` where no thread can be started.
    pub fn start(engine: Arc<Engine>, surroundings: Arc<dyn Surroundings>, version: &'static str) -> Result<Arc<Self>> {
        let (writer, waiting) = mpsc::sync_channel(QUEUE_MAX);
        let metrics = Arc::new(Metrics::default());
        let behind = (Arc::clone(&engine), Arc::clone(&surroundings));
        std::thread::Builder::new()
            .name("jay-writer".to_owned())
            .spawn(move || write_in_groups(&behind.0, &*behind.1, &waiting))
            .map_err(|error| Error::io("cannot start the writer thread", &error))?;
        let nudge = crate::worker::start(Arc::clone(&engine), Arc::clone(&surroundings))?;
        Ok(Arc::new(Self { engine, surroundings, metrics, writer, nudge, version }))
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
        let answer = if spec.is_short {
            self.run_short(spec, caller, work).await
        } else {
            self.run_alone(spec, caller, work).await
        };
        let outcome = answer.as_ref().map_or_else(|error| error.code.name(), |_| "ok");
        let microseconds = u64::try_from(self.surroundings.now().0 - started.0).unwrap_or(0);
        self.metrics.count(spec.name, outcome, microseconds);
        if spec.access.writes() && answer.is_ok() {
            self.nudge.nudge();
        }
        answer
    }

    async fn run_short(&self, spec: &'static Spec, caller: Caller, work: Work) -> Result<Value> {
        let (answer, answered) = oneshot::channel();
        let mut write = Write { spec, caller, work, answer };
        loop {
            match self.writer.try_send(write) {
                Ok(()) => break,
                Err(mpsc::TrySendError::Full(back)) => {
                    write = back;
                    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
                }
                Err(mpsc::TrySendError::Disconnected(_)) => return Err(Error::internal("the writer thread is gone")),
            }
        }
        answered.await.unwrap_or_else(|_| Err(Error::internal(format!("{} was not answered", spec.name))))
    }

    async fn run_alone(&self, spec: &'static Spec, caller: Caller, work: Work) -> Result<Value> {
        let (engine, surroundings) = (Arc::clone(&self.engine), Arc::clone(&self.surroundings));
        let done = tokio::task::spawn_blocking(move || {
            let answer = work(&Context { engine: &engine, caller: &caller, surroundings: &*surroundings });
            if spec.access != Access::Read {
                engine.after_writes();
            }
            answer
        });
        done.await.unwrap_or_else(|_| Err(Error::internal("the operation panicked")))
    }
}

/// Until every sender is gone: takes what waits, runs it in one commit, answers.
fn write_in_groups(engine: &Engine, surroundings: &dyn Surroundings, waiting: &mpsc::Receiver<Write>) {
    while let Ok(first) = waiting.recv() {
        let group: Vec<Write> = std::iter::once(first).chain(waiting.try_iter().take(GROUP_MAX - 1)).collect();
        let mut answers = Vec::with_capacity(group.len());
        let calls: Vec<_> = group
            .into_iter()
            .map(|Write { spec, caller, work, answer }| {
                answers.push(answer);
                move || {
                    let context = Context { engine, caller: &caller, surroundings };
                    // A panic of one call must not take the others' thread along.
                    catch_unwind(AssertUnwindSafe(|| work(&context)))
                        .unwrap_or_else(|_| Err(Error::internal(format!("{} panicked", spec.name))))
                }
            })
            .collect();
        for (answer, result) in answers.into_iter().zip(together(engine, calls)) {
            // A caller that went away does not need its answer; the write is done all the same.
            let _ = answer.send(result);
        }
        engine.after_writes();
    }
}
