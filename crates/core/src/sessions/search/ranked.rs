//! Search by words and meaning: hybrid like recall, with the turns around a hit.

use super::{Group, LIST, SearchRequest, SessionHit, SessionHits, Sort, hit_of};
use crate::call::Call;
use crate::cursor;
use crate::embedding::{self, QueryVector};
use crate::recall::event;
use crate::recall::legs::{Found, prefix_notes, text_query};
use crate::recall::rerank::{self, Best};
use crate::recall::turns::{self, AROUND_MAX, NEIGHBOURS, is_named};
use crate::recall::{NO_WORD, phrases_in, window};
use crate::sessions::list::{clause, namespace_ids};
use jay_rank::fuse::{Candidate, Hit, Setting, Weights, fuse};
use jay_rank::plan::Query as Plan;
use jay_store::{PassingMessages, Scope, SessionClause, Tx};
use jay_types::{Error, Result};
use std::collections::{BTreeMap, BTreeSet};

/// Candidates of each leg.
const CANDIDATES: usize = 200;
/// Characters of the window into a hit.
const WINDOW_CHARS: usize = 480;
/// Where hits are asked for by time, those are meant that fit at least so well as this share of the best: without it every
/// message that has one of the words would come before those that are about it.
const FITTING_SHARE: f64 = 0.5;

/// Finds messages; `after` is the document of the last hit of the page before.
pub(super) fn search(call: &Call<'_>, request: &SearchRequest, after: Option<&str>) -> Result<SessionHits> {
    let after = after.map(|place| i64::from_str_radix(place, 16).map_err(|_| cursor::not_given())).transpose()?;
    let (query, filter, group) = (&request.query, &request.filter, request.group);
    let plan = Plan::parse(query.as_str(), call.now, None);
    let (vector, not_used) = embedding::query_vectors(call, plan.meaning(query.as_str()), filter.namespace.as_ref());
    let namespaces = namespace_ids(call, filter)?;
    call.engine.archive.read(|tx| {
        let clause = clause(call, tx, filter, namespaces)?;
        let mut notes = Vec::from_iter(not_used);
        notes.extend(prefix_notes(tx, &plan)?);
        let searchable = tx.searchable_messages(&clause)?;
        let mut answer = SessionHits {
            hits: vec![],
            matched: 0,
            searchable,
            looked_at: None,
            has_more: false,
            next: None,
            notes: vec![],
        };
        if plan.is_empty() {
            notes.push(NO_WORD.to_owned());
            return Ok(SessionHits { notes, ..answer });
        }
        let weights = match group {
            Group::None => Weights::default(),
            Group::Session => Weights::for_sessions(),
        };
        let of_event = event::of_messages(tx, plan.event.as_ref(), &clause, request.explain, &mut notes)?;
        let setting = Setting { now: call.now, window: plan.window.or(of_event), weights };
        let (candidates, matched) = gather(tx, &plan, &clause, vector.as_ref(), &setting, &mut notes)?;
        let mut fused = fuse(&candidates, &setting);
        judge(call, tx, &plan, plan.meaning(query.as_str()), &mut fused, &mut notes)?;
        let (found_of, looked_at) = (matched, fused.len());
        let matched = if plan.phrases.is_empty() { matched } else { with_phrases(tx, &plan, &mut fused)? };
        if !plan.phrases.is_empty() && found_of > CANDIDATES as u64 {
            notes.push(format!(
                "the phrase was looked for in the {looked_at} best of {found_of} messages that have its words: `--in all` goes through all"
            ));
        }
        let is_by_time = by_time(tx, request.sort, &mut fused)?;
        let page = present(tx, &fused, &plan, request, after)?;
        // Of what a phrase demands, of sessions and of what fits well, only those among the candidates can be counted.
        let counted = group == Group::None && plan.phrases.is_empty() && !is_by_time;
        answer.has_more =
            page.next.is_some() || (counted && matched > page.shown) || (!is_by_time && found_of > CANDIDATES as u64);
        if answer.has_more && page.next.is_none() && after.is_some() {
            notes.push("these were the best; narrower words or filters show others".to_owned());
        }
        answer.next = page.next.map(|doc| cursor::seal(LIST, &request.about(), &format!("{doc:x}"))).transpose()?;
        Ok(SessionHits { hits: page.hits, matched, notes, ..answer })
    })
}

/// Leaves those that have every phrase, and counts them.
fn with_phrases(tx: &Tx<'_>, plan: &Plan, fused: &mut Vec<Hit<i64>>) -> Result<u64> {
    let texts = tx.message_texts(&fused.iter().map(|hit| hit.id).collect::<Vec<_>>())?;
    fused.retain(|hit| texts.get(&hit.id).is_some_and(|said| phrases_in(plan, &said.text)));
    Ok(fused.len() as u64)
}

/// Puts what fits well into the order of time, where that is asked for.
fn by_time(tx: &Tx<'_>, sort: Option<Sort>, fused: &mut Vec<Hit<i64>>) -> Result<bool> {
    let Some(sort @ (Sort::Newest | Sort::Oldest)) = sort else { return Ok(false) };
    let best = fused.iter().map(|hit| hit.score).fold(0.0, f64::max);
    fused.retain(|hit| hit.score >= best * FITTING_SHARE);
    let mut times = BTreeMap::new();
    for hit in fused.iter() {
        times.insert(hit.id, tx.message(hit.id)?.and_then(|message| message.at).map(|at| at.0));
    }
    // Those that tell no time come last, whichever the order.
    fused.sort_by_key(|hit| match (times.get(&hit.id).copied().flatten(), sort) {
        (None, _) => i64::MAX,
        (Some(at), Sort::Oldest) => at,
        (Some(at), _) => at.saturating_neg(),
    });
    Ok(true)
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
    let mut passing = PassingMessages::new(clause);
    let (texts, matched) = tx.search_messages(&query, &mut passing, CANDIDATES)?;
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
                    Ok(found.candidates.contains_key(&doc) || passing.row(tx, doc)?.is_some())
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
        windows.extend(tx.messages_around(doc, NEIGHBOURS, &mut passing)?);
    }
    turns::place(windows, &mut found);
    for candidate in found.candidates.values_mut() {
        let Some(message) = passing.row(tx, candidate.id)? else { continue };
        candidate.at = message.at;
        candidate.named = message.author.as_ref().is_some_and(|author| is_named(plan, author));
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
        .map(|hit| Best {
            score: hit.score,
            title: None,
            text: texts.get(&hit.id).map_or("", |said| said.text.as_str()),
        })
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

/// A page of hits.
#[derive(Default)]
struct Page {
    hits: Vec<SessionHit>,
    /// How many hits there were up to its end, those of earlier pages included.
    shown: u64,
    /// The last of its hits, where there are more.
    next: Option<i64>,
}

fn present(tx: &Tx<'_>, fused: &[Hit<i64>], plan: &Plan, request: &SearchRequest, after: Option<i64>) -> Result<Page> {
    let mut page = Page::default();
    let mut sessions = BTreeSet::new();
    // The turns of earlier pages are passed by.
    let from = match after {
        None => 0,
        Some(doc) => fused.iter().position(|hit| hit.id == doc).map(|place| place + 1).ok_or_else(gone)?,
    };
    let mut last = None;
    let mut texts = BTreeMap::new();
    for (place, hit) in fused.iter().enumerate() {
        let Some(message) = tx.message(hit.id)? else { continue };
        if request.group == Group::Session && sessions.contains(&message.entity) {
            continue;
        }
        // What follows the page is counted by its place alone, unless a phrase must stand in it.
        let is_read = !plan.phrases.is_empty() || (place >= from && page.hits.len() < request.limit);
        if is_read && !texts.contains_key(&hit.id) {
            // Most hits are among the next: their blocks are read once, together.
            let wanted = request.limit - page.hits.len().min(request.limit.saturating_sub(1));
            let likely: Vec<i64> = fused.iter().skip(place).take(wanted).map(|hit| hit.id).collect();
            texts.extend(tx.message_texts(&likely)?);
        }
        let said = texts.remove(&hit.id);
        if place < from {
            if plan.phrases.is_empty() || said.is_some_and(|said| phrases_in(plan, &said.text)) {
                sessions.insert(message.entity);
                page.shown += 1;
            }
            continue;
        }
        if is_read && !said.as_ref().is_some_and(|said| phrases_in(plan, &said.text)) {
            continue;
        }
        if page.hits.len() == request.limit {
            page.next = last;
            return Ok(page);
        }
        let Some(said) = said else { continue };
        sessions.insert(message.entity);
        let Some(session) = tx.session(message.entity)? else { continue };
        let mut shown = hit_of(message, said.id, session, window(&said.text, plan, WINDOW_CHARS).0);
        shown.score = (hit.score * 10_000.0).round() / 10_000.0;
        shown.why = request.explain.then(|| serde_json::to_value(&hit.why).unwrap_or_default());
        page.hits.push(shown);
        page.shown += 1;
        last = Some(hit.id);
    }
    Ok(page)
}

fn gone() -> Error {
    Error::bad_input("the message with which the page before ended no longer fits")
        .hint("Something was written or removed meanwhile: start again without a cursor.")
}
