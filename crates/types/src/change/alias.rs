//! Memories that say the same (J9): which of them reads as which, and how they read together.
//!
//! **Invariant:** a function of the states alone. What reads as another was created after it, so that there is no circle.

use super::EntityKind;
use super::fold::{Change, EntityState, Write, fold};
use super::registry::{ALIAS_OF, TEXT};
use crate::id::EntityId;
use std::collections::BTreeMap;

/// The memory that a state names as the earlier one that says the same.
#[must_use]
pub fn alias_of(state: &EntityState) -> Option<EntityId> {
    state.value(ALIAS_OF).and_then(|id| EntityId::parse(id.as_str()?).ok())
}

/// True where it can stand for others and others for it: it is here, and neither retired, forgotten nor purged.
fn is_living(state: &EntityState) -> bool {
    let is_whole = state.created.is_some() && state.value(TEXT).is_some();
    is_whole && state.purged.is_none() && !state.is_retired() && !state.is_forgotten()
}

/// For each memory of a namespace the place of the one that it reads as: its own where it reads as itself.
#[must_use]
pub fn firsts(memories: &[(EntityId, &EntityState)]) -> Vec<usize> {
    let created = |at: usize| memories.get(at).and_then(|(_, state)| state.created).map(|created| created.order);
    let mut living: BTreeMap<EntityId, usize> = BTreeMap::new();
    for (at, (id, _)) in memories.iter().enumerate().filter(|(_, (_, state))| is_living(state)) {
        living.entry(*id).or_insert(at);
    }
    let before = |at: usize| {
        let (_, state) = memories.get(at).filter(|(_, state)| is_living(state))?;
        living.get(&alias_of(state)?).copied().filter(|earlier| created(*earlier) < created(at))
    };
    // Each one reads as one that was created before, of which the first is known then: who says the same may name one another at length.
    let mut firsts: Vec<usize> = (0..memories.len()).collect();
    let mut in_order = firsts.clone();
    in_order.sort_by_key(|at| created(*at));
    for at in in_order {
        let first = before(at).and_then(|earlier| firsts.get(earlier).copied());
        if let (Some(first), Some(of)) = (first, firsts.get_mut(at)) {
            *of = first;
        }
    }
    firsts
}

/// The state of memories that read as one: every change of each of them, joined as those of a single one are. Which of them names
/// which is nothing that the one says.
#[must_use]
pub fn join(changes: &[Change]) -> EntityState {
    let mut state = fold(EntityKind::Memory, changes);
    state.values.remove(ALIAS_OF.name);
    state
}

/// The registers of memories that read as one of which the heads say different things, with a head for each of these.
#[must_use]
pub fn disputed(state: &EntityState) -> Vec<(&'static str, Vec<&Write>)> {
    let mut all = Vec::new();
    for (name, heads) in &state.values {
        let mut said: Vec<&Write> = Vec::new();
        for write in &heads.0 {
            if !said.iter().any(|known| known.value == write.value) {
                said.push(write);
            }
        }
        if said.len() > 1 {
            all.push((*name, said));
        }
    }
    all
}

#[cfg(test)]
mod tests;
