//! SKELETON of the core's interface: the real bodies are written elsewhere at the same time; signatures are final.
#![allow(missing_docs, clippy::needless_pass_by_value)]
use jay_types::request::*;
use jay_types::memory::*;
use jay_types::*;
use jay_types::bounds::*;
use jay_types::namespace::NamespacePath;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Which door a call came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door { Cli, Call, Http, Mcp, Web }

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind { Person, Agent, Service }

/// Who calls, from where.
#[derive(Clone, Debug)]
pub struct Caller {
    pub kind: ActorKind,
    pub name: String,
    pub door: Door,
    /// the namespace in which the caller stands
    pub namespace: NamespacePath,
}

pub use jay_types::surroundings::Surroundings;

/// Where things are and how to behave; made by the cli from its configuration.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// the data directory ($XDG_DATA_HOME/scrubjay or JAY_HOME)
    pub data_dir: PathBuf,
    /// open even on a network file system or inside a sync folder
    pub force_location: bool,
    /// use the deterministic test embedder
    pub test_embedder: bool,
    /// machine id, for clone detection (J3)
    pub machine_id: String,
    /// host and OS user, recorded with ingested sessions
    pub host: String,
    pub user: String,
    /// for session adapters: home directory and the environment variables that clients honour
    pub home: Option<PathBuf>,
    pub variables: std::collections::BTreeMap<String, String>,
}

pub struct Engine { _private: () }

impl Engine {
    /// Opens lazily: nothing is created on disk before the first write; reads of a store that is not there see an empty one.
    pub fn open(_options: EngineOptions, _surroundings: std::sync::Arc<dyn Surroundings>) -> Result<Self> { Ok(Self { _private: () }) }
    /// For `jay call`: writes between begin and commit share one commit; an answer may be printed only after `commit`.
    pub fn group<T>(&self, run: impl FnOnce() -> T) -> Result<T> { Ok(run()) }
    /// After acknowledgements: checkpoint if the WAL is large.
    pub fn after_writes(&self) {}
}

/// An idempotency key with the keyed hash of the operation's input.
#[derive(Clone, Debug)]
pub struct Idempotency { pub operation: &'static str, pub key: Word, pub input_hash: [u8; 32] }

/// One call of one operation.
pub struct Call<'a> { pub engine: &'a Engine, pub caller: &'a Caller, pub now: Timestamp, pub idempotency: Option<Idempotency> }

fn not<T>() -> Result<T> { Err(Error::internal("skeleton")) }

pub mod remember { use super::*;
    pub fn one(_c: &Call<'_>, _m: NewMemory) -> Result<Remembered> { not() }
    /// at most BATCH_MAX; one act; a result per item, in order; all or nothing
    pub fn batch(_c: &Call<'_>, _m: Vec<NewMemory>) -> Result<Vec<Remembered>> { not() } }
pub mod recall { use super::*;
    pub fn recall(_c: &Call<'_>, _q: RecallQuery) -> Result<Recalled> { not() } }
pub mod read { use super::*;
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub struct Listed { pub memories: Vec<Memory>, #[serde(skip_serializing_if = "Option::is_none")] pub next: Option<String> }
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub struct Got { pub memories: Vec<Memory>, pub links: Vec<LinksOf>, pub notes: Vec<String> }
    /// `ids` may be shortened; as_of gives the wording of that time
    pub fn get(_c: &Call<'_>, _ids: &[Word], _as_of: Option<&Word>, _include_forgotten: bool) -> Result<Got> { not() }
    pub fn list(_c: &Call<'_>, _filter: &Filter, _limit: usize, _cursor: Option<&str>) -> Result<Listed> { not() }
    /// one change of a memory, as history shows it
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub struct HistoryEntry { pub pos: u64, pub dot: Dot, pub at: Timestamp, pub actor: String, pub operation: String, pub fields: Vec<String>, pub text: Option<String>, pub diff: Option<String>, pub values: serde_json::Value }
    pub fn history(_c: &Call<'_>, _id: &Word, _diff: bool) -> Result<Vec<HistoryEntry>> { not() } }
pub mod edit { use super::*;
    pub fn update(_c: &Call<'_>, _id: &Word, _edit: Edit, _if_version: Option<u64>) -> Result<Written> { not() }
    pub fn forget(_c: &Call<'_>, _ids: &[Word], _reason: Option<&Word>) -> Result<Vec<Written>> { not() }
    pub fn unforget(_c: &Call<'_>, _id: &Word) -> Result<Written> { not() }
    pub fn link(_c: &Call<'_>, _l: &LinkEnds) -> Result<Written> { not() }
    pub fn unlink(_c: &Call<'_>, _l: &LinkEnds) -> Result<Written> { not() }
    /// back to the wording of `dot` or of a time
    pub fn revert(_c: &Call<'_>, _id: &Word, _to: &Word) -> Result<Written> { not() }
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub struct Undone { pub act: ActId, pub at: Timestamp, pub operation: String, pub memories: Vec<Written> }
    /// the caller's last act that was not undone
    pub fn undo(_c: &Call<'_>, _dry_run: bool) -> Result<Undone> { not() }
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum Verdict { Useful, Noise }
    pub fn feedback(_c: &Call<'_>, _id: &Word, _v: Verdict) -> Result<Written> { not() }
    pub fn move_to(_c: &Call<'_>, _id: &Word, _to: &NamespacePath) -> Result<Written> { not() } }
pub mod purge { use super::*;
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub struct Purged { pub memories: Vec<EntityId>, pub sessions: Vec<SessionHolding>, pub places: Vec<Place>, pub done: bool, pub notes: Vec<String> }
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub struct SessionHolding { pub client: String, pub session: String, pub message: String, pub purged: bool }
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub struct Place { pub place: String, pub done: bool, pub waiting_for: Option<String> }
    pub fn purge(_c: &Call<'_>, _ids: &[Word], _with_sources: bool, _dry_run: bool) -> Result<Purged> { not() } }
pub mod namespaces { use super::*;
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub struct NamespaceView { pub id: NamespaceId, pub path: String, pub aliases: Vec<String>, pub remotes: Vec<String>, pub memories: u64, pub secrets: SecretPolicy, pub created_at: Timestamp, pub private: bool }
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum SecretPolicy { Redact, Refuse, Allow }
    pub fn list(_c: &Call<'_>) -> Result<Vec<NamespaceView>> { not() }
    pub fn show(_c: &Call<'_>, _path: &NamespacePath) -> Result<NamespaceView> { not() }
    pub fn rename(_c: &Call<'_>, _from: &NamespacePath, _to: &NamespacePath) -> Result<NamespaceView> { not() }
    pub fn alias(_c: &Call<'_>, _path: &NamespacePath, _alias: &NamespacePath, _remove: bool) -> Result<NamespaceView> { not() }
    /// secrets policy, git remotes bound to it
    pub fn set(_c: &Call<'_>, _path: &NamespacePath, _secrets: Option<SecretPolicy>, _add_remotes: &[Word], _remove_remotes: &[Word]) -> Result<NamespaceView> { not() }
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub struct Merged { pub moved: u64, pub into: NamespaceView }
    pub fn merge(_c: &Call<'_>, _from: &NamespacePath, _into: &NamespacePath, _dry_run: bool) -> Result<Merged> { not() }
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub struct Deleted { pub path: String, pub retired: u64 }
    pub fn delete(_c: &Call<'_>, _path: &NamespacePath, _dry_run: bool) -> Result<Deleted> { not() } }
pub mod sessions { use super::*;
    use jay_types::session::*;
    #[derive(Clone, Debug, Default)]
    pub struct SyncRequest { pub clients: Vec<String>, pub path: Option<PathBuf>, pub dry_run: bool }
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub struct SourceReport { pub client: String, pub path: String, pub session: Option<String>, pub state: String, pub messages: u64, pub bytes: u64, pub unknown: std::collections::BTreeMap<String, u64>, pub error: Option<String> }
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub struct Synced { pub outcome: String, pub finished_at: Timestamp, pub duration_ms: u64, pub sessions_inserted: u64, pub messages_inserted: u64, pub sources: Vec<SourceReport>, #[serde(skip_serializing_if = "Option::is_none")] pub error: Option<Error2> , pub notes: Vec<String> }
    pub type Error2 = String;
    /// progress: (done bytes, all bytes, current source)
    pub fn sync(_c: &Call<'_>, _r: &SyncRequest, _progress: &mut dyn FnMut(u64, u64, &str)) -> Result<Synced> { not() }
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub struct SessionView { pub client: String, pub session: String, pub title: Option<String>, pub project: Option<String>, pub namespace: Option<String>, pub parent: Option<String>, pub agent: Option<String>, pub started_at: Option<Timestamp>, pub ended_at: Option<Timestamp>, pub messages: u64 }
    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub struct SessionFilter {
        /// Only sessions of this client
        #[serde(default)] pub client: Option<Word>,
        /// Only sessions of this namespace
        #[serde(default)] pub namespace: Option<NamespacePath>,
        /// Only sessions whose project directory contains this text
        #[serde(default)] pub project: Option<Word>,
        /// Only messages at or after this time
        #[serde(default)] pub since: Option<Word>,
        /// Only messages before this time
        #[serde(default)] pub until: Option<Word>,
        /// Only messages of this role
        #[serde(default)] pub role: Option<Role>,
        /// Only this session
        #[serde(default)] pub session: Option<Word>,
    }
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub struct SessionsListed { pub sessions: Vec<SessionView>, #[serde(skip_serializing_if = "Option::is_none")] pub next: Option<String> }
    pub fn list(_c: &Call<'_>, _f: &SessionFilter, _limit: usize, _cursor: Option<&str>) -> Result<SessionsListed> { not() }
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub struct MessageView { pub message: String, pub role: Option<Role>, pub author: Option<String>, pub at: Option<Timestamp>, /** parts as JSON of jay_types::session::Part */ pub parts: Vec<serde_json::Value> }
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub struct SessionShown { pub session: SessionView, pub messages: Vec<MessageView>, pub notes: Vec<String>, #[serde(skip_serializing_if = "Option::is_none")] pub next: Option<String> }
    /// secrets are masked unless `reveal`
    pub fn show(_c: &Call<'_>, _session: &Word, _around: Option<&Word>, _limit: usize, _cursor: Option<&str>, _reveal: bool) -> Result<SessionShown> { not() }
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum Group { #[default] None, Session }
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub struct SessionHit { pub session: String, pub message: String, pub client: String, pub role: Option<Role>, pub author: Option<String>, pub at: Option<Timestamp>, pub score: f64, pub text: String, #[serde(skip_serializing_if = "Option::is_none")] pub why: Option<serde_json::Value> }
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub struct SessionHits { pub hits: Vec<SessionHit>, pub matched: u64, pub searchable: u64, pub has_more: bool, pub notes: Vec<String> }
    pub fn search(_c: &Call<'_>, _query: &Query, _f: &SessionFilter, _limit: usize, _group: Group, _explain: bool) -> Result<SessionHits> { not() } }
pub mod diagnostics { use super::*;
    #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
    pub struct Status { pub store: String, pub exists: bool, pub node: Option<NodeId>, pub format: u32, pub memories: u64, pub namespaces: u64, pub sessions: u64, pub messages: u64, pub changes: u64, pub conflicts: u64, pub deferred: Vec<Counted>, pub forks: u64, pub jobs_pending: u64, pub not_embedded: Option<u64>, pub embedder: Option<String>, pub bytes_memory: u64, pub bytes_archive: u64, pub last_session_sync: Option<String>, pub notes: Vec<String> }
    #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
    pub struct Counted { pub reason: String, pub count: u64 }
    pub fn status(_c: &Call<'_>) -> Result<Status> { not() }
    #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
    pub struct Finding { pub check: String, /** ok | warning | error */ pub severity: String, pub message: String, pub hint: Option<String>, pub fixed: bool }
    #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
    pub struct Diagnosis { pub findings: Vec<Finding>, pub healthy: bool }
    pub fn doctor(_c: &Call<'_>, _fix: bool, _rebuild: bool) -> Result<Diagnosis> { not() }
    #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
    pub struct JobView { pub id: u64, pub kind: String, pub subject: String, pub state: String, pub attempts: u32, pub error: Option<String>, pub queued_at: Timestamp }
    pub fn jobs_list(_c: &Call<'_>, _limit: usize) -> Result<Vec<JobView>> { not() }
    #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
    pub struct JobsRun { pub done: u64, pub failed: u64, pub pending: u64 }
    pub fn jobs_run(_c: &Call<'_>, _until_empty: bool, _max: usize) -> Result<JobsRun> { not() } }
