//! DeepSeek's harness: `sessions/<slug>/session-<id>/session.jsonl` under its home.
//!
//! A file begins with a header; rows behind it are `{type, seq, time, data}`. Rows that came while the model spoke
//! (`assistant/chunk`, `text-chunks`) are said again by the whole message and are carriers.

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
use std::path::PathBuf;

/// The adapter.
pub const DEEPSEEK: JsonLines = JsonLines {
    name: "deepseek",
    version: 1,
    roots,
    hidden: &[],
    is_session: |path| path.file_name().is_some_and(|name| name == "session.jsonl"),
    describe,
    parser: parser::<DeepSeek>,
};

/// Rows that say nothing in the conversation.
const SILENT_TYPES: [&str; 6] =
    ["session", "assistant/chunk", "text-chunks", "session/state", "turn/begin", "turn/end"];

fn roots(environment: &Environment) -> Vec<PathBuf> {
    let home = environment.directory("DSH_HOME").unwrap_or_else(|| environment.in_home(&[".dsh"]));
    vec![environment.join(&home, &["sessions"])]
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
        let (role, parts) = match row.kind.as_str() {
            "user/message" => {
                let by_person =
                    data.object("source").and_then(|source| source.word("kind")).is_none_or(|kind| kind == "user");
                let provenance = if by_person { Provenance::Conversational } else { Provenance::Injected };
                (Role::User, content(&data, provenance, known, sink))
            }
            "assistant/message" => (Role::Assistant, content(&data, Provenance::Conversational, known, sink)),
            "system/message" => (Role::System, content(&data, Provenance::Injected, known, sink)),
            "tool/call" => (Role::Assistant, Vec::from_iter(call(&data, known, sink))),
            "tool/result" => (Role::Tool, Vec::from_iter(result(&data, known))),
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
                return row.leave(&SILENT_TYPES, sink);
            }
        };
        if parts.is_empty() {
            return sink.unknown(&format!("{} without content", row.kind));
        }
        let mut message = row.message(role, parts, sink);
        message.id = data.word("id").unwrap_or(message.id);
        message.model = data.word("model").filter(|_| role == Role::Assistant);
        row.say(message, sink);
    }
}

/// What stands in `blocks`, `content` or `text`.
fn content(data: &Fields<'_>, provenance: Provenance, known: &mut Known, sink: &mut Sink<'_>) -> Vec<Part> {
    let Some(given) = ["blocks", "content", "text"].iter().find_map(|name| data.get(name)) else { return Vec::new() };
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

fn result(data: &Fields<'_>, known: &mut Known) -> Option<Part> {
    let id = call_id(data)?;
    let told = || data.word("toolName").or_else(|| data.word("name"));
    let name = known.calls.close(&id).map(|call| call.name).or_else(told);
    let output = ["output", "content", "text"].iter().find_map(|name| data.get(name)).map(said::words);
    let is_error = data.is_true("isError") || data.text("status").is_some_and(|status| status == "error");
    Some(Part::ToolResult { id, name, output: output.unwrap_or_default(), is_error })
}
