//! Claude Code: `projects/<slug>/<session>.jsonl` under its configuration directory.
//!
//! A subagent's rows stand in a file of their own and carry the parent's session id, so its id comes from the file's
//! place. One answer of the model is several rows, one per content block, under one `message.id`; each is a message.
//! What else a row holds (usage, `toolUseResult`, signatures) stays in the verbatim row.

use crate::adapter::{RowParser, SessionAdapter};
use crate::anthropic;
use crate::calls::Calls;
use crate::discover::{self, Discovery, Source};
use crate::environment::Environment;
use crate::json::Fields;
use crate::key::{content_hash, line_id};
use crate::sink::Sink;
use jay_types::session::{Message, Provenance, Role, SessionMeta};
use jay_types::{Result, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};

const NAME: &str = "claude-code";
/// The age at which sessions are removed where the settings say nothing.
const CLEANUP_DAYS: u32 = 30;

/// The adapter.
#[derive(Clone, Copy, Debug)]
pub struct ClaudeCode;

/// Types of rows that say nothing in the conversation.
const SILENT_TYPES: [&str; 13] = [
    "system",
    "attachment",
    "queue-operation",
    "permission-mode",
    "last-prompt",
    "custom-title",
    "ai-title",
    "agent-name",
    "progress",
    "fork-context-ref",
    "bridge-session",
    "summary",
    "file-history-snapshot",
];

/// How a text begins that the client put in a person's mouth.
pub(crate) const INJECTED_PREFIXES: [&str; 11] = [
    "<task-notification>",
    "<command-name>",
    "<command-message>",
    "<command-args>",
    "<local-command-caveat>",
    "<local-command-stdout>",
    "<local-command-stderr>",
    "<bash-stdout>",
    "<bash-stderr>",
    "<system-reminder>",
    "[Request interrupted by user",
];

impl SessionAdapter for ClaudeCode {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    /// The configuration directory that the person chose, else the usual ones.
    fn roots(&self, environment: &Environment) -> Vec<PathBuf> {
        if let Some(chosen) = environment.directory("CLAUDE_CONFIG_DIR") {
            return vec![environment.join(&chosen, &["projects"])];
        }
        let config = environment.directory("XDG_CONFIG_HOME").unwrap_or_else(|| environment.in_home(&[".config"]));
        vec![environment.in_home(&[".claude", "projects"]), environment.join(&config, &["claude", "projects"])]
    }

    fn discover(&self, environment: &Environment) -> Discovery {
        discover::under(self.roots(environment), tree)
    }

    fn discover_path(&self, path: &Path) -> Result<Discovery> {
        let mut discovery = Discovery::default();
        if discover::existing(path)?.is_file() {
            let source = source(path, &mut discovery);
            discovery.sources.extend(source);
        } else if path.join("projects").is_dir() {
            tree(&path.join("projects"), &mut discovery);
        } else {
            tree(path, &mut discovery);
        }
        Ok(discovery)
    }

    /// `cleanupPeriodDays` of its settings, 30 where they say nothing.
    fn cleanup_days(&self, environment: &Environment) -> Option<u32> {
        let told = self.roots(environment).iter().filter_map(|root| root.parent()).find_map(|directory| {
            let settings = discover::peek(&directory.join("settings.json"))?;
            let settings: Value = serde_json::from_str(&settings).ok()?;
            u32::try_from(settings.get("cleanupPeriodDays")?.as_u64()?).ok()
        });
        Some(told.unwrap_or(CLEANUP_DAYS))
    }

    fn parser(&self, source: &Source, state: Option<&Value>) -> Box<dyn RowParser> {
        let state = state.and_then(|state| serde_json::from_value(state.clone()).ok()).unwrap_or_default();
        Box::new(Parser { source: source.clone(), state })
    }
}

fn tree(root: &Path, discovery: &mut Discovery) {
    discover::walk(root, &[], discovery, |path, discovery| {
        let is_transcript = path.extension().is_some_and(|ending| ending == "jsonl")
            && path.file_name().is_some_and(|name| name != "journal.jsonl");
        if is_transcript {
            let source = source(path, discovery);
            discovery.sources.extend(source);
        }
    });
}

fn source(path: &Path, discovery: &mut Discovery) -> Option<Source> {
    let stamp = discover::stamp(path, discovery)?;
    let (client, session) = (NAME.to_owned(), discover::stem(path));
    let mut source = Source { client, path: path.to_path_buf(), session, stamp, ..Source::default() };
    describe(&mut source);
    Some(source)
}

/// What a file's place and neighbours tell; its session is the file's name before.
pub(crate) fn describe(source: &mut Source) {
    let path = &source.path;
    if !source.session.starts_with("agent-") {
        if !discover::is_uuid(&source.session) {
            source.session = first_session(path).unwrap_or_else(|| source.session.clone());
        }
        return;
    }
    let Some(parent) = parent_directory(path).or_else(|| first_session(path)) else {
        source.agent = Some("subagent".to_owned());
        return;
    };
    let meta_text = discover::peek(&path.with_extension("meta.json")).unwrap_or_default();
    let meta = Fields::parse(&meta_text).unwrap_or_default();
    source.session = format!("{parent}/{}", source.session);
    source.parent = Some(parent);
    source.relation = Some("subagent".to_owned());
    source.parent_call = meta.word("toolUseId");
    source.agent = meta.word("agentType");
    source.title = meta.word("description");
}

/// The name of the directory above `subagents`: the parent's session.
fn parent_directory(path: &Path) -> Option<String> {
    let subagents = path.ancestors().find(|ancestor| ancestor.file_name().is_some_and(|name| name == "subagents"))?;
    Some(subagents.parent()?.file_name()?.to_string_lossy().into_owned())
}

/// The session id of the first row that tells one.
fn first_session(path: &Path) -> Option<String> {
    discover::first_object(path, |fields| fields.word("sessionId"))
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    calls: Calls,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// A subagent's type as its rows tell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    /// Who made the title: 0 none, 1 a summary or description, 2 the model, 3 the person.
    title_rank: u8,
    has_parent: bool,
}

struct Parser {
    source: Source,
    state: State,
}

impl RowParser for Parser {
    fn row(&mut self, row: &[u8], sink: &mut Sink<'_>) {
        let Some(fields) = std::str::from_utf8(row).ok().and_then(Fields::parse) else {
            sink.unknown(if std::str::from_utf8(row).is_ok() { "(not an object)" } else { "(not UTF-8)" });
            sink.carrier(&self.source.session, None, None, content_hash(&[row]));
            return;
        };
        let kind = fields.text("type").unwrap_or_default();
        let at = fields.time("timestamp");
        self.meta(&kind, &fields, at, sink);
        match (kind.as_str(), fields.object("message")) {
            ("user" | "assistant", Some(message)) => self.message(&kind, &fields, &message, at, sink),
            (kind, message) => {
                match kind {
                    "" => sink.unknown("(no type)"),
                    "user" | "assistant" => sink.unknown(&format!("{kind} without a message")),
                    _ if !SILENT_TYPES.contains(&kind) => sink.unknown(kind),
                    _ => {}
                }
                let hash = hash(kind, &fields, message.as_ref());
                let hash = if message.is_none() { content_hash(&[&hash.0, row]) } else { hash };
                sink.carrier(&self.source.session, fields.word("uuid"), at, hash);
            }
        }
    }

    fn state(&self) -> Value {
        serde_json::to_value(&self.state).unwrap_or_default()
    }
}

impl Parser {
    fn message(
        &mut self,
        kind: &str,
        fields: &Fields<'_>,
        message: &Fields<'_>,
        at: Option<Timestamp>,
        sink: &mut Sink<'_>,
    ) {
        let model = message.word("model");
        // The client answers in the model's place where a call of the API failed.
        let synthetic = model.as_deref() == Some("<synthetic>") || fields.is_true("isApiErrorMessage");
        let put_in = synthetic || fields.is_true("isMeta") || fields.is_true("isCompactSummary");
        let provenance = |text: &str| {
            let begins = text.trim_start();
            let injected = kind == "user" && INJECTED_PREFIXES.iter().any(|prefix| begins.starts_with(prefix));
            if put_in || injected { Provenance::Injected } else { Provenance::Conversational }
        };
        let content = message
            .get("content")
            .map(|content| anthropic::content(content, &mut self.state.calls, sink, provenance))
            .unwrap_or_default();
        let role = content.role(if kind == "assistant" { Role::Assistant } else { Role::User });
        // Rows of a subagent inside its parent's file: versions that had no files for subagents.
        let inline = fields.is_true("isSidechain") && self.source.parent.is_none();
        let author = inline.then(|| fields.word("agentId").unwrap_or_else(|| "subagent".to_owned()));
        let session = &self.source.session;
        let id = fields.word("uuid").unwrap_or_else(|| line_id(session, sink.line()));
        let hash = hash(kind, fields, Some(message));
        sink.message(session, hash, Message { id, role: Some(role), author, at, model, parts: content.parts, row: 0 });
    }

    /// What the row tells of its session. Only what changed is put in the sink.
    fn meta(&mut self, kind: &str, fields: &Fields<'_>, at: Option<Timestamp>, sink: &mut Sink<'_>) {
        let (source, state) = (&self.source, &mut self.state);
        let meta = sink.session(&source.session);
        if let Some(at) = at {
            meta.saw(at);
        }
        if meta.parent.is_none() && source.parent.is_some() {
            meta.parent.clone_from(&source.parent);
            meta.relation.clone_from(&source.relation);
            meta.parent_call.clone_from(&source.parent_call);
        }
        if meta.agent.is_none() {
            meta.agent.clone_from(&source.agent);
        }
        if source.parent.is_some() && source.agent.is_none() {
            let unnamed = || state.agent.is_none().then(|| "subagent".to_owned());
            let found = fields.word("attributionAgent").or_else(unnamed);
            replace(&mut state.agent, found, &mut meta.agent);
        }
        if state.project.is_none() {
            state.project = fields.word("cwd");
            meta.project.clone_from(&state.project);
        }
        replace(&mut state.branch, fields.word("gitBranch"), &mut meta.git_branch);
        replace(&mut state.version, fields.word("version"), &mut meta.client_version);
        if source.parent.is_none() && !state.has_parent {
            let other = fields.word("sessionId").filter(|id| *id != source.session);
            if other.is_some() && discover::is_uuid(&source.session) {
                state.has_parent = true;
                meta.parent = other;
                meta.relation = Some("continuation".to_owned());
            }
        }
        title(kind, fields, source, &mut state.title_rank, meta);
    }
}

/// Takes `found` where it is new.
fn replace(known: &mut Option<String>, found: Option<String>, meta: &mut Option<String>) {
    if found.is_some() && *known != found {
        meta.clone_from(&found);
        *known = found;
    }
}

/// A person's title counts more than the model's, and that more than a summary; of equals the later.
fn title(kind: &str, fields: &Fields<'_>, source: &Source, known_rank: &mut u8, meta: &mut SessionMeta) {
    let (rank, title) = match kind {
        "custom-title" => (3, fields.word("customTitle").or_else(|| fields.word("title"))),
        "ai-title" => (2, fields.word("aiTitle").or_else(|| fields.word("title"))),
        "summary" => (1, fields.word("summary")),
        _ if *known_rank == 0 => (1, source.title.clone()),
        _ => return,
    };
    if title.is_some() && rank >= *known_rank {
        *known_rank = rank;
        meta.title = title;
    }
}

/// What makes a message the same in another file.
fn hash(kind: &str, fields: &Fields<'_>, message: Option<&Fields<'_>>) -> jay_types::Hash {
    let of_message = |name| message.map_or(&[][..], |message| message.raw(name));
    content_hash(&[
        kind.as_bytes(),
        fields.raw("parentUuid"),
        of_message("role"),
        of_message("content"),
        fields.raw("toolUseResult"),
    ])
}
