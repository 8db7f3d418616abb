//! One run at a time of what takes long: whoever comes second waits and says for whom, or is told.
//!
//! The lock is the kernel's ([`jay_store::Exclusive`]).
//!
//! **Invariant:** a server's caller never waits longer than its connection lives.

use crate::call::{Call, Door};
use jay_store::{Attempt, Exclusive, Holder};
use jay_types::{Code, Error, Result};
use std::time::Duration;

/// What is run alone.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// Name of the lock: `<name>.lock` in the state directory.
    pub lock: &'static str,
    /// The command that runs it, for hints.
    pub command: &'static str,
}

/// How often it is looked whether the lock is free.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long a person's sync waits for another: the first one of a large archive takes minutes.
const WAIT_MAX: Duration = Duration::from_secs(60 * 60);
/// How long one that came through a server waits: its connection ends before an hour, and a thread of the server waits with it.
const WAIT_SERVED_MAX: Duration = Duration::from_secs(20);

/// The lock of the store, once it is ours. `is_patient` waits for another run.
///
/// # Errors
/// `busy` where another runs and is not waited for, or does not end within an hour (20 s through a server); `io`.
pub fn take(
    call: &Call<'_>,
    work: &Work,
    is_patient: bool,
    progress: &mut dyn FnMut(u64, u64, &str),
) -> Result<Exclusive> {
    let wait_max = match call.caller.door {
        Door::Cli | Door::Call => WAIT_MAX,
        Door::Http | Door::Mcp | Door::Web => WAIT_SERVED_MAX,
    };
    let mut waited = Duration::ZERO;
    let mut told = None;
    loop {
        let holder = match call.engine.archive.exclusive(work.lock)? {
            Attempt::Taken(lock) => return Ok(lock),
            Attempt::Held(holder) => holder,
        };
        if !is_patient || waited >= wait_max {
            return Err(busy(work, holder, is_patient));
        }
        if told != Some(holder) {
            progress(0, 0, &format!("waiting for {}", said_of(holder)));
            told = Some(holder);
        }
        std::thread::sleep(LOOK_EVERY);
        waited += LOOK_EVERY;
    }
}

fn said_of(holder: Option<Holder>) -> String {
    match holder {
        Some(Holder { pid, started_at }) => format!("the sync of process {pid}, running since {started_at}"),
        None => "another sync, which does not say whose it is".to_owned(),
    }
}

fn busy(work: &Work, holder: Option<Holder>, is_patient: bool) -> Error {
    let hint = if is_patient {
        format!("See what that process does, and run `{}` again.", work.command)
    } else {
        format!("Without `--no-wait`, `{}` waits until it is done.", work.command)
    };
    let error = Error::new(Code::Busy, format!("the store is busy with {}", said_of(holder))).hint(hint);
    match holder {
        Some(holder) => error.details(serde_json::json!({"pid": holder.pid, "started_at": holder.started_at})),
        None => error,
    }
}
