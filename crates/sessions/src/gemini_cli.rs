//! Gemini CLI: `tmp/<project>/chats/session-<time>-<id>.jsonl` under its home; subagents in a directory named after
//! their parent. Older versions write `session-<time>-<id>.json` whole instead.
//!
//! A file begins with what is known of the session; `$set` rows correct it, and `$rewindTo` takes messages out of the
//! conversation, which stay in the archive. A message that grew is written again under its id: what it says anew is
//! told under the same id. Answers of tools stand in the row of their calls and become messages of their own.
//!
//! A file that is written whole is one object; it is cut at its `messages`, so that of a message that grew the later
//! wording takes the place of the earlier. Where a session has both files, that of lines is read and the other is not.

use crate::adapter::RowParser;
use crate::discover::{self, Discovery, Source};
use crate::documents::Documents;
use crate::environment::Environment;
use crate::forms::{Forms, Other};
use crate::google;
use crate::json::{self, Fields};
use crate::key::{content_hash, line_id};
use crate::lines::{JsonLines, Known, Reading, Row, parser};
use crate::said;
use crate::sink::Sink;
use crate::splitter::{self, Piece, Shape};
use crate::told::Told;
use jay_types::session::{Message, Part, Provenance, Role};
use jay_types::{Hash, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

/// The adapter.
pub const GEMINI_CLI: Forms = Forms {
    lines: JsonLines {
        name: "gemini-cli",
        version: 1,
        roots,
        hidden: &[],
        is_session: |path| discover::is_jsonl(path) && discover::above(path, "chats").is_some(),
        describe,
        parser: parser::<Gemini>,
    },
    other: Other { is_source, is_form, sources, ids_agree: true, documents, parser: whole },
};

/// Where the messages of a file that is written whole stand.
const SHAPE: Shape = Shape { is_many: false, key: Some("messages") };
/// Bytes of what stands before the messages that are looked into.
const HEAD_BYTES: usize = 64 << 10;

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

fn is_form(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "json")
}

/// What else a project's directory holds, as `logs.json` and `checkpoint-*.json`, is none.
fn is_source(path: &Path) -> bool {
    let is_named = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("session-"));
    is_form(path) && is_named && discover::above(path, "chats").is_some()
}

fn sources(path: &Path, discovery: &mut Discovery) {
    let Some(stamp) = discover::stamp(path, discovery) else { return };
    let (client, session) = (GEMINI_CLI.lines.name.to_owned(), discover::stem(path));
    let mut source = Source { client, path: path.to_path_buf(), session, stamp, ..Source::default() };
    if let Some(id) = head(path) {
        source.session = id;
    }
    place(&mut source);
    discovery.sources.push(source);
}

/// The id that stands before the messages of a file that is written whole.
fn head(path: &Path) -> Option<String> {
    let head = splitter::open(path, SHAPE).and_then(|mut pieces| pieces.next(HEAD_BYTES)).ok()??;
    let Piece::Around(fields) = SHAPE.read(&head.bytes) else { return None };
    Fields::parse(&fields)?.word("sessionId")
}

fn documents(source: &Source) -> Result<Box<dyn Documents>> {
    splitter::open(&source.path, SHAPE)
}

fn describe(source: &mut Source) {
    if let Some(id) = discover::first_object(&source.path, |fields| fields.word("sessionId")) {
        source.session = id;
    }
    place(source);
}

/// What a file's place tells.
fn place(source: &mut Source) {
    let path = source.path.clone();
    let Some(chats) = discover::above(&path, "chats") else { return };
    if let Some(parent) = path.parent().filter(|parent| *parent != chats).and_then(Path::file_name) {
        source.parent = Some(parent.to_string_lossy().into_owned());
        source.relation = Some("subagent".to_owned());
        source.agent = Some("subagent".to_owned());
    }
    source.project = chats.parent().and_then(project);
}

/// The project whose files lie in `directory`: it says so itself, or the list of projects does. Older versions call the
/// directory by the SHA-256 of the project's path.
fn project(directory: &Path) -> Option<String> {
    let own = discover::peek(&directory.join(".project_root")).map(|text| text.trim().to_owned());
    own.filter(|own| !own.is_empty()).or_else(|| {
        let list = discover::peek(&directory.parent()?.parent()?.join("projects.json"))?;
        let list: serde_json::Value = serde_json::from_str(&list).ok()?;
        let name = directory.file_name()?.to_str()?;
        let projects = list.get("projects")?.as_object()?;
        let is_named = |path: &str, short: &Value| short.as_str() == Some(name) || hash(path) == name;
        projects.iter().find(|(path, short)| is_named(path, short)).map(|(path, _)| path.clone())
    })
}

fn hash(path: &str) -> String {
    Sha256::digest(path.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is remembered between rows.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Gemini {
    told: Told,
}

/// Takes of a message what it has not told yet, or all.
type Fresh<'a> = &'a mut dyn FnMut(&str, Vec<Part>) -> Vec<Part>;

impl Reading for Gemini {
    fn read(&mut self, row: &Row<'_>, known: &mut Known, sink: &mut Sink<'_>) {
        let mut fresh = |id: &str, parts: Vec<Part>| self.told.fresh(id, parts);
        if !row.kind.is_empty() {
            message(row, &row.fields, row.hash, (known, &mut fresh), sink);
        } else if let Some(set) = row.fields.object("$set") {
            session(row, &set, sink);
            for item in set.get("messages").and_then(json::array).unwrap_or_default() {
                if let Some(fields) = json::object(item) {
                    message(row, &fields, content_hash(&[item.get().as_bytes()]), (known, &mut fresh), sink);
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

fn message(
    row: &Row<'_>,
    fields: &Fields<'_>,
    hash: Hash,
    (known, fresh): (&mut Known, Fresh<'_>),
    sink: &mut Sink<'_>,
) {
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
    let mut parts = fresh(&id, parts);
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

/// Fields that stand beside the messages of a file that is written whole.
const BESIDE: [&str; 7] = ["sessionId", "projectHash", "startTime", "lastUpdated", "messages", "summary", "kind"];

/// A row of a file that is written whole: a message, or what stands around them all.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Whole {}

impl Reading for Whole {
    fn read(&mut self, row: &Row<'_>, known: &mut Known, sink: &mut Sink<'_>) {
        let is_beside = BESIDE.iter().any(|name| row.fields.get(name).is_some());
        if row.kind.is_empty() && is_beside {
            session(row, &row.fields, sink);
        } else if row.kind.is_empty() {
            row.leave(&[], sink);
        } else {
            message(row, &row.fields, row.hash, (known, &mut |_: &str, parts| parts), sink);
        }
    }
}

/// Takes the pieces of a file that is written whole for rows.
struct Pieces {
    session: String,
    rows: Box<dyn RowParser>,
}

fn whole(source: &Source, state: Option<&Value>) -> Box<dyn RowParser> {
    Box::new(Pieces { session: source.session.clone(), rows: parser::<Whole>(source, state) })
}

impl RowParser for Pieces {
    fn row(&mut self, row: &[u8], sink: &mut Sink<'_>) {
        match SHAPE.read(row) {
            Piece::Element(element) => self.rows.row(element.as_bytes(), sink),
            Piece::Around(fields) if fields != "{}" => self.rows.row(fields.as_bytes(), sink),
            Piece::Around(_) | Piece::Bracket => sink.carrier(&self.session, None, None, content_hash(&[row])),
            Piece::Other => self.rows.row(row, sink),
        }
    }

    fn state(&self) -> Value {
        self.rows.state()
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
