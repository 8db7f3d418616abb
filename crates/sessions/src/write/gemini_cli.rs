//! Gemini CLI: `<project>/chats/session-<time>-<id>.jsonl`, with subagents in a directory of the session's id.
//!
//! Answers stand in the row of their calls. What nobody said is `info`, which the client shows and does not send. A project's
//! directory is the client's where it has one for it, else a new one that says so in `.project_root`, as the client's own do.
//! When it starts, the client removes sessions that were not updated for thirty days: what goes on is told as updated now.

use super::draft::{Draft, DraftFile};
use super::names::{step, word};
use super::steps::{Lines, Step, address, arguments, below, is_answer, is_put_in, quoted, started, steps, turns, with};
use super::{About, Lineage, SessionWriter, Whole};
use crate::discover;
use jay_types::session::{Part, Role, SessionMeta};
use jay_types::{Result, Timestamp};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

/// The writer.
#[derive(Clone, Copy, Debug)]
pub(super) struct GeminiCli;

impl SessionWriter for GeminiCli {
    fn name(&self) -> &'static str {
        "gemini-cli"
    }

    fn place_again(&self, _: &Whole, steps: &[&str]) -> Option<PathBuf> {
        // What an older version wrote whole is held in pieces, and the client of today goes on from lines.
        below(steps, "tmp").filter(|path| discover::is_jsonl(path))
    }

    fn beside(&self, meta: &SessionMeta, file: &Path) -> Vec<DraftFile> {
        let (Some(project), Some(directory)) = (&meta.project, file.iter().next()) else { return Vec::new() };
        let path = Path::new(directory).join(".project_root");
        vec![DraftFile { path, bytes: project.clone().into_bytes(), is_shared: true }]
    }

    fn rebuild(&self, lineage: &Lineage, about: &About, draft: &mut Draft) -> Result<()> {
        let chats = Path::new(&directory(about)).join("chats");
        let root = about.names.uuid("session");
        for whole in lineage.all() {
            let is_root = std::ptr::eq(whole, &lineage.root);
            let own = || about.names.uuid(&format!("session {}", whole.meta.id));
            let id = if is_root { root.clone() } else { own() };
            let path = if is_root {
                let time = started(whole, about.now).rfc3339().get(..16).unwrap_or_default().replace(':', "-");
                chats.join(format!("session-{time}-{}.jsonl", id.get(..8).unwrap_or_default()))
            } else {
                chats.join(&root).join(format!("{id}.jsonl"))
            };
            let meta = SessionMeta { project: Some(about.project.clone()), ..whole.meta.clone() };
            let bytes = rows(whole, about, &id, is_root, draft);
            draft.put(self, &meta, path, bytes);
        }
        draft.session = root;
        Ok(())
    }

    fn renewal(&self, now: Timestamp) -> Option<Value> {
        Some(json!({"$set": {"lastUpdated": now.rfc3339()}}))
    }

    fn command(&self, session: &str, project: &str, _: &[&Path]) -> String {
        format!("cd {} && gemini --resume {}", quoted(project), quoted(session))
    }

    fn notes(&self) -> &'static [&'static str] {
        &["what a client or the system put in is shown and not sent"]
    }
}

/// The directory of a project: the client's own by its list or by the marks in them, else a new one.
fn directory(about: &About) -> String {
    let list = about.directory.parent().and_then(|above| discover::document(&above.join("projects.json")));
    let list: Option<Value> = list.and_then(|list| serde_json::from_str(&list).ok());
    let listed = list.as_ref().and_then(|list| list.get("projects")?.get(&about.project)?.as_str());
    if let Some(listed) = listed.filter(|name| step(name) == *name) {
        return listed.to_owned();
    }
    let owner = |name: &str| discover::peek(&about.directory.join(name).join(".project_root"));
    let base = about.project.rsplit(['/', '\\']).find(|name| !name.is_empty()).unwrap_or("project");
    let base = step(&base.to_lowercase());
    let names = std::iter::once(base.clone()).chain((1..100).map(|n| format!("{base}-{n}")));
    let mut free = names.filter(|name| match owner(name) {
        Some(owner) => owner.trim() == about.project,
        None => !about.directory.join(name).exists(),
    });
    free.next().unwrap_or_else(|| about.names.hex("project", 16))
}

fn rows(whole: &Whole, about: &About, id: &str, is_root: bool, draft: &mut Draft) -> Vec<u8> {
    let mut lines = Lines::default();
    let first = started(whole, about.now);
    let hash: String = Sha256::digest(about.project.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let mut head = json!({"sessionId": id, "projectHash": hash, "startTime": first.rfc3339(),
        "lastUpdated": about.now.rfc3339(), "kind": if is_root { "main" } else { "subagent" }});
    if let Some(title) = &whole.meta.title {
        head = with(head, "summary", title.clone());
    }
    lines.push(&head);
    let steps = steps(whole, about.now, draft);
    let mut answers: BTreeMap<&str, VecDeque<Step<'_>>> = BTreeMap::new();
    for step in &steps {
        if let Part::ToolResult { id, .. } = step.part {
            answers.entry(id).or_default().push_back(*step);
        }
    }
    let mut called: BTreeMap<&str, usize> = BTreeMap::new();
    for step in &steps {
        if let Part::ToolCall { id, .. } = step.part {
            *called.entry(id).or_default() += 1;
        }
    }
    for turn in turns(steps) {
        let Some(first) = turn.first() else { continue };
        let row = if is_answer(first) {
            Some(answer(&turn, first, &mut answers, draft))
        } else if let Part::ToolResult { id, .. } = first.part {
            // The answer of a call that is here stands with it.
            match called.get_mut(id.as_str()).filter(|left| **left > 0) {
                Some(left) => {
                    *left -= 1;
                    None
                }
                None => Some(json!({"type": "user", "content": [{"functionResponse": response(first)}]})),
            }
        } else {
            spoken(first, draft)
        };
        if let Some(row) = row {
            lines.push(&dated(row, about.names.uuid(&format!("row {} {}", whole.meta.id, first.place)), first));
        }
    }
    lines.0
}

fn dated(row: Value, id: String, step: &Step<'_>) -> Value {
    let mut out = Map::new();
    out.insert("id".to_owned(), id.into());
    out.insert("timestamp".to_owned(), step.at.rfc3339().into());
    if let Value::Object(fields) = row {
        out.extend(fields);
    }
    Value::Object(out)
}

/// What somebody said; none for a file without an address.
fn spoken(step: &Step<'_>, draft: &mut Draft) -> Option<Value> {
    let kind = match step.role {
        _ if is_put_in(step) => "info",
        Role::Assistant => "gemini",
        _ => "user",
    };
    let part = match step.part {
        Part::Text { text, .. } => json!({"text": text}),
        _ => match address(step.part) {
            Some((uri, media_type)) => json!({"fileData": {"mimeType": media_type, "fileUri": uri}}),
            None => {
                draft.leave_out("files");
                return None;
            }
        },
    };
    Some(json!({"type": kind, "content": [part]}))
}

/// A turn of the model: thoughts, words, and calls with their answers.
fn answer<'a>(
    turn: &[Step<'a>],
    first: &Step<'a>,
    answers: &mut BTreeMap<&'a str, VecDeque<Step<'a>>>,
    draft: &mut Draft,
) -> Value {
    let (mut thoughts, mut content, mut calls) = (Vec::new(), Vec::new(), Vec::new());
    for step in turn {
        match step.part {
            Part::Reasoning { text } => {
                thoughts.push(json!({"subject": "", "description": text, "timestamp": step.at.rfc3339()}));
            }
            Part::ToolCall { id, name, input } => {
                let answer = answers.get_mut(id.as_str()).and_then(VecDeque::pop_front);
                calls.push(call(step, (id, name, input), answer.as_ref()));
            }
            _ => {
                let said = spoken(step, draft).and_then(|said| said.get("content")?.get(0).cloned());
                content.extend(said);
            }
        }
    }
    let mut row = json!({"type": "gemini", "content": content, "thoughts": thoughts, "tokens": null});
    if let Some(model) = &first.message.model {
        row = with(row, "model", model.clone());
    }
    if !calls.is_empty() {
        row = with(row, "toolCalls", Value::Array(calls));
    }
    row
}

fn call(step: &Step<'_>, (id, name, input): (&str, &str, &Value), answer: Option<&Step<'_>>) -> Value {
    let mut call = json!({"id": word(id), "name": word(name), "args": arguments(input)});
    let failed = answer.is_some_and(|answer| matches!(answer.part, Part::ToolResult { is_error: true, .. }));
    if let Some(answer) = answer {
        call = with(call, "result", json!([{"functionResponse": response(answer)}]));
    }
    let status = match answer {
        None => "cancelled",
        Some(_) if failed => "error",
        Some(_) => "success",
    };
    call = with(call, "status", status);
    call = with(call, "timestamp", answer.unwrap_or(step).at.rfc3339());
    call
}

/// An answer as the API has it.
fn response(step: &Step<'_>) -> Value {
    let Part::ToolResult { id, name, output, is_error } = step.part else { return Value::Null };
    let key = if *is_error { "error" } else { "output" };
    json!({"id": word(id), "name": word(name.as_deref().unwrap_or("unknown")), "response": {key: output}})
}
