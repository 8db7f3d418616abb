//! What archived turns of models' APIs used, summed.
//!
//! **Invariant:** what no turn tells is absent and no zero, and the answer says for how many turns it is not known.

use crate::call::Call;
use crate::filter;
use crate::sql::OURS;
use jay_store::sql::{SqlValue, UsageBy, UsageQuestion, ask_usage};
use jay_types::Result;
use jay_types::bounds::Word;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// By what turns are summed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The client.
    Client,
    /// The model that answered.
    Model,
    /// The project directory.
    Project,
    /// The day in UTC.
    #[default]
    Day,
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct UsageRequest {
    /// By what turns are summed.
    pub by: By,
    /// Only this client's.
    pub client: Option<Word>,
    /// Only turns at or after this time.
    pub since: Option<Word>,
    /// Only turns before this time.
    pub until: Option<Word>,
    /// The most rows.
    pub limit: usize,
    /// How long it may take.
    pub time_max: Duration,
}

/// The sums of some turns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsageSums {
    /// The turns
    pub turns: u64,
    /// Those of which no tokens are told
    pub turns_without_tokens: u64,
    /// Those of which no cost is told
    pub turns_without_cost: u64,
    /// Tokens that went in, without those from the cache
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Tokens that came out
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Tokens read from the API's cache
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read_tokens: Option<u64>,
    /// Tokens written into it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_tokens: Option<u64>,
    /// Tokens of reasoning; some clients count them in the output too
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_tokens: Option<u64>,
    /// US dollars, as far as clients tell them
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
}

/// The sums of a client, a model, a project or a day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsageRow {
    /// Which; absent where it is not told
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its sums
    #[serde(flatten)]
    pub sums: UsageSums,
}

/// The answer to stats usage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsageCounted {
    /// Days in their order; else those that used the most first
    pub rows: Vec<UsageRow>,
    /// Of all rows that are given
    pub totals: UsageSums,
    /// True where there are more rows than are given
    pub has_more: bool,
}

/// Sums what turns used.
///
/// # Errors
/// `bad_input` for a time that is none, `refused` where it takes too long.
pub fn usage(call: &Call<'_>, request: &UsageRequest) -> Result<UsageCounted> {
    call.engine.demand_archive()?;
    let question = UsageQuestion {
        by: match request.by {
            By::Client => UsageBy::Client,
            By::Model => UsageBy::Model,
            By::Project => UsageBy::Project,
            By::Day => UsageBy::Day,
        },
        client: request.client.as_ref().map(Word::as_str),
        since: filter::time("since", request.since.as_ref(), call.now)?,
        until: filter::time("until", request.until.as_ref(), call.now)?,
        max_rows: request.limit,
        time_max: request.time_max,
    };
    let answer = ask_usage(&call.engine.memory, &call.engine.archive, &question, OURS)?;
    let rows: Vec<UsageRow> = answer.rows.iter().map(|values| row(values)).collect();
    let mut totals = UsageSums::default();
    rows.iter().for_each(|row| add(&mut totals, &row.sums));
    Ok(UsageCounted { rows, totals, has_more: answer.has_more })
}

/// In the order of [`ask_usage`].
fn row(values: &[SqlValue]) -> UsageRow {
    let number = |place: usize| match values.get(place) {
        Some(SqlValue::Integer(number)) => u64::try_from(*number).ok(),
        _ => None,
    };
    let name = match values.first() {
        Some(SqlValue::Text(name)) => Some(name.clone()),
        _ => None,
    };
    let cost_usd = match values.get(9) {
        Some(SqlValue::Real(cost)) => Some(*cost),
        _ => None,
    };
    let sums = UsageSums {
        turns: number(1).unwrap_or(0),
        turns_without_tokens: number(2).unwrap_or(0),
        turns_without_cost: number(3).unwrap_or(0),
        input_tokens: number(4),
        output_tokens: number(5),
        cache_read_tokens: number(6),
        cache_write_tokens: number(7),
        reasoning_tokens: number(8),
        cost_usd,
    };
    UsageRow { name, sums }
}

fn add(to: &mut UsageSums, more: &UsageSums) {
    let sum = |to: &mut Option<u64>, more: Option<u64>| {
        *to = [*to, more].into_iter().flatten().reduce(u64::saturating_add);
    };
    to.turns += more.turns;
    to.turns_without_tokens += more.turns_without_tokens;
    to.turns_without_cost += more.turns_without_cost;
    sum(&mut to.input_tokens, more.input_tokens);
    sum(&mut to.output_tokens, more.output_tokens);
    sum(&mut to.cache_read_tokens, more.cache_read_tokens);
    sum(&mut to.cache_write_tokens, more.cache_write_tokens);
    sum(&mut to.reasoning_tokens, more.reasoning_tokens);
    to.cost_usd = [to.cost_usd, more.cost_usd].into_iter().flatten().reduce(|a, b| a + b);
}
