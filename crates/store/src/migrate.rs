//! Migrations: forward only, checksummed, with a copy of the file before each.
//!
//! **Invariant:** a migration that was released is never edited; its checksum stands in every store that ran it.

use crate::Result;
use crate::begun::file_name;
use crate::error::damaged;
use jay_types::change::Journal;
use jay_types::{Code, Error, Hash};
use rusqlite::{Connection, OptionalExtension as _, params};
use std::path::Path;

/// One step of a store's format.
struct Migration {
    number: u32,
    sql: &'static [&'static str],
}

const MEMORY: &[Migration] = &[
    Migration {
        number: 1,
        sql: &[include_str!("../migrations/journal-0001.sql"), include_str!("../migrations/memory-0001.sql")],
    },
    Migration { number: 2, sql: &[include_str!("../migrations/memory-0002.sql")] },
    Migration { number: 3, sql: &[include_str!("../migrations/journal-0002.sql")] },
    Migration { number: 4, sql: &[include_str!("../migrations/memory-0003.sql")] },
    Migration { number: 5, sql: &[include_str!("../migrations/memory-0004.sql")] },
];

const ARCHIVE: &[Migration] = &[
    Migration {
        number: 1,
        sql: &[include_str!("../migrations/journal-0001.sql"), include_str!("../migrations/archive-0001.sql")],
    },
    Migration { number: 2, sql: &[include_str!("../migrations/journal-0002.sql")] },
];

const fn migrations(journal: Journal) -> &'static [Migration] {
    match journal {
        Journal::Memory => MEMORY,
        Journal::Archive => ARCHIVE,
    }
}

/// Marks a file as ours: "JAYM" and "JAYA".
const fn application_id(journal: Journal) -> i32 {
    match journal {
        Journal::Memory => 0x4A41_594D,
        Journal::Archive => 0x4A41_5941,
    }
}

/// The newest format that this program writes.
pub(crate) fn newest(journal: Journal) -> u32 {
    migrations(journal).last().map_or(0, |migration| migration.number)
}

/// The format of the open file; 0 for an empty one.
pub(crate) fn format_of(connection: &Connection) -> Result<u32> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Refuses a file that is not ours, or whose format this program does not know.
///
/// # Errors
/// `damaged` for another program's file, `store_too_new` with the version that is needed.
pub(crate) fn check(connection: &Connection, journal: Journal) -> Result<u32> {
    let found = format_of(connection)?;
    let id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let name = file_name(journal);
    if found == 0 && id == application_id(journal) {
        // A mark without a number: both are set in one transaction, so that somebody else has changed the file.
        let what = format!("{name} is damaged: the number of its format was taken out of its header");
        let hint = "`jay doctor --fix` writes it again from the file's own record of its migrations.";
        return Err(Error::new(Code::Damaged, what).hint(hint).details(serde_json::json!({"mend": "format"})).into());
    }
    let is_ours = if found == 0 { is_empty(connection)? } else { id == application_id(journal) };
    if !is_ours {
        let what = format!("{name} is no store of jay: it belongs to another program");
        return Err(Error::new(Code::Damaged, what)
            .hint(format!("Move it away and put the right {name} back."))
            .into());
    }
    if found > newest(journal) {
        let needed: Option<String> = connection
            .query_row("SELECT program FROM migrations WHERE number = ?1", [found], |row| row.get(0))
            .optional()?;
        return Err(Error::new(
            Code::StoreTooNew,
            format!("this store has format {found}, this jay knows formats up to {}", newest(journal)),
        )
        .hint(match &needed {
            Some(version) => format!("Use jay {version} or newer; nothing was changed."),
            None => format!("Use a newer jay, one that knows format {found}; nothing was changed."),
        })
        .details(serde_json::json!({"needed": needed, "format": found}))
        .into());
    }
    Ok(found)
}

/// True where the file holds nothing: ours get their tables and their mark in one transaction.
fn is_empty(connection: &Connection) -> Result<bool> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
    Ok(tables == 0)
}

/// Brings the file to the newest format. Runs under the write lock.
pub(crate) fn run(connection: &Connection, journal: Journal, file: Option<&Path>, now: i64) -> Result<()> {
    let found = check(connection, journal)?;
    for migration in migrations(journal).iter().filter(|migration| migration.number > found) {
        if let Some(file) = file.filter(|_| found > 0) {
            copy_before(connection, file, migration.number)?;
        }
        apply(connection, journal, migration, now)?;
    }
    verify_checksums(connection, journal)
}

fn apply(connection: &Connection, journal: Journal, migration: &Migration, now: i64) -> Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let run = || -> Result<()> {
        // Another process may have been here between the check and this lock.
        if format_of(connection)? >= migration.number {
            return Ok(());
        }
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS migrations(number INTEGER PRIMARY KEY, checksum BLOB NOT NULL, program TEXT NOT NULL, at INTEGER NOT NULL)",
        )?;
        for sql in migration.sql {
            connection.execute_batch(sql)?;
        }
        connection.execute(
            "INSERT INTO migrations(number, checksum, program, at) VALUES(?1, ?2, ?3, ?4)",
            params![migration.number, checksum(migration).0, env!("CARGO_PKG_VERSION"), now],
        )?;
        connection.pragma_update(None, "application_id", application_id(journal))?;
        connection.pragma_update(None, "user_version", migration.number)?;
        Ok(())
    };
    match run() {
        Ok(()) => Ok(connection.execute_batch("COMMIT")?),
        Err(error) => {
            connection.execute_batch("ROLLBACK")?;
            Err(error)
        }
    }
}

/// Writes the number of the format into the header again, from the record of migrations that ran. Runs under the write
/// lock.
pub(crate) fn mend_format(connection: &Connection, journal: Journal) -> Result<()> {
    let ran: u32 = connection.query_row("SELECT coalesce(max(number), 0) FROM migrations", [], |row| row.get(0))?;
    let id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if format_of(connection)? != 0 || ran == 0 || id != application_id(journal) {
        return Err(damaged("the format of the file cannot be told"));
    }
    Ok(connection.pragma_update(None, "user_version", ran)?)
}

fn checksum(migration: &Migration) -> Hash {
    Hash::of(migration.sql.concat().as_bytes())
}

fn verify_checksums(connection: &Connection, journal: Journal) -> Result<()> {
    for migration in migrations(journal) {
        let stored: Option<[u8; 32]> = connection
            .query_row("SELECT checksum FROM migrations WHERE number = ?1", [migration.number], |row| row.get(0))
            .optional()?;
        if stored != Some(checksum(migration).0) {
            return Err(damaged(format!("format {} was made by an unknown migration", migration.number)));
        }
    }
    Ok(())
}

/// Keeps the file as it is before a migration, beside it, through SQLite's backup so that the WAL is in it.
fn copy_before(connection: &Connection, file: &Path, number: u32) -> Result<()> {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".before-{number}"));
    let name = Path::new(&name);
    // For its owner only, as the store is.
    let mut options = std::fs::File::options();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(name).map_err(|error| Error::io(format!("cannot make the copy {}", name.display()), &error))?;
    let mut copy = Connection::open(name)?;
    rusqlite::backup::Backup::new(connection, &mut copy)?.run_to_completion(4096, std::time::Duration::ZERO, None)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_once_and_refuses_what_is_newer_or_foreign() {
        for journal in [Journal::Memory, Journal::Archive] {
            let connection = crate::connection::open_in_memory().expect("SQLite");
            run(&connection, journal, None, 1).expect("migrates");
            run(&connection, journal, None, 2).expect("nothing to do");
            assert_eq!(format_of(&connection).expect("a number"), newest(journal));
            connection
                .execute("INSERT INTO migrations VALUES(99, x'00', '7.1.0', 0)", [])
                .and_then(|_| connection.pragma_update(None, "user_version", 99))
                .expect("written");
            let error = Error::from(run(&connection, journal, None, 3).expect_err("too new"));
            assert_eq!((error.code, error.details["needed"].as_str()), (Code::StoreTooNew, Some("7.1.0")));
        }
        let connection = crate::connection::open_in_memory().expect("SQLite");
        connection.pragma_update(None, "user_version", 1).expect("written");
        assert_eq!(Error::from(check(&connection, Journal::Memory).expect_err("foreign")).code, Code::Damaged);
    }

    #[test]
    fn an_edited_migration_is_found() {
        let connection = crate::connection::open_in_memory().expect("SQLite");
        run(&connection, Journal::Memory, None, 1).expect("migrates");
        connection.execute("UPDATE migrations SET checksum = zeroblob(32)", []).expect("written");
        assert!(run(&connection, Journal::Memory, None, 2).is_err());
    }
}
