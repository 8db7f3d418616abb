//! What two memories that agree say together.

use super::*;
use jay_types::change::alias::{disputed, join};
use jay_types::change::fold::{BodyState, Change, fold};
use jay_types::change::registry::{KEY, PINNED, SOURCE, TEXT};
use jay_types::{ActorId, Hash, Hlc, NodeId};

/// A change at a moment, by the node of that number.
fn change(node: u8, hlc: u64, op: Op, body: Body) -> Change {
    Change {
        pos: hlc,
        hash: Hash::of(format!("{node} {hlc}").as_bytes()),
        hlc: Hlc(hlc),
        node: NodeId([node; 16]),
        at: Timestamp(0),
        actor: ActorId([1; 16]),
        op: op.number(),
        body: BodyState::Present(body),
    }
}

fn state(changes: &[Change]) -> EntityState {
    fold(EntityKind::Memory, changes)
}

/// Two memories that agree, as they are written, with what the later one fills; what they say together once that is settled.
fn settled(earlier: Body, later: Body, filled: Body) -> EntityState {
    let (earlier, later) = (change(1, 1, Op::Create, earlier), change(2, 2, Op::Create, later));
    let said = agreed(&state(std::slice::from_ref(&later)), &state(std::slice::from_ref(&earlier)), &filled);
    let changes = if said.registers.is_empty() {
        vec![earlier, later]
    } else {
        vec![earlier, later, change(2, 3, Op::Update, said)]
    };
    let state = join(&changes);
    assert_eq!(disputed(&state), [], "they say one thing");
    state
}

fn saying(text: &str, title: Option<&str>) -> Body {
    Body::default().with(TEXT, registers::text_value(text, title))
}

#[test]
fn nothing_is_written_where_both_say_the_same_or_one_says_nothing() {
    let alone = [change(1, 1, Op::Create, saying("a", None))];
    let keyed = [change(2, 2, Op::Create, saying("a", None).with(KEY, "k"))];
    assert_eq!(agreed(&state(&keyed), &state(&alone), &Body::default()), Body::default());
    let state = settled(saying("a", None), saying("a", None).with(KEY, "k"), Body::default());
    assert_eq!(state.value(KEY), Some(&json!("k")), "the union has it");
}

#[test]
fn a_title_of_either_is_kept_with_the_wording_of_the_earlier() {
    let with_title = json!({"text": "a  b", "title": "Letters"});
    let filled = Body::default().with(TEXT, with_title.clone());
    assert_eq!(
        settled(saying("a  b", None), saying("a b", Some("Letters")), filled).value(TEXT),
        Some(&with_title),
        "of the later one"
    );
    let of_the_earlier = settled(saying("a  b", Some("Letters")), saying("a b", None), Body::default());
    assert_eq!(
        of_the_earlier.value(TEXT),
        Some(&with_title),
        "of the earlier one, though the later was written after it"
    );
}

#[test]
fn what_was_filled_is_what_both_say() {
    let (less, more) = (json!({"session": "s"}), json!({"session": "s", "message": "m"}));
    for (earlier, later) in [(&less, &more), (&more, &less)] {
        let filled = if earlier == &less { Body::default().with(SOURCE, more.clone()) } else { Body::default() };
        let of = |source: &Value| saying("a", None).with(SOURCE, source.clone());
        assert_eq!(settled(of(earlier), of(later), filled).value(SOURCE), Some(&more));
    }
    let pinned = |is| saying("a", None).with(PINNED, is);
    assert_eq!(settled(pinned(true), pinned(false), Body::default()).value(PINNED), Some(&json!(true)));
}

#[test]
fn a_value_that_was_taken_away_does_not_take_the_others() {
    let state = settled(saying("a", None).with(KEY, "k"), saying("a", None).with(KEY, Value::Null), Body::default());
    assert_eq!(state.value(KEY), Some(&json!("k")));
}

#[test]
fn what_one_of_them_is_of_two_minds_about_stays_so() {
    let made = change(1, 1, Op::Create, saying("a", None).with(KEY, "k"));
    let apart = change(3, 2, Op::Update, Body::default().with(KEY, "other"));
    let later = change(2, 3, Op::Create, saying("a", None).with(KEY, Value::Null));
    let earlier = [made, apart];
    let said = agreed(&state(std::slice::from_ref(&later)), &state(&earlier), &Body::default());
    let [made, apart] = earlier;
    let state = join(&[made, apart, later, change(2, 4, Op::Update, said)]);
    let heads: Vec<_> = disputed(&state).into_iter().flat_map(|(_, heads)| heads).map(|head| &head.value).collect();
    assert_eq!(heads, [&json!("other"), &json!("k")]);
}
