//! Status: what is here, counted from the tables.

use super::clocks::{NodeAhead, nodes_ahead, said_of_stopped};
use crate::call::Call;
use crate::schedule::ScheduleRecord;
use crate::sessions::{LastSync, endangered, last_sync};
use jay_store::{HELD, StoreCounts};
use jay_types::{EntityId, NodeId, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A count with what it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counted {
    /// What is counted
    pub reason: String,
    /// How many
    pub count: u64,
}

/// The answer to status.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// The data directory
    pub store: String,
    /// False before the first write
    pub exists: bool,
    /// Files of the store that were here and are missing or empty: the counts below are of the others
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// This data directory's node
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// The store's format
    pub format: u32,
    /// Memories that are shown; absent where their file is missing
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memories: Option<u64>,
    /// Namespaces; absent like the memories
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<u64>,
    /// Archived sessions; absent where their file is missing
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<u64>,
    /// Archived messages; absent like the sessions
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages: Option<u64>,
    /// Changes in both journals; absent where one is missing
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<u64>,
    /// Fields that two machines wrote without seeing each other
    pub conflicts: u64,
    /// Some of the memories that have such fields
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub memories_in_conflict: Vec<EntityId>,
    /// Changes that are kept but wait for a newer version or for their body
    pub deferred: Vec<Counted>,
    /// Branches of streams that were written twice
    pub forks: u64,
    /// Streams that may not go on
    pub stopped: Vec<Counted>,
    /// Nodes whose changes came with a clock more than five minutes ahead; the changes are applied
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clocks_ahead: Vec<NodeAhead>,
    /// Jobs that are not done
    pub jobs_pending: u64,
    /// Jobs that gave up
    pub jobs_failed: u64,
    /// Texts that wait for their vectors; absent without an embedder
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_embedded: Option<u64>,
    /// The embedder; absent where there is none
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedder: Option<String>,
    /// The installed model that is in use: its name and id; absent where there is none
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The cross-encoder that judges the best hits: its name and id; absent where there is none
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reranker: Option<String>,
    /// Texts that wait for their vectors by it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_embedded_by_model: Option<u64>,
    /// Texts that are private and so not sent to it, since it is on another machine
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_sent_to_model: Option<u64>,
    /// Bytes of memory.db and its log
    pub bytes_memory: u64,
    /// Bytes of archive.db and its log
    pub bytes_archive: u64,
    /// How sessions were read in last; absent where they never were
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_session_sync: Option<LastSync>,
    /// Why it is not known how sessions were read in last; absent where that is known
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_session_sync_error: Option<String>,
    /// What there is to say
    pub notes: Vec<String>,
}

/// Counts what is here.
///
/// # Errors
/// What the store says.
pub fn status(call: &Call<'_>) -> Result<Status> {
    let engine = call.engine;
    let (memory, in_conflict) =
        engine.memory.read(|tx| -> Result<_> { Ok((tx.counts()?, tx.memories_in_conflict(10)?)) })?;
    let archive = engine.archive.read(|tx| tx.counts())?;
    let jobs = |counts: &StoreCounts, wanted: &str| -> u64 {
        counts.jobs.iter().filter(|(_, state, _)| state == wanted).map(|(.., count)| count).sum()
    };
    let embedding = |wanted: &str| -> u64 {
        let all = memory.jobs.iter().chain(&archive.jobs);
        all.filter(|(kind, state, _)| kind == wanted && state != HELD).map(|(.., count)| count).sum()
    };
    // Unknown is not zero.
    let of_memory = |counted: u64| engine.memory.missing().is_none().then_some(counted);
    let of_archive = |counted: u64| engine.archive.missing().is_none().then_some(counted);
    let missing = [&engine.memory, &engine.archive].into_iter().filter_map(|store| Some((store, store.missing()?)));
    let (mut notes, mut gone) = (Vec::new(), Vec::new());
    for (store, error) in missing {
        gone.extend(store.file().file_name().map(|name| name.to_string_lossy().into_owned()));
        notes.push(format!("{}. `jay doctor` says what helps", error.message));
    }
    if memory.conflicts > 0 {
        notes.push("`jay get ID` lists both values of a conflict; `jay update` settles it".to_owned());
    }
    notes.extend(said_of_stopped(&[memory.stopped_clocks.clone(), archive.stopped_clocks.clone()].concat(), call.now));
    notes.extend(endangered(call)?.iter().map(|one| format!("{}. {}", one.message(), one.hint())));
    match ScheduleRecord::read(engine) {
        Ok(record) => notes.extend(record.trouble(call.now).map(|(what, help)| format!("{what}. {help}"))),
        Err(error) => notes.push(format!("the schedule is not known: {}", error.message)),
    }
    notes.extend(engine.model_note());
    notes.extend(engine.reranker_note());
    if engine.embedder.is_none() {
        notes.push("text_only: no embedder is configured".to_owned());
    }
    let (last_session_sync, last_session_sync_error) = match last_sync(call) {
        Ok(last) => (last, None),
        Err(error) => (None, Some(error.message)),
    };
    Ok(Status {
        store: engine.data_dir().display().to_string(),
        exists: engine.exists() || !gone.is_empty(),
        missing: gone,
        node: engine.memory.node(),
        format: memory.format,
        memories: of_memory(memory.entities),
        namespaces: of_memory(memory.namespaces),
        sessions: of_archive(archive.entities),
        messages: of_archive(archive.messages),
        changes: of_memory(memory.changes).zip(of_archive(archive.changes)).map(|(one, other)| one + other),
        conflicts: memory.conflicts + archive.conflicts,
        memories_in_conflict: in_conflict,
        deferred: counted(&memory.deferred, &archive.deferred),
        forks: memory.forks + archive.forks,
        stopped: counted(&memory.stopped, &archive.stopped),
        clocks_ahead: nodes_ahead(&[memory.clocks_ahead.clone(), archive.clocks_ahead.clone()].concat()),
        jobs_pending: jobs(&memory, "pending") + jobs(&archive, "pending"),
        jobs_failed: jobs(&memory, "failed") + jobs(&archive, "failed"),
        not_embedded: engine.embedder.as_ref().map(|_| embedding("embed")),
        embedder: engine.embedder.as_ref().map(|embedder| embedder.id().to_owned()),
        model: engine.model.as_ref().map(|lane| format!("{} ({})", lane.record.name, lane.record.id)),
        reranker: engine.reranker.as_ref().map(|lane| format!("{} ({})", lane.record.name, lane.record.id)),
        not_embedded_by_model: engine.model.as_ref().map(|_| embedding("embed_model")),
        not_sent_to_model: engine
            .model
            .as_ref()
            .filter(|lane| lane.leaves_machine())
            .map(|_| jobs(&memory, HELD) + jobs(&archive, HELD)),
        bytes_memory: engine.memory.file_bytes(),
        bytes_archive: engine.archive.file_bytes(),
        last_session_sync,
        last_session_sync_error,
        notes,
    })
}

fn counted(a: &[(String, u64)], b: &[(String, u64)]) -> Vec<Counted> {
    let mut out: Vec<Counted> = Vec::new();
    for (reason, count) in a.iter().chain(b) {
        match out.iter_mut().find(|counted| counted.reason == *reason) {
            Some(counted) => counted.count += count,
            None => out.push(Counted { reason: reason.clone(), count: *count }),
        }
    }
    out
}
