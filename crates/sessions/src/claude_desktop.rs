//! Claude's desktop app: `local-agent-mode-sessions/<account>/<workspace>/local_<id>/audit.jsonl` in its data
//! directory, with `local_<id>.json` beside the directory.
//!
//! The transcript that the agent inside writes for itself (`.claude`) tells the same and is left alone.

use crate::anthropic;
use crate::claude_code::INJECTED_PREFIXES;
use crate::discover::{self, Source};
use crate::environment::{Environment, Platform};
use crate::json;
use crate::key::content_hash;
use crate::lines::{JsonLines, Known, Reading, Row, parser};
use crate::said;
use crate::sink::Sink;
use jay_types::session::{Provenance, Role};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The adapter.
pub const CLAUDE_DESKTOP: JsonLines = JsonLines {
    name: "claude-desktop",
    version: 1,
    roots,
    hidden: &[],
    is_session: |path| path.file_name().is_some_and(|name| name == "audit.jsonl"),
    describe,
    parser: parser::<Audit>,
};

const DIRECTORY: &str = "local-agent-mode-sessions";

/// Types of rows that say nothing in the conversation.
const SILENT_TYPES: [&str; 5] = ["system", "result", "rate_limit_event", "tool_use_summary", "stream_event"];

fn roots(environment: &Environment) -> Vec<PathBuf> {
    match environment.platform {
        Platform::MacOs => vec![environment.in_home(&["Library", "Application Support", "Claude", DIRECTORY])],
        Platform::Linux => {
            let config = environment.directory("XDG_CONFIG_HOME").unwrap_or_else(|| environment.in_home(&[".config"]));
            vec![environment.join(&config, &["Claude", DIRECTORY])]
        }
        Platform::Windows => {
            let roaming = environment.directory("APPDATA");
            let roaming = roaming.unwrap_or_else(|| environment.in_home(&["AppData", "Roaming"]));
            let mut roots = vec![environment.join(&roaming, &["Claude", DIRECTORY])];
            roots.extend(packages(environment));
            roots
        }
    }
}

/// Where the app was installed from the store, its data lies in a package of a name that is not fixed.
fn packages(environment: &Environment) -> Vec<PathBuf> {
    let local = environment.directory("LOCALAPPDATA").unwrap_or_else(|| environment.in_home(&["AppData", "Local"]));
    let packages = environment.join(&local, &["Packages"]);
    let Ok(entries) = std::fs::read_dir(packages) else { return Vec::new() };
    let named = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().to_lowercase().contains("claude"));
    let mut found: Vec<_> =
        named.map(|entry| environment.join(&entry.path(), &["LocalCache", "Roaming", "Claude", DIRECTORY])).collect();
    found.sort();
    found
}

fn describe(source: &mut Source) {
    let Some(directory) = source.path.parent().map(ToOwned::to_owned) else { return };
    if let Some(name) = discover::directory_name(&source.path, 1) {
        source.session = name;
    }
    discover::sidecar(&directory.with_extension("json"), |fields| {
        source.session = fields.word("sessionId").unwrap_or_else(|| std::mem::take(&mut source.session));
        source.title = fields.word("title");
        let chosen = fields.get("userSelectedFolders").and_then(json::array).unwrap_or_default();
        source.project = chosen.first().and_then(|first| json::text(first)).or_else(|| fields.word("cwd"));
    });
}

/// Nothing but what every reading remembers.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Audit {}

impl Reading for Audit {
    const ID: &'static str = "uuid";
    const TIME: &'static str = "_audit_timestamp";

    fn read(&mut self, row: &Row<'_>, known: &mut Known, sink: &mut Sink<'_>) {
        let role = match row.kind.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => {
                known.project(row, row.fields.word("cwd"), sink);
                known.model(row.fields.word("model"));
                let version = row.fields.word("claude_code_version");
                let meta = sink.session(&row.source.session);
                meta.client_version = version.or_else(|| meta.client_version.take());
                return;
            }
            _ => return row.leave(&SILENT_TYPES, sink),
        };
        let Some(said) = row.fields.object("message") else {
            return sink.unknown(&format!("{} without a message", row.kind));
        };
        let put_in = row.fields.is_true("isSynthetic") || row.fields.is_true("isMeta");
        let read = |content| {
            anthropic::content(content, &mut known.calls, sink, |text| match role {
                _ if put_in => Provenance::Injected,
                Role::User => said::provenance(text, &INJECTED_PREFIXES),
                _ => Provenance::Conversational,
            })
        };
        let content = said.get("content").map(read).unwrap_or_default();
        let mut message = row.message(content.role(role), content.parts, sink);
        message.model = said.word("model").filter(|_| role == Role::Assistant);
        message.author = row.fields.word("parent_tool_use_id").map(|_| "subagent".to_owned());
        // The audit's own time and seal are not part of what was said.
        let hash = content_hash(&[row.kind.as_bytes(), row.fields.raw("message"), row.fields.raw("tool_use_result")]);
        sink.message(&row.source.session, hash, message);
    }
}
