//! The first form of Kiro's command line: `data.sqlite3`, in which a conversation is one JSON document.
//!
//! It stands in `conversations_v2(key, conversation_id, value, …)`, and before in `conversations(key, value)`; the key is the
//! directory. The document is rewritten at each turn and forgets its oldest turns, so each turn is a document by what it
//! says: one that was read is not read again wherever it stands then. What the client shows on the screen (`transcript`)
//! is cut at its elements for the same reason.
//!
//! **Invariant:** the documents of a conversation hold every value of its rows. A message has an id that does not hang on its
//! place.

use crate::adapter::RowParser;
use crate::calls::{Call, Calls};
use crate::cursor::FileStamp;
use crate::database::{Database, Filter, Record, Select};
use crate::discover::{Discovery, Source};
use crate::documents::{Document, Documents};
use crate::json::{self, Fields};
use crate::key::{content_hash, said_hash};
use crate::said;
use crate::sink::Sink;
use jay_types::session::{Message, Part, Role};
use jay_types::{Result, Timestamp};
use rusqlite::types::Value as Stored;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

/// What a database is called.
pub(super) const FILE: &str = "data.sqlite3";

const TABLE: &str = "conversations_v2";
const OLD_TABLE: &str = "conversations";

/// The field of what was sent and has no answer yet.
const NEXT: &str = "next_message";
/// Fields of a conversation whose elements are documents.
const LISTS: [&str; 2] = ["history", "transcript"];
/// Fields that say nothing in the conversation.
const SILENT: [&str; 15] = [
    "conversation_id",
    "transcript",
    "tools",
    "context_manager",
    "context_message_length",
    "latest_summary",
    "valid_history_range",
    "model",
    "model_info",
    "file_line_tracker",
    "checkpoint_manager",
    "mcp_enabled",
    "user_turn_metadata",
    "code_intelligence_client",
    "tangent_state",
];

/// What the client says for the person who stopped a tool.
const INTERRUPTED: &str = "The user interrupted the tool execution.";

/// Puts every conversation of a database into the discovery.
pub(super) fn sources(path: &Path, discovery: &mut Discovery) {
    let found = Database::open(path).and_then(|database| {
        let mut found = new_sources(path, &database)?;
        found.extend(old_sources(path, &database)?);
        Ok(found)
    });
    match found {
        Ok(found) => discovery.sources.extend(found),
        Err(error) => discovery.problem(path, error.message),
    }
}

fn source(path: &Path, table: &str, (session, within): (String, &str), stamp: FileStamp) -> Source {
    let within = Some(format!("{table}/{within}"));
    Source { client: super::NAME.to_owned(), path: path.to_path_buf(), within, session, stamp, ..Source::default() }
}

/// A conversation can have gone on in several directories: it is one source.
fn new_sources(path: &Path, database: &Database) -> Result<Vec<Source>> {
    let columns = ["key", "conversation_id", "created_at", "updated_at", "#value"];
    let all = Select { table: TABLE, columns: &columns, filter: Filter::All, order: &["updated_at", "key"] };
    let mut found: BTreeMap<String, (FileStamp, Vec<u8>)> = BTreeMap::new();
    database.each(&all, |row| {
        let Some(id) = row.text("conversation_id") else { return Ok(()) };
        let (stamp, seen) = found.entry(id).or_default();
        let bytes = row.integer("value").unwrap_or(0);
        stamp.size_bytes += u64::try_from(bytes).unwrap_or(0);
        stamp.modified = stamp.modified.max(Some(millis(&row, "updated_at").unwrap_or(Timestamp(0))));
        seen.extend_from_slice(row.json().to_string().as_bytes());
        Ok(())
    })?;
    let with_mark = |(stamp, seen): (FileStamp, Vec<u8>)| FileStamp { inode: mark(&seen), ..stamp };
    Ok(found.into_iter().map(|(id, seen)| source(path, TABLE, (id.clone(), &id), with_mark(seen))).collect())
}

/// The older table tells neither id nor time beside the document.
fn old_sources(path: &Path, database: &Database) -> Result<Vec<Source>> {
    let all = Select { table: OLD_TABLE, columns: &["key", "value"], filter: Filter::All, order: &["key"] };
    let mut found = Vec::new();
    database.each(&all, |row| {
        let (Some(key), Some(value)) = (row.text("key"), row.bytes("value")) else { return Ok(()) };
        let told = std::str::from_utf8(value).ok().and_then(Fields::parse);
        let told = told.and_then(|fields| fields.word("conversation_id"));
        let session = told.unwrap_or_else(|| short(&[key.as_bytes()]));
        let size_bytes = u64::try_from(value.len()).unwrap_or(u64::MAX);
        let stamp = FileStamp { size_bytes, modified: Some(Timestamp(0)), inode: mark(value) };
        found.push(source(path, OLD_TABLE, (session, &key), stamp));
        Ok(())
    })?;
    Ok(found)
}

fn mark(seen: &[u8]) -> Option<u64> {
    content_hash(&[seen]).0.first_chunk().map(|first| u64::from_le_bytes(*first))
}

fn short(fields: &[&[u8]]) -> String {
    content_hash(fields).0.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn millis(row: &Record, column: &str) -> Option<Timestamp> {
    row.integer(column)?.checked_mul(1000).map(Timestamp)
}

/// The documents of a conversation: of each of its rows the other columns, then what its document holds.
pub(super) fn documents(source: &Source) -> Result<Box<dyn Documents>> {
    let database = Database::open(&source.path)?;
    let (table, within) = source.within.as_deref().and_then(|within| within.split_once('/')).unwrap_or((TABLE, ""));
    let (table, column) = if table == OLD_TABLE { (OLD_TABLE, "key") } else { (TABLE, "conversation_id") };
    let wanted = Stored::Text(within.to_owned());
    let all = |columns, order| Select { table, columns, filter: Filter::Equal(column, &wanted), order };
    // To order rows SQLite holds them several times over, and a document can be long: a conversation is mostly one row.
    let is_one = database.rows(&all(&["key"], &[]))?.len() == 1;
    let rows = database.rows(&all(&[], if is_one { &[] } else { &["updated_at", "key"] }))?;
    let mut waiting = VecDeque::new();
    for mut row in rows {
        let value = row.remove("value");
        // The older table holds one conversation of a directory, whose place the next one takes: what both hold is of each.
        let of = if table == OLD_TABLE { format!("{}\0", source.session) } else { String::new() };
        let key = of + &row.text("key").unwrap_or_default();
        let line = serde_json::json!({ "table": table, "row": row.json() }).to_string();
        waiting.push_back(document(&format!("{key}\0row"), line));
        match value {
            Some(Stored::Text(text)) => cut(&key, &text, &mut waiting),
            Some(Stored::Blob(bytes)) => match String::from_utf8(bytes) {
                Ok(text) => cut(&key, &text, &mut waiting),
                Err(error) => {
                    let bytes = error.into_bytes();
                    waiting.push_back(Document { key: key.into_bytes(), bytes, is_fragment: false });
                }
            },
            _ => {}
        }
    }
    Ok(Box::new(Conversation { waiting }))
}

fn document(key: &str, line: String) -> Document {
    Document { key: key.as_bytes().to_vec(), bytes: line.into_bytes(), is_fragment: false }
}

/// A conversation's document, field by field and its lists element by element; one that is no object as it stands.
fn cut(key: &str, value: &str, waiting: &mut VecDeque<Document>) {
    let Some(fields) = Fields::parse(value) else {
        waiting.push_back(document(&format!("{key}\0value"), value.to_owned()));
        return;
    };
    let line = |name: &str, raw: &RawValue| format!("{{{}:{}}}", Value::from(name), raw.get());
    let mut equal: BTreeMap<String, u64> = BTreeMap::new();
    // What was sent last and has no answer stands before all that was.
    let (last, fields): (Vec<_>, Vec<_>) = fields.iter().partition(|(name, _)| *name == NEXT);
    for (name, raw) in fields.into_iter().chain(last) {
        let elements = match json::array(raw) {
            Some(elements) if LISTS.contains(&name) && !elements.is_empty() => elements,
            // Another question is another document, which stands behind all that was said before.
            _ if name == NEXT => vec![raw],
            _ => {
                waiting.push_back(document(&format!("{key}\0{name}"), line(name, raw)));
                continue;
            }
        };
        for element in elements {
            let known_by = format!("{key}\0{name}\0{}", short(&[element.get().as_bytes()]));
            let before = equal.entry(known_by.clone()).or_default();
            waiting.push_back(document(&format!("{known_by}\0{before}"), line(name, element)));
            *before += 1;
        }
    }
}

struct Conversation {
    waiting: VecDeque<Document>,
}

impl Documents for Conversation {
    fn next(&mut self, _: usize) -> Result<Option<Document>> {
        Ok(self.waiting.pop_front())
    }

    fn forgets(&self) -> bool {
        true
    }
}

/// A parser of these documents.
pub(super) fn parser(source: &Source, state: Option<&Value>) -> Box<dyn RowParser> {
    let calls = state.and_then(|state| serde_json::from_value(state.clone()).ok()).unwrap_or_default();
    Box::new(Parser { session: source.session.clone(), calls })
}

struct Parser {
    session: String,
    calls: Calls,
}

impl RowParser for Parser {
    fn row(&mut self, row: &[u8], sink: &mut Sink<'_>) {
        let fields = std::str::from_utf8(row).ok().and_then(Fields::parse);
        let before = sink.collected.messages.len();
        match fields {
            Some(fields) => self.document(&fields, sink),
            None => sink.unknown("(not an object)"),
        }
        if sink.collected.messages.len() == before {
            sink.carrier(&self.session, None, None, content_hash(&[row]));
        }
    }

    fn state(&self) -> Value {
        serde_json::to_value(&self.calls).unwrap_or_default()
    }
}

impl Parser {
    fn document(&mut self, fields: &Fields<'_>, sink: &mut Sink<'_>) {
        if fields.text("table").is_some() {
            return self.about(&fields.object("row").unwrap_or_default(), sink);
        }
        let Some((name, raw)) = fields.single() else { return sink.unknown("(no field)") };
        match name {
            "history" => self.turn(raw, sink),
            NEXT if raw.get() == "null" => {}
            NEXT => match json::object(raw) {
                Some(user) => self.user(&user, raw, "", sink),
                None => sink.unknown(NEXT),
            },
            _ if SILENT.contains(&name) => {}
            _ => sink.unknown(&format!("field:{name}")),
        }
    }

    fn about(&self, row: &Fields<'_>, sink: &mut Sink<'_>) {
        let meta = sink.session(&self.session);
        meta.project = row.word("key").or_else(|| meta.project.take());
        for at in [row.time("created_at"), row.time("updated_at")].into_iter().flatten() {
            meta.saw(at);
        }
    }

    /// `{user, assistant, request_metadata}`, and before `[user, assistant]`.
    fn turn(&mut self, raw: &RawValue, sink: &mut Sink<'_>) {
        let (user, assistant, metadata) = match json::object(raw) {
            Some(turn) => {
                (turn.get("user"), turn.get("assistant"), turn.object("request_metadata").unwrap_or_default())
            }
            None => {
                let pair = json::array(raw).unwrap_or_default();
                (pair.first().copied(), pair.get(1).copied(), Fields::default())
            }
        };
        let answer = assistant.and_then(json::object).unwrap_or_default();
        let (kind, answer) = match answer.single() {
            Some((kind, raw)) => (kind.to_owned(), json::object(raw).unwrap_or_default()),
            None => (String::new(), answer),
        };
        let answer_id = answer.word("message_id").or_else(|| metadata.word("message_id"));
        match user.and_then(|raw| Some((json::object(raw)?, raw))) {
            Some((user, raw)) => self.user(&user, raw, answer_id.as_deref().unwrap_or_default(), sink),
            None => sink.unknown("turn without a user"),
        }
        if !matches!(kind.as_str(), "Response" | "ToolUse") {
            return sink.unknown(&format!("assistant:{}", if kind.is_empty() { "(none)" } else { &kind }));
        }
        let mut parts = thinking(&answer, sink);
        parts.extend(answer.text("content").filter(|text| !text.is_empty()).map(said::said));
        for call in answer.get("tool_uses").and_then(json::array).unwrap_or_default() {
            let part = json::object(call).and_then(|call| self.call(&call, sink));
            match part {
                Some(part) => parts.push(part),
                None => sink.unknown("tool use without a name"),
            }
        }
        let at = metadata.time("stream_end_timestamp_ms").or_else(|| metadata.time("request_start_timestamp_ms"));
        let raw = assistant.map(|raw| raw.get().as_bytes()).unwrap_or_default();
        let id = answer_id.unwrap_or_else(|| short(&[raw]));
        self.say((id, Role::Assistant, at), metadata.word("model_id"), parts, sink);
    }

    fn call(&mut self, call: &Fields<'_>, sink: &Sink<'_>) -> Option<Part> {
        let (id, name) = (call.word("id")?, call.word("orig_name").or_else(|| call.word("name"))?);
        self.calls.open(&id, Call { name: name.clone(), line: sink.line(), ..Call::default() });
        let input = call.get("orig_args").or_else(|| call.get("args"));
        Some(Part::ToolCall { id, name, input: input.map_or(Value::Null, json::given) })
    }

    /// What a person said, or tools answered, or both. `answer` tells two prompts apart that have no time and say the same.
    fn user(&mut self, user: &Fields<'_>, raw: &RawValue, answer: &str, sink: &mut Sink<'_>) {
        let at = user.time("timestamp");
        let content = user.object("content").unwrap_or_default();
        let (kind, content) = match content.single() {
            Some((kind, raw)) => (kind.to_owned(), json::object(raw).unwrap_or_default()),
            None => (String::new(), Fields::default()),
        };
        if !matches!(kind.as_str(), "Prompt" | "ToolUseResults" | "CancelledToolUses") {
            sink.unknown(&format!("content:{}", if kind.is_empty() { "(none)" } else { &kind }));
        }
        let is_alone = kind == "Prompt" && at.is_none();
        let id = short(&[raw.get().as_bytes(), if is_alone { answer.as_bytes() } else { b"" }]);
        let mut results = Vec::new();
        for result in content.get("tool_use_results").and_then(json::array).unwrap_or_default() {
            match json::object(result).and_then(|result| self.result(&result)) {
                Some(part) => results.push(part),
                None => sink.unknown("tool result without an id"),
            }
        }
        if !results.is_empty() {
            self.say((format!("{id}/results"), Role::Tool, at), None, results, sink);
        }
        let mut parts = Vec::new();
        parts.extend(user.word("additional_context").map(said::injected));
        let prompt = content.text("prompt").filter(|text| !text.is_empty());
        parts.extend(prompt.map(|text| Part::Text { provenance: said::provenance(&text, &[INTERRUPTED]), text }));
        for image in user.get("images").and_then(json::array).unwrap_or_default() {
            let format = json::object(image).and_then(|image| image.word("format"));
            let media_type = format.map(|format| format!("image/{}", format.to_lowercase()));
            parts.push(Part::File { name: None, media_type, uri: None });
        }
        self.say((id, Role::User, at), None, parts, sink);
    }

    /// An answer: texts as they are, what is JSON as it was written.
    fn result(&mut self, result: &Fields<'_>) -> Option<Part> {
        let id = result.word("tool_use_id")?;
        let name = self.calls.close(&id).map(|call| call.name);
        let blocks = result.get("content").and_then(json::array).unwrap_or_default();
        let words = |block: &&RawValue| {
            let fields = json::object(block)?;
            fields.single().map(|(_, raw)| json::text(raw).unwrap_or_else(|| raw.get().to_owned()))
        };
        let output = blocks.iter().map(|block| words(block).unwrap_or_else(|| block.get().to_owned()));
        let output = output.collect::<Vec<_>>().join("\n");
        let is_error = result.text("status").is_some_and(|status| status.eq_ignore_ascii_case("error"));
        Some(Part::ToolResult { id, name, output, is_error })
    }

    fn say(
        &self,
        (id, role, at): (String, Role, Option<Timestamp>),
        model: Option<String>,
        parts: Vec<Part>,
        sink: &mut Sink<'_>,
    ) {
        if parts.is_empty() {
            return;
        }
        if let Some(at) = at {
            sink.session(&self.session).saw(at);
        }
        let hash = said_hash(Some(role), &parts);
        let message = Message { id, role: Some(role), author: None, at, model, parts, row: 0 };
        sink.message(&self.session, hash, message);
    }
}

/// The model's thoughts, where they are told.
fn thinking(answer: &Fields<'_>, sink: &mut Sink<'_>) -> Vec<Part> {
    let Some(raw) = answer.get("thinking") else { return Vec::new() };
    let fields = json::object(raw).unwrap_or_default();
    let inner = fields.single().and_then(|(_, raw)| json::object(raw)).unwrap_or_default();
    let text = json::text(raw).or_else(|| fields.text("text")).or_else(|| inner.text("text"));
    if text.is_none() {
        sink.unknown("thinking");
    }
    text.map(|text| Part::Reasoning { text }).into_iter().collect()
}
