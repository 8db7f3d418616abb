//! What crosses a move (J1): what one machine does to a memory that another one moves meanwhile is done where it goes on, by whoever
//! knows both ends. An edit of the wording is not: that reopens the source (J10).
//!
//! **Invariant:** what is written is told by the changes of both ends alone, and once: for no value that the copy ever had, no element that was
//! ever put into it and no mark of being forgotten that was ever written there anything is written, so that what a person says later lasts
//! and several machines that answer at once come to rest.

use super::{clean_body, draft_of_all};
use crate::looks::{self, Looked};
use crate::registers::{carried, put};
use crate::remember::policy_of;
use crate::secrets::Policy;
use jay_store::{Draft, MOVE_JOB, Moment, Store, Tx, WriteTx};
use jay_types::change::body::{ElementDot, SetEdit};
use jay_types::change::fold::{BodyState, Change, EntityState, Write, fold};
use jay_types::change::registry::{COPIED_FROM, FORGOTTEN, KEY, RETIRED, TEXT, VALID};
use jay_types::change::{Body, EntityKind, Op, Register, RegisterShape};
use jay_types::id::to_hex;
use jay_types::surroundings::Surroundings;
use jay_types::{Dot, EntityId, NamespaceId, Result, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Changes of an act: fewer than one may have.
const ACT_CHANGES: usize = 1000;
/// Memories that are taken for the sources of a copy: as many as read as one.
const SOURCES_MAX: usize = 100;

/// Does the jobs that look whether something crossed a move, as far as they are due.
///
/// # Errors
/// What the store says; then the rest stays queued. A memory at which one cannot look keeps no other from being looked at.
pub fn follow_moves(store: &Store, surroundings: &dyn Surroundings) -> Result<Looked> {
    looks::all(store, surroundings, (MOVE_JOB, look_at))
}

pub(crate) fn look_at(w: &mut WriteTx<'_>, num: i64, _: Timestamp) -> Result<()> {
    if purge_along(w, num)? {
        return Ok(());
    }
    // What it says itself that it goes on as, not what says so of it: of that there may be as much as anybody likes.
    let mut open = w.ends_named_by(num)?;
    open.insert(num);
    let mut seen = BTreeSet::new();
    while let Some(copy) = open.pop_first() {
        if seen.insert(copy) && follow(w, copy)? {
            w.next_act()?;
            open.extend(w.ends_named_by(copy)?);
        }
    }
    Ok(())
}

/// Purges what says of itself that it was moved from or to what is purged, and what says so of that in turn; returns whether the memory is. One
/// that says so of others takes none along: anybody can make a memory that names whatever it likes.
fn purge_along(w: &mut WriteTx<'_>, num: i64) -> Result<bool> {
    let mut taken = BTreeSet::new();
    for end in w.ends_named_by(num)?.into_iter().chain([num]) {
        if w.is_purged(end)? {
            taken.insert(end);
        }
    }
    let mut open: Vec<i64> = taken.iter().copied().collect();
    let mut drafted = 0;
    while let Some(purged) = open.pop() {
        for end in w.ends_naming(purged)? {
            // Of what is not here yet the purge waits until it is.
            if taken.insert(end) && !w.wordings(end)?.is_empty() {
                let (id, namespace) = w.identity_of(end)?;
                w.draft(Draft::new(namespace, EntityKind::Memory, id, Op::Purge, Body::default()));
                open.push(end);
                drafted += 1;
                if drafted % ACT_CHANGES == 0 {
                    w.next_act()?;
                }
            }
        }
    }
    Ok(taken.contains(&num))
}

/// Drafts what a copy lacks of what was done to its sources; returns whether there was anything.
fn follow(w: &mut WriteTx<'_>, copy: i64) -> Result<bool> {
    let changes = w.changes_here(copy)?;
    let state = fold(EntityKind::Memory, &changes);
    if state.created.is_none() {
        return Ok(false);
    }
    let sources = sources(w, copy, &state)?;
    let policy = policy_of(&w.secrets_policy(w.namespace_of(copy)?)?);
    let (id, namespace) = w.identity_of(copy)?;
    // What stood in a private namespace leaves it as far as a person moved it, and no more.
    let leaves = sources.is_private && !w.names_of(w.namespace_of(copy)?)?.is_private();
    let clean = |register, value: &Value| cleaned(register, value, policy);
    let bodies = crossed(&End::of(sources.retired()), &End { state, changes }, leaves, &clean);
    let mut is_said = !bodies.is_empty();
    for body in bodies {
        w.draft(Draft::new(namespace, EntityKind::Memory, id, Op::Update, body));
    }
    is_said |= forget(w, copy, &End::of(sources.all()).state, policy)?;
    Ok(is_said)
}

/// The memories that were moved to a copy: the one that it was made of, and those that read as it did.
struct Sources {
    ends: Vec<End>,
    is_private: bool,
}

impl Sources {
    fn all(&self) -> Vec<Change> {
        self.ends.iter().flat_map(|source| source.changes.iter().cloned()).collect()
    }

    /// Of those that were not reopened since: what was is shown by itself, with what was said of it.
    fn retired(&self) -> Vec<Change> {
        let retired = self.ends.iter().filter(|source| source.state.is_retired());
        retired.flat_map(|source| source.changes.iter().cloned()).collect()
    }
}

fn sources(tx: &Tx<'_>, copy: i64, state: &EntityState) -> Result<Sources> {
    let (id, _) = tx.identity_of(copy)?;
    let from = state.value(COPIED_FROM).and_then(|from| from.get("namespace"));
    let from: Option<NamespaceId> = from.and_then(|from| serde_json::from_value(from.clone()).ok());
    let (mut ends, mut is_private) = (Vec::new(), false);
    let mut named = tx.moved_to(copy)?;
    // The one that it names itself first.
    let own = tx.ends_named_by(copy)?;
    let first: Vec<i64> = own.iter().copied().filter(|num| named.remove(num)).collect();
    for num in first.into_iter().chain(named).take(SOURCES_MAX) {
        if Some(tx.identity_of(num)?.1) != from {
            continue;
        }
        let source = End::of(tx.changes_here(num)?);
        if source.goes_on_as(id) {
            ends.push(source);
            is_private |= tx.names_of(tx.namespace_of(num)?)?.is_private();
        }
    }
    Ok(Sources { ends, is_private })
}

/// One end of a move: its changes, and what they amount to.
struct End {
    changes: Vec<Change>,
    state: EntityState,
}

impl End {
    fn of(changes: Vec<Change>) -> Self {
        Self { state: fold(EntityKind::Memory, &changes), changes }
    }

    /// True where it was moved there, and the move was not taken back.
    fn goes_on_as(&self, id: EntityId) -> bool {
        let heads = self.state.values.get(RETIRED.name).map_or(&[][..], |heads| &heads.0);
        heads.iter().any(|write| write.value.get("moved_to") == Some(&json!(id)))
    }

    fn bodies(&self) -> impl Iterator<Item = (&Change, &Body)> {
        self.changes.iter().filter_map(|change| match &change.body {
            BodyState::Present(body) => Some((change, body)),
            BodyState::Missing | BodyState::Unreadable(_) => None,
        })
    }

    /// Every value that was ever written to a register.
    fn ever(&self, register: Register) -> Vec<&Value> {
        self.bodies().filter_map(|(_, body)| body.registers.get(register.name)).collect()
    }

    /// Every element that was ever put into a set.
    fn ever_in(&self, register: Register) -> BTreeSet<String> {
        self.bodies().filter_map(|(_, body)| body.set_edit(register.name)).flat_map(|edit| edit.add).collect()
    }

    fn creation(&self) -> Option<(&Change, &Body)> {
        let created = self.state.created?;
        self.bodies().find(|(change, _)| change.hash == created.order.hash)
    }
}

/// What a value may be written as in the copy's namespace; none where it may not be.
type Clean<'a> = &'a dyn Fn(Register, &Value) -> Option<Value>;

fn cleaned(register: Register, value: &Value, policy: Policy) -> Option<Value> {
    let mut body = Body::default().with(register, value.clone());
    clean_body(&mut body, policy, &mut BTreeSet::new()).ok()?;
    body.registers.remove(register.name)
}

/// The changes that a copy lacks of what was said of its source; `only_later` leaves out what may have been said before the move. Pure.
fn crossed(source: &End, copy: &End, only_later: bool, clean: Clean<'_>) -> Vec<Body> {
    let mut bodies: Vec<Body> = Vec::new();
    for register in carried().filter(|register| ![TEXT, KEY, VALID].contains(register)) {
        match register.shape {
            RegisterShape::Set => {
                let edit = elements(source, copy, register, clean);
                if edit != SetEdit::default() {
                    let body = bodies.pop().unwrap_or_default().with_set(register, &edit);
                    bodies.push(body);
                }
            }
            RegisterShape::Value => {
                // Values that contradict each other are a change each.
                for (at, (value, replaced)) in values(source, copy, only_later, register, clean).into_iter().enumerate()
                {
                    if bodies.len() <= at {
                        bodies.push(Body::default());
                    }
                    if let Some(body) = bodies.get_mut(at) {
                        body.registers.insert(register.name.to_owned(), value);
                        body.replaces.insert(register.name.to_owned(), replaced);
                    }
                }
            }
        }
    }
    bodies
}

/// The values that stand at the source and never stood at the copy, each with what it replaces there: what the move or this job
/// brought, and what the source does not say any longer. What a person wrote to the copy contradicts them, and is shown.
fn values(source: &End, copy: &End, only_later: bool, register: Register, clean: Clean<'_>) -> Vec<(Value, Vec<Dot>)> {
    let said = |value: &Value| [clean(register, value), cleaned(register, value, Policy::Redact)];
    let Some((heads, (created, body))) = source.state.values.get(register.name).zip(copy.creation()) else {
        return Vec::new();
    };
    let (had, ever) = (copy.ever(register), source.ever(register));
    let copied = body.registers.get(register.name);
    // Without the write that the move saw, an older one is none of which it did not know.
    let is_known = copied.is_none_or(|copied| ever.iter().any(|value| said(value).contains(&Some(copied.clone()))));
    let mut lacking = Vec::new();
    for write in heads.0.iter().rev() {
        let Some(value) = clean(register, &write.value) else { continue };
        let was_there = said(&write.value).iter().flatten().any(|value| had.contains(&value));
        // A field that was cleared is carried by no move.
        let is_empty = value.is_null() && copied.is_none();
        let is_new = (is_known && !only_later) || write.stamp.order > created.order();
        if !was_there && !is_empty && is_new && !lacking.contains(&value) {
            lacking.push(value);
        }
    }
    let stands = |value: &Value| heads.0.iter().any(|write| said(&write.value).contains(&Some(value.clone())));
    let is_carried = |value: &Value| ever.iter().any(|said_once| said(said_once).contains(&Some(value.clone())));
    let there = copy.state.values.get(register.name).map_or(&[][..], |heads| &heads.0);
    let is_over = there.iter().filter(|write| {
        let is_copied = write.stamp.order == created.order();
        !stands(&write.value) && (is_copied || is_carried(&write.value))
    });
    let mut replaced: Vec<_> = is_over.map(|write| write.dot()).collect();
    let is_own = |write: &&Write| write.stamp.order != created.order() && !is_carried(&write.value);
    let own = there.first().filter(is_own).map(|write| write.value.clone());
    // What a person wrote to the copy is what is shown, and else what is shown of the source.
    let shown = own.or_else(|| clean(register, &heads.winner()?.value)).filter(|shown| !lacking.contains(shown));
    let mut written: Vec<_> = lacking.into_iter().map(|value| (value, std::mem::take(&mut replaced))).collect();
    if let Some(shown) = shown.filter(|_| !written.is_empty()) {
        let same = there.iter().filter(|write| write.value == shown).map(Write::dot).collect();
        written.push((shown, same));
    }
    written
}

/// The elements that are in a set of the source and never were in the copy's, and those that the move copied and that are not in it any
/// longer.
fn elements(source: &End, copy: &End, register: Register, clean: Clean<'_>) -> SetEdit {
    let said = |element: &str| -> BTreeSet<String> {
        let value = SetEdit { add: vec![element.to_owned()], remove: vec![] };
        let body = Body::default().with_set(register, &value);
        let value = body.registers.get(register.name).cloned().unwrap_or_default();
        let said = [clean(register, &value), cleaned(register, &value, Policy::Redact)];
        let edits = said
            .into_iter()
            .flatten()
            .filter_map(|value| Body::default().with(register, value).set_edit(register.name));
        edits.flat_map(|edit| edit.add).collect()
    };
    let had = copy.ever_in(register);
    let live: Vec<&str> = source.state.elements(register).collect();
    let mut edit = SetEdit::default();
    for element in &live {
        let said = said(element);
        if said.is_disjoint(&had) {
            edit.add.extend(said.into_iter().next());
        }
    }
    let Some((created, body)) = copy.creation() else { return edit };
    let ever = source.ever_in(register);
    let copied = body.set_edit(register.name).unwrap_or_default().add;
    for (index, element) in (0..).zip(copied) {
        let dot = ElementDot { dot: created.hash.dot(), index };
        let is_there = copy.state.element_dots(register, &element).contains(&dot);
        if is_there && ever.contains(&element) && !live.contains(&element.as_str()) {
            edit.remove.push(dot);
        }
    }
    edit
}

/// Forgets a copy whose source was forgotten, unless a person was asked of both or has said something of it there.
fn forget(w: &mut WriteTx<'_>, copy: i64, source: &EntityState, policy: Policy) -> Result<bool> {
    let heads = source.values.get(FORGOTTEN.name).map_or(&[][..], |heads| &heads.0);
    let forgotten = heads.iter().find(|write| !write.value.is_null() && write.value.get("alone").is_none());
    let changes = End::of(w.changes_here(copy)?);
    let Some(forgotten) = forgotten.filter(|_| changes.ever(FORGOTTEN).is_empty()) else { return Ok(false) };
    let Some(row) = w.memory(copy, Moment::Latest)?.filter(|row| !row.state.is_forgotten()) else {
        return Ok(false);
    };
    let mark = w.mark_of(w.namespace_of(row.num)?, &row.memory.text)?.unwrap_or_default();
    let mut value = json!({"mac": to_hex(&mark)});
    let reason =
        cleaned(FORGOTTEN, &forgotten.value, policy).and_then(|mut said| said.get_mut("reason").map(Value::take));
    if let (Some(reason), Some(map)) = (reason, value.as_object_mut()) {
        map.insert("reason".to_owned(), reason);
    }
    let mut body = Body::default();
    put(&mut body, &row.state, FORGOTTEN, value);
    draft_of_all(w, &row, Op::Forget, &body);
    Ok(true)
}
