//! One sync at a time in a store, and what the last one came to.
//!
//! Two at once would read the same rows and journal them twice over. The lock is the kernel's ([`jay_store::Exclusive`]); a dry
//! run takes nothing in and needs none.
//!
//! **Invariant:** a sync that took its turn leaves a record of how it ended, failed ones too; that the record cannot be written
//! never fails a sync.

use super::super::report::Synced;
use crate::call::Call;
use crate::turn::Work;
use jay_store::Exclusive;
use jay_types::{Code, Error, Result, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const WORK: Work = Work { lock: "sync-archive", command: "jay session sync" };
/// Name of the record.
const RECORD: &str = "last-sync-archive.json";

/// How a sync ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LastSync {
    /// When it ended
    pub finished_at: Timestamp,
    /// How long it took
    pub duration_ms: u64,
    /// Sessions that were not in the archive before
    pub sessions_inserted: u64,
    /// Messages that were read in
    pub messages_inserted: u64,
    /// ok, or error where a source or all of it failed
    pub outcome: String,
    /// What failed
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl LastSync {
    fn of(synced: &Synced) -> Self {
        let failed = synced.sources.iter().filter(|source| source.error.is_some()).count();
        let error = synced.error.clone().map(|error| match failed {
            0 | 1 => error,
            _ => format!("{failed} sources failed; the first: {error}"),
        });
        Self {
            finished_at: synced.finished_at,
            duration_ms: synced.duration_ms,
            sessions_inserted: synced.sessions_inserted,
            messages_inserted: synced.messages_inserted,
            outcome: if error.is_some() { "error" } else { "ok" }.to_owned(),
            error,
        }
    }
}

/// The lock of the store, once it is ours. `is_patient` waits for another sync.
///
/// # Errors
/// `busy` where another sync runs and is not waited for, or does not end in time; `io`.
pub(in crate::sessions) fn take(
    call: &Call<'_>,
    is_patient: bool,
    progress: &mut dyn FnMut(u64, u64, &str),
) -> Result<Exclusive> {
    crate::turn::take(call, &WORK, is_patient, progress)
}

/// Notes how a sync ended. Where that fails, the answer says so: `jay status` would go on telling of an earlier one.
pub(super) fn note(call: &Call<'_>, synced: &mut Synced) {
    let record = LastSync::of(synced);
    let noted = serde_json::to_vec(&record)
        .map_err(|error| Error::internal(error.to_string()))
        .and_then(|bytes| Ok(call.engine.archive.put_state(RECORD, &bytes)?));
    if let Err(error) = noted {
        tracing::warn!(%error, "how the sync ended could not be noted");
        synced.notes.push(format!("how this sync ended could not be noted for `jay status`: {}", error.message));
    }
}

/// How the last sync ended; none before the first.
///
/// # Errors
/// Where the record cannot be read: then it is not known, which is not never.
pub(crate) fn last(call: &Call<'_>) -> Result<Option<LastSync>> {
    let Some(bytes) = call.engine.archive.state(RECORD)? else { return Ok(None) };
    let read = serde_json::from_slice(&bytes);
    read.map(Some).map_err(|error| {
        let path = call.engine.archive.state_file(RECORD);
        Error::new(Code::Damaged, format!("{} is no record of a sync: {error}", path.display()))
            .hint("The next `jay session sync` writes it anew.")
    })
}
