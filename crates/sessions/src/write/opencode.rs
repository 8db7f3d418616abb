//! opencode: one JSON file for each session, in the form that the client exports and imports.
//!
//! Its own store is a database that it migrates itself, so that the file is handed to it (`opencode import`). A call and its
//! answer are one part. The client orders messages and parts by their ids.

use super::draft::{Draft, DraftFile};
use super::names::{Names, step, word};
use super::steps::{Step, arguments, is_answer, is_put_in, quoted, started, steps, turns, with};
use super::{About, Lineage, SessionWriter, Whole};
use crate::environment::Environment;
use jay_types::Result;
use jay_types::session::{Part, Role};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

/// The version whose form this is.
const FORMAT: &str = "1.18.33";

/// The writer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opencode;

impl SessionWriter for Opencode {
    fn name(&self) -> &'static str {
        "opencode"
    }

    /// Beside its database, where it looks for nothing: the command hands the files to it.
    fn directory(&self, environment: &Environment) -> Result<PathBuf> {
        let data = environment.directory("XDG_DATA_HOME").unwrap_or_else(|| environment.in_home(&[".local", "share"]));
        Ok(environment.join(&data, &["opencode", "resumed"]))
    }

    fn is_documents(&self) -> bool {
        true
    }

    fn rebuild(&self, lineage: &Lineage, about: &About, draft: &mut Draft) -> Result<()> {
        if lineage.root.meta.client == self.name() && replay(lineage, draft) {
            return Ok(());
        }
        let mut ids: BTreeMap<&str, String> = BTreeMap::new();
        for whole in lineage.all() {
            let mut marks = Marks { names: &about.names, session: &whole.meta.id, last: 0 };
            let id = marks.next("ses");
            let parent = whole.meta.parent.as_deref().and_then(|parent| ids.get(parent)).cloned();
            let parent = parent.filter(|_| !ids.is_empty());
            let info = info(whole, about, &id, parent.as_deref());
            let messages = Messages { whole, about, session: &id, marks, out: Vec::new(), asked: None }.write(draft);
            draft.files.push(file(&id, &json!({"info": info, "messages": messages})));
            if ids.is_empty() {
                draft.session.clone_from(&id);
            }
            ids.insert(&whole.meta.id, id);
        }
        Ok(())
    }

    fn command(&self, session: &str, project: &str, paths: &[&Path]) -> String {
        let imports: Vec<String> =
            paths.iter().map(|path| format!("opencode import {}", quoted(&path.to_string_lossy()))).collect();
        format!("cd {} && {} && opencode --session {}", quoted(project), imports.join(" && "), quoted(session))
    }
}

fn file(id: &str, session: &Value) -> DraftFile {
    let path = PathBuf::from(format!("{}.json", step(id)));
    DraftFile { path, bytes: session.to_string().into_bytes(), is_shared: false }
}

/// Puts the client's own documents together again; false where they are not what is known of such documents.
fn replay(lineage: &Lineage, draft: &mut Draft) -> bool {
    let mut broken = 0;
    let sessions: Option<Vec<_>> = lineage.all().map(|whole| document(whole, &mut broken)).collect();
    let Some(sessions) = sessions else { return false };
    (0..broken).for_each(|_| draft.leave_out("pieces that are no JSON"));
    draft.files = sessions.iter().map(|(id, session)| file(id, session)).collect();
    draft.session = lineage.root.meta.id.clone();
    draft.is_native = true;
    true
}

/// A session's documents as one; counts those that are `broken`. Of each message the last that was said counts.
fn document(whole: &Whole, broken: &mut u64) -> Option<(String, Value)> {
    let (mut info, mut messages) = (None, BTreeMap::new());
    for row in whole.originals.iter().flat_map(|original| &original.rows) {
        let Ok(mut row) = serde_json::from_slice::<Value>(row) else {
            *broken += 1;
            continue;
        };
        let table = row.get("table")?.as_str()?.to_owned();
        let mut own = whole_row(row.get_mut("row")?.take())?;
        match table.as_str() {
            "session" => info = Some(session_info(own)),
            "message" => {
                let id = own.get("id")?.as_str()?.to_owned();
                let parts = row.get_mut("part").map(Value::take).unwrap_or_else(|| json!([]));
                let Value::Array(parts) = parts else { return None };
                let parts: Option<Vec<Value>> = parts.into_iter().map(whole_row).collect();
                let parts = parts?;
                own = with(own, "sessionID", whole.meta.id.clone());
                let marked = |part| with(with(part, "sessionID", whole.meta.id.clone()), "messageID", id.clone());
                let parts: Vec<Value> = parts.into_iter().map(marked).collect();
                messages.insert(id, json!({"info": own, "parts": parts}));
            }
            _ => {}
        }
    }
    let messages: Vec<Value> = messages.into_values().collect();
    Some((whole.meta.id.clone(), json!({"info": info?, "messages": messages})))
}

/// A row of the database with what its text column `data` holds; a file of the older tree is one already.
fn whole_row(row: Value) -> Option<Value> {
    let Value::Object(mut columns) = row else { return None };
    let Some(data) = columns.remove("data") else { return Some(Value::Object(columns)) };
    let Value::Object(mut fields) = serde_json::from_str(data.as_str()?).ok()? else { return None };
    fields.extend(columns.remove("id").map(|id| ("id".to_owned(), id)));
    Some(Value::Object(fields))
}

/// What the client says of a session outside its database, where some columns have other names.
fn session_info(row: Value) -> Value {
    let Value::Object(mut columns) = row else { return row };
    for (column, field) in [("parent_id", "parentID"), ("project_id", "projectID"), ("workspace_id", "workspaceID")] {
        let value = columns.remove(column).filter(|value| !value.is_null());
        columns.extend(value.map(|value| (field.to_owned(), value)));
    }
    let times = [("time_created", "created"), ("time_updated", "updated"), ("time_archived", "archived")];
    let times = times.map(|(column, field)| (field, columns.remove(column).filter(|value| !value.is_null())));
    let times: Map<String, Value> =
        times.into_iter().filter_map(|(field, value)| Some((field.to_owned(), value?))).collect();
    if !times.is_empty() {
        columns.insert("time".to_owned(), Value::Object(times));
    }
    columns.retain(|_, value| !value.is_null());
    // The client demands one since 1.2, and had none before.
    if let Some(id) = columns.get("id").cloned() {
        columns.entry("slug").or_insert(id);
    }
    Value::Object(columns)
}

/// Makes ids that sort in the order in which they are made, and before every one that the client makes itself.
///
/// The client begins an id with the time, in so few digits that they start over every two years. It takes a question for
/// answered where an answer has a greater id: ids that told of the times of old messages would let it answer nothing more.
struct Marks<'a> {
    names: &'a Names,
    session: &'a str,
    last: u64,
}

impl Marks<'_> {
    fn next(&mut self, kind: &str) -> String {
        self.last += 1;
        let rest = self.names.hex(&format!("{kind} {} {}", self.session, self.last), 14);
        format!("{kind}_{:012x}{rest}", self.last)
    }
}

fn info(whole: &Whole, about: &About, id: &str, parent: Option<&str>) -> Value {
    let created = started(whole, about.now).0 / 1000;
    let updated = whole.meta.ended_at.map_or(created, |at| at.0 / 1000);
    let title = whole.meta.title.clone().unwrap_or_else(|| format!("Resumed from {}", whole.meta.client));
    let slug = about.names.hex(&format!("slug {}", whole.meta.id), 12);
    let mut info = json!({"id": id, "slug": slug, "projectID": "global", "directory": about.project, "title": title,
        "version": FORMAT, "time": {"created": created, "updated": updated}});
    if let (Some(parent), Some(fields)) = (parent, info.as_object_mut()) {
        fields.insert("parentID".to_owned(), parent.into());
    }
    info
}

struct Messages<'a> {
    whole: &'a Whole,
    about: &'a About,
    session: &'a str,
    marks: Marks<'a>,
    out: Vec<Value>,
    /// The message that is being answered.
    asked: Option<String>,
}

impl<'a> Messages<'a> {
    fn write(mut self, draft: &mut Draft) -> Vec<Value> {
        let steps = steps(self.whole, self.about.now, draft);
        let mut answers: BTreeMap<&str, VecDeque<Step<'a>>> = BTreeMap::new();
        for step in &steps {
            if let Part::ToolResult { id, .. } = step.part {
                answers.entry(id).or_default().push_back(*step);
            }
        }
        for turn in turns(steps) {
            let Some(first) = turn.first() else { continue };
            // It stands with its call.
            if matches!(first.part, Part::ToolResult { .. }) {
                continue;
            }
            let id = self.marks.next("msg");
            let mut parts = Vec::new();
            for step in &turn {
                let Some(said) = part(step, &mut answers, draft) else { continue };
                let own = json!({"id": self.marks.next("prt"), "sessionID": self.session, "messageID": id});
                parts.push(joined(own, said));
            }
            if !parts.is_empty() {
                let info = self.info(first, &id);
                self.out.push(json!({"info": info, "parts": parts}));
            }
        }
        answers.values().flatten().for_each(|_| draft.leave_out("results"));
        self.out
    }

    fn info(&mut self, step: &Step<'_>, id: &str) -> Value {
        let at = step.at.0 / 1000;
        let agent = match &self.whole.meta.agent {
            Some(agent) if self.whole.meta.parent.is_some() => agent.as_str(),
            _ => "build",
        };
        let model = step.message.model.as_deref().unwrap_or("unknown");
        if !is_answer(step) && step.role != Role::Assistant {
            self.asked = Some(id.to_owned());
            return json!({"id": id, "sessionID": self.session, "role": "user", "time": {"created": at}, "agent": agent,
                "model": {"providerID": "unknown", "modelID": model}});
        }
        let asked = self.asked.as_deref().unwrap_or(id);
        let path = json!({"cwd": self.about.project, "root": self.about.project});
        let tokens = json!({"input": 0, "output": 0, "reasoning": 0, "cache": {"read": 0, "write": 0}});
        json!({"id": id, "sessionID": self.session, "role": "assistant", "time": {"created": at, "completed": at},
            "parentID": asked, "modelID": model, "providerID": "unknown", "mode": agent, "agent": agent, "path": path,
            "cost": 0, "tokens": tokens})
    }
}

fn joined(own: Value, said: Value) -> Value {
    match (own, said) {
        (Value::Object(mut own), Value::Object(said)) => {
            own.extend(said);
            Value::Object(own)
        }
        (_, said) => said,
    }
}

/// A step as a part; none for a file without an address.
fn part<'a>(step: &Step<'a>, answers: &mut BTreeMap<&'a str, VecDeque<Step<'a>>>, draft: &mut Draft) -> Option<Value> {
    let at = step.at.0 / 1000;
    Some(match step.part {
        Part::Text { text, .. } if is_put_in(step) => json!({"type": "text", "text": text, "synthetic": true}),
        Part::Text { text, .. } => json!({"type": "text", "text": text}),
        Part::Reasoning { text } => json!({"type": "reasoning", "text": text, "time": {"start": at, "end": at}}),
        Part::ToolCall { id, name, input } => {
            let answer = answers.get_mut(id.as_str()).and_then(VecDeque::pop_front);
            json!({"type": "tool", "callID": word(id), "tool": word(name), "state": state(at, input, answer.as_ref())})
        }
        Part::File { name, media_type, uri } => {
            let Some(uri) = uri else {
                draft.leave_out("files");
                return None;
            };
            let media_type = media_type.as_deref().unwrap_or("application/octet-stream");
            let name = name.as_deref().unwrap_or("file");
            json!({"type": "file", "mime": media_type, "filename": name, "url": uri})
        }
        Part::ToolResult { .. } => return None,
    })
}

/// How a call stands, with its answer.
fn state(at: i64, input: &Value, answer: Option<&Step<'_>>) -> Value {
    let input = arguments(input);
    let Some((answer, Part::ToolResult { output, is_error, .. })) = answer.map(|answer| (answer, answer.part)) else {
        return json!({"status": "pending", "input": input, "raw": ""});
    };
    let time = json!({"start": at, "end": answer.at.0 / 1000});
    if *is_error {
        return json!({"status": "error", "input": input, "error": output, "time": time});
    }
    json!({"status": "completed", "input": input, "output": output, "title": "", "metadata": {}, "time": time})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write::Lineage;

    #[test]
    fn what_is_asked_later_stands_behind_everything() {
        let names = Names::of("opencode", &Lineage::default(), "/p");
        let mut marks = Marks { names: &names, session: "s", last: 0 };
        let made: Vec<String> = (0..5000).map(|_| marks.next("msg")).collect();
        assert!(made.is_sorted() && made.iter().all(|id| id.len() == "msg_".len() + 26));
        // The client's own id one second after its count of time began anew.
        let own = format!("msg_{:012x}", 1000_u64 << 12);
        assert!(made.iter().all(|id| *id < own));
    }
}
