//! Clients' SQLite databases, opened so that nothing of them is touched.
//!
//! A database in WAL mode with no log beside it is whole in its file, and is read as immutable: an ordinary reader would
//! leave a log and an index file behind. With a log it is read as SQLite's rules say, locks included. Everything that is
//! asked is put together from names of tables and columns, each looked up in the schema first: only plain tables are
//! read, so that a hostile file cannot put a view or a virtual table in the place of one.
//!
//! **Invariant:** read only, never created, and no wait is longer than [`BUSY_WAIT`].

mod layout;
mod record;

pub(crate) use layout::{Child, Layout, Rows};
pub(crate) use record::Record;

use crate::cursor::FileStamp;
use jay_types::{Code, Error, Result};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params_from_iter};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a reader waits for a client that holds the database.
const BUSY_WAIT: Duration = Duration::from_secs(5);
/// The first bytes of every SQLite database.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// An open database of a client.
pub(crate) struct Database {
    connection: Connection,
    path: PathBuf,
    /// The file when it was opened as immutable, so that no lock keeps a client from writing meanwhile.
    immutable: Option<FileStamp>,
}

/// Which rows of a table are wanted.
pub(crate) enum Filter<'a> {
    All,
    /// Those whose column has this value.
    Equal(&'a str, &'a Value),
    /// Those whose columns both have these values.
    Both([(&'a str, &'a Value); 2]),
    /// Those whose column, a text, begins so.
    Begins(&'a str, &'a str),
}

/// What is asked of one table.
pub(crate) struct Select<'a> {
    pub(crate) table: &'a str,
    /// All where empty. A name with `#` before it asks for the value's length in bytes instead.
    pub(crate) columns: &'a [&'a str],
    pub(crate) filter: Filter<'a>,
    /// Columns by which rows are ordered; those that the table lacks are left out, and `rowid` is the order in which rows
    /// were put in.
    pub(crate) order: &'a [&'a str],
}

/// True where a file begins as an SQLite database does.
pub(crate) fn is_database(path: &Path) -> bool {
    use std::io::Read as _;
    let mut head = [0; MAGIC.len()];
    std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == MAGIC
}

impl Database {
    /// Opens the file for reading only.
    ///
    /// # Errors
    /// `not_found` where it is gone, `bad_input` where it is no database, `busy`, `io`.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        if !path.is_file() {
            return Err(Error::not_found(format!("session database {} is no longer there", path.display()))
                .hint("`jay session sync` looks for sources again."));
        }
        if !is_database(path) {
            return Err(Error::bad_input(format!("{} is no SQLite database", path.display()))
                .hint("Give a database of the client to `jay session sync --path`."));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let immutable = if is_wal(path) && log_is_empty(path) { stamp(path) } else { None };
        let uri = uri(path, immutable.is_some())?;
        let connection = Connection::open_with_flags(uri, flags).map_err(|cause| failed(path, &cause))?;
        let database = Self { connection, path: path.to_path_buf(), immutable };
        database.told(database.connection.busy_timeout(BUSY_WAIT))?;
        // One moment for all that is read, however long that takes.
        database.told(database.connection.execute_batch(
            "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; BEGIN",
        ))?;
        Ok(database)
    }

    fn told<T>(&self, result: rusqlite::Result<T>) -> Result<T> {
        result.map_err(|cause| self.unchanged().err().unwrap_or_else(|| failed(&self.path, &cause)))
    }

    /// Fails where a client has written into the file since it was opened as immutable: what was read may be of two
    /// moments.
    fn unchanged(&self) -> Result<()> {
        if self.immutable.is_none() || self.immutable == stamp(&self.path) {
            return Ok(());
        }
        Err(Error::new(Code::Busy, format!("session database {} changed while it was read", self.path.display()))
            .hint("Run `jay session sync` again."))
    }

    /// The columns of a plain table; none where there is no such table.
    pub(crate) fn columns(&self, table: &str) -> Result<Vec<String>> {
        let find = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1 AND sql LIKE 'CREATE TABLE%'";
        let is_there = self.told(self.connection.prepare_cached(find).and_then(|mut find| find.exists([table])))?;
        if !is_there {
            return Ok(Vec::new());
        }
        let names = "SELECT name FROM pragma_table_info(?1)";
        self.told(self.connection.prepare_cached(names).and_then(|mut names| {
            let rows = names.query_map([table], |row| row.get(0))?;
            rows.collect()
        }))
    }

    /// The number by which its client tells forms of it apart.
    pub(crate) fn version(&self) -> Result<i64> {
        self.told(self.connection.query_row("SELECT user_version FROM pragma_user_version", [], |row| row.get(0)))
    }

    /// Gives every row that is wanted to `visit`, in order. A table or column that is not there gives no rows.
    pub(crate) fn each(&self, select: &Select<'_>, mut visit: impl FnMut(Record) -> Result<()>) -> Result<()> {
        let columns = self.columns(select.table)?;
        let has = |name: &&&str| columns.iter().any(|column| column == **name);
        let filtered = match &select.filter {
            Filter::All => Vec::new(),
            Filter::Equal(column, _) | Filter::Begins(column, _) => vec![*column],
            Filter::Both(both) => both.iter().map(|(column, _)| *column).collect(),
        };
        if columns.is_empty() || !filtered.iter().all(|column| has(&column)) {
            return Ok(());
        }
        let wanted: Vec<&str> = if select.columns.is_empty() {
            columns.iter().map(String::as_str).collect()
        } else {
            select.columns.iter().copied().filter(|name| has(&&name.trim_start_matches('#'))).collect()
        };
        let mut sql = format!("SELECT {} FROM {}", list(&wanted), quoted(select.table));
        let mut values = Vec::new();
        match select.filter {
            Filter::All => {}
            Filter::Equal(column, value) => {
                sql += &format!(" WHERE {} = ?", quoted(column));
                values.push(value.clone());
            }
            Filter::Both([(one, first), (other, second)]) => {
                sql += &format!(" WHERE {} = ? AND {} = ?", quoted(one), quoted(other));
                values.extend([first.clone(), second.clone()]);
            }
            Filter::Begins(column, beginning) => {
                sql += &format!(" WHERE {0} >= ? AND {0} < ?", quoted(column));
                values.push(Value::Text(beginning.to_owned()));
                // The keys meant here are ASCII: what begins so ends before the last character of all.
                values.push(Value::Text(format!("{beginning}\u{10ffff}")));
            }
        }
        let order: Vec<&str> = select.order.iter().copied().filter(|name| *name == "rowid" || has(&name)).collect();
        if !order.is_empty() {
            sql += &format!(" ORDER BY {}", list(&order));
        }
        let mut statement = self.told(self.connection.prepare_cached(&sql))?;
        let mut rows = self.told(statement.query(params_from_iter(values)))?;
        while let Some(row) = self.told(rows.next())? {
            visit(self.told(Record::read(&wanted, row))?)?;
        }
        self.unchanged()
    }

    /// All rows that are wanted: for few.
    pub(crate) fn rows(&self, select: &Select<'_>) -> Result<Vec<Record>> {
        let mut rows = Vec::new();
        self.each(select, |row| {
            rows.push(row);
            Ok(())
        })?;
        Ok(rows)
    }

    /// For each value of `group` in a table: how many rows have it, the bytes of `size` in them and the greatest
    /// `time`.
    pub(crate) fn totals(
        &self,
        table: &str,
        group: &str,
        size: &str,
        time: Option<&str>,
        mut visit: impl FnMut(Value, i64, i64, Value),
    ) -> Result<()> {
        let columns = self.columns(table)?;
        let has = |name: &str| columns.iter().any(|column| column == name);
        if !has(group) {
            return Ok(());
        }
        let size = if has(size) { format!("octet_length({})", quoted(size)) } else { "0".to_owned() };
        let time = time.filter(|time| has(time)).map_or("NULL".to_owned(), |time| format!("max({})", quoted(time)));
        let sql =
            format!("SELECT {0}, count(*), total({size}), {time} FROM {1} GROUP BY {0}", quoted(group), quoted(table));
        let mut statement = self.told(self.connection.prepare_cached(&sql))?;
        let mut rows = self.told(statement.query([]))?;
        while let Some(row) = self.told(rows.next())? {
            let read = || Ok((record::value(row, 0)?, row.get(1)?, row.get::<_, f64>(2)?, record::value(row, 3)?));
            let (key, count, bytes, latest) = self.told(read())?;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "an f64 cast saturates; it is compared, not counted with"
            )]
            visit(key, count, bytes as i64, latest);
        }
        self.unchanged()
    }
}

fn stamp(path: &Path) -> Option<FileStamp> {
    std::fs::metadata(path).ok().map(|metadata| FileStamp::of(&metadata))
}

/// The address by which SQLite opens a file.
fn uri(path: &Path, is_immutable: bool) -> Result<String> {
    let absolute =
        std::path::absolute(path).map_err(|cause| Error::io(format!("cannot look at {}", path.display()), &cause))?;
    let text = absolute.to_str().ok_or_else(|| {
        Error::bad_input(format!("the name of {} is not UTF-8", path.display()))
            .hint("Give a path of UTF-8 to `jay session sync --path`.")
    })?;
    let mut uri = String::from("file:");
    if cfg!(windows) {
        uri.push('/');
    }
    for byte in text.bytes() {
        match byte {
            b'\\' if cfg!(windows) => uri.push('/'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' | b':' => uri.push(byte.into()),
            _ => uri += &format!("%{byte:02x}"),
        }
    }
    if is_immutable {
        uri += "?immutable=1";
    }
    Ok(uri)
}

/// True where the file says that changes stand in a log beside it first.
fn is_wal(path: &Path) -> bool {
    use std::io::Read as _;
    let mut head = [0; 20];
    std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head.last() == Some(&2)
}

fn log_is_empty(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).map_or(true, |metadata| metadata.len() == 0)
}

/// What SQLite said, in our words.
fn failed(path: &Path, cause: &rusqlite::Error) -> Error {
    use rusqlite::ErrorCode as Kind;
    let name = path.display();
    match cause.sqlite_error_code() {
        Some(Kind::DatabaseBusy | Kind::DatabaseLocked) => {
            Error::new(Code::Busy, format!("session database {name} is held by its client"))
                .hint("Run `jay session sync` again.")
        }
        Some(Kind::DatabaseCorrupt | Kind::NotADatabase) => {
            Error::bad_input(format!("session database {name} is damaged: {cause}"))
                .hint("Let its client repair it, or copy what is readable with `sqlite3 FILE .recover`.")
        }
        _ => Error::new(Code::Io, format!("cannot read session database {name}: {cause}"))
            .hint("Look whether the file and its directory can be read, then run `jay session sync` again."),
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn list(names: &[&str]) -> String {
    let column = |name: &&str| match name.strip_prefix('#') {
        Some(name) => format!("octet_length({})", quoted(name)),
        None => quoted(name),
    };
    names.iter().map(column).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(sql: &str) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a #1%.db");
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        (directory, path)
    }

    fn names(directory: &tempfile::TempDir) -> Vec<String> {
        let entries = std::fs::read_dir(directory.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn all(database: &Database, table: &str) -> Result<Vec<Record>> {
        database.rows(&Select { table, columns: &[], filter: Filter::All, order: &[] })
    }

    #[test]
    fn reading_leaves_no_trace_beside_a_closed_database() {
        for mode in ["WAL", "DELETE"] {
            let (directory, path) =
                made(&format!("PRAGMA journal_mode = {mode}; CREATE TABLE t(a); INSERT INTO t VALUES(1)"));
            let before = (names(&directory), std::fs::read(&path).unwrap());
            let database = Database::open(&path).unwrap();
            assert_eq!(all(&database, "t").unwrap().len(), 1);
            assert_eq!((names(&directory), std::fs::read(&path).unwrap()), before, "{mode}");
        }
    }

    #[test]
    fn a_text_that_is_not_utf8_is_counted_like_others() {
        let (_directory, path) = made(
            "CREATE TABLE t(a TEXT, b TEXT); INSERT INTO t VALUES('x', 'y'), (CAST(x'ff' AS TEXT), 'y'), ('x', CAST(x'ff' AS TEXT))",
        );
        let mut counts = Vec::new();
        let database = Database::open(&path).unwrap();
        database.totals("t", "a", "b", Some("b"), |of, count, bytes, _| counts.push((of, count, bytes))).unwrap();
        assert_eq!(counts, [(Value::Text("x".to_owned()), 2, 2), (Value::Blob(vec![0xff]), 1, 1)]);
    }

    #[test]
    fn what_stands_in_the_log_only_is_read() {
        let (_directory, path) = made("PRAGMA journal_mode = WAL; CREATE TABLE t(a)");
        let client = Connection::open(&path).unwrap();
        client.execute_batch("PRAGMA wal_autocheckpoint = 0; INSERT INTO t VALUES(1)").unwrap();
        let database = Database::open(&path).unwrap();
        assert_eq!(all(&database, "t").unwrap().len(), 1);
        // What comes later is of another moment.
        client.execute_batch("INSERT INTO t VALUES(2)").unwrap();
        assert_eq!(all(&database, "t").unwrap().len(), 1);
    }

    #[test]
    fn a_client_that_writes_into_the_file_meanwhile_is_noticed() {
        let (_directory, path) = made("PRAGMA journal_mode = WAL; CREATE TABLE t(a); INSERT INTO t VALUES(1)");
        let database = Database::open(&path).unwrap();
        let client = Connection::open(&path).unwrap();
        client.execute_batch("INSERT INTO t VALUES(2)").unwrap();
        assert_eq!(all(&database, "t").unwrap().len(), 1, "what stands in the log alone is of another moment");
        client.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        assert_eq!(all(&database, "t").unwrap_err().code, Code::Busy);
    }

    #[test]
    fn only_plain_tables_are_read() {
        let (_directory, path) = made(
            "CREATE TABLE t(a); CREATE VIEW v AS WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n) SELECT a FROM n",
        );
        let database = Database::open(&path).unwrap();
        assert!(database.columns("v").unwrap().is_empty() && database.columns("none").unwrap().is_empty());
        assert_eq!(all(&database, "v").unwrap().len(), 0);
    }

    #[test]
    fn what_is_no_database_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.db");
        let Err(error) = Database::open(&path) else { panic!("it is not there") };
        assert_eq!(error.code, Code::NotFound);
        assert!(names(&directory).is_empty());
        jay_testkit::write(&path, "no database at all");
        let Err(error) = Database::open(&path) else { panic!("it is none") };
        assert!(error.message.ends_with("x.db is no SQLite database"), "{}", error.message);
        jay_testkit::write(&path, [MAGIC, &[0xff; 4096]].concat());
        let read = Database::open(&path).and_then(|database| all(&database, "t"));
        assert!(read.unwrap_err().message.contains("is damaged"));
    }
}
