//! Crush: `crush.db` in the data directory of a project, `.crush` unless the person chose another. The client keeps a list
//! of the projects.

use crate::calls::Call;
use crate::database::{Layout, Rows};
use crate::environment::{Environment, Platform};
use crate::json::{self, Fields};
use crate::sink::Sink;
use crate::tables::{Context, Row, Said, Tables, role};
use jay_types::session::{Part, Provenance, Role, SessionMeta};
use serde_json::Value;
use serde_json::value::RawValue;
use std::path::{Path, PathBuf};

/// The adapter.
pub const CRUSH: Tables = Tables {
    name: "crush",
    layout: &LAYOUT,
    columns: &["id", "parent_session_id"],
    roots,
    file: "crush.db",
    relation: |_, _| "subagent",
    project,
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
            table: "messages",
            session: "session_id",
            key: "id",
            // Of one second several: as they were put in.
            order: &["created_at", "rowid"],
            time: Some("updated_at"),
            size: "parts",
            children: &[],
        },
    ],
};

/// The data directories of the projects that the client knows.
fn roots(environment: &Environment) -> Vec<PathBuf> {
    let global = environment.directory("CRUSH_GLOBAL_DATA").unwrap_or_else(|| {
        let data = environment.directory("XDG_DATA_HOME").unwrap_or_else(|| match environment.platform {
            Platform::Windows => {
                environment.directory("LOCALAPPDATA").unwrap_or_else(|| environment.in_home(&["AppData", "Local"]))
            }
            Platform::Linux | Platform::MacOs => environment.in_home(&[".local", "share"]),
        });
        environment.join(&data, &["crush"])
    });
    let bytes = crate::files::read(&environment.join(&global, &["projects.json"])).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let list = Fields::parse(&text).unwrap_or_default();
    let projects = list.get("projects").and_then(json::array).unwrap_or_default();
    let directory = |project: &&RawValue| {
        let project = json::object(project)?;
        let path = PathBuf::from(project.word("path")?);
        let data = project.word("data_dir").unwrap_or_else(|| ".crush".to_owned());
        Some(path.join(Path::new(&data)))
    };
    projects.iter().filter_map(directory).chain([global]).collect()
}

fn session(row: &Row<'_>, meta: &mut SessionMeta) {
    meta.title = row.word("title");
    meta.parent = row.word("parent_session_id");
    for at in [row.time("created_at")].into_iter().flatten() {
        meta.saw(at);
    }
}

fn message(row: &Row<'_>, context: &mut Context, sink: &mut Sink<'_>) -> Result<Said, String> {
    let role = role(row.text("role").as_deref())?;
    let text = row.text("parts").unwrap_or_default();
    let list: Vec<Box<RawValue>> = serde_json::from_str(&text).map_err(|_| "(parts that are no list)".to_owned())?;
    let is_silent = |kind: &str| kind == "finish";
    let mut parts = Vec::new();
    let mut silent = 0;
    for raw in &list {
        let fields = json::object(raw).unwrap_or_default();
        let kind = fields.text("type").unwrap_or_default();
        let data = fields.object("data").unwrap_or_default();
        match part(&kind, &data, context, sink) {
            Some(part) => parts.push(part),
            None if is_silent(&kind) => silent += 1,
            None => sink.unknown(&format!("part:{}", if kind.is_empty() { "(no type)" } else { &kind })),
        }
    }
    if parts.is_empty() && silent == list.len() {
        return Err(String::new());
    }
    let model = row.word("model").filter(|_| role == Role::Assistant);
    Ok(Said { id: row.word("id"), role: Some(role), at: row.time("created_at"), model, parts })
}

fn part(kind: &str, data: &Fields<'_>, context: &mut Context, sink: &Sink<'_>) -> Option<Part> {
    Some(match kind {
        "text" => Part::Text { text: data.text("text")?, provenance: Provenance::Conversational },
        "reasoning" => Part::Reasoning { text: data.text("thinking").or_else(|| data.text("text"))? },
        "image_url" => Part::File { name: None, media_type: None, uri: data.word("url") },
        "binary" => Part::File {
            name: data.word("Path").or_else(|| data.word("path")),
            media_type: data.word("MIMEType").or_else(|| data.word("mime_type")),
            uri: None,
        },
        "tool_call" => {
            let (id, name) = (data.text("id")?, data.text("name").unwrap_or_default());
            context.calls.open(&id, Call { name: name.clone(), line: sink.line(), ..Call::default() });
            let input = data.get("input").map_or(Value::Null, json::decoded);
            Part::ToolCall { id, name, input }
        }
        "tool_result" => {
            let id = data.text("tool_call_id")?;
            let called = context.calls.close(&id).map(|call| call.name);
            let output = data.text("content").unwrap_or_default();
            Part::ToolResult { id, name: data.word("name").or(called), output, is_error: data.is_true("is_error") }
        }
        _ => return None,
    })
}

/// The directory that holds `.crush`.
fn project(path: &Path) -> Option<String> {
    let path = std::path::absolute(path).ok()?;
    let directory = path.parent().filter(|directory| directory.file_name().is_some_and(|name| name == ".crush"))?;
    Some(directory.parent()?.display().to_string())
}
