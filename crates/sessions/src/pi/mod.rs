//! Pi: `<slug>/<time>_<session>.jsonl` under its directory of sessions. Its rows are shared by a family of clients
//! ([`crate::oh_my_pi`], [`crate::openclaw`]).
//!
//! A file begins with a header, and each row behind it names its parent, so that a session is a tree: all branches are
//! kept, in the order of their rows. Version 4 says `kind` where versions 1 to 3 have `type` alone, and keeps records of
//! how the work went, which are carriers. The same rows can stand in a database.

mod content;
mod database;
mod stored;

use crate::adapter::{RowParser, SessionAdapter};
use crate::database::is_database;
use crate::discover::{self, Discovery, Source};
use crate::documents::Documents;
use crate::environment::Environment;
use crate::json::Fields;
use crate::key::content_hash;
use crate::lines::{JsonLines, Known, Reading, Row, parser};
use crate::said::injected;
use crate::sink::Sink;
use content::{answer, blocks};
use jay_types::Result;
use jay_types::session::{Part, Provenance, Role};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};
pub(crate) use stored::inner;

/// The adapter.
pub const PI: Pi = Pi;

/// Knowledge of Pi.
#[derive(Clone, Copy, Debug)]
pub struct Pi;

const NAME: &str = "pi";

/// Its files.
const FILES: JsonLines = JsonLines {
    name: NAME,
    version: 1,
    roots,
    hidden: &[],
    // What subagents leave lies beside the sessions: their work is in the answers of their parent's calls.
    is_session: |path| discover::is_jsonl(path) && discover::above(path, "subagent-artifacts").is_none(),
    describe: header,
    parser: parser::<Entries>,
};

impl SessionAdapter for Pi {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn roots(&self, environment: &Environment) -> Vec<PathBuf> {
        roots(environment)
    }

    fn discover(&self, environment: &Environment) -> Discovery {
        let mut discovery = FILES.discover(environment);
        for root in roots(environment) {
            database::directory(&root, &mut discovery);
        }
        discovery
    }

    fn discover_path(&self, path: &Path) -> Result<Discovery> {
        let mut discovery = Discovery::default();
        if is_database(path) {
            database::discover(path, &mut discovery);
            return Ok(discovery);
        }
        discovery = FILES.discover_path(path)?;
        if path.is_dir() {
            database::directory(path, &mut discovery);
            database::directory(&path.join("sessions"), &mut discovery);
        }
        Ok(discovery)
    }

    fn documents(&self, source: &Source) -> Result<Option<Box<dyn Documents>>> {
        source.within.as_deref().map(|within| database::documents(&source.path, within)).transpose()
    }

    fn parser(&self, source: &Source, state: Option<&Value>) -> Box<dyn RowParser> {
        FILES.parser(source, state)
    }
}

/// Entries that say nothing in the conversation.
const SILENT_TYPES: [&str; 12] = [
    "thinking_level_change",
    "active_tools_change",
    "custom",
    "label",
    "context_transform",
    "ephemeral",
    "ttsr_injection",
    "credential_pin",
    "mode_change",
    "reset_boundary",
    "session",
    "leaf",
];

/// Records of version 4, of how the work went.
const RECORDS: [&str; 9] = [
    "operation_started",
    "step_attempt",
    "tool_started",
    "usage",
    "queue_enqueued",
    "queue_cancelled",
    "write_deferred",
    "abort_requested",
    "operation_finished",
];

fn roots(environment: &Environment) -> Vec<PathBuf> {
    if let Some(chosen) = environment.directory("PI_CODING_AGENT_SESSION_DIR") {
        return vec![chosen];
    }
    let agent = environment.directory("PI_CODING_AGENT_DIR").unwrap_or_else(|| environment.in_home(&[".pi", "agent"]));
    vec![environment.join(&agent, &["sessions"])]
}

/// What a file's header tells; without one the session is named by the end of the file's name.
pub(crate) fn header(source: &mut Source) {
    source.session = session_in(&source.path).unwrap_or_else(|| session_of(&source.session));
}

fn is_header(fields: &Fields<'_>) -> bool {
    fields.text("type").is_some_and(|kind| kind == "session")
        || fields.text("kind").is_some_and(|kind| kind == "header")
}

/// The session that a reference names: a session's id, or the path of its file.
fn session_of(reference: &str) -> String {
    let name = reference.rsplit(['/', '\\']).next().unwrap_or(reference);
    let stem = name.strip_suffix(".jsonl").unwrap_or(name);
    stem.rsplit_once('_').map_or(stem, |(_, id)| id).to_owned()
}

/// The id in a file's header.
pub(crate) fn session_in(path: &Path) -> Option<String> {
    discover::first_object(path, |fields| is_header(fields).then(|| fields.word("id"))?)
}

/// Nothing but what every reading remembers.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Entries {}

impl Reading for Entries {
    fn inner(fields: &Fields<'_>) -> Option<std::result::Result<String, String>> {
        inner(fields)
    }

    fn read(&mut self, row: &Row<'_>, known: &mut Known, sink: &mut Sink<'_>) {
        let kind = row.fields.text("kind").unwrap_or_default();
        if is_header(&row.fields) {
            return head(row, known, sink);
        }
        match (kind.as_str(), row.kind.as_str()) {
            ("record", _) => row.leave(&RECORDS, sink),
            ("lane", _) => {}
            ("fact", _) => {
                if row.fields.text("fact").is_some_and(|fact| fact == "name") {
                    title(row, "value", sink);
                    title(row, "name", sink);
                }
            }
            (_, "message") => message(row, known, sink),
            (_, "custom_message") => put_in(row, Role::User, "content", known, sink),
            (_, "compaction" | "branch_summary") => put_in(row, Role::System, "summary", known, sink),
            (_, "session_init") => {
                let texts = ["systemPrompt", "task"].iter().filter_map(|name| row.fields.word(name));
                say(row, Role::System, texts.map(injected).collect(), sink);
            }
            (_, "session_info") => title(row, "name", sink),
            (_, "title" | "title_change") => title(row, "title", sink),
            (_, "model_change") => {
                known.model(row.fields.word("modelId").or_else(|| row.fields.word("model")));
            }
            (_, "") if !kind.is_empty() => sink.unknown(&kind),
            _ => row.leave(&SILENT_TYPES, sink),
        }
    }
}

fn title(row: &Row<'_>, field: &str, sink: &mut Sink<'_>) {
    if let Some(title) = row.fields.word(field) {
        sink.session(&row.source.session).title = Some(title);
    }
}

/// The header: the first one is the session's own.
fn head(row: &Row<'_>, known: &mut Known, sink: &mut Sink<'_>) {
    let fields = &row.fields;
    if fields.word("id").is_some_and(|id| id != row.source.session) {
        return;
    }
    known.project(row, fields.word("cwd"), sink);
    known.model(fields.word("modelId"));
    title(row, "title", sink);
    let meta = sink.session(&row.source.session);
    if let Some(at) = fields.time("createdAt") {
        meta.saw(at);
    }
    let references = ["parentSession", "parentSessionId", "branchedFrom"];
    let parent = references.iter().find_map(|name| fields.word(name)).map(|reference| session_of(&reference));
    if row.source.parent.is_none() && parent.as_ref().is_some_and(|parent| *parent != row.source.session) {
        meta.parent = parent;
        meta.relation = Some("fork".to_owned());
    }
}

/// Puts parts, where there are any, in the sink.
fn say(row: &Row<'_>, role: Role, parts: Vec<Part>, sink: &mut Sink<'_>) {
    if parts.is_empty() {
        return;
    }
    let message = row.message(role, parts, sink);
    row.say(message, sink);
}

/// What an extension or the client itself puts into the conversation.
fn put_in(row: &Row<'_>, role: Role, field: &str, known: &mut Known, sink: &mut Sink<'_>) {
    let parts = row.fields.get(field).map(|content| blocks(content, known, sink, Provenance::Injected));
    say(row, role, parts.unwrap_or_default(), sink);
}

fn message(row: &Row<'_>, known: &mut Known, sink: &mut Sink<'_>) {
    let Some(said) = row.fields.object("message") else {
        return sink.unknown("message without a message");
    };
    let mut content = |provenance| {
        let content = said.get("content").map(|content| blocks(content, known, sink, provenance));
        content.unwrap_or_default()
    };
    let summary = || said.word("summary").map(injected).into_iter().collect();
    let (role, mut parts) = match said.text("role").unwrap_or_default().as_str() {
        "user" => (Role::User, content(Provenance::Conversational)),
        "assistant" => (Role::Assistant, content(Provenance::Conversational)),
        "custom" | "hookMessage" => (Role::User, content(Provenance::Injected)),
        "system" | "developer" => (Role::System, content(Provenance::Injected)),
        "branchSummary" | "compactionSummary" => (Role::System, summary()),
        "toolResult" => (Role::Tool, answer(&said, known)),
        "bashExecution" => (Role::User, command(row, &said, sink)),
        role => return sink.unknown(&format!("role:{role}")),
    };
    if role == Role::Assistant {
        parts.extend(said.word("errorMessage").map(injected));
    }
    let mut message = row.message(role, parts, sink);
    message.at = message.at.or_else(|| said.time("timestamp"));
    message.model = said.word("model").or_else(|| known.model.clone()).filter(|_| role == Role::Assistant);
    // A forked file copies rows and may number them anew: what counts is the place in the tree, and the words.
    let hash = content_hash(&[row.fields.raw("parentId"), row.fields.raw("message")]);
    sink.message(&row.source.session, hash, message);
}

/// A command that the person ran: a call and its answer in one message of theirs.
fn command(row: &Row<'_>, said: &Fields<'_>, sink: &Sink<'_>) -> Vec<Part> {
    let id = row.message(Role::User, Vec::new(), sink).id;
    let name = "bash".to_owned();
    let input = serde_json::json!({ "command": said.text("command").map_or(Value::Null, Value::String) });
    let failed = said.get("exitCode").is_some_and(|code| code.get() != "0") || said.is_true("cancelled");
    let output = said.text("output").unwrap_or_default();
    let result = Part::ToolResult { id: id.clone(), name: Some(name.clone()), output, is_error: failed };
    vec![Part::ToolCall { id, name, input }, result]
}
