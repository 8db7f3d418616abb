//! Questions in SQL: read-only, over views, on connections of their own.
//!
//! `views.rs` has what can be asked, `functions.rs` what views call to read texts, `guard.rs` what a statement may do.
//!
//! **Invariant:** a statement changes nothing, sees nothing but the views, and ends: by its time, or by the rows and bytes of
//! its answer.

mod functions;
mod guard;
mod turns;
mod views;

pub use turns::{UsageBy, UsageQuestion, ask_usage};
pub use views::{Column, VIEWS, View};

use crate::project::hidden;
use crate::{Result, Store, StoreError};
use jay_types::session::Usage;
use jay_types::{Error, Timestamp};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Statement};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use views::Part;

/// What this crate does not know itself.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// Masks the secrets in a name: titles, ids and paths that clients gave.
    pub mask: fn(String) -> String,
    /// What a source row of a client tells of a turn's use.
    pub usage: fn(&str, &[u8]) -> Option<Usage>,
}

/// A statement with its bounds.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// One `SELECT`.
    pub sql: &'a str,
    /// The most rows of the answer.
    pub max_rows: usize,
    /// The most bytes of the answer's values.
    pub max_bytes: usize,
    /// How long it may take.
    pub time_max: Duration,
    /// Shows secrets.
    pub reveal: bool,
}

/// A value of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum SqlValue {
    /// Nothing, or not known.
    Null,
    /// A whole number.
    Integer(i64),
    /// A number.
    Real(f64),
    /// A text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SqlAnswer {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows, each as long.
    pub rows: Vec<Vec<SqlValue>>,
    /// True where there may be more rows than the bounds let through.
    pub has_more: bool,
    /// True where that is because time was over.
    pub out_of_time: bool,
}

/// Asks both stores.
///
/// # Errors
/// `bad_input` where it is no single `SELECT` over the views or SQLite does not take it, `refused` where it has no row when its
/// time is over; what the stores say.
pub fn ask(memory: &Store, archive: &Store, question: &Question<'_>, names: Names) -> Result<SqlAnswer> {
    let surroundings = Arc::clone(&memory.options.surroundings);
    let now = surroundings.now();
    let mut connection = connected(memory, archive, names, question.reveal, now)?;
    let until = Timestamp(now.0.saturating_add(i64::try_from(question.time_max.as_micros()).unwrap_or(i64::MAX)));
    let stopped = guard::stop_when(&mut connection, move || surroundings.now() > until)?;
    let told = |error: rusqlite::Error| refusal(error, question.time_max);
    let sql = question.sql.trim_end_matches(|c: char| c == ';' || c.is_whitespace());
    if sql.matches(';').count() > SEMICOLONS_MAX {
        return Err(told(rusqlite::Error::MultipleStatement));
    }
    let mut statement = connection.prepare(sql).map_err(told)?;
    demand_one_select(&statement)?;
    let mut answer = SqlAnswer::default();
    match rows(&mut statement, question, &mut answer) {
        Ok(()) => Ok(answer),
        // What was found in time is an answer, if not the whole.
        Err(_) if stopped.load(Ordering::Relaxed) && !answer.rows.is_empty() => {
            (answer.has_more, answer.out_of_time) = (true, true);
            Ok(answer)
        }
        Err(error) => Err(told(error)),
    }
}

fn rows(statement: &mut Statement<'_>, question: &Question<'_>, answer: &mut SqlAnswer) -> rusqlite::Result<()> {
    answer.columns = statement.column_names().map(str::to_owned).collect();
    let mut bytes = 0;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let mut values = Vec::with_capacity(answer.columns.len());
        for place in 0..answer.columns.len() {
            values.push(match row.get_ref(place)? {
                ValueRef::Null => SqlValue::Null,
                ValueRef::Integer(number) => SqlValue::Integer(number),
                ValueRef::Real(number) => SqlValue::Real(number),
                ValueRef::Text(text) => SqlValue::Text(String::from_utf8_lossy(text).into_owned()),
                ValueRef::Blob(bytes) => SqlValue::Blob(bytes.to_vec()),
            });
        }
        bytes += values.iter().map(size_bytes).sum::<usize>();
        if answer.rows.len() == question.max_rows || bytes > question.max_bytes {
            answer.has_more = true;
            break;
        }
        answer.rows.push(values);
    }
    Ok(())
}

const fn size_bytes(value: &SqlValue) -> usize {
    match value {
        SqlValue::Text(text) => text.len(),
        SqlValue::Blob(bytes) => bytes.len(),
        SqlValue::Null | SqlValue::Integer(_) | SqlValue::Real(_) => 8,
    }
}

/// A connection that can do nothing but ask.
fn connected(memory: &Store, archive: &Store, names: Names, reveal: bool, now: Timestamp) -> Result<Connection> {
    let surroundings = memory.options.surroundings.as_ref();
    let (memory, archive) = (file(memory)?, file(archive)?);
    // The first file is the connection's own; the other is attached to it, read-only as it is.
    let mut connection = match memory.as_ref().or(archive.as_ref()) {
        Some(path) => crate::connection::open_reader(path)?,
        None => crate::connection::open_in_memory()?,
    };
    connection.pragma_update(None, "query_only", false)?;
    // A sort that is larger than the page cache goes into a file without a name, not into memory. Said first, since it
    // takes away what is temporary.
    connection.pragma_update(None, "temp_store", "FILE")?;
    if let (Some(_), Some(path)) = (&memory, &archive) {
        connection.execute("ATTACH DATABASE ?1 AS archive", [path.to_string_lossy()])?;
    }
    functions::register(&connection, memory.as_deref(), archive.as_deref(), names, reveal)?;
    let schema_of = |part: Part| match (part, &memory, &archive) {
        (Part::Memory, Some(_), _) | (Part::Archive, None, Some(_)) => Some("main"),
        (Part::Archive, Some(_), Some(_)) => Some("archive"),
        _ => None,
    };
    let nonce = jay_types::surroundings::random::<16>(surroundings);
    let lower = format!("view_{}_", jay_types::id::to_hex(&nonce));
    for view in &VIEWS {
        let never = hidden::FORGOTTEN | hidden::FORGOTTEN_TEXT | hidden::SHADOW;
        let query = views::query(view, &schema_of, now.0, never);
        let columns: Vec<&str> = view.columns.iter().map(|column| column.name).collect();
        let columns = columns.join(", ");
        let name = view.name;
        connection.execute_batch(&format!(
            "CREATE TEMP VIEW {lower}{name} AS {query}; CREATE TEMP VIEW {name} AS SELECT {columns} FROM {lower}{name};"
        ))?;
    }
    connection.pragma_update(None, "query_only", true)?;
    guard::bound(&connection)?;
    // Both files are read as of one moment each: the snapshot begins with the first read.
    connection.execute_batch("BEGIN")?;
    guard::guard(&mut connection, lower)?;
    Ok(connection)
}

/// A store's file; none where nothing was written yet.
fn file(store: &Store) -> Result<Option<PathBuf>> {
    // This reads the format, and brings an older one up to date.
    store.read(|tx| tx.counts().map(drop))?;
    let path: &Path = &store.file();
    let is_there = std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0);
    Ok(is_there.then(|| path.to_owned()))
}

/// Semicolons within a statement, in its texts: what stands behind each may be another statement, which is looked at within the
/// look at the one before.
const SEMICOLONS_MAX: usize = 64;
const HINT: &str = "Write one SELECT over the views; `jay sql --schema` shows them with their columns.";

/// Refuses whatever is not one statement that only reads.
fn demand_one_select(statement: &Statement<'_>) -> Result<()> {
    let refused = |what: &str| -> StoreError { Error::bad_input(format!("`query`: {what}")).hint(HINT).into() };
    if statement.column_count() == 0 || !statement.readonly() {
        return Err(refused("is no SELECT"));
    }
    if statement.is_explain() != 0 {
        return Err(refused("asks for a plan, which would show what is below the views"));
    }
    Ok(())
}

/// What SQLite says, for people.
fn refusal(error: rusqlite::Error, time_max: Duration) -> StoreError {
    use rusqlite::ErrorCode;
    let hint = HINT;
    match &error {
        rusqlite::Error::SqliteFailure(failure, _) if failure.code == ErrorCode::OperationInterrupted => {
            Error::new(jay_types::Code::Refused, format!("the statement took longer than {} ms", time_max.as_millis()))
                .hint("Narrow it with WHERE, ask for fewer columns, or give it a longer `timeout_ms`.")
                .into()
        }
        rusqlite::Error::SqliteFailure(failure, _) if failure.code == ErrorCode::AuthorizationForStatementDenied => {
            Error::bad_input("`query`: reads or does what it may not: only the views can be read").hint(hint).into()
        }
        rusqlite::Error::SqlInputError { msg, sql, offset, .. } => {
            let place = usize::try_from(*offset).ok().and_then(|at| sql.get(..at)).map(|head| head.chars().count() + 1);
            let place = place.map(|place| format!(", at character {place}")).unwrap_or_default();
            let msg = if let Some(name) = msg.strip_prefix("not authorized to use function: ") {
                &format!("the function `{name}` cannot be used")
            } else if msg.starts_with("access to") || msg.starts_with("not authorized") {
                "only the views can be read"
            } else {
                msg
            };
            Error::bad_input(format!("`query`: {msg}{place}")).hint(hint).into()
        }
        rusqlite::Error::SqliteFailure(failure, Some(message))
            if matches!(failure.code, ErrorCode::Unknown | ErrorCode::TooBig | ErrorCode::TypeMismatch) =>
        {
            Error::bad_input(format!("`query`: {message}")).hint(hint).into()
        }
        rusqlite::Error::MultipleStatement => {
            Error::bad_input("`query`: has more than one statement").hint(hint).into()
        }
        _ => StoreError::from(error),
    }
}
