//! What fusion knows of the candidates as a set: the range of each leg, the turns beside a turn, what a session says as
//! a whole.

use super::weights::Legs;
use super::{Candidate, Weights, finite};
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

/// How soon more turns with the same word stop to count for their session; the k1 of BM25 (Robertson 1994), as whole
/// sessions take it.
const REPEATS: f64 = 1.2;

/// Weighted, normalised text, vector, model, late and entity scores of each candidate.
pub(super) fn base_shares<Id>(candidates: &[Candidate<Id>], weights: &Weights) -> Vec<[f64; 5]> {
    let text = Scale::of(candidates.iter().map(|c| c.text), 0.0);
    let vector = Scale::of(candidates.iter().map(|c| c.vector), weights.unrelated);
    let model = Scale::of(candidates.iter().map(|c| c.model), least(candidates.iter().map(|c| c.model)));
    let late = Scale::of(candidates.iter().map(|c| c.late), 0.0);
    let entity = Scale::of(candidates.iter().map(|c| c.entity), 0.0);
    let present = |weight: f64, scale: &Scale| if scale.is_empty() { 0.0 } else { weight };
    candidates
        .iter()
        .map(|c| {
            // A text that the model has not read yet is judged as if there were no model.
            let legs = match finite(c.model) {
                Some(_) => weights.with_model,
                None => Legs { text: weights.text, vector: weights.vector, model: 0.0, late: weights.late },
            };
            let (with_vector, with_late) = (present(legs.vector, &vector), present(legs.late, &late));
            let all = legs.text + with_vector + legs.model + with_late;
            let vector_weight = finite(c.vector).map_or(0.0, |_| with_vector / all);
            let late_weight = finite(c.late).map_or(0.0, |_| with_late / all);
            let model_weight = legs.model / all;
            // A text that is not embedded yet is judged by its words alone. One that is embedded and was not compared word
            // by word was not among the best: that leg gives it nothing.
            let embedded = vector_weight + late_weight + model_weight > 0.0;
            let text_weight = if embedded { legs.text / all } else { 1.0 };
            [
                text_weight * text.apply(c.text),
                vector_weight * vector.apply(c.vector),
                model_weight * model.apply(c.model),
                late_weight * late.apply(c.late),
                weights.entity * entity.apply(c.entity),
            ]
        })
        .collect()
}

/// Scale of one leg over the candidates of one query: from no match at all to its best. It does not hang on the weakest
/// candidate, of which there may be other ones with and without the index files.
struct Scale {
    none: f64,
    max: Option<f64>,
}

impl Scale {
    /// `none` is the score of what does not match.
    fn of(values: impl Iterator<Item = Option<f64>>, none: f64) -> Self {
        Self { none, max: values.filter_map(finite).max_by(f64::total_cmp) }
    }

    fn is_empty(&self) -> bool {
        self.max.is_none()
    }

    fn apply(&self, value: Option<f64>) -> f64 {
        match (finite(value), self.max) {
            (Some(value), Some(max)) if max > self.none => ((value - self.none) / (max - self.none)).clamp(0.0, 1.0),
            (Some(value), Some(max)) if value >= max => 1.0,
            _ => 0.0,
        }
    }
}

/// What stands for "no match" where nothing is known of the model: some give unrelated texts a cosine of 0.1, others 0.7.
fn least(values: impl Iterator<Item = Option<f64>>) -> f64 {
    values.filter_map(finite).fold(f64::INFINITY, f64::min)
}

/// Base scores by session and place, and how much of the query each session covers.
pub(super) struct Context {
    turns: HashMap<(u64, i64), f64>,
    /// Turns that ask something.
    questions: HashSet<(u64, i64)>,
    /// By session, 0 to 1.
    covered: HashMap<u64, f64>,
    /// Of the terms a candidate without a session holds, by term: its part of the greatest coverage.
    rarity: [f64; 64],
    greatest: f64,
}

impl Context {
    pub(super) fn new<Id>(candidates: &[Candidate<Id>], relevance: &[f64]) -> Self {
        let mut turns = HashMap::new();
        let mut counts: HashMap<u64, [u32; 64]> = HashMap::new();
        let mut holders = [0_u32; 64];
        let questions = candidates.iter().filter(|c| c.asks).filter_map(|c| c.turn).collect();
        let mut alone = 0_u32;
        for (candidate, score) in candidates.iter().zip(relevance) {
            match candidate.turn {
                Some((session, place)) => {
                    insert_greater(&mut turns, (session, place), *score);
                    let counts = counts.entry(session).or_insert([0; 64]);
                    bits(candidate.terms).for_each(|term| add_one(counts, term));
                }
                None => {
                    alone += 1;
                    bits(candidate.terms).for_each(|term| add_one(&mut holders, term));
                }
            }
        }
        for counts in counts.values() {
            for (holders, count) in holders.iter_mut().zip(counts) {
                *holders += u32::from(*count > 0);
            }
        }
        let units = f64::from(alone) + counts.len() as f64;
        let rarity = holders.map(|held| (1.0 + (units - f64::from(held) + 0.5) / (f64::from(held) + 0.5)).ln());
        let mut covered: HashMap<u64, f64> =
            counts.into_iter().map(|(session, counts)| (session, coverage(&rarity, &counts))).collect();
        let of_alone = candidates.iter().filter(|c| c.turn.is_none()).map(|c| once(&rarity, c.terms));
        let greatest = covered.values().copied().chain(of_alone).fold(0.0, f64::max);
        if greatest > 0.0 {
            covered.values_mut().for_each(|value| *value /= greatest);
        }
        Self { turns, questions, covered, rarity, greatest }
    }

    pub(super) fn neighbours<Id>(&self, candidate: &Candidate<Id>, weights: &Weights) -> f64 {
        let Some((session, place)) = candidate.turn else { return 0.0 };
        let at = |offset: i64| {
            place.checked_add(offset).and_then(|place| self.turns.get(&(session, place))).copied().unwrap_or(0.0)
        };
        let follows_question = place.checked_sub(1).is_some_and(|before| self.questions.contains(&(session, before)));
        let asked = if follows_question { weights.answer * at(-1) } else { 0.0 };
        weights.neighbour_1 * (at(-1) + at(1)) + weights.neighbour_2 * (at(-2) + at(2)) + asked
    }

    /// How much of the query the candidate's session covers, 0 to 1 for the session that covers most. What is of no
    /// session stands for itself.
    pub(super) fn coverage<Id>(&self, candidate: &Candidate<Id>) -> f64 {
        match candidate.turn {
            Some((session, _)) => self.covered.get(&session).copied().unwrap_or(0.0),
            None if self.greatest > 0.0 => once(&self.rarity, candidate.terms) / self.greatest,
            None => 0.0,
        }
    }
}

/// BM25 of a session over turns in place of words: each term counts by its rarity among the sessions, more for more turns
/// that hold it.
fn coverage(rarity: &[f64; 64], counts: &[u32; 64]) -> f64 {
    let gain = |count: f64| count * (REPEATS + 1.0) / (count + REPEATS);
    rarity.iter().zip(counts).map(|(rarity, count)| rarity * gain(f64::from(*count))).sum()
}

/// The same of a single text.
fn once(rarity: &[f64; 64], terms: u64) -> f64 {
    bits(terms).filter_map(|term| rarity.get(term)).sum()
}

fn bits(terms: u64) -> impl Iterator<Item = usize> {
    (0..64).filter(move |term| terms >> term & 1 == 1)
}

fn add_one(counts: &mut [u32; 64], term: usize) {
    if let Some(count) = counts.get_mut(term) {
        *count += 1;
    }
}

fn insert_greater<K: Hash + Eq>(map: &mut HashMap<K, f64>, key: K, value: f64) {
    let slot = map.entry(key).or_insert(value);
    *slot = slot.max(value);
}
