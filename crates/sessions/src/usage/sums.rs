//! Clients whose databases tell what a whole session used, in its own row: one turn stands for all of it.
//!
//! **Invariant:** such a row stands for its session under one name, however often it is written anew: the sums only grow, so that
//! the last holds. A sum of nothing is what a column holds before anything was told, and no zero.

use super::{cost, number, uncached};
use crate::json::Fields;
use jay_types::session::Usage;

/// What a row of a database tells.
pub(super) fn told(client: &str, fields: &Fields<'_>) -> Option<Usage> {
    let (table, row) = (fields.text("table")?, fields.object("row")?);
    match (client, table.as_str()) {
        ("goose", "usage_ledger") => Some(ledger(&row)),
        ("goose", "sessions") => goose(&row),
        ("hermes", "sessions") => hermes(&row),
        ("crush", "sessions") => crush(&row),
        _ => None,
    }
}

fn turn(row: &Fields<'_>) -> Option<String> {
    row.word("id").map(|id| format!("session:{id}"))
}

fn is_something(usage: &Usage) -> bool {
    let numbers = [usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.cache_write_tokens];
    numbers.iter().flatten().any(|number| *number > 0) || usage.cost_usd.is_some()
}

fn positive(fields: &Fields<'_>, name: &str) -> Option<f64> {
    fields.get(name).and_then(cost).filter(|cost| *cost > 0.0)
}

/// A row for each call of a model, by those versions of goose that have them. Input is told with what was cached.
fn ledger(row: &Fields<'_>) -> Usage {
    let (read, written) = (number(row, "cache_read_tokens"), number(row, "cache_write_tokens"));
    Usage {
        turn: row.get("id").zip(row.word("session_id")).map(|(id, session)| format!("{session}:{}", id.get())),
        model: row.word("model"),
        input_tokens: uncached(number(row, "input_tokens"), &[read, written]),
        output_tokens: number(row, "output_tokens"),
        cache_read_tokens: read,
        cache_write_tokens: written,
        cost_usd: row.get("cost").and_then(cost),
        ..Usage::default()
    }
}

/// The sums of a session, where there are no rows for each call: versions that have these know of parents.
fn goose(row: &Fields<'_>) -> Option<Usage> {
    if row.iter().any(|(name, _)| name == "parent_session_id") {
        return None;
    }
    let (read, written) = (number(row, "accumulated_cache_read_tokens"), number(row, "accumulated_cache_write_tokens"));
    let settings = row.text("model_config_json").unwrap_or_default();
    let usage = Usage {
        turn: turn(row),
        model: Fields::parse(&settings).and_then(|settings| settings.word("model_name")),
        input_tokens: uncached(number(row, "accumulated_input_tokens"), &[read, written]),
        output_tokens: number(row, "accumulated_output_tokens"),
        cache_read_tokens: read,
        cache_write_tokens: written,
        cost_usd: positive(row, "accumulated_cost"),
        ..Usage::default()
    };
    is_something(&usage).then_some(usage)
}

fn hermes(row: &Fields<'_>) -> Option<Usage> {
    let usage = Usage {
        turn: turn(row),
        model: row.word("model"),
        input_tokens: number(row, "input_tokens"),
        output_tokens: number(row, "output_tokens"),
        cache_read_tokens: number(row, "cache_read_tokens"),
        cache_write_tokens: number(row, "cache_write_tokens"),
        reasoning_tokens: number(row, "reasoning_tokens"),
        cost_usd: positive(row, "actual_cost_usd").or_else(|| positive(row, "estimated_cost_usd")),
        ..Usage::default()
    };
    is_something(&usage).then_some(usage)
}

/// The cost alone is a sum; its tokens are those of the last call. That of a subagent is in its parent's too.
fn crush(row: &Fields<'_>) -> Option<Usage> {
    let cost_usd = positive(row, "cost").filter(|_| row.get("parent_session_id").is_none())?;
    Some(Usage { turn: turn(row), cost_usd: Some(cost_usd), ..Usage::default() })
}

#[cfg(test)]
mod tests {
    use crate::usage::usage;

    fn told(client: &str, row: &str) -> String {
        let line = |told: jay_types::session::Usage| {
            let numbers = [told.input_tokens, told.output_tokens, told.cache_read_tokens, told.cache_write_tokens];
            format!("{} {numbers:?} {:?}", told.turn.unwrap_or_default(), told.cost_usd)
        };
        usage(client, row.as_bytes()).map_or("nothing".to_owned(), line)
    }

    #[test]
    fn a_session_tells_of_all_its_turns_as_one() {
        let cases = [
            (
                "hermes",
                r#"{"table":"sessions","row":{"id":"h","input_tokens":10,"output_tokens":2,"cache_read_tokens":0,"actual_cost_usd":0,"estimated_cost_usd":0.5}}"#,
                "session:h [Some(10), Some(2), Some(0), None] Some(0.5)",
            ),
            (
                "hermes",
                r#"{"table":"sessions","row":{"id":"h","input_tokens":0,"output_tokens":0,"estimated_cost_usd":0.0}}"#,
                "nothing",
            ),
            ("hermes", r#"{"table":"messages","row":{"id":1,"input_tokens":10}}"#, "nothing"),
            (
                "crush",
                r#"{"table":"sessions","row":{"id":"c","prompt_tokens":900,"cost":0.25,"parent_session_id":null}}"#,
                "session:c [None, None, None, None] Some(0.25)",
            ),
            ("crush", r#"{"table":"sessions","row":{"id":"c","prompt_tokens":900,"cost":0.0}}"#, "nothing"),
            (
                "crush",
                r#"{"table":"sessions","row":{"id":"d","prompt_tokens":900,"cost":0.1,"parent_session_id":"c"}}"#,
                "nothing",
            ),
            (
                "goose",
                r#"{"table":"sessions","row":{"id":"g","accumulated_input_tokens":100,"accumulated_output_tokens":20}}"#,
                "session:g [Some(100), Some(20), None, None] None",
            ),
            (
                "goose",
                r#"{"table":"sessions","row":{"id":"g","accumulated_input_tokens":100,"parent_session_id":null}}"#,
                "nothing",
            ),
            (
                "goose",
                r#"{"table":"usage_ledger","row":{"id":7,"session_id":"g","input_tokens":100,"output_tokens":20,"cache_read_tokens":30,"cache_write_tokens":10,"cost":0.25}}"#,
                "g:7 [Some(60), Some(20), Some(30), Some(10)] Some(0.25)",
            ),
            ("goose", r#"{"table":"usage_ledger","row":{"id":7,"input_tokens":"many","output_tokens":-1}}"#, "nothing"),
            ("goose", r#"{"table":"usage_ledger"}"#, "nothing"),
        ];
        for (client, row, wanted) in cases {
            assert_eq!(told(client, row), wanted, "{client} {row}");
        }
    }
}
