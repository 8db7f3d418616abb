//! Update: write the fields that differ.

use super::write_update;
use crate::call::Call;
use crate::read::find;
use crate::registers::{put, put_set, text_value, valid_value};
use crate::remember::{check, policy_of};
use crate::secrets::Policy;
use jay_store::{MemoryRow, Moment};
use jay_types::bounds::Word;
use jay_types::change::Body;
use jay_types::change::registry::{
    CONFIDENCE, EXPIRES_AT, IMPORTANCE, KEY, KIND, PINNED, Register, SOURCE, TAGS, TEXT, VALID,
};
use jay_types::request::{Clearable, Edit, Written};
use jay_types::{Code, Error, Result};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Changes fields of a memory; with `if_version`, only where it still has that version.
///
/// # Errors
/// `bad_input` where nothing is to be changed or fields contradict each other, `conflict` where the version is another,
/// `forgotten` where the memory or the new text was forgotten, `not_found`, `ambiguous`, `refused` for secrets.
pub fn update(call: &Call<'_>, id: &Word, edit: Edit, if_version: Option<u64>) -> Result<Written> {
    check_edit(&edit)?;
    if let Some(answer) = call.answer_before()? {
        return Ok(answer);
    }
    let (policy, here) = call.engine.memory.read(|tx| -> Result<(Policy, MemoryRow)> {
        let row = find(tx, id.as_str(), Moment::Latest, false)?;
        Ok((policy_of(&tx.secrets_policy(tx.namespace_of(row.num)?)?), row))
    })?;
    let mut rules = BTreeSet::new();
    let edit = without_secrets(edit, policy, &mut rules)?;
    // By the memory as it was a moment ago; what is written is decided anew inside the lock.
    let foreseen = decide(&here, &edit).ok().map(|body| call.engine.memory.foresee_memory(&body));
    let expired = check::expired(edit.expires_at, call.now);
    let notes: Vec<String> = check::redacted_reason(&rules).into_iter().chain(expired).collect();
    call.act(|w| {
        let row = find(w, id.as_str(), Moment::Latest, false)?;
        let num = w.namespace_of(row.num)?;
        if policy_of(&w.secrets_policy(num)?) != policy {
            return Err(Error::new(Code::Busy, "the namespace's secrets policy changed at this moment")
                .hint("Send it again; nothing was stored."));
        }
        if let Some(wanted) = if_version.filter(|wanted| *wanted != row.memory.version) {
            let here = row.memory.version;
            return Err(Error::new(Code::Conflict, format!("the memory has version {here}, not {wanted}"))
                .hint(format!("Read it again with `jay get {}` and decide anew.", row.memory.id))
                .details(json!({"version": here})));
        }
        if let Some(text) = &edit.text
            && let Some(forgotten) = w.forgotten_text(num, text.as_str())?
        {
            return Err(Error::new(Code::Forgotten, "an equal text was forgotten in this namespace")
                .hint(format!("A person can bring it back with `jay unforget {forgotten}`.")));
        }
        let body = decide(&row, &edit)?;
        w.foresee(foreseen.unwrap_or_default());
        Ok(write_update(w, &row, body, notes))
    })
}

fn check_edit(edit: &Edit) -> Result<()> {
    if *edit == Edit::default() {
        return Err(Error::bad_input("nothing to change").hint("Give a field to change: see `jay update --help`."));
    }
    if edit.tags.is_some() && !(edit.add_tags.is_empty() && edit.remove_tags.is_empty()) {
        return Err(Error::bad_input("`tags` is the full list: give it alone, or give `add_tags` and `remove_tags`"));
    }
    for clearable in &edit.clear {
        let given = match clearable {
            Clearable::Title => edit.title.is_some(),
            Clearable::Key => edit.key.is_some(),
            Clearable::Importance => edit.importance.is_some(),
            Clearable::Confidence => edit.confidence.is_some(),
            Clearable::Source => edit.source.is_some(),
            Clearable::ValidFrom => edit.valid_from.is_some(),
            Clearable::ValidTo => edit.valid_to.is_some(),
            Clearable::ExpiresAt => edit.expires_at.is_some(),
        };
        if given {
            return Err(Error::bad_input(format!("`clear`: {} is given and cleared at once", json!(clearable))));
        }
    }
    if let Some(source) = &edit.source {
        check::source(source)?;
    }
    check::tags(edit.tags.as_ref().map_or(0, Vec::len).max(edit.add_tags.len()))
}

fn without_secrets(mut edit: Edit, policy: Policy, rules: &mut BTreeSet<&'static str>) -> Result<Edit> {
    edit.text = edit.text.map(|text| check::clean(text, policy, rules)).transpose()?;
    edit.title = edit.title.map(|title| check::clean(title, policy, rules)).transpose()?;
    edit.key = edit.key.map(|key| check::clean(key, policy, rules)).transpose()?;
    edit.add_tags = edit.add_tags.into_iter().map(|tag| check::clean(tag, policy, rules)).collect::<Result<_>>()?;
    if let Some(tags) = edit.tags.take() {
        edit.tags = Some(tags.into_iter().map(|tag| check::clean(tag, policy, rules)).collect::<Result<_>>()?);
    }
    if let Some(source) = &mut edit.source {
        for field in [&mut source.agent, &mut source.client, &mut source.session, &mut source.message, &mut source.uri]
        {
            if let Some(text) = field.take() {
                *field = Some(check::clean_text(&text, policy, rules)?);
            }
        }
    }
    Ok(edit)
}

/// What the edit writes over the memory as it is: pure.
fn decide(row: &MemoryRow, edit: &Edit) -> Result<Body> {
    let (state, memory) = (&row.state, &row.memory);
    let mut body = Body::default();
    let clears = |clearable| edit.clear.contains(&clearable);
    let text = edit.text.as_ref().map_or(memory.text.as_str(), |text| text.as_str());
    let title = match &edit.title {
        Some(title) => Some(title.as_str()),
        None => memory.title.as_deref().filter(|_| !clears(Clearable::Title)),
    };
    put(&mut body, state, TEXT, text_value(text, title));
    if let Some(kind) = edit.kind.filter(|kind| *kind != memory.kind) {
        check::kind(kind)?;
        check::kind_stays(memory.kind)?;
        put(&mut body, state, KIND, kind.name().into());
    }
    let mut optional = |register: Register, value: Option<Value>, cleared: bool| {
        if cleared {
            put(&mut body, state, register, Value::Null);
        } else if let Some(value) = value {
            put(&mut body, state, register, value);
        }
    };
    optional(KEY, edit.key.as_ref().map(|key| key.as_str().into()), clears(Clearable::Key));
    optional(IMPORTANCE, edit.importance.map(|unit| unit.get().into()), clears(Clearable::Importance));
    optional(CONFIDENCE, edit.confidence.map(|unit| unit.get().into()), clears(Clearable::Confidence));
    optional(SOURCE, edit.source.as_ref().map(|source| json!(source)), clears(Clearable::Source));
    optional(EXPIRES_AT, edit.expires_at.map(|at| at.0.into()), clears(Clearable::ExpiresAt));
    if let Some(pinned) = edit.pinned.filter(|pinned| *pinned != memory.pinned) {
        put(&mut body, state, PINNED, pinned.into());
    }
    let from = edit.valid_from.or(memory.valid_from.filter(|_| !clears(Clearable::ValidFrom)));
    let to = edit.valid_to.or(memory.valid_to.filter(|_| !clears(Clearable::ValidTo)));
    check::valid(from, to)?;
    put(&mut body, state, VALID, valid_value(from, to));
    put_tags(row, edit, &mut body)?;
    Ok(body)
}

fn put_tags(row: &MemoryRow, edit: &Edit, body: &mut Body) -> Result<()> {
    let words = |tags: &[jay_types::bounds::Tag]| tags.iter().map(|tag| tag.as_str().to_owned()).collect::<Vec<_>>();
    let here = &row.memory.tags;
    let (add, remove) = match &edit.tags {
        Some(tags) => {
            let wanted = words(tags);
            let gone = here.iter().filter(|tag| !wanted.contains(tag)).cloned().collect();
            (wanted, gone)
        }
        None => (words(&edit.add_tags), words(&edit.remove_tags)),
    };
    let after = here.iter().filter(|tag| !remove.contains(tag)).chain(add.iter()).collect::<BTreeSet<_>>().len();
    check::tags(after)?;
    put_set(body, &row.state, TAGS, &add, &remove);
    Ok(())
}
