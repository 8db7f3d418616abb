//! Bytes that a memory of 60 words takes in the store's file, by table with its indexes.

use crate::{Bench, report};
use anyhow::{Context as _, Result};
use jay_testkit::measured::{Measured, Target};
use rusqlite::{Connection, OpenFlags};
use std::collections::BTreeMap;
use std::path::Path;

const SIZES: [usize; 2] = [10_000, 100_000];
/// The most that a memory may take.
const BYTES_MAX: u64 = 1_800;
/// The tables of the journal (J2): the others can be made again from them.
const JOURNAL: [&str; 9] =
    ["meta", "nodes", "namespaces", "streams", "acts", "entities", "changes", "bodies", "arrivals"];
/// The text index is one table to its users and five to SQLite.
const TEXT_INDEX: &str = "text_index";

pub(crate) fn run(bench: &Bench) -> Result<()> {
    for memories in SIZES {
        let name = format!("bytes a memory, {memories} memories");
        if bench.runs(&name) {
            let _ = bench.stores.jay(memories)?;
            let bytes = Bytes::read(&bench.stores.home(memories).join("memory.db"))?;
            bytes.report(&name, u64::try_from(memories)?);
        }
    }
    Ok(())
}

/// Bytes of a database: of all its pages, and of those that a table and its indexes have.
struct Bytes {
    all: u64,
    tables: BTreeMap<String, u64>,
}

impl Bytes {
    fn read(path: &Path) -> Result<Self> {
        let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .with_context(|| format!("cannot open {}", path.display()))?;
        let pages: u64 = database.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        let page_bytes: u64 = database.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        let mut statement = database.prepare(
            "SELECT coalesce(s.tbl_name, d.name), sum(d.pgsize) FROM dbstat d
             LEFT JOIN sqlite_schema s ON s.name = d.name WHERE d.aggregate = TRUE GROUP BY 1",
        )?;
        let mut tables: BTreeMap<String, u64> = BTreeMap::new();
        for row in statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, u64>(1)?)))? {
            let (table, bytes) = row?;
            let table = if table.starts_with(TEXT_INDEX) { TEXT_INDEX.to_owned() } else { table };
            *tables.entry(table).or_default() += bytes;
        }
        Ok(Self { all: pages * page_bytes, tables })
    }

    fn report(&self, name: &str, memories: u64) {
        let each = |bytes: u64| bytes.div_ceil(memories);
        let target = Target::new(format!("≤ {BYTES_MAX} bytes"), each(self.all) <= BYTES_MAX);
        report(&Measured::figure(name, format!("{} bytes, all of memory.db", each(self.all)), Some(target)));
        let is_journal = |table: &&String| JOURNAL.contains(&table.as_str());
        let journal: u64 = self.tables.iter().filter(|(table, _)| is_journal(table)).map(|(_, bytes)| bytes).sum();
        report(&Measured::figure(format!("{name}: the journal"), format!("{} bytes", each(journal)), None));
        let mut tables: Vec<(&String, u64)> = self.tables.iter().map(|(table, bytes)| (table, each(*bytes))).collect();
        tables.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        let large: Vec<String> =
            tables.iter().filter(|(_, bytes)| *bytes > 1).map(|(table, bytes)| format!("{table} {bytes}")).collect();
        report(&Measured::figure(format!("{name}: by table, with its indexes"), large.join(", "), None));
    }
}
