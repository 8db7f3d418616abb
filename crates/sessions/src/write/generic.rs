//! The generic session file: a message per line, all sessions of a lineage in one file.

use super::draft::{Draft, DraftFile};
use super::names::step;
use super::steps::{Lines, quoted};
use super::{About, Lineage, SessionWriter, Whole};
use jay_types::Result;
use jay_types::session::{Message, SessionMeta};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// The writer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Generic;

impl SessionWriter for Generic {
    fn name(&self) -> &'static str {
        "generic"
    }

    /// A file of many sessions is not put together again: this one has one of its own.
    fn place_again(&self, whole: &Whole, _: &[&str]) -> Option<PathBuf> {
        Some(PathBuf::from(format!("{}.jsonl", step(&whole.meta.id))))
    }

    fn rebuild(&self, lineage: &Lineage, about: &About, draft: &mut Draft) -> Result<()> {
        // Ids of their own: two sessions of one id could not be told apart where both are archived.
        let named_anew = |id: &str| about.names.uuid(&format!("session {id}"));
        let mut lines = Lines::default();
        for whole in lineage.all() {
            let is_root = std::ptr::eq(whole, &lineage.root);
            let parent = whole.meta.parent.as_deref().filter(|_| !is_root).map(named_anew);
            let meta = SessionMeta { id: named_anew(&whole.meta.id), parent, ..whole.meta.clone() };
            write(&meta, &about.project, &whole.messages, &mut lines, draft);
        }
        draft.session = named_anew(&lineage.root.meta.id);
        let path = PathBuf::from(format!("{}.jsonl", draft.session));
        draft.files.push(DraftFile { path, bytes: lines.0, is_shared: false });
        Ok(())
    }

    fn command(&self, _: &str, _: &str, paths: &[&Path]) -> String {
        let path = paths.first().map(|path| path.to_string_lossy()).unwrap_or_default();
        format!("jay session sync generic --path {}", quoted(&path))
    }
}

fn write(meta: &SessionMeta, project: &str, messages: &[Message], lines: &mut Lines, draft: &mut Draft) {
    let mut is_first = true;
    for message in messages {
        if message.role.is_none() || message.parts.is_empty() {
            draft.leave_out("rows without a role or parts");
            continue;
        }
        let mut row = line(meta, message);
        // The first tells of the session what is known.
        if std::mem::replace(&mut is_first, false) {
            let told = [
                ("project", Some(project)),
                ("title", meta.title.as_deref()),
                ("parent", meta.parent.as_deref()),
                ("relation", meta.relation.as_deref().filter(|_| meta.parent.is_some())),
            ];
            row.extend(told.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))));
        }
        lines.push(&Value::Object(row));
    }
}

fn line(meta: &SessionMeta, message: &Message) -> Map<String, Value> {
    let mut row = Map::new();
    let mut put = |name: &str, value: Option<Value>| row.extend(value.map(|value| (name.to_owned(), value)));
    let text = |text: &Option<String>| text.clone().map(Value::String);
    put("session", Some(Value::String(meta.id.clone())));
    put("message", Some(Value::String(message.id.clone())));
    put("at", message.at.map(|at| Value::String(at.rfc3339())));
    put("role", serde_json::to_value(message.role).ok());
    put("author", text(&message.author));
    put("model", text(&message.model));
    put("parts", serde_json::to_value(&message.parts).ok());
    row
}
