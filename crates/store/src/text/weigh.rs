//! Score and terms of documents that are known already: what other legs found, and the turns beside a hit.
//!
//! **Invariant:** a document has the score that [`super::search()`] would give it.

use super::cursor::Cursor;
use super::score::{Bm25, Collection, score_of};
use super::search::{Asked, Prepared};
use super::{Fault, FreshSet, Index};
use std::collections::BTreeMap;

/// What a document has of a query.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Weighed {
    pub(crate) score: f64,
    /// A bit for each of the first 64 terms asked for, in their order, the unions behind them.
    pub(crate) terms: u64,
}

/// Weighs the given documents, in ascending order; those that hold no term are left out. Scope and bound are not looked at.
pub(crate) fn weigh(
    index: &Index,
    fresh: &FreshSet,
    asked: Asked<'_>,
    model: Bm25,
    docs: &[i64],
) -> Result<BTreeMap<i64, Weighed>, Fault> {
    let prepared = Prepared::new(index, fresh, asked)?;
    let collection = Collection::new(model, prepared.documents, prepared.length);
    let weights: Vec<f32> = prepared.frequencies.iter().map(|frequency| collection.weight(*frequency)).collect();
    let bits = bits(&prepared);
    let mut sums: BTreeMap<i64, (u32, u64)> = BTreeMap::new();
    let mut add = |doc: i64, number: usize, count: u32, length: u32| {
        let Some((weight, bit)) = weights.get(number).zip(bits.get(number)) else { return };
        let (sum, terms) = sums.entry(doc).or_default();
        *sum = sum.saturating_add(collection.gain(*weight, count, length));
        *terms |= *bit;
    };
    for found in prepared.tail.matches.iter().filter(|found| docs.binary_search(&found.doc).is_ok()) {
        for (number, count) in prepared.tail.counts(found).iter().filter(|(number, _)| prepared.is_scored(*number)) {
            add(found.doc, *number, *count, found.length);
        }
    }
    for (segment, lists, _) in &prepared.segments {
        let here: Vec<(u32, i64)> = docs.iter().filter_map(|doc| Some((segment.ordinal(*doc)?, *doc))).collect();
        if here.is_empty() {
            continue;
        }
        for (number, list) in lists.iter().enumerate().filter(|(number, _)| prepared.is_scored(*number)) {
            let Some(list) = list else { continue };
            let mut cursor = Cursor::new(*list, 0.0, &collection)?;
            for (ordinal, doc) in &here {
                cursor.seek(*ordinal)?;
                if cursor.ordinal == *ordinal {
                    add(*doc, number, cursor.count(), segment.row(*ordinal)?.length);
                }
            }
        }
    }
    Ok(sums.into_iter().map(|(doc, (sum, terms))| (doc, Weighed { score: score_of(sum), terms })).collect())
}

/// How many documents hold each term of `any` and each union, in the order asked for, and how many there are.
pub(crate) fn frequencies(index: &Index, fresh: &FreshSet, asked: Asked<'_>) -> Result<(Vec<u64>, u64), Fault> {
    let prepared = Prepared::new(index, fresh, asked)?;
    let of = |term: &String| {
        let number = prepared.terms.binary_search(&term.as_bytes()).ok();
        number.and_then(|number| prepared.frequencies.get(number)).copied().unwrap_or(0)
    };
    let of_unions = asked.unions.iter().map(|union| union.frequency);
    Ok((asked.any.iter().map(of).chain(of_unions).collect(), prepared.documents))
}

/// The bit of each term, in the order in which the query is prepared.
fn bits(prepared: &Prepared<'_>) -> Vec<u64> {
    let place = |term: &[u8]| prepared.asked.any.iter().position(|asked| asked.as_bytes() == term);
    let bit = |place: usize| u32::try_from(place).ok().and_then(|place| 1_u64.checked_shl(place)).unwrap_or(0);
    let of_terms = prepared.terms.iter().map(|term| place(term).map_or(0, bit));
    let unions = (prepared.asked.any.len()..).zip(prepared.asked.unions);
    of_terms.chain(unions.map(|(place, _)| bit(place))).collect()
}
