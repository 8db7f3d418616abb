//! Syncing with remotes, and the record of the last time.
//!
//! **Invariant:** a sync that took its turn leaves a record of how it ended, failed ones too; a remote that fails stops no other.

use super::{all, one, open, peer};
use crate::Progress;
use jay_core::{Call, turn};
use jay_transfer::remote::stopping::Stopping;
use jay_transfer::sync::config::RemoteConfig;
use jay_transfer::sync::report::{FileReport, SyncedRemote};
pub use jay_transfer::sync::status::{Held, NodeStatus, RemoteStatus, SyncStatus};
use jay_transfer::sync::{Direction, dry_run, sync};
use jay_types::{Code, Error, NodeId, Result, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Name of the record in the state directory.
const RECORD: &str = "last-sync-remotes.json";

/// What a sync did with the changes of a node
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SyncedNode {
    /// The author of the changes
    pub node: NodeId,
    /// Its name, where the vault knows one
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The remote that brought them
    pub remote: String,
    /// Changes that were taken in
    pub applied: u64,
    /// Changes that files brought and that were here already
    pub have: u64,
    /// Changes that are kept and cannot be applied by this version
    pub deferred: u64,
    /// Changes that were refused
    pub refused: u64,
}

/// One remote of a sync
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemoteSynced {
    /// The remote
    pub remote: String,
    /// Where it is
    pub url: String,
    /// ok or error
    pub outcome: String,
    /// What failed
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Changes that were written there
    pub pushed: u64,
    /// Changes that were taken in from there
    pub pulled: u64,
    /// Bytes written there
    pub bytes_written: u64,
    /// Bytes read from there
    pub bytes_read: u64,
    /// Files that are not taken in, or not yet
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileReport>,
}

/// What a sync did
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Synced {
    /// ok, error where a remote failed, stopped where the server that synced was told to end
    pub outcome: String,
    /// Changes that were written to remotes
    pub pushed: u64,
    /// Changes that were taken in
    pub pulled: u64,
    /// By author of changes and remote
    pub nodes: Vec<SyncedNode>,
    /// Texts that wait for their vectors; they are found by their words
    pub not_embedded: u64,
    /// By remote
    pub remotes: Vec<RemoteSynced>,
    /// What else there is to say
    pub notes: Vec<String>,
    /// When it ended
    pub finished_at: Timestamp,
    /// How long it took
    pub duration_ms: u64,
    /// What failed first
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How the last sync with remotes ended
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LastRemoteSync {
    /// When it ended
    pub finished_at: Timestamp,
    /// How long it took
    pub duration_ms: u64,
    /// Changes that were written to remotes
    pub pushed: u64,
    /// Changes that were taken in
    pub pulled: u64,
    /// ok, error where a remote failed, stopped where the server that synced was told to end
    pub outcome: String,
    /// What failed first
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How far every machine is.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SyncStatusView {
    /// What is known
    #[serde(flatten)]
    pub status: SyncStatus,
    /// How the last sync ended; absent before the first
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<LastRemoteSync>,
}

/// What to sync
#[derive(Clone, Debug)]
pub(crate) struct SyncRequest {
    pub(crate) remote: Option<String>,
    pub(crate) direction: Direction,
    pub(crate) is_dry: bool,
    pub(crate) no_wait: bool,
    /// Becomes true once the process is to end.
    pub(crate) stop: Option<Arc<AtomicBool>>,
}

impl SyncRequest {
    fn is_stopped(&self) -> bool {
        self.stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed))
    }
}

/// One turn of a server that syncs by itself, with every remote: as `jay sync --no-wait` does. Once `stop` is true it ends between
/// two files.
///
/// # Errors
/// `busy` where another sync of this store runs; what the only remote says, where there is one.
pub fn turn_of_server(call: &Call<'_>, stop: Arc<AtomicBool>) -> Result<Synced> {
    let request =
        SyncRequest { remote: None, direction: Direction::Both, is_dry: false, no_wait: true, stop: Some(stop) };
    run(call, &request, &mut |_, _, _| ())
}

pub(crate) fn run(call: &Call<'_>, request: &SyncRequest, progress: &mut Progress<'_>) -> Result<Synced> {
    let remotes = match &request.remote {
        Some(name) => vec![one(call, Some(name))?],
        None => all(call)?,
    };
    if remotes.is_empty() && !request.no_wait {
        return Err(Error::not_found("there is no remote to sync with yet").hint(
            "`jay remote add home /path/to/folder` adds one; `jay session sync` archives the sessions of agents.",
        ));
    }
    let _lock = if request.is_dry { None } else { Some(turn::take(call, &super::WORK, !request.no_wait, progress)?) };
    let started = call.engine.surroundings().now();
    let mut synced = empty(call.now);
    let mut first_error: Option<Error> = None;
    for remote in &remotes {
        match of_remote(call, remote, request, progress) {
            Ok(done) => take(&mut synced, &done),
            Err(error) => {
                synced.remotes.push(failed(remote, &error));
                first_error.get_or_insert(error);
            }
        }
    }
    if !request.is_dry {
        // What arrived is found by text and meaning when the command returns.
        call.engine.after_writes();
        scrub(call, &mut synced);
    }
    synced.not_embedded = call.engine.not_embedded()?;
    synced.finished_at = call.engine.surroundings().now();
    synced.duration_ms = u64::try_from((synced.finished_at.0 - started.0) / 1000).unwrap_or(0);
    if let Some(error) = &first_error {
        let outcome = if request.is_stopped() { "stopped" } else { "error" };
        (synced.outcome, synced.error) = (outcome.to_owned(), Some(error.message.clone()));
    }
    if !request.is_dry {
        note(call, &mut synced);
    }
    match first_error {
        // A single remote's failure is the command's, with its code and hint.
        Some(error) if remotes.len() == 1 => Err(error),
        _ => Ok(synced),
    }
}

/// What was purged elsewhere leaves the files here before the command returns.
fn scrub(call: &Call<'_>, synced: &mut Synced) {
    match jay_core::purge::scrub_pending(call.engine) {
        Ok(places) => {
            for place in places.iter().filter(|place| !place.done) {
                let who = place.waiting_for.as_deref().unwrap_or("somebody who reads");
                synced.notes.push(format!("{} still holds bytes of what was purged: it waits for {who}", place.place));
            }
        }
        Err(error) => synced.notes.push(format!("what was purged is still in files here: {}", error.message)),
    }
}

fn of_remote(
    call: &Call<'_>,
    remote: &RemoteConfig,
    request: &SyncRequest,
    progress: &mut Progress<'_>,
) -> Result<SyncedRemote> {
    let mut opened = open(call, &remote.url)?;
    if let Some(stop) = &request.stop {
        opened = Box::new(Stopping::new(opened, Arc::clone(stop)));
    }
    let run = if request.is_dry { dry_run } else { sync };
    run(&peer(call), opened.as_ref(), remote, request.direction, progress)
}

fn empty(now: Timestamp) -> Synced {
    Synced {
        outcome: "ok".to_owned(),
        pushed: 0,
        pulled: 0,
        nodes: Vec::new(),
        not_embedded: 0,
        remotes: Vec::new(),
        notes: Vec::new(),
        finished_at: now,
        duration_ms: 0,
        error: None,
    }
}

fn take(synced: &mut Synced, done: &SyncedRemote) {
    synced.pushed += done.pushed;
    synced.pulled += done.pulled;
    synced.nodes.extend(done.nodes.iter().map(|node| SyncedNode {
        node: node.node,
        name: node.name.clone(),
        remote: done.remote.clone(),
        applied: node.applied,
        have: node.have,
        deferred: node.deferred,
        refused: node.refused,
    }));
    for text in &done.notes {
        if !synced.notes.contains(text) {
            synced.notes.push(text.clone());
        }
    }
    synced.remotes.push(RemoteSynced {
        remote: done.remote.clone(),
        url: done.url.clone(),
        outcome: "ok".to_owned(),
        error: None,
        pushed: done.pushed,
        pulled: done.pulled,
        bytes_written: done.bytes_written,
        bytes_read: done.bytes_read,
        files: done.files.clone(),
    });
}

fn failed(remote: &RemoteConfig, error: &Error) -> RemoteSynced {
    RemoteSynced {
        remote: remote.name.clone(),
        url: remote.url.clone(),
        outcome: "error".to_owned(),
        error: Some(error.message.clone()),
        pushed: 0,
        pulled: 0,
        bytes_written: 0,
        bytes_read: 0,
        files: Vec::new(),
    }
}

fn note(call: &Call<'_>, synced: &mut Synced) {
    let record = LastRemoteSync {
        finished_at: synced.finished_at,
        duration_ms: synced.duration_ms,
        pushed: synced.pushed,
        pulled: synced.pulled,
        outcome: synced.outcome.clone(),
        error: synced.error.clone(),
    };
    let noted = serde_json::to_vec(&record)
        .map_err(|error| Error::internal(error.to_string()))
        .and_then(|bytes| Ok(call.engine.stores().0.put_state(RECORD, &bytes)?));
    if let Err(error) = noted {
        synced.notes.push(format!("how this sync ended could not be noted for `jay sync status`: {}", error.message));
    }
}

/// How the last sync ended; none before the first.
pub(crate) fn last(call: &Call<'_>) -> Result<Option<LastRemoteSync>> {
    let store = call.engine.stores().0;
    let Some(bytes) = store.state(RECORD)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        Error::new(Code::Damaged, format!("{} is no record of a sync: {error}", store.state_file(RECORD).display()))
            .hint("The next `jay sync` writes it anew.")
    })
}
