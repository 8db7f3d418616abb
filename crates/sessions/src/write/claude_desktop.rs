//! Claude's desktop app: `local_<id>/audit.jsonl` with `local_<id>.json` beside, in the directory of an account and a
//! workspace that the app has made.
//!
//! The audit is what the app shows. Its agent goes on from the transcript that it keeps inside, in Claude Code's rows, so both
//! are written. What a subagent does stands in the audit among the rest, marked with the call that started it.

use super::anthropic::block;
use super::claude_code;
use super::draft::{Draft, DraftFile};
use super::names::word;
use super::steps::{Lines, Step, is_put_in, steps, with};
use super::{About, Lineage, SessionWriter, Whole};
use crate::adapter::adapter;
use crate::environment::Environment;
use jay_types::session::{Part, Role, SessionMeta};
use jay_types::{Error, Result};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// The writer.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClaudeDesktop;

impl SessionWriter for ClaudeDesktop {
    fn name(&self) -> &'static str {
        "claude-desktop"
    }

    /// The workspace that was used last: only the app makes one.
    fn directory(&self, environment: &Environment) -> Result<PathBuf> {
        let inside = |directory: &PathBuf| -> Vec<PathBuf> {
            let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
        };
        let roots = adapter(self.name())?.roots(environment);
        let workspaces = roots.iter().flat_map(inside).flat_map(|account| inside(&account));
        let last =
            workspaces.max_by_key(|path| (path.metadata().and_then(|about| about.modified()).ok(), path.clone()));
        last.ok_or_else(|| {
            Error::not_found("the Claude desktop app has no workspace here")
                .hint("Begin a session in the app once, or name a directory with --path.")
        })
    }

    fn place_again(&self, _: &Whole, steps: &[&str]) -> Option<PathBuf> {
        steps.last_chunk::<2>().map(|last| last.iter().collect())
    }

    fn beside(&self, meta: &SessionMeta, file: &Path) -> Vec<DraftFile> {
        let Some(directory) = file.parent().filter(|_| file.ends_with("audit.jsonl")) else { return Vec::new() };
        let session = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut about = Map::new();
        let mut put = |name: &str, value: Option<Value>| about.extend(value.map(|value| (name.to_owned(), value)));
        put("sessionId", Some(session.into()));
        put("cwd", meta.project.clone().map(Value::String));
        put("userSelectedFolders", meta.project.as_ref().map(|project| json!([project])));
        put("createdAt", meta.started_at.map(|at| (at.0 / 1000).into()));
        put("title", meta.title.clone().map(Value::String));
        // The transcript inside, which is written beside an audit that is rebuilt.
        let inner = meta.parent_call.clone().filter(|_| meta.relation.as_deref() == Some(INNER));
        put("cliSessionId", inner.map(Value::String));
        let bytes = Value::Object(about).to_string().into_bytes();
        vec![DraftFile { path: directory.with_extension("json"), bytes, is_shared: false }]
    }

    fn rebuild(&self, lineage: &Lineage, about: &About, draft: &mut Draft) -> Result<()> {
        let session = format!("local_{}", about.names.uuid("audit"));
        let mut audit = Audit { session: &session, lineage, about, lines: Lines::default(), written: Vec::new() };
        audit.begin();
        audit.write(&lineage.root, None, draft);
        for whole in &lineage.subagents {
            audit.write(whole, whole.meta.parent_call.as_deref(), draft);
        }
        let bytes = audit.lines.0;
        let inner = Path::new(&session).join(".claude").join("projects").join(claude_code::slug(&about.project));
        let mut transcript = Draft::default();
        claude_code::rebuild(self, lineage, about, &inner, &mut transcript);
        let meta = SessionMeta {
            project: Some(about.project.clone()),
            relation: Some(INNER.to_owned()),
            parent_call: Some(transcript.session.clone()),
            ..lineage.root.meta.clone()
        };
        draft.put(self, &meta, Path::new(&session).join("audit.jsonl"), bytes);
        draft.files.extend(transcript.files);
        draft.session = session;
        Ok(())
    }

    fn command(&self, _: &str, _: &str, _: &[&Path]) -> String {
        // The app has no command that opens a session.
        if cfg!(target_os = "macos") { "open -a Claude" } else { "claude-desktop" }.to_owned()
    }

    fn notes(&self) -> &'static [&'static str] {
        &["the app lists the session after its next start; its rows have no seal, which only the app can make"]
    }
}

/// How the transcript inside relates to its audit.
const INNER: &str = "inner";

struct Audit<'a> {
    session: &'a str,
    lineage: &'a Lineage,
    about: &'a About,
    lines: Lines,
    /// Subagents that are written.
    written: Vec<&'a str>,
}

impl<'a> Audit<'a> {
    fn begin(&mut self) {
        let at = super::steps::started(&self.lineage.root, self.about.now);
        let uuid = self.about.names.uuid("init");
        self.lines.push(&json!({"type": "system", "subtype": "init", "uuid": uuid, "session_id": self.session,
            "cwd": self.about.project, "_audit_timestamp": at.rfc3339()}));
    }

    /// Writes a session, and behind a call the subagent that it started.
    fn write(&mut self, whole: &'a Whole, call: Option<&str>, draft: &mut Draft) {
        if self.written.contains(&whole.meta.id.as_str()) {
            return;
        }
        self.written.push(&whole.meta.id);
        for step in steps(whole, self.about.now, draft) {
            let Some(block) = block(&step, draft) else { continue };
            let row = self.row(whole, &step, &block, call);
            self.lines.push(&row);
            let Part::ToolCall { id, .. } = step.part else { continue };
            let started = |other: &&Whole| {
                let is_child = other.meta.parent.as_deref() == Some(whole.meta.id.as_str());
                is_child && other.meta.parent_call.as_deref() == Some(id)
            };
            let lineage = self.lineage;
            for child in lineage.subagents.iter().filter(started) {
                self.write(child, Some(id), draft);
            }
        }
    }

    fn row(&self, whole: &Whole, step: &Step<'_>, block: &Value, call: Option<&str>) -> Value {
        let uuid = self.about.names.uuid(&format!("audit {} {}", whole.meta.id, step.place));
        let is_root = std::ptr::eq(whole, &self.lineage.root);
        let call = call.map(word).or_else(|| (!is_root).then(|| word(&whole.meta.id)));
        let kind = if step.role == Role::Assistant { "assistant" } else { "user" };
        let mut message = Map::new();
        message.insert("role".to_owned(), kind.into());
        if let (Some(model), "assistant") = (&step.message.model, kind) {
            message.insert("model".to_owned(), model.clone().into());
        }
        message.insert("content".to_owned(), json!([block]));
        let row = json!({"type": kind, "uuid": uuid, "session_id": self.session, "parent_tool_use_id": call,
            "message": message, "_audit_timestamp": step.at.rfc3339()});
        if is_put_in(step) { with(row, "isSynthetic", true) } else { row }
    }
}
