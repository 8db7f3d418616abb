//! `store.db` of Cursor's command line: blobs by their SHA-256, of which those that the latest state names are the
//! conversation.
//!
//! A message is a blob of JSON `{role, content, …}`. Every other blob (earlier states, what the screen shows, messages that
//! the latest state has let go) is kept and says nothing. Blobs are read in the order in which they were put in; those of
//! the conversation among them in its order.
//!
//! **Invariant:** every blob is a document, and one that was read is not read again unless it became a message or was one.

use super::root::Root;
use super::{INJECTED_PREFIXES, QUERY};
use crate::adapter::RowParser;
use crate::calls::{Call, Calls};
use crate::database::{Database, Filter, Record, Select};
use crate::discover::{self, Discovery, Source};
use crate::documents::{Document, Documents};
use crate::files::Tally;
use crate::json::{self, Fields};
use crate::key::{content_hash, said_hash};
use crate::said;
use crate::sink::Sink;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jay_types::Result;
use jay_types::session::{Message, Part, Provenance, Role};
use rusqlite::types::Value as Stored;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::{BTreeSet, VecDeque};
use std::path::Path;

/// What a database is called.
pub(super) const FILE: &str = "store.db";

const META: &str = "meta";
const BLOBS: &str = "blobs";
/// A session that nobody has named.
const UNNAMED: [&str; 2] = ["New Agent", "Untitled"];

/// Puts the session of a database into the discovery; one in which nothing was said is none.
pub(super) fn sources(path: &Path, discovery: &mut Discovery) {
    let found = Database::open(path).and_then(|database| {
        let about = About::read(&database)?;
        let is_empty = about.messages.is_empty() && ids(&database)?.is_empty();
        Ok((!is_empty).then_some(about))
    });
    let about = match found {
        Ok(Some(about)) => about,
        Ok(None) => return,
        Err(error) => return discovery.problem(path, error.message),
    };
    let mut tally = Tally::default();
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let log = Path::new(&log);
    for file in [path, log].into_iter().filter(|file| *file == path || file.exists()) {
        if let Err(message) = tally.count(file) {
            discovery.problem(file, message);
        }
    }
    let by_place = discover::directory_name(path, 1).filter(|_| path.file_name().is_some_and(|name| name == FILE));
    let session = by_place.or(about.agent).unwrap_or_else(|| discover::stem(path));
    let mut source = Source {
        client: super::NAME.to_owned(),
        path: path.to_path_buf(),
        within: Some(session.clone()),
        session,
        project: about.workspace,
        title: about.name,
        stamp: tally.stamp(),
        ..Source::default()
    };
    discover::sidecar(&path.with_file_name("meta.json"), |fields| {
        source.title = fields.word("title").or_else(|| source.title.take());
        source.project = fields.word("cwd").or_else(|| source.project.take());
        source.agent = fields.is_true("isSubagent").then(|| "subagent".to_owned());
    });
    discovery.sources.push(source);
}

/// What the database tells of its session.
#[derive(Default)]
struct About {
    agent: Option<String>,
    name: Option<String>,
    workspace: Option<String>,
    /// The blobs of the conversation; none where no state can be read.
    messages: Vec<String>,
}

impl About {
    fn read(database: &Database) -> Result<Self> {
        let mut about = Self::default();
        for row in rows(database, META, None)? {
            let Some(text) = unpacked(row.bytes("value").unwrap_or_default()) else { continue };
            let Some(fields) = Fields::parse(&text) else { continue };
            about.agent = fields.word("agentId").or(about.agent);
            about.name = fields.word("name").filter(|name| !UNNAMED.contains(&name.as_str())).or(about.name);
            let Some(id) = fields.word("latestRootBlobId") else { continue };
            for blob in rows(database, BLOBS, Some(&id))? {
                let root = Root::read(blob.bytes("data").unwrap_or_default());
                let place =
                    |uri: &String| if uri.contains("://") { discover::file_uri(uri) } else { Some(uri.clone()) };
                about.workspace = root.workspaces.iter().find_map(place);
                about.messages = root.messages;
            }
        }
        Ok(about)
    }
}

/// The JSON of a value of `meta`: as it is, or in hexadecimal digits.
fn unpacked(value: &[u8]) -> Option<String> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    let bytes = value.chunks(2).map(pair).collect::<Option<Vec<u8>>>();
    String::from_utf8(bytes.unwrap_or_else(|| value.to_vec())).ok()
}

fn rows(database: &Database, table: &str, id: Option<&str>) -> Result<Vec<Record>> {
    let wanted = id.map(|id| Stored::Text(id.to_owned()));
    let filter = wanted.as_ref().map_or(Filter::All, |id| Filter::Equal("id", id));
    database.rows(&Select { table, columns: &[], filter, order: &[] })
}

/// The ids of all blobs, as they were put in.
fn ids(database: &Database) -> Result<Vec<Stored>> {
    let all = Select { table: BLOBS, columns: &["id"], filter: Filter::All, order: &["rowid"] };
    Ok(database.rows(&all)?.into_iter().filter_map(|mut row| row.remove("id")).collect())
}

/// The documents of a database: what it tells of the session, then every blob.
pub(super) fn documents(source: &Source) -> Result<Box<dyn Documents>> {
    let database = Database::open(&source.path)?;
    let about = About::read(&database)?;
    let mut waiting = VecDeque::new();
    for row in rows(&database, META, None)? {
        let key = row.text("key").unwrap_or_default();
        let told = unpacked(row.bytes("value").unwrap_or_default()).filter(|text| json::is_object(text.as_bytes()));
        let told: Option<Box<RawValue>> = told.and_then(|text| RawValue::from_string(text).ok());
        let line = serde_json::json!({ "table": META, "row": row.json(), "value": told }).to_string();
        waiting.push_back(Document {
            key: format!("{META}\0{key}").into_bytes(),
            bytes: line.into_bytes(),
            is_fragment: false,
        });
    }
    let all = ids(&database)?;
    let known: BTreeSet<&str> = all.iter().filter_map(text).collect();
    let told: Vec<String> = about.messages.into_iter().filter(|id| known.contains(id.as_str())).collect();
    let conversation = (!told.is_empty()).then(|| told.iter().cloned().collect());
    let mut in_order = told.into_iter();
    let blobs = all.into_iter().map(|id| match &conversation {
        Some(told) if is_among(told, &id) => in_order.next().map_or(id, Stored::Text),
        _ => id,
    });
    let blobs = blobs.collect();
    Ok(Box::new(Store { database, waiting, blobs, conversation }))
}

fn text(value: &Stored) -> Option<&str> {
    if let Stored::Text(text) = value { Some(text) } else { None }
}

fn is_among(told: &BTreeSet<String>, id: &Stored) -> bool {
    text(id).is_some_and(|id| told.contains(id))
}

struct Store {
    database: Database,
    waiting: VecDeque<Document>,
    blobs: VecDeque<Stored>,
    /// Those that are messages; none where no state tells, and each that looks like one is.
    conversation: Option<BTreeSet<String>>,
}

impl Documents for Store {
    fn next(&mut self, _: usize) -> Result<Option<Document>> {
        if let Some(document) = self.waiting.pop_front() {
            return Ok(Some(document));
        }
        while let Some(id) = self.blobs.pop_front() {
            let wanted = Select { table: BLOBS, columns: &[], filter: Filter::Equal("id", &id), order: &[] };
            let Some(row) = self.database.rows(&wanted)?.into_iter().next() else { continue };
            let is_told = self.conversation.as_ref().is_none_or(|told| is_among(told, &id));
            let row = row.with_text("data").json();
            let key = format!("{BLOBS}\0{is_told}\0{}", row.get("id").unwrap_or(&Value::Null));
            let line = serde_json::json!({ "table": BLOBS, "row": row, "is_told": is_told }).to_string();
            return Ok(Some(Document { key: key.into_bytes(), bytes: line.into_bytes(), is_fragment: false }));
        }
        Ok(None)
    }

    fn forgets(&self) -> bool {
        true
    }
}

/// A parser of these documents.
pub(super) fn parser(source: &Source, state: Option<&Value>) -> Box<dyn RowParser> {
    let calls = state.and_then(|state| serde_json::from_value(state.clone()).ok()).unwrap_or_default();
    Box::new(Parser { source: source.clone(), calls })
}

struct Parser {
    source: Source,
    calls: Calls,
}

impl RowParser for Parser {
    fn row(&mut self, row: &[u8], sink: &mut Sink<'_>) {
        let fields = std::str::from_utf8(row).ok().and_then(Fields::parse);
        if let Err(kind) = fields.ok_or_else(|| "(not an object)".to_owned()).and_then(|row| self.read(&row, sink)) {
            if !kind.is_empty() {
                sink.unknown(&kind);
            }
            sink.carrier(&self.source.session, None, None, content_hash(&[row]));
        }
    }

    fn state(&self) -> Value {
        serde_json::to_value(&self.calls).unwrap_or_default()
    }
}

impl Parser {
    fn read(&mut self, fields: &Fields<'_>, sink: &mut Sink<'_>) -> Result<(), String> {
        let row = fields.object("row").ok_or("(no row)")?;
        match fields.text("table").as_deref() {
            Some(META) => {
                self.about(&fields.object("value").unwrap_or_default(), sink);
                Err(String::new())
            }
            Some(BLOBS) => {
                let id = row.word("id").ok_or("(blob without an id)")?;
                let text = row.text("data");
                let message = text.as_deref().and_then(Fields::parse).filter(|data| data.get("role").is_some());
                match message {
                    Some(message) if fields.is_true("is_told") => self.message(id, &message, sink),
                    Some(_) => Err("blob:message of an earlier state".to_owned()),
                    None => Err(kind(&row, text.is_some())),
                }
            }
            other => Err(format!("table:{}", other.unwrap_or("(none)"))),
        }
    }

    fn about(&self, value: &Fields<'_>, sink: &mut Sink<'_>) {
        let meta = sink.session(&self.source.session);
        meta.title.clone_from(&self.source.title);
        meta.project.clone_from(&self.source.project);
        meta.agent.clone_from(&self.source.agent);
        // A message tells no time.
        for at in [value.time("createdAt"), self.source.stamp.modified].into_iter().flatten() {
            meta.saw(at);
        }
    }

    fn message(&mut self, id: String, fields: &Fields<'_>, sink: &mut Sink<'_>) -> Result<(), String> {
        let role = crate::tables::role(fields.text("role").as_deref())?;
        let options = cursor(fields);
        let provenance = |text: &str| match role {
            Role::System => Provenance::Injected,
            Role::User if options.is_true("isSummary") => Provenance::Injected,
            Role::User => said::provenance(text, &INJECTED_PREFIXES),
            Role::Assistant | Role::Tool => Provenance::Conversational,
        };
        let content = fields.get("content").ok_or("(message without content)")?;
        let is_error = options.object("highLevelToolCallResult").is_some_and(|told| {
            told.is_true("isError") || told.object("output").is_some_and(|output| output.is_true("isError"))
        });
        let mut model = options.word("modelName");
        let mut parts = Vec::new();
        if let Some(text) = json::text(content) {
            parts.push(Part::Text { provenance: provenance(&text), text });
        }
        for block in json::array(content).unwrap_or_default() {
            let block = json::object(block).unwrap_or_default();
            let kind = block.text("type").unwrap_or_default();
            model = model.or_else(|| cursor(&block).word("modelName"));
            match self.part(&kind, &block, (&provenance, is_error), sink) {
                Some(part) => parts.push(part),
                None => sink.unknown(&format!("content:{}", if kind.is_empty() { "(no type)" } else { &kind })),
            }
        }
        // An answer that only calls tools has an empty text.
        parts.retain(|part| !matches!(part, Part::Text { text, .. } if text.is_empty()));
        if parts.is_empty() {
            return Err("(empty content)".to_owned());
        }
        if role == Role::User {
            parts = said::unwrap(parts, QUERY);
        }
        let hash = said_hash(Some(role), &parts);
        let model = model.filter(|_| role == Role::Assistant);
        let message = Message { id, role: Some(role), author: None, at: None, model, parts, row: 0 };
        sink.message(&self.source.session, hash, message);
        Ok(())
    }

    fn part(
        &mut self,
        kind: &str,
        block: &Fields<'_>,
        (provenance, is_error): (&dyn Fn(&str) -> Provenance, bool),
        sink: &Sink<'_>,
    ) -> Option<Part> {
        Some(match kind {
            "text" => {
                let text = block.text("text")?;
                Part::Text { provenance: provenance(&text), text }
            }
            "reasoning" => Part::Reasoning { text: block.text("text")? },
            "redacted-reasoning" => Part::Reasoning { text: String::new() },
            "image" | "file" => {
                let media_type = block.word("mimeType").or_else(|| block.word("mediaType"));
                let address = block.word("url").filter(|url| !url.starts_with("data:"));
                Part::File { name: block.word("filename"), media_type, uri: address }
            }
            "tool-call" => {
                let (id, name) = (block.word("toolCallId")?, block.word("toolName")?);
                self.calls.open(&id, Call { name: name.clone(), line: sink.line(), ..Call::default() });
                let input = block.get("args").or_else(|| block.get("input"));
                Part::ToolCall { id, name, input: input.map_or(Value::Null, json::given) }
            }
            "tool-result" => {
                let id = block.word("toolCallId")?;
                let name = self.calls.close(&id).map(|call| call.name).or_else(|| block.word("toolName"));
                let told = ["result", "output", "experimental_content"].iter().find_map(|name| block.get(name));
                Part::ToolResult { id, name, output: told.map(said::words).unwrap_or_default(), is_error }
            }
            _ => return None,
        })
    }
}

/// What a blob that is no message is; nothing for a state, which is known.
fn kind(row: &Fields<'_>, is_text: bool) -> String {
    let packed = row.object("data").and_then(|data| data.text("base64"));
    let is_root = packed.and_then(|packed| STANDARD.decode(packed).ok());
    match is_root.is_some_and(|bytes| !Root::read(&bytes).messages.is_empty()) {
        true => String::new(),
        false => if is_text { "blob:text" } else { "blob:binary" }.to_owned(),
    }
}

/// What Cursor adds to a message or to a part of one.
fn cursor<'a>(fields: &Fields<'a>) -> Fields<'a> {
    fields.object("providerOptions").and_then(|options| options.object("cursor")).unwrap_or_default()
}
