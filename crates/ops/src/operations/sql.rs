//! `sql`.

use crate::operation::{ALL_DOORS, Access, Operation};
use jay_core::Call;
use jay_core::sql::{SqlAnswered, SqlFormat, SqlRequest};
use jay_types::Result;
use jay_types::bounds::{Limit, Query};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// Ask what is stored by a SELECT over views
///
/// The views are sessions, messages, parts, tool_calls, usage, memories, facts and changes; `schema` shows their columns. Nothing can be
/// changed, and times are texts such as 2026-05-01T10:00:00.000Z.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct SqlInput {
    /// One SELECT of SQLite's SQL
    #[serde(default)]
    #[schemars(extend("x-positional" = true))]
    query: Option<Query>,
    /// Show the views with their columns
    #[serde(default)]
    schema: bool,
    /// The most rows of the answer
    #[serde(default)]
    limit: Limit<1000, 100_000>,
    /// How long the statement may take, in milliseconds
    #[serde(default)]
    timeout_ms: Limit<5000, 600_000>,
    /// Give the rows as a table, or as a document of comma-separated values or of JSON lines
    #[serde(default)]
    format: SqlFormat,
    /// Show secrets that are masked (people only, from the command line or the web)
    #[serde(default)]
    reveal: bool,
}

pub(super) struct Sql;

impl Operation for Sql {
    const NAME: &'static str = "sql";
    const ACCESS: Access = Access::Read;
    const DOORS: &'static [jay_core::Door] = ALL_DOORS;
    type Input = SqlInput;
    type Output = SqlAnswered;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        let SqlInput { query, schema, limit, timeout_ms, format, reveal } = input;
        let time_max = Duration::from_millis(timeout_ms.get() as u64);
        jay_core::sql::sql(call, &SqlRequest { query, schema, limit: limit.get(), time_max, format, reveal })
    }

    fn for_agents(output: &Self::Output, _max_tokens: usize) -> Option<String> {
        crate::agents::as_data(output)
    }
}
