//! Bytes that a memory of 60 words takes in the store's file, by table with its indexes.

use crate::{Bench, report};
use anyhow::{Context as _, Result};
use jay_testkit::measured::{Measured, Target};
use rusqlite::{Connection, OpenFlags};
use std::collections::BTreeMap;
use std::path::Path;

const SIZES: [usize; 2] = [10_000, 100_000];
/// The most that a memory may take with its text index, without vectors.
const BYTES_MAX: u64 = 1_800;
/// The most that it may take with everything.
const ALL_BYTES_MAX: u64 = 2_500;
/// The tables of the journal (J2): the others can be made again from them.
const JOURNAL: [&str; 9] =
    ["meta", "nodes", "namespaces", "streams", "acts", "entities", "changes", "bodies", "arrivals"];
/// What vectors take in the database.
const VECTORS: &str = "vectors";

pub(crate) fn run(bench: &Bench) -> Result<()> {
    for memories in SIZES {
        let name = format!("bytes a memory, {memories} memories");
        if bench.runs(&name) {
            let _ = bench.stores.jay(memories)?;
            let home = bench.stores.home(memories);
            let bytes = Bytes::read(&home.join("memory.db"), &home.join("index"), "memory")?;
            bytes.report(&name, u64::try_from(memories)?);
        }
    }
    Ok(())
}

/// Bytes of a database: of all its pages, and of those that a table and its indexes have.
pub(crate) struct Bytes {
    pub(crate) all: u64,
    pub(crate) text_index: u64,
    pub(crate) vector_index: u64,
    tables: BTreeMap<String, u64>,
}

impl Bytes {
    /// Of the database at `path`, whose text index is the directory `journal` of `index`.
    pub(crate) fn read(path: &Path, index: &Path, journal: &str) -> Result<Self> {
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
            *tables.entry(table).or_default() += bytes;
        }
        let (text_index, vector_index) = (files(&index.join(journal), "")?, files(index, journal)?);
        Ok(Self { all: pages * page_bytes, text_index, vector_index, tables })
    }

    /// Of the table of vectors.
    pub(crate) fn vectors(&self) -> u64 {
        self.tables.get(VECTORS).copied().unwrap_or(0)
    }

    /// The large tables, as shares of `whole` bytes.
    pub(crate) fn shares(&self, whole: u64) -> String {
        let percent = |bytes: u64| bytes as f64 * 100.0 / whole as f64;
        let mut tables: Vec<(&String, f64)> =
            self.tables.iter().map(|(table, bytes)| (table, percent(*bytes))).collect();
        tables.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        let mut words = vec![format!("text index {:.1} %", percent(self.text_index))];
        words.extend(
            tables.iter().filter(|(_, share)| *share >= 0.1).map(|(table, share)| format!("{table} {share:.1} %")),
        );
        words.join(", ")
    }

    fn report(&self, name: &str, memories: u64) {
        let each = |bytes: u64| bytes.div_ceil(memories);
        let plain = each(self.all - self.vectors() + self.text_index);
        let target = Target::new(format!("≤ {BYTES_MAX} bytes"), plain <= BYTES_MAX);
        report(&Measured::figure(name, format!("{plain} bytes, text index included, vectors not"), Some(target)));
        let everything = each(self.all + self.text_index + self.vector_index);
        let target = Target::new(format!("≤ {ALL_BYTES_MAX} bytes"), everything <= ALL_BYTES_MAX);
        report(&Measured::figure(format!("{name}: everything"), format!("{everything} bytes"), Some(target)));
        let files = format!("text {}, vectors {}", each(self.text_index), each(self.vector_index));
        report(&Measured::figure(format!("{name}: index files"), files, None));
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

/// The bytes of the files that lie in a directory itself and whose names begin so.
fn files(directory: &Path, beginning: &str) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))? {
        let entry = entry?;
        let is_meant = entry.file_name().to_string_lossy().starts_with(beginning);
        let metadata = entry.metadata()?;
        bytes += if is_meant && metadata.is_file() { metadata.len() } else { 0 };
    }
    Ok(bytes)
}
