//! Recall: a question becomes candidates from one snapshot, one order, and as many hits as the caller has room for.

mod present;
pub(crate) mod turns;

use crate::embedding::{self, QueryVector};
use crate::engine::Call;
use crate::filter;
use jay_rank::budget::estimate_tokens;
use jay_rank::diversity::{Item, diversify};
use jay_rank::duplicates::Fingerprint;
use jay_rank::fuse::{Candidate, Priors, Setting, Weights, fuse};
use jay_rank::plan::Query;
use jay_store::{ListFilter, MemoryRow, Moment, TextQuery, Tx};
use jay_types::Result;
use jay_types::request::{RecallQuery, Recalled};
use std::collections::BTreeMap;

pub(crate) use present::{phrase_in, window};

/// Candidates of each leg.
const CANDIDATES: usize = 100;
/// Hits that are read and compared for each one that is returned.
const READ_PER_HIT: usize = 3;

/// Answers a question from the memories that the caller sees.
///
/// # Errors
/// `bad_input` for a time that is none, `refused` for forgotten memories where the caller may not see them.
pub fn recall(call: &Call<'_>, query: &RecallQuery) -> Result<Recalled> {
    let plan = Query::parse(query.query.as_str(), call.now, None);
    let vector = embedding::query_vector(call.engine.embedder.as_deref(), query.query.as_str());
    call.engine.memory.read(|tx| {
        let filter = filter::resolve(call, tx, &query.filter)?;
        // Nothing found is not the same as nothing there.
        let missing = call.engine.memory.missing();
        let mut notes: Vec<String> = missing.into_iter().map(|error| error.message).collect();
        if plan.terms_cut > 0 {
            notes.push(format!("the query was cut to its {} rarest terms", plan.terms.len()));
        }
        let candidates = gather(tx, &plan, &filter, vector.as_ref(), &mut notes)?;
        let setting = Setting { now: call.now, window: plan.window, weights: Weights::default() };
        let fused = fuse(&candidates, &setting);
        let hits = select(call, tx, &fused, &filter, &plan, query.limit.get())?;
        let hits =
            present::hits(hits, &plan, query.explain, query.max_tokens.map(jay_types::bounds::Limit::get), &mut notes);
        Ok(Recalled { hits, notes })
    })
}

/// What the text index is asked for: what does not hold every word of a phrase cannot hold the phrase.
pub(crate) fn text_query(plan: &Query) -> TextQuery {
    TextQuery { any: plan.terms.clone(), all: plan.phrases.concat() }
}

/// What the legs find, each candidate once, with everything that fusion looks at.
fn gather(
    tx: &Tx<'_>,
    plan: &Query,
    filter: &ListFilter,
    vector: Option<&QueryVector>,
    notes: &mut Vec<String>,
) -> Result<Vec<Candidate<i64>>> {
    let mut found: BTreeMap<i64, Candidate<i64>> = BTreeMap::new();
    let texts = tx.search_memories(&text_query(plan), filter, CANDIDATES)?;
    for hit in &texts {
        found.entry(hit.entity).or_insert_with(|| Candidate::new(hit.entity)).text = Some(hit.score);
    }
    match vector {
        Some(vector) if filter.moment == Moment::Latest => {
            embedding::add_vector_leg(tx, vector, filter, CANDIDATES, &texts, &mut found)?;
            let missing = tx.not_embedded(&vector.model, filter)?;
            if missing > 0 {
                let which = if missing == 1 { "memory is" } else { "memories are" };
                notes.push(format!("{missing} {which} not embedded yet"));
            }
        }
        _ => notes.push("text_only".to_owned()),
    }
    let briefs = tx.briefs(&found.keys().copied().collect::<Vec<_>>())?;
    for brief in briefs {
        if let Some(candidate) = found.get_mut(&brief.entity) {
            candidate.at = Some(brief.created_at);
            candidate.priors = Priors {
                importance: brief.importance.unwrap_or(0.0),
                confidence: brief.confidence.unwrap_or(0.0),
                pinned: brief.pinned,
                feedback: brief.votes,
            };
        }
    }
    Ok(found.into_values().collect())
}

/// A hit with its memory.
pub(crate) struct Selected {
    row: MemoryRow,
    score: f64,
    why: Vec<jay_rank::fuse::Share>,
}

/// Reads the best, drops what repeats a better one, and keeps `limit`.
fn select(
    call: &Call<'_>,
    tx: &Tx<'_>,
    fused: &[jay_rank::fuse::Hit<i64>],
    filter: &ListFilter,
    plan: &Query,
    limit: usize,
) -> Result<Vec<Selected>> {
    let mut rows: BTreeMap<i64, Selected> = BTreeMap::new();
    let mut items = Vec::new();
    for hit in fused {
        if rows.len() >= limit * READ_PER_HIT {
            break;
        }
        let Some(row) = tx.memory(hit.id, filter.moment)? else { continue };
        let says_it = plan.phrases.iter().all(|phrase| phrase_in(phrase, &row.memory.text));
        if !says_it || !filter::may_show(call, tx, hit.id, filter.moment)? {
            continue;
        }
        items.push(Item { id: hit.id, score: hit.score, fingerprint: Fingerprint::of(&row.memory.text) });
        rows.insert(hit.id, Selected { row, score: hit.score, why: hit.why.clone() });
    }
    let diverse = diversify(&items);
    let repeats: Vec<i64> = diverse.duplicates.iter().map(|(repeat, _)| *repeat).collect();
    let order = diverse.order.into_iter().filter(|id| !repeats.contains(id)).take(limit);
    Ok(order.filter_map(|id| rows.remove(&id)).collect())
}

/// Tokens that one hit takes in an answer: its text and about a line around it.
pub(crate) fn hit_tokens(text: &str) -> usize {
    const AROUND: usize = 24;
    estimate_tokens(text) + AROUND
}
