//! Of two memories that say the same and were written apart the later reads as the earlier (J9): what the door would have answered as
//! a duplicate, had it known. A job of the node that wrote the later one says so, once.
//!
//! **Invariant:** nothing is said of what another node wrote, nor twice of one memory; a job that is done again says nothing.

use super::decide::{Decision, Earlier, Sent, decide};
use super::policy_of;
use crate::edit::clean_body;
use crate::looks::{self, Looked};
use crate::registers;
use jay_store::{ALIAS_JOB, Draft, ENTITY_HIDDEN_ALL, MemoryRow, Moment, Store, WriteTx};
use jay_types::change::fold::EntityState;
use jay_types::change::registry::ALIAS_OF;
use jay_types::change::{Body, EntityKind, Op, RegisterShape};
use jay_types::memory::Kind;
use jay_types::surroundings::Surroundings;
use jay_types::{Result, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Equal texts of a namespace that are compared with one another, the earliest: what is said a thousand times is said by others.
const EQUALS_MAX: usize = 100;
/// Does the jobs that look for memories which were written twice, as far as they are due.
///
/// # Errors
/// What the store says; then the rest stays queued. A memory at which one cannot look keeps no other from being looked at.
pub fn join_copies(store: &Store, surroundings: &dyn Surroundings) -> Result<Looked> {
    looks::all(store, surroundings, (ALIAS_JOB, look_at))
}

pub(crate) fn look_at(w: &mut WriteTx<'_>, num: i64, now: Timestamp) -> Result<()> {
    let is_shown = |row: &MemoryRow| {
        !row.is_hidden(ENTITY_HIDDEN_ALL) && !row.is_expired(now) && row.memory.kind != Kind::Document
    };
    let Some(about) = w.memory(num, Moment::Latest)?.filter(|row| row.num == num && is_shown(row)) else {
        return Ok(());
    };
    let namespace = w.namespace_of(num)?;
    let mut rows = Vec::new();
    for equal in w.equal_texts(namespace, &about.memory.text)?.into_iter().take(EQUALS_MAX) {
        rows.extend(w.memory(equal, Moment::Latest)?.filter(is_shown));
    }
    rows.sort_by_key(|row| row.state.created.map(|created| created.order));
    let mut ours = BTreeSet::new();
    for row in &rows {
        let is_made_here = row.state.created.is_some_and(|created| created.order.node == w.node());
        if is_made_here && !w.has_alias_claim(row.num)? {
            ours.insert(row.num);
        }
    }
    let policy = policy_of(&w.secrets_policy(namespace)?);
    for (later, earlier, settled) in pairs(&rows, &ours) {
        let id = earlier.memory.id;
        let alias = Body::default().with(ALIAS_OF, json!(id));
        w.draft(Draft::new(later.namespace, EntityKind::Memory, later.memory.id, Op::Update, alias));
        // A secret that was allowed once is not written again: then both values stay readable.
        let mut clean = settled.clone();
        let is_clean = clean_body(&mut clean, policy, &mut BTreeSet::new()).is_ok() && clean == settled;
        if is_clean && !settled.registers.is_empty() {
            w.draft(Draft::new(earlier.namespace, EntityKind::Memory, id, Op::Update, settled));
        }
    }
    Ok(())
}

/// Which of these memories of one text, sorted by their creation, read as which: each of `ours` as the earliest of another node with
/// which it agrees or that it fills, with what that is to say. Those of one node are two because somebody wanted them so: its door
/// would have joined them. Pure.
fn pairs<'a>(rows: &'a [MemoryRow], ours: &BTreeSet<i64>) -> Vec<(&'a MemoryRow, &'a MemoryRow, Body)> {
    let mut pairs = Vec::new();
    for (at, later) in rows.iter().enumerate().filter(|(_, row)| ours.contains(&row.num)) {
        let by = |row: &MemoryRow| row.state.created.map(|created| created.order.node);
        let mut others = rows.iter().take(at).filter(|earlier| by(earlier) != by(later));
        let found = others.find_map(|earlier| Some((later, earlier, settle(later, earlier)?)));
        pairs.extend(found);
    }
    pairs
}

/// What the earlier memory is to say so that the two say one thing. None where they contradict each other.
fn settle(later: &MemoryRow, earlier: &MemoryRow) -> Option<Body> {
    match decide(&Sent::of_row(later), &Earlier::of(earlier)) {
        Decision::Join { body, .. } => Some(agreed(&later.state, &earlier.state, &body)),
        Decision::Create => None,
    }
}

/// The registers in which two memories differ and agree all the same, as a source of which one tells more: written once more for both,
/// or the greater write would hide what only the other says. `filled` is what the later one adds to the earlier. Pure.
fn agreed(later: &EntityState, earlier: &EntityState, filled: &Body) -> Body {
    let mut body = Body::default();
    for register in registers::carried().filter(|register| register.shape == RegisterShape::Value) {
        let (Some(there), Some(sent)) = (earlier.winner(register), later.winner(register)) else { continue };
        if there.value == sent.value {
            continue;
        }
        let known = || earlier.value(register).or(later.value(register)).cloned().unwrap_or(Value::Null);
        let value = filled.registers.get(register.name).cloned().unwrap_or_else(known);
        body.registers.insert(register.name.to_owned(), value);
        // What either was of two minds about stays so.
        body.replaces.insert(register.name.to_owned(), vec![there.dot(), sent.dot()]);
    }
    body
}

#[cfg(test)]
mod tests;
