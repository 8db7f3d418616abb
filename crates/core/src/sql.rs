//! Questions in SQL over both stores: what may be asked and how the answer is given.
//!
//! **Invariant:** nothing is changed, secrets are masked unless a person at hand has them revealed, and an answer that is not the
//! whole says so.

use crate::call::Call;
use crate::secrets::masked_name;
use jay_store::sql::{Names, Question, SqlValue, VIEWS};
use jay_types::bounds::Query;
use jay_types::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

/// What the store asks of this crate.
pub(crate) const OURS: Names = Names { mask: masked_name, usage: jay_sessions::usage };
/// Bytes of an answer's values at most.
const ANSWER_MAX_BYTES: usize = 32 << 20;

/// How rows are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SqlFormat {
    /// As a table in a terminal, and as `rows` in JSON.
    #[default]
    Table,
    /// As comma-separated values with a line of names.
    Csv,
    /// As one JSON object a line.
    Ndjson,
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct SqlRequest {
    /// The statement; none where only the schema is asked for.
    pub query: Option<Query>,
    /// Shows the views instead.
    pub schema: bool,
    /// The most rows.
    pub limit: usize,
    /// How long it may take.
    pub time_max: Duration,
    /// How rows are given.
    pub format: SqlFormat,
    /// Shows secrets.
    pub reveal: bool,
}

/// A view, as the schema shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ViewShown {
    /// Its name
    pub name: String,
    /// What a row of it is
    pub about: String,
    /// Its columns
    pub columns: Vec<ColumnShown>,
}

/// A column of a view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ColumnShown {
    /// Its name
    pub name: String,
    /// TEXT, INTEGER or REAL
    pub kind: String,
    /// What it says
    pub about: String,
}

/// The answer to sql.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SqlAnswered {
    /// The names of the columns
    pub columns: Vec<String>,
    /// The rows, each with a value for every column; empty where a document was asked for, which holds them
    pub rows: Vec<Vec<Value>>,
    /// The rows as a document, where `format` asks for one
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// True where there may be more rows than are given
    pub has_more: bool,
    /// The views, where the schema was asked for
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub views: Vec<ViewShown>,
    /// What there is to say
    pub notes: Vec<String>,
}

/// Answers a statement, or shows what can be asked.
///
/// # Errors
/// `bad_input` for what is no single `SELECT` over the views, `refused` where it takes too long, or where secrets are to be
/// revealed to somebody else than a person at hand.
pub fn sql(call: &Call<'_>, request: &SqlRequest) -> Result<SqlAnswered> {
    if request.schema {
        return Ok(match request.format {
            SqlFormat::Table => SqlAnswered { views: schema(), ..SqlAnswered::default() },
            SqlFormat::Csv | SqlFormat::Ndjson => as_document(columns_of(schema()), request.format),
        });
    }
    let Some(query) = &request.query else {
        return Err(Error::bad_input("`query`: is required")
            .hint("Write one SELECT; `jay sql --schema` shows what can be asked."));
    };
    if request.reveal {
        call.demand_person("revealing secrets")?;
    }
    let question = Question {
        sql: query.as_str(),
        max_rows: request.limit,
        max_bytes: ANSWER_MAX_BYTES,
        time_max: request.time_max,
        reveal: request.reveal,
    };
    let engine = call.engine;
    let answer = jay_store::sql::ask(&engine.memory, &engine.archive, &question, OURS)?;
    let mut notes = Vec::new();
    if answer.out_of_time {
        notes.push(format!("ended after {} ms: there may be more rows", request.time_max.as_millis()));
    } else if answer.has_more {
        notes.push(format!("the first {} rows: `--limit` and OFFSET show others", answer.rows.len()));
    }
    let rows: Vec<Vec<Value>> = answer.rows.into_iter().map(|row| row.into_iter().map(value).collect()).collect();
    let answered =
        SqlAnswered { columns: answer.columns, rows, has_more: answer.has_more, notes, ..SqlAnswered::default() };
    Ok(as_document(answered, request.format))
}

/// The rows as the document that `format` asks for, if it asks for one.
fn as_document(mut answered: SqlAnswered, format: SqlFormat) -> SqlAnswered {
    answered.document = match format {
        SqlFormat::Table => return answered,
        SqlFormat::Csv => Some(csv(&answered)),
        SqlFormat::Ndjson => Some(lines(&answered)),
    };
    answered.rows.clear();
    answered
}

/// The schema as rows, one for each column of a view.
fn columns_of(views: Vec<ViewShown>) -> SqlAnswered {
    let row = |view: &str, column: ColumnShown| {
        [view.to_owned(), column.name, column.kind, column.about].map(Value::from).to_vec()
    };
    let rows = views.into_iter().flat_map(|view| view.columns.into_iter().map(move |column| row(&view.name, column)));
    let columns = ["view", "name", "kind", "about"].map(str::to_owned).to_vec();
    SqlAnswered { columns, rows: rows.collect(), ..SqlAnswered::default() }
}

/// Every view.
fn schema() -> Vec<ViewShown> {
    let column = |column: &jay_store::sql::Column| ColumnShown {
        name: column.name.to_owned(),
        kind: column.kind.to_owned(),
        about: column.about.to_owned(),
    };
    let view = |view: &jay_store::sql::View| ViewShown {
        name: view.name.to_owned(),
        about: view.about.to_owned(),
        columns: view.columns.iter().map(column).collect(),
    };
    VIEWS.iter().map(view).collect()
}

fn value(value: SqlValue) -> Value {
    match value {
        SqlValue::Null => Value::Null,
        SqlValue::Integer(number) => number.into(),
        SqlValue::Real(number) => json!(number),
        SqlValue::Text(text) => text.into(),
        SqlValue::Blob(bytes) => jay_types::id::to_hex(&bytes).into(),
    }
}

/// As RFC 4180 has it.
fn csv(answer: &SqlAnswered) -> String {
    let field = |text: &str| match text.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    };
    let of_value = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => field(text),
        other => other.to_string(),
    };
    let names = answer.columns.iter().map(|name| field(name)).collect::<Vec<_>>().join(",");
    let rows = answer.rows.iter().map(|row| row.iter().map(of_value).collect::<Vec<_>>().join(","));
    [names].into_iter().chain(rows).map(|line| line + "\r\n").collect()
}

/// An object a row, its fields in the order of the columns; a name that stands there twice gets a number.
fn lines(answer: &SqlAnswered) -> String {
    let mut names: Vec<String> = Vec::new();
    for name in &answer.columns {
        let mut unique = name.clone();
        let mut number = 1;
        while names.contains(&unique) {
            number += 1;
            unique = format!("{name}_{number}");
        }
        names.push(unique);
    }
    let names: Vec<String> = names.into_iter().map(|name| Value::String(name).to_string()).collect();
    let object = |row: &Vec<Value>| {
        let fields: Vec<String> = names.iter().zip(row).map(|(name, value)| format!("{name}:{value}")).collect();
        format!("{{{}}}\n", fields.join(","))
    };
    answer.rows.iter().map(object).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> SqlAnswered {
        let row = vec![json!("a \"b\", c"), Value::Null, json!(1.5)];
        SqlAnswered { columns: ["x", "y", "x"].map(str::to_owned).to_vec(), rows: vec![row], ..SqlAnswered::default() }
    }

    #[test]
    fn values_with_commas_and_quotes_stay_one() {
        assert_eq!(csv(&answer()), "x,y,x\r\n\"a \"\"b\"\", c\",,1.5\r\n");
    }

    #[test]
    fn a_name_that_stands_there_twice_loses_nothing() {
        assert_eq!(lines(&answer()), "{\"x\":\"a \\\"b\\\", c\",\"y\":null,\"x_2\":1.5}\n");
    }
}
