//! One store, and two that exchange: what becomes of a memory.

use crate::support::*;
use jay_store::ENTITY_HIDDEN_ALL;
use jay_types::Error;
use jay_types::change::body::ElementDot;
use jay_types::change::registry::{IMPORTANCE, KEY, KIND, LINKS, RETIRED, TAGS};
use jay_types::change::{Body, Op, SetEdit};
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
