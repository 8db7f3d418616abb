//! Candidates among memories: what text and vectors find, the turns beside them, and all that fusion looks at.

use super::legs::{Found, text_query};
use super::turns::{self, AROUND_MAX, NEIGHBOURS, is_named, speaker};
use crate::embedding::{QueryVector, said_of_private};
use jay_rank::fuse::{Candidate, Priors, Setting, fuse_silently};
use jay_rank::plan::Query;
use jay_store::{Current, ListFilter, Moment, Tx};
use jay_types::Result;
use std::collections::BTreeMap;

/// Candidates of each leg.
const CANDIDATES: usize = 200;
/// The best whose speakers are read, where the query names anybody.
const SPEAKERS_MAX: usize = 100;

/// Candidates, and what their scores are measured by.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) candidates: Vec<Candidate<i64>>,
    /// The wording of each by which it was found, by their ids.
    pub(super) documents: BTreeMap<i64, i64>,
    /// The hlc with which each was written, by their ids.
    pub(super) written: BTreeMap<i64, i64>,
    /// The late interaction of a text that holds every word of the query; 0 where words were not compared.
    pub(super) late_max: f64,
}

impl Gathered {
    fn of(found: Found, written: BTreeMap<i64, i64>, late_max: f64) -> Self {
        let documents = found.documents_by_id();
        Self { candidates: found.candidates.into_values().collect(), documents, written, late_max }
    }
}

/// What the legs find, each candidate once, with everything that fusion looks at.
pub(super) fn gather(
    tx: &Tx<'_>,
    plan: &Query,
    filter: &ListFilter,
    vector: Option<&QueryVector>,
    setting: &Setting,
    notes: &mut Vec<String>,
) -> Result<Gathered> {
    let query = text_query(plan);
    let mut found = Found::default();
    let mut current = tx.current(filter);
    let texts = tx.search_noting(&query, filter, CANDIDATES, &mut current)?;
    for hit in &texts {
        found.add(hit.entity, hit.doc).text = Some(hit.score);
    }
    if filter.moment != Moment::Latest {
        // Vectors are of current wordings only, and so are the turns beside a memory (J13).
        notes.push("text_only".to_owned());
        found.weigh(tx, &query, None)?;
        let written = brief(tx, &current, &mut found)?;
        return Ok(Gathered::of(found, written, 0.0));
    }
    let mut around = in_sessions(&mut current, texts.iter().take(AROUND_MAX).map(|hit| hit.doc))?;
    match vector {
        Some(vector) => {
            let second = vector.second.as_ref().map(|second| (&second.model, &second.code, Some(&second.name)));
            for (model, code, name) in [(&vector.model, &vector.code, None)].into_iter().chain(second) {
                let nearest = nearest(tx, (model, code), filter, &mut current)?;
                around.extend(in_sessions(&mut current, nearest.iter().take(AROUND_MAX).map(|(_, doc)| *doc))?);
                for (entity, doc) in nearest {
                    found.add(entity, doc);
                }
                let missing = tx.not_embedded(model, filter)?;
                if missing > 0 {
                    let which = if missing == 1 { "memory is" } else { "memories are" };
                    let by = name.map(|name| format!(" by {name}")).unwrap_or_default();
                    notes.push(format!("{missing} {which} not embedded yet{by}"));
                }
            }
        }
        None => notes.push("text_only".to_owned()),
    }
    if let Some(second) = vector.and_then(|vector| vector.second.as_ref()).filter(|second| second.leaves_machine) {
        notes.extend(said_of_private(tx.held_memories(filter)?, "memory", &second.name));
    }
    around.sort_unstable();
    around.dedup();
    let mut windows = Vec::new();
    for entity in around {
        windows.extend(tx.memories_around(entity, NEIGHBOURS, filter)?);
    }
    turns::place(windows, &mut found);
    found.weigh(tx, &query, vector)?;
    let written = brief(tx, &current, &mut found)?;
    name_speakers(tx, plan, setting, &mut found)?;
    let late_max = match vector {
        Some(vector) => found.compare_words(tx, vector, setting)?,
        None => 0.0,
    };
    Ok(Gathered::of(found, written, late_max))
}

/// The memories (number, document) whose vectors are nearest, nearest first.
fn nearest(
    tx: &Tx<'_>,
    (model, code): (&str, &[u8]),
    filter: &ListFilter,
    current: &mut Current<'_>,
) -> Result<Vec<(i64, i64)>> {
    let nearest = tx.nearest(model, code, &filter.scope, CANDIDATES, &mut |doc| Ok(current.brief(doc)?.is_some()))?;
    let mut found = Vec::with_capacity(nearest.len());
    for neighbour in nearest {
        found.extend(current.brief(neighbour.doc)?.map(|brief| (brief.entity, neighbour.doc)));
    }
    Ok(found)
}

/// The memories of documents that passed, those that others may stand beside.
fn in_sessions(current: &mut Current<'_>, docs: impl Iterator<Item = i64>) -> Result<Vec<i64>> {
    let mut entities = Vec::new();
    for doc in docs {
        entities.extend(current.brief(doc)?.filter(|brief| brief.in_session).map(|brief| brief.entity));
    }
    Ok(entities)
}

/// Time and priors; answers with which hlc each was written.
fn brief(tx: &Tx<'_>, current: &Current<'_>, found: &mut Found) -> Result<BTreeMap<i64, i64>> {
    let mut written = BTreeMap::new();
    let passed = current.passed();
    // Turns beside what was found, and all of an earlier moment.
    let others: Vec<i64> = found.candidates.keys().copied().filter(|entity| !passed.contains_key(entity)).collect();
    for brief in tx.briefs(&others)?.into_iter().chain(passed.into_values()) {
        if let Some(candidate) = found.candidates.get_mut(&brief.entity) {
            written.insert(brief.entity, brief.written);
            candidate.at = Some(brief.created_at);
            candidate.priors = Priors {
                importance: brief.importance.unwrap_or(0.0),
                confidence: brief.confidence.unwrap_or(0.0),
                pinned: brief.pinned,
                feedback: brief.votes,
            };
        }
    }
    Ok(written)
}

/// Marks the memories that somebody said who is named in the query: the best, since their texts must be read.
fn name_speakers(tx: &Tx<'_>, plan: &Query, setting: &Setting, found: &mut Found) -> Result<()> {
    if plan.names.is_empty() {
        return Ok(());
    }
    let names = plan.name_terms();
    let may_be_said = |id: &i64| found.candidates.get(id).is_some_and(|c| c.terms & names != 0 || names == u64::MAX);
    let candidates: Vec<Candidate<i64>> = found.candidates.values().cloned().collect();
    let best = fuse_silently(&candidates, setting).into_iter().take(SPEAKERS_MAX).map(|hit| hit.id);
    let docs = found.documents_by_id();
    let best: Vec<i64> = best.filter(may_be_said).filter_map(|id| docs.get(&id).copied()).collect();
    for doc in best {
        let wording = tx.wording(doc)?;
        if let Some((candidate, (text, _))) = found.of(doc).zip(wording) {
            candidate.named = speaker(&text).is_some_and(|name| is_named(plan, name));
        }
    }
    Ok(())
}
