//! `openclaw-agent.sqlite`: the sessions of one agent, their events as Pi's rows, and what was put aside.
//!
//! Until July 2026 a session is a row of `sessions`; since then one of `session_windows`, of which a key has one after the other.
//! The client's other databases have neither.

use super::archive::Archive;
use super::index::Index;
use super::{NAME, told};
use crate::cursor::FileStamp;
use crate::database::{Database, Filter, Layout, Record, Rows, Select};
use crate::discover::{Discovery, Source};
use crate::documents::Documents;
use crate::key::content_hash;
use jay_types::{Result, Timestamp};
use std::path::Path;

/// What a database is called.
pub(super) const FILE: &str = "openclaw-agent.sqlite";

/// Where what was put aside stands.
const ARCHIVES: &str = "session_transcript_archives";
/// How such a source is named within its database: this, the generation, a slash and the session.
const ARCHIVE: &str = "archive/";

const EVENTS: Rows = Rows {
    table: "transcript_events",
    session: "session_id",
    key: "seq",
    order: &["seq"],
    time: Some("created_at"),
    size: "event_json",
    children: &[],
};

const fn sessions(table: &'static str) -> Rows {
    Rows {
        table,
        session: "session_id",
        key: "session_id",
        order: &[],
        time: Some("updated_at"),
        size: "display_name",
        children: &[],
    }
}

/// The later version first.
static LAYOUTS: [Layout; 2] =
    [Layout { tables: &[sessions("session_windows"), EVENTS] }, Layout { tables: &[sessions("sessions"), EVENTS] }];

/// Columns of a session's row that are looked at when it is found.
const COLUMNS: [&str; 7] =
    ["session_id", "session_key", "previous_session_id", "reason", "parent_session_key", "spawned_by", "display_name"];

/// Puts the sessions of a database into `discovery`; one without any of the tables has none.
pub(super) fn discover(path: &Path, discovery: &mut Discovery) {
    let index = match Database::open(path).and_then(|database| Index::of_database(&database)) {
        Ok(index) => index,
        Err(error) => return discovery.problem(path, error.message),
    };
    for layout in &LAYOUTS {
        layout.discover(path, &COLUMNS, discovery, |row, _| {
            let mut source = Source { client: NAME.to_owned(), session: row.text("session_id")?, ..Source::default() };
            source.title = row.text("display_name");
            (source.parent, source.relation) = went_on(row);
            if source.parent.is_none() {
                let spawner = row.text("spawned_by").or_else(|| row.text("parent_session_key"));
                let parent = spawner.as_deref().and_then(|key| index.session_of(key));
                source.parent = parent.filter(|parent| *parent != source.session).map(str::to_owned);
                source.relation = source.parent.as_ref().map(|_| "subagent".to_owned());
            }
            told(&mut source, row.text("session_key").as_deref(), &index);
            Some(source)
        });
    }
    let archives = Database::open(path).and_then(|database| archives(path, &database, &index));
    match archives {
        Ok(archives) => discovery.sources.extend(archives),
        Err(error) => discovery.problem(path, error.message),
    }
}

/// The session that this one goes on with, and how. After a reset and a switch another talk begins.
fn went_on(row: &Record) -> (Option<String>, Option<String>) {
    let relation = match row.text("reason").as_deref() {
        Some("fork" | "rewind") => "fork",
        Some("compaction" | "rollover" | "recovery") => "continuation",
        _ => return (None, None),
    };
    let previous = row.text("previous_session_id");
    let relation = previous.as_ref().map(|_| relation.to_owned());
    (previous, relation)
}

/// What was put aside and lies in no file beside: what was deleted is left alone, as its files are.
fn archives(path: &Path, database: &Database, index: &Index) -> Result<Vec<Source>> {
    let columns = ["session_id", "generation", "session_key", "reason", "archive_name", "created_at", "#archive_blob"];
    let all = Select { table: ARCHIVES, columns: &columns, filter: Filter::All, order: &["created_at", "session_id"] };
    let is_published = |name: &str| {
        let beside = path.with_file_name(name);
        let sessions = path.ancestors().nth(2).map(|agent| agent.join("sessions").join(name));
        beside.is_file() || sessions.is_some_and(|file| file.is_file())
    };
    let source = |row: &Record| {
        let (session, generation) = (row.text("session_id")?, row.text("generation")?);
        if row.text("reason").as_deref() == Some("deleted")
            || row.text("archive_name").is_some_and(|name| is_published(&name))
        {
            return None;
        }
        let within = Some(format!("{ARCHIVE}{generation}/{session}"));
        let (client, path) = (NAME.to_owned(), path.to_path_buf());
        let mut source = Source { client, path, within, session, stamp: stamp(row), ..Source::default() };
        told(&mut source, row.text("session_key").as_deref(), index);
        Some(source)
    };
    Ok(database.rows(&all)?.iter().filter_map(source).collect())
}

fn stamp(row: &Record) -> FileStamp {
    let bytes = u64::try_from(row.integer("archive_blob").unwrap_or(0)).unwrap_or(0);
    let at = row.integer("created_at").unwrap_or(0);
    let seen = content_hash(&[&bytes.to_le_bytes(), &at.to_le_bytes()]);
    FileStamp {
        size_bytes: bytes,
        modified: Some(Timestamp(at.saturating_mul(1000))),
        inode: seen.0.first_chunk().map(|first| u64::from_le_bytes(*first)),
    }
}

/// The documents of one session, or of one that was put aside.
pub(super) fn documents(path: &Path, within: &str) -> Result<Box<dyn Documents>> {
    let database = Database::open(path)?;
    if let Some((generation, session)) = within.strip_prefix(ARCHIVE).and_then(|rest| rest.split_once('/')) {
        return Ok(Box::new(Archive::open(path, &database, ARCHIVES, session, generation)?));
    }
    let [later, earlier] = &LAYOUTS;
    let layout = if later.fits(&database)? { later } else { earlier };
    layout.documents(path, within)
}
