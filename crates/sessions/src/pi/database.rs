//! Pi's sessions in a database: `sessions`, and `entries`, `records`, `lane_moves` and `facts` that belong to one.
//!
//! Whoever runs Pi's library chooses where the database lies. One in the directory of sessions is found; another is read by its
//! path.

use super::NAME;
use crate::database::{Layout, Rows, is_database};
use crate::discover::{self, Discovery, Source};
use crate::documents::Documents;
use jay_types::Result;
use std::path::Path;

static LAYOUT: Layout = Layout {
    tables: &[
        Rows {
            table: "sessions",
            session: "id",
            key: "id",
            order: &[],
            time: Some("created_at"),
            size: "metadata",
            children: &[],
        },
        rows("entries", "id", Some("timestamp"), "payload"),
        rows("records", "id", Some("timestamp"), "payload"),
        rows("lane_moves", "seq", None, "lane"),
        rows("facts", "seq", None, "value"),
    ],
};

const fn rows(table: &'static str, key: &'static str, time: Option<&'static str>, size: &'static str) -> Rows {
    Rows { table, session: "session_id", key, order: &["seq"], time, size, children: &[] }
}

/// Puts the sessions of the databases that lie in a directory into `discovery`; others are passed over.
pub(super) fn directory(root: &Path, discovery: &mut Discovery) {
    for path in discover::files(root, discovery) {
        let is_named =
            path.extension().is_some_and(|ending| ending == "db" || ending == "sqlite" || ending == "sqlite3");
        if is_named && is_database(&path) {
            discover(&path, discovery);
        }
    }
}

/// Puts the sessions of a database into `discovery`.
pub(super) fn discover(path: &Path, discovery: &mut Discovery) {
    LAYOUT.discover(path, &["id"], discovery, |row, _| {
        Some(Source { client: NAME.to_owned(), session: row.text("id")?, ..Source::default() })
    });
}

/// The documents of one session.
pub(super) fn documents(path: &Path, session: &str) -> Result<Box<dyn Documents>> {
    LAYOUT.documents(path, session)
}
