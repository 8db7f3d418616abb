//! How sure an answer is: the best hits against what questions about other subjects find in the same namespaces.
//!
//! The null distribution of a namespace is measured with [`OFF_TOPIC`]. It is noted as a local record when the namespace
//! has grown by half since it was measured, after writes; a namespace without a record is measured for the one answer. Memories
//! are counted for that when the store has grown by so much that one of them can have, or by [`COUNTED_AT`] of itself.
//!
//! **Invariant:** no read writes; a question gets the same confidence at every door.

use super::gather::{self, Gathered};
use super::legs::text_query;
use crate::embedding;
use crate::engine::Engine;
use jay_models::Embedder;
use jay_rank::confidence::{Evidence, Null, confidence, coverage, rarity};
use jay_rank::fuse::{Hit, Setting, Weights, fuse_silently};
use jay_rank::plan::Query;
use jay_store::{ListFilter, Moment, Scope, TextQuery, Tx};
use jay_types::{Error, Result, Timestamp};
use serde::{Deserialize, Serialize};

/// Questions on subjects that hardly any store is about; where it is about one of them, the median does not care.
const OFF_TOPIC: [&str; 24] = [
    "how long do I roast a duck with oranges",
    "which planet has the most moons",
    "when did the Roman empire lose Britain",
    "what colour are the petals of a wild geranium",
    "who won the cup final in extra time",
    "how deep should tulip bulbs be planted",
    "the melody of the second violin in the slow movement",
    "can a penguin swim faster than a seal",
    "which glacier feeds the river Rhone",
    "what is the recipe for grandmother's plum jam",
    "how many chapters does the novel about the whale have",
    "is the museum of clocks open on Sundays",
    "what did the queen wear at her coronation",
    "which wine goes with smoked trout",
    "how is porcelain glazed before the last firing",
    "why do leaves turn red in autumn",
    "the highest tower of the cathedral after the fire",
    "does the ferry to the island carry bicycles",
    "how often must a beehive be inspected",
    "what are the symptoms of a broken collarbone",
    "who painted the ceiling of the chapel",
    "when is the best season to prune an apple tree",
    "which breed of sheep has the finest wool",
    "how far is the lighthouse from the harbour wall",
];
/// The best hits that are looked at: the one with the strongest evidence need not come first.
const LOOKED_AT: usize = 3;
/// Growth of a namespace since its last measurement from which it is measured again.
const GROWTH: f64 = 1.5;
/// Memories from which a namespace's measurement is noted; a smaller one is measured in a few milliseconds.
const NOTED_MIN: u64 = 100;

/// Growth of the whole store after which its namespaces are counted in any case, for one that has little left to grow: a count
/// reads every memory's row, so that writes would get dearer with what is there.
const COUNTED_AT: f64 = 1.0 / 64.0;
/// Name of the record of the last count.
const COUNT: &str = "count for null distributions";

/// When namespaces were counted, and when they are to be counted again; in documents of the text index.
#[derive(Serialize, Deserialize)]
struct Count {
    model: String,
    documents: u64,
    next: u64,
}

impl Count {
    /// True where no namespace can have grown enough. A store that shrank was made anew.
    fn holds(&self, model: &str, documents: u64) -> bool {
        self.model == model && (self.documents..self.next).contains(&documents)
    }
}

/// What is noted of a namespace.
#[derive(Serialize, Deserialize)]
struct Record {
    model: String,
    documents: u64,
    median: f64,
    deviation: f64,
}

/// How sure the best of these hits is.
pub(super) fn of_answer(
    tx: &Tx<'_>,
    plan: &Query,
    gathered: &Gathered,
    hits: &[Hit<i64>],
    filter: &ListFilter,
    embedder: Option<&dyn Embedder>,
) -> Result<f64> {
    let Some(strength) = strength(tx, plan, gathered, hits)? else { return Ok(0.0) };
    let namespaces = match &filter.scope {
        Scope::Of(namespaces) => namespaces.clone(),
        Scope::All => tx.namespaces_with_memories()?,
    };
    // An earlier moment has words only, and nothing noted.
    let is_now = filter.moment == Moment::Latest;
    let embedder = embedder.filter(|_| is_now);
    let model = embedder.map_or("", Embedder::id);
    let mut nulls = Vec::with_capacity(namespaces.len());
    for namespace in namespaces {
        let noted = if is_now { noted(tx, namespace, model)? } else { None };
        nulls.push(match noted {
            Some(Record { median, deviation, .. }) => Null { median, deviation },
            None => measure(tx, namespace, filter.moment, embedder)?,
        });
    }
    Ok(confidence(strength, &nulls))
}

/// The strongest evidence among the best hits; none where there is no hit.
fn strength(tx: &Tx<'_>, plan: &Query, gathered: &Gathered, hits: &[Hit<i64>]) -> Result<Option<f64>> {
    let (frequencies, documents) = tx.text_frequencies(&text_query(plan))?;
    let rarities: Vec<f64> = frequencies.into_iter().map(|held| rarity(held, documents)).collect();
    let best = hits.iter().take(LOOKED_AT).filter_map(|hit| gathered.candidates.iter().find(|c| c.id == hit.id));
    let strengths = best.map(|candidate| {
        let evidence = Evidence {
            coverage: coverage(candidate.terms, &rarities),
            cosine: candidate.vector,
            words: candidate.late.filter(|_| gathered.late_max > 0.0).map(|late| late / gathered.late_max),
        };
        evidence.strength()
    });
    Ok(strengths.max_by(f64::total_cmp))
}

/// Asks the questions that have no answer in the namespace.
fn measure(tx: &Tx<'_>, namespace: i64, moment: Moment, embedder: Option<&dyn Embedder>) -> Result<Null> {
    let filter = ListFilter { moment, ..ListFilter::shown(Scope::Of(vec![namespace])) };
    // No time is named in them, and recency only orders equals.
    let setting = Setting { now: Timestamp::default(), window: None, weights: Weights::default() };
    let mut strengths = Vec::with_capacity(OFF_TOPIC.len());
    for question in OFF_TOPIC {
        let plan = Query::parse(question, setting.now, None);
        let vector = embedding::query_vector(embedder, question);
        let gathered = gather::gather(tx, &plan, &filter, vector.as_ref(), &setting, &mut Vec::new())?;
        strengths.extend(strength(tx, &plan, &gathered, &fuse_silently(&gathered.candidates, &setting))?);
    }
    Ok(Null::of(&strengths))
}

fn name(tx: &Tx<'_>, namespace: i64) -> Result<String> {
    Ok(format!("null distribution of {}", tx.namespace_id_of(namespace)?))
}

fn noted(tx: &Tx<'_>, namespace: i64, model: &str) -> Result<Option<Record>> {
    let text = tx.local_record(&name(tx, namespace)?)?;
    let record = text.and_then(|text| serde_json::from_str::<Record>(&text).ok());
    Ok(record.filter(|record| record.model == model))
}

/// Measures the namespaces that have grown since they were measured, and notes it. Called after acknowledgements.
///
/// # Errors
/// What the store says; answers are measured for themselves then.
pub(crate) fn keep_up(engine: &Engine) -> Result<()> {
    let embedder = engine.embedder.as_deref();
    let model = embedder.map_or("", Embedder::id);
    let records = engine.memory.read(|tx| -> Result<_> {
        let documents = tx.text_frequencies(&TextQuery::any(Vec::<String>::new()))?.1;
        let counted = tx.local_record(COUNT)?.and_then(|text| serde_json::from_str::<Count>(&text).ok());
        if counted.is_some_and(|count| count.holds(model, documents)) {
            return Ok(Vec::new());
        }
        let (mut records, mut least) = (Vec::new(), f64::INFINITY);
        for (namespace, memories) in tx.memories_by_namespace(1)? {
            let mut measured = noted(tx, namespace, model)?.map_or(0, |record| record.documents);
            if memories >= NOTED_MIN && memories as f64 >= measured as f64 * GROWTH {
                let Null { median, deviation } = measure(tx, namespace, Moment::Latest, embedder)?;
                records.push(note(
                    name(tx, namespace)?,
                    &Record { model: model.to_owned(), documents: memories, median, deviation },
                )?);
                measured = memories;
            }
            let wanted = (measured as f64 * GROWTH).max(NOTED_MIN as f64);
            least = least.min((wanted - memories as f64).max(1.0));
        }
        let step = if least.is_finite() { least } else { 1.0 };
        let next = documents + step.max(documents as f64 * COUNTED_AT).ceil() as u64;
        records.push(note(COUNT.to_owned(), &Count { model: model.to_owned(), documents, next })?);
        Ok(records)
    })?;
    if records.is_empty() { Ok(()) } else { Ok(engine.memory.set_local_records(&records)?) }
}

fn note(name: String, record: &impl Serialize) -> Result<(String, String)> {
    Ok((name, serde_json::to_string(record).map_err(|error| Error::internal(error.to_string()))?))
}
