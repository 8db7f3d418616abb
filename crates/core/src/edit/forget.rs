//! Forget and unforget (J10): an actor's act that no edit clears, and a person's act that does.

use super::{answer, draft_of_all};
use crate::call::Call;
use crate::read::{GET_MAX, find};
use crate::registers::put;
use crate::remember::check::redacted_reason;
use crate::remember::clean_text;
use crate::secrets::Policy;
use jay_store::{Draft, MemoryRow, Moment, Tx};
use jay_types::bounds::Word;
use jay_types::change::registry::FORGOTTEN;
use jay_types::change::{Body, EntityKind, Op};
use jay_types::id::to_hex;
use jay_types::request::Written;
use jay_types::{Error, Result};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Forgets memories: they are shown to nobody any more, and an equal text is refused.
///
/// # Errors
/// `bad_input` for no or too many ids, `not_found`, `ambiguous`.
pub fn forget(call: &Call<'_>, ids: &[Word], reason: Option<&Word>) -> Result<Vec<Written>> {
    if ids.is_empty() || ids.len() > GET_MAX {
        return Err(Error::bad_input(format!("`ids`: must name 1 to {GET_MAX} memories, not {}", ids.len())));
    }
    let mut rules = BTreeSet::new();
    let reason = reason.map(|reason| clean_text(reason.as_str(), Policy::Redact, &mut rules)).transpose()?;
    let notes: Vec<String> = redacted_reason(&rules).into_iter().collect();
    call.act(|w| {
        let mut written = Vec::new();
        let mut seen = BTreeSet::new();
        for id in ids {
            let row = find(w, id.as_str(), Moment::Latest, true)?;
            if !seen.insert(row.num) {
                continue;
            }
            if row.state.is_forgotten() {
                written.push(answer(&row, false, vec![]));
                continue;
            }
            let mark = w.mark_of(w.namespace_of(row.num)?, &row.memory.text)?.unwrap_or_default();
            let mut value = json!({"mac": to_hex(&mark)});
            if let Some(map) = value.as_object_mut() {
                map.extend(reason.iter().map(|reason| ("reason".to_owned(), reason.as_str().into())));
                // Who sees a copy and forgets the other end means that one.
                let is_alone = !w.copies_of(row.num)?.is_empty();
                map.extend(is_alone.then(|| ("alone".to_owned(), true.into())));
            }
            let mut body = Body::default();
            put(&mut body, &row.state, FORGOTTEN, value);
            draft_of_all(w, &row, Op::Forget, &body);
            written.push(answer(&row, true, notes.clone()));
        }
        Ok(written)
    })
}

/// Brings a forgotten memory back. For a person at the command line or the web page.
///
/// # Errors
/// `refused` for everybody else, `not_found`, `ambiguous`.
pub fn unforget(call: &Call<'_>, id: &Word) -> Result<Written> {
    call.demand_person("unforget")?;
    call.act(|w| {
        let row = find(w, id.as_str(), Moment::Latest, true)?;
        let forgotten = forgotten_with(w, &row)?;
        if forgotten.is_empty() {
            let notes = match row.memory.forgotten {
                true => vec!["an equal text was forgotten as another memory; unforget that one".to_owned()],
                false => vec![],
            };
            return Ok(answer(&row, false, notes));
        }
        for row in forgotten {
            let mut body = Body::default();
            body.registers.insert(FORGOTTEN.name.to_owned(), Value::Null);
            body.replaces.insert(FORGOTTEN.name.to_owned(), row.state.head_dots(FORGOTTEN));
            w.draft(Draft::new(row.namespace, EntityKind::Memory, row.memory.id, Op::Unforget, body));
        }
        Ok(answer(&row, true, vec![]))
    })
}

/// This memory and those that say the same, as far as they are forgotten: the mark of any of them hides all.
fn forgotten_with(tx: &Tx<'_>, row: &MemoryRow) -> Result<Vec<MemoryRow>> {
    let mut forgotten = Vec::new();
    for num in tx.said_to_be_the_same(row.num)?.into_iter().chain([row.num]) {
        let alone = tx.memory_alone(num, Moment::Latest)?;
        forgotten.extend(alone.filter(|row| row.state.is_forgotten()));
    }
    Ok(forgotten)
}
