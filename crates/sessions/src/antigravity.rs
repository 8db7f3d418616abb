//! Antigravity: `transcript.jsonl`, the log that it keeps of a conversation beside what it works with.
//!
//! The databases in `conversations/` say the same in a form that is not published; they are not read.

use crate::adapter::{RowParser, SessionAdapter};
use crate::discover::{self, Discovery, Source};
use crate::environment::Environment;
use crate::files;
use crate::json::Fields;
use crate::key::{content_hash, line_id, said_hash};
use crate::sink::Sink;
use jay_types::Result;
use jay_types::session::{Message, Part, Provenance, Role};
use serde_json::Value;
use std::path::{Path, PathBuf};

const NAME: &str = "antigravity";
/// Where the log stands below a conversation's directory.
const LOG: [&str; 3] = [".system_generated", "logs", "transcript.jsonl"];
/// Directories of the products that keep such logs.
const PRODUCTS: [&str; 3] = ["antigravity", "antigravity-cli", "antigravity-acp"];

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
        PRODUCTS.iter().map(|product| environment.in_home(&[".gemini", product, "brain"])).collect()
    }

    fn discover(&self, environment: &Environment) -> Discovery {
        let mut discovery = Discovery::default();
        for root in self.roots(environment) {
            directory(&root, &mut discovery);
        }
        discover::distinct(&mut discovery);
        discovery
    }

    fn discover_path(&self, path: &Path) -> Result<Discovery> {
        let mut discovery = Discovery::default();
        if discover::existing(path)?.is_file() {
            let source = source(path, &mut discovery);
            discovery.sources.extend(source);
        } else {
            directory(path, &mut discovery);
        }
        Ok(discovery)
    }

    fn parser(&self, source: &Source, _: Option<&Value>) -> Box<dyn RowParser> {
        Box::new(Parser { session: source.session.clone() })
    }
}

/// The conversations of a directory, or itself; the log's directory is hidden, so that no walk would find it.
fn directory(root: &Path, discovery: &mut Discovery) {
    let mut conversations = files::directories(root);
    conversations.extend(files::directories(&root.join("brain")));
    conversations.insert(0, root.to_path_buf());
    for conversation in conversations {
        let log = LOG.iter().fold(conversation, |path, name| path.join(name));
        if log.is_file() && discover::stays(root, &log, discovery) {
            let source = source(&log, discovery);
            discovery.sources.extend(source);
        }
    }
}

fn source(log: &Path, discovery: &mut Discovery) -> Option<Source> {
    let stamp = discover::stamp(log, discovery)?;
    let is_there = log.ends_with(LOG.iter().collect::<PathBuf>());
    let conversation = log.ancestors().nth(LOG.len()).and_then(Path::file_name).filter(|_| is_there);
    let session = conversation.map_or_else(|| discover::stem(log), |name| name.to_string_lossy().into_owned());
    Some(Source { client: NAME.to_owned(), path: log.to_path_buf(), session, stamp, ..Source::default() })
}

struct Parser {
    session: String,
}

impl RowParser for Parser {
    fn row(&mut self, row: &[u8], sink: &mut Sink<'_>) {
        if let Err(kind) = self.line(row, sink) {
            if !kind.is_empty() {
                sink.unknown(&kind);
            }
            sink.carrier(&self.session, None, None, content_hash(&[row]));
        }
    }

    fn state(&self) -> Value {
        Value::Null
    }
}

impl Parser {
    fn line(&self, row: &[u8], sink: &mut Sink<'_>) -> Result<(), String> {
        let text = std::str::from_utf8(row).map_err(|_| "(not UTF-8)")?;
        let fields = Fields::parse(text).ok_or("(not an object)")?;
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
        let meta = sink.session(&self.session);
        if let Some(at) = at {
            meta.saw(at);
        }
        let (role, hash) = (Some(role), content_hash(&[&said_hash(Some(role), &parts).0, fields.raw("created_at")]));
        let id = line_id(&self.session, sink.line());
        sink.message(&self.session, hash, Message { id, role, author: None, at, model: None, parts, row: 0 });
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
