//! Codex: `sessions/YYYY/MM/DD/rollout-<time>-<id>.jsonl` and `archived_sessions/` under its home.
//!
//! A row is an envelope `{timestamp, type, payload}`; in files from before October 2025 the payload stands bare. What
//! was said is in `response_item` rows; `event_msg` rows repeat it for the screen and are carriers.

mod items;
mod output;

use crate::adapter::{RowParser, SessionAdapter};
use crate::calls::{Call, Calls};
use crate::discover::{self, Discovery, Source};
use crate::environment::Environment;
use crate::json::{self, Fields};
use crate::key::{content_hash, line_id};
use crate::sink::Sink;
use items::{message, reasoning};
use jay_types::session::{Message, Part, Role};
use jay_types::{Hash, Result, Timestamp};
use output::Output;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};

const NAME: &str = "codex";

/// Directories of rollouts in Codex's home.
const DIRECTORIES: [&str; 2] = ["sessions", "archived_sessions"];

/// The adapter.
#[derive(Clone, Copy, Debug)]
pub struct Codex;

/// Payloads of `event_msg` that are known to repeat or accompany response items.
const EVENTS: [&str; 27] = [
    "task_started",
    "task_complete",
    "turn_started",
    "turn_complete",
    "turn_aborted",
    "turn_diff",
    "token_count",
    "user_message",
    "agent_message",
    "agent_reasoning",
    "agent_reasoning_raw_content",
    "agent_reasoning_section_break",
    "exec_command_begin",
    "exec_command_end",
    "exec_command_output_delta",
    "patch_apply_begin",
    "patch_apply_end",
    "mcp_tool_call_begin",
    "mcp_tool_call_end",
    "web_search_begin",
    "web_search_end",
    "item_started",
    "item_completed",
    "context_compacted",
    "entered_review_mode",
    "exited_review_mode",
    "error",
];

impl SessionAdapter for Codex {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn roots(&self, environment: &Environment) -> Vec<PathBuf> {
        let home = environment.directory("CODEX_HOME").unwrap_or_else(|| environment.in_home(&[".codex"]));
        DIRECTORIES.iter().map(|name| environment.join(&home, &[name])).collect()
    }

    fn discover(&self, environment: &Environment) -> Discovery {
        discover::under(self.roots(environment), tree)
    }

    fn discover_path(&self, path: &Path) -> Result<Discovery> {
        let mut discovery = Discovery::default();
        let homes = DIRECTORIES.map(|name| path.join(name));
        if discover::existing(path)?.is_file() {
            let source = source(path, &mut discovery);
            discovery.sources.extend(source);
        } else if homes.iter().any(|home| home.is_dir()) {
            homes.iter().for_each(|home| tree(home, &mut discovery));
        } else {
            tree(path, &mut discovery);
        }
        Ok(discovery)
    }

    fn parser(&self, source: &Source, state: Option<&Value>) -> Box<dyn RowParser> {
        let state = state.and_then(|state| serde_json::from_value(state.clone()).ok()).unwrap_or_default();
        Box::new(Parser { session: source.session.clone(), state })
    }
}

fn tree(root: &Path, discovery: &mut Discovery) {
    discover::walk(root, &[], discovery, |path, discovery| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !name.starts_with("rollout-") {
            return;
        }
        if name.ends_with(".jsonl") {
            let source = source(path, discovery);
            discovery.sources.extend(source);
        } else if name.ends_with(".jsonl.zst") {
            discovery.problem(path, format!("compressed rollout {name} cannot be read"));
        }
    });
}

/// The session's id stands at the end of the file's name, and in its first row.
fn source(path: &Path, discovery: &mut Discovery) -> Option<Source> {
    let stamp = discover::stamp(path, discovery)?;
    let stem = discover::stem(path);
    let named = stem.len().checked_sub(36).and_then(|at| stem.get(at..)).filter(|id| discover::is_uuid(id));
    let session = named.map(str::to_owned).or_else(|| first_id(path)).unwrap_or(stem);
    Some(Source { client: NAME.to_owned(), path: path.to_path_buf(), session, stamp, ..Source::default() })
}

fn first_id(path: &Path) -> Option<String> {
    let text = discover::peek(path)?;
    let fields = Fields::parse(text.lines().next()?)?;
    fields.object("payload").unwrap_or(fields).word("id")
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    calls: Calls,
    /// The model of the turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    has_meta: bool,
    has_project: bool,
}

struct Parser {
    session: String,
    state: State,
}

/// What stands around a payload.
struct Around {
    at: Option<Timestamp>,
    hash: Hash,
}

impl RowParser for Parser {
    fn row(&mut self, row: &[u8], sink: &mut Sink<'_>) {
        let Some(fields) = std::str::from_utf8(row).ok().and_then(Fields::parse) else {
            sink.unknown(if std::str::from_utf8(row).is_ok() { "(not an object)" } else { "(not UTF-8)" });
            sink.carrier(&self.session, None, None, content_hash(&[row]));
            return;
        };
        let kind = fields.text("type").unwrap_or_default();
        let at = fields.time("timestamp");
        if let Some(at) = at {
            sink.session(&self.session).saw(at);
        }
        let (said, hash) = match fields.object("payload") {
            Some(payload) => {
                // Without the time around it: a fork repeats its parent's rows at its own time.
                let hash = content_hash(&[kind.as_bytes(), fields.raw("payload")]);
                (self.envelope(&kind, &payload, &Around { at, hash }, sink), hash)
            }
            None => {
                let hash = content_hash(&[row]);
                (self.bare(&kind, &fields, &Around { at, hash }, sink), hash)
            }
        };
        if !said {
            sink.carrier(&self.session, None, at, hash);
        }
    }

    fn state(&self) -> Value {
        serde_json::to_value(&self.state).unwrap_or_default()
    }
}

impl Parser {
    /// Reads an envelope; true where it became a message.
    fn envelope(&mut self, kind: &str, payload: &Fields<'_>, around: &Around, sink: &mut Sink<'_>) -> bool {
        match kind {
            "response_item" => return self.item(payload, around, sink),
            "session_meta" => self.meta(payload, sink),
            "event_msg" => self.event(payload, sink),
            "turn_context" => {
                self.state.model = payload.word("model").or_else(|| self.state.model.take());
                self.project(payload, sink);
            }
            "compacted" | "world_state" => {}
            "" => sink.unknown("(no type)"),
            other => sink.unknown(other),
        }
        false
    }

    /// Reads a row of the old form; true where it became a message.
    fn bare(&mut self, kind: &str, fields: &Fields<'_>, around: &Around, sink: &mut Sink<'_>) -> bool {
        if fields.get("record_type").is_some() {
            return false;
        }
        if kind.is_empty() && fields.get("id").is_some() && fields.get("timestamp").is_some() {
            self.meta(fields, sink);
            return false;
        }
        if kind.is_empty() {
            sink.unknown("(no type)");
            return false;
        }
        self.item(fields, around, sink)
    }

    fn project(&mut self, fields: &Fields<'_>, sink: &mut Sink<'_>) {
        if let (false, Some(cwd)) = (self.state.has_project, fields.word("cwd")) {
            self.state.has_project = true;
            sink.session(&self.session).project = Some(cwd);
        }
    }

    /// Old files tell the project directory only in the text that describes the environment.
    fn environment(&mut self, parts: &[Part], sink: &mut Sink<'_>) {
        let texts = parts.iter().filter_map(|part| match part {
            Part::Text { text, .. } if text.trim_start().starts_with("<environment_context>") => Some(text),
            _ => None,
        });
        let directory = |line: &str| {
            let line = line.trim();
            let tagged = line.strip_prefix("<cwd>").and_then(|line| line.strip_suffix("</cwd>"));
            tagged.or_else(|| line.strip_prefix("Current working directory:")).map(|found| found.trim().to_owned())
        };
        if let Some(found) = texts.flat_map(|text| text.lines()).find_map(directory).filter(|found| !found.is_empty()) {
            self.state.has_project = true;
            sink.session(&self.session).project = Some(found);
        }
    }

    /// The first meta row is this session's own; a fork repeats its parent's behind it.
    fn meta(&mut self, fields: &Fields<'_>, sink: &mut Sink<'_>) {
        if std::mem::replace(&mut self.state.has_meta, true) {
            return;
        }
        self.project(fields, sink);
        let meta = sink.session(&self.session);
        if let Some(at) = fields.time("timestamp") {
            meta.saw(at);
        }
        meta.client_version = fields.word("cli_version");
        if let Some(git) = fields.object("git") {
            meta.git_remote = git.word("repository_url");
            meta.git_branch = git.word("branch");
        }
        // `source` is a word, or `{"subagent": word or {"thread_spawn": {…}}}`.
        let subagent = fields.object("source").filter(|source| source.get("subagent").is_some()).map(|source| {
            let spawn = source.object("subagent").and_then(|subagent| subagent.object("thread_spawn"));
            (source.word("subagent"), spawn.unwrap_or_default())
        });
        let other = |id: &String| *id != self.session;
        let spawner = subagent.as_ref().and_then(|(_, spawn)| spawn.word("parent_thread_id"));
        if let Some(parent) = spawner.or_else(|| fields.word("parent_thread_id")).filter(other) {
            meta.parent = Some(parent);
            meta.relation = Some("subagent".to_owned());
        } else if let Some(parent) = fields.word("forked_from_id").filter(other) {
            meta.parent = Some(parent);
            meta.relation = Some("fork".to_owned());
        }
        if let Some((kind, spawn)) = subagent {
            let agent = spawn.word("agent_role").or_else(|| spawn.word("agent_nickname")).or(kind);
            meta.agent = Some(agent.unwrap_or_else(|| "subagent".to_owned()));
        }
    }

    fn event(&mut self, payload: &Fields<'_>, sink: &mut Sink<'_>) {
        let kind = payload.text("type").unwrap_or_default();
        if !EVENTS.contains(&kind.as_str()) {
            sink.unknown(&format!("event_msg:{}", if kind.is_empty() { "(no type)" } else { &kind }));
        }
        let command = match kind.as_str() {
            "item_completed" => {
                payload.object("item").filter(|item| item.text("type").is_some_and(|t| t == "CommandExecution"))
            }
            _ => None,
        };
        let exit_code = command.and_then(|command| command.get("exit_code").and_then(json::integer));
        if exit_code.is_some_and(|code| code != 0) {
            self.state.calls.command_failed();
        }
    }

    /// Reads a response item; true where it became a message.
    fn item(&mut self, item: &Fields<'_>, around: &Around, sink: &mut Sink<'_>) -> bool {
        let kind = item.text("type").unwrap_or_default();
        let (role, parts) = match kind.as_str() {
            "message" => match message(item, sink) {
                Some(read) => read,
                None => return false,
            },
            "reasoning" => (Role::Assistant, vec![Part::Reasoning { text: reasoning(item) }]),
            "ghost_snapshot" | "compaction" | "context_compaction" | "compaction_summary" | "other" => return false,
            _ if kind.ends_with("_call") => (Role::Assistant, vec![self.call(&kind, item, sink)]),
            _ if kind.ends_with("_output") => match self.output(item) {
                Some(parts) => (Role::Tool, parts),
                None => {
                    sink.unknown(&format!("response_item:{kind} without a call_id"));
                    return false;
                }
            },
            "" => {
                sink.unknown("response_item:(no type)");
                return false;
            }
            other => {
                sink.unknown(&format!("response_item:{other}"));
                return false;
            }
        };
        if let (Role::User, false) = (role, self.state.has_project) {
            self.environment(&parts, sink);
        }
        let model = self.state.model.clone().filter(|_| role == Role::Assistant);
        let id = line_id(&self.session, sink.line());
        let message = Message { id, role: Some(role), author: None, at: around.at, model, parts, row: 0 };
        sink.message(&self.session, around.hash, message);
        true
    }

    /// A call of a tool: `function_call`, `custom_tool_call`, `local_shell_call`, `web_search_call` and their kin.
    fn call(&mut self, kind: &str, item: &Fields<'_>, sink: &Sink<'_>) -> Part {
        let id =
            item.word("call_id").or_else(|| item.word("id")).unwrap_or_else(|| line_id(&self.session, sink.line()));
        let input = match (item.text("arguments"), item.get("input").or_else(|| item.get("action"))) {
            (Some(arguments), _) => json::decode_string(arguments),
            (None, Some(input)) => json::value(input),
            (None, None) => item.get("arguments").map_or(Value::Null, json::value),
        };
        let given = item.word("name").unwrap_or_else(|| kind.trim_end_matches("_call").to_owned());
        let wrapped = match &input {
            Value::String(script) if given == "exec" => output::only_tool(script),
            _ => None,
        };
        let wraps = given == "exec";
        let name = wrapped.unwrap_or(given);
        self.state.calls.open(&id, Call { name: name.clone(), line: sink.line(), wraps, failed: false });
        Part::ToolCall { id, name, input }
    }

    fn output(&mut self, item: &Fields<'_>) -> Option<Vec<Part>> {
        let id = item.word("call_id")?;
        let call = self.state.calls.close(&id);
        let Output { text, failed, files } = item.get("output").map(output::read).unwrap_or_default();
        let is_error = failed || call.as_ref().is_some_and(|call| call.failed);
        let mut parts = vec![Part::ToolResult { id, name: call.map(|call| call.name), output: text, is_error }];
        parts.extend(files);
        Some(parts)
    }
}
