//! Letta Code: `transcripts/<agent>/<conversation>/transcript.jsonl` under its home.
//!
//! A row is `{kind, text, captured_at}`; a call and its answer stand in one row. All rows of a turn have the same time,
//! so their order is that of the lines.

use crate::discover::{self, Source};
use crate::environment::Environment;
use crate::json;
use crate::lines::{JsonLines, Known, Reading, Row, parser};
use crate::said;
use crate::sink::Sink;
use jay_types::session::{Part, Role};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;

/// The adapter.
pub const LETTA_CODE: JsonLines = JsonLines {
    name: "letta-code",
    version: 1,
    roots,
    hidden: &[],
    is_session: |path| path.file_name().is_some_and(|name| name == "transcript.jsonl"),
    describe,
    parser: parser::<Letta>,
};

fn roots(environment: &Environment) -> Vec<PathBuf> {
    let chosen = environment.directory("LETTA_TRANSCRIPT_ROOT");
    vec![chosen.unwrap_or_else(|| environment.in_home(&[".letta", "transcripts"]))]
}

fn describe(source: &mut Source) {
    let (conversation, agent) = (discover::directory_name(&source.path, 1), discover::directory_name(&source.path, 2));
    if let (Some(conversation), Some(agent)) = (conversation, agent) {
        source.session = format!("{agent}+{conversation}");
        source.agent = Some(agent);
    }
}

/// Nothing but what every reading remembers.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Letta {}

impl Reading for Letta {
    const ID: &'static str = "source_message_id";
    const TIME: &'static str = "captured_at";

    fn read(&mut self, row: &Row<'_>, _: &mut Known, sink: &mut Sink<'_>) {
        let kind = row.fields.text("kind").unwrap_or_default();
        let text = || row.fields.text("text").unwrap_or_default();
        let (role, part) = match kind.as_str() {
            "user" => (Role::User, said::said(text())),
            "assistant" => (Role::Assistant, said::said(text())),
            "reasoning" => (Role::Assistant, Part::Reasoning { text: text() }),
            "error" => (Role::System, said::injected(text())),
            "tool_call" => return call(row, sink),
            _ => return sink.unknown(if kind.is_empty() { "(no kind)" } else { &kind }),
        };
        let message = row.message(role, vec![part], sink);
        row.say(message, sink);
    }
}

/// A call, and its answer where it has come, as a message of its own.
fn call(row: &Row<'_>, sink: &mut Sink<'_>) {
    let Some(name) = row.fields.word("name") else {
        return sink.unknown("tool call without a name");
    };
    let own = row.message(Role::Assistant, Vec::new(), sink).id;
    let id = row.fields.word("source_line_id").unwrap_or_else(|| own.clone());
    let input = row.fields.get("argsText").map_or(Value::Null, json::given);
    let call = Part::ToolCall { id: id.clone(), name: name.clone(), input };
    let message = row.message(Role::Assistant, vec![call], sink);
    row.say(message, sink);
    let ok = row.fields.get("resultOk");
    let output = row.fields.text("resultText");
    if ok.is_none() && output.is_none() {
        return;
    }
    let is_error = ok.is_some_and(|ok| ok.get() == "false");
    let result = Part::ToolResult { id, name: Some(name), output: output.unwrap_or_default(), is_error };
    let mut message = row.message(Role::Tool, vec![result], sink);
    message.id = format!("{own}:result");
    row.say(message, sink);
}
