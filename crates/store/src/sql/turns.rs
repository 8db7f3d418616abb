//! What turns of models' APIs used: the rows of the view `usage`, and their sums.
//!
//! **Invariant:** a turn counts once, however many rows tell of it; a turn of which nothing is told is there, with nothing.

use super::functions::{Bodies, SqlResult};
use super::{Names, Question, SqlAnswer, ask};
use crate::{Result, Store};
use jay_types::Timestamp;
use jay_types::session::{Role, Usage};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;

/// A turn as it is gathered from rows.
struct Turn {
    id: String,
    model: Option<String>,
    at: Option<i64>,
    told: Option<Usage>,
}

/// The turns of a session, in the order of its rows.
pub(super) fn of_session(bodies: &mut Bodies, session: i64, names: Names) -> SqlResult<Vec<Value>> {
    let blocks: Vec<(i64, Option<i64>)> = {
        let sql =
            "SELECT pos, rows_pos FROM blocks WHERE entity = ?1 AND shown = 1 ORDER BY path, host, revision, first_row";
        let mut statement = bodies.connection.prepare_cached(sql)?;
        let rows = statement.query_map([session], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<SqlResult<_>>()?
    };
    let mut turns: Vec<Turn> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut model: Option<String> = None;
    // Some clients tell it in rows of their own; then an answer beside them is no further turn.
    let mut is_told_apart = false;
    for (pos, rows_pos) in blocks {
        let Some(block) = bodies.block(pos)? else { continue };
        // What was read once more has its rows in the block that it reads.
        let of_rows = rows_pos.map(|pos| bodies.block(pos)).transpose()?.flatten();
        let row = |place: u32| of_rows.as_ref()?.rows.get(place as usize)?.bytes();
        let mut last_row = None;
        for message in &block.messages {
            let is_answer = message.role == Some(Role::Assistant);
            model = message.model.clone().filter(|_| is_answer).or(model);
            // What else was read from the same row tells the same again.
            if last_row.replace(message.row) == Some(message.row) {
                continue;
            }
            let told = row(message.row).and_then(|bytes| (names.usage)(&block.session.client, &bytes));
            if told.is_none() && !is_answer {
                continue;
            }
            is_told_apart |= told.is_some() && message.role.is_none() && message.parts.is_empty();
            let id = told.as_ref().and_then(|told| told.turn.clone()).unwrap_or_else(|| message.id.clone());
            let place = *places.entry(id.clone()).or_insert(turns.len());
            match turns.get_mut(place) {
                None => {
                    let model = told.as_ref().and_then(|told| told.model.clone()).or_else(|| model.clone());
                    turns.push(Turn { id, model, at: message.at.map(|at| at.0), told });
                }
                Some(turn) => match (&mut turn.told, told) {
                    (Some(known), Some(told)) => known.merge(&told),
                    (known, told) => *known = known.take().or(told),
                },
            }
        }
    }
    turns.retain(|turn| turn.told.is_some() || !is_told_apart);
    Ok(turns.into_iter().map(|turn| shown(turn, names)).collect())
}

fn shown(turn: Turn, names: Names) -> Value {
    let told = turn.told.unwrap_or_default();
    json!({
        "turn": (names.mask)(turn.id), "model": turn.model.map(names.mask), "at": turn.at,
        "of": turn.at.filter(|_| !(told.is_turn_unique && told.turn.is_some())),
        "input": told.input_tokens, "output": told.output_tokens, "cache_read": told.cache_read_tokens,
        "cache_write": told.cache_write_tokens, "reasoning": told.reasoning_tokens, "cost": told.cost_usd,
    })
}

/// By what sums are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageBy {
    /// The client.
    Client,
    /// The model.
    Model,
    /// The project directory.
    Project,
    /// The day in UTC.
    Day,
}

/// Which turns are summed, and how.
#[derive(Clone, Copy, Debug)]
pub struct UsageQuestion<'a> {
    /// A row for each of these.
    pub by: UsageBy,
    /// Only this client's.
    pub client: Option<&'a str>,
    /// Only turns at or after this.
    pub since: Option<Timestamp>,
    /// Only turns before this.
    pub until: Option<Timestamp>,
    /// The most rows.
    pub max_rows: usize,
    /// How long it may take.
    pub time_max: Duration,
}

/// The sums of turns: name, turns, those that tell no use, those that tell no cost, and the sums of input, output, cache read,
/// cache write, reasoning and cost, each NULL where no turn tells it. Days in their order, else by tokens.
///
/// # Errors
/// As [`ask`].
pub fn ask_usage(memory: &Store, archive: &Store, question: &UsageQuestion<'_>, names: Names) -> Result<SqlAnswer> {
    let (name, order) = match question.by {
        UsageBy::Client => ("client", "tokens DESC, name"),
        UsageBy::Model => ("model", "tokens DESC, name"),
        UsageBy::Project => ("project", "tokens DESC, name"),
        UsageBy::Day => ("date(at)", "name"),
    };
    let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let time = |at: Timestamp| format!("strftime('%Y-%m-%dT%H:%M:%fZ', {} / 1000000.0, 'unixepoch')", at.0);
    let mut conditions = vec!["1".to_owned()];
    conditions.extend(question.client.map(|client| format!("client = {}", text(client))));
    conditions.extend(question.since.map(|since| format!("at >= {}", time(since))));
    conditions.extend(question.until.map(|until| format!("at < {}", time(until))));
    let sql = format!(
        "SELECT {name} AS name, count(*),
           sum(coalesce(input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens) IS NULL),
           sum(cost_usd IS NULL), sum(input_tokens), sum(output_tokens), sum(cache_read_tokens), sum(cache_write_tokens),
           sum(reasoning_tokens), sum(cost_usd), total(input_tokens) + total(output_tokens) AS tokens
         FROM usage WHERE {} GROUP BY 1 ORDER BY {order}",
        conditions.join(" AND ")
    );
    let question = Question {
        sql: &sql,
        max_rows: question.max_rows,
        max_bytes: 4 << 20,
        time_max: question.time_max,
        reveal: false,
    };
    ask(memory, archive, &question, names)
}
