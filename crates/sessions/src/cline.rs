//! Cline and Roo Code, which come from one program: messages of Anthropic's API in a JSON file that is written whole.
//!
//! As extensions of an editor they keep `tasks/<id>/api_conversation_history.json` in its `globalStorage`; Cline from
//! version 4 keeps `sessions/<id>/<id>.messages.json` in its own directory. `ui_messages.json` beside the former says the
//! same once more and is not read.

use crate::adapter::{RowParser, SessionAdapter};
use crate::anthropic;
use crate::calls::Calls;
use crate::discover::{self, Discovery, Source};
use crate::documents::Documents;
use crate::environment::Environment;
use crate::json::{self, Fields};
use crate::key::{content_hash, line_id, said_hash};
use crate::sink::Sink;
use crate::splitter::{self, Piece, Shape};
use jay_types::session::{Message, Provenance, Role};
use jay_types::{Result, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Editors in which the extensions run, by the names of their directories.
const HOSTS: [&str; 6] = ["Code", "Code - Insiders", "VSCodium", "Cursor", "Windsurf", "Trae"];
/// Directories of editors that run on a server, below the home directory.
const SERVERS: [&str; 3] = [".vscode-server", ".cursor-server", ".windsurf-server"];
const HISTORY: &str = "api_conversation_history.json";
/// Characters of the title that is taken from a task's words.
const TITLE_MAX_CHARS: usize = 120;

/// How a text begins that the client put in a person's mouth.
const INJECTED_PREFIXES: [&str; 8] = [
    "<environment_details>",
    "<explicit_instructions",
    "<file_content",
    "<folder_content",
    "[TASK RESUMPTION]",
    "[ERROR]",
    "# task_progress",
    "The user has provided additional context",
];

/// The adapter, of one of the two.
#[derive(Clone, Copy, Debug)]
pub struct Cline {
    name: &'static str,
    extensions: &'static [&'static str],
}

/// Cline.
pub const CLINE: Cline = Cline { name: "cline", extensions: &["saoudrizwan.claude-dev"] };
/// Roo Code and what came from it.
pub const ROO: Cline =
    Cline { name: "roo", extensions: &["rooveterinaryinc.roo-cline", "zoocodeorganization.zoo-code"] };

impl SessionAdapter for Cline {
    fn name(&self) -> &'static str {
        self.name
    }

    fn version(&self) -> u32 {
        1
    }

    /// The storage of the extension in every editor and, of Cline, its own directory.
    fn roots(&self, environment: &Environment) -> Vec<PathBuf> {
        let config = environment.programs_config();
        let mut storages: Vec<_> =
            HOSTS.iter().map(|host| environment.join(&config, &[host, "User", "globalStorage"])).collect();
        let servers = SERVERS.iter().map(|server| environment.in_home(&[server, "data", "User", "globalStorage"]));
        storages.extend(servers);
        let each = |storage: &PathBuf| -> Vec<_> {
            self.extensions.iter().map(|extension| environment.join(storage, &[extension])).collect()
        };
        let mut roots: Vec<_> = storages.iter().flat_map(each).collect();
        roots.push(if self.name == "cline" {
            own_sessions(environment)
        } else {
            environment.in_home(&[".vscode-mock", "global-storage"])
        });
        roots
    }

    fn discover(&self, environment: &Environment) -> Discovery {
        discover::under(self.roots(environment), |root, discovery| self.tree(root, discovery))
    }

    fn discover_path(&self, path: &Path) -> Result<Discovery> {
        let mut discovery = Discovery::default();
        if discover::existing(path)?.is_file() {
            let source = self.source(path, &mut discovery);
            discovery.sources.extend(source);
        } else {
            self.tree(path, &mut discovery);
        }
        Ok(discovery)
    }

    fn documents(&self, source: &Source) -> Result<Option<Box<dyn Documents>>> {
        splitter::open(&source.path, Shape::of_file(&source.path, "messages")).map(Some)
    }

    fn parser(&self, source: &Source, state: Option<&Value>) -> Box<dyn RowParser> {
        let state = state.and_then(|state| serde_json::from_value(state.clone()).ok()).unwrap_or_default();
        Box::new(Parser { source: source.clone(), state })
    }
}

/// Where Cline keeps its sessions from version 4.
pub(crate) fn own_sessions(environment: &Environment) -> PathBuf {
    if let Some(sessions) = environment.directory("CLINE_SESSION_DATA_DIR") {
        return sessions;
    }
    let data = environment.directory("CLINE_DATA_DIR").unwrap_or_else(|| {
        let base = environment.directory("CLINE_DIR").unwrap_or_else(|| environment.in_home(&[".cline"]));
        environment.join(&base, &["data"])
    });
    environment.join(&data, &["sessions"])
}

impl Cline {
    fn tree(self, root: &Path, discovery: &mut Discovery) {
        discover::walk(root, &[], discovery, |path, discovery| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name == HISTORY || name.ends_with(".messages.json") {
                let source = self.source(path, discovery);
                discovery.sources.extend(source);
            }
        });
    }

    /// What a file's place and neighbours tell.
    fn source(self, path: &Path, discovery: &mut Discovery) -> Option<Source> {
        let stamp = discover::stamp(path, discovery)?;
        let directory = path.parent().unwrap_or(path);
        let task = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let stem = discover::stem(path).trim_end_matches(".messages").to_owned();
        let plain = Source { client: self.name.to_owned(), path: path.to_path_buf(), stamp, ..Source::default() };
        if path.file_name().is_some_and(|name| name == HISTORY) {
            let (project, title) = task_entry(directory, &task);
            return Some(Source { session: task, project, title, ..plain });
        }
        let text = discover::peek(&directory.join(format!("{task}.json"))).unwrap_or_default();
        let meta = Fields::parse(&text).unwrap_or_default();
        let project = ["cwd", "workspaceRoot", "workspace"].iter().find_map(|name| meta.word(name));
        let is_agent = stem != task;
        Some(Source {
            session: if is_agent { format!("{task}/{stem}") } else { task.clone() },
            parent: is_agent.then_some(task),
            relation: is_agent.then(|| "subagent".to_owned()),
            agent: is_agent.then(|| "subagent".to_owned()),
            title: meta.word("title").or_else(|| meta.word("prompt")).as_deref().map(short).filter(|_| !is_agent),
            project,
            ..plain
        })
    }
}

/// The directory and the words of a task, from the list of tasks or from the file that Roo keeps beside each.
fn task_entry(directory: &Path, task: &str) -> (Option<String>, Option<String>) {
    let told = |entry: &Fields<'_>| {
        let project = ["workspace", "cwdOnTaskInitialization"].iter().find_map(|name| entry.word(name));
        (project, entry.word("task").as_deref().map(short))
    };
    let text = discover::peek(&directory.join("history_item.json")).unwrap_or_default();
    if let Some(entry) = Fields::parse(&text) {
        return told(&entry);
    }
    let list = directory.parent().and_then(Path::parent).map(|base| base.join("state").join("taskHistory.json"));
    let bytes = list.and_then(|list| crate::files::read(&list).ok()).unwrap_or_default();
    let entries: Vec<Box<serde_json::value::RawValue>> = serde_json::from_slice(&bytes).unwrap_or_default();
    let mut entries = entries.iter().filter_map(|entry| json::object(entry));
    entries.find(|entry| entry.text("id").as_deref() == Some(task)).map(|entry| told(&entry)).unwrap_or_default()
}

/// The first words of a task.
fn short(task: &str) -> String {
    let line = task.trim().lines().next().unwrap_or_default();
    jay_types::text::shorten(line, TITLE_MAX_CHARS)
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    calls: Calls,
    is_begun: bool,
}

struct Parser {
    source: Source,
    state: State,
}

impl RowParser for Parser {
    fn row(&mut self, row: &[u8], sink: &mut Sink<'_>) {
        self.meta(sink);
        // Whether the messages stand under a key makes no difference to one that is looked at by itself.
        let said = match (Shape { is_many: false, key: Some("messages") }).read(row) {
            Piece::Element(element) => Fields::parse(&element).map(|fields| self.message(&fields, sink)),
            Piece::Around(_) | Piece::Bracket => Some(Err(String::new())),
            Piece::Other => Some(Err("(not JSON)".to_owned())),
        };
        let Err(kind) = said.unwrap_or_else(|| Err("(not an object)".to_owned())) else { return };
        if !kind.is_empty() {
            sink.unknown(&kind);
        }
        sink.carrier(&self.source.session, None, None, content_hash(&[row]));
    }

    fn state(&self) -> Value {
        serde_json::to_value(&self.state).unwrap_or_default()
    }
}

impl Parser {
    fn meta(&mut self, sink: &mut Sink<'_>) {
        let source = &self.source;
        let meta = sink.session(&source.session);
        if std::mem::replace(&mut self.state.is_begun, true) {
            return;
        }
        meta.parent.clone_from(&source.parent);
        meta.relation.clone_from(&source.relation);
        meta.agent.clone_from(&source.agent);
        meta.title.clone_from(&source.title);
        meta.project.clone_from(&source.project);
        // The name of an old task is the time at which it began, in milliseconds.
        let began = source
            .session
            .parse::<i64>()
            .ok()
            .filter(|millis| (1_500_000_000_000..10_000_000_000_000).contains(millis));
        if let Some(millis) = began {
            meta.saw(Timestamp(millis * 1000));
        }
    }

    fn message(&mut self, fields: &Fields<'_>, sink: &mut Sink<'_>) -> Result<(), String> {
        let session = self.source.session.clone();
        let content = fields.get("content").ok_or_else(|| "(no content)".to_owned())?;
        let role = match fields.text("role").as_deref() {
            Some("user") => Role::User,
            Some("assistant") => Role::Assistant,
            other => return Err(format!("role:{}", other.unwrap_or("(none)"))),
        };
        let provenance = |text: &str| {
            let begins = text.trim_start();
            let is_injected = role == Role::User
                && (INJECTED_PREFIXES.iter().any(|prefix| begins.starts_with(prefix)) || is_result(begins));
            if is_injected { Provenance::Injected } else { Provenance::Conversational }
        };
        let content = anthropic::content(content, &mut self.state.calls, sink, provenance);
        if content.parts.is_empty() {
            return Err("(empty content)".to_owned());
        }
        let at = fields.time("ts").or_else(|| fields.time("timestamp"));
        if let Some(at) = at {
            sink.session(&session).saw(at);
        }
        let role = if content.only_results { Role::Tool } else { role };
        let model = fields.object("modelInfo").and_then(|info| info.word("modelId")).or_else(|| fields.word("model"));
        let id = fields.word("id").unwrap_or_else(|| line_id(&session, sink.line()));
        let hash = said_hash(Some(role), &content.parts);
        let message = Message { id, role: Some(role), author: None, at, model, parts: content.parts, row: 0 };
        sink.message(&session, hash, message);
        Ok(())
    }
}

/// True for the answer of a tool as text: `[read_file for 'a'] Result:`.
fn is_result(text: &str) -> bool {
    let line = text.lines().next().unwrap_or_default();
    line.starts_with('[') && line.contains("] Result:")
}
