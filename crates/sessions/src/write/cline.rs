//! Cline from version 4: `<session>/<session>.messages.json` with `<session>.json` beside, and a file for each subagent.

use super::anthropic::block;
use super::draft::{Draft, DraftFile};
use super::steps::{Step, below, is_answer, is_put_in, quoted, steps, turns};
use super::{About, Lineage, SessionWriter, Whole};
use crate::environment::Environment;
use jay_types::Result;
use jay_types::session::{Part, Role, SessionMeta};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// The writer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cline;

impl SessionWriter for Cline {
    fn name(&self) -> &'static str {
        "cline"
    }

    fn directory(&self, environment: &Environment) -> Result<PathBuf> {
        Ok(crate::cline::own_sessions(environment))
    }

    fn is_documents(&self) -> bool {
        true
    }

    fn place_again(&self, _: &Whole, steps: &[&str]) -> Option<PathBuf> {
        let is_whole = steps.last().is_some_and(|name| name.ends_with(MESSAGES));
        below(steps, "sessions").filter(|_| is_whole)
    }

    fn beside(&self, meta: &SessionMeta, file: &Path) -> Vec<DraftFile> {
        let Some(directory) = file.parent() else { return Vec::new() };
        let session = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !file.ends_with(format!("{session}{MESSAGES}")) {
            return Vec::new();
        }
        let mut about = Map::new();
        let mut put = |name: &str, value: Option<Value>| about.extend(value.map(|value| (name.to_owned(), value)));
        put("sessionId", Some(session.clone().into()));
        put("cwd", meta.project.clone().map(Value::String));
        put("title", meta.title.clone().map(Value::String));
        put("startedAt", meta.started_at.map(|at| at.rfc3339().into()));
        let bytes = Value::Object(about).to_string().into_bytes();
        vec![DraftFile { path: directory.join(format!("{session}.json")), bytes, is_shared: false }]
    }

    fn rebuild(&self, lineage: &Lineage, about: &About, draft: &mut Draft) -> Result<()> {
        let session = format!("ses-{}", about.names.hex("session", 16));
        for whole in lineage.all() {
            let is_root = std::ptr::eq(whole, &lineage.root);
            let name = if is_root {
                session.clone()
            } else {
                format!("agent-{}", about.names.hex(&format!("session {}", whole.meta.id), 8))
            };
            let meta = SessionMeta { project: Some(about.project.clone()), ..whole.meta.clone() };
            let bytes = messages(whole, about, draft);
            draft.put(self, &meta, Path::new(&session).join(format!("{name}{MESSAGES}")), bytes);
        }
        draft.session = session;
        Ok(())
    }

    fn command(&self, session: &str, project: &str, _: &[&Path]) -> String {
        format!("cd {} && cline --id {}", quoted(project), quoted(session))
    }
}

/// How the name of a file of messages ends.
const MESSAGES: &str = ".messages.json";

fn messages(whole: &Whole, about: &About, draft: &mut Draft) -> Vec<u8> {
    let mut out: Vec<Value> = Vec::new();
    // Answers of calls that were made at once are one message.
    let mut answers = 0;
    for turn in turns(steps(whole, about.now, draft)) {
        let Some(first) = turn.first() else { continue };
        // The client marks what it puts in by how it begins, and only what is its own begins so.
        if is_put_in(first) {
            draft.leave_out("injected texts");
            continue;
        }
        let blocks: Vec<Value> = turn.iter().filter_map(|step| unsigned(step, draft)).collect();
        if blocks.is_empty() {
            continue;
        }
        let is_result = matches!(first.part, Part::ToolResult { .. });
        let open = out.last_mut().filter(|_| is_result && answers > 0);
        answers = if is_result { answers + 1 } else { 0 };
        if let Some(content) = open.and_then(|last| last.get_mut("content")?.as_array_mut()) {
            content.extend(blocks);
            continue;
        }
        let id = format!("msg_{}", about.names.hex(&format!("row {} {}", whole.meta.id, first.place), 16));
        let role = if is_answer(first) || first.role == Role::Assistant { "assistant" } else { "user" };
        let mut message = Map::new();
        message.insert("id".to_owned(), id.into());
        message.insert("role".to_owned(), role.into());
        message.insert("content".to_owned(), Value::Array(blocks));
        message.insert("ts".to_owned(), (first.at.0 / 1000).into());
        if let (Some(model), "assistant") = (&first.message.model, role) {
            message.insert("modelInfo".to_owned(), json!({ "modelId": model }));
        }
        out.push(Value::Object(message));
    }
    let at = whole.meta.ended_at.or(whole.meta.started_at).unwrap_or(about.now);
    json!({"version": 1, "updatedAt": at.rfc3339(), "messages": out}).to_string().into_bytes()
}

/// A block; reasoning has no signature, which the client takes for one that it need not send.
fn unsigned(step: &Step<'_>, draft: &mut Draft) -> Option<Value> {
    match step.part {
        Part::Reasoning { text } => Some(json!({"type": "thinking", "thinking": text})),
        _ => block(step, draft),
    }
}
