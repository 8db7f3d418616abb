//! Fusion: many raw scores of a candidate become one order.
//!
//! Each leg is brought to 0..1 over the candidates of one query and summed with fixed weights; context (neighbours
//! and session), names and time are added; what a memory is in itself (pinned, important, recent) only breaks ties.
//!
//! **Invariant:** with finite relevance `a` and `b` of two candidates, `a - b > PRIOR_MAX` puts the first before the
//! second whatever their priors are; equal scores are ordered by id; a score that is not finite counts as absent.

mod context;
mod weights;

pub use weights::{PRIOR_MAX, Weights};

use crate::plan::Window;
use context::{Context, base_shares};
use jay_types::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// What a memory is in itself, apart from the query.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Priors {
    /// 0 to 1.
    pub importance: f64,
    /// 0 to 1.
    pub confidence: f64,
    /// Pinned by a person.
    pub pinned: bool,
    /// Times marked useful minus times marked noise.
    pub feedback: i64,
}

/// One thing that may answer a query, with what the searches found of it.
#[derive(Clone, Debug)]
pub struct Candidate<Id> {
    /// Decides ties: the smaller comes first.
    pub id: Id,
    /// BM25, greater is better of the text index; none where no term matched.
    pub text: Option<f64>,
    /// Cosine with the query; none where the candidate has no vector. A caller that has vectors must score every
    /// embedded candidate, those found by text too.
    pub vector: Option<f64>,
    /// Cosine with the query by a second, better model; none where the candidate has no vector of it.
    pub model: Option<f64>,
    /// How well its words meet those of the query one by one (late interaction), greater is better; none where its words
    /// are not known.
    pub late: Option<f64>,
    /// Score of the entity neighbourhood, greater is better.
    pub entity: Option<f64>,
    /// Which terms of the query it holds, a bit each: what a session says as a whole is made of them.
    pub terms: u64,
    /// The session and the place in it, where the candidate is a turn of one.
    pub turn: Option<(u64, i64)>,
    /// Whether it ends by asking something, as far as that is known of a turn.
    pub asks: bool,
    /// Whether its speaker or an entity of it is named in the query.
    pub named: bool,
    /// When it was said or made.
    pub at: Option<Timestamp>,
    /// Tie-breaks.
    pub priors: Priors,
}

impl<Id> Candidate<Id> {
    /// A candidate without scores.
    pub fn new(id: Id) -> Self {
        Self {
            id,
            text: None,
            vector: None,
            model: None,
            late: None,
            entity: None,
            terms: 0,
            turn: None,
            asks: false,
            named: false,
            at: None,
            priors: Priors::default(),
        }
    }
}

/// What a share of a score comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Leg {
    /// BM25.
    Text,
    /// Cosine.
    Vector,
    /// Cosine by the installed model.
    Model,
    /// Late interaction.
    Late,
    /// Entity neighbourhood.
    Entity,
    /// Scores of the turns beside it.
    Neighbours,
    /// It asks something itself: what is taken off, since a question is seldom an answer.
    Question,
    /// How much of the query its session covers, all turns together.
    Session,
    /// Speaker or entity named in the query.
    Name,
    /// The query's time.
    Time,
    /// Importance, pin, confidence, recency, feedback.
    Prior,
    /// Better hits of the same session: what is taken off so that others come up.
    Crowding,
    /// What a cross-encoder that reads question and text together adds or takes off.
    Reranker,
}

/// One leg's part in a hit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Share {
    /// Which leg.
    pub leg: Leg,
    /// The score as the search gave it, or the normalised sum it is made from.
    pub raw: f64,
    /// 1 for the best of this leg; equal raw scores have equal ranks.
    pub rank: usize,
    /// What it adds to the hit's score.
    pub share: f64,
}

/// A candidate with its place's reason.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hit<Id> {
    /// The candidate's id.
    pub id: Id,
    /// Relevance plus priors: what the order is by.
    pub score: f64,
    /// The sum of all legs but the priors, less what crowding takes off.
    pub relevance: f64,
    /// Every leg that gave something, in the order of [`Leg`].
    pub why: Vec<Share>,
}

/// What fusion needs to know beside the candidates.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The moment that recency is measured from.
    pub now: Timestamp,
    /// The time that the query names.
    pub window: Option<Window>,
    /// Constants.
    pub weights: Weights,
}

/// (raw value, share) of one leg in one candidate, where it gives anything.
type Gain = Option<(f64, f64)>;

/// Orders candidates, best first; nothing is dropped. Two candidates of one id are both kept.
#[must_use]
pub fn fuse<Id: Ord + Clone>(candidates: &[Candidate<Id>], setting: &Setting) -> Vec<Hit<Id>> {
    fuse_with(candidates, setting, true)
}

/// [`fuse`] without reasons: the same hits with the same scores in the same order, `why` left empty.
#[must_use]
pub fn fuse_silently<Id: Ord + Clone>(candidates: &[Candidate<Id>], setting: &Setting) -> Vec<Hit<Id>> {
    fuse_with(candidates, setting, false)
}

fn fuse_with<Id: Ord + Clone>(candidates: &[Candidate<Id>], setting: &Setting, explains: bool) -> Vec<Hit<Id>> {
    let weights = &setting.weights;
    let base = base_shares(candidates, weights);
    let relevance: Vec<f64> = base.iter().map(|shares| shares.iter().sum()).collect();
    let context = Context::new(candidates, &relevance);
    let mut legs: Vec<(Leg, Vec<Gain>)> = vec![
        (Leg::Text, paired(candidates, |c| c.text, &base, 0)),
        (Leg::Vector, paired(candidates, |c| c.vector, &base, 1)),
        (Leg::Model, paired(candidates, |c| c.model, &base, 2)),
        (Leg::Late, paired(candidates, |c| c.late, &base, 3)),
        (Leg::Entity, paired(candidates, |c| c.entity, &base, 4)),
        (Leg::Neighbours, candidates.iter().map(|c| gained(context.neighbours(c, weights), 1.0)).collect()),
        (Leg::Question, candidates.iter().map(|c| gained(f64::from(u8::from(c.asks)), -weights.question)).collect()),
        (Leg::Session, candidates.iter().map(|c| gained(context.coverage(c), weights.session)).collect()),
        (Leg::Name, candidates.iter().map(|c| gained(f64::from(u8::from(c.named)), weights.name)).collect()),
        (Leg::Time, candidates.iter().map(|c| gained(time_fit(c.at, setting.window), weights.time)).collect()),
    ];
    let relevance: Vec<f64> = (0..candidates.len())
        .map(|i| legs.iter().filter_map(|(_, v)| v.get(i).copied().flatten()).map(|(_, s)| s).sum())
        .collect();
    let priors: Vec<Gain> = candidates.iter().map(|c| gained(prior(&c.priors, c.at, setting), PRIOR_MAX)).collect();
    let shares: Vec<f64> = priors.iter().map(|gain| gain.map_or(0.0, |(_, share)| share)).collect();
    legs.push((Leg::Prior, priors));
    let reasons = if explains { reasons(&legs, candidates.len()) } else { vec![vec![]; candidates.len()] };
    let mut hits: Vec<Hit<Id>> = candidates
        .iter()
        .zip(relevance.into_iter().zip(shares))
        .zip(reasons)
        .map(|((candidate, (relevance, prior)), why)| Hit {
            id: candidate.id.clone(),
            score: relevance + prior,
            relevance,
            why,
        })
        .collect();
    sort(&mut hits);
    crowd_out(&mut hits, candidates, weights.crowding, explains);
    hits
}

/// What each leg gave to each candidate.
fn reasons(legs: &[(Leg, Vec<Gain>)], candidates: usize) -> Vec<Vec<Share>> {
    let ranks: Vec<Vec<usize>> = legs.iter().map(|(_, values)| ranks(values)).collect();
    let of_candidate = |i: usize| {
        let shares = legs.iter().zip(&ranks).filter_map(|((leg, values), ranks)| {
            let (raw, share) = values.get(i).copied().flatten()?;
            Some(Share { leg: *leg, raw, rank: ranks.get(i).copied()?, share })
        });
        shares.collect()
    };
    (0..candidates).map(of_candidate).collect()
}

fn sort<Id: Ord>(hits: &mut [Hit<Id>]) {
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
}

/// Takes something off each hit for every better one of its session. Within a session the order stays, so that one pass
/// gives what choosing one after the other would.
fn crowd_out<Id: Ord + Clone>(hits: &mut [Hit<Id>], candidates: &[Candidate<Id>], price: f64, explains: bool) {
    let sessions: BTreeMap<&Id, u64> = candidates.iter().filter_map(|c| Some((&c.id, c.turn?.0))).collect();
    let mut better: BTreeMap<u64, usize> = BTreeMap::new();
    for hit in hits.iter_mut() {
        let Some(session) = sessions.get(&hit.id) else { continue };
        let before = better.entry(*session).or_default();
        if *before > 0 {
            let share = -price * *before as f64;
            hit.score += share;
            hit.relevance += share;
            hit.why.extend(explains.then_some(Share {
                leg: Leg::Crowding,
                raw: *before as f64,
                rank: *before + 1,
                share,
            }));
        }
        *before += 1;
    }
    sort(hits);
}

fn time_fit(at: Option<Timestamp>, window: Option<Window>) -> f64 {
    match (at, window) {
        (Some(at), Some(window)) => window.fit(at),
        _ => 0.0,
    }
}

/// The priors as one number from 0 to 1; the shares are in [`weights`].
fn prior(priors: &Priors, at: Option<Timestamp>, setting: &Setting) -> f64 {
    let shares = &setting.weights.priors;
    let age_days = at.map(|at| (setting.now.0.saturating_sub(at.0)).max(0) as f64 / jay_types::time::DAY as f64);
    let recency = age_days.map_or(0.0, |days| (-std::f64::consts::LN_2 * days / shares.half_life_days).exp());
    let feedback = (priors.feedback as f64 / 2.0).tanh();
    let unit = |value: f64| if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 };
    unit(
        shares.importance * unit(priors.importance)
            + shares.confidence * unit(priors.confidence)
            + shares.pinned * f64::from(u8::from(priors.pinned))
            + shares.recency * recency
            + shares.feedback * (1.0 + feedback) / 2.0,
    )
}

fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}

/// Raw value and share, where there is any.
fn gained(raw: f64, weight: f64) -> Gain {
    (raw > 0.0).then_some((raw, raw * weight))
}

fn paired<Id>(
    candidates: &[Candidate<Id>],
    raw: impl Fn(&Candidate<Id>) -> Option<f64>,
    base: &[[f64; 5]],
    leg: usize,
) -> Vec<Gain> {
    let shares = base.iter().map(|shares| shares.get(leg).copied().unwrap_or(0.0));
    candidates.iter().zip(shares).map(|(c, share)| finite(raw(c)).map(|raw| (raw, share))).collect()
}

/// Ranks of raw values, 1 for the greatest; absent values get the rank behind the last.
fn ranks(values: &[Gain]) -> Vec<usize> {
    let mut sorted: Vec<f64> = values.iter().flatten().map(|(raw, _)| *raw).collect();
    sorted.sort_by(|a, b| b.total_cmp(a));
    values
        .iter()
        .map(|value| value.map_or(sorted.len(), |(raw, _)| sorted.partition_point(|other| *other > raw)) + 1)
        .collect()
}

#[cfg(test)]
mod tests;
