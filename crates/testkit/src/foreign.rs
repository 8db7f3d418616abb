//! Clients' directories as tests need them: fixtures in which a database is written as SQL become a directory with the
//! database.
//!
//! A reviewer can read SQL, and a diff of it; a database file is neither.

use std::path::Path;

/// Copies the tree `from` to `to`; a file `NAME.sql` becomes a database `NAME`.
///
/// # Panics
/// Where something cannot be read or written, or is no SQL.
pub fn lay_out(from: &Path, to: &Path) {
    let entries = std::fs::read_dir(from).unwrap_or_else(|error| panic!("cannot read {}: {error}", from.display()));
    std::fs::create_dir_all(to).unwrap_or_else(|error| panic!("cannot make {}: {error}", to.display()));
    for entry in entries {
        let path = entry.expect("a directory that was opened").path();
        let target = to.join(path.file_name().expect("an entry has a name"));
        if path.is_dir() {
            lay_out(&path, &target);
        } else if path.extension().is_some_and(|ending| ending == "sql") {
            let sql = std::fs::read_to_string(&path).expect("SQL is text");
            database(&target.with_extension(""), &sql);
        } else {
            crate::write(&target, std::fs::read(&path).expect("a file that was listed"));
        }
    }
}

/// Runs SQL on a database, which is made where it is not there.
///
/// # Panics
/// Where it is no SQL.
pub fn database(path: &Path, sql: &str) {
    let connection = rusqlite::Connection::open(path).expect("a place to write");
    connection.execute_batch(sql).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sql_becomes_a_database_and_the_rest_stays() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        crate::write(from.path().join("a/state.vscdb.sql"), "create table t(a); insert into t values(7);");
        crate::write(from.path().join("a/b.json"), "{}");
        lay_out(from.path(), to.path());
        let connection = rusqlite::Connection::open(to.path().join("a/state.vscdb")).unwrap();
        assert_eq!(connection.query_row("select a from t", [], |row| row.get::<_, i64>(0)).unwrap(), 7);
        assert_eq!(std::fs::read(to.path().join("a/b.json")).unwrap(), b"{}");
    }
}
