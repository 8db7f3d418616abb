//! What this store's own recall is worth: known-item questions from its memories and messages, asked as anybody asks.
//!
//! **Invariant:** nothing is written; the same store is asked the same questions.

use crate::call::{Call, Caller};
use crate::filter;
use crate::recall::recall;
use crate::sessions::{self, SearchRequest};
use jay_rank::known_item::{question, words};
use jay_store::{Moment, TextQuery, Tx};
use jay_types::bounds::{Limit, Query};
use jay_types::namespace::{NamespacePath, PRIVATE};
use jay_types::request::{Filter, RecallQuery};
use jay_types::{EntityId, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Questions that are named because their text was not found.
const MISSED_MAX: usize = 5;
/// Hits of a question about messages; as many as recall gives by itself.
const LIMIT: usize = 10;

/// How often the text that a question was made of came back, and how long it took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Found {
    /// Questions that were asked
    pub asked: u64,
    /// Share of them whose text came first
    pub hit_at_1: f64,
    /// Share of them whose text was among the first ten
    pub hit_at_10: f64,
    /// Mean of 1 divided by the rank, 0 where it was not among the first ten
    pub mean_reciprocal_rank: f64,
    /// Half of the questions took at most this long
    pub p50_ms: f64,
    /// 99 of 100 questions took at most this long
    pub p99_ms: f64,
    /// Some of the questions whose text was not among the first ten
    pub missed: Vec<Missed>,
}

/// A question whose text was not found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Missed {
    /// What was asked
    pub query: String,
    /// The memory, or the client's own ids of session and message
    pub id: String,
}

/// The answer to eval.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evaluation {
    /// Of memories; none where there are too few
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memories: Option<Found>,
    /// Of archived messages; none where there are too few
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages: Option<Found>,
    /// What could not be asked
    pub notes: Vec<String>,
}

struct Item<Id> {
    query: Query,
    id: Id,
    /// Where its text stands, and so where it is asked: a question made of private words is a private one.
    within: NamespacePath,
}

/// The namespace of a path; a private one where it is not known.
fn within(path: &str) -> Result<NamespacePath> {
    NamespacePath::parse(path).or_else(|_| NamespacePath::parse(PRIVATE))
}

/// Asks up to `questions` about memories and as many about messages.
///
/// # Errors
/// What recall and search say.
pub fn evaluate(call: &Call<'_>, questions: usize) -> Result<Evaluation> {
    call.engine.demand_memory()?;
    let mut evaluation = Evaluation { memories: of_memories(call, questions)?, ..Evaluation::default() };
    if call.engine.archive.exists() {
        evaluation.messages = of_messages(call, questions)?;
    }
    if evaluation.memories.is_none() {
        evaluation.notes.push("no memory here has words enough for a question".to_owned());
    }
    if evaluation.messages.is_none() {
        evaluation.notes.push("no archived message here has words enough for a question".to_owned());
    }
    Ok(evaluation)
}

fn of_memories(call: &Call<'_>, questions: usize) -> Result<Option<Found>> {
    let items = call.engine.memory.read(|tx| -> Result<Vec<Item<EntityId>>> {
        let everything = Filter { all: true, ..Filter::default() };
        let sample = spread(tx.all_memories(&filter::resolve(call, tx, &everything)?)?, questions);
        let mut items = Vec::new();
        for num in sample {
            let Some(row) = tx.memory(num, Moment::Latest)? else { continue };
            if let Some(query) = known_item(tx, &row.memory.text)? {
                let within = within(row.memory.namespace.as_str())?;
                items.push(Item { query, id: row.memory.id, within });
            }
        }
        Ok(items)
    })?;
    measure(call, &items, EntityId::to_string, |call, item| {
        let query = RecallQuery {
            query: item.query.clone(),
            filter: Filter { all: true, ..Filter::default() },
            limit: Limit::default(),
            max_tokens: None,
            min_confidence: None,
            explain: false,
        };
        Ok(recall(call, &query)?.hits.iter().position(|hit| hit.id == item.id))
    })
}

fn of_messages(call: &Call<'_>, questions: usize) -> Result<Option<Found>> {
    let sharing = crate::models::sharing(call.engine)?;
    let items = call.engine.archive.read(|tx| -> Result<Vec<Item<(String, String)>>> {
        let sample = spread(tx.all_searchable_messages()?, questions);
        let texts = tx.message_texts(&sample)?;
        let mut items = Vec::new();
        for doc in sample {
            let Some(said) = texts.get(&doc) else { continue };
            let Some(query) = known_item(tx, &said.text)? else { continue };
            let Some(message) = tx.message(doc)? else { continue };
            let Some(session) = tx.session(message.entity)? else { continue };
            let is_open = sharing.takes(Some(tx.namespace_id_of(session.namespace)?));
            let within = if is_open { call.caller.namespace.clone() } else { within(PRIVATE)? };
            items.push(Item { query, id: (session.session, said.id.clone()), within });
        }
        Ok(items)
    })?;
    let name = |(session, message): &(String, String)| format!("{session} {message}");
    measure(call, &items, name, |call, item| {
        let found = sessions::search(call, &SearchRequest::new(item.query.clone(), LIMIT))?;
        let is_it = |hit: &sessions::SessionHit| hit.session == item.id.0 && hit.message == item.id.1;
        Ok(found.hits.iter().position(is_it))
    })
}

/// As many as are wanted, evenly spread over all.
fn spread(all: Vec<i64>, count: usize) -> Vec<i64> {
    let step = all.len().div_ceil(count.max(1)).max(1);
    all.into_iter().step_by(step).collect()
}

/// A question about a text, from the words of this store.
fn known_item(tx: &Tx<'_>, text: &str) -> Result<Option<Query>> {
    let words = words(text);
    let terms: Vec<String> = words.iter().map(|word| word.term.clone()).collect();
    let (frequencies, _) = tx.text_frequencies(&TextQuery::any(terms))?;
    // A text of one endless word makes a question that nobody may ask.
    Ok(question(&words, &frequencies).and_then(|query| Query::new(query).ok()))
}

fn measure<Id>(
    call: &Call<'_>,
    items: &[Item<Id>],
    name: impl Fn(&Id) -> String,
    rank: impl Fn(&Call<'_>, &Item<Id>) -> Result<Option<usize>>,
) -> Result<Option<Found>> {
    let (mut ranks, mut times, mut missed) = (Vec::new(), Vec::new(), Vec::new());
    for item in items {
        let caller = Caller { namespace: item.within.clone(), ..call.caller.clone() };
        let call = Call { caller: &caller, idempotency: None, ..*call };
        let began = call.engine.surroundings.now();
        let place = rank(&call, item)?;
        times.push(call.engine.surroundings.now().0.saturating_sub(began.0) as f64 / 1000.0);
        if place.is_none() && missed.len() < MISSED_MAX {
            missed.push(Missed { query: item.query.as_str().to_owned(), id: name(&item.id) });
        }
        ranks.push(place);
    }
    if ranks.is_empty() {
        return Ok(None);
    }
    times.sort_by(f64::total_cmp);
    let share = |sum: f64| sum / ranks.len() as f64;
    let percentile = |percent: usize| times.get((times.len() * percent / 100).min(times.len() - 1)).copied();
    Ok(Some(Found {
        asked: ranks.len() as u64,
        hit_at_1: share(ranks.iter().filter(|place| **place == Some(0)).count() as f64),
        hit_at_10: share(ranks.iter().flatten().count() as f64),
        mean_reciprocal_rank: share(ranks.iter().flatten().map(|place| 1.0 / (*place as f64 + 1.0)).sum()),
        p50_ms: percentile(50).unwrap_or_default(),
        p99_ms: percentile(99).unwrap_or_default(),
        missed,
    }))
}
