//! Acts as wholes: given again, bounded, taken back.

use crate::support::*;
use jay_types::Error;
use jay_types::change::registry::RETIRED;
use jay_types::change::{Body, Op};
use serde_json::json;

#[test]
fn an_answer_is_given_again_for_seven_days_and_for_the_same_input_only() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    node.act(|w| {
        create(w, ns, saying("once"));
        Ok(w.remember_answer("k", &[1; 32], "first")?)
    })
    .unwrap();
    let before = |hash: u8, later: i64| {
        let now = node.steps.clock.now().0 + later;
        node.memory.read::<_, Error>(|tx| Ok(tx.answered_before("k", &[hash; 32], now)?))
    };
    assert_eq!(before(1, 0).unwrap().as_deref(), Some("first"));
    assert_eq!(before(2, 0).unwrap_err().code, jay_types::Code::Conflict);
    assert_eq!(before(1, 8 * 86_400_000_000).unwrap(), None);
    let secret = node.act(|w| Ok(w.local_secret()?)).unwrap();
    assert_eq!(node.act(|w| Ok(w.local_secret()?)).unwrap(), secret);
}

#[test]
fn the_last_act_of_an_actor_is_one_that_was_made_here() {
    let (a, b) = (Node::new(1), Node::new(2));
    let (ns, _) = a.namespace("team");
    let here = a
        .act(|w| {
            create(w, ns, saying("here"));
            Ok(w.act())
        })
        .unwrap();
    sync(&a, &b);
    b.steps.clock.advance(9_000_000);
    b.remember(ns, "there");
    sync(&b, &a);
    let last = a.memory.read::<_, Error>(|tx| Ok(tx.last_act(&ann(), None)?)).unwrap();
    assert_eq!(last, Some(here), "another machine's act under the same name is not taken back here");
    let changes = a.memory.read::<_, Error>(|tx| Ok(tx.act_changes(here)?)).unwrap();
    assert_eq!(changes.iter().filter(|change| change.kind == 4).count(), 1);
    // An undo takes it back once; the next one goes on behind it.
    let memory = changes.iter().find(|change| change.kind == 4).unwrap().id;
    a.act(|w| {
        let mut body = Body::default().with(RETIRED, json!({"reason": "undo"}));
        body.undoes = Some(here);
        edit(w, ns, memory, Op::Update, body)
    })
    .unwrap();
    let last = a.memory.read::<_, Error>(|tx| Ok(tx.last_act(&ann(), None)?)).unwrap();
    assert_eq!(last, None, "what an undo took back is not taken back again, nor is the undo");
}

#[test]
fn acts_over_the_bounds_and_unbelievable_clocks_store_nothing() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    let (other, _) = node.namespace("other");
    let before = node.dump();
    let refused = |write: &dyn Fn(&mut jay_store::WriteTx<'_>)| {
        let error = node
            .act(|w| {
                write(w);
                Ok(())
            })
            .expect_err("over the bounds");
        assert_eq!(error.code, jay_types::Code::BadInput, "{error}");
        assert_eq!(node.dump(), before);
    };
    refused(&|w| {
        for _ in 0..5000 {
            create(w, ns, saying("x"));
        }
    });
    let mut random = jay_testkit::Random::new(3);
    let large: Vec<String> = (0..26).map(|_| random.letters(1_000_000)).collect();
    refused(&|w| {
        large.iter().for_each(|text| {
            create(w, ns, saying(text));
        });
    });
    // The bounds are of the act, whatever its streams.
    refused(&|w| {
        for (n, text) in large.iter().enumerate() {
            create(w, if n % 2 == 0 { ns } else { other }, saying(text));
        }
    });
    // As a run of acts it goes through.
    node.act(|w| {
        for chunk in large.chunks(8) {
            for text in chunk {
                create(w, ns, saying(text));
            }
            w.next_act()?;
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(node.list().len(), 26);
    let before = node.dump();
    node.steps.clock.advance(12 * 366 * 86_400_000_000);
    let error = node
        .act(|w| {
            create(w, ns, saying("late"));
            Ok(())
        })
        .unwrap_err();
    assert_eq!(error.code, jay_types::Code::Refused);
    assert_eq!(node.dump(), before);
}

#[test]
fn a_failing_or_panicking_write_takes_back_itself_only() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    let before = node.dump();
    let failed = node.act::<()>(|w| {
        create(w, ns, saying("no"));
        w.next_act()?;
        create(w, ns, saying("neither"));
        Err(Error::bad_input("changed my mind"))
    });
    assert_eq!(failed.unwrap_err().message, "changed my mind");
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = node.act::<()>(|w| {
            create(w, ns, saying("no"));
            panic!("a defect");
        });
    }));
    assert!(panicked.is_err());
    assert_eq!(node.dump(), before);
    let id = node.remember(ns, "yes");
    assert_eq!(node.list(), [id]);
}
