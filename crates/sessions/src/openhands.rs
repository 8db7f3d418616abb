//! OpenHands: a directory for each conversation, with a file for each event.
//!
//! Today these are `conversations/<id>/events/event-NNNNN-<id>.json` beside `base_state.json`, before
//! `sessions/<id>/events/<n>.json`.

use crate::adapter::{RowParser, SessionAdapter};
use crate::discover::{self, Discovery, Source};
use crate::documents::{Document, Documents};
use crate::environment::Environment;
use crate::files;
use crate::json::{self, Fields};
use crate::key::{content_hash, line_id, said_hash};
use crate::sink::Sink;
use jay_types::session::{Message, Part, Provenance, Role};
use jay_types::{Error, Result};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

const NAME: &str = "openhands";
const STATE: &str = "base_state.json";

/// Kinds of events that say nothing in the conversation.
const SILENT: [&str; 8] = [
    "ConversationStateUpdateEvent",
    "PauseEvent",
    "CondensationRequest",
    "Condensation",
    "LLMCompletionLogEvent",
    "TokenEvent",
    "StreamingDeltaEvent",
    "agent_state_changed",
];

/// The adapter.
#[derive(Clone, Copy, Debug)]
pub struct OpenHands;

impl SessionAdapter for OpenHands {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn roots(&self, environment: &Environment) -> Vec<PathBuf> {
        let chosen = ["OPENHANDS_CONVERSATIONS_DIR", "OH_CONVERSATIONS_PATH"];
        let chosen = chosen.iter().find_map(|name| environment.directory(name));
        let conversations = chosen.unwrap_or_else(|| environment.in_home(&[".openhands", "conversations"]));
        vec![conversations, environment.in_home(&[".openhands", "sessions"])]
    }

    fn discover(&self, environment: &Environment) -> Discovery {
        discover::under(self.roots(environment), directory)
    }

    fn discover_path(&self, path: &Path) -> Result<Discovery> {
        let mut discovery = Discovery::default();
        if discover::existing(path)?.is_file() {
            return Err(Error::bad_input(format!(
                "{} is a file, and a conversation of OpenHands is a directory",
                path.display()
            ))
            .hint("Give the directory that holds `events` to `jay session sync openhands --path`."));
        }
        directory(path, &mut discovery);
        Ok(discovery)
    }

    fn documents(&self, source: &Source) -> Result<Option<Box<dyn Documents>>> {
        if !source.path.is_dir() {
            return Err(Error::not_found(format!("session directory {} is no longer there", source.path.display()))
                .hint("`jay session sync` looks for sources again."));
        }
        Ok(Some(Box::new(Events { waiting: events(&source.path).into() })))
    }

    fn parser(&self, source: &Source, _: Option<&Value>) -> Box<dyn RowParser> {
        Box::new(Parser { source: source.clone() })
    }
}

/// The conversations at a directory: itself, or those in it and in `conversations` and `sessions` of it.
fn directory(root: &Path, discovery: &mut Discovery) {
    if root.join("events").is_dir() {
        let source = source(root, discovery);
        discovery.sources.extend(source);
        return;
    }
    for conversation in files::directories(root) {
        let name = conversation.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if conversation.join("events").is_dir() {
            let source = source(&conversation, discovery);
            discovery.sources.extend(source);
        } else if name == "conversations" || name == "sessions" {
            directory(&conversation, discovery);
        }
    }
}

fn source(path: &Path, discovery: &mut Discovery) -> Option<Source> {
    let mut tally = files::Tally::default();
    let all = events(path);
    for file in &all {
        if let Err(message) = tally.count(file) {
            discovery.problem(file, message);
        }
    }
    let session = path.file_name()?.to_string_lossy().into_owned();
    let plain = Source { client: NAME.to_owned(), path: path.to_path_buf(), session, ..Source::default() };
    (!all.is_empty()).then(|| Source { stamp: tally.stamp(), ..plain })
}

/// The files of a conversation: its state, then its events in their order.
fn events(conversation: &Path) -> Vec<PathBuf> {
    let mut events = files::list(&conversation.join("events"), "json");
    // `10.json` comes after `9.json`.
    let number = |path: &PathBuf| discover::stem(path).parse::<u64>().ok();
    events.sort_by_key(|path| (number(path), path.clone()));
    let state = Some(conversation.join(STATE)).filter(|state| state.is_file());
    state.into_iter().chain(events).collect()
}

struct Events {
    waiting: VecDeque<PathBuf>,
}

impl Documents for Events {
    fn next(&mut self, _: usize) -> Result<Option<Document>> {
        let Some(path) = self.waiting.pop_front() else { return Ok(None) };
        let key = path.file_name().unwrap_or_default().to_string_lossy().into_owned().into_bytes();
        Ok(Some(Document { key, bytes: files::read(&path)?, is_fragment: false }))
    }
}

struct Parser {
    source: Source,
}

/// What an event says.
struct Said {
    role: Role,
    parts: Vec<Part>,
}

impl RowParser for Parser {
    fn row(&mut self, row: &[u8], sink: &mut Sink<'_>) {
        if let Err(kind) = self.event(row, sink) {
            if !kind.is_empty() {
                sink.unknown(&kind);
            }
            sink.carrier(&self.source.session, None, None, content_hash(&[row]));
        }
    }

    fn state(&self) -> Value {
        Value::Null
    }
}

impl Parser {
    fn event(&self, row: &[u8], sink: &mut Sink<'_>) -> Result<(), String> {
        let fields = std::str::from_utf8(row).ok().and_then(Fields::parse).ok_or("(not an object)")?;
        let session = &self.source.session;
        if fields.get("agent").is_some_and(|agent| agent.get().starts_with('{')) {
            let workspace = fields.object("workspace").unwrap_or_default();
            sink.session(session).project = workspace.word("working_dir");
            return Err(String::new());
        }
        let said = match fields.text("kind") {
            Some(kind) => today(&kind, &fields)?,
            None => before(&fields)?,
        };
        if said.parts.is_empty() {
            return Err("(event without words)".to_owned());
        }
        let at = fields.time("timestamp").or_else(|| utc(&fields));
        if let Some(at) = at {
            sink.session(session).saw(at);
        }
        let number = fields.get("id").and_then(json::integer).map(|id| format!("{session}:{id}"));
        let id = fields.word("id").or(number).unwrap_or_else(|| line_id(session, sink.line()));
        let (role, hash) = (Some(said.role), said_hash(Some(said.role), &said.parts));
        sink.message(session, hash, Message { id, role, author: None, at, model: None, parts: said.parts, row: 0 });
        Ok(())
    }
}

/// A time without a zone, which is taken for UTC.
fn utc(fields: &Fields<'_>) -> Option<jay_types::Timestamp> {
    jay_types::Timestamp::parse(&format!("{}Z", fields.text("timestamp")?)).ok()
}

fn text(text: String, provenance: Provenance) -> Option<Part> {
    (!text.trim().is_empty()).then_some(Part::Text { text, provenance })
}

/// The words of content, a text or a list of parts.
fn words(content: Option<&RawValue>) -> String {
    let Some(content) = content else { return String::new() };
    if let Some(text) = json::text(content) {
        return text;
    }
    let items = json::array(content).unwrap_or_default();
    let texts: Vec<_> = items.iter().filter_map(|item| json::object(item)?.text("text")).collect();
    texts.join("\n")
}

/// An event of today.
fn today(kind: &str, fields: &Fields<'_>) -> Result<Said, String> {
    let call_id = || fields.word("tool_call_id").unwrap_or_default();
    let is_user = fields.text("source").as_deref() == Some("user");
    let mut parts = Vec::new();
    let role = match kind {
        "SystemPromptEvent" => {
            parts.extend(text(
                fields.object("system_prompt").and_then(|prompt| prompt.text("text")).unwrap_or_default(),
                Provenance::Injected,
            ));
            Role::System
        }
        "MessageEvent" => {
            let message = fields.object("llm_message").unwrap_or_default();
            parts.extend(message.word("reasoning_content").map(|text| Part::Reasoning { text }));
            parts.extend(text(words(message.get("content")), Provenance::Conversational));
            parts.extend(text(words(fields.get("extended_content")), Provenance::Injected));
            if is_user { Role::User } else { Role::Assistant }
        }
        "ActionEvent" => {
            parts.extend(fields.word("reasoning_content").map(|text| Part::Reasoning { text }));
            parts.extend(text(words(fields.get("thought")), Provenance::Conversational));
            let call = fields.object("tool_call").unwrap_or_default();
            let arguments = call.get("arguments").map(json::decoded);
            let input = arguments.or_else(|| fields.get("action").map(json::value)).unwrap_or_default();
            parts.push(Part::ToolCall { id: call_id(), name: fields.text("tool_name").unwrap_or_default(), input });
            Role::Assistant
        }
        "ObservationEvent" | "AgentErrorEvent" | "UserRejectObservation" => {
            let observation = fields.object("observation").unwrap_or_default();
            let said =
                [words(observation.get("content")), words(observation.get("output")), words(fields.get("error"))];
            let reason = words(fields.get("rejection_reason"));
            let output = said.into_iter().chain([reason]).find(|text| !text.is_empty()).unwrap_or_default();
            let is_error = kind != "ObservationEvent" || observation.is_true("is_error");
            parts.push(Part::ToolResult { id: call_id(), name: fields.word("tool_name"), output, is_error });
            Role::Tool
        }
        _ if SILENT.contains(&kind) => return Err(String::new()),
        _ => return Err(kind.to_owned()),
    };
    Ok(Said { role, parts })
}

/// An event of the versions before.
fn before(fields: &Fields<'_>) -> Result<Said, String> {
    let call = fields.object("tool_call_metadata").unwrap_or_default();
    let id = call.word("tool_call_id").unwrap_or_default();
    let arguments = fields.object("args").unwrap_or_default();
    let is_user = fields.text("source").as_deref() == Some("user");
    if let Some(observation) = fields.word("observation") {
        if SILENT.contains(&observation.as_str()) {
            return Err(String::new());
        }
        let output = fields.text("content").unwrap_or_default();
        let code = fields.object("extras").and_then(|extras| extras.object("metadata"));
        let failed = code.and_then(|code| code.get("exit_code").and_then(json::integer)).is_some_and(|code| code != 0);
        let is_error = observation == "error" || failed;
        let name = call.word("function_name").or(Some(observation));
        return Ok(Said { role: Role::Tool, parts: vec![Part::ToolResult { id, name, output, is_error }] });
    }
    let action = fields.word("action").ok_or("(no kind)")?;
    match action.as_str() {
        "change_agent_state" | "recall" | "null" => Err(String::new()),
        "message" | "system" | "finish" => {
            let words = arguments
                .word("content")
                .or_else(|| arguments.word("final_thought"))
                .or_else(|| fields.word("message"));
            let (role, provenance) = match action.as_str() {
                "system" => (Role::System, Provenance::Injected),
                _ if is_user => (Role::User, Provenance::Conversational),
                _ => (Role::Assistant, Provenance::Conversational),
            };
            Ok(Said { role, parts: text(words.unwrap_or_default(), provenance).into_iter().collect() })
        }
        _ if fields.get("args").is_some() => {
            let thought = text(arguments.text("thought").unwrap_or_default(), Provenance::Conversational);
            let name = call.word("function_name").unwrap_or_else(|| action.clone());
            let input = fields.get("args").map_or(Value::Null, json::value);
            let parts = thought.into_iter().chain([Part::ToolCall { id, name, input }]).collect();
            Ok(Said { role: if is_user { Role::User } else { Role::Assistant }, parts })
        }
        _ => Err(format!("action:{action}")),
    }
}
