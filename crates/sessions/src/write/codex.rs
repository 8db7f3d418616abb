//! Codex: `YYYY/MM/DD/rollout-<time>-<id>.jsonl`.
//!
//! What the model is to see are `response_item` rows; the screen is filled from `event_msg` rows, which say the same once
//! more. A subagent is a rollout of its own that names its parent.

use super::draft::Draft;
use super::names::word;
use super::steps::{Lines, Step, address, below, quoted, started, steps};
use super::{About, Lineage, SessionWriter, Whole};
use jay_types::session::{Part, Provenance, Role};
use jay_types::{Result, Timestamp};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The version whose rows these are.
const FORMAT: &str = "0.147.0";

/// The writer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Codex;

impl SessionWriter for Codex {
    fn name(&self) -> &'static str {
        "codex"
    }

    fn place_again(&self, whole: &Whole, steps: &[&str]) -> Option<PathBuf> {
        // Rollouts of 2025 begin otherwise, and a release of today does not list them.
        if !whole.originals.iter().all(|original| original.rows.first().is_some_and(|row| is_head(row))) {
            return None;
        }
        // What was put into the archive goes back among those that the client offers.
        let archived = || below(steps, "archived_sessions").and_then(|rest| Some(dated(rest.file_name()?.to_str()?)));
        below(steps, "sessions").or_else(archived)
    }

    fn rebuild(&self, lineage: &Lineage, about: &About, draft: &mut Draft) -> Result<()> {
        let mut ids = BTreeMap::new();
        for whole in lineage.all() {
            let id = about.names.uuid_at(&format!("session {}", whole.meta.id), started(whole, about.now));
            ids.insert(whole.meta.id.as_str(), id);
        }
        for whole in lineage.all() {
            let id = ids.get(whole.meta.id.as_str()).cloned().unwrap_or_default();
            let parent = whole.meta.parent.as_deref().and_then(|parent| ids.get(parent));
            let parent = parent.filter(|_| !std::ptr::eq(whole, &lineage.root));
            let at = started(whole, about.now);
            let mut lines = Lines::default();
            lines.push(&head(whole, about, &id, parent.map(String::as_str), at));
            write(whole, about, &mut lines, draft);
            let time = at.rfc3339().get(..19).unwrap_or_default().replace(':', "-");
            let path = dated(&format!("rollout-{time}-{id}.jsonl"));
            draft.put(self, &whole.meta, path, lines.0);
            if std::ptr::eq(whole, &lineage.root) {
                draft.session = id;
            }
        }
        Ok(())
    }

    fn command(&self, session: &str, project: &str, _: &[&Path]) -> String {
        format!("cd {} && codex resume {}", quoted(project), quoted(session))
    }
}

/// Whether a row is the first of a rollout as they are written today.
fn is_head(row: &[u8]) -> bool {
    let row: Option<Value> = serde_json::from_slice(row).ok();
    row.is_some_and(|row| row.get("type").and_then(Value::as_str) == Some("session_meta"))
}

/// A rollout's place by the day in its name.
fn dated(name: &str) -> PathBuf {
    let day = name.strip_prefix("rollout-").and_then(|rest| rest.get(..10)).unwrap_or_default();
    day.split('-').collect::<PathBuf>().join(name)
}

fn row(kind: &str, at: Timestamp, payload: &Value) -> Value {
    json!({"timestamp": at.rfc3339(), "type": kind, "payload": payload})
}

/// The first row: what the session is.
fn head(whole: &Whole, about: &About, id: &str, parent: Option<&str>, at: Timestamp) -> Value {
    let mut payload = Map::new();
    let mut put = |name: &str, value: Value| drop(payload.insert(name.to_owned(), value));
    put("id", id.into());
    put("timestamp", at.rfc3339().into());
    put("cwd", about.project.clone().into());
    put("originator", "jay".into());
    put("cli_version", FORMAT.into());
    let agent = whole.meta.agent.as_deref().unwrap_or("subagent");
    let spawn = |parent: &str| json!({"parent_thread_id": parent, "depth": 1, "agent_role": agent});
    put(
        "source",
        match parent {
            Some(parent) => json!({"subagent": {"thread_spawn": spawn(parent)}}),
            None => "cli".into(),
        },
    );
    put("instructions", Value::Null);
    let git = [("branch", &whole.meta.git_branch), ("repository_url", &whole.meta.git_remote)];
    let git: Map<String, Value> =
        git.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?.into()))).collect();
    if !git.is_empty() {
        put("git", Value::Object(git));
    }
    row("session_meta", at, &Value::Object(payload))
}

fn write(whole: &Whole, about: &About, lines: &mut Lines, draft: &mut Draft) {
    // Calls whose argument is one text, and so are their answers, have rows of another kind.
    let mut free: BTreeSet<&str> = BTreeSet::new();
    for step in steps(whole, about.now, draft) {
        match step.part {
            Part::Text { text, provenance } => said(&step, text, *provenance, lines),
            Part::Reasoning { text } => {
                let item = json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": text}],
                    "encrypted_content": null});
                lines.push(&row("response_item", step.at, &item));
                lines.push(&row("event_msg", step.at, &json!({"type": "agent_reasoning", "text": text})));
            }
            Part::ToolCall { id, name, input } => {
                let (id_word, name) = (word(id), word(name));
                let item = if let Value::String(text) = input {
                    free.insert(id);
                    json!({"type": "custom_tool_call", "status": "completed", "call_id": id_word, "name": name, "input": text})
                } else {
                    let arguments = super::steps::arguments(input).to_string();
                    json!({"type": "function_call", "name": name, "arguments": arguments, "call_id": id_word})
                };
                lines.push(&row("response_item", step.at, &item));
            }
            Part::ToolResult { id, output, is_error, .. } => {
                let kind = if free.contains(id.as_str()) { "custom_tool_call_output" } else { "function_call_output" };
                let item = json!({"type": kind, "call_id": word(id), "output": answer(output, *is_error)});
                lines.push(&row("response_item", step.at, &item));
            }
            Part::File { .. } => file(&step, lines, draft),
        }
    }
}

/// What somebody said. What was put in is the developer's word here, as are the system's.
fn said(step: &Step<'_>, text: &str, provenance: Provenance, lines: &mut Lines) {
    let is_put_in = provenance == Provenance::Injected;
    let (role, content, event) = match step.role {
        Role::Assistant if !is_put_in => ("assistant", "output_text", Some("agent_message")),
        Role::User if !is_put_in => ("user", "input_text", Some("user_message")),
        _ => ("developer", "input_text", None),
    };
    let item = json!({"type": "message", "role": role, "content": [{"type": content, "text": text}]});
    lines.push(&row("response_item", step.at, &item));
    if let Some(event) = event {
        lines.push(&row("event_msg", step.at, &json!({"type": event, "message": text})));
    }
}

/// A tool's answer; one that failed is told in the form that names an exit code.
fn answer(output: &str, is_error: bool) -> String {
    if !is_error {
        return output.to_owned();
    }
    json!({"output": output, "metadata": {"exit_code": 1, "duration_seconds": 0.0}}).to_string()
}

fn file(step: &Step<'_>, lines: &mut Lines, draft: &mut Draft) {
    match address(step.part) {
        Some((uri, media_type)) if media_type.starts_with("image/") => {
            let content = json!([{"type": "input_image", "image_url": uri}]);
            lines.push(&row("response_item", step.at, &json!({"type": "message", "role": "user", "content": content})));
        }
        _ => draft.leave_out("files"),
    }
}
