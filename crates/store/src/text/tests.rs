//! The index against the plainest BM25 there is: every document, every term, sorted.

use super::postings::Bounds;
use super::score::{Collection, score_of};
use super::*;
use jay_testkit::{Random, Salad};
use jay_types::surroundings::Surroundings;
use proptest::prelude::*;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

pub(super) const MODEL: Bm25 = Bm25 { k1: 0.9, b: 0.4 };

/// Randomness of a seed.
pub(super) struct Source(Mutex<Random>);

impl Source {
    pub(super) fn new(seed: u64) -> Self {
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
}

impl Plain {
    fn new(doc: i64, namespace: u32, text: String) -> Self {
        let mut counts = HashMap::new();
        text.split_ascii_whitespace().for_each(|word| *counts.entry(word.to_owned()).or_default() += 1);
        Self { doc, namespace, text, counts }
    }

    fn fresh(&self) -> Fresh {
        Fresh { doc: self.doc, namespace: self.namespace, terms: Terms::of(&self.text).encode() }
    }

    fn count(&self, term: &str) -> u32 {
        self.counts.get(term).copied().unwrap_or(0)
    }

    fn length(&self) -> u32 {
        self.counts.values().sum()
    }

    fn is_meant(&self, asked: &Asked<'_>) -> bool {
        self.doc <= asked.upto
            && asked.scope.is_none_or(|scope| scope.contains(&i64::from(self.namespace)))
            && asked.all.iter().all(|term| self.count(term) > 0)
    }
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
        let asked = Asked { any: &any, all: &all, rarest: usize::MAX, scope: scope.as_deref(), upto };
        for _ in 0..3 {
            // The first questions look at each document, later ones into a table.
            prop_assert_eq!(found(&index, &fresh, asked, limit, passes), naive(&docs, &asked, limit, passes));
        }
        prop_assert_eq!(matching(&index, &fresh, asked).expect("whole"), naive_matching(&docs, &asked));
        // Asked about one by one, documents have the same scores.
        let plain = Asked { all: &[], scope: None, upto: i64::MAX, ..asked };
        let mut every: Vec<i64> = docs.iter().map(|doc| doc.doc).collect();
        every.sort_unstable();
        let weighed = weigh(&index, &fresh, plain, MODEL, &every).expect("whole");
        let best = naive(&docs, &plain, docs.len(), |_| true);
        prop_assert_eq!(weighed.len(), best.len());
        for hit in best {
            let doc = docs.iter().find(|doc| doc.doc == hit.doc).expect("there");
            let terms = any.iter().enumerate().filter(|(place, term)| {
                doc.count(term) > 0 && any.iter().position(|other| other == *term) == Some(*place)
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
        prop_assert_eq!(found(&index, &fresh, asked, limit, passes), naive(&left, &asked, limit, passes));
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
    let asked = Asked { any: &any, all: &[], rarest: 5, scope: None, upto: i64::MAX };
    let mut rarest: Vec<String> = any[..].iter().filter(|term| *term != "nowhere").cloned().collect();
    rarest.sort_by_key(|term| docs.iter().filter(|doc| doc.count(term) > 0).count());
    let few = Asked { any: &rarest[..5], all: &[], rarest: usize::MAX, scope: None, upto: i64::MAX };
    let best = found(&index, &tail, asked, 7, |_| true);
    assert_eq!(best, naive(&docs, &few, 7, |_| true));
    assert_eq!(best[0].doc, docs[50].doc, "a text is found by its rarest words");
}

#[test]
fn the_filter_is_asked_for_little_more_than_the_answer() {
    let home = tempfile::tempdir().expect("a directory");
    let docs = salad(6000, 4);
    let mut index = Index::default();
    put(home.path(), &mut index, &[&docs], &Source::new(2));
    let any = [Salad::new(9).word().to_owned(), "bri".to_owned()];
    let asked = Asked { any: &any, all: &[], rarest: usize::MAX, scope: None, upto: i64::MAX };
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

#[test]
fn damage_is_told_and_never_a_panic() {
    let home = tempfile::tempdir().expect("a directory");
    let docs = salad(700, 5);
    let mut index = Index::default();
    let number = put(home.path(), &mut index, &[&docs], &Source::new(2));
    let any: Vec<String> = docs[3].text.split(' ').take(6).map(str::to_owned).collect();
    let asked = Asked { any: &any, all: &[], rarest: usize::MAX, scope: None, upto: i64::MAX };
    drop(index);
    let mut random = Random::new(8);
    let paths: Vec<_> =
        std::fs::read_dir(home.path()).expect("listed").map(|entry| entry.expect("listed").path()).collect();
    assert_eq!(paths.len(), 2, "a segment and a manifest");
    for path in paths {
        let whole = std::fs::read(&path).expect("read");
        for round in 0..300 {
            let mut bytes = whole.clone();
            let at = random.index(bytes.len());
            match round % 4 {
                0 => bytes.truncate(at),
                1 => bytes.extend_from_slice(&[0; 9]),
                _ => bytes[at] ^= 1 << random.below(8),
            }
            // Another file in its place, as a damaged medium shows it: what is mapped must not be written to.
            std::fs::remove_file(&path).expect("removed");
            jay_testkit::write(&path, &bytes);
            let verified = Index::open(home.path(), number).and_then(|index| {
                let hits = search::<Fault>(&index, &FreshSet::default(), asked, MODEL, 10, |_| Ok(true));
                let _ = (
                    hits,
                    matching(&index, &FreshSet::default(), asked),
                    (round % 16 == 2)
                        .then(|| index.without(home.path(), &BTreeSet::from([6]), &Source::new(1000 + round))),
                );
                index.verify()
            });
            assert!(verified.is_err(), "round {round} of {} bytes", whole.len());
        }
        std::fs::remove_file(&path).expect("removed");
        jay_testkit::write(&path, &whole);
    }
    assert!(Index::open(home.path(), number).and_then(|index| index.verify()).is_ok());
    assert!(matches!(Index::open(home.path(), number + 1), Err(Fault::Missing)));
}

#[test]
fn readers_go_on_while_files_are_replaced_under_them() {
    let home = tempfile::tempdir().expect("a directory");
    let docs = salad(3000, 6);
    let any = [docs[0].text.split(' ').next().expect("a word").to_owned()];
    let asked = Asked { any: &any, all: &[], rarest: usize::MAX, scope: None, upto: docs[499].doc };
    let current = Mutex::new(put(home.path(), &mut Index::default(), &[&docs[..500]], &Source::new(2)));
    let expected = matching(
        &Index::open(home.path(), *current.lock().expect("whole")).expect("whole"),
        &FreshSet::default(),
        asked,
    )
    .expect("whole");
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = || {
            let mut reads = 0;
            while !is_done.load(Ordering::Relaxed) || reads == 0 {
                // As the store does: whoever comes too late looks at its number again.
                let number = *current.lock().expect("whole");
                let Ok(index) = Index::open(home.path(), number) else { continue };
                assert_eq!(matching(&index, &FreshSet::default(), asked).expect("whole"), expected);
                reads += 1;
            }
        };
        let readers = [scope.spawn(reader), scope.spawn(reader)];
        let mut index = Index::open(home.path(), *current.lock().expect("whole")).expect("whole");
        let source = Source::new(9);
        for piece in docs[500..].chunks(250) {
            let fresh: Vec<Fresh> = piece.iter().map(Plain::fresh).collect();
            let number = index.with(home.path(), &fresh, &source).expect("written");
            *current.lock().expect("whole") = number;
            Index::clean(home.path(), &[number]).expect("cleaned");
            index = Index::open(home.path(), number).expect("whole");
        }
        is_done.store(true, Ordering::Relaxed);
        readers.into_iter().for_each(|reader| reader.join().expect("no panic"));
        assert_eq!(index.documents(), 3000);
        assert!(index.size().0 <= 6, "{:?}", index.size());
    });
}
