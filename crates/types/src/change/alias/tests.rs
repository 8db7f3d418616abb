//! Which memories read as which, and what they say together.

use super::*;
use crate::change::Body;
use crate::change::fold::tests::change;
use crate::change::registry::{FORGOTTEN, RETIRED};
use crate::change::{Op, SetEdit};
use crate::time::Hlc;
use serde_json::json;

fn id(n: u8) -> EntityId {
    EntityId([n; 16])
}

fn saying(text: &str) -> Body {
    Body::default().with(TEXT, json!({"text": text}))
}

/// A memory that was created at a moment by a node, and what was said of it since.
fn memory(node: u8, hlc: u64, later: &[(Op, Body)]) -> Vec<Change> {
    let later = (hlc + 100..).zip(later).map(|(hlc, (op, body))| change(node, hlc, *op, body.clone()));
    [change(node, hlc, Op::Create, saying("x"))].into_iter().chain(later).collect()
}

fn same_as(n: u8) -> (Op, Body) {
    (Op::Update, Body::default().with(ALIAS_OF, json!(id(n))))
}

/// What each of the memories reads as; their ids are 1, 2, 3 …
fn check(memories: &[Vec<Change>], expected: &[usize]) {
    let states: Vec<EntityState> = memories.iter().map(|changes| fold(EntityKind::Memory, changes)).collect();
    let named: Vec<(EntityId, &EntityState)> = (1..).map(id).zip(&states).collect();
    assert_eq!(firsts(&named), expected);
    // Their order says nothing.
    let backwards: Vec<_> = named.iter().rev().copied().collect();
    let last = named.len() - 1;
    let back: Vec<usize> = firsts(&backwards).into_iter().rev().map(|at| last - at).collect();
    assert_eq!(back, expected, "backwards");
}

#[test]
fn the_later_reads_as_the_earlier_and_a_chain_as_its_first() {
    let alone = memory(1, 1, &[]);
    check(&[alone.clone(), memory(2, 2, &[])], &[0, 1]);
    check(&[alone.clone(), memory(2, 2, &[same_as(1)])], &[0, 0]);
    check(&[alone.clone(), memory(2, 2, &[same_as(1)]), memory(3, 3, &[same_as(2)])], &[0, 0, 0]);
    check(&[alone, memory(2, 2, &[same_as(9)])], &[0, 1]);
}

/// Any member can make a chain as long as it likes: what each reads as is found in one pass.
#[test]
fn a_chain_of_any_length_reads_as_its_first() {
    let long = |n: u64| EntityId::derived("chain", &[&n.to_string()]);
    let state = |n: u64| {
        let named = Body::default().with(ALIAS_OF, json!(long(n.saturating_sub(1))));
        fold(EntityKind::Memory, &memory(1, n + 1, &[(Op::Update, named)]))
    };
    let states: Vec<EntityState> = (0..5_000).map(state).collect();
    let named: Vec<(EntityId, &EntityState)> = (0..).map(long).zip(&states).collect();
    assert!(firsts(&named).iter().all(|first| *first == 0));
}

#[test]
fn what_was_created_before_does_not_read_as_what_came_later_so_that_there_is_no_circle() {
    check(&[memory(1, 1, &[same_as(2)]), memory(2, 2, &[])], &[0, 1]);
    check(&[memory(1, 1, &[same_as(2)]), memory(2, 2, &[same_as(1)])], &[0, 0]);
    check(&[memory(1, 1, &[same_as(3)]), memory(2, 2, &[same_as(1)]), memory(3, 3, &[same_as(2)])], &[0, 0, 0]);
    check(&[memory(1, 1, &[same_as(1)])], &[0]);
    // Of two at the same moment the node tells.
    check(&[memory(1, 5, &[]), memory(2, 5, &[same_as(1)])], &[0, 0]);
    check(&[memory(2, 5, &[]), memory(1, 5, &[same_as(1)])], &[0, 1]);
}

#[test]
fn what_is_gone_stands_for_nobody_and_nobody_for_it() {
    let retire = (Op::Update, Body::default().with(RETIRED, json!({"reason": "undo"})));
    let forget = (Op::Forget, Body::default().with(FORGOTTEN, json!({"mac": "00"})));
    let purge = (Op::Purge, Body::default());
    for act in [retire, forget, purge] {
        let gone = std::slice::from_ref(&act);
        check(&[memory(1, 1, gone), memory(2, 2, &[same_as(1)])], &[0, 1]);
        check(&[memory(1, 1, &[]), memory(2, 2, &[same_as(1), act.clone()])], &[0, 1]);
        // What lies beyond it is not reached.
        check(&[memory(1, 1, &[]), memory(2, 2, &[same_as(1), act]), memory(3, 3, &[same_as(2)])], &[0, 1, 2]);
    }
    // Its creation is not here.
    check(&[vec![change(1, 1, Op::Update, saying("x"))], memory(2, 2, &[same_as(1)])], &[0, 1]);
}

#[test]
fn joined_they_are_one_memory_with_every_head() {
    let tagged = |tag: &str| {
        let edit = SetEdit { add: vec![tag.into()], remove: vec![] };
        (Op::Update, Body::default().with_set(crate::change::registry::TAGS, &edit))
    };
    let first = memory(1, 1, &[tagged("a")]);
    let alias = memory(2, 2, &[same_as(1), tagged("b")]);
    let state = join(&[first.clone(), alias.clone()].concat());
    assert_eq!(state.version, 5);
    assert_eq!(state.created.map(|created| created.order.hlc), Some(Hlc(1)));
    assert_eq!(state.elements(crate::change::registry::TAGS).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(disputed(&state), [], "both say the same");
    assert_eq!(state.values["text"].0.len(), 2, "and a write replaces both");

    let mut edit = saying("y");
    edit.replaces.insert("text".into(), vec![first[0].hash.dot()]);
    let edited = [first, alias, vec![change(3, 900, Op::Update, edit)]].concat();
    let state = join(&edited);
    let all = disputed(&state);
    let said: Vec<_> =
        all.iter().flat_map(|(name, heads)| heads.iter().map(move |head| (*name, &head.value))).collect();
    assert_eq!(said, [("text", &json!({"text": "y"})), ("text", &json!({"text": "x"}))]);

    let mut settled = saying("z");
    settled.replaces.insert("text".into(), state.head_dots(TEXT));
    let state = join(&[edited, vec![change(1, 901, Op::Update, settled)]].concat());
    assert_eq!(disputed(&state), []);
    assert_eq!(state.head_dots(TEXT).len(), 1);
}
