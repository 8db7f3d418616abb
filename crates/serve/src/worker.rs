//! The thread that does queued work (embedding, index segments, purges) while a door is open.

use jay_core::{ActorKind, Call, Caller, Door, Engine, Surroundings};
use jay_types::namespace::NamespacePath;
use jay_types::{Code, Error, Result};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// How long the worker sleeps when nobody tells it of new work; other processes may have queued some.
const IDLE: Duration = Duration::from_secs(5);
/// Jobs of one turn.
const TURN_MAX: usize = 32;

/// Wakes the worker. The thread ends when the last one is dropped.
pub(crate) struct Nudge(mpsc::SyncSender<()>);

impl Nudge {
    /// There may be work.
    pub(crate) fn nudge(&self) {
        // Full means that it has been told already.
        let _ = self.0.try_send(());
    }
}

/// Starts the worker.
pub(crate) fn start(engine: Arc<Engine>, surroundings: Arc<dyn Surroundings>) -> Result<Nudge> {
    let (nudge, nudged) = mpsc::sync_channel(1);
    std::thread::Builder::new()
        .name("jay-worker".to_owned())
        .spawn(move || work(&engine, &*surroundings, &nudged))
        .map_err(|error| Error::io("cannot start the worker thread", &error))?;
    Ok(Nudge(nudge))
}

/// Index files that were damaged from outside are found here, once for each process: a question trusts what decodes.
fn mend(engine: &Engine) {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| engine.mend_indexes())) {
        Ok(Ok(true)) => tracing::warn!("index files were damaged and have been made again from the journal"),
        Ok(Ok(false)) => {}
        Ok(Err(error)) => tracing::warn!(code = error.code.name(), "the index files could not be checked"),
        Err(_) => tracing::error!("checking the index files panicked"),
    }
}

fn work(engine: &Engine, surroundings: &dyn Surroundings, nudged: &mpsc::Receiver<()>) {
    let caller = Caller {
        kind: ActorKind::Service,
        name: "jay".to_owned(),
        door: Door::Call,
        namespace: NamespacePath::global(),
    };
    mend(engine);
    let mut waiting = IDLE;
    // A server that is down for a day is told once.
    let mut told = None;
    loop {
        match nudged.recv_timeout(waiting) {
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
            Ok(()) | Err(mpsc::RecvTimeoutError::Timeout) => {}
        }
        let call = Call { engine, caller: &caller, now: surroundings.now(), idempotency: None };
        let turn = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            jay_core::diagnostics::jobs_run(&call, false, TURN_MAX)
        }));
        waiting = match turn {
            // More may wait: go on at once, but look first whether the doors have closed.
            Ok(Ok(done)) => {
                told = None;
                if done.done > 0 && done.pending > 0 { Duration::ZERO } else { IDLE }
            }
            Ok(Err(error)) => {
                if error.code != Code::Busy && told != Some(error.code) {
                    tracing::warn!(code = error.code.name(), "queued work was not done");
                    told = Some(error.code);
                }
                IDLE
            }
            Err(_) => {
                tracing::error!("queued work panicked; it is tried again later");
                IDLE
            }
        };
    }
}
