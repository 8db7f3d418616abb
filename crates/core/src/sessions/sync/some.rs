//! A sync of sources that are known already: what the watch found changed.
//!
//! **Invariant:** it takes the same turn and the same way as a whole sync; it only looks for nothing.

use super::super::report::Synced;
use super::{Found, Run, turn};
use crate::call::Call;
use jay_sessions::{Problem, SessionAdapter};
use jay_types::Result;

/// What could not be looked into, with whose it is.
pub(crate) type Problems = Vec<(&'static dyn SessionAdapter, Problem)>;

/// Reads what is new in these sources. `problems` are told of in the answer.
///
/// # Errors
/// `busy` where another sync runs: it is not waited for; `io`. Failures of single sources stand in the answer.
pub(crate) fn sync_some(call: &Call<'_>, found: Found, problems: Problems) -> Result<Synced> {
    let lock = turn::take(call, false, &mut |_, _, _| {})?;
    let started = call.engine.surroundings.now();
    let mut run = Run::new(call);
    if !lock.is_locked() {
        run.notes.push("this file system has no locks: another sync could run at the same time".to_owned());
    }
    for (adapter, problem) in problems {
        run.note_problems(adapter, vec![problem]);
    }
    let ended = run.take_all(found);
    let mut answer = run.answer(started, false);
    if let Err(error) = &ended {
        (answer.outcome, answer.error) = ("error".to_owned(), Some(error.message.clone()));
    }
    // Where nothing was new there is nothing to tell of.
    if !answer.sources.is_empty() || ended.is_err() {
        turn::note(call, &mut answer);
    }
    ended.map(|()| answer)
}

impl Run<'_> {
    fn take_all(&mut self, found: Found) -> Result<()> {
        let found = self.in_one_form(found)?;
        for waiting in self.without_unchanged(found) {
            if let Err(error) = self.take(&waiting) {
                self.failed(&waiting.source, &error);
            }
        }
        self.flush()
    }
}
