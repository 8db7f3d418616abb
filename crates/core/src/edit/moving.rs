//! Move: one act that makes a full copy in the target and retires the source, which reads follow (J1).

use super::{answer, draft_retire};
use crate::call::Call;
use crate::read::find;
use crate::registers::copy;
use crate::remember::check::redacted_reason;
use crate::remember::{clean_text, policy_of};
use crate::secrets::Policy;
use jay_store::{Draft, MemoryRow, Moment, WriteTx};
use jay_types::bounds::Word;
use jay_types::change::registry::{COPIED_FROM, FORGOTTEN, RETIRED};
use jay_types::change::{Body, EntityKind, Op, RegisterShape};
use jay_types::namespace::NamespacePath;
use jay_types::request::Written;
use jay_types::{Code, EntityId, Error, NamespaceId, Result};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Moves a memory into another namespace. It goes on under a new id; its history stays behind.
///
/// # Errors
/// `not_found`, `ambiguous`; `forgotten` where it was forgotten, or an equal text in the target.
pub fn move_to(call: &Call<'_>, id: &Word, to: &NamespacePath) -> Result<Written> {
    call.act(|w| {
        let row = find(w, id.as_str(), Moment::Latest, false)?;
        let (target, num) = w.namespace(to)?;
        if target == row.namespace {
            return Ok(answer(&row, false, vec![format!("it is in {to} already")]));
        }
        if let Some(forgotten) = w.forgotten_text(num, &row.memory.text)? {
            return Err(Error::new(Code::Forgotten, "an equal text was forgotten in the target namespace")
                .hint(format!("A person can bring it back with `jay unforget {forgotten}`.")));
        }
        let mut rules = BTreeSet::new();
        let id = draft_move(w, &row, (target, policy_of(&w.secrets_policy(num)?)), &mut rules)?;
        let namespace = w.path_of(num).unwrap_or_else(|_| to.to_string());
        let namespace = if namespace == target.to_string() { to.to_string() } else { namespace };
        let mut notes = vec![format!("moved from {} {}", row.memory.namespace, row.memory.id)];
        notes.extend(redacted_reason(&rules));
        Ok(Written { id, namespace, version: 1, changed: true, notes })
    })
}

/// Drafts both halves of a move; returns the id under which the memory goes on. Secrets that the source allowed are
/// what the target's policy makes of them.
pub(crate) fn draft_move(
    w: &mut WriteTx<'_>,
    row: &MemoryRow,
    (target, policy): (NamespaceId, Policy),
    rules: &mut BTreeSet<&'static str>,
) -> Result<EntityId> {
    let id = w.new_id();
    let from = json!({"namespace": row.namespace, "id": row.memory.id});
    let mut body = copy(&row.state);
    clean_body(&mut body, policy, rules)?;
    let body = body.with(COPIED_FROM, from);
    // Its time is part of what it says: without a register the copy would be as young as the move.
    let body = match row.state.value(jay_types::change::registry::CREATED_AT) {
        Some(_) => body,
        None => body.with(jay_types::change::registry::CREATED_AT, row.memory.created_at.0),
    };
    w.draft(Draft::new(target, EntityKind::Memory, id, Op::Create, body));
    draft_retire(w, row, json!({"reason": "moved", "moved_to": id}));
    Ok(id)
}

/// Cleans what a body writes, as the namespace's policy of this moment says: what was allowed once is not written again.
/// Of a set only what is added: removals name additions by their dots. Of marks of being hidden only the reason, and
/// nothing of ids.
pub(crate) fn clean_body(body: &mut Body, policy: Policy, rules: &mut BTreeSet<&'static str>) -> Result<()> {
    for (name, value) in &mut body.registers {
        match EntityKind::Memory.register(name) {
            Some(FORGOTTEN | RETIRED) => {
                if let Some(reason) = value.get_mut("reason") {
                    clean_value(reason, policy, rules)?;
                }
            }
            Some(COPIED_FROM) => {}
            Some(register) if register.shape == RegisterShape::Set => {
                if let Some(added) = value.get_mut("add") {
                    clean_value(added, policy, rules)?;
                }
            }
            _ => clean_value(value, policy, rules)?,
        }
    }
    Ok(())
}

/// Cleans every text within a register's value.
pub(super) fn clean_value(value: &mut Value, policy: Policy, rules: &mut BTreeSet<&'static str>) -> Result<()> {
    match value {
        Value::String(text) => *text = clean_text(text, policy, rules)?,
        Value::Array(items) => items.iter_mut().try_for_each(|item| clean_value(item, policy, rules))?,
        Value::Object(fields) => fields.values_mut().try_for_each(|field| clean_value(field, policy, rules))?,
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    Ok(())
}
