//! What NanoClaw's central database (`data/v2.db`) and the small one of each chat (`outbound.db`) tell of sessions.
//!
//! **Invariant:** nothing here is needed to read a session: where a database is not there or cannot be read, what it would
//! tell is unknown.

use crate::database::{Database, Filter, Record, Select};
use crate::discover::Problem;
use jay_types::Result;
use std::collections::BTreeMap;
use std::path::Path;

/// The providers whose sessions are read; a group without one runs on Claude.
const PROVIDERS: [&str; 2] = ["claude", "opencode"];
/// Bytes of the longest name of a provider.
const PROVIDER_MAX_BYTES: usize = 24;

/// What is known of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Group {
    /// What its agent is called.
    pub(super) agent: Option<String>,
    /// The directory that it works in, outside its container.
    pub(super) project: Option<String>,
    provider: Option<String>,
}

/// What is known of all groups below one directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Joins {
    groups: BTreeMap<String, Group>,
    /// The names of chats by the session of Claude Code's that goes on in each.
    chats: BTreeMap<String, String>,
}

impl Joins {
    /// Reads what stands beside the directory of all groups, and says where that could not be read.
    pub(super) fn read(directory: &Path) -> (Self, Option<Problem>) {
        let mut joins = Self::default();
        let Some(path) = directory.parent().map(|data| data.join("v2.db")).filter(|path| path.is_file()) else {
            return (joins, None);
        };
        let read = Database::open(&path).and_then(|database| joins.central(&database, directory));
        let problem = read.err().map(|error| Problem { path, message: error.message });
        (joins, problem)
    }

    /// The groups of a directory whose sessions are in a form that is not read.
    pub(super) fn unsupported(&self, directory: &Path) -> Vec<Problem> {
        let unread = self.groups.iter().filter_map(|(id, group)| {
            let path = Some(directory.join(id)).filter(|path| is_plain(id) && path.is_dir())?;
            let provider = group.provider.as_deref().filter(|provider| !PROVIDERS.contains(provider))?;
            // What is no name of a provider can be anything, a secret too, and a note is shown as it stands.
            let provider = if is_name(provider) { provider } else { "another provider" };
            Some(Problem { path, message: format!("the group runs on {provider}, whose sessions are not read here") })
        });
        unread.collect()
    }

    fn central(&mut self, database: &Database, directory: &Path) -> Result<()> {
        let home = directory.parent().and_then(Path::parent).unwrap_or(directory);
        for row in rows(database, "agent_groups")? {
            let Some(id) = row.text("id") else { continue };
            let folder = row.text("folder").filter(|folder| is_plain(folder));
            let project = folder.as_ref().map(|folder| home.join("groups").join(folder).display().to_string());
            let agent = row.text("name").or(folder);
            self.groups.insert(id, Group { agent, project, provider: row.text("agent_provider") });
        }
        for row in rows(database, "container_configs")? {
            let Some(group) = row.text("agent_group_id").and_then(|id| self.groups.get_mut(&id)) else { continue };
            group.agent = row.text("assistant_name").or_else(|| group.agent.take());
            group.provider = row.text("provider").or_else(|| group.provider.take());
        }
        let named = |row: &Record| {
            let channel = row.text("channel_type");
            let name = row.text("name").or_else(|| row.text("platform_id"))?;
            Some((row.text("id")?, channel.map_or(name.clone(), |channel| format!("{name} ({channel})"))))
        };
        let names: BTreeMap<String, String> = rows(database, "messaging_groups")?.iter().filter_map(named).collect();
        for row in rows(database, "sessions")? {
            let name = row.text("messaging_group_id").and_then(|id| names.get(&id));
            let (Some(chat), Some(group), Some(name)) = (row.text("id"), row.text("agent_group_id"), name) else {
                continue;
            };
            if is_plain(&chat) && is_plain(&group) {
                let place = directory.join(group).join(&chat).join("outbound.db");
                self.chats.extend(continuations(&place).into_iter().map(|session| (session, name.clone())));
            }
        }
        Ok(())
    }

    pub(super) fn group(&self, id: &str) -> Group {
        self.groups.get(id).cloned().unwrap_or_default()
    }

    /// The chat in which a session goes on.
    pub(super) fn chat(&self, session: &str) -> Option<String> {
        self.chats.get(session).cloned()
    }

    /// The directory of the group whose agent is called so.
    pub(super) fn group_of(&self, agent: &str) -> Option<String> {
        let mut named = self.groups.iter().filter(|(_, group)| group.agent.as_deref() == Some(agent));
        let first = named.next().map(|(id, _)| id.clone());
        // Two groups of one name are told apart by nothing.
        first.filter(|_| named.next().is_none())
    }
}

/// The client's own sessions with which a chat goes on; none where that cannot be read.
fn continuations(path: &Path) -> Vec<String> {
    if !path.is_file() {
        return Vec::new();
    }
    let begins = Filter::Begins("key", "continuation:");
    let wanted = Select { table: "session_state", columns: &["key", "value"], filter: begins, order: &["key"] };
    let rows = Database::open(path).and_then(|database| database.rows(&wanted)).unwrap_or_default();
    rows.iter().filter_map(|row| row.text("value")).collect()
}

fn rows(database: &Database, table: &str) -> Result<Vec<Record>> {
    database.rows(&Select { table, columns: &[], filter: Filter::All, order: &["rowid"] })
}

/// True for what a provider can be called: a few small letters and digits, with hyphens between.
fn is_name(provider: &str) -> bool {
    let is_of_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    provider.len() <= PROVIDER_MAX_BYTES && provider.bytes().all(is_of_name)
}

/// The name of one directory.
fn is_plain(name: &str) -> bool {
    !name.contains(['/', '\\', ':']) && !matches!(name, "." | "..")
}
