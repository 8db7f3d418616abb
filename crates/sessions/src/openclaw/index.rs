//! By which keys sessions are reached: `agent:<agent>:<what started it>…`, each with an entry that tells more.
//!
//! **Invariant:** an index is read once, however many sessions it speaks of.

use super::told;
use crate::database::{Database, Filter, Select};
use crate::discover::{self, Source};
use crate::json::{self, Fields};
use jay_types::Result;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a session was started by, as the third part of its key says, and what it is called here.
const AGENTS: [(&str, &str); 5] =
    [("cron", "cron"), ("hook", "hook"), ("heartbeat", "heartbeat"), ("subagent", "subagent"), ("model-run-", "probe")];

/// The agent inside the client that a key names.
pub(super) fn agent(key: &str) -> Option<String> {
    let rest = key.splitn(3, ':').nth(2).unwrap_or_default();
    AGENTS.iter().find(|(begins, _)| rest.starts_with(begins)).map(|(_, agent)| (*agent).to_owned())
}

/// What is told of a key.
#[derive(Debug, Default)]
pub(super) struct Entry {
    session: Option<String>,
    pub(super) title: Option<String>,
    /// The key of the session that started it.
    pub(super) spawner: Option<String>,
}

/// Entries by key, and keys by session.
#[derive(Debug, Default)]
pub(super) struct Index {
    entries: BTreeMap<String, Entry>,
    keys: BTreeMap<String, String>,
}

impl Index {
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key)
    }

    pub(super) fn session_of(&self, key: &str) -> Option<&str> {
        self.entry(key)?.session.as_deref()
    }

    /// The first key by which a session is reached.
    pub(super) fn key_of(&self, session: &str) -> Option<&str> {
        self.keys.get(session).map(String::as_str)
    }

    fn put(&mut self, key: &str, entry: Entry) {
        if let Some(session) = &entry.session {
            self.keys.entry(session.clone()).or_insert_with(|| key.to_owned());
        }
        self.entries.entry(key.to_owned()).or_insert(entry);
    }

    /// The list beside the files of an agent.
    fn of_file(path: &Path) -> Self {
        let mut index = Self::default();
        let text = discover::document(path).unwrap_or_default();
        for (key, raw) in Fields::parse(&text).unwrap_or_default().iter() {
            if let Some(fields) = json::object(raw) {
                index.put(key, entry(&fields));
            }
        }
        index
    }

    /// The keys of a database, of either version.
    pub(super) fn of_database(database: &Database) -> Result<Self> {
        let mut index = Self::default();
        for (table, session) in [
            ("session_nodes", "current_session_id"),
            ("session_entries", "session_id"),
            ("session_routes", "session_id"),
        ] {
            let columns = ["session_key", session, "entry_json"];
            let all = Select { table, columns: &columns, filter: Filter::All, order: &["session_key"] };
            database.each(&all, |row| {
                let Some(key) = row.text("session_key") else { return Ok(()) };
                let text = row.text("entry_json").unwrap_or_default();
                let mut entry = entry(&Fields::parse(&text).unwrap_or_default());
                entry.session = row.text(session).or(entry.session);
                index.put(&key, entry);
                Ok(())
            })?;
        }
        Ok(index)
    }
}

fn entry(fields: &Fields<'_>) -> Entry {
    Entry {
        session: fields.word("sessionId"),
        title: fields.word("label").or_else(|| fields.word("displayName")),
        spawner: fields.word("spawnedBy").or_else(|| fields.word("parentSessionKey")),
    }
}

/// Tells files what the list in their directory says of them.
pub(super) fn describe(sources: &mut [Source]) {
    let mut read: BTreeMap<PathBuf, Index> = BTreeMap::new();
    for source in sources.iter_mut().filter(|source| source.within.is_none()) {
        let path = source.path.with_file_name("sessions.json");
        let index = read.entry(path).or_insert_with_key(|path| Index::of_file(path));
        told(source, None, index);
    }
}
