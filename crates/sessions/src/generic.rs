//! The generic session file: JSON lines, one message each (DESIGN section 3), for whatever has no adapter of its own.
//!
//! `{"session","message","at","role","author","text"}` plus optional `project`, `title`, `parent`, `relation`, `parts`. A row
//! needs a session, a role and text or parts; one that lacks them is a counted carrier. One file may hold many
//! sessions.

use crate::adapter::{RowParser, SessionAdapter};
use crate::discover::{self, Discovery, Source};
use crate::environment::Environment;
use crate::json::{self, Fields};
use crate::key::{content_hash, line_id};
use crate::sink::Sink;
use jay_types::Result;
use jay_types::session::{Message, Part, Provenance, Role};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::path::{Path, PathBuf};

const NAME: &str = "generic";

/// The adapter.
#[derive(Clone, Copy, Debug)]
pub struct Generic;

impl SessionAdapter for Generic {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    /// None: generic files lie where a person says.
    fn roots(&self, _: &Environment) -> Vec<PathBuf> {
        Vec::new()
    }

    fn discover(&self, _: &Environment) -> Discovery {
        Discovery::default()
    }

    fn discover_path(&self, path: &Path) -> Result<Discovery> {
        let mut discovery = Discovery::default();
        if discover::existing(path)?.is_file() {
            let source = source(path, &mut discovery);
            discovery.sources.extend(source);
            return Ok(discovery);
        }
        discover::walk(path, &[], &mut discovery, |file, discovery| {
            if file.extension().is_some_and(|ending| ending == "jsonl" || ending == "ndjson") {
                let source = source(file, discovery);
                discovery.sources.extend(source);
            }
        });
        Ok(discovery)
    }

    fn parser(&self, source: &Source, state: Option<&Value>) -> Box<dyn RowParser> {
        let state = state.and_then(|state| serde_json::from_value(state.clone()).ok()).unwrap_or_default();
        Box::new(Parser { file: source.session.clone(), state })
    }
}

fn source(path: &Path, discovery: &mut Discovery) -> Option<Source> {
    let stamp = discover::stamp(path, discovery)?;
    let (client, session) = (NAME.to_owned(), discover::stem(path));
    Some(Source { client, path: path.to_path_buf(), session, stamp, ..Source::default() })
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    /// The session of the last row that told one: rows that tell none are carriers of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_session: Option<String>,
}

struct Parser {
    /// The file's name, for carriers before any session.
    file: String,
    state: State,
}

impl RowParser for Parser {
    fn row(&mut self, row: &[u8], sink: &mut Sink<'_>) {
        let hash = content_hash(&[row]);
        let fields = std::str::from_utf8(row).ok().and_then(Fields::parse);
        let session = fields.as_ref().and_then(|fields| fields.get("session")).and_then(name);
        let read = match (&fields, &session) {
            (None, _) if std::str::from_utf8(row).is_err() => Err("(not UTF-8)".to_owned()),
            (None, _) => Err("(not an object)".to_owned()),
            (Some(_), None) => Err("(no session)".to_owned()),
            (Some(fields), Some(session)) => message(fields, session, sink),
        };
        if session.is_some() {
            self.state.last_session = session;
        }
        let session = self.state.last_session.as_ref().unwrap_or(&self.file);
        match (read, &fields) {
            (Ok(message), Some(fields)) => {
                let meta = sink.session(session);
                if let Some(at) = message.at {
                    meta.saw(at);
                }
                let told = [
                    ("project", &mut meta.project),
                    ("title", &mut meta.title),
                    ("parent", &mut meta.parent),
                    ("relation", &mut meta.relation),
                ];
                for (field, known) in told {
                    *known = fields.get(field).and_then(name).or_else(|| known.take());
                }
                sink.message(session, hash, message);
            }
            (read, fields) => {
                sink.unknown(&read.err().unwrap_or_default());
                let id = fields.as_ref().and_then(|fields| fields.get("message")).and_then(name);
                sink.carrier(session, id, fields.as_ref().and_then(|fields| fields.time("at")), hash);
            }
        }
    }

    fn state(&self) -> Value {
        serde_json::to_value(&self.state).unwrap_or_default()
    }
}

/// A name: text, or a number as it is written.
fn name(raw: &RawValue) -> Option<String> {
    let is_number = raw.get().starts_with(|c: char| c.is_ascii_digit() || c == '-');
    if is_number { Some(raw.get().to_owned()) } else { json::text(raw).filter(|text| !text.trim().is_empty()) }
}

/// Reads a message, or says what it lacks.
fn message(fields: &Fields<'_>, session: &str, sink: &mut Sink<'_>) -> Result<Message, String> {
    let role = match fields.text("role").as_deref() {
        Some("system") => Role::System,
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("tool") => Role::Tool,
        Some(other) => return Err(format!("role:{other}")),
        None => return Err("(no role)".to_owned()),
    };
    let mut parts = Vec::new();
    for raw in fields.get("parts").and_then(json::array).unwrap_or_default() {
        match serde_json::from_value(json::value(raw)) {
            Ok(part) => parts.push(part),
            Err(_) => {
                let kind = json::object(raw).and_then(|part| part.text("type"));
                sink.unknown(&format!("part:{}", kind.as_deref().unwrap_or("(no type)")));
            }
        }
    }
    // The text of a row with parts is often their text once more.
    let said = |text: &str| parts.iter().any(|part| matches!(part, Part::Text { text: known, .. } if known == text));
    if let Some(text) = fields.text("text").filter(|text| !said(text)) {
        parts.insert(0, Part::Text { text, provenance: Provenance::Conversational });
    }
    if parts.is_empty() {
        return Err("(no text)".to_owned());
    }
    let at = fields.time("at");
    if at.is_none() && fields.get("at").is_some() {
        sink.unknown("(time that cannot be read)");
    }
    let id = fields.get("message").and_then(name).unwrap_or_else(|| line_id(session, sink.line()));
    let author = fields.get("author").and_then(name);
    Ok(Message { id, role: Some(role), author, at, model: fields.word("model"), parts, row: 0 })
}
