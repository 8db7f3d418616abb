//! Grok Build: `sessions/<directory>/<session>/updates.jsonl` under its home, with `summary.json` beside.
//!
//! A row is an update of the Agent Client Protocol. Rows of a copied beginning may have the time 0: that of the agent
//! counts. What is said comes in chunks, a row each: consecutive ones of one speaker are one message, which is told on the
//! row that ends it; the rows of its chunks are carriers. A turn ends with a row of its own (`turn_completed`).

use crate::calls::Call;
use crate::discover::{self, Source};
use crate::environment::Environment;
use crate::json::{self, Fields};
use crate::key::content_hash;
use crate::lines::{JsonLines, Known, Reading, Row, parser};
use crate::said;
use crate::sink::Sink;
use jay_types::Timestamp;
use jay_types::session::{Message, Part, Provenance, Role};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;

/// The adapter.
pub const GROK_BUILD: JsonLines = JsonLines {
    name: "grok-build",
    version: 1,
    roots,
    hidden: &[],
    is_session: |path| path.file_name().is_some_and(|name| name == "updates.jsonl"),
    describe,
    parser: parser::<Grok>,
};

/// Updates that hold what is said.
const CHUNKS: [&str; 3] = ["user_message_chunk", "agent_message_chunk", "agent_thought_chunk"];

/// Updates that say nothing in the conversation.
const SILENT_UPDATES: [&str; 10] = [
    "plan",
    "current_mode_update",
    "available_commands_update",
    "retry_state",
    "turn_completed",
    "rewind_marker",
    "compaction_checkpoint",
    "subagent_spawned",
    "subagent_completed",
    "session_info_update",
];

fn roots(environment: &Environment) -> Vec<PathBuf> {
    let home = environment.directory("GROK_HOME").unwrap_or_else(|| environment.in_home(&[".grok"]));
    vec![environment.join(&home, &["sessions"])]
}

fn describe(source: &mut Source) {
    if let Some(name) = discover::directory_name(&source.path, 1) {
        source.session = name;
    }
    let Some(bucket) = source.path.ancestors().nth(2).map(ToOwned::to_owned) else { return };
    let child = source.session.clone();
    discover::sidecar(&source.path.with_file_name("summary.json"), |summary| {
        let info = summary.object("info").unwrap_or_default();
        source.project = info.word("cwd");
        source.title = summary.word("generated_title").or_else(|| summary.word("session_summary"));
        source.parent = summary.word("parent_session_id");
        let is_subagent = summary.text("session_kind").is_some_and(|kind| kind.starts_with("subagent"));
        let relation = if is_subagent { "subagent" } else { "fork" };
        source.relation = source.parent.as_ref().map(|_| relation.to_owned());
        source.agent = summary.word("agent_name").filter(|_| is_subagent);
    });
    // Only the parent knows what kind of agent its child is.
    if let Some(parent) = source.parent.as_ref().filter(|_| source.relation.as_deref() == Some("subagent")) {
        let meta = bucket.join(parent).join("subagents").join(child).join("meta.json");
        let kind = discover::sidecar(&meta, |meta| meta.word("subagent_type")).flatten();
        source.agent = kind.or_else(|| source.agent.take()).or_else(|| Some("subagent".to_owned()));
    }
    // A directory whose name is a hash holds its path in a file.
    let hashed = || discover::peek(&bucket.join(".cwd")).map(|text| text.trim().to_owned());
    source.project = source.project.take().or_else(hashed).filter(|path| !path.is_empty());
}

/// Bytes of a message that are remembered until its end; a longer one is told in pieces.
const MESSAGE_MAX_BYTES: usize = 32 << 10;

/// A message of which chunks may still come.
#[derive(Debug, Serialize, Deserialize)]
struct Open {
    /// The kind of its updates.
    kind: String,
    provenance: Provenance,
    id: String,
    at: Option<Timestamp>,
    model: Option<String>,
    text: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Grok {
    #[serde(skip_serializing_if = "Option::is_none")]
    open: Option<Open>,
}

impl Reading for Grok {
    /// Its time is not always one: see below.
    const TIME: &'static str = "";

    fn read(&mut self, row: &Row<'_>, known: &mut Known, sink: &mut Sink<'_>) {
        let params = row.fields.object("params").unwrap_or_default();
        let update = params.object("update").unwrap_or_default();
        let about = params.object("_meta").unwrap_or_default();
        let written = row.fields.time("timestamp").filter(|at| at.0 > 0);
        let at = about.time("agentTimestampMs").or(written);
        if let Some(at) = at {
            sink.session(&row.source.session).saw(at);
        }
        let kind = update.text("sessionUpdate").unwrap_or_default();
        let own = update.object("_meta").unwrap_or_default();
        let hidden = |meta: &Fields<'_>| meta.is_true("hostTurn") || meta.is_true("hideFromScrollback");
        let put_in = hidden(&own) || hidden(&about);
        let provenance = if put_in { Provenance::Injected } else { Provenance::Conversational };
        if let (true, Some(text)) = (CHUNKS.contains(&kind.as_str()), text(&update)) {
            let id = row.message(Role::User, Vec::new(), sink).id;
            let model = own.word("modelId");
            return self.chunk(row, Open { kind, provenance, id, at, model, text }, sink);
        }
        let tells_use = update.object("usage").is_some_and(|told| told.iter().next().is_some());
        if kind == "turn_completed" && tells_use {
            // Told before the message that ends here, it is of the turn and of no message.
            sink.carrier(&row.source.session, row.id.clone(), at, row.hash);
        }
        self.flush(row, sink);
        let (role, part) = match kind.as_str() {
            "user_message_chunk" => (Role::User, file(&update, sink)),
            "agent_message_chunk" | "agent_thought_chunk" => (Role::Assistant, file(&update, sink)),
            "tool_call" => (Role::Assistant, call(&update, &own, known, sink)),
            "tool_call_update" => (Role::Tool, result(&update, known)),
            _ if SILENT_UPDATES.contains(&kind.as_str()) => return,
            _ => return sink.unknown(if kind.is_empty() { "(no update)" } else { &kind }),
        };
        if let Some(part) = part {
            let mut message = row.message(role, vec![part], sink);
            message.at = at;
            row.say(message, sink);
        }
    }
}

impl Grok {
    /// Takes a chunk to the message that is open, where it goes on with that.
    fn chunk(&mut self, row: &Row<'_>, chunk: Open, sink: &mut Sink<'_>) {
        let goes_on = |open: &&mut Open| {
            let is_same = open.kind == chunk.kind && open.provenance == chunk.provenance;
            is_same && open.text.len() + chunk.text.len() < MESSAGE_MAX_BYTES
        };
        if let Some(open) = self.open.as_mut().filter(goes_on) {
            open.text.push_str(&chunk.text);
            return;
        }
        self.flush(row, sink);
        self.open = Some(chunk);
    }

    /// Tells the message that has come to its end.
    fn flush(&mut self, row: &Row<'_>, sink: &mut Sink<'_>) {
        let Some(Open { kind, provenance, id, at, model, text }) = self.open.take() else { return };
        let hash = content_hash(&[kind.as_bytes(), text.as_bytes()]);
        let (role, part) = match kind.as_str() {
            "user_message_chunk" => (Role::User, Part::Text { text, provenance }),
            "agent_thought_chunk" => (Role::Assistant, Part::Reasoning { text }),
            _ => (Role::Assistant, Part::Text { text, provenance }),
        };
        let model = model.filter(|_| role == Role::Assistant);
        let message = Message { id, role: Some(role), author: None, at, model, parts: vec![part], row: 0 };
        sink.message(&row.source.session, hash, message);
    }
}

/// The words of a block of content.
fn text(update: &Fields<'_>) -> Option<String> {
    let content = update.object("content")?;
    content.text("text").or_else(|| content.object("resource")?.text("text"))
}

/// A block of content without words.
fn file(update: &Fields<'_>, sink: &mut Sink<'_>) -> Option<Part> {
    let content = update.object("content").unwrap_or_default();
    let kind = content.text("type").unwrap_or_default();
    if !matches!(kind.as_str(), "image" | "audio" | "resource" | "resource_link") {
        sink.unknown(&format!("content:{}", if kind.is_empty() { "(no type)" } else { &kind }));
        return None;
    }
    let resource = content.object("resource").unwrap_or_default();
    let uri = content.word("uri").or_else(|| resource.word("uri"));
    let media_type = content.word("mimeType").or_else(|| resource.word("mimeType"));
    Some(Part::File { name: content.word("name"), media_type, uri })
}

fn call(update: &Fields<'_>, own: &Fields<'_>, known: &mut Known, sink: &mut Sink<'_>) -> Option<Part> {
    let named = own.object("x.ai/tool").and_then(|tool| tool.word("name"));
    let name = named.or_else(|| update.word("title")).or_else(|| update.word("kind"));
    let (Some(id), Some(name)) = (update.word("toolCallId"), name) else {
        sink.unknown("tool call without id or name");
        return None;
    };
    known.calls.open(&id, Call { name: name.clone(), line: sink.line(), ..Call::default() });
    Some(Part::ToolCall { id, name, input: update.get("rawInput").map_or(Value::Null, json::given) })
}

/// The answer, once the call has ended; while it runs its updates say nothing that is not said again.
fn result(update: &Fields<'_>, known: &mut Known) -> Option<Part> {
    let status = update.text("status")?;
    if !matches!(status.as_str(), "completed" | "failed") {
        return None;
    }
    let id = update.word("toolCallId")?;
    let name = known.calls.close(&id).map(|call| call.name);
    let blocks = update.get("content").and_then(json::array).unwrap_or_default();
    let words: Vec<_> =
        blocks.iter().filter_map(|block| json::object(block)?.object("content")?.text("text")).collect();
    let raw = || update.get("rawOutput").map(said::words);
    let output = if words.is_empty() { raw().unwrap_or_default() } else { words.join("\n") };
    Some(Part::ToolResult { id, name, output, is_error: status == "failed" })
}
