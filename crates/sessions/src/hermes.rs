//! Hermes: `state.db` in its home, and one in each profile's.
//!
//! Messages stand in the order of their numbers: their times do not ascend.

use crate::calls::Call;
use crate::database::{Layout, Record, Rows};
use crate::environment::Environment;
use crate::json;
use crate::sink::Sink;
use crate::tables::{Context, Row, Said, Tables, role};
use jay_types::session::{Part, Provenance, Role, SessionMeta};
use serde_json::Value;
use serde_json::value::RawValue;

/// The adapter.
pub const HERMES: Tables = Tables {
    name: "hermes",
    layout: &LAYOUT,
    columns: &["id", "parent_session_id", "source", "end_reason"],
    roots: |environment: &Environment| {
        vec![environment.directory("HERMES_HOME").unwrap_or_else(|| environment.in_home(&[".hermes"]))]
    },
    file: "state.db",
    relation,
    project: |_| None,
    time: |row| row.time("timestamp").or_else(|| row.time("started_at")),
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
            time: Some("ended_at"),
            size: "system_prompt",
            children: &[],
        },
        Rows {
            table: "messages",
            session: "session_id",
            key: "id",
            order: &["id"],
            time: Some("id"),
            size: "content",
            children: &[],
        },
    ],
};

/// How content begins that is a list of parts.
const LIST: &str = "\0json:";

/// A parent that was compressed or branched goes on in its child.
fn relation(row: &Record, parent: &Record) -> &'static str {
    match (row.text("source").as_deref(), parent.text("end_reason").as_deref()) {
        (Some("subagent"), _) => "subagent",
        (_, Some("compression")) => "continuation",
        (_, Some("branched")) => "fork",
        _ => "subagent",
    }
}

fn session(row: &Row<'_>, meta: &mut SessionMeta) {
    meta.title = row.word("title").or_else(|| row.word("display_name"));
    meta.git_branch = row.word("git_branch");
    meta.parent = row.word("parent_session_id");
    let source = row.word("source");
    meta.project = row.word("cwd");
    meta.agent = source.filter(|source| source == "cron" || source == "subagent");
    for at in ["started_at", "ended_at"].iter().filter_map(|name| row.time(name)) {
        meta.saw(at);
    }
}

fn message(row: &Row<'_>, context: &mut Context, sink: &mut Sink<'_>) -> Result<Said, String> {
    let name = row.text("role");
    if name.as_deref() == Some("session_meta") {
        return Err(String::new());
    }
    let role = role(name.as_deref())?;
    let mut parts = Vec::new();
    let thought = ["reasoning_content", "reasoning"].iter().find_map(|name| row.word(name));
    parts.extend(thought.map(|text| Part::Reasoning { text }));
    let content = row.text("content").unwrap_or_default();
    if role == Role::Tool {
        let id = row.word("tool_call_id").unwrap_or_default();
        let called = context.calls.close(&id).map(|call| call.name);
        let output = content.strip_prefix(LIST).map_or_else(|| content.clone(), str::to_owned);
        parts.push(Part::ToolResult { id, name: row.word("tool_name").or(called), output, is_error: false });
    } else if let Some(list) = content.strip_prefix(LIST) {
        let list: Vec<Box<RawValue>> = serde_json::from_str(list).unwrap_or_default();
        for raw in &list {
            parts.extend(part(raw, role, sink));
        }
    } else if !content.trim().is_empty() {
        parts.push(Part::Text { text: content, provenance: provenance(role) });
    }
    let calls = row.text("tool_calls").unwrap_or_default();
    let calls: Vec<Box<RawValue>> = serde_json::from_str(&calls).unwrap_or_default();
    for raw in &calls {
        let fields = json::object(raw).unwrap_or_default();
        let function = fields.object("function").unwrap_or_default();
        let id = fields.text("id").or_else(|| fields.text("call_id")).unwrap_or_default();
        let name = function.text("name").unwrap_or_default();
        context.calls.open(&id, Call { name: name.clone(), line: sink.line(), ..Call::default() });
        let input = function.get("arguments").map_or(Value::Null, json::decoded);
        parts.push(Part::ToolCall { id, name, input });
    }
    if parts.is_empty() {
        return Err(String::new());
    }
    let id = row.word("id").zip(row.word("session_id")).map(|(id, session)| format!("{session}:{id}"));
    Ok(Said { id, role: Some(role), at: row.time("timestamp"), model: None, parts })
}

fn provenance(role: Role) -> Provenance {
    if role == Role::System { Provenance::Injected } else { Provenance::Conversational }
}

fn part(raw: &RawValue, role: Role, sink: &mut Sink<'_>) -> Option<Part> {
    let fields = json::object(raw).unwrap_or_default();
    match fields.text("type").as_deref() {
        Some("text" | "input_text" | "output_text") => {
            Some(Part::Text { text: fields.text("text")?, provenance: provenance(role) })
        }
        Some("image_url" | "input_image") => {
            let image = fields.object("image_url").unwrap_or_default();
            // Bytes in a data URL stay in the row.
            let uri = image.word("url").filter(|url: &String| !url.starts_with("data:"));
            Some(Part::File { name: None, media_type: Some("image".to_owned()), uri })
        }
        other => {
            sink.unknown(&format!("part:{}", other.unwrap_or("(no type)")));
            None
        }
    }
}
