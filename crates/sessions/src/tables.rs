//! Adapters for clients whose database has a table of sessions and tables of what belongs to one: what is common to them.
//!
//! A client tells its tables ([`Layout`]), where its databases lie, and what a row of a session and of a message mean.
//!
//! **Invariant:** a row that says nothing, or that is not known, is a carrier.

use crate::adapter::{RowParser, SessionAdapter};
use crate::calls::Calls;
use crate::database::{Layout, Record};
use crate::discover::{self, Discovery, Source};
use crate::documents::Documents;
use crate::environment::Environment;
use crate::json::{self, Fields};
use crate::key::{content_hash, line_id, said_hash};
use crate::sink::Sink;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jay_types::session::{Message, Part, Role, SessionMeta};
use jay_types::{Result, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// An adapter, of one client.
#[derive(Clone, Copy, Debug)]
pub struct Tables {
    pub(crate) name: &'static str,
    pub(crate) layout: &'static Layout,
    /// Columns of a session's row that are looked at when it is found: its id, then the id of its parent, if there is one.
    pub(crate) columns: &'static [&'static str],
    pub(crate) roots: fn(&Environment) -> Vec<PathBuf>,
    /// What a database is called.
    pub(crate) file: &'static str,
    /// How a session with this row belongs to its parent, which has that one.
    pub(crate) relation: fn(&Record, &Record) -> &'static str,
    /// The project that a database belongs to by its place.
    pub(crate) project: fn(&Path) -> Option<String>,
    /// When what stands in a row came to be; where it makes no message, that is all that is told of it.
    pub(crate) time: fn(&Row<'_>) -> Option<Timestamp>,
    /// What the row of a session tells.
    pub(crate) session: fn(&Row<'_>, &mut SessionMeta),
    /// What another row says; the kind of what is not known, or an empty text, where it says nothing.
    pub(crate) message: fn(&Row<'_>, &mut Context, &mut Sink<'_>) -> Result<Said, String>,
}

/// A row by its columns.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    pub(crate) table: String,
    columns: Fields<'a>,
}

/// What is remembered from row to row.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Context {
    pub(crate) calls: Calls,
}

/// What a row says.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// The client's id; none where it has none.
    pub(crate) id: Option<String>,
    pub(crate) role: Option<Role>,
    pub(crate) at: Option<Timestamp>,
    pub(crate) model: Option<String>,
    pub(crate) parts: Vec<Part>,
}

impl Row<'_> {
    /// A text; of bytes that are UTF-8 too.
    pub(crate) fn text(&self, column: &str) -> Option<String> {
        let raw = self.columns.get(column)?;
        json::text(raw).or_else(|| {
            let bytes = STANDARD.decode(json::object(raw)?.text("base64")?).ok()?;
            String::from_utf8(bytes).ok()
        })
    }

    /// A text that is more than white space, or a number.
    pub(crate) fn word(&self, column: &str) -> Option<String> {
        let number = || self.columns.get(column).and_then(json::integer).map(|number| number.to_string());
        self.text(column).or_else(number).filter(|text| !text.trim().is_empty())
    }

    /// A time: a number, RFC 3339, or as SQLite writes it in UTC.
    pub(crate) fn time(&self, column: &str) -> Option<Timestamp> {
        self.columns.time(column).or_else(|| {
            let text = self.text(column)?;
            Timestamp::parse(&format!("{}Z", text.trim().replacen(' ', "T", 1))).ok()
        })
    }
}

impl SessionAdapter for Tables {
    fn name(&self) -> &'static str {
        self.name
    }

    fn version(&self) -> u32 {
        1
    }

    fn roots(&self, environment: &Environment) -> Vec<PathBuf> {
        (self.roots)(environment)
    }

    fn discover(&self, environment: &Environment) -> Discovery {
        discover::under(self.roots(environment), |root, discovery| self.tree(root, discovery))
    }

    fn discover_path(&self, path: &Path) -> Result<Discovery> {
        let mut discovery = Discovery::default();
        if discover::existing(path)?.is_file() {
            self.database(path, &mut discovery);
        } else {
            self.tree(path, &mut discovery);
        }
        Ok(discovery)
    }

    fn documents(&self, source: &Source) -> Result<Option<Box<dyn Documents>>> {
        self.layout.documents(&source.path, source.within.as_deref().unwrap_or_default()).map(Some)
    }

    fn parser(&self, source: &Source, state: Option<&Value>) -> Box<dyn RowParser> {
        let context = state.and_then(|state| serde_json::from_value(state.clone()).ok()).unwrap_or_default();
        Box::new(Parser { tables: *self, source: source.clone(), context })
    }
}

impl Tables {
    fn tree(&self, root: &Path, discovery: &mut Discovery) {
        for path in discover::near(root, self.file, discovery) {
            self.database(&path, discovery);
        }
    }

    fn database(&self, path: &Path, discovery: &mut Discovery) {
        let source = |row: &Record, by_id: &dyn Fn(&str) -> Option<Record>| {
            let (id, parent) = self.columns.split_first()?;
            let parent = parent.first().and_then(|column| row.text(column));
            let session = row.text(id)?;
            let relation = parent
                .as_ref()
                .map(|parent| by_id(parent).map_or("subagent", |parent| (self.relation)(row, &parent)).to_owned());
            let project = (self.project)(path);
            Some(Source { client: self.name.to_owned(), session, parent, relation, project, ..Source::default() })
        };
        self.layout.discover(path, self.columns, discovery, source);
    }
}

struct Parser {
    tables: Tables,
    source: Source,
    context: Context,
}

impl RowParser for Parser {
    fn row(&mut self, row: &[u8], sink: &mut Sink<'_>) {
        let mut at = None;
        if let Err(kind) = self.read(row, &mut at, sink) {
            if !kind.is_empty() {
                sink.unknown(&kind);
            }
            sink.carrier(&self.source.session, None, at, content_hash(&[row]));
        }
    }

    fn state(&self) -> Value {
        serde_json::to_value(&self.context).unwrap_or_default()
    }
}

impl Parser {
    /// Puts what a row says in the sink; else the kind of what is not known, or an empty text. `at` is its time.
    fn read(&mut self, row: &[u8], at: &mut Option<Timestamp>, sink: &mut Sink<'_>) -> Result<(), String> {
        let fields = std::str::from_utf8(row).ok().and_then(Fields::parse).ok_or("(not an object)")?;
        let table = fields.text("table").unwrap_or_default();
        let Some(columns) = fields.object("row") else { return Err("(no row)".to_owned()) };
        let row = Row { table, columns };
        *at = (self.tables.time)(&row);
        let session = &self.source.session;
        if self.tables.layout.tables.first().is_some_and(|sessions| sessions.table == row.table) {
            let meta = sink.session(session);
            (self.tables.session)(&row, meta);
            meta.parent = meta.parent.take().or_else(|| self.source.parent.clone());
            meta.project = meta.project.take().or_else(|| self.source.project.clone());
            meta.relation = meta.parent.as_ref().and(self.source.relation.clone());
            return Err(String::new());
        }
        let said = (self.tables.message)(&row, &mut self.context, sink)?;
        if said.parts.is_empty() {
            return Err("(message without parts)".to_owned());
        }
        if let Some(at) = said.at {
            sink.session(session).saw(at);
        }
        let Said { id, role, at, model, parts } = said;
        let id = id.unwrap_or_else(|| line_id(session, sink.line()));
        let hash = said_hash(role, &parts);
        sink.message(session, hash, Message { id, role, author: None, at, model, parts, row: 0 });
        Ok(())
    }
}

/// A role by its name.
pub(crate) fn role(name: Option<&str>) -> Result<Role, String> {
    match name {
        Some("user") => Ok(Role::User),
        Some("assistant") => Ok(Role::Assistant),
        Some("system") => Ok(Role::System),
        Some("tool") => Ok(Role::Tool),
        other => Err(format!("role:{}", other.unwrap_or("(none)"))),
    }
}
