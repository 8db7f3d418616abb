//! LoCoMo: long conversations of two people, with the turns that each answer stands on.
//!
//! The evidence strings are not clean: one string may hold several ids, a colon may stand too much, one holds no number
//! at all, some questions have none. What names a turn counts; a question whose evidence names none is left out (other
//! runners count it as found).

use super::{Benchmark, Conversation, Document, Hit, Loaded, Question, Score, Unit, json, protocol};
use anyhow::{Context, Result};
use regex::Regex;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "locomo",
    has_sessions: true,
    load,
    score,
    limit: |_| K,
    protocol: |unit| match unit {
        Unit::Turn => {
            "a store per conversation, a message per turn with `[image: caption]` after its text; ten turns asked for; \
             fraction of the evidence turns among the first k; `session-frac` compares the D-numbers of those ten turns"
        }
        Unit::Session => {
            "a store per conversation, a message per turn with `[image: caption]` after its text; ten sessions asked \
             for; fraction of the evidence sessions (D-numbers) among the first k"
        }
    },
    columns: |unit| match unit {
        Unit::Turn => &["frac@5", "frac@10", "any@10", "all@10", "MRR", "session-frac@10"],
        Unit::Session => &["frac@1", "frac@5", "frac@10", "any@10", "all@10", "MRR"],
    },
    headline: |group| group != ADVERSARIAL,
    headline_name: "categories 1 to 4",
};

/// Questions that the conversation does not answer; their evidence is what misleads.
const ADVERSARIAL: &str = "5 adversarial";
/// How many hits a caller asks for.
const K: usize = 10;
/// Seconds between two turns: the data has times of sessions only.
const TURN_SECONDS: usize = 20;

static ID: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"D:?(\d+)\s*:\s*(\d+)").expect("a pattern that a test uses"));

fn load(path: &Path) -> Result<Loaded> {
    let data = json::file(path)?;
    let mut loaded = Loaded::default();
    for sample in json::list(&data, "").context("a LoCoMo file is a list of samples")? {
        let id = json::word(sample, "sample_id")?;
        let conversation = read(sample, &id, &mut loaded.skipped).with_context(|| format!("sample {id}"))?;
        loaded.conversations.push(conversation);
    }
    Ok(loaded)
}

fn read(sample: &Value, id: &str, skipped: &mut BTreeMap<&'static str, usize>) -> Result<Conversation> {
    let spoken = sample.get("conversation").and_then(Value::as_object).context("no `conversation`")?;
    let numbers = spoken.keys().filter_map(|key| key.strip_prefix("session_")?.parse::<u32>().ok());
    let mut conversation = Conversation { id: id.to_owned(), ..Conversation::default() };
    for number in numbers.collect::<BTreeSet<u32>>() {
        let turns = spoken.get(&format!("session_{number}")).and_then(Value::as_array);
        let at = spoken.get(&format!("session_{number}_date_time")).and_then(Value::as_str);
        for (turn, place) in turns.into_iter().flatten().zip(0..) {
            conversation.documents.push(document(turn, id, number, at, place)?);
        }
    }
    let known: BTreeSet<&str> = conversation.documents.iter().map(|one| one.message.as_str()).collect();
    for (asked, number) in json::list(sample, "qa")?.iter().zip(0..) {
        let named = evidence(asked);
        let gold: BTreeSet<String> = named.iter().filter(|id| known.contains(id.as_str())).cloned().collect();
        if gold.is_empty() {
            *skipped.entry("questions whose evidence names no turn").or_default() += 1;
            continue;
        }
        if gold.len() < named.len() {
            *skipped.entry("evidence ids that no turn has").or_default() += named.len() - gold.len();
        }
        conversation.questions.push(Question {
            id: format!("{id}/{number}"),
            group: category(&json::word(asked, "category")?),
            text: json::text(asked, "question")?.to_owned(),
            gold_places: conversation.places_of(&gold),
            gold,
        });
    }
    Ok(conversation)
}

fn document(turn: &Value, sample: &str, session: u32, at: Option<&str>, place: usize) -> Result<Document> {
    let session = format!("{sample}/{session}");
    let said = json::text(turn, "text")?;
    let image = turn.get("blip_caption").and_then(Value::as_str).filter(|caption| !caption.is_empty());
    Ok(Document {
        place: session.clone(),
        session,
        message: json::word(turn, "dia_id")?,
        at: at.map(|at| json::time("%I:%M %p on %d %B, %Y", at, place * TURN_SECONDS)).transpose()?,
        role: "user".to_owned(),
        author: Some(json::text(turn, "speaker")?.to_owned()),
        text: image.map_or_else(|| said.to_owned(), |caption| format!("{said} [image: {caption}]")),
    })
}

/// The ids in a question's evidence strings, each once.
fn evidence(question: &Value) -> BTreeSet<String> {
    let strings = question.get("evidence").and_then(Value::as_array);
    strings
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .flat_map(|text| ID.captures_iter(text))
        .filter_map(|found| {
            let number = |at: usize| found.get(at)?.as_str().parse::<u32>().ok();
            Some(format!("D{}:{}", number(1)?, number(2)?))
        })
        .collect()
}

/// The names that the paper gives to the numbers.
fn category(number: &str) -> String {
    match number {
        "1" => "1 multi-hop",
        "2" => "2 temporal",
        "3" => "3 open-domain",
        "4" => "4 single-hop",
        "5" => ADVERSARIAL,
        other => other,
    }
    .to_owned()
}

fn score(conversation: &Conversation, question: &Question, hits: &[Hit], unit: Unit) -> Score {
    let places = conversation.places();
    let messages: Vec<&str> = hits.iter().map(|hit| hit.message.as_str()).collect();
    let sessions: Vec<&str> = messages.iter().map(|id| places.get(id).copied().unwrap_or_default()).collect();
    let (gold, found) = match unit {
        Unit::Turn => (&question.gold, messages),
        Unit::Session => (&question.gold_places, hits.iter().map(|hit| hit.session.as_str()).collect()),
    };
    let mut score = Score::new();
    for k in [1, 5, 10] {
        let first = protocol::first(&found, k);
        score.push((format!("frac@{k}"), protocol::fraction(gold, first)));
        score.push((format!("any@{k}"), protocol::any(gold, first)));
        score.push((format!("all@{k}"), protocol::all(gold, first)));
    }
    let ten = protocol::first(&found, K);
    score.push(("MRR".to_owned(), protocol::reciprocal_rank(gold, ten)));
    if unit == Unit::Turn {
        let ten = protocol::first(&sessions, K);
        score.push((format!("session-frac@{K}"), protocol::fraction(&question.gold_places, ten)));
    }
    score
}

#[cfg(test)]
mod tests;
