//! One store, and two that exchange: what becomes of a memory.

use crate::support::*;
use jay_store::{ENTITY_HIDDEN_ALL, Moment, Scope};
use jay_types::change::body::ElementDot;
use jay_types::change::registry::{CREATED_AT, IMPORTANCE, KEY, KIND, LINKS, RETIRED, TAGS, TEXT};
use jay_types::change::{Body, Op, SetEdit};
use jay_types::{Error, Timestamp};
use serde_json::json;

fn tags(add: &[&str], remove: Vec<ElementDot>) -> Body {
    let add = add.iter().map(|tag| (*tag).to_owned()).collect();
    Body::default().with_set(TAGS, &SetEdit { add, remove })
}

fn key(text: &str, key: &str) -> Body {
    saying(text).with(KEY, key)
}

#[test]
fn what_is_written_is_read_also_where_it_was_read_before_there_was_a_file() {
    let node = Node::new(1);
    assert_eq!(node.list(), [], "nothing is there, and reading makes nothing");
    assert!(!node.directory().exists());
    let (ns, num) = node.namespace("work/acme");
    let body = saying("Staging listens on 5433")
        .with(KIND, "gotcha")
        .with(IMPORTANCE, 0.5)
        .with_set(TAGS, &SetEdit { add: vec!["db".into(), "ops".into()], remove: vec![] });
    let id = node.create(ns, body);
    let row = node.get(id).expect("it is there");
    assert_eq!((row.memory.text.as_str(), row.memory.kind.name()), ("Staging listens on 5433", "gotcha"));
    assert_eq!(row.memory.tags, ["db", "ops"]);
    assert_eq!((row.memory.namespace.as_str(), row.memory.version, row.hidden), ("work/acme", 1, 0));
    assert_eq!(row.memory.created_at, node.steps.clock.now());
    assert_eq!((node.list(), node.search("staging"), node.search("absent")), (vec![id], vec![id], vec![]));
    assert_eq!(node.again().list(), [id]);
    let equal = node.memory.read::<_, Error>(|tx| Ok(tx.equal_texts(num, " Staging  listens on 5433 ")?)).unwrap();
    assert_eq!(equal, [row.num]);
}

#[test]
fn two_writers_are_a_conflict_until_a_write_replaces_both() {
    let (a, b) = (Node::new(1), Node::new(2));
    let (ns, _) = a.namespace("team");
    let id = a.remember(ns, "port 1");
    sync(&a, &b);
    a.edit(ns, id, saying("port 2"));
    b.steps.clock.advance(1_000_000_000);
    b.edit(ns, id, saying("port 3"));
    sync(&a, &b);
    sync(&b, &a);
    for node in [&a, &b] {
        let memory = node.get(id).unwrap().memory;
        assert_eq!(memory.text, "port 3", "the later clock wins");
        let heads: Vec<_> = memory.conflicts[0].heads.iter().map(|head| head.value["text"].clone()).collect();
        assert_eq!((memory.conflicts[0].field.as_str(), heads), ("text", vec![json!("port 3"), json!("port 2")]));
        let (counts, conflicts) =
            node.memory.read::<_, Error>(|tx| Ok((tx.counts()?, tx.memories_in_conflict(9)?))).unwrap();
        assert_eq!((counts.conflicts, conflicts), (1, vec![id]));
    }
    a.edit(ns, id, saying("port 4"));
    sync(&a, &b);
    for node in [&a, &b] {
        let memory = node.get(id).unwrap().memory;
        assert_eq!((memory.text.as_str(), memory.conflicts.len()), ("port 4", 0));
    }
    assert_eq!(a.dump(), b.dump());
    assert_eq!(a.search("port"), [id], "old wordings are not found");
}

#[test]
fn a_writer_whose_clock_is_behind_still_beats_what_it_saw() {
    let (a, b) = (Node::new(1), Node::new(2));
    let (ns, _) = a.namespace("team");
    a.steps.clock.advance(86_400_000_000);
    let id = a.remember(ns, "first");
    sync(&a, &b);
    b.edit(ns, id, saying("second"));
    sync(&b, &a);
    assert_eq!(a.get(id).unwrap().memory.text, "second");
}

#[test]
fn tags_are_taken_away_only_where_they_were_seen() {
    let (a, b) = (Node::new(1), Node::new(2));
    let (ns, _) = a.namespace("team");
    let id =
        a.create(ns, saying("tagged").with_set(TAGS, &SetEdit { add: vec!["x".into(), "y".into()], remove: vec![] }));
    sync(&a, &b);
    let seen = a.get(id).unwrap().state.element_dots(TAGS, "x");
    a.edit(ns, id, tags(&["z"], seen));
    assert_eq!(a.get(id).unwrap().memory.tags, ["y", "z"]);
    b.edit(ns, id, tags(&["x"], vec![]));
    sync(&a, &b);
    sync(&b, &a);
    assert_eq!(a.get(id).unwrap().memory.tags, ["x", "y", "z"], "the other addition was not seen by the removal");
    let tagged = |tag: &str| {
        let filter = jay_store::ListFilter { tags: vec![tag.to_owned()], ..everything() };
        a.memory.read::<_, Error>(|tx| Ok(tx.list(&filter, 10, None)?.rows.len())).unwrap()
    };
    assert_eq!((tagged("x"), tagged("nope")), (1, 0));
    assert_eq!(a.dump(), b.dump());
}

#[test]
fn a_slot_has_one_holder_and_forgetting_it_brings_nobody_back() {
    let node = Node::new(1);
    let (ns, num) = node.namespace("team");
    let first = node.create(ns, key("port is 1", "port"));
    let second = node.create(ns, key("port is 2", "port"));
    assert_eq!(node.list(), [second]);
    let old = node.get(first).unwrap();
    assert_eq!((old.memory.superseded_by, old.is_hidden(ENTITY_HIDDEN_ALL.with_superseded())), (Some(second), false));
    node.forget(ns, second);
    assert_eq!(node.list(), []);
    let holder = node.memory.read::<_, Error>(|tx| Ok(tx.holder_of_key(num, "port")?)).unwrap();
    assert_eq!(holder, Some(node.get(second).unwrap().num));
    node.unforget(ns, second);
    assert_eq!(node.list(), [second]);
    // A retired claim counts no more: its slot goes back.
    node.edit(ns, second, Body::default().with(RETIRED, json!({"reason": "undo"})));
    assert_eq!(node.list(), [first]);
    node.edit(ns, first, Body::default().with(KEY, serde_json::Value::Null));
    let third = node.create(ns, key("port is 3", "port"));
    assert_eq!(node.list(), [third, first], "who gave its key away is superseded by nobody");
}

#[test]
fn a_claim_of_an_older_memory_hides_none_that_came_after_it() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    let old = node.remember(ns, "old");
    let young = node.create(ns, key("young", "slot"));
    node.edit(ns, old, Body::default().with(KEY, "slot"));
    assert_eq!(node.list(), [young, old], "x is superseded by y only if y was created after x");
}

#[test]
fn retired_is_reopened_by_a_greater_write_to_text_key_or_validity() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    let id = node.remember(ns, "a thing");
    node.edit(ns, id, Body::default().with(RETIRED, json!({"reason": "restore"})));
    assert_eq!((node.list(), node.search("thing")), (vec![], vec![]));
    assert!(node.get(id).unwrap().memory.retired);
    node.edit(ns, id, Body::default().with(IMPORTANCE, 1));
    assert_eq!(node.list(), []);
    node.edit(ns, id, saying("a thing again"));
    assert_eq!((node.list(), node.search("thing")), (vec![id], vec![id]));
}

#[test]
fn forget_hides_equal_texts_of_before_wherever_they_were_written() {
    let (a, b) = (Node::new(1), Node::new(2));
    let (ns, num) = a.namespace("team");
    sync(&a, &b);
    let early = b.remember(ns, "the  password policy");
    let id = a.remember(ns, "the password policy");
    let other = a.remember(ns, "another thing");
    a.steps.clock.advance(5_000_000);
    a.forget(ns, id);
    assert_eq!(a.list(), [other]);
    let told = a.memory.read::<_, Error>(|tx| Ok(tx.forgotten_text(num, "the password policy")?)).unwrap();
    assert_eq!(told, Some(id));
    // It was created before the forget, by somebody who arrives later.
    sync(&b, &a);
    assert_eq!(a.list(), [other]);
    assert!(a.get(early).unwrap().memory.forgotten);
    // A creation after the forget, by somebody who had not seen it, is shown.
    b.steps.clock.advance(60_000_000);
    let late = b.remember(ns, "the password policy");
    sync(&b, &a);
    sync(&a, &b);
    assert_eq!(a.list(), [late, other]);
    assert_eq!(a.dump(), b.dump());
    a.unforget(ns, id);
    let mut shown = a.list();
    shown.sort();
    let mut all = vec![early, id, other, late];
    all.sort();
    assert_eq!(shown, all);
    sync(&a, &b);
    assert_eq!(a.dump(), b.dump());
}

#[test]
fn an_edit_does_not_clear_a_forget() {
    let (a, b) = (Node::new(1), Node::new(2));
    let (ns, _) = a.namespace("team");
    let id = a.remember(ns, "wrong");
    sync(&a, &b);
    b.steps.clock.advance(90_000_000);
    b.edit(ns, id, saying("right"));
    a.forget(ns, id);
    sync(&b, &a);
    sync(&a, &b);
    assert_eq!((a.list(), b.list()), (vec![], vec![]));
    assert_eq!(a.dump(), b.dump());
}

#[test]
fn a_move_is_one_act_of_two_namespaces() {
    let (a, b) = (Node::new(1), Node::new(2));
    let (from, _) = a.namespace("one");
    let (to, _) = a.namespace("two");
    let id = a.remember(from, "moves");
    let target = a
        .act(|w| {
            let copy = create(w, to, saying("moves").with(jay_types::change::registry::COPIED_FROM, json!({"id": id})));
            edit(w, from, id, Op::Update, Body::default().with(RETIRED, json!({"reason": "moved", "moved_to": copy})))?;
            Ok(copy)
        })
        .unwrap();
    assert_eq!(a.list(), [target]);
    assert_eq!(a.get(id).unwrap().memory.moved_to, Some(target));
    assert_eq!(a.get(target).unwrap().memory.copied_from, Some(id));
    // Part by part: the target alone, then the source.
    let parts = export(&a.memory);
    let of = |ns| {
        parts.iter().filter(move |part| jay_types::change::Header::decode(&part[0].header).unwrap().namespace == ns)
    };
    b.receive(&over_the_wire(&of(to).cloned().collect::<Vec<_>>()));
    assert_eq!(b.list(), [target]);
    b.receive(&over_the_wire(&of(from).cloned().collect::<Vec<_>>()));
    assert_eq!(a.dump(), b.dump());
}

#[test]
fn links_are_seen_from_both_ends() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    let one = node.remember(ns, "one");
    let edit = SetEdit { add: vec![format!("{one} derived_from"), "no link".into()], remove: vec![] };
    let two = node.create(ns, saying("two").with_set(LINKS, &edit));
    let links = node.get(two).unwrap().memory.links;
    assert_eq!((links.len(), links[0].to, links[0].relation.as_str()), (1, one, "derived_from"));
    let back = node.memory.read::<_, Error>(|tx| Ok(tx.links_to(one)?)).unwrap();
    assert_eq!((back.len(), back[0].to), (1, two));
}

#[test]
fn pages_are_stable_while_others_write() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    // Half of them at one moment, some before 1970: ties and signs must not stop a list.
    let ids: Vec<_> = (0..23)
        .map(|n: i64| {
            node.create(ns, saying(&format!("number {n}")).with(CREATED_AT, if n % 2 == 0 { 7 } else { -n * 1000 }))
        })
        .collect();
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = node.memory.read::<_, Error>(|tx| Ok(tx.list(&everything(), 4, cursor.as_deref())?)).unwrap();
        seen.extend(page.rows.iter().map(|row| row.memory.id));
        node.create(ns, saying("newer").with(CREATED_AT, 1_000_000));
        match page.next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(seen.len(), ids.len());
    let (mut sorted, mut ids) = (seen, ids);
    sorted.sort();
    ids.sort();
    assert_eq!(sorted, ids, "each once, none of those that came meanwhile");
    let bad = node.memory.read::<_, Error>(|tx| Ok(tx.list(&everything(), 4, Some("x"))?));
    assert_eq!(bad.unwrap_err().code, jay_types::Code::BadInput);
}

#[test]
fn filters_act_inside_the_scan() {
    let node = Node::new(1);
    let (big, _) = node.namespace("big");
    let (small, num) = node.namespace("small");
    let mine = node.remember(small, "needle in here with more words than the others have");
    node.act(|w| {
        for _ in 0..300 {
            create(w, big, saying("needle"));
        }
        Ok(())
    })
    .unwrap();
    let filter = jay_store::ListFilter { scope: Scope::Of(vec![num]), ..everything() };
    let best = node.memory.read::<_, Error>(|tx| Ok(tx.search_memories(&asking("needle"), &filter, 1)?)).unwrap();
    assert_eq!(best[0].entity, node.get(mine).unwrap().num);
    let nowhere = jay_store::ListFilter { scope: Scope::Of(vec![]), ..everything() };
    assert_eq!(node.search_at("needle", &nowhere), []);
    let narrow = jay_store::ListFilter { since: Some(Timestamp(i64::MAX)), ..everything() };
    assert_eq!(node.search_at("needle", &narrow), []);
}

#[test]
fn a_shortened_id_is_looked_up_inside_the_namespaces_that_are_meant() {
    let node = Node::new(1);
    let (big, big_num) = node.namespace("big");
    let (small, small_num) = node.namespace("small");
    node.act(|w| {
        for _ in 0..40 {
            create(w, big, saying("x"));
        }
        Ok(())
    })
    .unwrap();
    let mine = node.remember(small, "mine");
    let start = mine.to_string()[..8].to_owned();
    let find =
        |within: Option<&[i64]>, text: &str| node.memory.read::<_, Error>(|tx| Ok(tx.find_memory(text, within)?));
    assert_eq!(find(Some(&[small_num]), &start).unwrap(), node.get(mine).unwrap().num);
    let error = find(Some(&[big_num]), &start).unwrap_err();
    assert_eq!(error.code, jay_types::Code::Ambiguous);
    assert_eq!(find(None, "abcdef").unwrap_err().code, jay_types::Code::NotFound);
    for bad in ["abc", "zzzzzz", ""] {
        assert_eq!(find(None, bad).unwrap_err().code, jay_types::Code::BadInput);
    }
}

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
fn a_name_resolves_to_every_namespace_that_claims_it_the_first_bound_first() {
    let (a, b) = (Node::new(1), Node::new(2));
    let (one, _) = a.namespace("global");
    let (two, num) = b.namespace("global");
    sync(&a, &b);
    let claims = b.memory.read::<_, Error>(|tx| Ok(tx.namespaces_at("global")?)).unwrap();
    assert_eq!((claims.len(), claims[0]), (2, num));
    let bound = b.act(|w| Ok(w.namespace(&path("global"))?.0)).unwrap();
    assert_eq!(bound, two);
    a.remember(one, "from a");
    b.remember(two, "from b");
    sync(&a, &b);
    let scope = b.memory.read::<_, Error>(|tx| Ok(tx.scope_of(&path("work/x"))?)).unwrap();
    let filter = jay_store::ListFilter { scope, ..everything() };
    assert_eq!(b.memory.read::<_, Error>(|tx| Ok(tx.list(&filter, 9, None)?.rows.len())).unwrap(), 2);
}

#[test]
fn history_and_feed_tell_every_change_in_order() {
    let node = Node::new(1);
    let (ns, _) = node.namespace("team");
    let id = node.remember(ns, "one");
    node.edit(ns, id, saying("two"));
    node.forget(ns, id);
    let num = node.get(id).unwrap().num;
    let history = node.memory.read::<_, Error>(|tx| Ok(tx.history(num)?)).unwrap();
    let told: Vec<_> = history.iter().map(|view| (view.operation.as_str(), view.actor.as_str())).collect();
    assert_eq!(told, [("create", "ann"), ("update", "ann"), ("forget", "ann")]);
    assert_eq!(history[1].body.as_ref().unwrap().registers[TEXT.name], json!({"text": "two"}));
    let feed = node.memory.read::<_, Error>(|tx| Ok(tx.feed(0, 100)?)).unwrap();
    let positions: Vec<u64> = feed.iter().map(|(pos, _)| *pos).collect();
    assert_eq!(positions, (1..=feed.len() as u64).collect::<Vec<_>>());
    assert_eq!(node.get_at(id, Moment::Position(history[0].pos)).unwrap().memory.text, "one");
    let wordings = node.memory.read::<_, Error>(|tx| Ok(tx.wordings(num)?)).unwrap();
    assert_eq!(wordings, [("one".to_owned(), None), ("two".to_owned(), None)]);
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
