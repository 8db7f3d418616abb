//! What is known of each candidate: the scores of the legs, filled in for all alike whichever leg found it.
//!
//! Memories and messages go through here; what differs (filters, turns, speakers) is the caller's.

use crate::embedding::QueryVector;
use jay_rank::fuse::{Candidate, Setting, fuse_silently};
use jay_rank::plan::{PREFIX_MIN, Query};
use jay_store::{PREFIX_TERMS_MAX, TermPrefix, TextQuery, Tx};
use jay_types::Result;
use std::collections::BTreeMap;

/// The best by text and vector whose words are compared one by one.
const LATE_MAX: usize = 200;

/// What the text index is asked for: what does not hold every word of a phrase cannot hold the phrase.
pub(crate) fn text_query(plan: &Query) -> TextQuery {
    TextQuery {
        any: plan.terms.clone(),
        prefixes: plan.prefixes.iter().map(|p| TermPrefix { start: p.start.clone(), stems: p.stems.clone() }).collect(),
        all: plan.phrases.iter().flat_map(|phrase| phrase.terms.clone()).collect(),
        rarest: None,
    }
}

/// What is to be said of beginnings of words that were not looked for, or not in full.
pub(crate) fn prefix_notes(tx: &Tx<'_>, plan: &Query) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    if plan.prefixes_cut > 0 {
        notes.push(format!(
            "a beginning of a word needs {PREFIX_MIN} letters before its `*`; shorter ones were left out"
        ));
    }
    if !plan.prefixes.is_empty() {
        for (prefix, terms) in plan.prefixes.iter().zip(tx.prefix_terms(&text_query(plan))?) {
            if terms > PREFIX_TERMS_MAX {
                let start = &prefix.start;
                notes.push(format!(
                    "`{start}*` begins {terms} words: the {PREFIX_TERMS_MAX} most frequent were looked for"
                ));
            }
        }
    }
    Ok(notes)
}

/// Candidates by id, with the document that each of them is found by.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) candidates: BTreeMap<i64, Candidate<i64>>,
    documents: BTreeMap<i64, i64>,
}

impl Found {
    /// The candidate of an id, made where there is none.
    pub(crate) fn add(&mut self, id: i64, doc: i64) -> &mut Candidate<i64> {
        self.documents.insert(doc, id);
        self.candidates.entry(id).or_insert_with(|| Candidate::new(id))
    }

    pub(crate) fn of(&mut self, doc: i64) -> Option<&mut Candidate<i64>> {
        self.candidates.get_mut(self.documents.get(&doc)?)
    }

    /// The document of each candidate.
    pub(crate) fn documents_by_id(&self) -> BTreeMap<i64, i64> {
        self.documents.iter().map(|(doc, id)| (*id, *doc)).collect()
    }

    /// Text score, terms and cosines of every candidate.
    pub(crate) fn weigh(&mut self, tx: &Tx<'_>, query: &TextQuery, vector: Option<&QueryVector>) -> Result<()> {
        let docs: Vec<i64> = self.documents.keys().copied().collect();
        for (doc, (score, terms)) in tx.weigh_text(query, &docs)? {
            if let Some(candidate) = self.of(doc) {
                (candidate.text, candidate.terms) = (Some(score), terms);
            }
        }
        let Some(vector) = vector else { return Ok(()) };
        for (doc, score) in tx.cosines(&vector.model, &vector.code, &docs)? {
            if let Some(candidate) = self.of(doc) {
                candidate.vector = Some(f64::from(score));
            }
        }
        let Some(second) = &vector.second else { return Ok(()) };
        for (doc, score) in tx.cosines(&second.model, &second.code, &docs)? {
            if let Some(candidate) = self.of(doc) {
                candidate.model = Some(f64::from(score));
            }
        }
        Ok(())
    }

    /// Compares the words of the best with those of the query; the score of a text that holds all of them.
    pub(crate) fn compare_words(&mut self, tx: &Tx<'_>, vector: &QueryVector, setting: &Setting) -> Result<f64> {
        let ids = self.documents_by_id();
        let candidates: Vec<Candidate<i64>> = self.candidates.values().cloned().collect();
        let best = fuse_silently(&candidates, setting);
        let docs: Vec<i64> = best.iter().take(LATE_MAX).filter_map(|hit| ids.get(&hit.id).copied()).collect();
        let mut late = vector.late(tx)?;
        for (doc, tokens) in tx.tokens(&vector.model, &docs)? {
            let score = late.score(&tokens);
            if let Some(candidate) = self.of(doc) {
                candidate.late = Some(score);
            }
        }
        Ok(late.score_max())
    }
}
