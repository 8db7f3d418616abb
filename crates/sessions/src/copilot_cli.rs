//! GitHub Copilot's command line: `session-state/<session>/events.jsonl` under its home, with `workspace.yaml` beside.
//!
//! A row is an event `{type, data, id, timestamp, parentId}`. A call stands in the answer that asks for it
//! (`toolRequests`) and once more where it starts; it is told once. What subagents do stands in their parent's file,
//! with the agent's name as author.

use crate::calls::Call;
use crate::discover::{self, Source};
use crate::environment::Environment;
use crate::json::{self, Fields};
use crate::lines::{JsonLines, Known, Reading, Row, parser};
use crate::said::{injected, said};
use crate::sink::Sink;
use jay_types::session::{Part, Role};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The adapter.
pub const COPILOT_CLI: JsonLines =
    JsonLines { name: "copilot-cli", version: 1, roots, hidden: &[], is_session, describe, parser: parser::<Copilot> };

/// Events that say nothing in the conversation.
const SILENT_EVENTS: [&str; 59] = [
    "session.start",
    "session.resume",
    "session.idle",
    "session.title_changed",
    "session.model_change",
    "session.mode_changed",
    "session.plan_changed",
    "session.workspace_file_changed",
    "session.handoff",
    "session.truncation",
    "session.snapshot_rewind",
    "session.shutdown",
    "session.context_changed",
    "session.usage_info",
    "session.compaction_start",
    "session.compaction_complete",
    "session.task_complete",
    "session.import_legacy",
    "session.skills_loaded",
    "session.tools_updated",
    "session.custom_agents_updated",
    "session.mcp_servers_loaded",
    "session.mcp_server_status_changed",
    "session.extensions_loaded",
    "session.background_tasks_changed",
    "session.permissions_changed",
    "assistant.turn_start",
    "assistant.turn_end",
    "assistant.intent",
    "assistant.usage",
    "assistant.streaming_delta",
    "assistant.message_start",
    "assistant.message_delta",
    "assistant.reasoning_delta",
    "abort",
    "tool.execution_partial_result",
    "tool.execution_progress",
    "skill.invoked",
    "subagent.started",
    "subagent.completed",
    "subagent.failed",
    "subagent.selected",
    "subagent.deselected",
    "hook.start",
    "hook.end",
    "pending_messages.modified",
    "permission.requested",
    "permission.completed",
    "user_input.requested",
    "user_input.completed",
    "elicitation.requested",
    "elicitation.completed",
    "external_tool.requested",
    "external_tool.completed",
    "command.queued",
    "command.completed",
    "command.execute",
    "exit_plan_mode.requested",
    "exit_plan_mode.completed",
];

fn roots(environment: &Environment) -> Vec<PathBuf> {
    let home = environment.directory("COPILOT_HOME").unwrap_or_else(|| environment.in_home(&[".copilot"]));
    vec![environment.join(&home, &["session-state"])]
}

/// Early versions kept `session-state/<session>.jsonl`.
fn is_session(path: &Path) -> bool {
    let in_root = discover::directory_name(path, 1).is_some_and(|name| name == "session-state");
    path.file_name().is_some_and(|name| name == "events.jsonl") || (in_root && discover::is_jsonl(path))
}

fn describe(source: &mut Source) {
    let path = source.path.clone();
    let started = discover::first_object(&path, |fields| fields.object("data")?.word("sessionId"));
    let place = discover::directory_name(&path, 1).filter(|_| source.session == "events");
    if let Some(session) = started.or(place) {
        source.session = session;
    }
    let Some(workspace) = discover::peek(&path.with_file_name("workspace.yaml")) else { return };
    source.project = yaml_field(&workspace, "cwd");
    source.title = yaml_field(&workspace, "name").or_else(|| yaml_field(&workspace, "summary"));
}

/// A plain or quoted text of the first level; a text of several lines is not read.
fn yaml_field(yaml: &str, name: &str) -> Option<String> {
    let value = yaml.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?.trim();
    if let Some(quoted) = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\'')) {
        return Some(quoted.replace("''", "'"));
    }
    if value.starts_with('"') {
        return serde_json::from_str(value).ok();
    }
    (!value.is_empty() && !value.starts_with(['|', '>', '&', '*', '{', '['])).then(|| value.to_owned())
}

/// Nothing has to be remembered between rows.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Copilot {}

impl Reading for Copilot {
    fn read(&mut self, row: &Row<'_>, known: &mut Known, sink: &mut Sink<'_>) {
        let data = row.fields.object("data").unwrap_or_default();
        let (role, parts) = match row.kind.as_str() {
            "user.message" => (Role::User, user(&data)),
            "assistant.message" => (Role::Assistant, assistant(&data, known, sink)),
            "assistant.reasoning" => {
                (Role::Assistant, vec![Part::Reasoning { text: data.text("content").unwrap_or_default() }])
            }
            "system.message" | "system.notification" => {
                (Role::System, data.text("content").map(injected).into_iter().collect())
            }
            "session.error" | "session.info" | "session.warning" => {
                (Role::System, data.word("message").map(injected).into_iter().collect())
            }
            "tool.execution_start" | "tool.user_requested" => (Role::Assistant, started(&data, known, sink)),
            "tool.execution_complete" => (Role::Tool, complete(&data, known)),
            kind => {
                session(kind, row, &data, known, sink);
                return row.leave(&SILENT_EVENTS, sink);
            }
        };
        // A start that was announced says nothing new; an event without content nothing at all.
        if parts.is_empty() {
            return;
        }
        let mut message = row.message(role, parts, sink);
        message.author = row.fields.word("agentId").filter(|_| role != Role::User);
        let model = data.word("model").or_else(|| known.model.clone());
        message.model = model.filter(|_| row.kind.starts_with("assistant."));
        row.say(message, sink);
    }
}

/// What an event tells of the session.
fn session(kind: &str, row: &Row<'_>, data: &Fields<'_>, known: &mut Known, sink: &mut Sink<'_>) {
    known.model(data.word("newModel").or_else(|| data.word("selectedModel")).or_else(|| data.word("currentModel")));
    if kind == "session.title_changed" {
        let meta = sink.session(&row.source.session);
        meta.title = data.word("title").or_else(|| meta.title.take());
    }
    if !matches!(kind, "session.start" | "session.resume") {
        return;
    }
    let context = data.object("context").unwrap_or_default();
    known.project(row, context.word("cwd"), sink);
    let meta = sink.session(&row.source.session);
    meta.git_branch = context.word("branch").or_else(|| meta.git_branch.take());
    meta.client_version = data.word("copilotVersion").or_else(|| meta.client_version.take());
    if let Some(at) = data.time("startTime") {
        meta.saw(at);
    }
}

/// What the person typed; `transformedContent`, which was sent, holds it with reminders around.
fn user(data: &Fields<'_>) -> Vec<Part> {
    let put_in = data.word("source").is_some_and(|source| source != "user");
    let text = data.text("content").map(|text| if put_in { injected(text) } else { said(text) });
    let mut parts: Vec<_> = text.into_iter().collect();
    for file in data.get("attachments").and_then(json::array).unwrap_or_default().into_iter().filter_map(json::object) {
        let name = file.word("path").or_else(|| file.word("displayName"));
        parts.push(Part::File { name, media_type: file.word("mimeType"), uri: file.word("url") });
    }
    parts
}

fn assistant(data: &Fields<'_>, known: &mut Known, sink: &mut Sink<'_>) -> Vec<Part> {
    let mut parts: Vec<_> = data.word("reasoningText").map(|text| Part::Reasoning { text }).into_iter().collect();
    parts.extend(data.word("content").map(said));
    for request in data.get("toolRequests").and_then(json::array).unwrap_or_default() {
        let call = json::object(request).and_then(|request| call(&request, "name", known, sink));
        if call.is_none() {
            sink.unknown("tool request without id or name");
        }
        parts.extend(call);
    }
    parts
}

/// A call, its name in the field `name`.
fn call(fields: &Fields<'_>, name: &str, known: &mut Known, sink: &Sink<'_>) -> Option<Part> {
    let (id, name) = (fields.word("toolCallId")?, fields.word(name)?);
    known.calls.open(&id, Call { name: name.clone(), line: sink.line(), ..Call::default() });
    let input = fields.get("arguments").map_or(Value::Null, json::given);
    Some(Part::ToolCall { id, name, input })
}

/// A call that starts without having been asked for in an answer.
fn started(data: &Fields<'_>, known: &mut Known, sink: &mut Sink<'_>) -> Vec<Part> {
    if data.word("toolCallId").is_some_and(|id| known.calls.is_open(&id)) {
        return Vec::new();
    }
    let call = call(data, "toolName", known, sink);
    if call.is_none() {
        sink.unknown("tool start without id or name");
    }
    call.into_iter().collect()
}

fn complete(data: &Fields<'_>, known: &mut Known) -> Vec<Part> {
    let Some(id) = data.word("toolCallId") else { return Vec::new() };
    let name = known.calls.close(&id).map(|call| call.name).or_else(|| data.word("toolName"));
    let result = data.object("result").and_then(|result| result.text("content"));
    let error = data.object("error").and_then(|error| error.text("message"));
    let is_error = error.is_some() || data.get("success").is_some_and(|success| success.get() == "false");
    let output = result.or(error).or_else(|| data.text("result")).unwrap_or_default();
    vec![Part::ToolResult { id, name, output, is_error }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_the_workspace_is_plain_or_quoted() {
        let yaml =
            "id: 1\ncwd: /home/m/a b\nname: \"Fix \\\"it\\\"\"\nsummary: |-\n  long\nbranch: 'it''s'\n  cwd: no\n";
        assert_eq!(yaml_field(yaml, "cwd").as_deref(), Some("/home/m/a b"));
        assert_eq!(yaml_field(yaml, "name").as_deref(), Some("Fix \"it\""));
        assert_eq!(yaml_field(yaml, "branch").as_deref(), Some("it's"));
        assert_eq!((yaml_field(yaml, "summary"), yaml_field(yaml, "cw")), (None, None));
    }
}
