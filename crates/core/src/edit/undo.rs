//! Undo: write back what the caller's last act won, as far as it still wins.
//!
//! **Invariant:** the answer names the act, where and when it was, and what becomes of each memory: who undoes something
//! else than was meant sees it.

use super::moving::{clean_body, clean_value};
use crate::call::{Call, Door};
use crate::registers::{put, put_set};
use crate::remember::check::redacted_reason;
use crate::remember::policy_of;
use crate::secrets::Policy;
use jay_store::{ActChange, Draft, MemoryRow, Moment, Scope, WriteTx};
use jay_types::change::fold::EntityState;
use jay_types::change::registry::{FORGOTTEN, KEY, RETIRED, TEXT, VALID};
use jay_types::change::{Body, EntityKind, Op, Register, RegisterShape};
use jay_types::namespace::NamespacePath;
use jay_types::text::shorten;
use jay_types::{ActId, Code, Dot, EntityId, Error, Result, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The answer to undo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Undone {
    /// The act that was taken back
    pub act: ActId,
    /// When it was done
    pub at: Timestamp,
    /// What it did: create, update, move, forget, unforget
    pub operation: String,
    /// The paths of the namespaces in which it did so
    pub namespaces: Vec<String>,
    /// The memories that it touched
    pub memories: Vec<UndoneMemory>,
    /// True for a dry run: nothing was taken back
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub planned: bool,
}

/// What an undo does to one memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The act made it; it is out of sight.
    Retired,
    /// It is as it was before the act.
    PutBack,
    /// The act had brought it back; it is forgotten as before.
    Forgotten,
    /// Nothing of the act was left in it.
    Unchanged,
}

/// A memory that an undone act had touched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UndoneMemory {
    /// Its id
    pub id: EntityId,
    /// The path of its namespace
    pub namespace: String,
    /// What became of it
    pub effect: Effect,
    /// Number of its changes
    pub version: u64,
    /// False where there was nothing to write
    pub changed: bool,
    /// How its text begins, so that it is known again; absent where it is forgotten and the caller is no person at hand
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What there is to say
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Characters of a text by which a person knows it again.
const SHOWN_CHARS: usize = 80;

/// Takes back the caller's last act in this store that was not taken back already: the last one that touched `namespace`
/// where one is given. Over HTTP and MCP, where several callers go by one name, it is one in what the caller sees.
///
/// # Errors
/// `not_found` where there is none; `conflict` where somebody changed the same fields since; `refused` for a purge, for
/// changes of a namespace, and for a forget that is taken back by anybody but a person at hand.
pub fn undo(call: &Call<'_>, namespace: Option<&NamespacePath>, dry_run: bool) -> Result<Undone> {
    if !dry_run {
        return call.act(|w| take_back_last(call, w, namespace));
    }
    if let Some(answer) = call.answer_before()? {
        return Ok(answer);
    }
    // The plan is the act itself, taken back: a dry run cannot say anything else than the run would.
    let mut plan = None;
    let refused = call.engine.memory.write(&call.caller.actor(), |w| -> Result<()> {
        plan = Some(take_back_last(call, w, namespace)?);
        Err(Error::internal("dry run"))
    });
    match (plan, refused) {
        (Some(plan), _) => Ok(Undone { planned: true, ..plan }),
        (None, Err(error)) => Err(error),
        (None, Ok(())) => Err(Error::internal("a dry run made no plan")),
    }
}

fn take_back_last(call: &Call<'_>, w: &mut WriteTx<'_>, namespace: Option<&NamespacePath>) -> Result<Undone> {
    let act = find_act(call, w, namespace)?;
    let changes = w.act_changes(act)?;
    check(call, &changes)?;
    let at = changes.first().map(|change| change.at).unwrap_or_default();
    let first_pos = changes.first().map_or(0, |change| change.pos);
    let last_pos = changes.last().map_or(0, |change| change.pos);
    let mut by_memory: BTreeMap<i64, Vec<&ActChange>> = BTreeMap::new();
    for change in changes.iter().filter(|change| change.kind == EntityKind::Memory.number()) {
        by_memory.entry(change.entity).or_default().push(change);
    }
    let mut memories = Vec::new();
    for (num, changes) in by_memory {
        // Who takes back what they wrote takes that back alone, also where it reads as what somebody else wrote.
        let is_made = changes.iter().any(|change| change.op == Op::Create.number());
        let read = |moment| if is_made { w.memory_alone(num, moment) } else { w.memory(num, moment) };
        let Some(row) = read(Moment::Latest)? else { continue };
        let before = read(Moment::Position(first_pos.saturating_sub(1)))?;
        let after = read(Moment::Position(last_pos))?;
        let mut drafts = take_back(&row, before.as_ref(), after.as_ref(), &changes, act)?;
        let notes = under_todays_rules(w, &row, &mut drafts)?;
        memories.push(told(call, &row, &drafts, notes));
        for (op, body) in drafts {
            w.draft(Draft::new(row.namespace, EntityKind::Memory, row.memory.id, op, body));
        }
    }
    let namespaces: BTreeSet<String> = memories.iter().map(|memory| memory.namespace.clone()).collect();
    let (operation, namespaces) = (operation_of(&changes).to_owned(), namespaces.into_iter().collect());
    Ok(Undone { act, at, operation, namespaces, memories, planned: false })
}

/// The last act of the caller that is meant.
fn find_act(call: &Call<'_>, w: &WriteTx<'_>, namespace: Option<&NamespacePath>) -> Result<ActId> {
    let actor = call.caller.actor();
    let shares_its_name = matches!(call.caller.door, Door::Http | Door::Mcp);
    let (within, place) = match namespace {
        Some(path) => (Some(w.namespaces_at(path.as_str())?), format!("in {path}")),
        None if shares_its_name => {
            let path = &call.caller.namespace;
            let seen = match w.scope_of(path)? {
                Scope::All => None,
                Scope::Of(namespaces) => Some(namespaces),
            };
            (seen, format!("in {path}, above it or in global"))
        }
        None => (None, "here".to_owned()),
    };
    if let Some(act) = w.last_act(&actor, within.as_deref())? {
        return Ok(act);
    }
    let hint = match w.last_act(&actor, None)? {
        None => "`jay history ID` shows who changed a memory; `jay revert ID --to DOT` brings it back.".to_owned(),
        Some(_) => "The last act was in another namespace: name it as `namespace` to undo there.".to_owned(),
    };
    Err(Error::not_found(format!("there is no act of {} to undo {place}", actor.name)).hint(hint))
}

/// What an act did, in one word.
fn operation_of(changes: &[ActChange]) -> &'static str {
    let mut memories = changes.iter().filter(|change| change.kind == EntityKind::Memory.number());
    let moves = |change: &ActChange| {
        let retired = change.body.as_ref().and_then(|body| body.registers.get(RETIRED.name));
        retired.is_some_and(|retired| retired.get("moved_to").is_some())
    };
    if memories.clone().any(moves) {
        return "move";
    }
    memories.next().and_then(|change| Op::from_number(change.op)).map_or("update", Op::name)
}

fn told(call: &Call<'_>, row: &MemoryRow, drafts: &[(Op, Body)], notes: Vec<String>) -> UndoneMemory {
    let value = |register: Register| drafts.iter().find_map(|(_, body)| body.registers.get(register.name));
    let effect = if drafts.is_empty() {
        Effect::Unchanged
    } else if drafts.iter().any(|(op, _)| *op == Op::Forget) {
        Effect::Forgotten
    } else if value(RETIRED).is_some_and(|retired| !retired.is_null()) {
        Effect::Retired
    } else {
        Effect::PutBack
    };
    let wording = value(TEXT).and_then(|text| text.get("text")).and_then(Value::as_str).unwrap_or(&row.memory.text);
    let may_see = !row.memory.forgotten || call.caller.is_person_at_hand();
    UndoneMemory {
        id: row.memory.id,
        namespace: row.memory.namespace.clone(),
        effect,
        version: row.memory.version + drafts.len() as u64,
        changed: !drafts.is_empty(),
        text: may_see.then(|| shorten(wording, SHOWN_CHARS)),
        notes,
    }
}

/// What the act replaced may not be allowed by now: a wording that is written back is a way in like any other.
fn under_todays_rules(w: &WriteTx<'_>, row: &MemoryRow, drafts: &mut [(Op, Body)]) -> Result<Vec<String>> {
    let namespace = w.namespace_of(row.num)?;
    let policy = policy_of(&w.secrets_policy(namespace)?);
    let mut rules = BTreeSet::new();
    for (_, body) in drafts {
        clean_body(body, policy, &mut rules)?;
        let text = body.registers.get(TEXT.name).and_then(|value| value.get("text")).and_then(Value::as_str);
        if let Some(text) = text
            && let Some(forgotten) = w.forgotten_text(namespace, text)?
        {
            return Err(Error::new(Code::Forgotten, "the wording before your last act was forgotten")
                .hint(format!("A person can bring it back with `jay unforget {forgotten}`.")));
        }
    }
    Ok(redacted_reason(&rules).into_iter().collect())
}

fn check(call: &Call<'_>, changes: &[ActChange]) -> Result<()> {
    for change in changes {
        match Op::from_number(change.op) {
            Some(Op::Purge) => {
                return Err(Error::new(Code::Refused, "your last act here was a purge, which is final")
                    .hint("Nothing can bring purged text back."));
            }
            Some(Op::Forget) => call.demand_person("taking back a forget")?,
            _ => {}
        }
        let names_namespace = change.kind == EntityKind::Namespace.number() && change.op != Op::Create.number();
        if names_namespace {
            return Err(Error::new(Code::Refused, "your last act here changed a namespace")
                .hint("Use `jay namespace rename`, `alias` or `set` to change it back."));
        }
    }
    Ok(())
}

/// The changes that take back what one act did to one memory: pure.
fn take_back(
    row: &MemoryRow,
    before: Option<&MemoryRow>,
    after: Option<&MemoryRow>,
    changes: &[&ActChange],
    act: ActId,
) -> Result<Vec<(Op, Body)>> {
    let mine: Vec<Dot> = changes.iter().map(|change| change.dot).collect();
    let empty = EntityState::default();
    let (then, done) = (before.map_or(&empty, |row| &row.state), after.map_or(&empty, |row| &row.state));
    // A value that a later undo wrote back counts as the act's own, also where its secrets were masked on the way.
    let stands = |register: Register| {
        row.state.winner(register).is_some_and(|write| mine.contains(&write.dot()))
            || is_written_back(row.state.value(register), done.value(register))
    };
    let mut update = Body { undoes: Some(act), ..Body::default() };
    if changes.iter().any(|change| change.op == Op::Create.number()) {
        if let Some(register) = [TEXT, KEY, VALID].into_iter().find(|register| !stands(*register)) {
            return Err(conflict(row, register.name));
        }
        put(&mut update, &row.state, RETIRED, json!({"reason": "undo"}));
        return Ok(vec![(Op::Update, update)]);
    }
    let mut forget = None;
    let names: BTreeSet<&String> =
        changes.iter().filter_map(|change| change.body.as_ref()).flat_map(|body| body.registers.keys()).collect();
    for name in names {
        let Some(register) = EntityKind::Memory.register(name) else { continue };
        if register.shape == RegisterShape::Set {
            undo_set(&mut update, &row.state, then, done, register);
            continue;
        }
        if !stands(register) {
            return Err(conflict(row, name));
        }
        let value = then.value(register).cloned().unwrap_or(Value::Null);
        if register == FORGOTTEN {
            let op = if value.is_null() { Op::Unforget } else { Op::Forget };
            let mut body = Body { undoes: Some(act), ..Body::default() };
            put(&mut body, &row.state, FORGOTTEN, value);
            forget = Some((op, body));
        } else {
            put(&mut update, &row.state, register, value);
        }
    }
    let reopens = [TEXT, KEY, VALID].iter().any(|register| update.registers.contains_key(register.name));
    if let Some(retired) = then.value(RETIRED).filter(|_| then.is_retired() && reopens) {
        // Writing the wording back would reopen what the act found retired.
        update.registers.insert(RETIRED.name.to_owned(), retired.clone());
        update.replaces.insert(RETIRED.name.to_owned(), row.state.head_dots(RETIRED));
    }
    let update = (!update.registers.is_empty()).then_some((Op::Update, update));
    Ok(update.into_iter().chain(forget).collect())
}

fn is_written_back(now: Option<&Value>, done: Option<&Value>) -> bool {
    let (Some(now), Some(done)) = (now, done) else { return now == done };
    let mut masked = done.clone();
    now == done || (clean_value(&mut masked, Policy::Redact, &mut BTreeSet::new()).is_ok() && *now == masked)
}

/// Takes out what the act put in and puts in what it took out; what others did to the set since stays.
fn undo_set(body: &mut Body, now: &EntityState, then: &EntityState, done: &EntityState, register: Register) {
    let without = |all: &EntityState, others: &EntityState| -> Vec<String> {
        let others: BTreeSet<&str> = others.elements(register).collect();
        all.elements(register).filter(|element| !others.contains(element)).map(str::to_owned).collect()
    };
    put_set(body, now, register, &without(then, done), &without(done, then));
}

fn conflict(row: &MemoryRow, field: &str) -> Error {
    Error::new(Code::Conflict, format!("`{field}` of the memory {} was changed since", row.memory.id))
        .hint(format!("See `jay history {} --diff`; `jay revert` brings a wording back.", row.memory.id))
}
