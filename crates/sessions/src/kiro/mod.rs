//! Kiro's command line, which has three forms. The second: `sessions/cli/<session>.jsonl` with `<session>.json` beside; a
//! row is `{version, kind, data}`, its content a list of `{kind, data}`, and only prompts have a time. The third:
//! `sessions/<hash>/sess_<session>/messages.jsonl` with `session.json`; a row is `{id, timestamp, payload}`. The first is a
//! database (`classic.rs`), as Amazon Q's command line kept it, from which Kiro's came.

mod classic;

use crate::calls::Call;
use crate::discover::{self, Source};
use crate::environment::{Environment, Platform};
use crate::forms::{Forms, Other};
use crate::json::{self, Fields};
use crate::lines::{JsonLines, Known, Reading, Row, parser};
use crate::said;
use crate::sink::Sink;
use jay_types::session::{Part, Role};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::path::{Path, PathBuf};

/// The adapter.
pub const KIRO: Forms = Forms {
    lines: JsonLines { name: NAME, version: 2, roots, hidden: &[], is_session, describe, parser: parser::<Kiro> },
    other: Other {
        is_source: |path| path.file_name().is_some_and(|name| name == classic::FILE),
        is_form: crate::database::is_database,
        sources: classic::sources,
        ids_agree: false,
        documents: classic::documents,
        parser: classic::parser,
    },
};

const NAME: &str = "kiro";

/// Rows of the third form that say nothing in the conversation.
const SILENT_EVENTS: [&str; 5] = ["session_start", "turn_start", "turn_end", "usage_summary", "session_event"];

fn roots(environment: &Environment) -> Vec<PathBuf> {
    let home = environment.directory("KIRO_HOME").unwrap_or_else(|| environment.in_home(&[".kiro"]));
    let data = match environment.platform {
        Platform::MacOs => environment.programs_config(),
        Platform::Windows => {
            environment.directory("LOCALAPPDATA").unwrap_or_else(|| environment.in_home(&["AppData", "Local"]))
        }
        Platform::Linux => {
            environment.directory("XDG_DATA_HOME").unwrap_or_else(|| environment.in_home(&[".local", "share"]))
        }
    };
    let database = |program: &str| environment.join(&data, &[program, classic::FILE]);
    vec![environment.join(&home, &["sessions"]), database("kiro-cli"), database("amazon-q")]
}

fn is_session(path: &Path) -> bool {
    let in_cli = discover::directory_name(path, 1).is_some_and(|name| name == "cli");
    path.file_name().is_some_and(|name| name == "messages.jsonl") || (in_cli && discover::is_jsonl(path))
}

fn describe(source: &mut Source) {
    let mut beside = source.path.with_extension("json");
    if source.session == "messages" {
        beside = source.path.with_file_name("session.json");
        if let Some(name) = discover::directory_name(&source.path, 1) {
            source.session = name.strip_prefix("sess_").map_or_else(|| name.clone(), ToOwned::to_owned);
        }
    }
    discover::sidecar(&beside, |session| {
        let first = |paths: &RawValue| json::array(paths)?.first().and_then(|path| json::text(path));
        source.project = session.word("cwd").or_else(|| session.get("workspacePaths").and_then(first));
        source.title = session.word("title");
    });
}

/// Nothing but what every reading remembers.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kiro {}

impl Reading for Kiro {
    fn read(&mut self, row: &Row<'_>, known: &mut Known, sink: &mut Sink<'_>) {
        if let Some(payload) = row.fields.object("payload") {
            return event(row, &payload, known, sink);
        }
        let data = row.fields.object("data").unwrap_or_default();
        let at = data.object("meta").and_then(|meta| meta.time("timestamp"));
        let kind = row.fields.text("kind").unwrap_or_default();
        let role = match kind.as_str() {
            "Prompt" => Role::User,
            "AssistantMessage" => Role::Assistant,
            "ToolResults" => Role::Tool,
            // The conversation begins anew from here on; what was said before stays.
            "Clear" => return,
            _ => return sink.unknown(if kind.is_empty() { "(no kind)" } else { &kind }),
        };
        let mut parts = Vec::new();
        for item in data.get("content").and_then(json::array).unwrap_or_default() {
            let read = block(item, known, sink);
            if read.is_empty() {
                let kind = json::object(item).and_then(|item| item.text("kind"));
                sink.unknown(&format!("content:{}", kind.as_deref().unwrap_or("(no kind)")));
            }
            parts.extend(read);
        }
        // An answer that only calls tools has an empty text.
        parts.retain(|part| !matches!(part, Part::Text { text, .. } if text.is_empty()));
        if let Some(at) = at {
            sink.session(&row.source.session).saw(at);
        }
        let mut message = row.message(role, parts, sink);
        message.id = data.word("message_id").unwrap_or(message.id);
        message.at = at;
        row.say(message, sink);
    }
}

/// A row of the third form.
fn event(row: &Row<'_>, payload: &Fields<'_>, known: &mut Known, sink: &mut Sink<'_>) {
    let kind = payload.text("type").unwrap_or_default();
    let words = || payload.get("content").map(said::words).filter(|words| !words.is_empty());
    let (role, parts) = match kind.as_str() {
        "user" => {
            let images = payload.get("images").and_then(json::array).unwrap_or_default();
            let file = |_: &&RawValue| Part::File { name: None, media_type: None, uri: None };
            (Role::User, words().map(said::said).into_iter().chain(images.iter().map(file)).collect())
        }
        "assistant" => match payload.text("operationType").as_deref() {
            Some("Reasoning") => (Role::Assistant, Vec::from_iter(words().map(|text| Part::Reasoning { text }))),
            Some("Say") | None => (Role::Assistant, Vec::from_iter(words().map(said::said))),
            Some(other) => return sink.unknown(&format!("assistant:{other}")),
        },
        "tool_call" => {
            let id = payload.word("toolCallId").unwrap_or_default();
            // A call is told when it begins and again when it has ended.
            if known.calls.is_open(&id) {
                return;
            }
            let call = call((id, payload.word("toolName")), payload.get("args"), known, sink);
            (Role::Assistant, Vec::from_iter(call))
        }
        "tool_result" => {
            let is_error = payload.get("success").is_some_and(|success| success.get() == "false");
            let id = payload.word("toolCallId").unwrap_or_default();
            (Role::Tool, vec![result(id, words().unwrap_or_default(), is_error, known)])
        }
        _ if SILENT_EVENTS.contains(&kind.as_str()) => return,
        _ => return sink.unknown(&format!("payload:{}", if kind.is_empty() { "(no type)" } else { &kind })),
    };
    if parts.is_empty() {
        return sink.unknown(&format!("payload:{kind} without content"));
    }
    row.say(row.message(role, parts, sink), sink);
}

fn block(item: &RawValue, known: &mut Known, sink: &Sink<'_>) -> Vec<Part> {
    let item = json::object(item).unwrap_or_default();
    let data = item.object("data").unwrap_or_default();
    let part = match item.text("kind").unwrap_or_default().as_str() {
        "text" => item.text("data").map(said::said),
        "thinking" => Some(Part::Reasoning { text: data.text("text").unwrap_or_default() }),
        "image" => {
            let media_type = data.word("format").map(|format| format!("image/{format}"));
            Some(Part::File { name: None, media_type, uri: None })
        }
        "toolUse" => {
            let id = data.word("toolUseId").unwrap_or_default();
            call((id, data.word("name")), data.get("input"), known, sink)
        }
        "toolResult" => data.word("toolUseId").map(|id| {
            let blocks = data.get("content").and_then(json::array).unwrap_or_default();
            let words = |block: &&RawValue| json::object(block)?.get("data").map(said::words);
            let output = blocks.iter().filter_map(words).collect::<Vec<_>>().join("\n");
            result(id, output, data.text("status").is_some_and(|status| status == "error"), known)
        }),
        _ => None,
    };
    part.into_iter().collect()
}

fn call(
    (id, name): (String, Option<String>),
    input: Option<&RawValue>,
    known: &mut Known,
    sink: &Sink<'_>,
) -> Option<Part> {
    let name = name.filter(|_| !id.is_empty())?;
    known.calls.open(&id, Call { name: name.clone(), line: sink.line(), ..Call::default() });
    Some(Part::ToolCall { id, name, input: input.map_or(Value::Null, json::given) })
}

fn result(id: String, output: String, is_error: bool, known: &mut Known) -> Part {
    let name = known.calls.close(&id).map(|call| call.name);
    Part::ToolResult { id, name, output, is_error }
}
