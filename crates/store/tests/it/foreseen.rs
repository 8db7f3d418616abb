//! Terms and vectors that a write makes before it takes the lock (I8).

use crate::support::{Node, asking, create, everything, options, saying, words};
use jay_store::{Analysis, Foreseen, Moment, Store, StoreOptions, StoredVector, WantedVectors};
use jay_types::{EntityId, Error};
use std::cell::Cell;

const DIMENSION: usize = 8;

thread_local! {
    static MADE: Cell<(u32, u32)> = const { Cell::new((0, 0)) };
}

fn counted_words(text: &str) -> String {
    MADE.with(|made| made.set((made.get().0 + 1, made.get().1)));
    words(text)
}

fn counted_vectors(doc: i64, text: &str) -> Vec<StoredVector> {
    MADE.with(|made| made.set((made.get().0, made.get().1 + 1)));
    let vector: Vec<f32> = (0..DIMENSION).map(|place| ((text.len() + place) % 7) as f32 - 3.0).collect();
    let code = jay_models::Encoded::from_vector(&vector).unwrap().to_bytes();
    vec![StoredVector { doc, chunk: 0, first: 0, last: 1, code, tokens: vec![] }]
}

fn counting(node: &Node) -> Store {
    let options = options(&node.directory(), &node.steps);
    let analysis = Analysis { index_text: counted_words, ..options.analysis };
    let embedder = WantedVectors { model: "m".to_owned(), dimension: DIMENSION, at_once: Some(counted_vectors) };
    Store::pair(&StoreOptions { analysis, embedder: Some(embedder), ..options }).0
}

#[test]
fn what_was_foreseen_is_not_made_under_the_lock_and_what_was_not_is() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    let store = counting(&node);
    let write = |text: &str, foreseen: Foreseen| -> EntityId {
        MADE.with(|made| made.set((0, 0)));
        let written = store.write::<_, Error>(&crate::support::ann(), |w| {
            w.foresee(foreseen);
            Ok(create(w, ns, saying(text)))
        });
        written.unwrap()
    };
    let made = || MADE.with(Cell::get);
    let foreseen = store.foresee_memory(&saying("a walnut tree"));
    assert_eq!(made(), (1, 1));
    let tree = write("a walnut tree", foreseen);
    assert_eq!(made(), (0, 0), "nothing was left to make");
    let other = write("the quince", store.foresee_memory(&saying("another text")));
    assert_eq!(made(), (1, 1), "what was foreseen of another text is of no use");
    let plain = write("a third one", Foreseen::default());
    store
        .read::<_, Error>(|tx| {
            for (id, word) in [(tree, "walnut"), (other, "quince"), (plain, "third")] {
                let mut found = Vec::new();
                for hit in tx.search_memories(&asking(word), &everything(), 5)? {
                    found.extend(tx.memory(hit.entity, Moment::Latest)?.map(|row| row.memory.id));
                }
                assert_eq!(found, [id], "{word}");
                assert_eq!(tx.not_embedded("m", &everything())?, 0);
            }
            assert!(tx.search_memories(&asking("another"), &everything(), 5)?.is_empty());
            Ok(())
        })
        .unwrap();
}
