//! OpenClaw: `<agent>/sessions/<session>.jsonl` in Pi's rows, reached by the keys of `sessions.json`.

use super::draft::{Draft, DraftFile};
use super::pi::rows;
use super::steps::{below, quoted, started, with};
use super::{About, Lineage, SessionWriter, Whole};
use jay_types::Result;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// The writer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Openclaw;

impl SessionWriter for Openclaw {
    fn name(&self) -> &'static str {
        "openclaw"
    }

    /// Rows of a database, and lines that were compressed, stand in no file as they are.
    fn place_again(&self, _: &Whole, steps: &[&str]) -> Option<PathBuf> {
        let is_lines = steps.last().is_some_and(|name| name.contains(".jsonl") && !name.ends_with(".zst"));
        below(steps, "agents").filter(|_| is_lines)
    }

    fn rebuild(&self, lineage: &Lineage, about: &About, draft: &mut Draft) -> Result<()> {
        for whole in lineage.all() {
            let id = about.names.uuid_at(&format!("session {}", whole.meta.id), started(whole, about.now));
            let bytes = rows(whole, about, &id, None, draft);
            let path = Path::new("main").join("sessions").join(format!("{id}.jsonl"));
            draft.put(self, &whole.meta, path, bytes);
            if draft.ids.is_empty() {
                draft.session.clone_from(&id);
            }
            draft.ids.push((whole.meta.id.clone(), id));
        }
        Ok(())
    }

    /// The keys by which the sessions are reached, and which of them another one started.
    fn index(&self, lineage: &Lineage, draft: &Draft) -> Option<DraftFile> {
        let directory = draft.files.first()?.path.parent()?.to_path_buf();
        let agent = directory.parent()?.file_name()?.to_string_lossy().into_owned();
        let now_called = |id: &str| draft.ids.iter().find(|(was, _)| was == id).map(|(_, now)| now.as_str());
        let key = |whole: &Whole, id: &str| {
            let kind = match whole.meta.agent.as_deref() {
                Some(kind @ ("cron" | "hook" | "subagent")) => kind,
                _ if whole.meta.is_subagent() => "subagent",
                _ => "resumed",
            };
            format!("agent:{agent}:{kind}:{id}")
        };
        let mut entries = Map::new();
        for whole in lineage.all() {
            let id = now_called(&whole.meta.id)?;
            let mut entry = json!({"sessionId": id});
            if let Some(at) = whole.meta.ended_at.or(whole.meta.started_at) {
                entry = with(entry, "updatedAt", at.0 / 1000);
            }
            if let Some(title) = &whole.meta.title {
                entry = with(entry, "label", title.clone());
            }
            let parent = whole.meta.parent.as_deref().filter(|_| whole.meta.is_subagent());
            let parent = lineage.all().find(|other| Some(other.meta.id.as_str()) == parent);
            if let Some((parent, id)) = parent.and_then(|parent| Some((parent, now_called(&parent.meta.id)?))) {
                entry = with(entry, "spawnedBy", key(parent, id));
            }
            entries.insert(key(whole, id), entry);
        }
        let bytes = Value::Object(entries).to_string().into_bytes();
        Some(DraftFile { path: directory.join("sessions.json"), bytes, is_shared: true })
    }

    fn command(&self, session: &str, _: &str, _: &[&Path]) -> String {
        format!("openclaw agent --session-id {} --message 'Go on.'", quoted(session))
    }

    fn notes(&self) -> &'static [&'static str] {
        &[
            "the session has a key of its own where sessions.json was not there before; else it is reached by its id alone",
        ]
    }
}
