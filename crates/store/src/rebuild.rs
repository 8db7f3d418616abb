//! Making every projection again from the journal (I4).

use crate::Result;
use crate::open::Store;
use crate::project;
use crate::tx::Tx;
use jay_types::change::Journal;

const MEMORY_TABLES: [&str; 15] = [
    "versions",
    "deferred",
    "actors",
    "memories",
    "places",
    "tags",
    "links",
    "key_claims",
    "forgets",
    "alias_claims",
    "aliases",
    "moves",
    "namespace_state",
    "namespace_names",
    "undone",
];
const ARCHIVE_TABLES: [&str; 7] = ["versions", "deferred", "actors", "blocks", "messages", "sessions", "touched"];

/// What a rebuild did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// Entities whose rows were made again.
    pub entities: u64,
    /// True where the rows are the same as before, table by table.
    pub same: bool,
}

impl Store {
    /// Drops every projection and makes it again, in one transaction; tells whether the rows are the same as before.
    /// `progress` is called with (entities done, entities in all).
    ///
    /// # Errors
    /// As [`Store::write`]; then the rows stay as they were.
    pub fn rebuild(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Rebuilt> {
        let now = self.options.surroundings.now().0;
        self.ready()?;
        let lock = self.lock_index()?;
        let rebuilt = self.local_write(|tx| {
            let before = tx.projection_digest()?;
            tx.drop_projections()?;
            let done = project::everything::project(tx, now, progress)?;
            tx.set_meta("analysis", i64::from(self.options.analysis.version))?;
            Ok(Rebuilt { entities: done, same: before == tx.projection_digest()? })
        })?;
        drop(lock);
        self.settle_index()?;
        Ok(rebuilt)
    }
}

impl Tx<'_> {
    fn tables(&self) -> &'static [&'static str] {
        match self.journal {
            Journal::Memory => &MEMORY_TABLES,
            Journal::Archive => &ARCHIVE_TABLES,
        }
    }

    fn drop_projections(&self) -> Result<()> {
        for table in self.tables() {
            self.execute(&format!("DELETE FROM {table}"), [])?;
        }
        self.drop_index()
    }

    /// A hash of every row of every projection, in an order of their own, and of what is indexed.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn projection_digest(&self) -> Result<jay_types::Hash> {
        let mut text = String::new();
        for table in self.tables() {
            self.digest_table(table, &mut text)?;
        }
        text.push_str(&format!(
            "docs {:?}",
            self.all("SELECT doc FROM documents ORDER BY doc", [], |row| row.get::<_, i64>(0))?
        ));
        Ok(jay_types::Hash::of(text.as_bytes()))
    }

    fn digest_table(&self, table: &str, text: &mut String) -> Result<()> {
        let mut statement = self.connection.prepare(&format!("SELECT * FROM {table}"))?;
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        let mut lines = Vec::new();
        while let Some(row) = rows.next()? {
            let mut line = String::new();
            for column in 0..columns {
                line.push_str(&format!("{:?}|", row.get_ref(column)?));
            }
            lines.push(line);
        }
        lines.sort_unstable();
        text.push_str(table);
        text.push('\n');
        for line in lines {
            text.push_str(&line);
            text.push('\n');
        }
        Ok(())
    }
}
