//! What can go wrong in here, and how it is told at the doors.

use jay_types::change::Journal;
use jay_types::{Code, Error};

/// A failure of the store.
#[derive(Debug)]
pub enum StoreError {
    /// SQLite says no.
    Sqlite(rusqlite::Error),
    /// A failure that has its words already.
    Told(Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        Self::Told(error)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Told(error) => error,
            StoreError::Sqlite(error) => told(&error),
        }
    }
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(error) => write!(f, "{error}"),
            Self::Told(error) => write!(f, "{error}"),
        }
    }
}

/// What helps with damage. Doctor looks at each file by itself and fails for none, so that this is no circle.
const DOCTOR: &str = "`jay doctor` says which file is damaged, what can be rebuilt and what helps.";

/// A journal that does not hold together: a defect or a damaged file.
pub(crate) fn damaged(what: impl std::fmt::Display) -> StoreError {
    Error::new(Code::Damaged, format!("the store is damaged: {what}")).hint(DOCTOR).into()
}

/// The failure with the name of the file in which it is, where the file is damaged.
pub(crate) fn of_file(error: StoreError, journal: Journal) -> StoreError {
    let StoreError::Sqlite(sqlite) = &error else { return error };
    let how = match sqlite.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => "it does not begin as a database does",
        Some(rusqlite::ErrorCode::DatabaseCorrupt) => "pages of it are missing or do not fit together",
        _ => return error,
    };
    let name = crate::begun::file_name(journal);
    Error::new(Code::Damaged, format!("{name} is damaged: {how}")).hint(DOCTOR).into()
}

fn told(error: &rusqlite::Error) -> Error {
    use rusqlite::ErrorCode as C;
    let Some(code) = error.sqlite_error_code() else {
        return Error::internal("the store does not understand its own rows")
            .details(serde_json::json!({"sqlite": error.to_string()}));
    };
    match code {
        C::DatabaseBusy | C::DatabaseLocked => Error::new(Code::Busy, "the store is busy")
            .hint("Another process is writing; try again, or see `jay doctor`."),
        C::DatabaseCorrupt | C::NotADatabase => {
            Error::new(Code::Damaged, "the store is damaged: a file of it does not hold together").hint(DOCTOR)
        }
        C::DiskFull => unusable("the disk is full"),
        C::SystemIoFailure => unusable("the disk reports a failure"),
        C::ReadOnly => unusable("its files can only be read"),
        C::CannotOpen => unusable("a file of it cannot be opened"),
        C::PermissionDenied => unusable("this user may not open its files"),
        // SQLite's own words are for whoever reads the report of the defect.
        _ => Error::internal("the store failed").details(serde_json::json!({"sqlite": error.to_string()})),
    }
}

fn unusable(why: &str) -> Error {
    Error::new(Code::Io, format!("the store cannot be written or read: {why}"))
        .hint("Check free space and permissions of the data directory; `jay status` shows where it is.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sqlite_says_is_told_in_words() {
        for (code, said) in [(8, "its files can only be read"), (13, "the disk is full"), (14, "cannot be opened")] {
            let error = told(&rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None));
            assert!(error.message.ends_with(said) && error.hint.is_some(), "{error:?}");
        }
        let defect = told(&rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(1), Some("no such table".into())));
        assert_eq!((defect.message.as_str(), &defect.details["sqlite"]), ("the store failed", &"no such table".into()));
    }
}
