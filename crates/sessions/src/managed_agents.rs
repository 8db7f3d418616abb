//! Claude Managed Agents: the events of a session, exported as one array of JSON. They lie where a person put them, so
//! they are read by their path alone.

use crate::adapter::{RowParser, SessionAdapter};
use crate::anthropic;
use crate::calls::{Call, Calls};
use crate::discover::{self, Discovery, Source};
use crate::documents::Documents;
use crate::environment::Environment;
use crate::json::{self, Fields};
use crate::key::{content_hash, line_id, said_hash};
use crate::sink::Sink;
use crate::splitter::{self, Piece, Shape};
use jay_types::Result;
use jay_types::session::{Message, Part, Provenance, Role};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};

const NAME: &str = "managed-agents";

/// The adapter.
#[derive(Clone, Copy, Debug)]
pub struct ManagedAgents;

impl SessionAdapter for ManagedAgents {
    fn name(&self) -> &'static str {
        NAME
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
        let mut discovery = Discovery::default();
        if discover::existing(path)?.is_file() {
            let source = source(path, &mut discovery);
            discovery.sources.extend(source);
            return Ok(discovery);
        }
        discover::walk(path, &[], &mut discovery, |file, discovery| {
            if file.extension().is_some_and(|ending| ending == "json") {
                let source = source(file, discovery);
                discovery.sources.extend(source);
            }
        });
        Ok(discovery)
    }

    fn documents(&self, source: &Source) -> Result<Option<Box<dyn Documents>>> {
        splitter::open(&source.path, Shape::of_file(&source.path, "data")).map(Some)
    }

    fn parser(&self, source: &Source, state: Option<&Value>) -> Box<dyn RowParser> {
        let state = state.and_then(|state| serde_json::from_value(state.clone()).ok()).unwrap_or_default();
        Box::new(Parser { source: source.clone(), state })
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
    calls: Calls,
}

struct Parser {
    source: Source,
    state: State,
}

impl RowParser for Parser {
    fn row(&mut self, row: &[u8], sink: &mut Sink<'_>) {
        let said = match (Shape { is_many: false, key: Some("data") }).read(row) {
            Piece::Element(element) => match Fields::parse(&element) {
                Some(fields) => self.event(&fields, sink),
                None => Err("(not an object)".to_owned()),
            },
            Piece::Around(_) | Piece::Bracket => Err(String::new()),
            Piece::Other => Err("(not JSON)".to_owned()),
        };
        if let Err(kind) = said {
            if !kind.is_empty() {
                sink.unknown(&kind);
            }
            sink.carrier(&self.source.session, None, None, content_hash(&[row]));
        }
    }

    fn state(&self) -> Value {
        serde_json::to_value(&self.state).unwrap_or_default()
    }
}

impl Parser {
    fn event(&mut self, fields: &Fields<'_>, sink: &mut Sink<'_>) -> Result<(), String> {
        let kind = fields.text("type").ok_or("(no type)")?;
        let session = self.source.session.clone();
        let id = fields.word("id").unwrap_or_else(|| line_id(&session, sink.line()));
        let (role, parts) = match kind.as_str() {
            "user.message" | "agent.message" => {
                let content = fields.get("content").ok_or("(no content)")?;
                let said = |_: &str| Provenance::Conversational;
                let content = anthropic::content(content, &mut self.state.calls, sink, said);
                (if kind == "user.message" { Role::User } else { Role::Assistant }, content.parts)
            }
            "agent.thinking" => {
                let text =
                    fields.text("thinking").or_else(|| fields.get("content").map(json::words)).unwrap_or_default();
                (Role::Assistant, vec![Part::Reasoning { text }])
            }
            "agent.tool_use" | "agent.mcp_tool_use" | "agent.custom_tool_use" => {
                let name = fields.text("name").unwrap_or_default();
                self.state.calls.open(&id, Call { name: name.clone(), line: sink.line(), ..Call::default() });
                let input = fields.get("input").map_or(Value::Null, json::value);
                (Role::Assistant, vec![Part::ToolCall { id: id.clone(), name, input }])
            }
            "agent.tool_result" | "agent.mcp_tool_result" | "user.custom_tool_result" => {
                let names = ["tool_use_id", "mcp_tool_use_id", "custom_tool_use_id"];
                let call = names.iter().find_map(|name| fields.word(name)).unwrap_or_default();
                let name = self.state.calls.close(&call).map(|call| call.name);
                let output = fields.get("content").map(json::words).unwrap_or_default();
                (Role::Tool, vec![Part::ToolResult { id: call, name, output, is_error: fields.is_true("is_error") }])
            }
            _ if kind.starts_with("session.") || kind.starts_with("span.") => return Err(String::new()),
            _ => return Err(kind),
        };
        if parts.is_empty() {
            return Err("(empty content)".to_owned());
        }
        let at = ["processed_at", "created_at", "timestamp"].iter().find_map(|name| fields.time(name));
        let meta = sink.session(&session);
        if let Some(at) = at {
            meta.saw(at);
        }
        let (role, hash) = (Some(role), said_hash(Some(role), &parts));
        sink.message(&session, hash, Message { id, role, author: None, at, model: None, parts, row: 0 });
        Ok(())
    }
}
