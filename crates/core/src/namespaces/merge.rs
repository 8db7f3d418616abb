//! Namespaces that end: merged into another, or deleted with what is in them.
//!
//! **Invariant:** what was forgotten in either stays forgotten in what goes on.

use super::{NamespaceView, draft_update, find, view};
use crate::call::Call;
use crate::edit::{draft_move, draft_retire};
use crate::registers::{put, put_set};
use crate::remember::check::redacted_reason;
use crate::remember::{clean_text, policy_of};
use jay_store::{Draft, ENTITY_HIDDEN_ALL, ListFilter, Moment, Scope, Tx, WriteTx};
use jay_types::change::registry::{ALIASES, FORGOTTEN, RETIRED};
use jay_types::change::{Body, EntityKind, Op};
use jay_types::id::to_hex;
use jay_types::namespace::NamespacePath;
use jay_types::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;

/// Memories that one act of a merge or delete moves: two changes each, and some room.
const PER_ACT: usize = 1000;

/// The answer to a merge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Merged {
    /// Memories that were moved
    pub moved: u64,
    /// The namespace that has them now
    pub into: NamespaceView,
    /// What there is to say: secrets that the target's policy took out; of a dry run that others would see more, or less
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

fn everything_in(tx: &Tx<'_>, num: i64) -> Result<Vec<i64>> {
    let hidden = ENTITY_HIDDEN_ALL.with_superseded().with_forgotten();
    let filter = ListFilter { hidden, ..ListFilter::shown(Scope::Of(vec![num])) };
    Ok(tx.all_memories(&filter)?)
}

/// Moves every memory of one namespace into another, whose alias its path becomes, but for a private one of an open namespace.
///
/// # Errors
/// `not_found`, `bad_input` where both are one.
pub fn merge(call: &Call<'_>, from: &NamespacePath, into: &NamespacePath, dry_run: bool) -> Result<Merged> {
    if let Some((target, moved, notes)) = call.answer_before::<(i64, u64, Vec<String>)>()? {
        let into = call.engine.memory.read(|tx| -> Result<_> { Ok(view(tx.namespace(target)?)) })?;
        return Ok(Merged { moved, into, notes });
    }
    let (source, target, count) = call.engine.memory.read(|tx| -> Result<(i64, i64, usize)> {
        let (source, target) = (find(tx, from)?, find(tx, into)?);
        Ok((source, target, everything_in(tx, source)?.len()))
    })?;
    if source == target {
        return Err(Error::bad_input(format!("{from} and {into} are one namespace"))
            .hint("`jay namespace list` shows those here, with their other names."));
    }
    let mut notes = Vec::new();
    if !dry_run {
        notes = call
            .act(|w| {
                let (rules, covered) = move_all(w, source, target, from)?;
                let mut notes: Vec<String> = redacted_reason(&rules).into_iter().collect();
                if covered > 0 {
                    let stay = if covered == 1 { "stays" } else { "stay" };
                    notes.push(format!("{covered} of them {stay} hidden: an equal text was forgotten in {into}"));
                }
                Ok((target, count as u64, notes))
            })?
            .2;
    }
    let into = call.engine.memory.read(|tx| -> Result<NamespaceView> { Ok(view(tx.namespace(target)?)) })?;
    Ok(Merged { moved: count as u64, into, notes })
}

/// Moves what is there under the target's present policy; returns the rules that found secrets, and how many memories are
/// hidden there because an equal text was forgotten.
fn move_all(
    w: &mut WriteTx<'_>,
    source: i64,
    target: i64,
    path: &NamespacePath,
) -> Result<(BTreeSet<&'static str>, usize)> {
    let mut rules = BTreeSet::new();
    let mut covered = 0;
    let target_id = w.namespace_id_of(target)?;
    let policy = policy_of(&w.secrets_policy(target)?);
    let memories = everything_in(w, source)?;
    let mut forgotten = Vec::new();
    for page in memories.chunks(PER_ACT) {
        for num in page {
            if let Some(row) = w.memory(*num, Moment::Latest)? {
                let id = draft_move(w, &row, (target_id, policy), &mut rules)?;
                // The mark is of the text as it stands there: that is what a later equal one will be there too.
                let text = clean_text(&row.memory.text, policy, &mut rules)?;
                let is_covered = !row.state.is_forgotten() && w.forgotten_text(target, &text)?.is_some();
                covered += usize::from(is_covered);
                if is_covered || row.state.is_forgotten() {
                    // A copy is younger than the forget, which hides what was there before it only.
                    forgotten.push((id, text));
                }
            }
        }
        w.next_act()?;
    }
    // After every copy is there, so that the copies of equal texts are covered too.
    for page in forgotten.chunks(PER_ACT) {
        for (id, text) in page {
            let mark = w.mark_of(target, text)?.unwrap_or_default();
            let body =
                Body::default().with(FORGOTTEN, json!({"mac": to_hex(&mark), "reason": "forgotten before the merge"}));
            w.draft(Draft::new(target_id, EntityKind::Memory, *id, Op::Forget, body));
        }
        w.next_act()?;
    }
    let mut retire = Body::default();
    put(&mut retire, &w.namespace_entity(source)?, RETIRED, json!({"reason": "merged", "moved_to": target_id}));
    draft_update(w, source, retire)?;
    let mut body = Body::default();
    let before = w.names_of(target)?.aliases;
    let add: Vec<String> = w.names_of(target)?.merged_with(path).aliases.split_off(before.len());
    put_set(&mut body, &w.namespace_entity(target)?, ALIASES, &add, &[]);
    draft_update(w, target, body)?;
    Ok((rules, covered))
}

/// The answer to a deletion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Deleted {
    /// The path
    pub path: String,
    /// Memories that were retired with it
    pub retired: u64,
}

/// Retires a namespace and what is in it. History keeps it; `purge` destroys single memories.
///
/// # Errors
/// `not_found`; `refused` for everybody but a person at hand.
pub fn delete(call: &Call<'_>, path: &NamespacePath, dry_run: bool) -> Result<Deleted> {
    call.demand_person("deleting a namespace")?;
    if let Some(retired) = call.answer_before()? {
        return Ok(Deleted { path: path.to_string(), retired });
    }
    let (num, count) = call.engine.memory.read(|tx| -> Result<(i64, usize)> {
        let num = find(tx, path)?;
        Ok((num, everything_in(tx, num)?.len()))
    })?;
    if !dry_run {
        call.act(|w| {
            for page in everything_in(w, num)?.chunks(PER_ACT) {
                for memory in page {
                    if let Some(row) = w.memory(*memory, Moment::Latest)? {
                        draft_retire(w, &row, json!({"reason": "namespace deleted"}));
                    }
                }
                w.next_act()?;
            }
            let mut body = Body::default();
            put(&mut body, &w.namespace_entity(num)?, RETIRED, json!({"reason": "deleted"}));
            draft_update(w, num, body)?;
            Ok(count as u64)
        })?;
    }
    Ok(Deleted { path: path.to_string(), retired: count as u64 })
}
