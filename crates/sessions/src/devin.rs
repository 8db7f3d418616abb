//! Devin's command line: `sessions.db` in its data directory.
//!
//! A session is a tree of nodes; every branch is kept, in the order in which the nodes were put in.

use crate::anthropic;
use crate::calls::Call;
use crate::database::{Layout, Rows};
use crate::environment::{Environment, Platform};
use crate::json::{self, Fields};
use crate::sink::Sink;
use crate::tables::{Context, Row, Said, Tables, role};
use jay_types::session::{Part, Provenance, Role, SessionMeta};
use serde_json::Value;
use std::path::PathBuf;

/// The adapter.
pub const DEVIN: Tables = Tables {
    name: "devin",
    layout: &LAYOUT,
    columns: &["id"],
    roots,
    file: "sessions.db",
    relation: |_, _| "subagent",
    project: |_| None,
    time: |row| row.time("created_at"),
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
            size: "title",
            children: &[],
        },
        Rows {
            table: "message_nodes",
            session: "session_id",
            key: "node_id",
            order: &["rowid"],
            time: Some("created_at"),
            size: "chat_message",
            children: &[],
        },
        Rows {
            table: "tool_call_state",
            session: "session_id",
            key: "tool_call_id",
            order: &["rowid"],
            time: Some("updated_at"),
            size: "state",
            children: &[],
        },
    ],
};

fn roots(environment: &Environment) -> Vec<PathBuf> {
    let data = match environment.platform {
        Platform::Windows => environment.programs_config(),
        Platform::Linux | Platform::MacOs => {
            environment.directory("XDG_DATA_HOME").unwrap_or_else(|| environment.in_home(&[".local", "share"]))
        }
    };
    vec![environment.join(&data, &["devin", "cli"])]
}

fn session(row: &Row<'_>, meta: &mut SessionMeta) {
    meta.title = row.word("title").or_else(|| row.word("name"));
    meta.project = ["working_directory", "cwd", "workspace"].iter().find_map(|name| row.word(name));
    for at in ["created_at", "last_activity_at", "updated_at"].iter().filter_map(|name| row.time(name)) {
        meta.saw(at);
    }
}

fn message(row: &Row<'_>, context: &mut Context, sink: &mut Sink<'_>) -> Result<Said, String> {
    // What became of a call stands in the message that answers it too.
    let Some(text) = row.text("chat_message") else { return Err(String::new()) };
    let fields = Fields::parse(&text).ok_or("(message that is no object)")?;
    let mut role = role(fields.text("role").as_deref())?;
    let mut parts = Vec::new();
    let thought = ["reasoning_content", "reasoning", "thinking"].iter().find_map(|name| fields.word(name));
    parts.extend(thought.map(|text| Part::Reasoning { text }));
    if let (Role::Tool, Some(id)) = (role, fields.word("tool_call_id")) {
        let name = context.calls.close(&id).map(|call| call.name);
        let content = fields.get("content").map(|raw| json::text(raw).unwrap_or_else(|| raw.get().to_owned()));
        let is_error = fields.is_true("is_error");
        parts.push(Part::ToolResult { id, name, output: content.unwrap_or_default(), is_error });
    } else if let Some(content) = fields.get("content") {
        let provenance = if role == Role::System { Provenance::Injected } else { Provenance::Conversational };
        let content = anthropic::content(content, &mut context.calls, sink, |_| provenance);
        if content.only_results {
            role = Role::Tool;
        }
        let is_said = |part: &Part| !matches!(part, Part::Text { text, .. } if text.is_empty());
        parts.extend(content.parts.into_iter().filter(is_said));
    }
    for raw in fields.get("tool_calls").and_then(json::array).unwrap_or_default() {
        let call = json::object(raw).unwrap_or_default();
        let function = call.object("function").unwrap_or_default();
        let id = call.text("id").unwrap_or_default();
        let name = function.text("name").or_else(|| call.text("name")).unwrap_or_default();
        context.calls.open(&id, Call { name: name.clone(), line: sink.line(), ..Call::default() });
        let input = function.get("arguments").or_else(|| call.get("arguments"));
        let input = input.map_or(Value::Null, json::decoded);
        parts.push(Part::ToolCall { id, name, input });
    }
    if parts.is_empty() {
        return Err(String::new());
    }
    let model = fields.word("model").filter(|_| role == Role::Assistant);
    Ok(Said { id: row.word("node_id"), role: Some(role), at: row.time("created_at"), model, parts })
}
