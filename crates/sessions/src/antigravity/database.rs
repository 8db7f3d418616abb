//! `conversations/<id>.db`: a conversation as steps.
//!
//! What was sent to the model stands in it too, with the client's own instructions and files; of that only the name of the
//! model is taken, which nothing else tells.

use super::wire::{Message, packed};
use super::{LOG, NAME};
use crate::database::{Database, Filter, Record, Select, is_database};
use crate::discover::{self, Discovery, Source};
use crate::documents::{Document, Documents};
use crate::files::Tally;
use jay_types::{Code, Error, Result};
use rusqlite::types::Value;
use serde_json::Value as Json;
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

/// Tables that are read beside the steps, whole, in this order.
const BESIDE: [&str; 4] = ["trajectory_metadata_blob", "trajectory_meta", "parent_references", "battle_mode_infos"];
const STEPS: &str = "steps";
/// Why files of the form before databases are not read.
pub(super) const ENCRYPTED: &str = "its client keeps it encrypted (.pb)";
/// The latest form that is known.
const VERSION_MAX: i64 = 1;

/// What a file of a conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A database that can be read.
    Read,
    /// A later one.
    Later,
    /// Of another purpose.
    Other,
}

/// What a database is.
pub(super) fn form(path: &Path) -> Result<Form> {
    let database = Database::open(path)?;
    if database.version()? > VERSION_MAX {
        return Ok(Form::Later);
    }
    let columns = database.columns(STEPS)?;
    let has = |name: &str| columns.iter().any(|column| column == name);
    Ok(if has("idx") && has("step_payload") { Form::Read } else { Form::Other })
}

/// The database of the conversation whose log this is, where there is one that can be read. One that its client holds just now can
/// be, later: its log would say the same words a second time.
pub(super) fn of_log(log: &Path) -> Option<PathBuf> {
    let conversation = log.ancestors().nth(LOG.len())?;
    let name = format!("{}.db", conversation.file_name()?.to_string_lossy());
    let path = conversation.parent()?.parent()?.join("conversations").join(name);
    let is_read = || match form(&path) {
        Ok(form) => form == Form::Read,
        Err(error) => error.code == Code::Busy,
    };
    (is_database(&path) && is_read()).then_some(path)
}

/// Puts the conversations of a directory into `discovery`, and those that cannot be read with the reason. `has_log` tells of
/// which the log is read.
pub(super) fn directory(root: &Path, has_log: impl Fn(&str) -> bool, discovery: &mut Discovery) {
    for path in discover::files(root, discovery) {
        let ending = path.extension().unwrap_or_default().to_string_lossy().into_owned();
        let is_read_elsewhere =
            || has_log(&discover::stem(&path)) || (ending == "pb" && path.with_extension("db").is_file());
        match ending.as_str() {
            "db" => database(&path, &is_read_elsewhere, discovery),
            "pb" if !is_read_elsewhere() => discovery.unsupported(&path, ENCRYPTED),
            _ => {}
        }
    }
}

/// Puts the conversation of a database into `discovery`.
pub(super) fn database(path: &Path, is_read_elsewhere: &dyn Fn() -> bool, discovery: &mut Discovery) {
    match form(path) {
        Ok(Form::Read) => match source(path) {
            Ok(source) => discovery.sources.push(source),
            Err(message) => discovery.problem(path, message),
        },
        Ok(Form::Later) if !is_read_elsewhere() => {
            discovery.unsupported(path, format!("its form is later than version {VERSION_MAX}"));
        }
        Ok(Form::Later | Form::Other) => {}
        Err(error) => discovery.problem(path, error.message),
    }
}

fn source(path: &Path) -> std::result::Result<Source, String> {
    let mut tally = Tally::default();
    tally.count(path)?;
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let log = PathBuf::from(log);
    if log.is_file() {
        tally.count(&log)?;
    }
    let session = discover::stem(path);
    Ok(Source {
        client: NAME.to_owned(),
        path: path.to_path_buf(),
        within: Some(session.clone()),
        project: discover::sidecar(&path.with_extension("meta"), |fields| fields.word("cwd")).flatten(),
        session,
        stamp: tally.stamp(),
        ..Source::default()
    })
}

/// The rows of a conversation: what is told of it, then its steps.
pub(super) struct Conversation {
    database: Database,
    beside: VecDeque<Document>,
    steps: VecDeque<Value>,
    models: BTreeMap<u64, String>,
}

impl Conversation {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let database = Database::open(path)?;
        if database.version()? > VERSION_MAX {
            return Err(Error::bad_input(format!("{} is of a later form than version {VERSION_MAX}", path.display()))
                .hint("Look whether a newer jay reads it."));
        }
        let mut beside = VecDeque::new();
        for table in BESIDE {
            let all = Select { table, columns: &[], filter: Filter::All, order: &["rowid"] };
            for (number, row) in database.rows(&all)?.iter().enumerate() {
                let line = serde_json::json!({ "table": table, "row": row.json() });
                let key = format!("{table}\0{number}").into_bytes();
                beside.push_back(Document { key, bytes: line.to_string().into_bytes(), is_fragment: false });
            }
        }
        let keys = Select { table: STEPS, columns: &["idx"], filter: Filter::All, order: &["idx"] };
        let steps = database.rows(&keys)?.into_iter().filter_map(|mut row| row.remove("idx")).collect();
        let models = models(&database)?;
        Ok(Self { database, beside, steps, models })
    }

    fn step(&self, idx: &Value) -> Result<Option<Document>> {
        let wanted = Select { table: STEPS, columns: &[], filter: Filter::Equal("idx", idx), order: &[] };
        let Some(row) = self.database.rows(&wanted)?.into_iter().next() else { return Ok(None) };
        let mut line = serde_json::json!({ "table": STEPS, "row": row.json() });
        let number = row.integer("idx").and_then(|idx| u64::try_from(idx).ok());
        if let (Some(model), Some(fields)) = (number.and_then(|idx| self.models.get(&idx)), line.as_object_mut()) {
            fields.insert("model".to_owned(), Json::String(model.clone()));
        }
        let key = format!("{STEPS}\0{}", row.text("idx").unwrap_or_default()).into_bytes();
        Ok(Some(Document { key, bytes: line.to_string().into_bytes(), is_fragment: false }))
    }
}

impl Documents for Conversation {
    fn next(&mut self, _: usize) -> Result<Option<Document>> {
        if let Some(document) = self.beside.pop_front() {
            return Ok(Some(document));
        }
        while let Some(idx) = self.steps.pop_front() {
            if let Some(document) = self.step(&idx)? {
                return Ok(Some(document));
            }
        }
        Ok(None)
    }
}

/// The models that made steps, by the steps' numbers.
fn models(database: &Database) -> Result<BTreeMap<u64, String>> {
    let mut models = BTreeMap::new();
    let all = Select { table: "gen_metadata", columns: &["data"], filter: Filter::All, order: &["idx"] };
    database.each(&all, |row: Record| {
        let told = row.bytes("data").and_then(Message::parse);
        let model = told.and_then(|told| told.message(1)).and_then(|model| model.word(19).or_else(|| model.word(21)));
        if let (Some(told), Some(model)) = (told, model) {
            let alone = told.number(2).into_iter();
            models.extend(alone.chain(told.each(2).flat_map(packed)).map(|idx| (idx, model.to_owned())));
        }
        Ok(())
    })?;
    Ok(models)
}
