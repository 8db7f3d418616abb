//! How often a server is asked again, and for how long it is left alone.
//!
//! Jobs can wait: they ask again, later each time and not all at the same moment. A question cannot: after a failure the server
//! is not asked for a while, so that a long-lived process does not wait for it again and again.
//!
//! **Invariant:** no pause is longer than [`PAUSE_MAX`]; a clock that was set back ends it.

use jay_types::surroundings::{Surroundings, random};
use jay_types::{Error, Timestamp};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The longest wait before asking again for the same batch.
const BACKOFF_MAX: Duration = Duration::from_secs(8);
/// The longest that a server is left alone.
const PAUSE_MAX: Duration = Duration::from_secs(300);

/// How patient one is; tests are less so.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Times that a batch of documents is sent.
    pub tries: u32,
    /// The first wait between them; doubled each time.
    pub backoff_from: Duration,
    /// The first pause after a failure; doubled for each further one.
    pub pause_from: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { tries: 4, backoff_from: Duration::from_millis(500), pause_from: Duration::from_secs(30) }
    }
}

impl Patience {
    /// The wait before try `tried` + 1: from half to the whole of the doubled wait, and not less than the server asked for; none
    /// where that is longer than one waits.
    pub(super) fn backoff(
        &self,
        tried: u32,
        asked_for: Option<Duration>,
        surroundings: &dyn Surroundings,
    ) -> Option<Duration> {
        let whole = self.backoff_from.saturating_mul(1 << tried.min(16)).min(BACKOFF_MAX);
        let share = f64::from(u16::from_le_bytes(random(surroundings))) / f64::from(u16::MAX);
        let wait = whole.mul_f64(0.5 + share / 2.0);
        match asked_for {
            Some(asked) if asked > BACKOFF_MAX => None,
            asked => Some(wait.max(asked.unwrap_or_default())),
        }
    }
}

#[derive(Clone, Debug)]
struct Pause {
    since: Timestamp,
    until: Timestamp,
    because: Error,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    pause: Option<Pause>,
}

/// Whether a server is left alone just now.
#[derive(Debug, Default)]
pub(super) struct Gate(Mutex<State>);

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets through, or says what went wrong the last time and when it is tried again.
    pub(super) fn pass(&self, now: Timestamp) -> Result<(), Error> {
        let state = self.state();
        let Some(pause) = state.pause.as_ref().filter(|pause| (pause.since.0..pause.until.0).contains(&now.0)) else {
            return Ok(());
        };
        let seconds = (pause.until.0 - now.0).max(0) / jay_types::time::SECOND + 1;
        let mut error = pause.because.clone();
        error.message = format!("{}; it is asked again in {seconds} s", error.message);
        error.retry = error.retry.map(|_| u32::try_from(seconds).unwrap_or(u32::MAX));
        Err(error)
    }

    /// Notes an answer.
    pub(super) fn open(&self) {
        *self.state() = State::default();
    }

    /// Notes a failure.
    pub(super) fn close(&self, now: Timestamp, because: &Error, asked_for: Option<Duration>, patience: &Patience) {
        let mut state = self.state();
        let pause = patience.pause_from.saturating_mul(1 << state.failures.min(16)).max(asked_for.unwrap_or_default());
        let micros = i64::try_from(pause.min(PAUSE_MAX).as_micros()).unwrap_or(i64::MAX);
        state.failures = state.failures.saturating_add(1);
        let until = Timestamp(now.0.saturating_add(micros));
        state.pause = Some(Pause { since: now, until, because: because.clone() });
    }
}
