//! goose: `sessions.db` in its data directory.
//!
//! Sessions of before, a file of JSON lines each, were moved into it by the client.

use crate::calls::Call;
use crate::database::{Layout, Rows};
use crate::environment::{Environment, Platform};
use crate::json::{self, Fields};
use crate::sink::Sink;
use crate::tables::{Context, Row, Said, Tables, role};
use jay_types::Timestamp;
use jay_types::session::{Part, Provenance, Role, SessionMeta};
use serde_json::Value;
use serde_json::value::RawValue;
use std::path::PathBuf;

/// The adapter.
pub const GOOSE: Tables = Tables {
    name: "goose",
    layout: &LAYOUT,
    columns: &["id", "parent_session_id"],
    roots,
    file: "sessions.db",
    relation: |_, _| "subagent",
    project: |_| None,
    time,
    session,
    message,
};

static LAYOUT: Layout = Layout {
    tables: &[
        Rows {
            table: "sessions",
            session: "id",
            key: "id",
            order: &[],
            time: Some("updated_at"),
            size: "description",
            children: &[],
        },
        Rows {
            table: "messages",
            session: "session_id",
            key: "id",
            order: &["id"],
            time: Some("created_timestamp"),
            size: "content_json",
            children: &[],
        },
        // What each call of a model used; versions before have sums in the session's row alone.
        Rows {
            table: LEDGER,
            session: "session_id",
            key: "id",
            order: &["id"],
            time: Some("created_timestamp"),
            size: "model",
            children: &[],
        },
    ],
};

const LEDGER: &str = "usage_ledger";

/// Kinds of content that say nothing in the conversation.
const SILENT: [&str; 5] = [
    "toolConfirmationRequest",
    "actionRequired",
    "contextLengthExceeded",
    "summarizationRequested",
    "systemNotification",
];

fn roots(environment: &Environment) -> Vec<PathBuf> {
    if let Some(root) = environment.directory("GOOSE_PATH_ROOT") {
        return vec![environment.join(&root, &["data", "sessions"])];
    }
    let data = match environment.platform {
        Platform::Windows => environment.join(&environment.programs_config(), &["Block", "goose", "data"]),
        Platform::Linux | Platform::MacOs => {
            let data =
                environment.directory("XDG_DATA_HOME").unwrap_or_else(|| environment.in_home(&[".local", "share"]));
            environment.join(&data, &["goose"])
        }
    };
    vec![environment.join(&data, &["sessions"])]
}

fn time(row: &Row<'_>) -> Option<Timestamp> {
    ["created_timestamp", "timestamp", "created_at"].iter().find_map(|name| row.time(name))
}

fn session(row: &Row<'_>, meta: &mut SessionMeta) {
    meta.title = row.word("name").or_else(|| row.word("description"));
    meta.project = row.word("working_dir");
    meta.parent = row.word("parent_session_id");
    meta.agent = row.word("session_type").filter(|kind| kind != "user");
    if let Some(at) = row.time("created_at") {
        meta.saw(at);
    }
}

fn message(row: &Row<'_>, context: &mut Context, sink: &mut Sink<'_>) -> Result<Said, String> {
    if row.table == LEDGER {
        return Err(String::new());
    }
    let mut role = role(row.text("role").as_deref())?;
    let text = row.text("content_json").unwrap_or_default();
    let list: Vec<Box<RawValue>> = serde_json::from_str(&text).map_err(|_| "(content that is no list)".to_owned())?;
    let metadata = row.text("metadata_json").unwrap_or_default();
    let is_hidden = Fields::parse(&metadata)
        .is_some_and(|fields| fields.get("userVisible").is_some_and(|visible| visible.get() == "false"));
    let mut parts = Vec::new();
    let (mut silent, mut results) = (0, 0);
    for raw in &list {
        let fields = json::object(raw).unwrap_or_default();
        let kind = fields.text("type").unwrap_or_default();
        match part(&kind, &fields, is_hidden, context, sink) {
            Some(part) => {
                results += usize::from(matches!(part, Part::ToolResult { .. }));
                parts.push(part);
            }
            None if SILENT.contains(&kind.as_str()) => silent += 1,
            None => sink.unknown(&format!("content:{}", if kind.is_empty() { "(no type)" } else { &kind })),
        }
    }
    if parts.is_empty() && silent == list.len() {
        return Err(String::new());
    }
    if results > 0 && results == parts.len() {
        role = Role::Tool;
    }
    let at = time(row);
    // The row's number is the id where the client gives none; both are of one store alone.
    Ok(Said { id: row.word("message_id").or_else(|| row.word("id")), role: Some(role), at, model: None, parts })
}

fn part(kind: &str, fields: &Fields<'_>, is_hidden: bool, context: &mut Context, sink: &Sink<'_>) -> Option<Part> {
    Some(match kind {
        "text" => {
            let provenance = if is_hidden { Provenance::Injected } else { Provenance::Conversational };
            Part::Text { text: fields.text("text")?, provenance }
        }
        "thinking" | "reasoning" => Part::Reasoning { text: fields.text("thinking").or_else(|| fields.text("text"))? },
        "redactedThinking" => Part::Reasoning { text: String::new() },
        "image" => Part::File { name: None, media_type: fields.word("mimeType"), uri: None },
        "error" => Part::Text {
            text: fields.word("message").or_else(|| fields.word("error"))?,
            provenance: Provenance::Injected,
        },
        "toolRequest" | "frontendToolRequest" => {
            let id = fields.text("id")?;
            let call = fields.object("toolCall").unwrap_or_default();
            let value = call.object("value").unwrap_or_default();
            let name = value.text("name").unwrap_or_default();
            context.calls.open(&id, Call { name: name.clone(), line: sink.line(), ..Call::default() });
            Part::ToolCall { id, name, input: value.get("arguments").map_or(Value::Null, json::value) }
        }
        "toolResponse" => {
            let id = fields.text("id")?;
            let name = context.calls.close(&id).map(|call| call.name).filter(|name| !name.is_empty());
            let result = fields.object("toolResult").unwrap_or_default();
            let (output, is_error) = output(&result);
            Part::ToolResult { id, name, output, is_error }
        }
        _ => return None,
    })
}

/// What a tool answered, and whether it failed.
fn output(result: &Fields<'_>) -> (String, bool) {
    if let Some(error) = result.get("error") {
        return (json::text(error).unwrap_or_else(|| error.get().to_owned()), true);
    }
    let Some(value) = result.get("value") else { return (String::new(), false) };
    let inner = json::object(value);
    let is_error = inner.as_ref().is_some_and(|inner| inner.is_true("isError"));
    let content = inner.as_ref().and_then(|inner| inner.get("content")).unwrap_or(value);
    (json::words(content), is_error)
}
