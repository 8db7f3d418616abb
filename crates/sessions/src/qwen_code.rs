//! Qwen Code: `projects/<slug>/chats/<session>.jsonl` under its runtime directory.
//!
//! A row has `{uuid, parentUuid, type, message: {role, parts}}` in the shape of Google's API, and the directory, branch
//! and version on each. A fork copies rows under the ids that they had.

use crate::discover;
use crate::environment::Environment;
use crate::google;
use crate::key::content_hash;
use crate::lines::{JsonLines, Known, Reading, Row, parser};
use crate::said;
use crate::sink::Sink;
use jay_types::session::{Part, Provenance, Role};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The adapter.
pub const QWEN_CODE: JsonLines = JsonLines {
    name: "qwen-code",
    version: 1,
    roots,
    hidden: &[],
    is_session: |path| discover::is_jsonl(path) && discover::above(path, "chats").is_some(),
    describe: |_| {},
    parser: parser::<Qwen>,
};

/// Subtypes of rows that say nothing in the conversation.
const SILENT_SUBTYPES: [&str; 24] = [
    "session_notes",
    "chat_compression",
    "slash_command",
    "ui_telemetry",
    "at_command",
    "attribution_snapshot",
    "custom_title",
    "parent_session",
    "session_source",
    "session_execution_engine",
    "session_model",
    "session_approval_mode",
    "rewind",
    "agent_bootstrap",
    "agent_retry",
    "agent_session_ready",
    "file_history_snapshot",
    "user_text_elements",
    "session_artifact_event",
    "session_artifact_snapshot",
    "session_sources_snapshot",
    "branch_checkpoint",
    "goal_state",
    "turn_result",
];

/// Subtypes of rows in a person's name that the client wrote.
const INJECTED_SUBTYPES: [&str; 5] =
    ["notification", "background_task_completed", "cron", "goal_runtime", "agent_launch_prompt"];

/// How a text begins that the client put in a person's mouth.
const INJECTED_PREFIXES: [&str; 4] =
    ["<system-reminder>", "<hook_context>", "<state_snapshot>", "--- Content from referenced files ---"];

fn roots(environment: &Environment) -> Vec<PathBuf> {
    let chosen = environment.directory("QWEN_RUNTIME_DIR").or_else(|| environment.directory("QWEN_HOME"));
    vec![environment.join(&chosen.unwrap_or_else(|| environment.in_home(&[".qwen"])), &["projects"])]
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Qwen {
    /// A person's title is not replaced by one that was made.
    has_own_title: bool,
    has_parent: bool,
}

impl Reading for Qwen {
    const ID: &'static str = "uuid";

    fn read(&mut self, row: &Row<'_>, known: &mut Known, sink: &mut Sink<'_>) {
        let subtype = row.fields.text("subtype").unwrap_or_default();
        self.session(row, &subtype, known, sink);
        let role = match row.kind.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "tool_result" => Role::Tool,
            "system" => {
                if !SILENT_SUBTYPES.contains(&subtype.as_str()) {
                    sink.unknown(&format!("system:{}", if subtype.is_empty() { "(no subtype)" } else { &subtype }));
                }
                return;
            }
            _ => return row.leave(&[], sink),
        };
        let message = row.fields.object("message").unwrap_or_default();
        let Some(list) = message.get("parts") else {
            return sink.unknown(&format!("{} without parts", row.kind));
        };
        let by_client = row.fields.text("provenance").is_some_and(|provenance| provenance != "real_user");
        let put_in = INJECTED_SUBTYPES.contains(&subtype.as_str()) || by_client;
        let mut parts = google::parts(list, &mut known.calls, sink, |text| match role {
            Role::User if put_in => Provenance::Injected,
            Role::User => said::provenance(text, &INJECTED_PREFIXES),
            _ => Provenance::Conversational,
        });
        let typed = row.fields.object("systemPayload").and_then(|payload| payload.word("displayText"));
        if let (Role::User, false, Some(typed)) = (role, put_in, typed) {
            parts = google::expanded(vec![said::said(typed)], parts);
        }
        let outcome = row.fields.object("toolCallResult").unwrap_or_default();
        if outcome.text("status").is_some_and(|status| status == "error") {
            for part in &mut parts {
                if let Part::ToolResult { is_error, .. } = part {
                    *is_error = true;
                }
            }
        }
        let mut message = row.message(role, parts, sink);
        message.model = row.fields.word("model").filter(|_| role == Role::Assistant);
        message.author = row.fields.word("agentName").or_else(|| row.fields.word("agentId"));
        let hash = content_hash(&[row.kind.as_bytes(), row.fields.raw("message")]);
        sink.message(&row.source.session, hash, message);
    }
}

impl Qwen {
    fn session(&mut self, row: &Row<'_>, subtype: &str, known: &mut Known, sink: &mut Sink<'_>) {
        let fields = &row.fields;
        known.project(row, fields.word("cwd"), sink);
        let payload = fields.object("systemPayload").unwrap_or_default();
        let forked = fields.object("forkedFrom").and_then(|from| from.word("sessionId"));
        let meta = sink.session(&row.source.session);
        meta.git_branch = fields.word("gitBranch").or_else(|| meta.git_branch.take());
        meta.client_version = fields.word("version").or_else(|| meta.client_version.take());
        let spawner = payload.word("parentSessionId").filter(|_| subtype == "parent_session");
        let parent = spawner.map(|id| (id, "subagent")).or_else(|| forked.map(|id| (id, "fork")));
        if let (false, Some((parent, relation))) = (self.has_parent, parent) {
            self.has_parent = true;
            meta.parent = Some(parent);
            meta.relation = Some(relation.to_owned());
        }
        if subtype == "custom_title" {
            let is_made = payload.text("titleSource").is_some_and(|source| source == "auto");
            if !is_made || !self.has_own_title {
                meta.title = payload.word("customTitle").or_else(|| meta.title.take());
                self.has_own_title |= !is_made;
            }
        }
    }
}
