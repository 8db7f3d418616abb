//! Kiro's command line: `sessions/cli/<session>.jsonl` with `<session>.json` beside, later
//! `sessions/<hash>/sess_<session>/messages.jsonl` with `session.json`, under its home.
//!
//! A row is `{version, kind, data}`, its content a list of `{kind, data}`. Only prompts have a time.

use crate::calls::Call;
use crate::discover::{self, Source};
use crate::environment::Environment;
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
pub const KIRO: JsonLines =
    JsonLines { name: "kiro", version: 1, roots, hidden: &[], is_session, describe, parser: parser::<Kiro> };

fn roots(environment: &Environment) -> Vec<PathBuf> {
    let home = environment.directory("KIRO_HOME").unwrap_or_else(|| environment.in_home(&[".kiro"]));
    vec![environment.join(&home, &["sessions"])]
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
        source.project = session.word("cwd");
        source.title = session.word("title");
    });
}

/// Nothing but what every reading remembers.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kiro {}

impl Reading for Kiro {
    fn read(&mut self, row: &Row<'_>, known: &mut Known, sink: &mut Sink<'_>) {
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
        "toolUse" => call(&data, known, sink),
        "toolResult" => result(&data, known),
        _ => None,
    };
    part.into_iter().collect()
}

fn call(data: &Fields<'_>, known: &mut Known, sink: &Sink<'_>) -> Option<Part> {
    let (id, name) = (data.word("toolUseId")?, data.word("name")?);
    known.calls.open(&id, Call { name: name.clone(), line: sink.line(), ..Call::default() });
    Some(Part::ToolCall { id, name, input: data.get("input").map_or(Value::Null, json::given) })
}

/// An answer: texts as they are, what is JSON as it was written.
fn result(data: &Fields<'_>, known: &mut Known) -> Option<Part> {
    let id = data.word("toolUseId")?;
    let name = known.calls.close(&id).map(|call| call.name);
    let blocks = data.get("content").and_then(json::array).unwrap_or_default();
    let words: Vec<_> = blocks.iter().filter_map(|block| json::object(block)?.get("data").map(said::words)).collect();
    let is_error = data.text("status").is_some_and(|status| status == "error");
    Some(Part::ToolResult { id, name, output: words.join("\n"), is_error })
}
