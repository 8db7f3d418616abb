//! What can go wrong in here, and how it is told at the doors.

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

/// A journal that does not hold together: a defect or a damaged file.
pub(crate) fn damaged(what: impl std::fmt::Display) -> StoreError {
    Error::new(Code::Damaged, format!("the store is damaged: {what}"))
        .hint("`jay doctor` names what is damaged and what can be rebuilt.")
        .into()
}

fn told(error: &rusqlite::Error) -> Error {
    use rusqlite::ErrorCode as C;
    let Some(code) = error.sqlite_error_code() else {
        return Error::internal(format!("the store does not understand its own rows: {error}"));
    };
    match code {
        C::DatabaseBusy | C::DatabaseLocked => Error::new(Code::Busy, "the store is busy")
            .hint("Another process is writing; try again, or see `jay doctor`."),
        C::DatabaseCorrupt | C::NotADatabase => Error::new(Code::Damaged, format!("the store is damaged: {error}"))
            .hint("`jay doctor` names what is damaged and what can be rebuilt."),
        C::DiskFull | C::SystemIoFailure | C::ReadOnly | C::CannotOpen | C::PermissionDenied => {
            Error::new(Code::Io, format!("the store cannot be written or read: {error}"))
                .hint("Check free space and permissions of the data directory; `jay status` shows where it is.")
        }
        _ => Error::internal(format!("the store failed: {error}")),
    }
}
