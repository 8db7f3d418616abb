//! All that queries and `doctor` read of a vector file, for files that a fuzz driver makes up (see `crate::probe`).

use super::header::{CHECKSUM, Damage, Header, checksum};
use super::layout::{CHECK, HEADER_BYTES, PAGE, SLOTS, Shape, put};
use super::record::Extent;
use super::search::{Neighbour, Query, Search};
use super::view::{Summary, View};
use super::{Content, Model, VectorIndex, VectorMath};
use crate::mapped::Mapped;
use crate::probe::Probed;
use std::path::Path;
use std::sync::Arc;

/// Hits that are asked for.
const LIMIT: usize = 10;

/// Which checksums are made to hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct VectorSeals {
    /// Those of both copies of the header.
    pub header: bool,
    /// Those of the summaries of all extents that are there; with `records` they also tell what stands in them.
    pub summaries: bool,
    /// Those of all records.
    pub records: bool,
}

/// Where the parts of a file stand: both copies of the header, then of each of the first `extents` its summary, labels,
/// namespaces, sign codes and codes.
#[must_use]
pub fn vector_parts(dimension: usize, extents: usize) -> Vec<usize> {
    let shape = Shape::of(dimension);
    let parts = [0, Shape::LABELS, Shape::SCOPES, Shape::SIGNS, shape.codes()];
    let extents = (0..extents).map(|extent| HEADER_BYTES + extent * shape.extent_bytes());
    [0, PAGE].into_iter().chain(extents.flat_map(|start| parts.map(|part| start + part))).collect()
}

/// Writes the checksums of what stands in the file.
pub fn seal_vectors(bytes: &mut [u8], dimension: usize, seals: VectorSeals) {
    if seals.header {
        for page in bytes.chunks_exact_mut(PAGE).take(HEADER_BYTES / PAGE) {
            let sum = checksum(page.get(..CHECKSUM).unwrap_or_default());
            put(page, CHECKSUM, &sum);
        }
    }
    let shape = Shape::of(dimension);
    let extents = bytes.get_mut(HEADER_BYTES..).unwrap_or_default().chunks_exact_mut(shape.extent_bytes());
    for extent in extents {
        for slot in 0..if seals.records { SLOTS } else { 0 } {
            let check = Extent { shape, bytes: extent }.record(slot).map(|record| record.check());
            put(extent, Shape::label(slot) + CHECK, &check.unwrap_or_default().to_le_bytes());
        }
        if seals.summaries && seals.records {
            Summary::of(Extent { shape, bytes: extent }, SLOTS).write(extent);
        } else if seals.summaries {
            Summary::seal(extent);
        }
    }
}

/// Takes `bytes` for the file of `model` and asks all that is ever asked of one, as who holds `content` in its table.
#[must_use]
pub fn vectors(bytes: &[u8], model: &Model, math: VectorMath, content: &Content, query: &Query) -> Probed<Damage> {
    let mut probed = Probed::default();
    match open(bytes, model, math) {
        Ok(view) => questions(&mut probed, &Arc::new(view), model, math, content, query),
        Err(damage) => probed.note(Err(damage)),
    }
    probed
}

fn open(bytes: &[u8], model: &Model, math: VectorMath) -> Result<View, Damage> {
    let header = Header::decode(bytes.first_chunk().ok_or(Damage::Header)?, model, math.version)?;
    let length = Shape::of(header.dimension).file_bytes(header.count);
    let bytes = bytes.get(..length).ok_or(Damage::Short)?;
    let map = Mapped::of(bytes).map_err(|error| Damage::Io(error.to_string()))?;
    View::of(header, Arc::new(map))
}

fn questions(
    probed: &mut Probed<Damage>,
    view: &Arc<View>,
    model: &Model,
    math: VectorMath,
    content: &Content,
    query: &Query,
) {
    let index = VectorIndex::new(Path::new(""), "probe", model.clone(), math);
    let all = (view.count(), vec![]);
    let known = content.match_marks(view.header().marks());
    for (count, newer) in [Some(all), known].into_iter().flatten() {
        let search = Search::new(&index, Arc::clone(view), count, newer);
        let fresh = [Neighbour { doc: 3, chunk: 0, namespace: 1, score: 0.5 }];
        let scopes: [Option<&[u32]>; 3] = [None, Some(&[1]), Some(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9])];
        for (scope, modulus) in scopes.into_iter().zip([1, 2, i64::MAX]) {
            let found = search.nearest(query, LIMIT, scope, &fresh, &mut |doc, _| doc % modulus == 0);
            probed.note(found.map(|found| {
                assert!(found.len() <= LIMIT, "more hits than were asked for");
                found.len() as u64
            }));
        }
        let docs: Vec<i64> = (-1..40).chain([i64::MIN, i64::MAX]).collect();
        probed.note(search.cosines(query, &docs).map(|cosines| cosines.len() as u64));
    }
    probed.note(view.verify(math.sign_code).map(|()| u64::from(view.is_worn())));
}
