//! What the index promises, against a plain scan of the same vectors.

mod damage;
mod growth;

use super::search::best_by_doc;
use super::*;
use jay_testkit::Random;
use proptest::prelude::*;
use std::collections::BTreeSet;
use tempfile::TempDir;

pub(super) const MATH: VectorMath = VectorMath {
    distances: jay_models::kernel::distances,
    query_code: jay_models::weighted_query,
    dot: jay_models::kernel::dot,
    sign_code: jay_models::sign_code,
    version: jay_models::signs::SIGNS_VERSION,
};

/// A table of vectors as SQLite would hold it, with its log.
pub(super) struct Table {
    pub(super) dir: TempDir,
    pub(super) index: VectorIndex,
    pub(super) content: Content,
    pub(super) rows: Vec<(i64, u32, u32, Vec<u8>)>,
    pub(super) random: Random,
}

impl Table {
    pub(super) fn new(dimension: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let model = Model { id: "model".to_owned(), dimension };
        let index = VectorIndex::new(&dir.path().join("index"), "memory", model, MATH);
        Self { dir, index, content: Content::default(), rows: vec![], random: Random::new(7) }
    }

    /// A second reader or writer of the same file.
    pub(super) fn other(&self) -> VectorIndex {
        VectorIndex::new(&self.dir.path().join("index"), "memory", self.index.model.clone(), MATH)
    }

    pub(super) fn vector(&mut self) -> Vec<u8> {
        let mut values: Vec<f32> =
            (0..self.index.model.dimension).map(|_| self.random.fraction() as f32 - 0.5).collect();
        jay_models::vector::normalise(&mut values);
        jay_models::Encoded::from_vector(&values).unwrap().to_bytes()
    }

    pub(super) fn query(&mut self) -> Query {
        let bytes = self.vector();
        Query::read(&bytes, self.index.model.dimension, MATH).unwrap()
    }

    /// Stores vectors of documents, in namespace `doc % 5`, and notes it.
    pub(super) fn store(&mut self, docs: impl IntoIterator<Item = i64>) -> Vec<(i64, u32, u32, Vec<u8>)> {
        let rows: Vec<_> = docs.into_iter().map(|doc| (doc, 0, doc as u32 % 5, self.vector())).collect();
        self.rows.retain(|row| rows.iter().all(|new| new.0 != row.0));
        let stored = rows.iter().map(|(doc, chunk, _, code)| (*doc, *chunk, code.as_slice()));
        let mark = self.content.mark().after(stored);
        self.content.push(mark, rows.iter().map(|row| row.0).collect());
        self.rows.extend(rows.iter().cloned());
        rows
    }

    pub(super) fn build(&mut self) {
        self.rows.sort_by_key(|row| (row.0, row.1));
        let mut builder = self.index.build().unwrap();
        for row in &self.rows {
            builder.push(&addition(row)).unwrap();
        }
        builder.finish(self.content.mark(), self.random.next_u64(), false).unwrap();
    }

    /// Stores and extends the file.
    pub(super) fn append(&mut self, docs: impl IntoIterator<Item = i64>) {
        let rows = self.store(docs);
        let additions: Vec<Addition<'_>> = rows.iter().map(addition).collect();
        self.index.append(&additions, &[], self.content.mark()).unwrap();
    }

    /// Every row that passes, best first: what the index must find.
    pub(super) fn exact(&self, query: &Query, passes: impl Fn(i64, u32) -> bool) -> Vec<Neighbour> {
        let scored: Vec<Neighbour> = self
            .rows
            .iter()
            .filter(|row| passes(row.0, row.2))
            .map(|(doc, chunk, namespace, code)| {
                let score = query.score(&Code::read(code, self.index.model.dimension).unwrap(), MATH);
                Neighbour { doc: *doc, chunk: *chunk, namespace: *namespace, score }
            })
            .collect();
        let mut best: Vec<Neighbour> = best_by_doc(&scored).into_values().collect();
        best.sort_by(Neighbour::order);
        best
    }
}

pub(super) fn addition(row: &(i64, u32, u32, Vec<u8>)) -> Addition<'_> {
    Addition { doc: row.0, chunk: row.1, namespace: row.2, code: &row.3 }
}

/// `k` nearest by the file alone.
pub(super) fn nearest(search: &Search<'_>, query: &Query, k: usize) -> Result<Vec<Neighbour>, Damage> {
    search.nearest(query, k, None, &[], &mut |_, _| true)
}

#[test]
fn a_query_without_a_direction_is_near_nothing() {
    let zeros = jay_models::Encoded::from_vector(&[0.0; 64]).unwrap().to_bytes();
    assert!(Query::read(&zeros, 64, MATH).is_none());
}

#[test]
fn the_layout_is_that_of_the_kernels() {
    assert_eq!(layout::GROUP, jay_models::kernel::LANES);
    assert_eq!((oversample(0), oversample(100_000), oversample(1_000_000)), (200, 3162, 10_000));
    let shape = layout::Shape::of(256);
    assert_eq!(shape.extent_bytes() % layout::PAGE, 0);
    assert_eq!(shape.file_bytes(0), layout::HEADER_BYTES);
    assert_eq!(shape.file_bytes(4097), layout::HEADER_BYTES + 2 * shape.extent_bytes());
}

#[test]
fn chunks_of_a_document_count_once() {
    let mut table = Table::new(64);
    let rows: Vec<_> = (0..90).map(|index| (index / 3, (index % 3) as u32, 1, table.vector())).collect();
    table.rows = rows;
    let mark = table.content.mark().after(std::iter::empty());
    table.content.push(mark, vec![]);
    table.build();
    let query = table.query();
    let search = table.index.at(&table.content).unwrap();
    assert_eq!(nearest(&search, &query, 7).unwrap(), table.exact(&query, |_, _| true)[..7]);
    let cosines = search.cosines(&query, &[5, 99]).unwrap();
    assert_eq!(cosines.len(), 1);
    assert_eq!(cosines[&5], table.exact(&query, |doc, _| doc == 5)[0]);
}

#[test]
fn a_filter_that_lets_few_pass_starves_nobody() {
    let mut table = Table::new(256);
    table.store(0..6000);
    table.build();
    let search = table.index.at(&table.content).unwrap();
    for _ in 0..3 {
        let bytes = {
            let mut random = Random::new(table.rows.len() as u64);
            let mut values: Vec<f32> = (0..256).map(|_| random.fraction() as f32 - 0.5).collect();
            jay_models::vector::normalise(&mut values);
            jay_models::Encoded::from_vector(&values).unwrap().to_bytes()
        };
        let query = Query::read(&bytes, 256, MATH).unwrap();
        let mut asked = BTreeSet::new();
        let mut filter = |doc: i64, _: u32| {
            assert!(asked.insert(doc), "a document is asked for once");
            doc % 500 == 3
        };
        let found = search.nearest(&query, 10, None, &[], &mut filter).unwrap();
        assert_eq!(found, table.exact(&query, |doc, _| doc % 500 == 3)[..10]);
        // A namespace is part of the scan: it is as good as a filter, and asks for nobody else.
        let mut others = 0;
        let found = search
            .nearest(&query, 10, Some(&[2]), &[], &mut |_, namespace| {
                others += usize::from(namespace != 2);
                true
            })
            .unwrap();
        assert!(found.iter().all(|neighbour| neighbour.namespace == 2) && others == 0);
        assert_eq!(found.len(), 10);
    }
}

#[test]
fn a_namespace_of_few_is_searched_exactly() {
    let mut table = Table::new(128);
    table.store(0..5000);
    table.rows.iter_mut().filter(|row| row.0 % 50 == 0).for_each(|row| row.2 = 77);
    table.build();
    let query = table.query();
    let search = table.index.at(&table.content).unwrap();
    let found = search.nearest(&query, 20, Some(&[77]), &[], &mut |_, _| true).unwrap();
    assert_eq!(found, table.exact(&query, |_, namespace| namespace == 77)[..20]);
    let many: Vec<u32> = (60..80).collect();
    let found = search.nearest(&query, 200, Some(&many), &[], &mut |_, _| true).unwrap();
    assert_eq!(found, table.exact(&query, |_, namespace| namespace == 77), "fewer than are wanted: all");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn where_all_are_looked_at_the_answer_is_exact(
        dimension in 1_usize..200, count in 1_i64..200, k in 1_usize..30, modulus in 1_i64..7,
    ) {
        let mut table = Table::new(dimension);
        table.store(0..count);
        table.build();
        let query = table.query();
        let search = table.index.at(&table.content).unwrap();
        let found = search.nearest(&query, k, None, &[], &mut |doc, _| doc % modulus == 0).unwrap();
        let mut exact = table.exact(&query, |doc, _| doc % modulus == 0);
        exact.truncate(k);
        prop_assert_eq!(found, exact);
        let docs: Vec<i64> = (0..count + 3).step_by(2).collect();
        let cosines = search.cosines(&query, &docs).unwrap();
        prop_assert_eq!(cosines, best_by_doc(&table.exact(&query, |doc, _| doc % 2 == 0)));
    }
}
