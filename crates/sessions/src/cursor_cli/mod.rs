//! Cursor's command line: `projects/<slug>/agent-transcripts/**/<session>.jsonl` under its configuration directory, and
//! beside it `chats/<hash>/<session>/store.db` (`store.rs`), the database from which the client goes on. A session that has
//! both is read from its transcript, which is what was archived of it before.
//!
//! A row is `{role, message: {content}}` in the shape of Anthropic's API, without id or time: ids are lines, and the
//! session has the time of its file. What the person said stands in `<user_query>`; what Cursor adds stands around it.

pub mod root;
mod store;

use crate::anthropic;
use crate::discover::{self, Source};
use crate::environment::Environment;
use crate::forms::{Forms, Other};
use crate::lines::{JsonLines, Known, Reading, Row, parser};
use crate::said;
use crate::sink::Sink;
use jay_types::session::{Provenance, Role};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The adapter.
pub const CURSOR_CLI: Forms = Forms {
    lines: JsonLines {
        name: NAME,
        version: 1,
        roots,
        hidden: &[],
        is_session: |path| discover::is_jsonl(path) && discover::above(path, TRANSCRIPTS).is_some(),
        describe,
        parser: parser::<Cursor>,
    },
    other: Other {
        is_source: |path| path.file_name().is_some_and(|name| name == store::FILE),
        is_form: crate::database::is_database,
        sources: store::sources,
        ids_agree: false,
        documents: store::documents,
        parser: store::parser,
    },
};

const NAME: &str = "cursor-cli";
const TRANSCRIPTS: &str = "agent-transcripts";

/// The tag in which what the person said stands.
const QUERY: &str = "user_query";

/// Types of rows that say nothing in the conversation.
const SILENT_TYPES: [&str; 2] = ["turn_ended", "turn_started"];

/// How a text without `<user_query>` begins that Cursor put in a person's mouth.
const INJECTED_PREFIXES: [&str; 8] = [
    "<user_info>",
    "<system_reminder>",
    "<system_notification>",
    "<timestamp>",
    "<attached_files>",
    "<open_and_recently_viewed_files>",
    "<git_status>",
    "<agent_transcripts>",
];

fn roots(environment: &Environment) -> Vec<PathBuf> {
    let home = environment.directory("CURSOR_CONFIG_DIR").unwrap_or_else(|| environment.in_home(&[".cursor"]));
    ["projects", "chats"].map(|directory| environment.join(&home, &[directory])).to_vec()
}

fn describe(source: &mut Source) {
    let Some(transcripts) = discover::above(&source.path, TRANSCRIPTS) else { return };
    let trusted = transcripts.parent().map(|project| project.join(".workspace-trusted"));
    source.project = trusted.and_then(|path| discover::sidecar(&path, |fields| fields.word("workspacePath"))?);
    if discover::directory_name(&source.path, 1).is_some_and(|name| name == "subagents") {
        let parent = source.path.parent().and_then(Path::parent).and_then(Path::file_name);
        source.parent = parent.map(|parent| parent.to_string_lossy().into_owned());
        source.relation = Some("subagent".to_owned());
        source.agent = Some("subagent".to_owned());
    }
}

/// Nothing has to be remembered between rows.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Cursor {}

impl Reading for Cursor {
    fn read(&mut self, row: &Row<'_>, known: &mut Known, sink: &mut Sink<'_>) {
        if let (None, Some(modified)) = (row.at, row.source.stamp.modified) {
            sink.session(&row.source.session).saw(modified);
        }
        let role = match row.fields.text("role").as_deref() {
            Some("user") => Role::User,
            Some("assistant") => Role::Assistant,
            Some("system") => Role::System,
            Some(other) => return sink.unknown(&format!("role:{other}")),
            None => return row.leave(&SILENT_TYPES, sink),
        };
        let message = row.fields.object("message").unwrap_or_default();
        let Some(content) = message.get("content").or_else(|| row.fields.get("content")) else {
            return sink.unknown("(message without content)");
        };
        let mut content = anthropic::content(content, &mut known.calls, sink, |text| match role {
            Role::System => Provenance::Injected,
            Role::User => said::provenance(text, &INJECTED_PREFIXES),
            Role::Assistant | Role::Tool => Provenance::Conversational,
        });
        let spoken = content.role(role);
        if role == Role::User {
            content.parts = said::unwrap(content.parts, QUERY);
        }
        let mut said = row.message(spoken, content.parts, sink);
        said.model = message.word("model").filter(|_| role == Role::Assistant);
        row.say(said, sink);
    }
}
