//! What a statement may do: read the views, for a time, with bounded memory.
//!
//! The views read tables that nobody else may: each is two views, one with the name that is known and, below it, one whose name
//! is made anew for each statement. Only what stands within the lower one may touch a table or call our functions, and a name
//! that cannot be guessed cannot be taken by somebody's own subquery.
//!
//! **Invariant:** what is not allowed by name is denied.

use super::functions;
use super::views::VIEWS;
use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Steps of SQLite's machine after which it is looked at the time.
const STEPS: i32 = 2_000;
/// Bytes of one value at most: a text of a message can be long, a list of all of them is not wanted.
const VALUE_MAX_BYTES: i32 = 16 << 20;
const STATEMENT_MAX_BYTES: i32 = 64 << 10;

/// Functions of SQLite that reach beyond the statement.
const FORBIDDEN: [&str; 3] = ["load_extension", "fts3_tokenizer", "sqlite_offset"];
/// Functions that gather rows into one value without a bound of SQLite's: views may, for of a row they gather little.
const UNBOUNDED: [&str; 4] = ["json_group_array", "json_group_object", "jsonb_group_array", "jsonb_group_object"];
/// Tables that stand nowhere.
const TABLES: [&str; 2] = ["json_each", "json_tree"];

/// Sets the bounds of a connection.
pub(super) fn bound(connection: &Connection) -> crate::Result<()> {
    for (limit, most) in [
        (Limit::SQLITE_LIMIT_LENGTH, VALUE_MAX_BYTES),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, STATEMENT_MAX_BYTES),
        (Limit::SQLITE_LIMIT_ATTACHED, 2),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 50),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 200),
        (Limit::SQLITE_LIMIT_VDBE_OP, 250_000),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1_000),
    ] {
        connection.set_limit(limit, most)?;
    }
    Ok(())
}

/// Ends a statement when it is time; the flag tells that this is why it ended.
pub(super) fn stop_when(
    connection: &mut Connection,
    mut is_over: impl FnMut() -> bool + Send + 'static,
) -> crate::Result<Arc<AtomicBool>> {
    let stopped = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stopped);
    let look = move || {
        let over = is_over();
        flag.fetch_or(over, Ordering::Relaxed);
        over
    };
    connection.progress_handler(STEPS, Some(look))?;
    Ok(stopped)
}

/// Denies all but reading the views. `lower` begins the names of the views that may read tables.
pub(super) fn guard(connection: &mut Connection, lower: String) -> crate::Result<()> {
    connection.authorizer(Some(move |context: AuthContext<'_>| {
        if is_allowed(&context, &lower) { Authorization::Allow } else { Authorization::Deny }
    }))?;
    Ok(())
}

fn is_allowed(context: &AuthContext<'_>, lower: &str) -> bool {
    let is_within = context.accessor.is_some_and(|name| name.starts_with(lower));
    match context.action {
        AuthAction::Select | AuthAction::Recursive => true,
        AuthAction::Function { function_name } => {
            let ours = functions::NAMES.iter().any(|name| name.eq_ignore_ascii_case(function_name));
            let is_one_of = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(function_name));
            !is_one_of(&FORBIDDEN) && (is_within || !ours && !is_one_of(&UNBOUNDED))
        }
        // Of what no column is read only the number of rows is known: a table of a view of which a statement needs nothing.
        AuthAction::Read { column_name: "", .. } => true,
        AuthAction::Read { table_name, .. } => {
            is_within
                || table_name.starts_with(lower)
                || TABLES.contains(&table_name)
                || VIEWS.iter().any(|view| view.name.eq_ignore_ascii_case(table_name)) && is_of_views(context)
        }
        _ => false,
    }
}

/// The known views are temporary; a table of a database that has such a name is not one.
fn is_of_views(context: &AuthContext<'_>) -> bool {
    context.database_name.is_none_or(|name| name.eq_ignore_ascii_case("temp"))
}
