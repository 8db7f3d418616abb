//! The thread that syncs with the remotes every so often, while `jay serve` runs.
//!
//! It does what `jay sync --no-wait` does, with the same lock and the same record: whoever asks `jay sync status` is told how it
//! ended, and a sync that somebody else runs takes its place.
//!
//! **Invariant:** one turn at a time; a turn that fails stops neither the server nor the next turn. Told to stop, it ends between
//! two files of a remote.

use crate::service::Service;
use jay_core::{ActorKind, Call, Caller, Door, Surroundings};
use jay_types::namespace::NamespacePath;
use jay_types::surroundings::random;
use jay_types::{Code, Error, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

/// By how much an interval is longer or shorter, in hundredths: machines that begin together do not stay together.
const JITTER_PERCENT: u64 = 10;
/// How long the first turn waits at most.
const FIRST_MAX: Duration = Duration::from_secs(30);

/// A syncing thread. Where it is dropped it is told to stop, and not waited for.
pub(crate) struct Syncer {
    stop: Arc<AtomicBool>,
    wake: mpsc::SyncSender<()>,
    ended: Mutex<mpsc::Receiver<()>>,
}

impl Syncer {
    /// Starts syncing.
    ///
    /// # Errors
    /// `io` where the thread cannot be started.
    pub(crate) fn start(service: Arc<Service>, every: Duration) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (wake, woken) = mpsc::sync_channel(1);
        let (ending, ended) = mpsc::sync_channel(1);
        let told = Arc::clone(&stop);
        std::thread::Builder::new()
            .name("jay-syncer".to_owned())
            .spawn(move || {
                sync_until(&service, every, &told, &woken);
                // Nobody may be waiting for it.
                let _ = ending.try_send(());
            })
            .map_err(|error| Error::io("cannot start the syncing thread", &error))?;
        Ok(Self { stop, wake, ended: Mutex::new(ended) })
    }

    /// Tells it to stop.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        // Full means that it has been woken already.
        let _ = self.wake.try_send(());
    }

    /// Waits until it has stopped, not longer than `wait`.
    pub(crate) fn wait(&self, wait: Duration) {
        self.stop();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.recv_timeout(wait) == Err(mpsc::RecvTimeoutError::Timeout) {
            tracing::warn!("the sync did not end in time; the next one goes on from what it did");
        }
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn sync_until(service: &Service, every: Duration, stop: &Arc<AtomicBool>, woken: &mpsc::Receiver<()>) {
    let surroundings = service.surroundings();
    let mut waiting = spread(every, surroundings).saturating_sub(every).min(FIRST_MAX);
    // A folder that is not mounted for a day is told once.
    let mut told = None;
    loop {
        // Woken means that it is to stop; that the other end is gone means it too.
        if woken.recv_timeout(waiting) != Err(mpsc::RecvTimeoutError::Timeout) || stop.load(Ordering::Relaxed) {
            return;
        }
        let began = surroundings.now();
        let failed = turn(service, stop);
        let outcome = failed.as_ref().map_or("ok", |error| error.code.name());
        let microseconds = u64::try_from(surroundings.now().0 - began.0).unwrap_or(0);
        service.synced(outcome, microseconds);
        match failed {
            // Somebody else does the same at this moment, or it is to stop.
            Some(error) if error.code == Code::Busy => tracing::debug!(why = error.message, "no sync"),
            Some(error) if told.as_ref() == Some(&error.message) => {}
            Some(error) => {
                tracing::warn!(code = error.code.name(), why = error.message, "a sync failed; it is tried again");
                told = Some(error.message);
            }
            None => told = None,
        }
        waiting = spread(every, surroundings);
    }
}

/// One turn; what failed in it.
fn turn(service: &Service, stop: &Arc<AtomicBool>) -> Option<Error> {
    let caller = Caller {
        kind: ActorKind::Service,
        name: "jay".to_owned(),
        door: Door::Call,
        namespace: NamespacePath::global(),
    };
    let call = Call { engine: service.engine(), caller: &caller, now: service.surroundings().now(), idempotency: None };
    let turn = catch_unwind(AssertUnwindSafe(|| jay_ops::sharing::synced::turn_of_server(&call, Arc::clone(stop))));
    match turn {
        Ok(Ok(synced)) => {
            let failed = synced.remotes.iter().find(|remote| remote.outcome != "ok")?;
            let why = failed.error.as_deref().unwrap_or("it does not say why");
            let code = if stop.load(Ordering::Relaxed) { Code::Busy } else { Code::Unreachable };
            Some(Error::new(code, format!("{}: {why}", failed.remote)))
        }
        Ok(Err(error)) => Some(error),
        Err(_) => Some(Error::internal("the sync panicked")),
    }
}

/// An interval, a little longer or shorter each time.
fn spread(every: Duration, surroundings: &dyn Surroundings) -> Duration {
    let percent = 100 - JITTER_PERCENT + u64::from(random::<1>(surroundings)[0]) * 2 * JITTER_PERCENT / 255;
    every.mul_f64(percent as f64 / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jay_types::Timestamp;

    struct Byte(u8);

    impl Surroundings for Byte {
        fn now(&self) -> Timestamp {
            Timestamp(0)
        }
        fn fill_random(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn an_interval_is_spread_by_a_tenth() {
        let every = Duration::from_secs(100);
        for (byte, seconds) in [(0, 90), (128, 100), (255, 110)] {
            assert_eq!(spread(every, &Byte(byte)), Duration::from_secs(seconds));
        }
    }
}
