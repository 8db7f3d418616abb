//! Gemini CLI: `tmp/<project>/chats/session-<time>-<id>.jsonl` under its home; subagents in a directory named after
//! their parent.
//!
//! A file begins with what is known of the session; `$set` rows correct it, and `$rewindTo` takes messages out of the
//! conversation, which stay in the archive. A message that grew is written again under its id: what it says anew is
//! told under the same id. Answers of tools stand in the row of their calls and become messages of their own.

use crate::discover::{self, Source};
use crate::environment::Environment;
use crate::google;
use crate::json::{self, Fields};
use crate::key::{content_hash, line_id};
use crate::lines::{JsonLines, Known, Reading, Row, parser};
use crate::said;
use crate::sink::Sink;
use crate::told::Told;
use jay_types::Hash;
use jay_types::session::{Message, Part, Provenance, Role};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The adapter.
pub const GEMINI_CLI: JsonLines = JsonLines {
    name: "gemini-cli",
    version: 1,
    roots,
    hidden: &[],
    is_session: |path| discover::is_jsonl(path) && discover::above(path, "chats").is_some(),
    describe,
    parser: parser::<Gemini>,
};

/// How a text begins that the client put in a person's mouth.
const INJECTED_PREFIXES: [&str; 5] = [
    "<session_context>",
    "<hook_context>",
    "<state_snapshot>",
    "This is the Gemini CLI. We are setting up the context",
    "--- Content from referenced files ---",
];

fn roots(environment: &Environment) -> Vec<PathBuf> {
    let home = environment.directory("GEMINI_CLI_HOME").unwrap_or_else(|| environment.home.clone());
    vec![environment.join(&home, &[".gemini", "tmp"])]
}

fn describe(source: &mut Source) {
    let path = source.path.clone();
    if let Some(id) = discover::first_object(&path, |fields| fields.word("sessionId")) {
        source.session = id;
    }
    let Some(chats) = discover::above(&path, "chats") else { return };
    if let Some(parent) = path.parent().filter(|parent| *parent != chats).and_then(Path::file_name) {
        source.parent = Some(parent.to_string_lossy().into_owned());
        source.relation = Some("subagent".to_owned());
        source.agent = Some("subagent".to_owned());
    }
    source.project = chats.parent().and_then(project);
}

/// The project whose files lie in `directory`: it says so itself, or the list of projects does.
fn project(directory: &Path) -> Option<String> {
    let own = discover::peek(&directory.join(".project_root")).map(|text| text.trim().to_owned());
    own.filter(|own| !own.is_empty()).or_else(|| {
        let list = discover::peek(&directory.parent()?.parent()?.join("projects.json"))?;
        let list: serde_json::Value = serde_json::from_str(&list).ok()?;
        let name = directory.file_name()?.to_str()?;
        let projects = list.get("projects")?.as_object()?;
        projects.iter().find(|(_, short)| short.as_str() == Some(name)).map(|(path, _)| path.clone())
    })
}

/// What is remembered between rows.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Gemini {
    told: Told,
}

impl Reading for Gemini {
    fn read(&mut self, row: &Row<'_>, known: &mut Known, sink: &mut Sink<'_>) {
        if !row.kind.is_empty() {
            self.message(row, &row.fields, row.hash, known, sink);
        } else if let Some(set) = row.fields.object("$set") {
            session(row, &set, sink);
            for item in set.get("messages").and_then(json::array).unwrap_or_default() {
                if let Some(fields) = json::object(item) {
                    self.message(row, &fields, content_hash(&[item.get().as_bytes()]), known, sink);
                }
            }
        } else if row.fields.get("sessionId").is_some() {
            session(row, &row.fields, sink);
        } else if row.fields.get("$rewindTo").is_none() {
            row.leave(&[], sink);
        }
    }
}

/// What a row tells of its session.
fn session(row: &Row<'_>, fields: &Fields<'_>, sink: &mut Sink<'_>) {
    let meta = sink.session(&row.source.session);
    for at in [fields.time("startTime"), fields.time("lastUpdated")].into_iter().flatten() {
        meta.saw(at);
    }
    meta.title = fields.word("summary").or_else(|| meta.title.take());
    if fields.text("kind").is_some_and(|kind| kind == "subagent") {
        meta.agent = Some("subagent".to_owned());
    }
}

impl Gemini {
    fn message(&mut self, row: &Row<'_>, fields: &Fields<'_>, hash: Hash, known: &mut Known, sink: &mut Sink<'_>) {
        let role = match fields.text("type").as_deref() {
            Some("user") => Role::User,
            Some("gemini" | "model") => Role::Assistant,
            Some("info" | "error" | "warning") => Role::System,
            kind => {
                sink.unknown(kind.unwrap_or("(no type)"));
                return;
            }
        };
        let session = &row.source.session;
        let id = fields.word("id").unwrap_or_else(|| line_id(session, sink.line()));
        let mut parts = thoughts(fields);
        parts.extend(content(role, fields, known, sink));
        let calls = fields.get("toolCalls").and_then(json::array).unwrap_or_default();
        let calls: Vec<_> = calls.into_iter().filter_map(json::object).collect();
        let mut answers = Vec::new();
        for (place, call) in calls.iter().enumerate() {
            let input = call.get("args").map_or(serde_json::Value::Null, json::value);
            let Some(part) = google::call(call, input, &mut known.calls, sink, place) else {
                sink.unknown("tool call without a name");
                continue;
            };
            answers.extend(answer(call, &part));
            parts.push(part);
        }
        parts.extend(answers);
        let mut parts = self.told.fresh(&id, parts);
        let answers = parts.iter().position(|part| matches!(part, Part::ToolResult { .. })).unwrap_or(parts.len());
        let answers = parts.split_off(answers);
        let model = fields.word("model").filter(|_| role == Role::Assistant);
        let at = fields.time("timestamp");
        if !parts.is_empty() {
            let id = id.clone();
            let message = Message { id, role: Some(role), author: None, at, model, parts, row: 0 };
            sink.message(session, hash, message);
        }
        for answer in answers {
            let Part::ToolResult { id: call, .. } = &answer else { continue };
            let (id, role) = (format!("{id}/{call}"), Some(Role::Tool));
            let message = Message { id, role, author: None, at, model: None, parts: vec![answer], row: 0 };
            sink.message(session, hash, message);
        }
    }
}

/// The model's thoughts `{subject, description}`.
fn thoughts(fields: &Fields<'_>) -> Vec<Part> {
    let thoughts = fields.get("thoughts").and_then(json::array).unwrap_or_default();
    let words = |thought: Fields<'_>| {
        let words: Vec<_> = ["subject", "description"].iter().filter_map(|name| thought.word(name)).collect();
        words.join("\n")
    };
    thoughts.into_iter().filter_map(json::object).map(|thought| Part::Reasoning { text: words(thought) }).collect()
}

/// What was said. `displayContent` is what the person typed, where more than that was sent to the model.
fn content(role: Role, fields: &Fields<'_>, known: &mut Known, sink: &mut Sink<'_>) -> Vec<Part> {
    let mut read = |name: &str, provenance: &dyn Fn(&str) -> Provenance| {
        fields.get(name).map(|list| google::parts(list, &mut known.calls, sink, provenance))
    };
    let typed = read("displayContent", &|_| Provenance::Conversational);
    let sent = read("content", &|text| match role {
        Role::User => said::provenance(text, &INJECTED_PREFIXES),
        Role::System => Provenance::Injected,
        Role::Assistant | Role::Tool => Provenance::Conversational,
    });
    let sent = sent.unwrap_or_default();
    let mut parts = match typed {
        Some(typed) => google::expanded(typed, sent),
        None => sent,
    };
    // An answer that only calls tools has an empty text.
    parts.retain(|part| !matches!(part, Part::Text { text, .. } if text.is_empty()));
    parts
}

/// The answer that stands beside a call, once there is one.
fn answer(fields: &Fields<'_>, call: &Part) -> Option<Part> {
    let Part::ToolCall { id, name, .. } = call else { return None };
    let status = fields.text("status").unwrap_or_default();
    let mut outputs = Vec::new();
    let mut is_error = status == "error";
    for item in fields.get("result").map(|result| json::array(result).unwrap_or_else(|| vec![result]))? {
        let item_fields = json::object(item).unwrap_or_default();
        if let Some(response) = item_fields.object("functionResponse") {
            let (output, failed) = google::answer(&response);
            is_error |= failed;
            outputs.push(output);
        } else {
            let text = json::text(item).or_else(|| item_fields.text("text"));
            outputs.push(text.unwrap_or_else(|| item.get().to_owned()));
        }
    }
    let output = outputs.join("\n");
    Some(Part::ToolResult { id: id.clone(), name: Some(name.clone()), output, is_error })
}
