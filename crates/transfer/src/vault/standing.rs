//! What members wrote of a node's standing, and what of that counts where they had not heard of each other.
//!
//! Machines let in copies of members by themselves, and vouch for what they hold of those who were taken out, at any time and without
//! having heard everything. A person takes out and lets back in. So of words that were written at the same time:
//! - a removal counts above whoever let the node in meanwhile, but for a later word of a person against that very remover;
//! - that a person, an invitation or the founding let a node in counts above a machine that let it in by itself;
//! - that a node was let in counts above whoever only vouches for its history;
//! - vouching adds to what counts of a node that is out, and neither takes it out nor lets it in.
//!
//! **Invariant:** a pure reading of the register's heads. Whoever lets a node in who has seen its removal replaces it.

use super::cut::Cut;
use super::roster::{ADMITTED_HISTORY, ADMITTED_ITSELF, ADMITTED_SUCCESSION, Member};
use jay_types::NodeId;
use jay_types::change::fold::{Heads, Write};
use serde::Deserialize as _;
use serde_json::{Value, json};

/// From whom a node goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descent {
    /// The nearest node before it that is a member.
    pub of: NodeId,
    /// Those between, of which nothing was known to whoever let it in.
    pub through: Vec<NodeId>,
}

/// A node's standing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) is_member: bool,
    /// What counts of it where it is out.
    pub(super) counts: Cut,
    pub(super) removed_by: Option<NodeId>,
    pub(super) over: Option<NodeId>,
    pub(super) admitted: String,
    pub(super) of: Option<NodeId>,
    pub(super) through: Vec<NodeId>,
}

/// What one word of a standing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// It is a member: as one that goes on from a member, which machines see by themselves, or because somebody was asked; then it may be
    /// against who had taken it out.
    LetIn { over: Option<NodeId>, is_by_itself: bool },
    /// It is out: whoever wrote that took it out, or it cannot be read.
    TakenOut,
    /// So much of it counts: whoever wrote that neither took it out nor let it in.
    Vouched,
}

fn word(write: &Write) -> Word {
    match write.value.get("state").and_then(Value::as_str) {
        Some("member") => {
            let by = admitted_by(&write.value);
            let is_by_itself = matches!(by, Some(ADMITTED_SUCCESSION | ADMITTED_ITSELF));
            Word::LetIn { over: node(&write.value, "over"), is_by_itself }
        }
        Some("removed") if node(&write.value, "removed_by") != Some(write.stamp.order.node) => Word::Vouched,
        _ => Word::TakenOut,
    }
}

/// True for a word that only vouches.
pub(super) fn is_vouching(write: &Write) -> bool {
    word(write) == Word::Vouched
}

fn admitted_by(standing: &Value) -> Option<&str> {
    standing.get("admitted").and_then(|admitted| admitted.get("by")).and_then(Value::as_str)
}

fn node(value: &Value, name: &str) -> Option<NodeId> {
    value.get(name).and_then(Value::as_str).and_then(|node| NodeId::parse(node).ok())
}

/// The word that counts.
fn decisive(heads: &Heads) -> Option<&Write> {
    let is_overruled = |removal: &Write| {
        heads.0.iter().any(|write| {
            let is_against =
                matches!(word(write), Word::LetIn { over: Some(by), .. } if by == removal.stamp.order.node);
            is_against && write.stamp.order > removal.stamp.order
        })
    };
    let greatest = |wanted: &dyn Fn(&Write) -> bool| {
        heads.0.iter().filter(|write| wanted(write)).max_by_key(|write| write.stamp.order)
    };
    let is_by_person = |write: &Write| matches!(word(write), Word::LetIn { is_by_itself: false, .. });
    greatest(&|write| word(write) == Word::TakenOut && !is_overruled(write))
        .or_else(|| greatest(&is_by_person))
        .or_else(|| greatest(&|write| matches!(word(write), Word::LetIn { .. })))
        .or_else(|| greatest(&|_| true))
}

/// Reads a standing; none where nothing was written of it.
pub(super) fn read(heads: &Heads) -> Option<Standing> {
    let decisive = decisive(heads)?;
    let value = &decisive.value;
    let is_member = matches!(word(decisive), Word::LetIn { .. });
    // Of two that took it out, neither knowing of the other, both say what they had taken in; so does who vouches.
    let mut counts = Cut::default();
    for write in heads.0.iter().filter(|write| !matches!(word(write), Word::LetIn { .. })) {
        let named = write.value.get("streams").and_then(|streams| Cut::deserialize(streams).ok());
        counts.extend(named.unwrap_or_default());
    }
    let admitted = value.get("admitted");
    let by = admitted_by(value).unwrap_or("unknown");
    let through = admitted.and_then(|admitted| admitted.get("through")).and_then(Value::as_array);
    let through = through.into_iter().flatten().filter_map(Value::as_str);
    let removed_by = match word(decisive) {
        Word::LetIn { .. } => None,
        Word::TakenOut => Some(decisive.stamp.order.node),
        Word::Vouched => node(value, "removed_by"),
    };
    Some(Standing {
        is_member,
        counts,
        removed_by,
        over: node(value, "over"),
        admitted: by.to_owned(),
        of: admitted.and_then(|admitted| node(admitted, "of")),
        through: through.filter_map(|node| NodeId::parse(node).ok()).collect(),
    })
}

/// The standing of a member, as the register holds it: how it came in, and from whom it goes on.
#[must_use]
pub fn member_value(admitted: &str, descent: Option<&Descent>) -> Value {
    json!({"state": "member", "admitted": admitted_value(admitted, descent)})
}

/// The standing of a node of which a person says that it belongs to the vault; against whom, where that one had taken it out.
#[must_use]
pub fn restored_value(over: Option<NodeId>) -> Value {
    with_node(member_value("person", None), "over", over)
}

/// The standing of a node that is no member: up to where its streams count, and who took it out. Who only adds to what counts does not
/// change that.
#[must_use]
pub fn removed_value(member: &Member, cut: &Cut, by: Option<NodeId>) -> Value {
    let descent = member.of.map(|of| Descent { of, through: member.through.clone() });
    let value =
        json!({"state": "removed", "admitted": admitted_value(&member.admitted, descent.as_ref()), "streams": cut});
    with_node(value, "removed_by", by)
}

/// The standing of a node of which only the history counts.
#[must_use]
pub fn history_value(cut: &Cut) -> Value {
    json!({"state": "removed", "admitted": admitted_value(ADMITTED_HISTORY, None), "streams": cut})
}

fn admitted_value(by: &str, descent: Option<&Descent>) -> Value {
    match descent {
        None => json!({"by": by}),
        Some(Descent { of, through }) if through.is_empty() => json!({"by": by, "of": of}),
        Some(Descent { of, through }) => json!({"by": by, "of": of, "through": through}),
    }
}

fn with_node(mut value: Value, name: &str, node: Option<NodeId>) -> Value {
    if let (Some(node), Some(fields)) = (node, value.as_object_mut()) {
        fields.insert(name.to_owned(), json!(node));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use jay_types::change::Order;
    use jay_types::change::fold::Stamp;
    use jay_types::{ActorId, Hash, Hlc, Timestamp};

    const A: NodeId = NodeId([1; 16]);
    const B: NodeId = NodeId([2; 16]);
    const C: NodeId = NodeId([3; 16]);

    fn write(hlc: u64, node: NodeId, value: Value) -> Write {
        let order = Order { hlc: Hlc(hlc), node, hash: Hash::ZERO };
        Write { stamp: Stamp { order, pos: hlc, at: Timestamp(0), actor: ActorId([0; 16]) }, value }
    }

    fn removal(by: NodeId, streams: &Value) -> Value {
        json!({"state": "removed", "admitted": {"by": "invite"}, "streams": streams, "removed_by": by})
    }

    fn standing(mut writes: Vec<Write>) -> Standing {
        writes.sort_by_key(|write| std::cmp::Reverse(write.stamp.order));
        read(&Heads(writes)).expect("a standing")
    }

    #[test]
    fn of_words_at_the_same_time_the_removal_counts() {
        let let_in = || member_value("succession", Some(&Descent { of: A, through: vec![C] }));
        for (removed_at, let_in_at) in [(1, 2), (2, 1)] {
            let out = standing(vec![write(removed_at, A, removal(A, &json!({}))), write(let_in_at, B, let_in())]);
            assert_eq!((out.is_member, out.removed_by), (false, Some(A)));
        }
        let alone = standing(vec![write(1, B, let_in())]);
        assert_eq!((alone.is_member, alone.of, alone.through), (true, Some(A), vec![C]));
        assert!(!standing(vec![write(1, A, json!({"state": "suspended"})), write(2, B, let_in())]).is_member);
        // Who goes on from a node that is out would be out as well: not where a person said that it belongs here.
        let by_person = standing(vec![write(1, A, restored_value(Some(C))), write(2, B, let_in())]);
        assert_eq!((by_person.admitted.as_str(), by_person.of), ("person", None));
    }

    #[test]
    fn a_person_overrules_the_very_removal_that_it_speaks_against_and_later() {
        let out = |by: NodeId, at: u64| write(at, by, removal(by, &json!({})));
        let restored = |at: u64| write(at, C, restored_value(Some(A)));
        assert!(standing(vec![out(A, 1), restored(2)]).is_member);
        assert!(!standing(vec![out(A, 3), restored(2)]).is_member, "said once more");
        assert!(!standing(vec![out(A, 1), out(B, 1), restored(2)]).is_member, "another one");
    }

    #[test]
    fn vouching_adds_and_decides_nothing() {
        let stream = |number: u8| json!({"1 a b": {Hash([number; 32]).to_string(): number}});
        let vouched = |at: u64| write(at, C, removal(A, &stream(7)));
        let restored = write(1, B, restored_value(Some(A)));
        assert!(standing(vec![restored, vouched(2)]).is_member, "it was let back in meanwhile");
        let both = standing(vec![write(1, A, removal(A, &stream(5))), vouched(2)]);
        let named = serde_json::to_value(&both.counts).unwrap();
        assert_eq!(named["1 a b"].as_object().map(serde_json::Map::len), Some(2));
        let history = write(9, B, history_value(&Cut::default()));
        assert!(standing(vec![write(1, A, member_value("invite", None)), history.clone()]).is_member);
        let only = standing(vec![history]);
        assert_eq!((only.is_member, only.removed_by), (false, None));
    }
}
