//! Zed: `threads.db`, in which a thread is one JSON document, compressed with zstd.
//!
//! A thread's document is cut at its messages, so that one more of them is all that a later read gives. A message tells
//! no time: the thread's own are the session's.

use crate::adapter::{RowParser, SessionAdapter};
use crate::cursor::FileStamp;
use crate::database::{Database, Filter, Record, Select};
use crate::discover::{self, Discovery, Source};
use crate::documents::{Document, Documents};
use crate::environment::{Environment, Platform};
use crate::json::{self, Fields};
use crate::key::{content_hash, line_id, said_hash};
use crate::sink::Sink;
use crate::splitter::{Piece, Shape, Splitter};
use jay_types::session::{Message, Part, Provenance, Role};
use jay_types::{Error, Result, Timestamp};
use rusqlite::types::Value as Stored;
use serde_json::Value;
use serde_json::value::RawValue;
use std::io::{BufRead, BufReader, Cursor, Read as _};
use std::path::{Path, PathBuf};

const NAME: &str = "zed";
const TABLE: &str = "threads";
const FILE: &str = "threads.db";
const SHAPE: Shape = Shape { is_many: false, key: Some("messages") };
/// Bytes of a thread's document: what is compressed can be made to promise any number.
const DOCUMENT_MAX_BYTES: u64 = 4 << 30;

/// The adapter.
#[derive(Clone, Copy, Debug)]
pub struct Zed;

impl SessionAdapter for Zed {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn roots(&self, environment: &Environment) -> Vec<PathBuf> {
        let data = match environment.platform {
            Platform::MacOs => environment.join(&environment.programs_config(), &["Zed"]),
            Platform::Windows => {
                let local =
                    environment.directory("LOCALAPPDATA").unwrap_or_else(|| environment.in_home(&["AppData", "Local"]));
                environment.join(&local, &["Zed"])
            }
            Platform::Linux => {
                let data =
                    environment.directory("FLATPAK_XDG_DATA_HOME").or_else(|| environment.directory("XDG_DATA_HOME"));
                let data = data.unwrap_or_else(|| environment.in_home(&[".local", "share"]));
                environment.join(&data, &["zed"])
            }
        };
        vec![environment.join(&data, &["threads"])]
    }

    fn discover(&self, environment: &Environment) -> Discovery {
        let mut discovery = Discovery::default();
        for root in self.roots(environment) {
            tree(&root, &mut discovery);
        }
        discovery
    }

    fn discover_path(&self, path: &Path) -> Result<Discovery> {
        let mut discovery = Discovery::default();
        if discover::existing(path)?.is_file() {
            database(path, &mut discovery);
        } else {
            tree(path, &mut discovery);
        }
        Ok(discovery)
    }

    fn documents(&self, source: &Source) -> Result<Option<Box<dyn Documents>>> {
        Ok(Some(Box::new(Thread::open(&source.path, source.within.as_deref().unwrap_or_default())?)))
    }

    fn parser(&self, source: &Source, _: Option<&Value>) -> Box<dyn RowParser> {
        Box::new(Parser { source: source.clone() })
    }
}

fn tree(root: &Path, discovery: &mut Discovery) {
    for path in discover::near(root, FILE, discovery) {
        database(&path, discovery);
    }
}

fn database(path: &Path, discovery: &mut Discovery) {
    let columns = ["id", "updated_at", "parent_id", "#data"];
    let all = Select { table: TABLE, columns: &columns, filter: Filter::All, order: &["updated_at", "id"] };
    match Database::open(path).and_then(|database| database.rows(&all)) {
        Ok(rows) => discovery.sources.extend(rows.iter().filter_map(|row| source(path, row))),
        Err(error) => discovery.problem(path, error.message),
    }
}

fn source(path: &Path, row: &Record) -> Option<Source> {
    let session = row.text("id")?;
    let updated = row.text("updated_at").unwrap_or_default();
    let bytes = u64::try_from(row.integer("data").unwrap_or(0)).unwrap_or(0);
    let seen = content_hash(&[updated.as_bytes(), &bytes.to_le_bytes()]);
    let stamp = FileStamp {
        size_bytes: bytes,
        modified: Some(Timestamp::parse(&updated).unwrap_or(Timestamp(0))),
        inode: seen.0.first_chunk().map(|first| u64::from_le_bytes(*first)),
    };
    let (parent, within) = (row.text("parent_id"), Some(session.clone()));
    let relation = parent.as_ref().map(|_| "subagent".to_owned());
    let (client, path) = (NAME.to_owned(), path.to_path_buf());
    Some(Source { client, path, within, session, parent, relation, stamp, ..Source::default() })
}

/// A thread: its row without the document, then the document's pieces.
struct Thread {
    row: Option<Document>,
    pieces: Splitter<Box<dyn BufRead + Send>>,
}

impl Thread {
    fn open(path: &Path, session: &str) -> Result<Self> {
        let database = Database::open(path)?;
        let id = Stored::Text(session.to_owned());
        let wanted = Select { table: TABLE, columns: &[], filter: Filter::Equal("id", &id), order: &[] };
        let mut row = database.rows(&wanted)?.into_iter().next().unwrap_or_default();
        let bytes = match row.remove("data") {
            Some(Stored::Blob(bytes)) => bytes,
            Some(Stored::Text(text)) => text.into_bytes(),
            _ => Vec::new(),
        };
        let name = path.display().to_string();
        let input: Box<dyn BufRead + Send> = if row.text("data_type").as_deref() == Some("zstd") {
            let frames = zstd::Decoder::new(Cursor::new(bytes))
                .map_err(|cause| Error::io(format!("cannot read session database {name}"), &cause))?;
            Box::new(BufReader::new(frames.take(DOCUMENT_MAX_BYTES)))
        } else {
            Box::new(Cursor::new(bytes))
        };
        let line = serde_json::json!({ "table": TABLE, "row": row.json() }).to_string();
        let row = Document { key: b"row".to_vec(), bytes: line.into_bytes(), is_fragment: false };
        Ok(Self { row: Some(row), pieces: Splitter::new(input, SHAPE, name) })
    }
}

impl Documents for Thread {
    fn next(&mut self, max_bytes: usize) -> Result<Option<Document>> {
        match self.row.take() {
            Some(row) => Ok(Some(row)),
            None => self.pieces.next(max_bytes),
        }
    }

    fn pending_bytes(&self) -> u64 {
        self.pieces.pending_bytes()
    }

    fn rest(&mut self) -> Option<Document> {
        self.pieces.rest()
    }
}

struct Parser {
    source: Source,
}

impl RowParser for Parser {
    fn row(&mut self, row: &[u8], sink: &mut Sink<'_>) {
        let said = match SHAPE.read(row) {
            Piece::Element(element) => self.element(&element, sink),
            Piece::Around(_) | Piece::Bracket => Err(String::new()),
            Piece::Other => Err("(not JSON)".to_owned()),
        };
        if let Err(kind) = said {
            if !kind.is_empty() {
                sink.unknown(&kind);
            }
            sink.carrier(&self.source.session, None, None, content_hash(&[row]));
        }
    }

    fn state(&self) -> Value {
        Value::Null
    }
}

impl Parser {
    fn element(&self, element: &str, sink: &mut Sink<'_>) -> Result<(), String> {
        let Some(fields) = Fields::parse(element) else {
            // The person let the model go on.
            return Err(if element == "\"Resume\"" { String::new() } else { "(not an object)".to_owned() });
        };
        if fields.text("table").is_some() {
            self.thread(&fields.object("row").unwrap_or_default(), sink);
            return Err(String::new());
        }
        if let Some(user) = fields.object("User") {
            return self.said(Role::User, user.word("id"), content(&user, sink), sink);
        }
        if let Some(agent) = fields.object("Agent") {
            let parts = content(&agent, sink);
            let said = self.said(Role::Assistant, None, parts, sink);
            return self.results(agent.object("tool_results").unwrap_or_default().values(), sink).or(said);
        }
        let role = crate::tables::role(fields.text("role").as_deref())?;
        let said = self.said(role, fields.word("id"), segments(&fields, sink), sink);
        let results = fields.get("tool_results").and_then(json::array).unwrap_or_default();
        self.results(results, sink).or(said)
    }

    fn thread(&self, row: &Fields<'_>, sink: &mut Sink<'_>) {
        let meta = sink.session(&self.source.session);
        meta.title = row.word("summary");
        meta.parent.clone_from(&self.source.parent);
        meta.relation.clone_from(&self.source.relation);
        meta.project = row.word("folder_paths").and_then(|paths| paths.lines().next().map(str::to_owned));
        for at in ["created_at", "updated_at"].iter().filter_map(|name| row.time(name)) {
            meta.saw(at);
        }
    }

    fn said(&self, role: Role, id: Option<String>, parts: Vec<Part>, sink: &mut Sink<'_>) -> Result<(), String> {
        if parts.is_empty() {
            return Err("(message without parts)".to_owned());
        }
        let session = &self.source.session;
        let id = id.unwrap_or_else(|| line_id(session, sink.line()));
        let (role, hash) = (Some(role), said_hash(Some(role), &parts));
        sink.message(session, hash, Message { id, role, author: None, at: None, model: None, parts, row: 0 });
        Ok(())
    }

    /// The answers of tools, each a message.
    fn results(&self, results: Vec<&RawValue>, sink: &mut Sink<'_>) -> Result<(), String> {
        let mut read = Err(String::new());
        for raw in results {
            let fields = json::object(raw).unwrap_or_default();
            let Some(id) = fields.word("tool_use_id") else { continue };
            let output = fields.get("content").or_else(|| fields.get("output"));
            let output = output.map_or_else(String::new, |raw| {
                let inner = json::object(raw).and_then(|fields| fields.text("Text").or_else(|| fields.text("text")));
                json::text(raw).or(inner).unwrap_or_else(|| raw.get().to_owned())
            });
            let (name, is_error) = (fields.word("tool_name"), fields.is_true("is_error"));
            let message = format!("{}/{id}", line_id(&self.source.session, sink.line()));
            let part = Part::ToolResult { id, name, output, is_error };
            read = self.said(Role::Tool, Some(message), vec![part], sink);
        }
        read
    }
}

/// The content of a message, `[{"Text": …}, …]`.
fn content(fields: &Fields<'_>, sink: &mut Sink<'_>) -> Vec<Part> {
    let mut parts = Vec::new();
    for raw in fields.get("content").and_then(json::array).unwrap_or_default() {
        let item = json::object(raw).unwrap_or_default();
        let Some((kind, value)) = item.single() else {
            sink.unknown("content:(no kind)");
            continue;
        };
        let inner = json::object(value).unwrap_or_default();
        match kind {
            "Text" => {
                let text = json::text(value).unwrap_or_default();
                parts.push(Part::Text { text, provenance: Provenance::Conversational });
            }
            "Thinking" => parts.push(Part::Reasoning { text: inner.text("text").unwrap_or_default() }),
            "RedactedThinking" => parts.push(Part::Reasoning { text: String::new() }),
            "Image" => parts.push(Part::File { name: None, media_type: Some("image".to_owned()), uri: None }),
            "Mention" => {
                let uri = inner.get("uri").map(|raw| json::text(raw).unwrap_or_else(|| raw.get().to_owned()));
                parts.push(Part::File { name: uri, media_type: None, uri: None });
                parts.extend(inner.word("content").map(|text| Part::Text { text, provenance: Provenance::Injected }));
            }
            "ToolUse" => parts.push(call(&inner)),
            _ => sink.unknown(&format!("content:{kind}")),
        }
    }
    parts
}

fn call(fields: &Fields<'_>) -> Part {
    Part::ToolCall {
        id: fields.text("id").unwrap_or_default(),
        name: fields.text("name").unwrap_or_default(),
        input: fields.get("input").map_or(Value::Null, json::value),
    }
}

/// The content of a message as it was kept before.
fn segments(fields: &Fields<'_>, sink: &mut Sink<'_>) -> Vec<Part> {
    let mut parts = Vec::new();
    for raw in fields.get("segments").and_then(json::array).unwrap_or_default() {
        let segment = json::object(raw).unwrap_or_default();
        let text = segment.text("text").unwrap_or_default();
        match segment.text("type").as_deref() {
            Some("text") => parts.push(Part::Text { text, provenance: Provenance::Conversational }),
            Some("thinking") => parts.push(Part::Reasoning { text }),
            Some("redacted_thinking") => parts.push(Part::Reasoning { text: String::new() }),
            other => sink.unknown(&format!("segment:{}", other.unwrap_or("(no type)"))),
        }
    }
    parts.extend(fields.word("context").map(|text| Part::Text { text, provenance: Provenance::Injected }));
    let calls = fields.get("tool_uses").and_then(json::array).unwrap_or_default();
    parts.extend(calls.iter().filter_map(|raw| json::object(raw).map(|fields| call(&fields))));
    parts
}
