//! The index against the plainest BM25 there is: every document, every term, sorted.

mod files;

use crate::text::postings::Bounds;
use crate::text::score::{Collection, score_of};
use crate::text::*;
use jay_testkit::{Random, Salad};
use jay_types::surroundings::Surroundings;
use proptest::prelude::*;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex};

pub(in crate::text) const MODEL: Bm25 = Bm25 { k1: 0.9, b: 0.4 };

/// Randomness of a seed.
pub(in crate::text) struct Source(Mutex<Random>);

impl Source {
    pub(in crate::text) fn new(seed: u64) -> Self {
        Self(Mutex::new(Random::new(seed)))
    }
}

impl Surroundings for Source {
    fn now(&self) -> jay_types::Timestamp {
        jay_types::Timestamp(0)
    }
    fn fill_random(&self, bytes: &mut [u8]) {
        self.0.lock().expect("whole").fill(bytes);
    }
}

/// A document with its text.
#[derive(Clone, Debug)]
struct Plain {
    doc: i64,
    namespace: u32,
    text: String,
    counts: HashMap<String, u32>,
    length: u32,
}

impl Plain {
    fn new(doc: i64, namespace: u32, text: String) -> Self {
        let mut counts = HashMap::new();
        text.split_ascii_whitespace().for_each(|word| *counts.entry(word.to_owned()).or_default() += 1);
        let length = counts.values().sum();
        Self { doc, namespace, text, counts, length }
    }

    fn fresh(&self) -> Fresh {
        Fresh { doc: self.doc, namespace: self.namespace, terms: Terms::of(&self.text).encode() }
    }

    fn count(&self, term: &str) -> u32 {
        self.counts.get(term).copied().unwrap_or(0)
    }

    fn length(&self) -> u32 {
        self.length
    }

    /// With a term for each beginning that counts all of its words.
    fn with_beginnings(mut self, prefixes: &[TermPrefix]) -> Self {
        for (name, prefix) in beginnings(prefixes).into_iter().zip(prefixes) {
            let begins = |term: &str| term.starts_with(&prefix.start) || prefix.stems.iter().any(|stem| stem == term);
            let count = self.counts.iter().filter(|(term, _)| begins(term)).map(|(_, count)| count).sum();
            self.counts.extend((count > 0).then_some((name, count)));
        }
        self
    }

    fn is_meant(&self, asked: &Asked<'_>) -> bool {
        self.doc <= asked.upto
            && asked.scope.is_none_or(|scope| scope.contains(&i64::from(self.namespace)))
            && asked.all.iter().all(|term| self.count(term) > 0)
    }
}

/// Names for the terms of beginnings; no word has such a name.
fn beginnings(prefixes: &[TermPrefix]) -> Vec<String> {
    (0..prefixes.len()).map(|number| format!("*{number}")).collect()
}

fn unions(index: &Index, fresh: &FreshSet, prefixes: &[TermPrefix]) -> Vec<Arc<Union>> {
    prefixes.iter().map(|prefix| Arc::new(Union::find(index, fresh, prefix).expect("whole"))).collect()
}

fn naive(docs: &[Plain], asked: &Asked<'_>, limit: usize, passes: impl Fn(i64) -> bool) -> Vec<Found> {
    let length = docs.iter().map(|doc| u64::from(doc.length())).sum();
    let collection = Collection::new(MODEL, docs.len() as u64, length);
    let terms: BTreeSet<&String> = asked.any.iter().filter(|term| !term.is_empty()).collect();
    let weigh = |term: &String| collection.weight(docs.iter().filter(|doc| doc.count(term) > 0).count() as u64);
    let weights: Vec<(&String, f32)> = terms.into_iter().map(|term| (term, weigh(term))).collect();
    let mut found = Vec::new();
    for doc in docs.iter().filter(|doc| doc.is_meant(asked) && passes(doc.doc)) {
        let counts = weights.iter().map(|(term, weight)| (doc.count(term), *weight)).filter(|(count, _)| *count > 0);
        let gains = counts.map(|(count, weight)| {
            let gain = collection.gain(weight, count, doc.length());
            assert!(gain <= collection.bound(weight, Bounds { count, length: doc.length() }));
            gain
        });
        let sum: u32 = gains.sum();
        if sum > 0 {
            found.push(Found { doc: doc.doc, score: score_of(sum) });
        }
    }
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.doc.cmp(&b.doc)));
    found.truncate(limit);
    found
}

fn naive_matching(docs: &[Plain], asked: &Asked<'_>) -> Vec<i64> {
    let any = |doc: &Plain| asked.any.is_empty() || asked.any.iter().any(|term| doc.count(term) > 0);
    let held = |doc: &Plain| !asked.any.is_empty() || !asked.all.is_empty() && doc.is_meant(asked);
    docs.iter().filter(|doc| doc.is_meant(asked) && any(doc) && held(doc)).map(|doc| doc.doc).collect()
}

fn found(index: &Index, fresh: &FreshSet, asked: Asked<'_>, limit: usize, passes: impl Fn(i64) -> bool) -> Vec<Found> {
    search::<Fault>(index, fresh, asked, MODEL, limit, |doc| Ok(passes(doc))).expect("whole")
}

/// Puts documents into an index in pieces; every state but the last is cleaned away.
fn put(directory: &Path, index: &mut Index, pieces: &[&[Plain]], source: &Source) -> i64 {
    let mut number = 0;
    for piece in pieces {
        let fresh: Vec<Fresh> = piece.iter().map(Plain::fresh).collect();
        number = index.with(directory, &fresh, source).expect("written");
        *index = Index::open(directory, number).expect("whole");
        Index::clean(directory, &[number]).expect("cleaned");
    }
    number
}

fn words() -> impl Strategy<Value = String> {
    proptest::collection::vec((0_u8..40, 0_u8..40), 0..30)
        .prop_map(|words| words.iter().map(|(a, b)| format!("w{}", a.min(b))).collect::<Vec<_>>().join(" "))
}

fn documents() -> impl Strategy<Value = Vec<Plain>> {
    proptest::collection::vec((1_i64..5, 0_u32..4, words()), 0..90).prop_map(|rows| {
        let mut doc = 0;
        rows.into_iter()
            .map(|(step, namespace, text)| {
                doc += step;
                Plain::new(doc, namespace, text)
            })
            .collect()
    })
}

fn prefixes() -> impl Strategy<Value = Vec<TermPrefix>> {
    let start = prop_oneof![Just("w".to_owned()), (0_u8..5).prop_map(|n| format!("w{n}")), Just("w10".to_owned())];
    let prefix = (start, terms(3)).prop_map(|(start, stems)| TermPrefix { start, stems });
    proptest::collection::vec(prefix, 0..3)
}

fn terms(most: usize) -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec((0_u8..42).prop_map(|n| format!("w{n}")), 0..most)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn answers_are_those_of_plain_bm25(
        docs in documents(),
        cuts in proptest::collection::vec(0_usize..90, 0..8),
        shuffled in any::<bool>(),
        drop_every in 2_i64..9,
        any in terms(7),
        prefixes in prefixes(),
        all in terms(3),
        scope in proptest::option::of(proptest::collection::vec(0_i64..5, 0..3)),
        upto in prop_oneof![Just(i64::MAX), 0_i64..200],
        limit in 0_usize..12,
        hidden in 1_i64..5,
    ) {
        let home = tempfile::tempdir().expect("a directory");
        let source = Source::new(1);
        // Documents that come late may have small numbers: pieces are not always ranges.
        let mut parts: Vec<Vec<Plain>> = vec![Vec::new(); cuts.len() + 1];
        for (place, doc) in docs.iter().enumerate() {
            let part = if shuffled { place * 7 % parts.len() } else { cuts.iter().filter(|cut| **cut <= place).count() };
            parts[part].push(doc.clone());
        }
        let (tail, pieces) = parts.split_last().expect("one at least");
        let pieces: Vec<&[Plain]> = pieces.iter().map(Vec::as_slice).collect();
        let mut index = Index::default();
        put(home.path(), &mut index, &pieces, &source);
        let of_tail = |dropped: &BTreeSet<i64>| {
            let kept = tail.iter().filter(|doc| !dropped.contains(&doc.doc));
            FreshSet::new(kept.map(Plain::fresh).collect())
        };
        let fresh = of_tail(&BTreeSet::new());
        prop_assert_eq!(index.documents() as usize + tail.len(), docs.len());
        let passes = |doc: i64| doc % hidden != 1;
        let of_prefixes = unions(&index, &fresh, &prefixes);
        let asked = Asked { any: &any, unions: &of_prefixes, all: &all, rarest: usize::MAX, scope: scope.as_deref(), upto };
        // Plain BM25 knows no beginnings: documents hold them as terms.
        let docs: Vec<Plain> = docs.into_iter().map(|doc| doc.with_beginnings(&prefixes)).collect();
        let named = [any.clone(), beginnings(&prefixes)].concat();
        let naively = Asked { any: &named, unions: &[], ..asked };
        for _ in 0..3 {
            // The first questions look at each document, later ones into a table.
            prop_assert_eq!(found(&index, &fresh, asked, limit, passes), naive(&docs, &naively, limit, passes));
        }
        prop_assert_eq!(matching(&index, &fresh, asked).expect("whole"), naive_matching(&docs, &naively));
        // Asked about one by one, documents have the same scores.
        let plain = Asked { all: &[], scope: None, upto: i64::MAX, ..asked };
        let mut every: Vec<i64> = docs.iter().map(|doc| doc.doc).collect();
        every.sort_unstable();
        let weighed = weigh(&index, &fresh, plain, MODEL, &every).expect("whole");
        let best = naive(&docs, &Asked { any: &named, unions: &[], ..plain }, docs.len(), |_| true);
        prop_assert_eq!(weighed.len(), best.len());
        for hit in best {
            let doc = docs.iter().find(|doc| doc.doc == hit.doc).expect("there");
            let terms = named.iter().enumerate().filter(|(place, term)| {
                doc.count(term) > 0 && named.iter().position(|other| other == *term) == Some(*place)
            });
            let terms = terms.fold(0_u64, |bits, (place, _)| bits | 1 << place);
            prop_assert_eq!(weighed.get(&hit.doc), Some(&Weighed { score: hit.score, terms }));
        }
        // What is purged is as if it had never been.
        let dropped: BTreeSet<i64> = docs.iter().map(|doc| doc.doc).filter(|doc| doc % drop_every == 0).collect();
        let number = index.without(home.path(), &dropped, &source).expect("written");
        Index::clean(home.path(), &[number]).expect("cleaned");
        let index = Index::open(home.path(), number).expect("whole");
        let left: Vec<Plain> = docs.iter().filter(|doc| !dropped.contains(&doc.doc)).cloned().collect();
        let fresh = of_tail(&dropped);
        let of_prefixes = unions(&index, &fresh, &prefixes);
        let asked = Asked { unions: &of_prefixes, ..asked };
        prop_assert_eq!(found(&index, &fresh, asked, limit, passes), naive(&left, &naively, limit, passes));
        prop_assert!(docs.iter().all(|doc| index.holds(doc.doc) != (dropped.contains(&doc.doc) || tail.iter().any(|t| t.doc == doc.doc))));
    }
}

fn salad(count: usize, seed: u64) -> Vec<Plain> {
    let mut salad = Salad::new(seed);
    let text = |n: usize, salad: &mut Salad| {
        let text = salad.text(5 + n % 70).to_lowercase().replace('.', "");
        // A run of documents in which a common word is said often, so that blocks differ in their bounds.
        if n % 5000 < 40 { format!("{text} bri bri bri") } else { text }
    };
    (0..count).map(|n| Plain::new(n as i64 * 3, n as u32 % 7, text(n, &mut salad))).collect()
}

#[test]
fn skipping_loses_nothing_in_segments_of_many_windows() {
    let home = tempfile::tempdir().expect("a directory");
    let docs = salad(14_000, 3);
    let pieces: Vec<&[Plain]> = vec![&docs[..9000], &docs[9000..13_500]];
    let mut index = Index::default();
    put(home.path(), &mut index, &pieces, &Source::new(2));
    let tail = FreshSet::new(docs[13_500..].iter().map(Plain::fresh).collect());
    let mut salad = Salad::new(77);
    for round in 0..18 {
        let any: Vec<String> = (0..1 + round % 11).map(|_| salad.word().to_owned()).chain(["bri".to_owned()]).collect();
        let scope = [1_i64, 4];
        let scope = (round % 3 == 0).then_some(scope.as_slice());
        let asked = Asked {
            any: &any,
            unions: &[],
            all: &[],
            rarest: usize::MAX,
            scope,
            upto: if round % 4 == 0 { 30_000 } else { i64::MAX },
        };
        let limit = [1, 10, 200][round % 3];
        assert_eq!(found(&index, &tail, asked, limit, |_| true), naive(&docs, &asked, limit, |_| true), "{any:?}");
    }
}

#[test]
fn the_rarest_terms_alone_are_asked_for() {
    let home = tempfile::tempdir().expect("a directory");
    let docs = salad(900, 6);
    let mut index = Index::default();
    put(home.path(), &mut index, &[&docs[..800]], &Source::new(2));
    let tail = FreshSet::new(docs[800..].iter().map(Plain::fresh).collect());
    let mut any: Vec<String> = docs[50].counts.keys().cloned().chain(["nowhere".to_owned()]).collect();
    any.sort();
    let asked = Asked { any: &any, unions: &[], all: &[], rarest: 5, scope: None, upto: i64::MAX };
    let mut rarest: Vec<String> = any[..].iter().filter(|term| *term != "nowhere").cloned().collect();
    rarest.sort_by_key(|term| docs.iter().filter(|doc| doc.count(term) > 0).count());
    let few = Asked { any: &rarest[..5], unions: &[], all: &[], rarest: usize::MAX, scope: None, upto: i64::MAX };
    let best = found(&index, &tail, asked, 7, |_| true);
    assert_eq!(best, naive(&docs, &few, 7, |_| true));
    assert_eq!(best[0].doc, docs[50].doc, "a text is found by its rarest words");
}

#[test]
fn the_rarest_terms_are_fewer_where_they_stand_in_many_documents() {
    // Each document holds ten of 20 words: of a text of all of them ten words would have 7,500 postings.
    let home = tempfile::tempdir().expect("a directory");
    let text = |n: usize| (0..10).map(|k| format!("w{:02}", (n * 7 + k * k + k) % 20)).collect::<Vec<_>>().join(" ");
    let docs: Vec<Plain> = (1..=1500).zip(0..).map(|(doc, n)| Plain::new(doc, 1, text(n))).collect();
    let mut index = Index::default();
    put(home.path(), &mut index, &[&docs], &Source::new(3));
    let any: Vec<String> = (0..20).map(|n| format!("w{n:02}")).collect();
    let asked = Asked { any: &any, unions: &[], all: &[], rarest: 10, scope: None, upto: i64::MAX };
    let best = found(&index, &FreshSet::new(vec![]), asked, 7, |_| true);
    let mut rarest = any.clone();
    rarest.sort_by_key(|term| docs.iter().filter(|doc| doc.count(term) > 0).count());
    let few = Asked { any: &rarest[..search::RAREST_MIN], rarest: usize::MAX, ..asked };
    assert_eq!(best, naive(&docs, &few, 7, |_| true));
}

#[test]
fn of_many_words_that_begin_alike_the_most_frequent_are_taken() {
    let begun = |n: usize| format!("co{n:04}");
    // Each word in one document, every third in a second one; other words around them.
    let words = PREFIX_TERMS_MAX + 500;
    let texts = (0..words).map(|n| format!("{} ca zz", begun(n)));
    let texts = texts.chain((0..words).step_by(3).map(|n| format!("again {}", begun(n))));
    let docs: Vec<Plain> = (0..).zip(texts).map(|(doc, text)| Plain::new(doc, 0, text)).collect();
    let prefix = [TermPrefix { start: "co".to_owned(), stems: vec![] }];
    let mut answers = Vec::new();
    for cut in [&[docs.len()][..], &[40, 900, 1900], &[0]] {
        let home = tempfile::tempdir().expect("a directory");
        let mut index = Index::default();
        let mut from = 0;
        for to in cut {
            put(home.path(), &mut index, &[&docs[from..*to]], &Source::new(2));
            from = *to;
        }
        let tail = FreshSet::new(docs[from..].iter().map(Plain::fresh).collect());
        let found = unions(&index, &tail, &prefix);
        assert_eq!(found[0].terms, words);
        let asked = Asked { any: &[], unions: &found, all: &[], rarest: usize::MAX, scope: None, upto: i64::MAX };
        answers.push(matching(&index, &tail, asked).expect("whole"));
    }
    let twice = words.div_ceil(3);
    // Every word that two documents hold, and of the others those that come first.
    assert_eq!(answers[0].len(), 2 * twice + (PREFIX_TERMS_MAX - twice));
    assert!(answers.iter().all(|answer| *answer == answers[0]), "how the index is cut shows nowhere");
}

#[test]
fn the_filter_is_asked_for_little_more_than_the_answer() {
    let home = tempfile::tempdir().expect("a directory");
    let docs = salad(6000, 4);
    let mut index = Index::default();
    put(home.path(), &mut index, &[&docs], &Source::new(2));
    let any = [Salad::new(9).word().to_owned(), "bri".to_owned()];
    let asked = Asked { any: &any, unions: &[], all: &[], rarest: usize::MAX, scope: None, upto: i64::MAX };
    let mut questions = 0;
    let hits = search::<Fault>(&index, &FreshSet::default(), asked, MODEL, 50, |doc| {
        questions += 1;
        Ok(doc % 10 != 0)
    });
    assert_eq!(hits.expect("whole").len(), 50);
    assert!((50..80).contains(&questions), "{questions}");
    let none = search::<Fault>(&index, &FreshSet::default(), asked, MODEL, 50, |_| Ok(false)).expect("whole");
    assert_eq!(none, []);
}
