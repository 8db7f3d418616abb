//! Edits of memories that are here: update, forget, link, revert, undo, feedback, move.

mod crossed;
mod forget;
mod link;
mod moving;
mod revert;
mod undo;
mod update;

pub use crossed::follow_moves;
pub use forget::{forget, unforget};
pub use link::{Verdict, feedback, link, unlink};
pub use moving::move_to;
pub use revert::revert;
pub use undo::{Effect, Undone, UndoneMemory, undo};
pub use update::update;

use crate::registers::put;
use jay_store::{Draft, MemoryRow, WriteTx};
use jay_types::change::registry::RETIRED;
use jay_types::change::{Body, EntityKind, Op};
use jay_types::request::Written;

pub(crate) use crossed::look_at;
pub(crate) use moving::{clean_body, draft_move};

/// Drafts the same change of a memory and of those that read as it.
fn draft_of_all(w: &mut WriteTx<'_>, row: &MemoryRow, op: Op, body: &Body) {
    for id in [row.memory.id].iter().chain(&row.aliases) {
        w.draft(Draft::new(row.namespace, EntityKind::Memory, *id, op, body.clone()));
    }
}

/// Takes a memory out of sight, with those that read as it: none of them is to come to light instead.
pub(crate) fn draft_retire(w: &mut WriteTx<'_>, row: &MemoryRow, reason: serde_json::Value) {
    let mut body = Body::default();
    put(&mut body, &row.state, RETIRED, reason);
    draft_of_all(w, row, Op::Update, &body);
}

/// Drafts an update, unless there is nothing to write, and answers.
fn write_update(w: &mut WriteTx<'_>, row: &MemoryRow, body: Body, notes: Vec<String>) -> Written {
    let changed = !body.registers.is_empty();
    if changed {
        w.draft(Draft::new(row.namespace, EntityKind::Memory, row.memory.id, Op::Update, body));
    }
    answer(row, changed, notes)
}

/// The answer for a memory to which `changed` adds one change.
fn answer(row: &MemoryRow, changed: bool, notes: Vec<String>) -> Written {
    Written {
        id: row.memory.id,
        namespace: row.memory.namespace.clone(),
        version: row.memory.version + u64::from(changed),
        changed,
        notes,
    }
}
