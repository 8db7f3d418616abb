//! opencode: `opencode*.db` in its data directory, and the tree of small files that it kept before.
//!
//! A document is a message with its parts, from either: a part that goes from running to completed makes its message
//! another one. A session that is in a database is not read from the tree, which the client leaves behind when it
//! moves.

mod exported;
mod rows;
mod tree;

use crate::adapter::{RowParser, SessionAdapter};
use crate::database::{self, Child, Layout, Rows};
use crate::discover::{self, Discovery, Source};
use crate::documents::Documents;
use crate::environment::Environment;
use jay_types::Result;
use serde_json::Value;
use std::path::{Path, PathBuf};

const NAME: &str = "opencode";

/// The adapter.
#[derive(Clone, Copy, Debug)]
pub struct Opencode;

static LAYOUT: Layout = Layout {
    tables: &[
        Rows {
            table: "session",
            session: "id",
            key: "id",
            order: &[],
            time: Some("time_updated"),
            size: "title",
            children: &[Child {
                table: "todo",
                parent: "session_id",
                session: "session_id",
                order: &["position"],
                time: Some("time_updated"),
                size: "content",
            }],
        },
        Rows {
            table: "message",
            session: "session_id",
            key: "id",
            order: &["id"],
            time: Some("time_updated"),
            size: "data",
            children: &[Child {
                table: "part",
                parent: "message_id",
                session: "session_id",
                order: &["id"],
                time: Some("time_updated"),
                size: "data",
            }],
        },
        Rows {
            table: "session_message",
            session: "session_id",
            key: "id",
            order: &["time_created", "id"],
            time: Some("time_updated"),
            size: "data",
            children: &[],
        },
    ],
};

impl SessionAdapter for Opencode {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    /// The data directory, which is the same on every platform, and the database that the person chose.
    fn roots(&self, environment: &Environment) -> Vec<PathBuf> {
        let data = environment.directory("XDG_DATA_HOME").unwrap_or_else(|| environment.in_home(&[".local", "share"]));
        let data = environment.join(&data, &["opencode"]);
        let chosen = environment.directory("OPENCODE_DB").filter(|chosen| chosen.as_os_str() != ":memory:");
        let chosen = chosen.map(|chosen| if chosen.is_absolute() { chosen } else { data.join(chosen) });
        [data].into_iter().chain(chosen).collect()
    }

    fn discover(&self, environment: &Environment) -> Discovery {
        let mut discovery = Discovery::default();
        for root in self.roots(environment) {
            if root.is_file() {
                database(&root, &mut discovery);
            } else {
                directory(&root, &mut discovery);
            }
        }
        discover::distinct(&mut discovery);
        discovery
    }

    fn discover_path(&self, path: &Path) -> Result<Discovery> {
        let mut discovery = Discovery::default();
        if discover::existing(path)?.is_dir() {
            directory(path, &mut discovery);
            exported::sources(path, &mut discovery);
        } else if database::is_database(path) {
            database(path, &mut discovery);
        } else if exported::is_exported(path) {
            let source = exported::source(path, &mut discovery);
            discovery.sources.extend(source);
        } else {
            discovery.sources.extend(tree::source(path, &mut discovery.problems));
        }
        Ok(discovery)
    }

    fn documents(&self, source: &Source) -> Result<Option<Box<dyn Documents>>> {
        match &source.within {
            Some(session) => LAYOUT.documents(&source.path, session).map(Some),
            None if exported::is_exported(&source.path) => exported::documents(&source.path).map(Some),
            None => tree::documents(&source.path, &source.session).map(Some),
        }
    }

    fn parser(&self, source: &Source, state: Option<&Value>) -> Box<dyn RowParser> {
        Box::new(rows::Parser::new(source, state))
    }
}

/// The databases of a data directory, then what the tree alone has.
pub(crate) fn directory(root: &Path, discovery: &mut Discovery) {
    for path in discover::files(root, discovery) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("opencode") && name.ends_with(".db") {
            database(&path, discovery);
        }
    }
    let known: std::collections::BTreeSet<String> =
        discovery.sources.iter().map(|source| source.session.clone()).collect();
    let left = tree::sources(root, discovery);
    discovery.sources.extend(left.into_iter().filter(|source| !known.contains(&source.session)));
}

fn database(path: &Path, discovery: &mut Discovery) {
    let columns = ["id", "parent_id", "agent", "title"];
    LAYOUT.discover(path, &columns, discovery, |row, _| {
        Some(Source {
            client: NAME.to_owned(),
            session: row.text("id")?,
            parent: row.text("parent_id"),
            relation: row.text("parent_id").map(|_| "subagent".to_owned()),
            ..Source::default()
        })
    });
}
