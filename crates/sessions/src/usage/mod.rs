//! What the rows of clients tell of the tokens and money that a turn of the model's API used.
//!
//! It is read from the verbatim rows when it is asked for, so that what was archived before this was known has it too.
//!
//! **Invariant:** a number that the row does not tell is none, and no price is known here.

mod sums;

use crate::json::{self, Fields};
use jay_types::session::Usage;
use serde_json::value::RawValue;

/// What `row` of `client` tells of a turn; none where it tells nothing.
#[must_use]
pub fn usage(client: &str, row: &[u8]) -> Option<Usage> {
    let row = std::str::from_utf8(row).ok()?;
    // Most rows tell nothing: they need not be taken apart.
    if client != "antigravity" && !row.contains("usage") && !row.contains("tokens") {
        return None;
    }
    // An element of a file that is written whole stands behind its comma.
    let row = row.trim_start().strip_prefix(',').unwrap_or(row);
    let fields = Fields::parse(row)?;
    let usage = match client {
        "claude-code" | "claude-desktop" => anthropic(&fields),
        "pi" | "oh-my-pi" | "openclaw" => match crate::pi::inner(&fields) {
            Some(inner) => Fields::parse(&inner.ok()?).and_then(|fields| pi(&fields)),
            None => pi(&fields),
        },
        "codex" => codex(&fields),
        "opencode" => opencode(&fields),
        "gemini-cli" => gemini(&fields),
        "kimi" => kimi(&fields),
        "grok-build" => grok(&fields),
        "goose" | "hermes" | "crush" => sums::told(client, &fields),
        "antigravity" => crate::antigravity::usage(&fields),
        _ => None,
    }?;
    let usage = believed(usage);
    tells(&usage).then_some(usage)
}

/// Tokens that no turn uses: a number beyond it is none, and sums have room for millions of turns.
const TOKENS_MAX: u64 = 1_000_000_000_000;

fn believed(usage: Usage) -> Usage {
    let believed = |number: Option<u64>| number.filter(|number| *number <= TOKENS_MAX);
    Usage {
        input_tokens: believed(usage.input_tokens),
        output_tokens: believed(usage.output_tokens),
        cache_read_tokens: believed(usage.cache_read_tokens),
        cache_write_tokens: believed(usage.cache_write_tokens),
        reasoning_tokens: believed(usage.reasoning_tokens),
        ..usage
    }
}

fn tells(usage: &Usage) -> bool {
    let numbers = [usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.cache_write_tokens];
    numbers.iter().any(Option::is_some) || usage.reasoning_tokens.is_some() || usage.cost_usd.is_some()
}

fn number(fields: &Fields<'_>, name: &str) -> Option<u64> {
    fields.get(name).and_then(json::integer).and_then(|number| u64::try_from(number).ok())
}

fn cost(raw: &RawValue) -> Option<f64> {
    serde_json::from_str(raw.get()).ok().filter(|cost: &f64| cost.is_finite() && *cost >= 0.0)
}

/// An answer is several rows, one per block, and each repeats the usage of all.
fn anthropic(fields: &Fields<'_>) -> Option<Usage> {
    let message = fields.object("message")?;
    let told = message.object("usage")?;
    // The client writes rows of its own in the model's place, which used nothing.
    let model = message.word("model").filter(|model| model != "<synthetic>")?;
    Some(Usage {
        turn: message.word("id"),
        is_turn_unique: true,
        model: Some(model),
        input_tokens: number(&told, "input_tokens"),
        output_tokens: number(&told, "output_tokens"),
        cache_read_tokens: number(&told, "cache_read_input_tokens"),
        cache_write_tokens: number(&told, "cache_creation_input_tokens"),
        ..Usage::default()
    })
}

fn pi(fields: &Fields<'_>) -> Option<Usage> {
    let message = fields.object("message")?;
    let told = message.object("usage")?;
    Some(Usage {
        model: message.word("model"),
        input_tokens: number(&told, "input"),
        output_tokens: number(&told, "output"),
        cache_read_tokens: number(&told, "cacheRead"),
        cache_write_tokens: number(&told, "cacheWrite"),
        cost_usd: told.object("cost").and_then(|parts| parts.get("total").and_then(cost)),
        ..Usage::default()
    })
}

/// A count of its own after each turn. It comes again where only limits changed: then the total is as it was.
fn codex(fields: &Fields<'_>) -> Option<Usage> {
    let payload = fields.object("payload").filter(|payload| payload.text("type").as_deref() == Some("token_count"))?;
    let info = payload.object("info")?;
    let (last, total) = (info.object("last_token_usage")?, info.object("total_token_usage"));
    let cached = number(&last, "cached_input_tokens");
    Some(Usage {
        turn: total.and_then(|total| number(&total, "total_tokens")).map(|total| format!("total:{total}")),
        input_tokens: number(&last, "input_tokens").map(|all| all.saturating_sub(cached.unwrap_or(0))),
        output_tokens: number(&last, "output_tokens"),
        cache_read_tokens: cached,
        reasoning_tokens: number(&last, "reasoning_output_tokens"),
        ..Usage::default()
    })
}

/// In a database's row the message's data are a text column; in the older tree they are the document.
fn opencode(fields: &Fields<'_>) -> Option<Usage> {
    if fields.text("table").as_deref() != Some("message") {
        return None;
    }
    let row = fields.object("row")?;
    let data_text = row.text("data");
    let data = data_text.as_deref().and_then(Fields::parse).or_else(|| row.object("data")).unwrap_or(row);
    let told = data.object("tokens")?;
    let cache = told.object("cache").unwrap_or_default();
    Some(Usage {
        model: data.word("modelID"),
        input_tokens: number(&told, "input"),
        output_tokens: number(&told, "output"),
        cache_read_tokens: number(&cache, "read"),
        cache_write_tokens: number(&cache, "write"),
        reasoning_tokens: number(&told, "reasoning"),
        cost_usd: data.get("cost").and_then(cost),
        ..Usage::default()
    })
}

/// A message is written again when its tools have answered, under the same id.
fn gemini(fields: &Fields<'_>) -> Option<Usage> {
    let told = fields.object("tokens")?;
    let cached = number(&told, "cached");
    Some(Usage {
        turn: fields.word("id"),
        model: fields.word("model"),
        input_tokens: number(&told, "input").map(|all| all.saturating_sub(cached.unwrap_or(0))),
        output_tokens: number(&told, "output"),
        cache_read_tokens: cached,
        reasoning_tokens: number(&told, "thoughts"),
        ..Usage::default()
    })
}

/// A record of its own for each call of the model; those of a whole session repeat these.
fn kimi(fields: &Fields<'_>) -> Option<Usage> {
    let is_turn = fields.text("usageScope").is_none_or(|scope| scope == "turn");
    let told = fields.object("usage").filter(|_| is_turn && fields.text("type").as_deref() == Some("usage.record"))?;
    let (input, output) = (number(&told, "inputOther"), number(&told, "output"));
    // A session that was forked has copies of the records, which have no ids.
    let shown = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    let turn = fields.get("time").map(|at| format!("{}:{}:{}", at.get(), shown(input), shown(output)));
    Some(Usage {
        turn,
        model: fields.word("model"),
        input_tokens: input,
        output_tokens: output,
        cache_read_tokens: number(&told, "inputCacheRead"),
        cache_write_tokens: number(&told, "inputCacheCreation"),
        ..Usage::default()
    })
}

/// Told at the end of a turn, with all that its calls of models used: by model, or else as one sum.
fn grok(fields: &Fields<'_>) -> Option<Usage> {
    let update = fields.object("params")?.object("update")?;
    let told = update.object("usage").filter(|_| update.text("sessionUpdate").as_deref() == Some("turn_completed"))?;
    let models = told.object("modelUsage").unwrap_or_default();
    let by_model: Vec<(&str, Fields<'_>)> =
        models.iter().filter_map(|(name, raw)| Some((name, json::object(raw)?))).collect();
    let sum = |name: &str| match by_model.as_slice() {
        [] => number(&told, name),
        many => many.iter().filter_map(|(_, fields)| number(fields, name)).reduce(u64::saturating_add),
    };
    let (read, written) = (sum("cachedReadTokens"), sum("cacheCreationTokens"));
    let turn = update.word("prompt_id");
    #[expect(clippy::cast_precision_loss, reason = "a cost of more than 900,000 dollars is none")]
    let cost_usd = sum("costUsdTicks").map(|ticks| ticks as f64 / 1e10);
    Some(Usage {
        is_turn_unique: turn.as_deref().is_some_and(crate::discover::is_uuid),
        turn,
        model: by_model.first().filter(|_| by_model.len() == 1).map(|(name, _)| (*name).to_owned()),
        input_tokens: uncached(sum("inputTokens"), &[read, written]),
        output_tokens: sum("outputTokens"),
        cache_read_tokens: read,
        cache_write_tokens: written,
        reasoning_tokens: sum("reasoningTokens"),
        cost_usd,
    })
}

/// What went in without what is told of the cache, where the client counts both together.
fn uncached(all: Option<u64>, cached: &[Option<u64>]) -> Option<u64> {
    all.map(|all| cached.iter().flatten().fold(all, |left, cached| left.saturating_sub(*cached)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_tells_its_own_way() {
        let codex = r#"{"type":"event_msg","payload":{"type":"token_count","info":{"total_token_usage":{"total_tokens":21900},
            "last_token_usage":{"input_tokens":2100,"cached_input_tokens":1800,"output_tokens":90}}}}"#;
        let told = usage("codex", codex.as_bytes()).unwrap();
        assert_eq!(told.turn.as_deref(), Some("total:21900"));
        assert_eq!((told.input_tokens, told.cache_read_tokens, told.output_tokens), (Some(300), Some(1800), Some(90)));
        assert_eq!((told.reasoning_tokens, told.cost_usd), (None, None), "unknown is not zero");

        let pi = r#"{"type":"message","message":{"role":"assistant","model":"m","usage":{"input":10,"output":5,"cost":{"total":0.01}}}}"#;
        let told = usage("pi", pi.as_bytes()).unwrap();
        assert_eq!((told.input_tokens, told.cache_read_tokens, told.cost_usd), (Some(10), None, Some(0.01)));

        let opencode = r#"{"table":"message","row":{"data":"{\"cost\":0.5,\"modelID\":\"m\",\"tokens\":{\"input\":8,\"cache\":{\"read\":0}}}"}}"#;
        let told = usage("opencode", opencode.as_bytes()).unwrap();
        assert_eq!((told.input_tokens, told.cache_read_tokens, told.cost_usd), (Some(8), Some(0), Some(0.5)));

        let kimi = r#"{"type":"usage.record","usage":{"inputOther":7,"output":3,"inputCacheRead":0},"time":12}"#;
        let told = usage("kimi", kimi.as_bytes()).unwrap();
        assert_eq!(told.turn.as_deref(), Some("12:7:3"));
        assert_eq!((told.input_tokens, told.cache_read_tokens, told.cache_write_tokens), (Some(7), Some(0), None));
        let repeated = kimi.replace("\"time\"", "\"usageScope\":\"session\",\"time\"");
        assert_eq!(usage("kimi", repeated.as_bytes()), None);

        let grok = r#"{"params":{"update":{"sessionUpdate":"turn_completed","prompt_id":"203e5454-0000-4000-8000-000000000001","usage":{
            "inputTokens":9,"modelUsage":{"a":{"inputTokens":5,"outputTokens":1},"b":{"inputTokens":4,"cachedReadTokens":3}}}}}}"#;
        let told = usage("grok-build", grok.as_bytes()).unwrap();
        assert_eq!((told.input_tokens, told.output_tokens, told.cache_read_tokens), (Some(6), Some(1), Some(3)));
        assert!(told.model.is_none() && told.is_turn_unique && told.cost_usd.is_none());

        let openclaw =
            r#"{"table":"transcript_events","row":{"event_json":"{\"message\":{\"usage\":{\"input\":4}}}"}}"#;
        assert_eq!(usage("openclaw", openclaw.as_bytes()).unwrap().input_tokens, Some(4));

        let gemini = r#"{"id":"m-03","tokens":{"input":900,"output":40,"cached":100,"thoughts":20},"model":"g"}"#;
        let told = usage("gemini-cli", gemini.as_bytes()).unwrap();
        assert_eq!(
            (told.input_tokens, told.cache_read_tokens, told.reasoning_tokens),
            (Some(800), Some(100), Some(20))
        );
        let behind_its_comma = format!(",\n  {gemini}");
        assert_eq!(usage("gemini-cli", behind_its_comma.as_bytes()), Some(told));
    }

    #[test]
    fn what_tells_no_number_is_no_usage() {
        for row in [
            r#"{"message":{"id":"a","model":"m","usage":{}}}"#,
            r#"{"message":{"id":"a","model":"m","usage":{"input_tokens":-1,"output_tokens":"many"}}}"#,
            r#"{"message":{"id":"a","model":"<synthetic>","usage":{"input_tokens":0}}}"#,
            r#"{"message":{"id":"a","model":"m","usage":{"input_tokens":9223372036854775807}}}"#,
            r#"{"message":"usage\""}"#,
            "usage\"",
        ] {
            assert_eq!(usage("claude-code", row.as_bytes()), None, "{row}");
        }
    }
}
