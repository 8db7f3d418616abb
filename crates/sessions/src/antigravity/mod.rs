//! Antigravity: `conversations/<id>.db`, and `transcript.jsonl`, the log that it keeps of a conversation beside what it works with.
//!
//! The log says less: it is read where there is no database that can be.

mod database;
mod steps;
mod wire;

use crate::adapter::{RowParser, SessionAdapter};
use crate::database::is_database;
use crate::discover::{self, Discovery, Source};
use crate::documents::Documents;
use crate::environment::Environment;
use crate::files;
use crate::json::{self, Fields};
use crate::key::{content_hash, line_id, said_hash};
use crate::sink::Sink;
use database::Conversation;
use jay_types::Result;
use jay_types::session::{Message, Part, Provenance, Role};
use serde_json::Value;
use std::path::{Path, PathBuf};
pub(crate) use steps::usage;

const NAME: &str = "antigravity";
/// Where the log stands below a conversation's directory.
const LOG: [&str; 3] = [".system_generated", "logs", "transcript.jsonl"];
/// Directories of the products that keep conversations.
const PRODUCTS: [&str; 4] = ["antigravity", "antigravity-cli", "antigravity-acp", "antigravity-ide"];
/// What each of them keeps.
const DIRECTORIES: [&str; 2] = ["brain", "conversations"];

/// The adapter.
#[derive(Clone, Copy, Debug)]
pub struct Antigravity;

impl SessionAdapter for Antigravity {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn roots(&self, environment: &Environment) -> Vec<PathBuf> {
        let product = |product| DIRECTORIES.map(|directory| environment.in_home(&[".gemini", product, directory]));
        PRODUCTS.into_iter().flat_map(product).collect()
    }

    fn discover(&self, environment: &Environment) -> Discovery {
        let mut discovery = Discovery::default();
        for product in PRODUCTS {
            directory(&environment.in_home(&[".gemini", product]), &mut discovery);
        }
        discover::distinct(&mut discovery);
        discovery
    }

    fn discover_path(&self, path: &Path) -> Result<Discovery> {
        let mut discovery = Discovery::default();
        if discover::existing(path)?.is_dir() {
            directory(path, &mut discovery);
        } else if is_database(path) {
            database::database(path, &|| false, &mut discovery);
        } else if path.extension().is_some_and(|ending| ending == "pb") {
            discovery.unsupported(path, database::ENCRYPTED);
        } else if let Some(whole) = database::of_log(path) {
            database::database(&whole, &|| false, &mut discovery);
        } else {
            let source = source(path, &mut discovery);
            discovery.sources.extend(source);
        }
        Ok(discovery)
    }

    fn documents(&self, source: &Source) -> Result<Option<Box<dyn Documents>>> {
        if source.within.is_none() {
            return Ok(None);
        }
        Ok(Some(Box::new(Conversation::open(&source.path)?)))
    }

    fn parser(&self, source: &Source, _: Option<&Value>) -> Box<dyn RowParser> {
        Box::new(Parser { source: source.clone() })
    }
}

/// The conversations of a product, of a directory of logs or databases, or of one log; the log's directory is hidden, so that no
/// walk would find it.
fn directory(root: &Path, discovery: &mut Discovery) {
    let mut conversations = files::directories(root);
    conversations.extend(files::directories(&root.join("brain")));
    conversations.insert(0, root.to_path_buf());
    let mut logged = Vec::new();
    for conversation in conversations {
        let log = LOG.iter().fold(conversation, |path, name| path.join(name));
        if log.is_file() && discover::stays(root, &log, discovery) && database::of_log(&log).is_none() {
            let source = source(&log, discovery);
            logged.extend(source.as_ref().map(|source| source.session.clone()));
            discovery.sources.extend(source);
        }
    }
    for directory in [root.to_path_buf(), root.join("conversations")] {
        database::directory(&directory, |session| logged.iter().any(|known| known == session), discovery);
    }
}

fn source(log: &Path, discovery: &mut Discovery) -> Option<Source> {
    let stamp = discover::stamp(log, discovery)?;
    let is_there = log.ends_with(LOG.iter().collect::<PathBuf>());
    let conversation = log.ancestors().nth(LOG.len()).and_then(Path::file_name).filter(|_| is_there);
    let session = conversation.map_or_else(|| discover::stem(log), |name| name.to_string_lossy().into_owned());
    Some(Source { client: NAME.to_owned(), path: log.to_path_buf(), session, stamp, ..Source::default() })
}

/// Reads lines of a log, and rows of a database.
struct Parser {
    source: Source,
}

impl RowParser for Parser {
    fn row(&mut self, row: &[u8], sink: &mut Sink<'_>) {
        let mut id = None;
        if let Err(kind) = self.line(row, &mut id, sink) {
            if !kind.is_empty() {
                sink.unknown(&kind);
            }
            sink.carrier(&self.source.session, id, None, content_hash(&[row]));
        }
    }

    fn state(&self) -> Value {
        Value::Null
    }
}

impl Parser {
    /// Puts what a row says in the sink; else the kind of what is not known, or an empty text, and in `id` the client's own.
    fn line(&self, row: &[u8], id: &mut Option<String>, sink: &mut Sink<'_>) -> std::result::Result<(), String> {
        let text = std::str::from_utf8(row).map_err(|_| "(not UTF-8)")?;
        let fields = Fields::parse(text).ok_or("(not an object)")?;
        let Some((table, row)) = fields.text("table").zip(fields.object("row")) else {
            return self.logged(&fields, sink);
        };
        match table.as_str() {
            "steps" => {
                let idx = row.get("idx").and_then(json::integer);
                *id = idx.map(|idx| format!("{}:step-{idx:06}", self.source.session));
                self.step(&row, id.as_ref(), fields.word("model"), sink)
            }
            "trajectory_metadata_blob" => {
                self.about(&row, sink);
                Err(String::new())
            }
            "trajectory_meta" | "parent_references" | "battle_mode_infos" => Err(String::new()),
            _ => Err(format!("table:{table}")),
        }
    }

    fn step(
        &self,
        row: &Fields<'_>,
        id: Option<&String>,
        model: Option<String>,
        sink: &mut Sink<'_>,
    ) -> std::result::Result<(), String> {
        let session = &self.source.session;
        if let Some(title) = steps::title(row) {
            sink.session(session).title = Some(title);
        }
        let steps::Said { role, at, parts } = steps::read(row)?;
        if let Some(at) = at {
            sink.session(session).saw(at);
        }
        let id = id.cloned().unwrap_or_else(|| line_id(session, sink.line()));
        let model = model.filter(|_| role == Role::Assistant);
        let (role, hash) = (Some(role), said_hash(Some(role), &parts));
        sink.message(session, hash, Message { id, role, author: None, at, model, parts, row: 0 });
        Ok(())
    }

    /// What is told of the conversation as a whole.
    fn about(&self, row: &Fields<'_>, sink: &mut Sink<'_>) {
        let bytes = steps::bytes(row, "data").unwrap_or_default();
        let Some(told) = wire::Message::parse(&bytes) else {
            return sink.unknown("(what is told of it cannot be decoded)");
        };
        let uri = told.messages(1).find_map(|workspace| workspace.word(1)).or_else(|| told.word(7));
        let meta = sink.session(&self.source.session);
        meta.project = self.source.project.clone().or_else(|| discover::file_uri(uri?));
        meta.git_branch = told.messages(1).find_map(|workspace| workspace.word(4)).map(str::to_owned);
        let parent = told.word(5).filter(|parent| *parent != self.source.session);
        meta.parent = parent.map(str::to_owned);
        meta.relation = parent.map(|_| "subagent".to_owned());
        if let Some(at) = told.message(2).and_then(steps::time) {
            meta.saw(at);
        }
    }

    fn logged(&self, fields: &Fields<'_>, sink: &mut Sink<'_>) -> std::result::Result<(), String> {
        let session = &self.source.session;
        let role = match fields.text("source").as_deref() {
            Some("USER_EXPLICIT" | "USER") => Role::User,
            Some("MODEL") => Role::Assistant,
            Some("TOOL") => Role::Tool,
            Some("SYSTEM" | "USER_IMPLICIT") => Role::System,
            other => return Err(format!("source:{}", other.unwrap_or("(none)"))),
        };
        let Some(content) = fields.word("content") else { return Err(String::new()) };
        let parts = if role == Role::User { wrapped(&content) } else { vec![part(role, content)] };
        let at = fields.time("created_at");
        let meta = sink.session(session);
        if let Some(at) = at {
            meta.saw(at);
        }
        let (role, hash) = (Some(role), content_hash(&[&said_hash(Some(role), &parts).0, fields.raw("created_at")]));
        let id = line_id(session, sink.line());
        sink.message(session, hash, Message { id, role, author: None, at, model: None, parts, row: 0 });
        Ok(())
    }
}

fn part(role: Role, text: String) -> Part {
    let is_said = matches!(role, Role::User | Role::Assistant);
    Part::Text { text, provenance: if is_said { Provenance::Conversational } else { Provenance::Injected } }
}

/// What a person said, in `<USER_REQUEST>`, and what the client put around it.
fn wrapped(content: &str) -> Vec<Part> {
    let inner = content.split_once("<USER_REQUEST>").and_then(|(before, rest)| {
        let (request, after) = rest.split_once("</USER_REQUEST>")?;
        Some((before, request, after))
    });
    let Some((before, request, after)) = inner else { return vec![part(Role::User, content.to_owned())] };
    let texts = [(before, Provenance::Injected), (request, Provenance::Conversational), (after, Provenance::Injected)];
    let kept = texts.into_iter().filter(|(text, _)| !text.trim().is_empty());
    kept.map(|(text, provenance)| Part::Text { text: text.trim().to_owned(), provenance }).collect()
}
