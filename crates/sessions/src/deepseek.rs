//! DeepSeek's harness: `sessions/<slug>/session-<id>/session.jsonl` under its home, or `session.jsonl.zstd`: one frame for
//! each batch of rows. A version of the format can stand in the name (`session.v4.jsonl.zstd`).
//!
//! A file begins with a header; rows behind it are `{type, seq, time, data}`, in `data` a message as it is or under
//! `message`. Rows that came while the model spoke (`assistant/chunk`, `text-chunks`) are said again by the whole message
//! and are carriers, and so is a call that the message has. Where a directory holds several files of a session, one of them is
//! read: that of the latest version, of these the compressed one.

use crate::calls::Call;
use crate::discover::{self, Source};
use crate::environment::Environment;
use crate::json::{self, Fields};
use crate::lines::{JsonLines, Known, Reading, Row, parser};
use crate::said;
use crate::sink::Sink;
use jay_types::session::{Part, Provenance, Role};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::path::{Path, PathBuf};

/// The adapter.
pub const DEEPSEEK: JsonLines =
    JsonLines { name: "deepseek", version: 2, roots, hidden: &[], is_session, describe, parser: parser::<DeepSeek> };

/// Rows that say nothing in the conversation.
const SILENT_TYPES: [&str; 21] = [
    "session",
    "session/state",
    "session/end-seed",
    "turn/begin",
    "turn/start",
    "turn/end",
    "step/start",
    "step/end",
    "assistant/chunk",
    "text-chunks",
    "reasoning-chunks",
    "tool-chunks",
    "request/header",
    "request/context",
    "approval/asked",
    "approval/decided",
    "todo/write",
    "compaction/start",
    "compaction/end",
    "subagent/descriptor",
    "gateway/trace",
];

fn roots(environment: &Environment) -> Vec<PathBuf> {
    let home = environment.directory("DSH_HOME").unwrap_or_else(|| environment.in_home(&[".dsh"]));
    vec![environment.join(&home, &["sessions"])]
}

fn is_session(path: &Path) -> bool {
    let Some(rank) = rank(path) else { return false };
    let beside = path.parent().map(crate::files::all).unwrap_or_default();
    beside.iter().filter_map(|other| self::rank(other)).all(|other| other <= rank)
}

/// The version of the format, and whether the file is compressed; none of what is no session.
fn rank(path: &Path) -> Option<(u64, bool)> {
    let name = path.file_name()?.to_str()?.strip_prefix("session.")?;
    let compressed = name.strip_suffix(".zstd").or_else(|| name.strip_suffix(".zst"));
    let version = match compressed.unwrap_or(name).strip_suffix("jsonl")? {
        "" => 0,
        version => version.strip_prefix('v')?.strip_suffix('.')?.parse().ok()?,
    };
    Some((version, compressed.is_some()))
}

fn describe(source: &mut Source) {
    let is_header = |fields: &Fields<'_>| fields.text("type").is_some_and(|kind| kind == "session");
    let told = discover::first_object(&source.path, |fields| is_header(fields).then(|| fields.word("id"))?);
    let place = || Some(discover::directory_name(&source.path, 1)?.strip_prefix("session-")?.to_owned());
    if let Some(session) = told.or_else(place) {
        source.session = session;
    }
}

/// Nothing but what every reading remembers.
#[derive(Debug, Default, Serialize, Deserialize)]
struct DeepSeek {}

impl Reading for DeepSeek {
    const TIME: &'static str = "time";

    fn read(&mut self, row: &Row<'_>, known: &mut Known, sink: &mut Sink<'_>) {
        let data = row.fields.object("data").unwrap_or_default();
        let inner = data.object("message");
        let said = inner.as_ref().unwrap_or(&data);
        let source = data.object("source").or_else(|| said.object("source")).unwrap_or_default();
        let (role, parts) = match row.kind.as_str() {
            "user/message" => {
                let by_person = source.word("kind").is_none_or(|kind| kind == "user");
                let provenance = if by_person { Provenance::Conversational } else { Provenance::Injected };
                (Role::User, content(said, provenance, known, sink))
            }
            "assistant/message" => (Role::Assistant, content(said, Provenance::Conversational, known, sink)),
            "system/message" => (Role::System, content(said, Provenance::Injected, known, sink)),
            "compaction/summary" => (Role::System, content(&data, Provenance::Injected, known, sink)),
            // The message that made the call has told it.
            "tool/call" if call_id(&data).is_some_and(|id| known.calls.is_open(&id)) => return,
            "tool/call" => (Role::Assistant, Vec::from_iter(call(&data, known, sink))),
            "tool/result" => (Role::Tool, Vec::from_iter(result(&data, said, &source, known))),
            "session/title" => {
                let meta = sink.session(&row.source.session);
                meta.title = data.word("title").or_else(|| meta.title.take());
                return;
            }
            _ => {
                known.project(row, row.fields.word("cwd"), sink);
                if let Some(at) = row.fields.time("createdAt") {
                    sink.session(&row.source.session).saw(at);
                }
                if row.fields.get("delegationDepth").and_then(json::integer).is_some_and(|depth| depth > 0) {
                    sink.session(&row.source.session).agent = Some("subagent".to_owned());
                }
                return row.leave(&SILENT_TYPES, sink);
            }
        };
        if parts.is_empty() {
            return sink.unknown(&format!("{} without content", row.kind));
        }
        let mut message = row.message(role, parts, sink);
        message.id = data.word("id").or_else(|| said.word("id")).unwrap_or(message.id);
        message.model = data.word("model").or_else(|| source.word("model")).filter(|_| role == Role::Assistant);
        row.say(message, sink);
    }
}

/// What stands in `blocks`, `content`, `text` or, of a compaction, in `summary`.
fn content(data: &Fields<'_>, provenance: Provenance, known: &mut Known, sink: &mut Sink<'_>) -> Vec<Part> {
    let Some(given) = ["blocks", "content", "text", "summary"].iter().find_map(|name| data.get(name)) else {
        return Vec::new();
    };
    if let Some(text) = json::text(given) {
        return vec![Part::Text { text, provenance }];
    }
    let items = json::array(given).unwrap_or_default();
    items.into_iter().filter_map(|item| block(item, provenance, known, sink)).collect()
}

fn block(item: &RawValue, provenance: Provenance, known: &mut Known, sink: &mut Sink<'_>) -> Option<Part> {
    let fields = json::object(item).unwrap_or_default();
    let kind = fields.text("type").unwrap_or_default();
    let part = match kind.as_str() {
        "text" => fields.text("text").map(|text| Part::Text { text, provenance }),
        "reasoning" => Some(Part::Reasoning { text: fields.text("text").unwrap_or_default() }),
        "tool-call" | "tool_call" => call(&fields, known, sink),
        "image" | "file" => {
            let media_type = fields.word("mediaType").or_else(|| fields.word("mimeType"));
            Some(Part::File { name: fields.word("name"), media_type, uri: fields.word("url") })
        }
        _ => None,
    };
    if part.is_none() {
        sink.unknown(&format!("content:{}", if kind.is_empty() { "(no type)" } else { &kind }));
    }
    part
}

fn call_id(fields: &Fields<'_>) -> Option<String> {
    ["toolCallId", "callId", "id"].iter().find_map(|name| fields.word(name))
}

fn call(fields: &Fields<'_>, known: &mut Known, sink: &Sink<'_>) -> Option<Part> {
    let id = call_id(fields)?;
    let name = fields.word("toolName").or_else(|| fields.word("name"))?;
    known.calls.open(&id, Call { name: name.clone(), line: sink.line(), ..Call::default() });
    let given = ["input", "arguments", "args"].iter().find_map(|name| fields.get(name));
    Some(Part::ToolCall { id, name, input: given.map_or(Value::Null, json::given) })
}

/// `said` is the message in `data`, or `data` itself; its content can be a block that holds the answer.
fn result(data: &Fields<'_>, said: &Fields<'_>, source: &Fields<'_>, known: &mut Known) -> Option<Part> {
    let blocks = said.get("content").and_then(json::array).unwrap_or_default();
    let block = blocks
        .into_iter()
        .filter_map(json::object)
        .find(|block| block.text("type").is_some_and(|kind| matches!(kind.as_str(), "tool-result" | "tool_result")));
    let block = block.unwrap_or_default();
    let own = || ["toolCallId", "callId"].iter().find_map(|name| said.word(name));
    let id = own().or_else(|| call_id(&block)).or_else(|| call_id(source)).or_else(|| call_id(data))?;
    let told = || [data, &block].iter().find_map(|fields| fields.word("toolName").or_else(|| fields.word("name")));
    let name = known.calls.close(&id).map(|call| call.name).or_else(told);
    let words =
        |fields: &Fields<'_>| ["output", "content", "text"].iter().find_map(|name| fields.get(name)).map(said::words);
    let output = words(&block).or_else(|| words(said)).or_else(|| words(data));
    let failed = |fields: &Fields<'_>| {
        fields.is_true("isError") || fields.text("status").is_some_and(|status| status == "error")
    };
    let is_error = [data, said, &block].into_iter().any(failed);
    Some(Part::ToolResult { id, name, output: output.unwrap_or_default(), is_error })
}
