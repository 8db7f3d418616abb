//! Factory's Droid: `sessions/<slug>/<session>.jsonl` under its home.
//!
//! A file begins with `session_start`; messages are in the shape of Anthropic's API.

use crate::anthropic;
use crate::discover;
use crate::environment::Environment;
use crate::lines::{JsonLines, Known, Reading, Row, parser};
use crate::said;
use crate::sink::Sink;
use jay_types::session::{Provenance, Role};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The adapter.
pub const DROID: JsonLines = JsonLines {
    name: "droid",
    version: 1,
    roots,
    hidden: &[],
    is_session: discover::is_jsonl,
    describe: |_| {},
    parser: parser::<Droid>,
};

/// Types of rows that say nothing in the conversation.
const SILENT_TYPES: [&str; 3] = ["todo_state", "session_end", "session_title"];

/// How a text begins that the client put in a person's mouth.
const INJECTED_PREFIXES: [&str; 4] = ["<system-reminder>", "<system-notification>", "<context", "<!-- system"];

fn roots(environment: &Environment) -> Vec<PathBuf> {
    vec![environment.in_home(&[".factory", "sessions"])]
}

/// Nothing but what every reading remembers.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Droid {}

impl Reading for Droid {
    fn read(&mut self, row: &Row<'_>, known: &mut Known, sink: &mut Sink<'_>) {
        match row.kind.as_str() {
            "session_start" => start(row, known, sink),
            "message" => message(row, known, sink),
            "compaction_state" => {
                let summary = row.fields.word("summaryText").or_else(|| row.fields.word("summary"));
                if let Some(summary) = summary {
                    let message = row.message(Role::System, vec![said::injected(summary)], sink);
                    row.say(message, sink);
                }
            }
            _ => row.leave(&SILENT_TYPES, sink),
        }
    }
}

fn start(row: &Row<'_>, known: &mut Known, sink: &mut Sink<'_>) {
    known.project(row, row.fields.word("cwd"), sink);
    let meta = sink.session(&row.source.session);
    meta.title = row.fields.word("sessionTitle").or_else(|| row.fields.word("title"));
    if let Some(parent) = row.fields.word("callingSessionId").filter(|parent| *parent != row.source.session) {
        meta.parent = Some(parent);
        meta.relation = Some("subagent".to_owned());
        meta.parent_call = row.fields.word("callingToolUseId");
        meta.agent = Some("subagent".to_owned());
    }
}

fn message(row: &Row<'_>, known: &mut Known, sink: &mut Sink<'_>) {
    let Some(said) = row.fields.object("message") else {
        return sink.unknown("message without a message");
    };
    let role = match said.text("role").unwrap_or_default().as_str() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        role => return sink.unknown(&format!("role:{role}")),
    };
    let read = |content| {
        anthropic::content(content, &mut known.calls, sink, |text| match role {
            Role::System => Provenance::Injected,
            Role::User => said::provenance(text, &INJECTED_PREFIXES),
            _ => Provenance::Conversational,
        })
    };
    let content = said.get("content").map(read).unwrap_or_default();
    let mut message = row.message(content.role(role), content.parts, sink);
    message.model = said.word("model").or_else(|| row.fields.word("model")).filter(|_| role == Role::Assistant);
    row.say(message, sink);
}
