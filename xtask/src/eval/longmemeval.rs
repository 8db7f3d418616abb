//! LongMemEval: one store per question, the sessions of a user of which a few hold the answer.
//!
//! The rules are those of the official retrieval scripts: the corpus is what the user said, an answer session in which
//! no turn of the user is marked counts as any other, abstention questions and those without a marked turn of the user
//! are left out. Most vendors print another figure (all 500 questions, any, an ideal order of the retrieved alone).

use super::{Benchmark, Conversation, Document, Hit, Loaded, Question, Score, Unit, json, protocol};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "longmemeval",
    has_sessions: true,
    load,
    score,
    // Turns are turned into sessions by going on until k sessions are there.
    limit: |unit| match unit {
        Unit::Turn => 200,
        Unit::Session => 50,
    },
    protocol: |unit| match unit {
        Unit::Turn => {
            "official rules: a store per question, user turns only, abstention and questions without a marked user turn \
             left out; any, all and ndcg (`rel[0] + Σ rel[i]/log2(i+1)`, ideal over the whole corpus) of turns, and of \
             sessions by growing k until k different sessions are among the 200 turns asked for"
        }
        Unit::Session => {
            "official rules: a store per question, user turns only, abstention and questions without a marked user turn \
             left out; 50 sessions asked for; any, all and ndcg (`rel[0] + Σ rel[i]/log2(i+1)`, ideal over the whole \
             corpus) of sessions"
        }
    },
    columns: |unit| match unit {
        Unit::Turn => {
            &["turn-all@5", "turn-all@10", "turn-ndcg@10", "session-all@5", "session-all@10", "session-ndcg@10"]
        }
        Unit::Session => &["any@5", "all@5", "ndcg@5", "any@10", "all@10", "ndcg@10"],
    },
    headline: |_| true,
    headline_name: "all",
};

const KS: [usize; 6] = [1, 3, 5, 10, 30, 50];
/// In the id of a question that nothing answers.
const ABSTENTION: &str = "_abs";
/// In the id of a session that was written for a question, and what the scripts write instead where it holds no evidence.
const ANSWER: &str = "answer";
const NO_ANSWER: &str = "noans";

fn load(path: &Path) -> Result<Loaded> {
    let data = json::file(path)?;
    let mut loaded = Loaded::default();
    for entry in json::list(&data, "").context("a LongMemEval file is a list of questions")? {
        let id = json::word(entry, "question_id")?;
        if id.contains(ABSTENTION) {
            *loaded.skipped.entry("abstention questions").or_default() += 1;
            continue;
        }
        let conversation = read(entry, &id).with_context(|| format!("question {id}"))?;
        if conversation.questions.is_empty() {
            *loaded.skipped.entry("questions without a marked user turn").or_default() += 1;
        } else {
            loaded.conversations.push(conversation);
        }
    }
    Ok(loaded)
}

fn read(entry: &Value, id: &str) -> Result<Conversation> {
    let ids = json::list(entry, "haystack_session_ids")?;
    let dates = json::list(entry, "haystack_dates")?;
    let sessions = json::list(entry, "haystack_sessions")?;
    ensure!(ids.len() == sessions.len() && dates.len() == sessions.len(), "as many ids and dates as sessions");
    let mut conversation = Conversation { id: id.to_owned(), ..Conversation::default() };
    let (mut gold, mut seen) = (BTreeSet::new(), BTreeMap::<String, usize>::new());
    for ((session, date), turns) in ids.iter().zip(dates).zip(sessions) {
        let mut session = json::scalar(session).context("a session's id is a text")?;
        let times = seen.entry(session.clone()).or_default();
        *times += 1;
        if *times > 1 {
            // Twice in one haystack: two sessions for the product, as they are two documents for the scripts.
            session = format!("{session}#{times}");
        }
        for (turn, number) in turns.as_array().context("a session is a list of turns")?.iter().zip(1..) {
            if json::text(turn, "role")? != "user" {
                continue;
            }
            let message = format!("{session}_{number}");
            let is_gold = session.contains(ANSWER) && turn.get("has_answer").and_then(Value::as_bool) == Some(true);
            if is_gold {
                gold.insert(message.clone());
            }
            conversation.documents.push(Document {
                // A turn of an answer session that holds no evidence is of another session to the scripts.
                place: if is_gold { session.clone() } else { session.replace(ANSWER, NO_ANSWER) },
                session: session.clone(),
                message,
                at: Some(time(date.as_str().context("a date is a text")?, number)?),
                role: "user".to_owned(),
                author: None,
                text: json::text(turn, "content")?.to_owned(),
            });
        }
    }
    if !gold.is_empty() {
        let group = json::text(entry, "question_type")?.to_owned();
        let text = json::text(entry, "question")?.to_owned();
        let gold_places = conversation.places_of(&gold);
        conversation.questions.push(Question { id: id.to_owned(), group, text, gold, gold_places });
    }
    Ok(conversation)
}

/// `2023/05/20 (Sat) 02:21`, so many seconds later.
fn time(date: &str, later_s: usize) -> Result<String> {
    let words: Vec<&str> = date.split_whitespace().filter(|word| !word.starts_with('(')).collect();
    json::time("%Y/%m/%d %H:%M", &words.join(" "), later_s)
}

fn score(conversation: &Conversation, question: &Question, hits: &[Hit], unit: Unit) -> Score {
    let mut score = Score::new();
    let mut add = |name: &str, k: usize, gold: &BTreeSet<String>, found: &[&str], relevant: usize, taken: usize| {
        let first = protocol::first(found, taken);
        score.push((format!("{name}any@{k}"), protocol::any(gold, first)));
        score.push((format!("{name}all@{k}"), protocol::all(gold, first)));
        score.push((format!("{name}ndcg@{k}"), protocol::ndcg(gold, found, relevant, taken)));
    };
    if unit == Unit::Session {
        let found: Vec<&str> = hits.iter().map(|hit| hit.session.as_str()).collect();
        let gold = &question.gold_places;
        KS.into_iter().for_each(|k| add("", k, gold, &found, gold.len(), k));
        return score;
    }
    let messages: Vec<&str> = hits.iter().map(|hit| hit.message.as_str()).collect();
    let places = conversation.places();
    let sessions: Vec<&str> = messages.iter().map(|id| places.get(id).copied().unwrap_or_default()).collect();
    for k in KS {
        add("turn-", k, &question.gold, &messages, question.gold.len(), k);
    }
    for k in KS {
        let taken = protocol::grown(&sessions, k, conversation.documents.len());
        // Each marked turn of a gold session is relevant once more: so do the scripts.
        add("session-", k, &question.gold_places, &sessions, question.gold.len(), taken);
    }
    score
}

#[cfg(test)]
mod tests;
