//! Revert: forward changes that make one memory say again what it said at a moment.

use super::moving::clean_body;
use super::write_update;
use crate::call::Call;
use crate::filter;
use crate::read::find;
use crate::registers::{carried, put, put_set};
use crate::remember::check::redacted_reason;
use crate::remember::policy_of;
use jay_store::{Moment, Tx};
use jay_types::bounds::Word;
use jay_types::change::fold::EntityState;
use jay_types::change::{Body, RegisterShape};
use jay_types::request::Written;
use jay_types::{Error, Result, Timestamp};
use serde_json::Value;
use std::collections::BTreeSet;

/// Brings a memory back to the state right after a change (its dot, as `history` shows it), or at a moment.
///
/// # Errors
/// `bad_input` where `to` is neither, `not_found` where the memory was not here then.
pub fn revert(call: &Call<'_>, id: &Word, to: &Word) -> Result<Written> {
    call.act(|w| {
        let row = find(w, id.as_str(), Moment::Latest, false)?;
        let moment = moment_of(w, row.num, to, call.now)?;
        let then = w.memory(row.num, moment)?.ok_or_else(|| {
            Error::not_found(format!("the memory `{}` was not here at `{}`", row.memory.id, to.as_str()))
                .hint(format!("`jay history {}` shows its changes.", row.memory.id))
        })?;
        let mut body = decide(&row.state, &then.state);
        let num = w.namespace_of(row.num)?;
        // What was allowed then may not be allowed by now.
        let policy = policy_of(&w.secrets_policy(num)?);
        let mut rules = BTreeSet::new();
        clean_body(&mut body, policy, &mut rules)?;
        if let Some(forgotten) = w.forgotten_text(num, &then.memory.text)? {
            return Err(Error::new(jay_types::Code::Forgotten, "the wording of that time was forgotten")
                .hint(format!("A person can bring it back with `jay unforget {forgotten}`.")));
        }
        Ok(write_update(w, &row, body, redacted_reason(&rules).into_iter().collect()))
    })
}

fn moment_of(tx: &Tx<'_>, num: i64, to: &Word, now: Timestamp) -> Result<Moment> {
    let text = to.as_str().trim().to_ascii_lowercase();
    let is_dot = text.len() >= 6 && text.len() <= 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if is_dot {
        let history = tx.history(num)?;
        let mut fitting = history.iter().filter(|change| change.dot.to_string().starts_with(&text));
        if let (Some(change), None) = (fitting.next(), fitting.next()) {
            return Ok(Moment::Position(change.pos));
        }
    }
    filter::moment(tx, "to", Some(to), now).map_err(|error| {
        error.hint(
            "Give the dot of a change (`jay history ID` shows them), a position such as pos:120, a time or an age.",
        )
    })
}

/// The registers that differ, written over every head that is there now: pure.
fn decide(now: &EntityState, then: &EntityState) -> Body {
    let mut body = Body::default();
    for register in carried() {
        match register.shape {
            RegisterShape::Value => {
                put(&mut body, now, register, then.value(register).cloned().unwrap_or(Value::Null));
            }
            RegisterShape::Set => {
                let wanted: Vec<String> = then.elements(register).map(str::to_owned).collect();
                let gone: Vec<String> =
                    now.elements(register).filter(|e| !wanted.iter().any(|w| w == e)).map(str::to_owned).collect();
                put_set(&mut body, now, register, &wanted, &gone);
            }
        }
    }
    body
}
