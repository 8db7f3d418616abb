//! Kimi Code: `sessions/<directory>/<session>/agents/<agent>/wire.jsonl` under its home, with `state.json` in the
//! session's directory.
//!
//! What goes into the model's context is a row each: whole messages (`context.append_message`), and what happens in a
//! turn (`context.append_loop_event`): a piece of the answer, a call, its result.

use crate::calls::Call;
use crate::discover::{self, Source};
use crate::environment::Environment;
use crate::json::{self, Fields};
use crate::lines::{JsonLines, Known, Reading, Row, parser};
use crate::said;
use crate::sink::Sink;
use jay_types::session::{Part, Provenance, Role};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::path::PathBuf;

/// The adapter.
pub const KIMI: JsonLines = JsonLines {
    name: "kimi",
    version: 1,
    roots,
    hidden: &[],
    is_session: |path| path.file_name().is_some_and(|name| name == "wire.jsonl"),
    describe,
    parser: parser::<Kimi>,
};

/// Records that say nothing in the conversation.
const SILENT_TYPES: [&str; 37] = [
    "metadata",
    "forked",
    "turn.prompt",
    "turn.steer",
    "turn.cancel",
    "turn.ended",
    "config.update",
    "permission.set_mode",
    "permission.record_approval_result",
    "full_compaction.begin",
    "full_compaction.cancel",
    "full_compaction.complete",
    "micro_compaction.apply",
    "plan_mode.enter",
    "plan_mode.cancel",
    "plan_mode.exit",
    "swarm_mode.enter",
    "swarm_mode.exit",
    "tools.register_user_tool",
    "tools.unregister_user_tool",
    "tools.set_active_tools",
    "tools.update_store",
    "usage.record",
    "context.clear",
    "context.undo",
    "goal.create",
    "goal.update",
    "goal.clear",
    "llm.tools_snapshot",
    "llm.request",
    "mcp.tools_discovered",
    "cron.add",
    "cron.cursor",
    "cron.delete",
    "file_history.checkpoint",
    "file_history.tracked",
    "profile.bind",
];

fn roots(environment: &Environment) -> Vec<PathBuf> {
    let home = environment.directory("KIMI_CODE_HOME").unwrap_or_else(|| environment.in_home(&[".kimi-code"]));
    vec![environment.join(&home, &["sessions"])]
}

fn describe(source: &mut Source) {
    let path = source.path.clone();
    let (Some(agent), Some(session)) = (discover::directory_name(&path, 1), discover::directory_name(&path, 3)) else {
        return;
    };
    let mut spawner = None;
    if let Some(directory) = path.ancestors().nth(3) {
        discover::sidecar(&directory.join("state.json"), |state| {
            source.title = state.word("title");
            source.project = state.word("workDir").or_else(|| state.word("cwd"));
            let entry = state.object("agents").and_then(|agents| agents.object(&agent));
            spawner = entry.and_then(|entry| entry.word("parentAgentId"));
        });
    }
    let id = |agent: &str| if agent == "main" { session.clone() } else { format!("{session}/{agent}") };
    source.session = id(&agent);
    if agent != "main" {
        source.parent = Some(id(spawner.as_deref().unwrap_or("main")));
        source.relation = Some("subagent".to_owned());
        source.agent = Some(agent);
        source.title = None;
    }
}

/// Nothing but what every reading remembers.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kimi {}

impl Reading for Kimi {
    const TIME: &'static str = "time";

    fn read(&mut self, row: &Row<'_>, known: &mut Known, sink: &mut Sink<'_>) {
        match row.kind.as_str() {
            "context.append_message" => message(row, known, sink),
            "context.append_loop_event" => event(row, known, sink),
            "context.apply_compaction" => {
                if let Some(summary) = row.fields.word("summary") {
                    let message = row.message(Role::System, vec![said::injected(summary)], sink);
                    row.say(message, sink);
                }
            }
            _ => {
                if let Some(at) = row.fields.time("created_at") {
                    sink.session(&row.source.session).saw(at);
                }
                known.model(row.fields.word("model"));
                row.leave(&SILENT_TYPES, sink);
            }
        }
    }
}

fn message(row: &Row<'_>, known: &mut Known, sink: &mut Sink<'_>) {
    let message = row.fields.object("message").unwrap_or_default();
    let role = match message.text("role").unwrap_or_default().as_str() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        "tool" => Role::Tool,
        role => return sink.unknown(&format!("role:{role}")),
    };
    let by_client = message.object("origin").and_then(|origin| origin.word("kind")).is_some_and(|kind| kind != "user");
    let provenance = |text: &str| match role {
        Role::System => Provenance::Injected,
        Role::User if by_client => Provenance::Injected,
        Role::User => said::provenance(text, &["<system-reminder>", "<system>"]),
        Role::Assistant | Role::Tool => Provenance::Conversational,
    };
    let mut parts = match (role, message.word("toolCallId")) {
        (Role::Tool, Some(id)) => vec![result(id, &message, "content", known)],
        _ => message.get("content").map(|content| blocks(content, &provenance, sink)).unwrap_or_default(),
    };
    for call in message.get("toolCalls").and_then(json::array).unwrap_or_default() {
        let part = json::object(call).and_then(|fields| self::call(&fields, known, sink));
        if part.is_none() {
            sink.unknown("tool call without id or name");
        }
        parts.extend(part);
    }
    let mut said = row.message(role, parts, sink);
    said.id = message.word("id").unwrap_or(said.id);
    row.say(said, sink);
}

/// Something that happened in a turn.
fn event(row: &Row<'_>, known: &mut Known, sink: &mut Sink<'_>) {
    let event = row.fields.object("event").unwrap_or_default();
    let kind = event.text("type").unwrap_or_default();
    let (role, parts) = match kind.as_str() {
        "content.part" => {
            let part = event.get("part").and_then(|part| block(part, &|_| Provenance::Conversational, sink));
            (Role::Assistant, Vec::from_iter(part))
        }
        "tool.call" => (Role::Assistant, Vec::from_iter(call(&event, known, sink))),
        "tool.result" => match event.word("toolCallId") {
            Some(id) => (Role::Tool, vec![result(id, &event, "result", known)]),
            None => (Role::Tool, Vec::new()),
        },
        "step.begin" | "step.end" => return,
        _ => return sink.unknown(&format!("event:{}", if kind.is_empty() { "(no type)" } else { &kind })),
    };
    if parts.is_empty() {
        return;
    }
    let mut message = row.message(role, parts, sink);
    message.id = event.word("uuid").unwrap_or(message.id);
    message.model = known.model.clone().filter(|_| role == Role::Assistant);
    row.say(message, sink);
}

fn blocks(content: &RawValue, provenance: &dyn Fn(&str) -> Provenance, sink: &mut Sink<'_>) -> Vec<Part> {
    if let Some(text) = json::text(content) {
        let provenance = provenance(&text);
        return vec![Part::Text { text, provenance }];
    }
    let items = json::array(content).unwrap_or_default();
    items.into_iter().filter_map(|item| block(item, provenance, sink)).collect()
}

fn block(item: &RawValue, provenance: &dyn Fn(&str) -> Provenance, sink: &mut Sink<'_>) -> Option<Part> {
    let fields = json::object(item).unwrap_or_default();
    let kind = fields.text("type").unwrap_or_default();
    match kind.as_str() {
        "text" => {
            let text = fields.text("text")?;
            let provenance = provenance(&text);
            return Some(Part::Text { text, provenance });
        }
        "think" => return Some(Part::Reasoning { text: fields.text("think").unwrap_or_default() }),
        _ => {}
    }
    // `{type: image_url, imageUrl: {url}}` and its kin.
    let media = kind.strip_suffix("_url").map(|kind| format!("{kind}Url"));
    let media = media.and_then(|name| fields.object(&name).or_else(|| fields.object(&kind)));
    let Some(media) = media else {
        sink.unknown(&format!("content:{}", if kind.is_empty() { "(no type)" } else { &kind }));
        return None;
    };
    Some(said::file(None, media.word("url")))
}

fn call(fields: &Fields<'_>, known: &mut Known, sink: &Sink<'_>) -> Option<Part> {
    let function = fields.object("function").unwrap_or_default();
    let id = fields.word("toolCallId").or_else(|| fields.word("id"))?;
    let name = fields.word("name").or_else(|| function.word("name"))?;
    known.calls.open(&id, Call { name: name.clone(), line: sink.line(), ..Call::default() });
    let given = fields.get("args").or_else(|| fields.get("arguments")).or_else(|| function.get("arguments"));
    Some(Part::ToolCall { id, name, input: given.map_or(Value::Null, json::given) })
}

/// A tool's answer in the field `name`: a text, blocks, or `{output, isError}`.
fn result(id: String, fields: &Fields<'_>, name: &str, known: &mut Known) -> Part {
    let given = fields.get(name);
    let inner = given.and_then(json::object);
    let is_error = fields.is_true("isError") || inner.as_ref().is_some_and(|inner| inner.is_true("isError"));
    let output = inner.as_ref().and_then(|inner| inner.get("output").or_else(|| inner.get("content"))).or(given);
    let name = known.calls.close(&id).map(|call| call.name);
    Part::ToolResult { id, name, output: output.map(said::words).unwrap_or_default(), is_error }
}
