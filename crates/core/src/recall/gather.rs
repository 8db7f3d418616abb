//! Candidates among memories: what text and vectors find, the turns beside them, and all that fusion looks at.

use super::legs::{Found, text_query};
use super::turns::{self, AROUND_MAX, NEIGHBOURS, is_named, speaker};
use crate::embedding::{QueryVector, said_of_private};
use jay_rank::fuse::{Candidate, Priors, Setting, fuse};
use jay_rank::plan::Query;
use jay_store::{ListFilter, Moment, Tx};
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
    /// The late interaction of a text that holds every word of the query; 0 where words were not compared.
    pub(super) late_max: f64,
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
    let texts = tx.search_memories(&query, filter, CANDIDATES)?;
    for hit in &texts {
        found.add(hit.entity, hit.doc).text = Some(hit.score);
    }
    if filter.moment != Moment::Latest {
        // Vectors are of current wordings only, and so are the turns beside a memory (J13).
        notes.push("text_only".to_owned());
        found.weigh(tx, &query, None)?;
        brief(tx, &mut found)?;
        return Ok(Gathered { candidates: found.candidates.into_values().collect(), late_max: 0.0 });
    }
    let mut around: Vec<i64> = texts.iter().take(AROUND_MAX).map(|hit| hit.entity).collect();
    match vector {
        Some(vector) => {
            let second = vector.second.as_ref().map(|second| (&second.model, &second.code, Some(&second.name)));
            for (model, code, name) in [(&vector.model, &vector.code, None)].into_iter().chain(second) {
                let nearest = nearest(tx, (model, code), filter, &texts)?;
                around.extend(nearest.iter().take(AROUND_MAX).map(|(entity, _)| *entity));
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
    brief(tx, &mut found)?;
    name_speakers(tx, plan, setting, &mut found)?;
    let late_max = match vector {
        Some(vector) => found.compare_words(tx, vector, setting)?,
        None => 0.0,
    };
    Ok(Gathered { candidates: found.candidates.into_values().collect(), late_max })
}

/// The memories (number, document) whose vectors are nearest, nearest first.
fn nearest(
    tx: &Tx<'_>,
    (model, code): (&str, &[u8]),
    filter: &ListFilter,
    texts: &[jay_store::TextHit],
) -> Result<Vec<(i64, i64)>> {
    let mut entities: BTreeMap<i64, i64> = texts.iter().map(|hit| (hit.doc, hit.entity)).collect();
    let nearest = tx.nearest(model, code, &filter.scope, CANDIDATES, &mut |doc| {
        if entities.contains_key(&doc) {
            return Ok(true);
        }
        let entity = tx.current_document(doc, filter)?;
        entities.extend(entity.map(|entity| (doc, entity)));
        Ok(entity.is_some())
    })?;
    Ok(nearest.iter().filter_map(|found| Some((*entities.get(&found.doc)?, found.doc))).collect())
}

/// Time and priors.
fn brief(tx: &Tx<'_>, found: &mut Found) -> Result<()> {
    for brief in tx.briefs(&found.candidates.keys().copied().collect::<Vec<_>>())? {
        if let Some(candidate) = found.candidates.get_mut(&brief.entity) {
            candidate.at = Some(brief.created_at);
            candidate.priors = Priors {
                importance: brief.importance.unwrap_or(0.0),
                confidence: brief.confidence.unwrap_or(0.0),
                pinned: brief.pinned,
                feedback: brief.votes,
            };
        }
    }
    Ok(())
}

/// Marks the memories that somebody said who is named in the query: the best, since their texts must be read.
fn name_speakers(tx: &Tx<'_>, plan: &Query, setting: &Setting, found: &mut Found) -> Result<()> {
    if plan.names.is_empty() {
        return Ok(());
    }
    let names = plan.name_terms();
    let may_be_said = |id: &i64| found.candidates.get(id).is_some_and(|c| c.terms & names != 0 || names == u64::MAX);
    let candidates: Vec<Candidate<i64>> = found.candidates.values().cloned().collect();
    let best = fuse(&candidates, setting).into_iter().take(SPEAKERS_MAX).map(|hit| hit.id);
    let best: Vec<i64> = best.filter(may_be_said).collect();
    for (entity, text) in tx.current_texts(&best)? {
        if let Some(candidate) = found.candidates.get_mut(&entity) {
            candidate.named = speaker(&text).is_some_and(|name| is_named(plan, name));
        }
    }
    Ok(())
}
