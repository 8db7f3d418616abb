//! What opencode's documents say: sessions, and messages with their parts.
//!
//! A part of kind `tool` holds a call and its answer; the answer becomes a message of its own, as other clients have
//! it.

use crate::adapter::RowParser;
use crate::discover::Source;
use crate::json::{self, Fields};
use crate::key::{line_id, said_hash};
use crate::sink::Sink;
use jay_types::Timestamp;
use jay_types::session::{Message, Part, Provenance, Role};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// Kinds of parts that say nothing in the conversation.
const SILENT_PARTS: [&str; 7] = ["step-start", "step-finish", "snapshot", "patch", "retry", "compaction", "agent"];

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
}

pub(super) struct Parser {
    source: Source,
    state: State,
}

impl Parser {
    pub(super) fn new(source: &Source, state: Option<&Value>) -> Self {
        let state = state.and_then(|state| serde_json::from_value(state.clone()).ok()).unwrap_or_default();
        Self { source: source.clone(), state }
    }
}

/// A row's own fields: the text column `data` of a database holds those that it has no columns for.
struct Row<'a> {
    columns: &'a Fields<'a>,
    data: Fields<'a>,
}

impl<'a> Row<'a> {
    fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.data.get(name).or_else(|| self.columns.get(name))
    }

    fn word(&self, name: &str) -> Option<String> {
        self.get(name).and_then(json::text).filter(|text| !text.trim().is_empty())
    }

    fn object(&self, name: &str) -> Fields<'a> {
        self.get(name).and_then(json::object).unwrap_or_default()
    }
}

impl RowParser for Parser {
    fn row(&mut self, row: &[u8], sink: &mut Sink<'_>) {
        let fields = std::str::from_utf8(row).ok().and_then(Fields::parse);
        let Some(fields) = fields else { return self.carrier("(not an object)", row, sink) };
        let columns = fields.object("row");
        match (fields.text("table").as_deref(), columns) {
            (Some("session"), Some(columns)) => {
                self.session(&columns, sink);
                sink.carrier(&self.source.session, None, None, crate::key::content_hash(&[row]));
            }
            (Some("message"), Some(columns)) => {
                let parts = fields.get("part").and_then(json::array).unwrap_or_default();
                if !self.message(&columns, &parts, sink) {
                    sink.carrier(&self.source.session, None, None, crate::key::content_hash(&[row]));
                }
            }
            (table, _) => self.carrier(table.unwrap_or("(no table)"), row, sink),
        }
    }

    fn state(&self) -> Value {
        serde_json::to_value(&self.state).unwrap_or_default()
    }
}

impl Parser {
    fn carrier(&self, kind: &str, row: &[u8], sink: &mut Sink<'_>) {
        sink.unknown(kind);
        sink.carrier(&self.source.session, None, None, crate::key::content_hash(&[row]));
    }

    fn session(&self, columns: &Fields<'_>, sink: &mut Sink<'_>) {
        let meta = sink.session(&self.source.session);
        meta.title = columns.word("title");
        meta.project = columns.word("directory");
        meta.client_version = columns.word("version");
        meta.parent = columns.word("parent_id").or_else(|| columns.word("parentID"));
        meta.relation = meta.parent.as_ref().map(|_| "subagent".to_owned());
        meta.agent = columns.word("agent").filter(|_| meta.parent.is_some());
        let times = columns.object("time").unwrap_or_default();
        for at in [columns.time("time_created"), times.time("created")].into_iter().flatten() {
            meta.saw(at);
        }
    }

    /// Reads a message; false where it says nothing.
    fn message(&mut self, columns: &Fields<'_>, parts: &[&RawValue], sink: &mut Sink<'_>) -> bool {
        let text = columns.text("data").unwrap_or_default();
        let row = Row { columns, data: Fields::parse(&text).unwrap_or_default() };
        let role = match row.word("role").as_deref() {
            Some("user") => Role::User,
            Some("assistant") => Role::Assistant,
            Some("system") => Role::System,
            other => {
                sink.unknown(&format!("role:{}", other.unwrap_or("(none)")));
                return false;
            }
        };
        let session = &self.source.session;
        let id = row.word("id").unwrap_or_else(|| line_id(session, sink.line()));
        let at = row.object("time").time("created");
        let agent = row.word("agent").or_else(|| row.word("mode"));
        let meta = sink.session(session);
        if let Some(at) = at {
            meta.saw(at);
        }
        if self.source.parent.is_some() && self.state.agent.is_none() && agent.is_some() {
            meta.agent.clone_from(&agent);
            self.state.agent = agent;
        }
        let mut said = Said { message: id.clone(), ..Said::default() };
        for part in parts {
            said.part(part, sink);
        }
        let model = row.word("modelID").filter(|_| role == Role::Assistant);
        let failed = row.object("error").word("name");
        if said.parts.is_empty() && said.results.is_empty() {
            sink.unknown(&failed.map_or("(message without parts)".to_owned(), |name| format!("error:{name}")));
            return false;
        }
        let hash = said_hash(Some(role), &said.parts);
        sink.message(
            session,
            hash,
            Message { id, role: Some(role), author: None, at, model, parts: said.parts, row: 0 },
        );
        for (id, at, result) in said.results {
            let parts = vec![result];
            let hash = said_hash(Some(Role::Tool), &parts);
            let role = Some(Role::Tool);
            sink.message(session, hash, Message { id, role, author: None, at, model: None, parts, row: 0 });
        }
        true
    }
}

/// What a message's parts come to.
#[derive(Default)]
struct Said {
    message: String,
    parts: Vec<Part>,
    /// Answers of tools: an id, when it came, the answer.
    results: Vec<(String, Option<Timestamp>, Part)>,
}

impl Said {
    fn part(&mut self, raw: &RawValue, sink: &mut Sink<'_>) {
        let columns = json::object(raw).unwrap_or_default();
        let text = columns.text("data").unwrap_or_default();
        let row = Row { columns: &columns, data: Fields::parse(&text).unwrap_or_default() };
        let kind = row.word("type").unwrap_or_default();
        match kind.as_str() {
            "text" => {
                let is_put_in = ["synthetic", "ignored"].iter().any(|name| row.get(name).is_some_and(is_true));
                let provenance = if is_put_in { Provenance::Injected } else { Provenance::Conversational };
                let text = row.get("text").and_then(json::text).unwrap_or_default();
                self.parts.push(Part::Text { text, provenance });
            }
            "reasoning" => {
                let text = row.get("text").and_then(json::text).unwrap_or_default();
                self.parts.push(Part::Reasoning { text });
            }
            "file" => {
                let path = row.object("source").word("path");
                // Bytes in a data URL stay in the row.
                let uri = row.word("url").filter(|url| !url.starts_with("data:"));
                self.parts.push(Part::File { name: row.word("filename").or(path), media_type: row.word("mime"), uri });
            }
            "subtask" => {
                let text = row.word("prompt").or_else(|| row.word("description")).unwrap_or_default();
                self.parts.push(Part::Text { text, provenance: Provenance::Injected });
            }
            "tool" => self.tool(&row),
            "" => sink.unknown("part:(no type)"),
            _ if SILENT_PARTS.contains(&kind.as_str()) => {}
            _ => sink.unknown(&format!("part:{kind}")),
        }
    }

    fn tool(&mut self, row: &Row<'_>) {
        let part = row.word("id").unwrap_or_else(|| format!("{}/{}", self.message, self.parts.len()));
        let id = row.word("callID").unwrap_or_else(|| part.clone());
        let name = row.word("tool").unwrap_or_default();
        let state = row.object("state");
        let input = state.get("input").map_or(Value::Null, json::value);
        self.parts.push(Part::ToolCall { id: id.clone(), name: name.clone(), input });
        let is_error = state.text("status").as_deref() == Some("error");
        let output = if is_error { state.get("error") } else { state.get("output") };
        if let Some(output) = output {
            let output = json::text(output).unwrap_or_else(|| output.get().to_owned());
            let result = Part::ToolResult { id, name: Some(name).filter(|name| !name.is_empty()), output, is_error };
            self.results.push((format!("{part}/result"), state.object("time").unwrap_or_default().time("end"), result));
        }
    }
}

fn is_true(raw: &RawValue) -> bool {
    raw.get() == "true"
}
