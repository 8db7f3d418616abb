//! Small histories of one memory, folded.

use super::*;
use crate::change::body::SetEdit;
use crate::change::registry::{KEY, RETIRED, TAGS, TEXT};
use serde_json::json;

/// A change of a memory at a moment, by the node of that number.
pub(crate) fn change(node: u8, hlc: u64, op: Op, body: Body) -> Change {
    let hash = Hash::of(format!("{node} {hlc}").as_bytes());
    Change {
        pos: hlc,
        hash,
        hlc: Hlc(hlc),
        node: NodeId([node; 16]),
        at: Timestamp(0),
        actor: ActorId([1; 16]),
        op: op.number(),
        body: BodyState::Present(body),
    }
}

fn text(words: &str, replaces: &[Dot]) -> Body {
    let mut body = Body::default().with(TEXT, json!({"text": words}));
    body.replaces.insert("text".into(), replaces.to_vec());
    body
}

fn fold_memory(changes: &[Change]) -> EntityState {
    let state = fold(EntityKind::Memory, changes);
    let mut other: Vec<Change> = changes.iter().rev().cloned().collect();
    other.extend(changes.iter().take(2).cloned());
    assert_eq!(fold(EntityKind::Memory, &other), state, "order and duplicates do not matter");
    state
}

#[test]
fn two_writers_who_did_not_see_each_other_are_a_conflict_until_one_replaces_both() {
    let first = change(1, 1, Op::Create, text("a", &[]));
    let left = change(1, 2, Op::Update, text("b", &[first.hash.dot()]));
    let right = change(2, 3, Op::Update, text("c", &[first.hash.dot()]));
    let state = fold_memory(&[first.clone(), left.clone(), right.clone()]);
    let heads: Vec<&Value> = state.values["text"].0.iter().map(|write| &write.value["text"]).collect();
    assert_eq!(heads, ["c", "b"]);
    let both = change(1, 4, Op::Update, text("d", &[left.hash.dot(), right.hash.dot()]));
    let state = fold_memory(&[first, left, right, both]);
    assert_eq!(state.values["text"].0.len(), 1);
    assert_eq!(state.version, 4);
}

#[test]
fn a_lesser_write_replaces_nothing() {
    let first = change(1, 5, Op::Create, text("a", &[]));
    let liar = change(2, 4, Op::Update, text("b", &[first.hash.dot()]));
    assert_eq!(fold_memory(&[first, liar]).value(TEXT), Some(&json!({"text": "a"})));
}

#[test]
fn sets_remove_only_what_was_seen() {
    let add = |node, hlc| {
        let edit = SetEdit { add: vec!["x".into(), "y".into()], remove: vec![] };
        change(node, hlc, Op::Update, Body::default().with_set(TAGS, &edit))
    };
    let (one, two) = (add(1, 1), add(2, 2));
    let seen = ElementDot { dot: one.hash.dot(), index: 0 };
    let remove = change(1, 3, Op::Update, Body::default().with_set(TAGS, &SetEdit { add: vec![], remove: vec![seen] }));
    let alone = fold_memory(&[one.clone(), remove.clone()]);
    assert_eq!(alone.elements(TAGS).collect::<Vec<_>>(), ["y"]);
    let both = fold_memory(&[one, two, remove]);
    assert_eq!(both.elements(TAGS).collect::<Vec<_>>(), ["x", "y"], "the other addition was not seen");
}

#[test]
fn forget_is_cleared_by_nothing_but_an_unforget_that_saw_it() {
    let first = change(1, 1, Op::Create, text("a", &[]));
    let forget = change(1, 2, Op::Forget, Body::default().with(registry::FORGOTTEN, json!({"mac": "00"})));
    let edit = change(2, 3, Op::Update, text("b", &[first.hash.dot()]));
    let blind = change(2, 4, Op::Unforget, Body::default().with(registry::FORGOTTEN, Value::Null));
    assert!(fold_memory(&[first.clone(), forget.clone(), edit.clone()]).is_forgotten());
    assert!(fold_memory(&[first.clone(), forget.clone(), edit.clone(), blind]).is_forgotten());
    let mut body = Body::default().with(registry::FORGOTTEN, Value::Null);
    body.replaces.insert("forgotten".into(), vec![forget.hash.dot()]);
    let seeing = change(2, 5, Op::Unforget, body);
    assert!(!fold_memory(&[first.clone(), forget, edit, seeing]).is_forgotten());
    let smuggled = change(2, 6, Op::Update, Body::default().with(registry::FORGOTTEN, json!({"mac": "00"})));
    let state = fold_memory(&[first, smuggled]);
    assert!(!state.is_forgotten());
    assert_eq!(state.deferred[0].reason, "not_permitted");
}

#[test]
fn a_greater_edit_reopens_what_was_retired() {
    let first = change(1, 1, Op::Create, text("a", &[]));
    let retire = change(1, 3, Op::Update, Body::default().with(RETIRED, json!({"reason": "undo"})));
    let before = change(2, 2, Op::Update, Body::default().with(KEY, json!("k")));
    let after = change(2, 4, Op::Update, Body::default().with(KEY, json!("k")));
    assert!(fold_memory(&[first.clone(), retire.clone(), before]).is_retired());
    assert!(!fold_memory(&[first, retire, after]).is_retired());
}

#[test]
fn purge_is_final_and_what_is_unknown_waits() {
    let first = change(1, 1, Op::Create, text("a", &[]));
    let purge = change(1, 2, Op::Purge, Body::default());
    let mut later = change(2, 9, Op::Update, text("b", &[]));
    later.body = BodyState::Missing;
    let state = fold_memory(&[first.clone(), purge, later.clone()]);
    assert!(state.purged.is_some() && state.values.is_empty() && state.deferred.is_empty());
    let mut odd =
        change(2, 10, Op::Update, Body { registers: BTreeMap::from([("mood".into(), json!(1))]), ..Body::default() });
    odd.op = 999;
    let field =
        change(2, 11, Op::Update, Body { registers: BTreeMap::from([("mood".into(), json!(1))]), ..Body::default() });
    let state = fold_memory(&[first, later, odd, field]);
    let reasons: Vec<_> = state.deferred.iter().map(|d| d.reason).collect();
    assert_eq!(reasons, ["missing_body", "unknown_op", "unknown_field"]);
    assert_eq!(state.value(TEXT), Some(&json!({"text": "a"})));
}
