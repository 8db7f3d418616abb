//! Recall: a question becomes candidates from one snapshot, one order, and as many hits as the caller has room for.

pub(crate) mod confidence;
pub(crate) mod event;
mod gather;
pub(crate) mod legs;
mod present;
pub(crate) mod rerank;
pub(crate) mod turns;

use crate::call::Call;
use crate::embedding;
use crate::filter;
use gather::Gathered;
use jay_rank::budget::estimate_tokens;
use jay_rank::diversity::{Item, diversify};
use jay_rank::fuse::{Candidate, Hit, Setting, Weights, fuse, fuse_silently};
use jay_rank::plan::Query;
use jay_store::{ListFilter, MemoryRow, Moment, Tx};
use jay_types::Result;
use jay_types::bounds::Unit;
use jay_types::request::{RecallQuery, Recalled};
use rerank::Best;
use std::collections::BTreeMap;

pub(crate) use present::{phrases_in, window};

/// Note of an answer to what asks for nothing: without it the nearest of unrelated texts would stand as hits.
pub(crate) const NO_WORD: &str =
    "the query has no word to look for, so nothing was searched; a list shows what is there";
/// Hits that are read and compared for each one that is returned.
const READ_PER_HIT: usize = 3;

/// Answers a question from the memories that the caller sees.
///
/// # Errors
/// `damaged` where the file of the memories is missing, `bad_input` for a time that is none, `refused` for forgotten
/// memories where the caller may not see them.
pub fn recall(call: &Call<'_>, query: &RecallQuery) -> Result<Recalled> {
    // Nothing found is not the same as nothing there.
    call.engine.demand_memory()?;
    let plan = Query::parse(query.query.as_str(), call.now, None);
    let meaning = plan.meaning(query.query.as_str());
    let (vector, not_used) = embedding::query_vectors(call, meaning, query.filter.namespace.as_ref());
    call.engine.memory.read(|tx| {
        let filter = filter::resolve(call, tx, &query.filter)?;
        let mut notes = Vec::from_iter(filter::note_of(tx, filter.moment)?);
        notes.extend(not_used);
        if plan.terms_cut > 0 {
            notes.push(format!("the query was cut to its {} rarest terms", plan.terms.len()));
        }
        notes.extend(legs::prefix_notes(tx, &plan)?);
        let floor = query.min_confidence.map(Unit::get);
        if plan.is_empty() {
            notes.push(NO_WORD.to_owned());
            return Ok(Recalled { hits: vec![], confidence: floor.map(|_| 0.0), notes });
        }
        let of_event = event::of_memories(call, tx, plan.event.as_ref(), &filter, query.explain, &mut notes)?;
        let setting = Setting { now: call.now, window: plan.window.or(of_event), weights: Weights::default() };
        let gathered = gather::gather(tx, &plan, &filter, vector.as_ref(), &setting, &mut notes)?;
        let fused = fuse_alike(tx, &gathered, &setting, query.explain)?;
        let confidence = match floor {
            None if !query.explain => None,
            _ => Some(confidence::of_answer(tx, &plan, &gathered, &fused, &filter, call.engine.embedder.as_deref())?),
        };
        if let Some((floor, confidence)) = floor.zip(confidence).filter(|(floor, confidence)| confidence < floor) {
            notes.push(format!("below_floor: the confidence of the best hit is {confidence:.3}, less than {floor}"));
            return Ok(Recalled { hits: vec![], confidence: Some(confidence), notes });
        }
        let limit = query.limit.get();
        let mut read = select(call, tx, &fused, &gathered.documents, &filter, &plan, limit)?;
        judge(call, &plan, meaning, &mut read, limit, &mut notes);
        let hits = hydrate(tx, distinct(read, limit), filter.moment)?;
        let hits =
            present::hits(hits, &plan, query.explain, query.max_tokens.map(jay_types::bounds::Limit::get), &mut notes);
        Ok(Recalled { hits, confidence, notes })
    })
}

/// Orders candidates as every store does that holds the same: numbers of this one break no tie.
fn fuse_alike(tx: &Tx<'_>, gathered: &Gathered, setting: &Setting, explains: bool) -> Result<Vec<Hit<i64>>> {
    let candidates = &gathered.candidates;
    let written = |id: i64| gathered.written.get(&id).copied().unwrap_or_default();
    let in_order = tx.in_order_of_writing(candidates.iter().map(|candidate| (candidate.id, written(candidate.id))))?;
    let places: BTreeMap<i64, usize> = in_order.iter().enumerate().map(|(place, num)| (*num, place)).collect();
    let placed: Vec<Candidate<i64>> = candidates
        .iter()
        .map(|candidate| Candidate {
            id: places.get(&candidate.id).map_or(i64::MAX, |place| *place as i64),
            ..candidate.clone()
        })
        .collect();
    let fused = if explains { fuse(&placed, setting) } else { fuse_silently(&placed, setting) };
    let named = fused.into_iter().filter_map(|hit| {
        let id = in_order.get(usize::try_from(hit.id).ok()?).copied()?;
        Some(Hit { id, ..hit })
    });
    Ok(named.collect())
}

/// A hit with its memory.
pub(crate) struct Selected {
    row: MemoryRow,
    score: f64,
    why: Vec<jay_rank::fuse::Share>,
}

/// A hit as far as it is compared with others.
struct Read {
    id: i64,
    title: Option<String>,
    text: String,
    score: f64,
    why: Vec<jay_rank::fuse::Share>,
}

/// Reads what the best say, as many as are compared or judged.
fn select(
    call: &Call<'_>,
    tx: &Tx<'_>,
    fused: &[Hit<i64>],
    documents: &BTreeMap<i64, i64>,
    filter: &ListFilter,
    plan: &Query,
    limit: usize,
) -> Result<Vec<Read>> {
    let mut read: Vec<Read> = Vec::new();
    let judged = if call.engine.reranker.is_some() { rerank::JUDGED_MAX } else { 0 };
    for hit in fused {
        if read.len() >= judged.max(limit * READ_PER_HIT) {
            break;
        }
        let Some(doc) = documents.get(&hit.id) else { continue };
        let Some((text, title)) = tx.wording(*doc)? else { continue };
        if phrases_in(plan, &text) && filter::may_show(call, tx, hit.id, filter.moment)? {
            read.push(Read { id: hit.id, title, text, score: hit.score, why: hit.why.clone() });
        }
    }
    Ok(read)
}

/// Puts the best into the order of the cross-encoder, where there is one.
fn judge(call: &Call<'_>, plan: &Query, question: &str, read: &mut Vec<Read>, limit: usize, notes: &mut Vec<String>) {
    let best: Vec<Best<'_>> = read
        .iter()
        .take(rerank::JUDGED_MAX)
        .map(|one| Best { score: one.score, title: one.title.as_deref(), text: &one.text })
        .collect();
    let Some(order) = rerank::of_best(call.engine, plan, question, &best, notes) else {
        // What was read for it alone is not compared either.
        read.truncate(limit * READ_PER_HIT);
        return;
    };
    let rest = read.split_off(order.len().min(read.len()));
    let mut judged: BTreeMap<usize, Read> = std::mem::take(read).into_iter().enumerate().collect();
    for one in order {
        if let Some(placed) = judged.remove(&one.place) {
            let why = placed.why.into_iter().chain(one.share).collect();
            read.push(Read { score: one.score, why, ..placed });
        }
    }
    read.extend(rest);
}

/// Drops what repeats a better one, and keeps `limit`.
fn distinct(read: Vec<Read>, limit: usize) -> Vec<Read> {
    let places = read.iter().enumerate();
    let items: Vec<Item<'_, usize>> =
        places.map(|(id, found)| Item { id, score: found.score, text: &found.text }).collect();
    let order = diversify(&items, limit).order;
    let mut read: BTreeMap<usize, Read> = read.into_iter().enumerate().collect();
    order.into_iter().filter_map(|id| read.remove(&id)).collect()
}

/// The memories of the hits that are answered.
fn hydrate(tx: &Tx<'_>, hits: Vec<Read>, moment: Moment) -> Result<Vec<Selected>> {
    let mut selected = Vec::with_capacity(hits.len());
    for Read { id, score, why, .. } in hits {
        selected.extend(tx.memory(id, moment)?.map(|row| Selected { row, score, why }));
    }
    Ok(selected)
}

/// Tokens that one hit takes in an answer: its text and about a line around it.
pub(crate) fn hit_tokens(text: &str) -> usize {
    const AROUND: usize = 24;
    estimate_tokens(text) + AROUND
}
