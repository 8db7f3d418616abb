//! Nearest vectors: sign codes choose whom to look at, int8 codes decide, the caller's filter is asked in that order.
//!
//! What the filter turns away takes no one's place: where it lets few pass, more are looked at, in proportion. All
//! records at the last distance that is looked at are taken, not as many as fit, so that the answer does not depend on
//! the order in which they stand.

use super::header::Damage;
use super::layout::SLOTS;
use super::record::{Code, Record};
use super::view::{View, is_drop};
use super::{VectorIndex, VectorMath, oversample};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// Distances that are looked at together, to skip those that are all too far.
const STRIDE: usize = 32;

/// A query as the scan needs it.
#[derive(Clone, Debug)]
pub struct Query {
    scale: f32,
    values: Vec<i8>,
    signs: Vec<u64>,
    /// The greatest distance of a sign code.
    farthest: u16,
}

impl Query {
    /// Reads a query's code; none where it is not one of the dimension, or is all zeros: that has no direction, so that
    /// nothing is nearer to it than anything else.
    #[must_use]
    pub fn read(bytes: &[u8], dimension: usize, math: VectorMath) -> Option<Self> {
        let code = Code::read(bytes, dimension)?;
        let values = code.values.iter().map(|byte| byte.cast_signed()).collect();
        if code.values.iter().all(|value| *value == 0) {
            return None;
        }
        let (signs, farthest) = (math.query_code)(code.values);
        Some(Self { scale: code.scale, values, signs, farthest })
    }

    /// The cosine of two vectors of length 1: exact up to what the codes keep.
    #[must_use]
    pub fn score(&self, code: &Code<'_>, math: VectorMath) -> f32 {
        (math.dot)(&self.values, code.values) as f32 * code.scale * self.scale
    }
}

/// A document near the query: its best chunk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// The document.
    pub doc: i64,
    /// The chunk of it that is nearest.
    pub chunk: u32,
    /// Number of its namespace.
    pub namespace: u32,
    /// The cosine.
    pub score: f32,
}

impl Neighbour {
    /// Best first; ties by document and chunk.
    pub(crate) fn order(a: &Self, b: &Self) -> std::cmp::Ordering {
        b.score.total_cmp(&a.score).then(a.doc.cmp(&b.doc)).then(a.chunk.cmp(&b.chunk))
    }
}

/// The part of a file that belongs to one snapshot of the table.
#[derive(Debug)]
pub struct Search<'a> {
    index: &'a VectorIndex,
    view: Arc<View>,
    count: usize,
    /// Documents whose vectors are newer than this part.
    newer: Vec<i64>,
}

impl<'a> Search<'a> {
    pub(super) fn new(index: &'a VectorIndex, view: Arc<View>, count: usize, newer: Vec<i64>) -> Self {
        Self { index, view, count, newer }
    }

    /// Documents whose vectors only the table has; what the file says of them is out of date.
    #[must_use]
    pub fn newer(&self) -> &[i64] {
        &self.newer
    }

    /// True where the file holds nothing that the table did not lead to.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.count == self.view.count()
    }

    /// Records in this part.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The `k` nearest documents that pass. `scope` names namespaces, `newer` the scored chunks of [`Search::newer`].
    ///
    /// # Errors
    /// A record that is not what was written: the file must not be used.
    pub fn nearest(
        &self,
        query: &Query,
        k: usize,
        scope: Option<&[u32]>,
        newer: &[Neighbour],
        filter: &mut dyn FnMut(i64, u32) -> bool,
    ) -> Result<Vec<Neighbour>, Damage> {
        let outdated: HashSet<i64> = self.newer.iter().copied().collect();
        let mut verdicts: HashMap<i64, bool> = HashMap::new();
        let base = oversample(self.count).max(k);
        let mut wanted = base;
        loop {
            let slots = self.nearest_signs(query, wanted, scope)?;
            let is_all = slots.len() < wanted;
            let mut scored = newer.to_vec();
            let from_file = self.score(query, &slots, &outdated)?;
            let is_elsewhere =
                |namespace: u32| is_drop(namespace) || scope.is_some_and(|scope| !holds(scope, namespace));
            if let Some((_, slot)) = from_file.iter().find(|(neighbour, _)| is_elsewhere(neighbour.namespace)) {
                return Err(Damage::Record(*slot));
            }
            scored.extend(from_file.iter().map(|(neighbour, _)| *neighbour));
            let (found, asked) = walk_best(&mut scored, k, &mut verdicts, filter);
            let needed = match found.len() {
                passed if passed == k => base * asked / k.max(1),
                _ => wanted * 4,
            };
            // A filter that lets half pass costs no second scan.
            if is_all || needed < 2 * wanted {
                self.check(&found, &from_file)?;
                return Ok(found);
            }
            wanted = needed;
        }
    }

    /// The cosine of each document's best chunk. Documents without a vector in this part are left out.
    ///
    /// # Errors
    /// A record that is not what was written.
    pub fn cosines(&self, query: &Query, docs: &[i64]) -> Result<BTreeMap<i64, Neighbour>, Damage> {
        let outdated: HashSet<i64> = self.newer.iter().copied().collect();
        let mut scored = Vec::new();
        for doc in docs.iter().filter(|doc| !outdated.contains(doc)) {
            let slots = self.view.slots_of(*doc, self.count)?;
            scored.extend(self.score(query, &slots, &outdated)?);
        }
        let neighbours: Vec<Neighbour> = scored.iter().map(|(neighbour, _)| *neighbour).collect();
        self.check(&neighbours, &scored)?;
        Ok(best_by_doc(&neighbours))
    }

    /// Slots of all records whose sign codes are within the least distance that holds `wanted` of them; all where there
    /// are fewer.
    fn nearest_signs(&self, query: &Query, wanted: usize, scope: Option<&[u32]>) -> Result<Vec<usize>, Damage> {
        let mut nearest = Nearest::new(query.farthest, wanted);
        let mut distances = vec![0_u16; SLOTS];
        for index in 0..self.count.div_ceil(SLOTS) {
            let used = self.view.used(index).min(self.count - index * SLOTS);
            let extent = self.view.extent(index)?;
            let rows = extent.signs(used).ok_or(Damage::Short)?;
            let distances = distances.get_mut(..used).unwrap_or_default();
            (self.index.math.distances)(&query.signs, rows, distances);
            for (stride, chunk) in distances.chunks(STRIDE).enumerate() {
                if chunk.iter().fold(u16::MAX, |least, distance| least.min(*distance)) > nearest.bound {
                    continue;
                }
                for (place, distance) in chunk.iter().enumerate() {
                    let slot = stride * STRIDE + place;
                    if *distance > nearest.bound {
                        continue;
                    }
                    let namespace = extent.scope(slot).unwrap_or_default();
                    if !is_drop(namespace) && scope.is_none_or(|scope| holds(scope, namespace)) {
                        nearest.push(*distance, index * SLOTS + slot);
                    }
                }
            }
        }
        Ok(nearest.finish())
    }

    /// Scores of records with their slots, but for what is dropped or outdated. Not checked: most are not answered.
    fn score(
        &self,
        query: &Query,
        slots: &[usize],
        outdated: &HashSet<i64>,
    ) -> Result<Vec<(Neighbour, usize)>, Damage> {
        let mut scored = Vec::with_capacity(slots.len());
        for slot in slots {
            let record = self.view.extent(slot / SLOTS)?.record(slot % SLOTS).ok_or(Damage::Record(*slot))?;
            if (!outdated.is_empty() && outdated.contains(&record.doc))
                || self.view.is_dropped(record.doc, *slot, self.count)
            {
                continue;
            }
            let Record { doc, chunk, namespace, code } = record;
            scored.push((Neighbour { doc, chunk, namespace, score: query.score(&code, self.index.math) }, *slot));
        }
        Ok(scored)
    }

    /// Looks at the checksums of what is answered from the file.
    fn check(&self, found: &[Neighbour], from_file: &[(Neighbour, usize)]) -> Result<(), Damage> {
        let answered: HashSet<(i64, u32)> = found.iter().map(|neighbour| (neighbour.doc, neighbour.chunk)).collect();
        let least = found.iter().map(|neighbour| neighbour.score).min_by(f32::total_cmp).unwrap_or(f32::INFINITY);
        // Most were looked at and lie below: no need to look for them among the answered.
        for (neighbour, slot) in from_file.iter().filter(|(neighbour, _)| neighbour.score.total_cmp(&least).is_ge()) {
            if answered.contains(&(neighbour.doc, neighbour.chunk)) {
                let record = self.view.extent(slot / SLOTS)?.checked(slot % SLOTS);
                record.ok_or(Damage::Record(*slot))?;
            }
        }
        Ok(())
    }
}

/// Takes from the best on what passes, a document once; returns it with the number of documents that were asked for.
pub(crate) fn walk(
    scored: &[Neighbour],
    k: usize,
    verdicts: &mut HashMap<i64, bool>,
    filter: &mut dyn FnMut(i64, u32) -> bool,
) -> (Vec<Neighbour>, usize) {
    let mut found: Vec<Neighbour> = Vec::new();
    let mut seen = HashSet::new();
    for neighbour in scored {
        if found.len() == k {
            break;
        }
        if seen.insert(neighbour.doc)
            && *verdicts.entry(neighbour.doc).or_insert_with(|| filter(neighbour.doc, neighbour.namespace))
        {
            found.push(*neighbour);
        }
    }
    (found, seen.len())
}

/// [`walk`] over what is not sorted yet: thousands are looked at exactly, and some hundred decide.
fn walk_best(
    scored: &mut [Neighbour],
    k: usize,
    verdicts: &mut HashMap<i64, bool>,
    filter: &mut dyn FnMut(i64, u32) -> bool,
) -> (Vec<Neighbour>, usize) {
    let front = 2 * k;
    if front < scored.len() {
        scored.select_nth_unstable_by(front, Neighbour::order);
        let best = scored.get_mut(..front).unwrap_or_default();
        best.sort_unstable_by(Neighbour::order);
        let (found, asked) = walk(best, k, verdicts, filter);
        if found.len() == k {
            return (found, asked);
        }
    }
    scored.sort_unstable_by(Neighbour::order);
    walk(scored, k, verdicts, filter)
}

/// The best chunk of each document.
pub(crate) fn best_by_doc(scored: &[Neighbour]) -> BTreeMap<i64, Neighbour> {
    let mut best: BTreeMap<i64, Neighbour> = BTreeMap::new();
    for neighbour in scored {
        let entry = best.entry(neighbour.doc).or_insert(*neighbour);
        if Neighbour::order(neighbour, entry).is_lt() {
            *entry = *neighbour;
        }
    }
    best
}

fn holds(scope: &[u32], namespace: u32) -> bool {
    if scope.len() <= 8 { scope.contains(&namespace) } else { scope.binary_search(&namespace).is_ok() }
}

/// The records within the least distance that holds as many as are wanted.
struct Nearest {
    wanted: usize,
    /// What is farther is not wanted.
    bound: u16,
    /// Kept records by distance.
    counts: Vec<usize>,
    kept: usize,
    slots: Vec<(u16, usize)>,
}

impl Nearest {
    fn new(farthest: u16, wanted: usize) -> Self {
        Self { wanted, bound: farthest, counts: vec![0; usize::from(farthest) + 1], kept: 0, slots: Vec::new() }
    }

    fn push(&mut self, distance: u16, slot: usize) {
        if let Some(count) = self.counts.get_mut(usize::from(distance)) {
            *count += 1;
            self.kept += 1;
            self.slots.push((distance, slot));
        }
        // As long as enough are left, the farthest go.
        while let Some(farthest) = self.counts.get(usize::from(self.bound)).copied()
            && self.bound > 0
            && self.kept - farthest >= self.wanted
        {
            self.kept -= farthest;
            self.bound -= 1;
        }
    }

    fn finish(self) -> Vec<usize> {
        self.slots.into_iter().filter(|(distance, _)| *distance <= self.bound).map(|(_, slot)| slot).collect()
    }
}
