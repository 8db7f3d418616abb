//! From an entity's changes to its state: the one place where writes are joined (J6, J7, J10).
//!
//! **Invariant:** the result depends on the *set* of changes, not on their order or on how often one was given. Whoever
//! projects rows calls this with every change of the entity that is held, whatever door it came through.

use super::body::{Body, BodyFault, ElementDot};
use super::registry::{self, EntityKind, Op, RegisterShape};
use crate::id::{ActorId, Dot, Hash, NodeId};
use crate::time::{Hlc, Timestamp};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The order of writes: whoever writes after seeing a value beats it, whatever the clocks say (J4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Order {
    /// Logical clock.
    pub hlc: Hlc,
    /// Breaks ties of the clock.
    pub node: NodeId,
    /// Breaks ties within a fork.
    pub hash: Hash,
}

/// What is held of a change's body.
#[derive(Clone, Debug, PartialEq)]
pub enum BodyState {
    /// Readable.
    Present(Body),
    /// Not here (filtered, in flight, or purged).
    Missing,
    /// Here, but not for this version.
    Unreadable(BodyFault),
}

/// A change as the store gives it to [`fold`].
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Its local arrival number.
    pub pos: u64,
    /// The hash of its header.
    pub hash: Hash,
    /// Logical clock.
    pub hlc: Hlc,
    /// The author's node.
    pub node: NodeId,
    /// Wall clock of the author.
    pub at: Timestamp,
    /// Who acted.
    pub actor: ActorId,
    /// Number of the op; may be unknown to this version.
    pub op: u16,
    /// Its body.
    pub body: BodyState,
}

impl Change {
    /// Its place among all writes.
    #[must_use]
    pub const fn order(&self) -> Order {
        Order { hlc: self.hlc, node: self.node, hash: self.hash }
    }
}

/// When and by whom, in the terms of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Its place among all writes.
    pub order: Order,
    /// Local arrival number.
    pub pos: u64,
    /// Wall clock of the author.
    pub at: Timestamp,
    /// Who acted.
    pub actor: ActorId,
}

/// One write of one register.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// When and by whom.
    pub stamp: Stamp,
    /// What it says.
    pub value: Value,
}

impl Write {
    /// Names it.
    #[must_use]
    pub fn dot(&self) -> Dot {
        self.stamp.order.hash.dot()
    }
}

/// Every write of a register that no greater write replaces, greatest first: the first is the winner.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heads(pub Vec<Write>);

impl Heads {
    /// The write that is shown.
    #[must_use]
    pub fn winner(&self) -> Option<&Write> {
        self.0.first()
    }
}

/// A change, or one field of it, that this version keeps but does not apply (J5).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deferred {
    /// The change.
    pub pos: u64,
    /// The field, where only one is deferred.
    pub field: Option<String>,
    /// `unknown_op`, `unknown_field`, `missing_body`, `unreadable_body`, `not_permitted`.
    pub reason: &'static str,
}

/// What an entity's changes amount to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EntityState {
    /// Number of its changes held here.
    pub version: u64,
    /// Its creation: the least `create`; none for a shadow.
    pub created: Option<Stamp>,
    /// The greatest change that says something of it (neither feedback nor that it is the same as another does).
    pub updated: Option<Stamp>,
    /// Value registers by name.
    pub values: BTreeMap<&'static str, Heads>,
    /// Live elements of set registers, each with the additions that keep it alive.
    pub sets: BTreeMap<&'static str, BTreeMap<String, BTreeSet<ElementDot>>>,
    /// The least purge, after which no body counts.
    pub purged: Option<Stamp>,
    /// Dots of archive blocks.
    pub blocks: Vec<Stamp>,
    /// What waits for a newer version or for its body.
    pub deferred: Vec<Deferred>,
}

impl EntityState {
    /// The winning value of a register; none where it was never written or is null.
    #[must_use]
    pub fn value(&self, register: registry::Register) -> Option<&Value> {
        self.winner(register).map(|write| &write.value).filter(|value| !value.is_null())
    }

    /// The winning write of a register.
    #[must_use]
    pub fn winner(&self, register: registry::Register) -> Option<&Write> {
        self.values.get(register.name).and_then(Heads::winner)
    }

    /// The live elements of a set register, sorted.
    pub fn elements(&self, register: registry::Register) -> impl Iterator<Item = &str> {
        self.sets.get(register.name).into_iter().flat_map(|set| set.keys().map(String::as_str))
    }

    /// Forgotten: any head of the register says so, so that an `unforget` that had not seen a forget does not undo it.
    #[must_use]
    pub fn is_forgotten(&self) -> bool {
        self.values
            .get(registry::FORGOTTEN.name)
            .is_some_and(|heads| heads.0.iter().any(|write| !write.value.is_null()))
    }

    /// Retired, and no greater write to text, key or validity reopened it.
    #[must_use]
    pub fn is_retired(&self) -> bool {
        let Some(retired) = self.winner(registry::RETIRED).filter(|write| !write.value.is_null()) else {
            return false;
        };
        ![registry::TEXT, registry::KEY, registry::VALID]
            .into_iter()
            .filter_map(|register| self.winner(register))
            .any(|write| write.stamp.order > retired.stamp.order)
    }

    /// The dots that a write to `register` replaces: every head that is here.
    #[must_use]
    pub fn head_dots(&self, register: registry::Register) -> Vec<Dot> {
        self.values.get(register.name).map(|heads| heads.0.iter().map(Write::dot).collect()).unwrap_or_default()
    }

    /// The additions that a removal of `element` names.
    #[must_use]
    pub fn element_dots(&self, register: registry::Register, element: &str) -> Vec<ElementDot> {
        self.sets
            .get(register.name)
            .and_then(|set| set.get(element))
            .map(|dots| dots.iter().copied().collect())
            .unwrap_or_default()
    }
}

/// Joins the changes of one entity of `kind`.
#[must_use]
pub fn fold(kind: EntityKind, changes: &[Change]) -> EntityState {
    let mut sorted: Vec<&Change> = changes.iter().collect();
    sorted.sort_by_key(|change| (change.order(), change.pos));
    sorted.dedup_by_key(|change| change.hash);
    let mut folding = Folding::default();
    for change in sorted {
        folding.take(kind, change);
    }
    folding.finish()
}

/// One addition to a set: the dot that names it and the element.
type Addition = (ElementDot, String);

#[derive(Default)]
struct Folding {
    state: EntityState,
    writes: BTreeMap<&'static str, Vec<Write>>,
    replaced: BTreeMap<&'static str, Vec<(Dot, Order)>>,
    additions: BTreeMap<&'static str, Vec<Addition>>,
    removed: BTreeMap<&'static str, BTreeSet<ElementDot>>,
}

impl Folding {
    fn defer(&mut self, pos: u64, field: Option<&str>, reason: &'static str) {
        self.state.deferred.push(Deferred { pos, field: field.map(str::to_owned), reason });
    }

    fn take(&mut self, kind: EntityKind, change: &Change) {
        self.state.version += 1;
        let stamp = Stamp { order: change.order(), pos: change.pos, at: change.at, actor: change.actor };
        let Some(op) = Op::from_number(change.op).filter(|op| kind.takes(*op)) else {
            return self.defer(change.pos, None, "unknown_op");
        };
        if op == Op::Purge {
            self.state.purged.get_or_insert(stamp);
            return;
        }
        let body = match &change.body {
            BodyState::Present(body) => body,
            BodyState::Missing => return self.defer(change.pos, None, "missing_body"),
            BodyState::Unreadable(_) => return self.defer(change.pos, None, "unreadable_body"),
        };
        match op {
            Op::Block | Op::Reparse => return self.state.blocks.push(stamp),
            Op::Create => {
                self.state.created.get_or_insert(stamp);
            }
            _ => {}
        }
        let says = |name: &String| ![registry::FEEDBACK.name, registry::ALIAS_OF.name].contains(&name.as_str());
        if op == Op::Create || body.registers.keys().any(says) {
            self.state.updated = Some(stamp);
        }
        for (name, value) in &body.registers {
            self.write(kind, op, stamp, body, name, value);
        }
    }

    fn write(&mut self, kind: EntityKind, op: Op, stamp: Stamp, body: &Body, name: &str, value: &Value) {
        let Some(register) = kind.register(name) else {
            return self.defer(stamp.pos, Some(name), "unknown_field");
        };
        let forgets = matches!(op, Op::Forget | Op::Unforget);
        if (register == registry::FORGOTTEN) != forgets {
            return self.defer(stamp.pos, Some(name), "not_permitted");
        }
        match register.shape {
            RegisterShape::Value => {
                self.writes.entry(register.name).or_default().push(Write { stamp, value: value.clone() });
                let seen = body.replaces.get(name).into_iter().flatten().map(|dot| (*dot, stamp.order));
                self.replaced.entry(register.name).or_default().extend(seen);
            }
            RegisterShape::Set => {
                let Some(edit) = body.set_edit(name) else {
                    return self.defer(stamp.pos, Some(name), "unknown_field");
                };
                let dot = stamp.order.hash.dot();
                let added = (0..).zip(edit.add).map(|(index, element)| (ElementDot { dot, index }, element));
                self.additions.entry(register.name).or_default().extend(added);
                self.removed.entry(register.name).or_default().extend(edit.remove);
            }
        }
    }

    fn finish(mut self) -> EntityState {
        self.state.deferred.sort();
        if self.state.purged.is_some() {
            // Bodies that are gone are not waited for: nothing of this entity is shown again.
            return EntityState {
                version: self.state.version,
                purged: self.state.purged,
                deferred: self.state.deferred.into_iter().filter(|d| d.reason == "unknown_op").collect(),
                ..EntityState::default()
            };
        }
        for (name, writes) in self.writes {
            let replaced = self.replaced.remove(name).unwrap_or_default();
            let is_head =
                |write: &Write| !replaced.iter().any(|(dot, by)| *dot == write.dot() && *by > write.stamp.order);
            let heads: Vec<Write> = writes.into_iter().rev().filter(is_head).collect();
            self.state.values.insert(name, Heads(heads));
        }
        for (name, additions) in self.additions {
            let removed = self.removed.remove(name).unwrap_or_default();
            let mut live: BTreeMap<String, BTreeSet<ElementDot>> = BTreeMap::new();
            for (dot, element) in additions {
                if !removed.contains(&dot) {
                    live.entry(element).or_default().insert(dot);
                }
            }
            self.state.sets.insert(name, live);
        }
        self.state
    }
}

#[cfg(test)]
pub(crate) mod tests;
