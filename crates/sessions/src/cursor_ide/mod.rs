//! Cursor, the editor: `state.vscdb`, a table of keys and values in which `composerData:<id>` is a session and
//! `bubbleId:<session>:<id>` a message of it.
//!
//! Which messages a session has, and in what order, its `fullConversationHeadersOnly` tells; messages that it does not
//! name are kept behind the others. The table `ItemTable` beside it holds the person's tokens: of that nothing is read but
//! the list of the sessions of a workspace.

mod rows;

use crate::adapter::{RowParser, SessionAdapter};
use crate::cursor::FileStamp;
use crate::database::{Database, Filter, Record, Select};
use crate::discover::{self, Discovery, Source};
use crate::documents::{Document, Documents};
use crate::environment::Environment;
use crate::json::{self, Fields};
use crate::key::content_hash;
use jay_types::{Result, Timestamp};
use rusqlite::types::Value as Stored;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

const NAME: &str = "cursor-ide";
const TABLE: &str = "cursorDiskKV";
const FILE: &str = "state.vscdb";
const SESSION: &str = "composerData:";
const MESSAGE: &str = "bubbleId:";

/// The adapter.
#[derive(Clone, Copy, Debug)]
pub struct CursorIde;

impl SessionAdapter for CursorIde {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    /// The editor's directory of a person.
    fn roots(&self, environment: &Environment) -> Vec<PathBuf> {
        vec![environment.join(&environment.programs_config(), &["Cursor", "User"])]
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
            state(path, &BTreeMap::new(), &mut discovery);
        } else {
            tree(path, &mut discovery);
        }
        Ok(discovery)
    }

    fn documents(&self, source: &Source) -> Result<Option<Box<dyn Documents>>> {
        let session = source.within.as_deref().unwrap_or_default();
        Ok(Some(Box::new(Session::open(&source.path, session)?)))
    }

    fn parser(&self, source: &Source, state: Option<&Value>) -> Box<dyn RowParser> {
        Box::new(rows::Parser::new(source, state))
    }
}

/// Every database of a directory, with the folders that its workspaces belong to.
fn tree(root: &Path, discovery: &mut Discovery) {
    let databases = discover::near(root, FILE, discovery);
    let mut folders = BTreeMap::new();
    for path in &databases {
        // One that cannot be read is a problem of its own below.
        let _ = workspace(path, &mut folders);
    }
    for path in &databases {
        state(path, &folders, discovery);
    }
}

/// Adds the sessions of a workspace with its folder.
fn workspace(path: &Path, folders: &mut BTreeMap<String, String>) -> Result<()> {
    let Some(folder) = folder(path) else { return Ok(()) };
    let database = Database::open(path)?;
    let key = Stored::Text("composer.composerData".to_owned());
    let wanted = Select { table: "ItemTable", columns: &["value"], filter: Filter::Equal("key", &key), order: &[] };
    for row in database.rows(&wanted)? {
        let Some(fields) = text(&row).and_then(Fields::parse) else { continue };
        for composer in fields.get("allComposers").and_then(json::array).unwrap_or_default() {
            if let Some(id) = json::object(composer).and_then(|composer| composer.word("composerId")) {
                folders.insert(id, folder.clone());
            }
        }
    }
    Ok(())
}

/// The folder of the workspace whose database this is.
fn folder(path: &Path) -> Option<String> {
    let text = discover::peek(&path.with_file_name("workspace.json"))?;
    let uri = Fields::parse(&text)?.word("folder")?;
    discover::file_uri(&uri)
}

/// Puts every session of a database into `discovery`.
fn state(path: &Path, folders: &BTreeMap<String, String>, discovery: &mut Discovery) {
    match Database::open(path).and_then(|database| sessions(&database)) {
        Ok(found) => discovery.sources.extend(found.into_iter().map(|(session, stamp)| Source {
            client: NAME.to_owned(),
            path: path.to_path_buf(),
            within: Some(session.clone()),
            project: folders.get(&session).cloned(),
            session,
            stamp,
            ..Source::default()
        })),
        Err(error) => discovery.problem(path, error.message),
    }
}

fn sessions(database: &Database) -> Result<Vec<(String, FileStamp)>> {
    let mut messages: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let keys =
        Select { table: TABLE, columns: &["key", "#value"], filter: Filter::Begins("key", MESSAGE), order: &["key"] };
    database.each(&keys, |row| {
        if let Some((session, _)) = row.text("key").as_deref().and_then(|key| key.get(MESSAGE.len()..)?.split_once(':'))
        {
            let (count, bytes) = messages.entry(session.to_owned()).or_default();
            *count += 1;
            *bytes += u64::try_from(row.integer("value").unwrap_or(0)).unwrap_or(0);
        }
        Ok(())
    })?;
    let mut found = Vec::new();
    let all =
        Select { table: TABLE, columns: &["key", "value"], filter: Filter::Begins("key", SESSION), order: &["key"] };
    database.each(&all, |row| {
        let key = row.text("key").unwrap_or_default();
        let (Some(id), Some(value)) = (key.get(SESSION.len()..), text(&row)) else { return Ok(()) };
        let (count, bytes) = messages.get(id).copied().unwrap_or_default();
        let fields = Fields::parse(value).unwrap_or_default();
        // One that was opened and left has no words.
        let is_empty = ["conversation", "fullConversationHeadersOnly"]
            .iter()
            .all(|name| fields.get(name).and_then(json::array).unwrap_or_default().is_empty());
        if count > 0 || !is_empty {
            let modified = fields.time("lastUpdatedAt").or_else(|| fields.time("createdAt")).unwrap_or(Timestamp(0));
            let seen = content_hash(&[value.as_bytes(), &count.to_le_bytes(), &bytes.to_le_bytes()]);
            let inode = seen.0.first_chunk().map(|first| u64::from_le_bytes(*first));
            let size_bytes = bytes + value.len() as u64;
            found.push((id.to_owned(), FileStamp { size_bytes, modified: Some(modified), inode }));
        }
        Ok(())
    })?;
    Ok(found)
}

/// A value as text, which the client keeps as text or as bytes.
fn text(row: &Record) -> Option<&str> {
    std::str::from_utf8(row.bytes("value")?).ok()
}

/// One session: itself, then its messages in their order.
struct Session {
    database: Database,
    keys: VecDeque<String>,
}

impl Session {
    fn open(path: &Path, session: &str) -> Result<Self> {
        let database = Database::open(path)?;
        let own = format!("{SESSION}{session}");
        let beginning = format!("{MESSAGE}{session}:");
        let mut keys = VecDeque::from([own.clone()]);
        for row in row(&database, own)? {
            let fields = text(&row).and_then(Fields::parse).unwrap_or_default();
            for header in fields.get("fullConversationHeadersOnly").and_then(json::array).unwrap_or_default() {
                if let Some(id) = json::object(header).and_then(|header| header.word("bubbleId")) {
                    keys.push_back(format!("{beginning}{id}"));
                }
            }
        }
        let named: BTreeSet<String> = keys.iter().cloned().collect();
        let all =
            Select { table: TABLE, columns: &["key"], filter: Filter::Begins("key", &beginning), order: &["key"] };
        database.each(&all, |row| {
            keys.extend(row.text("key").filter(|key| !named.contains(key)));
            Ok(())
        })?;
        Ok(Self { database, keys })
    }
}

fn row(database: &Database, key: String) -> Result<Vec<Record>> {
    let key = Stored::Text(key);
    database.rows(&Select { table: TABLE, columns: &["key", "value"], filter: Filter::Equal("key", &key), order: &[] })
}

impl Documents for Session {
    fn next(&mut self, _: usize) -> Result<Option<Document>> {
        while let Some(key) = self.keys.pop_front() {
            // A message that is named and not there was deleted.
            let Some(row) = row(&self.database, key.clone())?.into_iter().next() else { continue };
            let line = serde_json::json!({ "table": TABLE, "row": row.with_text("value").json() });
            return Ok(Some(Document {
                key: key.into_bytes(),
                bytes: line.to_string().into_bytes(),
                is_fragment: false,
            }));
        }
        Ok(None)
    }
}
