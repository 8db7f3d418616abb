//! BEAM: very long conversations with an assistant, probed in ten abilities.
//!
//! The answer to a question stands in messages whose ids are given as a number, a list or a map of such, and may name
//! messages that the chat does not have. Questions that nothing answers are left out.

use super::{Benchmark, Conversation, Document, Hit, Loaded, Question, Score, Unit, json, protocol};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "beam",
    has_sessions: false,
    load,
    score,
    limit: |_| K,
    protocol: |_| {
        "a store and one session per chat, every message of both roles, its text up to `->->`; ten hits asked for; any \
         of the evidence messages among the first k; `exchange` counts each hit for its whole exchange, the user's \
         message and what follows it up to the next one; abstention left out; the sum is of `sha256sum` of its files by path"
    },
    columns: |_| &["exchange-any@5", "exchange-frac@5", "any@5", "exchange-any@10", "any@10", "MRR"],
    headline: |_| true,
    headline_name: "all",
};

const K: usize = 10;
const CHAT: &str = "chat.json";
const QUESTIONS: &str = "probing_questions/probing_questions.json";
/// Behind it stands how the message was made.
const END_OF_TEXT: &str = "->->";

fn load(path: &Path) -> Result<Loaded> {
    let mut chats = Vec::new();
    find(path, &mut chats)?;
    ensure!(!chats.is_empty(), "no folder below {} has {CHAT} and {QUESTIONS}", path.display());
    let mut loaded = Loaded::default();
    for chat in chats {
        // Of a single chat that was named itself, the name of its folder.
        let below = chat.strip_prefix(path).ok().filter(|below| !below.as_os_str().is_empty());
        let id = below.or(chat.file_name().map(Path::new)).unwrap_or(&chat).display().to_string();
        let questions = json::file(&chat.join(QUESTIONS))?;
        let conversation = read(&json::file(&chat.join(CHAT))?, &questions, &id, &mut loaded.skipped);
        loaded.conversations.push(conversation.with_context(|| format!("chat {}", chat.display()))?);
    }
    Ok(loaded)
}

/// Folders of chats, in the order of their numbers.
fn find(folder: &Path, chats: &mut Vec<PathBuf>) -> Result<()> {
    if folder.join(CHAT).is_file() && folder.join(QUESTIONS).is_file() {
        chats.push(folder.to_owned());
        return Ok(());
    }
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut folders: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).collect();
    folders.sort_by_key(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        (name.parse::<u64>().unwrap_or(u64::MAX), name)
    });
    folders.iter().try_for_each(|folder| find(folder, chats))
}

fn read(chat: &Value, probes: &Value, id: &str, skipped: &mut BTreeMap<&'static str, usize>) -> Result<Conversation> {
    let mut messages = Vec::new();
    collect(chat, &mut messages);
    let mut conversation = Conversation { id: id.to_owned(), ..Conversation::default() };
    let mut exchange = 0_usize;
    for message in messages {
        let (role, content) = (json::text(message, "role")?, json::text(message, "content")?);
        exchange += usize::from(role == "user");
        conversation.documents.push(Document {
            session: id.to_owned(),
            message: json::word(message, "id")?,
            place: exchange.to_string(),
            role: role.to_owned(),
            text: content.split_once(END_OF_TEXT).map_or(content, |(text, _)| text).trim().to_owned(),
            ..Document::default()
        });
    }
    let known = conversation.places();
    let mut questions = Vec::new();
    for (ability, asked) in probes.as_object().context("questions are a map of abilities")? {
        let asked = asked.as_array().with_context(|| format!("{ability} is no list"))?;
        if ability == "abstention" {
            *skipped.entry("abstention questions").or_default() += asked.len();
            continue;
        }
        for (question, number) in asked.iter().zip(0..) {
            let mut ids = BTreeSet::new();
            question.get("source_chat_ids").into_iter().for_each(|value| ids_of(value, &mut ids));
            let gold: BTreeSet<String> = ids.into_iter().filter(|id| known.contains_key(id.as_str())).collect();
            if gold.is_empty() {
                *skipped.entry("questions whose evidence is not in the chat").or_default() += 1;
                continue;
            }
            questions.push(Question {
                id: format!("{id}/{ability}/{number}"),
                group: ability.clone(),
                text: json::text(question, "question")?.to_owned(),
                gold_places: conversation.places_of(&gold),
                gold,
            });
        }
    }
    conversation.questions = questions;
    Ok(conversation)
}

/// What has a role and a content, however deep in lists and batches.
fn collect<'a>(value: &'a Value, messages: &mut Vec<&'a Value>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| collect(value, messages)),
        Value::Object(fields) if fields.contains_key("role") && fields.contains_key("content") => messages.push(value),
        Value::Object(fields) => fields.values().for_each(|value| collect(value, messages)),
        _ => {}
    }
}

/// The ids in a number, a list or a map, however deep.
fn ids_of(value: &Value, ids: &mut BTreeSet<String>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| ids_of(value, ids)),
        Value::Object(fields) => fields.values().for_each(|value| ids_of(value, ids)),
        other => ids.extend(json::scalar(other)),
    }
}

fn score(conversation: &Conversation, question: &Question, hits: &[Hit], _: Unit) -> Score {
    let places = conversation.places();
    let messages: Vec<&str> = hits.iter().map(|hit| hit.message.as_str()).collect();
    let exchanges: Vec<&str> = messages.iter().map(|id| places.get(id).copied().unwrap_or_default()).collect();
    // A hit brings its exchange; the evidence is counted by message.
    let brought = |k: usize| -> Vec<&str> {
        let first = protocol::first(&exchanges, k);
        conversation
            .documents
            .iter()
            .filter(|one| first.contains(&one.place.as_str()))
            .map(|one| one.message.as_str())
            .collect()
    };
    let mut score = Score::new();
    for k in [1, 5, 10] {
        let (first, brought) = (protocol::first(&messages, k), brought(k));
        score.push((format!("exchange-any@{k}"), protocol::any(&question.gold, &brought)));
        score.push((format!("exchange-frac@{k}"), protocol::fraction(&question.gold, &brought)));
        score.push((format!("any@{k}"), protocol::any(&question.gold, first)));
        score.push((format!("frac@{k}"), protocol::fraction(&question.gold, first)));
    }
    score.push(("MRR".to_owned(), protocol::reciprocal_rank(&question.gold, protocol::first(&messages, K))));
    score
}

#[cfg(test)]
mod tests;
