//! claude.ai: the export of a person's conversations.
//!
//! Calls of tools carry no ids that their answers name, so the id of a call is its place in its message, and an answer is
//! laid to a call of its name where that alone is open. A message's `text` says its content once more and is read where there is no content.

use crate::adapter::{RowParser, SessionAdapter};
use crate::discover::{Discovery, Source};
use crate::documents::Documents;
use crate::environment::Environment;
use crate::export;
use crate::json::{self, Fields};
use crate::key::{content_hash, line_id, said_hash};
use crate::sink::Sink;
use crate::splitter::{Piece, Shape};
use jay_types::Result;
use jay_types::session::{Message, Part, Provenance, Role};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::path::{Path, PathBuf};

const KEY: &str = "chat_messages";

/// The adapter.
#[derive(Clone, Copy, Debug)]
pub struct ClaudeAi;

impl SessionAdapter for ClaudeAi {
    fn name(&self) -> &'static str {
        "claude-ai"
    }

    fn version(&self) -> u32 {
        1
    }

    /// None: an export lies where a person put it.
    fn roots(&self, _: &Environment) -> Vec<PathBuf> {
        Vec::new()
    }

    fn discover(&self, _: &Environment) -> Discovery {
        Discovery::default()
    }

    fn discover_path(&self, path: &Path) -> Result<Discovery> {
        export::discover_path(self.name(), path)
    }

    fn documents(&self, source: &Source) -> Result<Option<Box<dyn Documents>>> {
        export::documents(source, KEY).map(Some)
    }

    fn parser(&self, source: &Source, state: Option<&Value>) -> Box<dyn RowParser> {
        let state = state.and_then(|state| serde_json::from_value(state.clone()).ok()).unwrap_or_default();
        Box::new(Parser { file: source.session.clone(), state })
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    /// The conversation to which messages belong.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
}

struct Parser {
    file: String,
    state: State,
}

impl RowParser for Parser {
    fn row(&mut self, row: &[u8], sink: &mut Sink<'_>) {
        let said = match (Shape { is_many: true, key: Some(KEY) }).read(row) {
            Piece::Element(element) => match Fields::parse(&element) {
                Some(fields) => self.message(&fields, sink),
                None => Err("(not an object)".to_owned()),
            },
            Piece::Around(fields) => {
                self.around(&Fields::parse(&fields).unwrap_or_default(), sink);
                Err(String::new())
            }
            Piece::Bracket => Err(String::new()),
            Piece::Other => Err("(not JSON)".to_owned()),
        };
        if let Err(kind) = said {
            if !kind.is_empty() {
                sink.unknown(&kind);
            }
            sink.carrier(self.session(), None, None, content_hash(&[row]));
        }
    }

    fn state(&self) -> Value {
        serde_json::to_value(&self.state).unwrap_or_default()
    }
}

impl Parser {
    fn session(&self) -> &str {
        self.state.session.as_ref().unwrap_or(&self.file)
    }

    /// What stands before a conversation's messages, or behind them.
    fn around(&mut self, fields: &Fields<'_>, sink: &mut Sink<'_>) {
        if let Some(id) = fields.word("uuid") {
            self.state.session = Some(id);
        }
        let session = self.state.session.as_ref().unwrap_or(&self.file);
        let meta = sink.session(session);
        meta.title = fields.word("name").or_else(|| meta.title.take());
        for at in ["created_at", "updated_at"].iter().filter_map(|name| fields.time(name)) {
            meta.saw(at);
        }
    }

    fn message(&mut self, fields: &Fields<'_>, sink: &mut Sink<'_>) -> Result<(), String> {
        let role = match fields.text("sender").as_deref() {
            Some("human") => Role::User,
            Some("assistant") => Role::Assistant,
            other => return Err(format!("sender:{}", other.unwrap_or("(none)"))),
        };
        let id = fields.word("uuid").unwrap_or_else(|| line_id(self.session(), sink.line()));
        let mut parts = Vec::new();
        for (place, block) in fields.get("content").and_then(json::array).unwrap_or_default().iter().enumerate() {
            let part = part(block, &format!("{id}/{place}"), &parts, sink);
            parts.extend(part);
        }
        if parts.is_empty()
            && let Some(text) = fields.word("text")
        {
            parts.push(Part::Text { text, provenance: Provenance::Conversational });
        }
        for name in ["attachments", "files", "files_v2"] {
            for file in fields.get(name).and_then(json::array).unwrap_or_default() {
                attachment(file, &mut parts);
            }
        }
        if parts.is_empty() {
            return Err("(empty message)".to_owned());
        }
        let at = fields.time("created_at");
        let session = self.session();
        if let Some(at) = at {
            sink.session(session).saw(at);
        }
        let hash = said_hash(Some(role), &parts);
        sink.message(session, hash, Message { id, role: Some(role), author: None, at, model: None, parts, row: 0 });
        Ok(())
    }
}

/// Reads a block; `before` are the parts of its message before it.
fn part(block: &RawValue, place: &str, before: &[Part], sink: &mut Sink<'_>) -> Option<Part> {
    let fields = json::object(block).unwrap_or_default();
    let kind = fields.text("type").unwrap_or_default();
    Some(match kind.as_str() {
        "text" => Part::Text { text: fields.word("text")?, provenance: Provenance::Conversational },
        "thinking" => Part::Reasoning { text: fields.text("thinking").unwrap_or_default() },
        "tool_use" => Part::ToolCall {
            id: fields.word("id").unwrap_or_else(|| place.to_owned()),
            name: fields.text("name").unwrap_or_default(),
            input: fields.get("input").map_or(Value::Null, json::value),
        },
        "tool_result" => Part::ToolResult {
            id: fields.word("tool_use_id").or_else(|| answered(before, &fields)).unwrap_or_else(|| place.to_owned()),
            name: fields.word("name"),
            output: fields.get("content").map(json::words).unwrap_or_default(),
            is_error: fields.is_true("is_error"),
        },
        // What is shown while something runs.
        "token_budget" | "flag" => return None,
        _ => {
            sink.unknown(&format!("content:{}", if kind.is_empty() { "(no type)" } else { &kind }));
            return None;
        }
    })
}

/// The id of the call that an answer without one belongs to: known where one call of that name alone is open.
fn answered(before: &[Part], answer: &Fields<'_>) -> Option<String> {
    let name = answer.word("name")?;
    let is_answered = |id: &str| before.iter().any(|part| matches!(part, Part::ToolResult { id: of, .. } if of == id));
    let mut open = before.iter().filter_map(|part| match part {
        Part::ToolCall { id, name: called, .. } if *called == name && !is_answered(id) => Some(id),
        _ => None,
    });
    open.next().filter(|_| open.next().is_none()).cloned()
}

/// A file that went along; what was read in it is no word of the person.
fn attachment(file: &RawValue, parts: &mut Vec<Part>) {
    let fields = json::object(file).unwrap_or_default();
    let part = Part::File {
        name: fields.word("file_name"),
        media_type: fields.word("file_type"),
        uri: fields.word("file_uuid").map(|id| format!("claude-ai:file/{id}")),
    };
    if parts.contains(&part) {
        return;
    }
    parts.push(part);
    if let Some(text) = fields.word("extracted_content") {
        parts.push(Part::Text { text, provenance: Provenance::Injected });
    }
}
