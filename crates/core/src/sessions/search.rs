//! Search in what was said: hybrid like recall, with the turns around a hit.

use super::list::{SessionFilter, clause, namespace_ids};
use crate::call::Call;
use crate::embedding::{self, QueryVector};
use crate::recall::event;
use crate::recall::legs::{Found, prefix_notes, text_query};
use crate::recall::rerank::{self, Best};
use crate::recall::turns::{self, AROUND_MAX, NEIGHBOURS, is_named};
use crate::recall::{NO_WORD, phrases_in, window};
use crate::secrets::masked_name;
use jay_rank::fuse::{Candidate, Hit, Setting, Weights, fuse};
use jay_rank::plan::Query as Plan;
use jay_store::{MessageRow, Scope, SessionClause, Tx};
use jay_types::bounds::Query;
use jay_types::session::Role;
use jay_types::{Result, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

/// Candidates of each leg.
const CANDIDATES: usize = 200;
/// Characters of the window into a hit.
const WINDOW_CHARS: usize = 480;

/// Whether each session gives all its hits or its best one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Every message that fits.
    #[default]
    None,
    /// The best message of each session.
    Session,
}

/// A message that answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionHit {
    /// The client's own id of the session
    pub session: String,
    /// The client's own id of the message
    pub message: String,
    /// The client
    pub client: String,
    /// user, assistant, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The speaker's name
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// When it was said
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// How well it fits; comparable within one answer
    pub score: f64,
    /// A window of what was said, secrets masked
    pub text: String,
    /// Every leg's rank and score, where asked for
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Value>,
}

/// The answer to session search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionHits {
    /// Best first
    pub hits: Vec<SessionHit>,
    /// Messages that have a word of the query; the turns beside them can be hits too
    pub matched: u64,
    /// Messages that could have matched
    pub searchable: u64,
    /// True where more fit than are shown
    pub has_more: bool,
    /// `text_only`, …
    pub notes: Vec<String>,
}

/// Finds messages in the archive.
///
/// # Errors
/// `bad_input` for a time that is none, `not_found` for a session or namespace that is not here.
pub fn search(
    call: &Call<'_>,
    query: &Query,
    filter: &SessionFilter,
    limit: usize,
    group: Group,
    explain: bool,
) -> Result<SessionHits> {
    call.engine.demand_archive()?;
    let plan = Plan::parse(query.as_str(), call.now, None);
    let (vector, not_used) = embedding::query_vectors(call, plan.meaning(query.as_str()), filter.namespace.as_ref());
    let namespaces = namespace_ids(call, filter)?;
    call.engine.archive.read(|tx| {
        let clause = clause(call, tx, filter, namespaces)?;
        let mut notes = Vec::from_iter(not_used);
        notes.extend(prefix_notes(tx, &plan)?);
        if plan.is_empty() {
            notes.push(NO_WORD.to_owned());
            let searchable = tx.searchable_messages(&clause)?;
            return Ok(SessionHits { hits: vec![], matched: 0, searchable, has_more: false, notes });
        }
        let weights = match group {
            Group::None => Weights::default(),
            Group::Session => Weights::for_sessions(),
        };
        let of_event = event::of_messages(tx, plan.event.as_ref(), &clause, explain, &mut notes)?;
        let setting = Setting { now: call.now, window: plan.window.or(of_event), weights };
        let (candidates, matched) = gather(tx, &plan, &clause, vector.as_ref(), &setting, &mut notes)?;
        let mut fused = fuse(&candidates, &setting);
        judge(call, tx, &plan, plan.meaning(query.as_str()), &mut fused, &mut notes)?;
        let (hits, more) = present(tx, &fused, &plan, limit, group, explain)?;
        // Of what a phrase demands, and of sessions, only those among the candidates can be counted.
        let counted = group == Group::None && plan.phrases.is_empty();
        let has_more = more || (counted && matched > hits.len() as u64) || matched > CANDIDATES as u64;
        Ok(SessionHits { hits, matched, searchable: tx.searchable_messages(&clause)?, has_more, notes })
    })
}

fn gather(
    tx: &Tx<'_>,
    plan: &Plan,
    clause: &SessionClause,
    vector: Option<&QueryVector>,
    setting: &Setting,
    notes: &mut Vec<String>,
) -> Result<(Vec<Candidate<i64>>, u64)> {
    let query = text_query(plan);
    let mut found = Found::default();
    let (texts, matched) = tx.search_messages(&query, clause, CANDIDATES)?;
    for hit in &texts {
        found.add(hit.doc, hit.doc);
    }
    let mut around: Vec<i64> = texts.iter().take(AROUND_MAX).map(|hit| hit.doc).collect();
    match vector {
        Some(vector) => {
            let scope = clause.namespaces.clone().map_or(Scope::All, Scope::Of);
            let second = vector.second.as_ref().map(|second| (&second.model, &second.code, Some(&second.name)));
            for (model, code, name) in [(&vector.model, &vector.code, None)].into_iter().chain(second) {
                let nearest = tx.nearest(model, code, &scope, CANDIDATES, &mut |doc| {
                    Ok(found.candidates.contains_key(&doc) || tx.message_passes(doc, clause)?)
                })?;
                around.extend(nearest.iter().take(AROUND_MAX).map(|neighbour| neighbour.doc));
                for neighbour in nearest {
                    found.add(neighbour.doc, neighbour.doc);
                }
                notes.extend(not_embedded(tx.messages_not_embedded(model)?, name.map(String::as_str)));
            }
            let everywhere = clause.namespaces.is_none();
            if let Some(second) = vector.second.as_ref().filter(|second| second.leaves_machine && everywhere) {
                notes.extend(embedding::said_of_private(tx.held_documents()?, "message", &second.name));
            }
        }
        None => notes.push("text_only".to_owned()),
    }
    around.sort_unstable();
    around.dedup();
    let mut windows = Vec::new();
    for doc in around {
        windows.extend(tx.messages_around(doc, NEIGHBOURS, clause)?);
    }
    turns::place(windows, &mut found);
    for candidate in found.candidates.values_mut() {
        let Some(message) = tx.message(candidate.id)? else { continue };
        candidate.at = message.at;
        candidate.named = message.author.is_some_and(|author| is_named(plan, &author));
    }
    found.weigh(tx, &query, vector)?;
    if let Some(vector) = vector {
        found.compare_words(tx, vector, setting)?;
    }
    Ok((found.candidates.into_values().collect(), matched))
}

fn not_embedded(missing: Option<(u64, bool)>, name: Option<&str>) -> Option<String> {
    let by = name.map(|name| format!(" by {name}")).unwrap_or_default();
    match missing {
        Some((0, _)) => None,
        Some((1, _)) => Some(format!("1 message is not embedded yet{by}")),
        Some((count, more)) => {
            Some(format!("{count}{} messages are not embedded yet{by}", if more { " and more" } else { "" }))
        }
        None => Some(format!("messages of an earlier time may not be embedded{by}: `jay jobs run --until-empty` does")),
    }
}

/// Puts the best into the order of the cross-encoder, where there is one.
fn judge(
    call: &Call<'_>,
    tx: &Tx<'_>,
    plan: &Plan,
    question: &str,
    fused: &mut [Hit<i64>],
    notes: &mut Vec<String>,
) -> Result<()> {
    let ids: Vec<i64> = match &call.engine.reranker {
        Some(_) => fused.iter().take(rerank::JUDGED_MAX).map(|hit| hit.id).collect(),
        None => vec![],
    };
    let texts = tx.message_texts(&ids)?;
    let best: Vec<Best<'_>> = fused
        .iter()
        .take(ids.len())
        // A text that cannot be read is judged as an empty one, and is not shown.
        .map(|hit| Best { score: hit.score, title: None, text: texts.get(&hit.id).map_or("", String::as_str) })
        .collect();
    let Some(order) = rerank::of_best(call.engine, plan, question, &best, notes) else { return Ok(()) };
    let before: Vec<Hit<i64>> = fused.iter().take(order.len()).cloned().collect();
    for (slot, one) in fused.iter_mut().zip(order) {
        if let Some(hit) = before.get(one.place) {
            slot.clone_from(hit);
            slot.relevance += one.score - slot.score;
            slot.score = one.score;
            slot.why.extend(one.share);
        }
    }
    Ok(())
}

fn present(
    tx: &Tx<'_>,
    fused: &[Hit<i64>],
    plan: &Plan,
    limit: usize,
    group: Group,
    explain: bool,
) -> Result<(Vec<SessionHit>, bool)> {
    let mut hits = Vec::new();
    let mut sessions = BTreeSet::new();
    // Most hits are among the first: their blocks are read once, together.
    let likely: Vec<i64> = fused.iter().take(limit * 2).map(|hit| hit.id).collect();
    let mut texts = tx.message_texts(&likely)?;
    for hit in fused {
        let Some(message) = tx.message(hit.id)? else { continue };
        if group == Group::Session && sessions.contains(&message.entity) {
            continue;
        }
        let text = match texts.remove(&hit.id) {
            Some(text) => Some(text),
            None => tx.message_texts(&[hit.id])?.remove(&hit.id),
        };
        let Some(text) = text else { continue };
        if !phrases_in(plan, &text) {
            continue;
        }
        if hits.len() == limit {
            return Ok((hits, true));
        }
        sessions.insert(message.entity);
        let Some(session) = tx.session(message.entity)? else { continue };
        hits.push(session_hit(hit, message, (session.client, session.session), &text, plan, explain));
    }
    Ok((hits, false))
}

fn session_hit(
    hit: &Hit<i64>,
    message: MessageRow,
    (client, session): (String, String),
    text: &str,
    plan: &Plan,
    explain: bool,
) -> SessionHit {
    SessionHit {
        session: masked_name(session),
        message: masked_name(message.id),
        client,
        role: message.role.and_then(|role| serde_json::from_value(Value::String(role)).ok()),
        author: message.author.map(masked_name),
        at: message.at,
        score: (hit.score * 10_000.0).round() / 10_000.0,
        text: window(text, plan, WINDOW_CHARS).0,
        why: explain.then(|| serde_json::to_value(&hit.why).unwrap_or_default()),
    }
}
