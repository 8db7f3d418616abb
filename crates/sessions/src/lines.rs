//! What the adapters of clients that keep lines in a file have in common: a client is a table of functions
//! ([`JsonLines`]), and where the lines are JSON, the meaning of its rows is a [`Reading`].
//!
//! **Invariant:** a row from which a reading makes no message becomes a carrier here, so no reading can lose one.

use crate::adapter::{RowParser, SessionAdapter};
use crate::calls::Calls;
use crate::discover::{self, Discovery, Source};
use crate::environment::Environment;
use crate::json::Fields;
use crate::key::{content_hash, line_id};
use crate::sink::Sink;
use jay_types::session::{Message, Part, Role, SessionMeta};
use jay_types::{Hash, Result, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::path::{Path, PathBuf};

/// A client that keeps its sessions in files of lines, mostly JSON.
pub struct JsonLines {
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    pub(crate) roots: fn(&Environment) -> Vec<PathBuf>,
    /// Names of hidden directories in which sessions lie all the same.
    pub(crate) hidden: &'static [&'static str],
    /// Whether a file of a directory is a session. A file that a person names is always read as one.
    pub(crate) is_session: fn(&Path) -> bool,
    /// Fills in what the file's place, its first rows and its neighbours tell. The session is the file's name before.
    pub(crate) describe: fn(&mut Source),
    pub(crate) parser: fn(&Source, Option<&Value>) -> Box<dyn RowParser>,
}

impl fmt::Debug for JsonLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLines").field("name", &self.name).finish_non_exhaustive()
    }
}

impl JsonLines {
    /// What a file's place and neighbours tell.
    pub(crate) fn source(&self, path: &Path, discovery: &mut Discovery) {
        let Some(stamp) = discover::stamp(path, discovery) else { return };
        let mut source = Source {
            client: self.name.to_owned(),
            path: path.to_path_buf(),
            session: discover::stem(path),
            stamp,
            ..Source::default()
        };
        (self.describe)(&mut source);
        discovery.sources.push(source);
    }

    fn tree(&self, root: &Path, discovery: &mut Discovery) {
        if root.is_file() {
            return self.source(root, discovery);
        }
        discover::walk(root, self.hidden, discovery, |path, discovery| {
            if (self.is_session)(path) {
                self.source(path, discovery);
            }
        });
    }
}

impl SessionAdapter for JsonLines {
    fn name(&self) -> &'static str {
        self.name
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn roots(&self, environment: &Environment) -> Vec<PathBuf> {
        (self.roots)(environment)
    }

    fn discover(&self, environment: &Environment) -> Discovery {
        discover::under(self.roots(environment), |root, discovery| self.tree(root, discovery))
    }

    fn discover_path(&self, path: &Path) -> Result<Discovery> {
        let mut discovery = Discovery::default();
        let is_file = discover::existing(path)?.is_file();
        // Names of directories above the file tell what it is, and a file is known again by its path.
        let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        if is_file {
            self.source(&whole, &mut discovery);
        } else {
            self.tree(&whole, &mut discovery);
        }
        Ok(discovery)
    }

    fn parser(&self, source: &Source, state: Option<&Value>) -> Box<dyn RowParser> {
        (self.parser)(source, state)
    }
}

/// What a client's rows mean. The value itself is what must be remembered between rows.
pub(crate) trait Reading: Default + Serialize + DeserializeOwned + Send + 'static {
    /// The field that holds a row's id.
    const ID: &'static str = "id";
    /// The field that holds a row's time.
    const TIME: &'static str = "timestamp";

    /// The row of a file that stands in the row of a database, for clients that keep either; the kind of what is not known, or an
    /// empty text, where it says nothing. None where these are the fields of a row of a file.
    fn inner(_: &Fields<'_>) -> Option<Result<String, String>> {
        None
    }

    /// Puts what a row says in the sink; where that is nothing, its row is kept as a carrier.
    fn read(&mut self, row: &Row<'_>, known: &mut Known, sink: &mut Sink<'_>);
}

/// What every reading remembers.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Known {
    pub(crate) calls: Calls,
    /// The model in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
    /// Of what the source told: what stands beside a file, as a title, may come after its first rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    told: Option<Hash>,
    has_project: bool,
}

impl Known {
    /// The project directory; the first one stays.
    pub(crate) fn project(&mut self, row: &Row<'_>, found: Option<String>, sink: &mut Sink<'_>) {
        if let (false, Some(found)) = (self.has_project, found) {
            self.has_project = true;
            sink.session(&row.source.session).project = Some(found);
        }
    }

    /// The model in use from here on.
    pub(crate) fn model(&mut self, found: Option<String>) {
        self.model = found.or_else(|| self.model.take());
    }

    /// Tells what the source tells, where that has not been told.
    fn begin(&mut self, source: &Source, sink: &mut Sink<'_>) {
        let Source { parent, relation, parent_call, agent, title, project, .. } = source;
        let facts = [parent, relation, parent_call, agent, title, project];
        let facts = content_hash(&facts.map(|fact| fact.as_deref().unwrap_or_default().as_bytes()));
        let meta = sink.session(&source.session);
        if self.told.replace(facts) == Some(facts) {
            return;
        }
        self.has_project |= project.is_some();
        let told = SessionMeta {
            parent: parent.clone(),
            relation: relation.clone(),
            parent_call: parent_call.clone(),
            agent: agent.clone(),
            title: title.clone(),
            project: project.clone(),
            ..SessionMeta::default()
        };
        meta.merge(&told);
    }
}

/// One row, as an object.
pub(crate) struct Row<'a> {
    pub(crate) source: &'a Source,
    pub(crate) fields: Fields<'a>,
    /// Its `type`; empty where it has none.
    pub(crate) kind: String,
    pub(crate) id: Option<String>,
    pub(crate) at: Option<Timestamp>,
    /// Of all its bytes.
    pub(crate) hash: Hash,
}

impl Row<'_> {
    /// A message of this row's id and time.
    pub(crate) fn message(&self, role: Role, parts: Vec<Part>, sink: &Sink<'_>) -> Message {
        let id = self.id.clone().unwrap_or_else(|| line_id(&self.source.session, sink.line()));
        Message { id, role: Some(role), author: None, at: self.at, model: None, parts, row: 0 }
    }

    /// Puts a message in the sink.
    pub(crate) fn say(&self, message: Message, sink: &mut Sink<'_>) {
        sink.message(&self.source.session, self.hash, message);
    }

    /// Leaves the row as a carrier; it is counted where its kind is none of `silent`.
    pub(crate) fn leave(&self, silent: &[&str], sink: &mut Sink<'_>) {
        if !silent.contains(&self.kind.as_str()) {
            sink.unknown(if self.kind.is_empty() { "(no type)" } else { &self.kind });
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(default, bound = "R: Reading")]
struct State<R> {
    known: Known,
    reading: R,
}

impl<R: Reading> Default for State<R> {
    fn default() -> Self {
        Self { known: Known::default(), reading: R::default() }
    }
}

struct Parser<R> {
    source: Source,
    state: State<R>,
}

/// A parser whose rows mean what `R` says.
pub(crate) fn parser<R: Reading>(source: &Source, state: Option<&Value>) -> Box<dyn RowParser> {
    let state = state.and_then(|state| serde_json::from_value(state.clone()).ok()).unwrap_or_default();
    Box::new(Parser::<R> { source: source.clone(), state })
}

impl<R: Reading> RowParser for Parser<R> {
    fn row(&mut self, row: &[u8], sink: &mut Sink<'_>) {
        self.state.known.begin(&self.source, sink);
        let text = std::str::from_utf8(row).map_err(|_| "(not UTF-8)".to_owned());
        let fields = text.and_then(|text| Fields::parse(text).ok_or_else(|| "(not an object)".to_owned()));
        let taken = fields.and_then(|fields| match R::inner(&fields) {
            None => {
                self.take(fields, content_hash(&[row]), sink);
                Ok(())
            }
            Some(inner) => {
                let inner = inner?;
                let fields = Fields::parse(&inner).ok_or("(not an object)")?;
                self.take(fields, content_hash(&[inner.as_bytes()]), sink);
                Ok(())
            }
        });
        if let Err(kind) = taken {
            if !kind.is_empty() {
                sink.unknown(&kind);
            }
            sink.carrier(&self.source.session, None, None, content_hash(&[row]));
        }
    }

    fn state(&self) -> Value {
        serde_json::to_value(&self.state).unwrap_or_default()
    }
}

impl<R: Reading> Parser<R> {
    fn take(&mut self, fields: Fields<'_>, hash: Hash, sink: &mut Sink<'_>) {
        let Self { source, state } = self;
        let (kind, id, at) = (fields.text("type").unwrap_or_default(), fields.word(R::ID), fields.time(R::TIME));
        if let Some(at) = at {
            sink.session(&source.session).saw(at);
        }
        let row = Row { source, fields, kind, id, at, hash };
        let before = sink.collected.messages.len();
        state.reading.read(&row, &mut state.known, sink);
        if sink.collected.messages.len() == before {
            sink.carrier(&source.session, row.id, at, hash);
        }
    }
}
