//! Grok Build: `<directory>/<session>/updates.jsonl` with `summary.json` beside: updates of the Agent Client Protocol.
//!
//! Consecutive chunks of one speaker are one message, so that between two messages, and at the end, a turn is closed.

use super::draft::{Draft, DraftFile};
use super::names::word;
use super::steps::{Lines, Step, arguments, is_put_in, quoted, started, steps, with};
use super::{About, Lineage, SessionWriter, Whole};
use jay_types::session::{Part, Role, SessionMeta};
use jay_types::{Result, Timestamp};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The writer.
#[derive(Clone, Copy, Debug)]
pub(super) struct GrokBuild;

impl SessionWriter for GrokBuild {
    fn name(&self) -> &'static str {
        "grok-build"
    }

    fn place_again(&self, _: &Whole, steps: &[&str]) -> Option<PathBuf> {
        steps.last_chunk::<3>().map(|last| last.iter().collect())
    }

    fn beside(&self, meta: &SessionMeta, file: &Path) -> Vec<DraftFile> {
        let mut files =
            vec![DraftFile { path: file.with_file_name("summary.json"), bytes: summary(meta), is_shared: false }];
        let bucket = file.parent().and_then(Path::parent);
        if let (true, Some(parent), Some(bucket)) = (meta.is_subagent(), &meta.parent, bucket) {
            let bytes = json!({"subagent_type": meta.agent.as_deref().unwrap_or("subagent")}).to_string().into_bytes();
            let path = bucket.join(parent).join("subagents").join(&meta.id).join("meta.json");
            files.push(DraftFile { path, bytes, is_shared: true });
        }
        let is_hashed = |bucket: &Path, project: &str| bucket.to_string_lossy() != percent(project);
        if let (Some(bucket), Some(project)) = (bucket, &meta.project)
            && is_hashed(bucket, project)
        {
            let bytes = project.clone().into_bytes();
            files.push(DraftFile { path: bucket.join(".cwd"), bytes, is_shared: true });
        }
        files
    }

    fn rebuild(&self, lineage: &Lineage, about: &About, draft: &mut Draft) -> Result<()> {
        let encoded = percent(&about.project);
        let bucket = if encoded.len() > 200 { about.names.hex("bucket", 8) } else { encoded };
        let mut ids: BTreeMap<&str, String> = BTreeMap::new();
        for whole in lineage.all() {
            let id = about.names.uuid_at(&format!("session {}", whole.meta.id), started(whole, about.now));
            let is_root = ids.is_empty();
            let parent = whole.meta.parent.as_deref().and_then(|parent| ids.get(parent)).cloned();
            let meta = SessionMeta {
                id: id.clone(),
                project: Some(about.project.clone()),
                parent: parent.filter(|_| !is_root),
                started_at: Some(started(whole, about.now)),
                ..whole.meta.clone()
            };
            let bytes = rows(whole, about, &id, draft);
            draft.put(self, &meta, Path::new(&bucket).join(&id).join("updates.jsonl"), bytes);
            if is_root {
                draft.session.clone_from(&id);
            }
            ids.insert(&whole.meta.id, id);
        }
        Ok(())
    }

    fn command(&self, session: &str, project: &str, _: &[&Path]) -> String {
        format!("cd {} && grok --resume {}", quoted(project), quoted(session))
    }
}

/// What the client calls a project directory: every byte that is no letter, digit, `-`, `.`, `_` or `~` as `%XX`.
fn percent(project: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    let name: String = project.bytes().map(encoded).collect();
    // Of dots alone it would be another directory, and an empty one none.
    if name.bytes().all(|byte| byte == b'.') { format!("%2E{}", name.get(1..).unwrap_or_default()) } else { name }
}

fn summary(meta: &SessionMeta) -> Vec<u8> {
    let mut info = Map::new();
    info.insert("id".to_owned(), meta.id.clone().into());
    info.extend(meta.project.clone().map(|project| ("cwd".to_owned(), project.into())));
    let mut fields = Map::new();
    let mut put = |name: &str, value: Option<Value>| fields.extend(value.map(|value| (name.to_owned(), value)));
    put("info", Some(Value::Object(info)));
    put("created_at", meta.started_at.map(|at| at.rfc3339().into()));
    put("updated_at", meta.ended_at.or(meta.started_at).map(|at| at.rfc3339().into()));
    put("generated_title", meta.title.clone().map(Value::String));
    put("parent_session_id", meta.parent.clone().map(Value::String));
    if meta.parent.is_some() {
        put("session_kind", Some(if meta.is_subagent() { "subagent" } else { "fork" }.into()));
        put("agent_name", meta.agent.clone().map(Value::String));
    }
    Value::Object(fields).to_string().into_bytes()
}

fn rows(whole: &Whole, about: &About, id: &str, draft: &mut Draft) -> Vec<u8> {
    let mut rows = Rows { id, names: about, lines: Lines::default() };
    let mut before: Option<(&str, bool)> = None;
    let mut at = started(whole, about.now);
    for step in steps(whole, about.now, draft) {
        let Some(update) = update(&step) else {
            draft.leave_out("files");
            continue;
        };
        let is_text = matches!(step.part, Part::Text { .. } | Part::Reasoning { .. });
        let this = is_text.then(|| (chunk(&step), is_put_in(&step)));
        if this.is_some() && this == before {
            rows.push(at, json!({"sessionUpdate": "turn_completed"}), None);
        }
        before = this;
        at = step.at;
        rows.push(at, update, step.message.model.as_deref());
    }
    rows.push(at, json!({"sessionUpdate": "turn_completed"}), None);
    rows.lines.0
}

struct Rows<'a> {
    id: &'a str,
    names: &'a About,
    lines: Lines,
}

impl Rows<'_> {
    fn push(&mut self, at: Timestamp, update: Value, model: Option<&str>) {
        let is_answer = update.get("sessionUpdate").is_some_and(|kind| kind == "agent_message_chunk");
        let update = match model.filter(|_| is_answer) {
            Some(model) => {
                let about = update.get("_meta").cloned().unwrap_or_else(|| json!({}));
                with(update, "_meta", with(about, "modelId", model))
            }
            None => update,
        };
        let event = self.names.names.uuid(&format!("event {} {}", self.id, self.lines.0.len()));
        self.lines.push(&json!({"timestamp": at.0 / 1_000_000, "method": "session/update", "params": {
            "sessionId": self.id, "update": update, "_meta": {"eventId": event, "agentTimestampMs": at.0 / 1000}}}));
    }
}

/// The kind of update in which somebody speaks.
fn chunk(step: &Step<'_>) -> &'static str {
    match (step.part, step.role) {
        (Part::Reasoning { .. }, _) => "agent_thought_chunk",
        (_, Role::Assistant) => "agent_message_chunk",
        _ => "user_message_chunk",
    }
}

/// A step as an update; none for a file without an address.
fn update(step: &Step<'_>) -> Option<Value> {
    Some(match step.part {
        Part::Text { text, .. } | Part::Reasoning { text } => {
            let mut update = json!({"sessionUpdate": chunk(step), "content": {"type": "text", "text": text}});
            if is_put_in(step) {
                update = with(update, "_meta", json!({"hideFromScrollback": true}));
            }
            update
        }
        Part::ToolCall { id, name, input } => {
            json!({"sessionUpdate": "tool_call", "toolCallId": word(id), "title": name,
            "kind": "other", "status": "pending", "rawInput": arguments(input), "_meta": {"x.ai/tool": {"name": word(name)}}})
        }
        Part::ToolResult { id, output, is_error, .. } => {
            let status = if *is_error { "failed" } else { "completed" };
            json!({"sessionUpdate": "tool_call_update", "toolCallId": word(id), "status": status,
                "content": [{"type": "content", "content": {"type": "text", "text": output}}]})
        }
        Part::File { name, media_type, uri } => {
            let uri = uri.as_deref()?;
            let mut content = json!({"type": "resource_link", "uri": uri, "name": name.as_deref().unwrap_or(uri)});
            if let Some(media_type) = media_type {
                content = with(content, "mimeType", media_type.clone());
            }
            json!({"sessionUpdate": chunk(step), "content": content})
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_percent_encoded() {
        assert_eq!(percent("/home/mira/code/lantern"), "%2Fhome%2Fmira%2Fcode%2Flantern");
        assert_eq!(percent("/é"), "%2F%C3%A9");
        assert_eq!(["", ".", "..", "..."].map(percent), ["%2E", "%2E", "%2E.", "%2E.."], "no other directory");
    }
}
