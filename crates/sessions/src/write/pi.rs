//! Pi: `<slug>/<time>_<session>.jsonl`, whose rows OpenClaw keeps too.
//!
//! The rows are a tree by `parentId`; what is written is its trunk. Pi has no subagents: each is a session that names the
//! file of its parent.

use super::draft::Draft;
use super::names::word;
use super::steps::{Lines, Step, arguments, is_put_in, quoted, started, steps, turns};
use super::{About, Lineage, SessionWriter, Whole};
use jay_types::session::{Part, Role};
use jay_types::{Result, Timestamp};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The writer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pi;

impl SessionWriter for Pi {
    fn name(&self) -> &'static str {
        "pi"
    }

    /// Its directory can be called anything; the file stands one below it. Rows of a database stand in none.
    fn place_again(&self, _: &Whole, steps: &[&str]) -> Option<PathBuf> {
        let is_lines = steps.last().is_some_and(|name| name.ends_with(".jsonl"));
        steps.last_chunk::<2>().filter(|_| is_lines).map(|last| last.iter().collect())
    }

    fn rebuild(&self, lineage: &Lineage, about: &About, draft: &mut Draft) -> Result<()> {
        let directory = PathBuf::from(slug(&about.project));
        let mut files: BTreeMap<&str, PathBuf> = BTreeMap::new();
        for whole in lineage.all() {
            let at = started(whole, about.now);
            let id = about.names.uuid_at(&format!("session {}", whole.meta.id), at);
            let time = at.rfc3339().get(..19).unwrap_or_default().replace(':', "-");
            let path = directory.join(format!("{time}-000Z_{id}.jsonl"));
            let parent = whole.meta.parent.as_deref().and_then(|parent| files.get(parent));
            let parent = parent.map(|path| about.directory.join(path).to_string_lossy().into_owned());
            let bytes = rows(whole, about, &id, parent.as_deref(), draft);
            draft.put(self, &whole.meta, path.clone(), bytes);
            files.insert(&whole.meta.id, path);
            if std::ptr::eq(whole, &lineage.root) {
                draft.session = id;
            }
        }
        Ok(())
    }

    fn command(&self, _: &str, project: &str, paths: &[&Path]) -> String {
        let path = paths.first().map(|path| path.to_string_lossy()).unwrap_or_default();
        format!("cd {} && pi --session {}", quoted(project), quoted(&path))
    }
}

/// What the client calls a project directory.
fn slug(project: &str) -> String {
    let name = project.trim_start_matches(['/', '\\']).replace(['/', '\\', ':'], "-");
    format!("--{}--", name.chars().filter(|c| !c.is_control()).take(200).collect::<String>())
}

/// The rows of a session, its header first.
pub(super) fn rows(whole: &Whole, about: &About, id: &str, parent: Option<&str>, draft: &mut Draft) -> Vec<u8> {
    let at = started(whole, about.now);
    let mut head = json!({"type": "session", "version": 3, "id": id, "timestamp": at.rfc3339(), "cwd": about.project});
    if let (Some(fields), Some(parent)) = (head.as_object_mut(), parent) {
        fields.insert("parentSession".to_owned(), parent.into());
    }
    let mut rows = Rows { whole, about, lines: Lines::default(), last: None, names: BTreeMap::new() };
    rows.lines.push(&head);
    if let Some(title) = &whole.meta.title {
        rows.push("session_info", at, vec![("name", title.clone().into())]);
    }
    for turn in turns(steps(whole, about.now, draft)) {
        rows.turn(&turn, draft);
    }
    rows.lines.0
}

struct Rows<'a> {
    whole: &'a Whole,
    about: &'a About,
    lines: Lines,
    /// The id of the row before.
    last: Option<String>,
    /// The tools of calls, by the calls' ids.
    names: BTreeMap<&'a str, &'a str>,
}

impl<'a> Rows<'a> {
    fn push(&mut self, kind: &str, at: Timestamp, fields: Vec<(&str, Value)>) {
        let place = format!("row {} {}", self.whole.meta.id, self.lines.0.len());
        let id = self.about.names.hex(&place, 16);
        let mut row = Map::new();
        row.insert("type".to_owned(), kind.into());
        row.insert("id".to_owned(), id.clone().into());
        row.insert("parentId".to_owned(), self.last.replace(id).into());
        row.insert("timestamp".to_owned(), at.rfc3339().into());
        row.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
        self.lines.push(&Value::Object(row));
    }

    fn turn(&mut self, turn: &[Step<'a>], draft: &mut Draft) {
        let Some(first) = turn.first() else { return };
        match first.part {
            Part::Text { text, .. } if is_put_in(first) => {
                let fields =
                    vec![("customType", "resumed".into()), ("content", text.clone().into()), ("display", false.into())];
                self.push("custom_message", first.at, fields);
            }
            Part::ToolResult { id, name, output, is_error } => {
                let known = self.names.get(id.as_str()).copied().or(name.as_deref()).unwrap_or("unknown");
                let message = json!({"role": "toolResult", "toolCallId": word(id), "toolName": word(known),
                    "content": [{"type": "text", "text": output}], "isError": is_error,
                    "timestamp": first.at.0 / 1000});
                self.push("message", first.at, vec![("message", message)]);
            }
            // Its images are bytes, which the archive holds in the client's own rows only.
            Part::File { .. } => draft.leave_out("files"),
            Part::Text { text, .. } if first.role != Role::Assistant => {
                let message = json!({"role": "user", "content": [{"type": "text", "text": text}],
                    "timestamp": first.at.0 / 1000});
                self.push("message", first.at, vec![("message", message)]);
            }
            _ => self.answer(turn, first, draft),
        }
    }

    fn answer(&mut self, turn: &[Step<'a>], first: &Step<'a>, draft: &mut Draft) {
        let mut content = Vec::new();
        let mut stop = "stop";
        for step in turn {
            match step.part {
                Part::Text { text, .. } => content.push(json!({"type": "text", "text": text})),
                Part::Reasoning { text } => content.push(json!({"type": "thinking", "thinking": text})),
                Part::ToolCall { id, name, input } => {
                    self.names.insert(id, name);
                    stop = "toolUse";
                    content.push(
                        json!({"type": "toolCall", "id": word(id), "name": word(name), "arguments": arguments(input)}),
                    );
                }
                Part::File { .. } | Part::ToolResult { .. } => draft.leave_out("files"),
            }
        }
        if content.is_empty() {
            return;
        }
        let model = first.message.model.clone().unwrap_or_default();
        // The client adds these numbers up without asking whether they are there.
        let cost = json!({"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, "total": 0});
        let usage = json!({"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, "totalTokens": 0, "cost": cost});
        let message = json!({"role": "assistant", "content": content, "api": "", "provider": "", "model": model,
            "usage": usage, "stopReason": stop, "timestamp": first.at.0 / 1000});
        self.push("message", first.at, vec![("message", message)]);
    }
}
