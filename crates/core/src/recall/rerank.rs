//! The best hits, as a cross-encoder judges them: it reads question and text together, here, after fusion and before repeats
//! are dropped.
//!
//! It is asked only where one was chosen (`jay model use`, `reranker` of the settings). Confidence is not touched by it: that
//! stays what the searches found, so that a floor means the same with it and without.
//!
//! **Invariant:** without a cross-encoder, and where it cannot be loaded, fails or is late, the answer is the one that it would be
//! without any of this, and in the latter cases says so. What stands behind the judged never comes before them.

use super::present::window;
use crate::engine::Engine;
use jay_rank::plan::Query;
use jay_rank::rerank::{Reranked, rerank};
use jay_types::time::SECOND;

/// The best that are judged.
pub(crate) const JUDGED_MAX: usize = 20;
/// How long all of them may take where the model is loaded already, in microseconds.
const WITHIN: i64 = 2 * SECOND;
/// Characters of a text that are read: of a longer one those where the query's words stand closest.
const READ_CHARS: usize = 1000;

/// One of the best.
pub(crate) struct Best<'a> {
    pub(crate) score: f64,
    pub(crate) title: Option<&'a str>,
    pub(crate) text: &'a str,
}

/// The new order of the best, best first; none where it stays. `question` is what of the query has a meaning.
pub(crate) fn of_best(
    engine: &Engine,
    plan: &Query,
    question: &str,
    best: &[Best<'_>],
    notes: &mut Vec<String>,
) -> Option<Vec<Reranked>> {
    notes.extend(engine.reranker_note());
    let lane = engine.reranker.as_ref()?;
    if question.trim().is_empty() || best.is_empty() {
        return None;
    }
    let texts: Vec<String> = best.iter().map(|one| read(one, plan)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let name = &lane.record.name;
    let judged = lane.reranker().and_then(|reranker| {
        let begun = engine.surroundings.now();
        let is_late = || engine.surroundings.now().0.saturating_sub(begun.0) > WITHIN;
        reranker.judge(question, &texts, &is_late)
    });
    match judged {
        Ok(Some(logits)) => {
            let scores: Vec<f64> = best.iter().map(|one| one.score).collect();
            return Some(rerank(&scores, &logits));
        }
        Ok(None) => notes.push(format!("the reranker {name} took longer than {} s and is left out", WITHIN / SECOND)),
        Err(error) => notes.push(format!("the reranker {name} is not used: {}", error.message)),
    }
    None
}

fn read(one: &Best<'_>, plan: &Query) -> String {
    let text = window(one.text, plan, READ_CHARS).0;
    match one.title {
        Some(title) => format!("{title}\n{text}"),
        None => text,
    }
}
