//! Whether a memory that says the same as an earlier one is that one (J9).
//!
//! **Invariant:** no outcome drops a word that was sent: a memory is joined to an earlier one only where every field it
//! brings is there already or fills an empty one.

use crate::registers;
use jay_store::MemoryRow;
use jay_types::change::Body;
use jay_types::change::body::SetEdit;
use jay_types::change::fold::EntityState;
use jay_types::change::registry::{KEY, KIND, PINNED, SOURCE, TAGS, TEXT};
use jay_types::memory::{Kind, Source};
use jay_types::request::NewMemory;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What was sent, as registers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sent {
    kind: Kind,
    title: Option<String>,
    values: BTreeMap<&'static str, Value>,
    tags: BTreeSet<String>,
    text: String,
}

impl Sent {
    pub(super) fn of(memory: &NewMemory) -> Self {
        Self {
            kind: memory.kind,
            title: memory.title.as_ref().map(|title| title.as_str().to_owned()),
            values: registers::optional(memory).into_iter().map(|(register, value)| (register.name, value)).collect(),
            tags: memory.tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
            text: memory.text.as_str().to_owned(),
        }
    }

    /// What a memory that is here would have sent.
    pub(super) fn of_row(row: &MemoryRow) -> Self {
        let apart = [TEXT.name, KIND.name];
        let values = registers::carried().filter(|register| !apart.contains(&register.name));
        Self {
            kind: row.memory.kind,
            title: row.memory.title.clone(),
            values: values.filter_map(|register| Some((register.name, row.state.value(register)?.clone()))).collect(),
            tags: row.memory.tags.iter().cloned().collect(),
            text: row.memory.text.clone(),
        }
    }

    pub(super) fn key(&self) -> Option<&str> {
        self.values.get(KEY.name).and_then(Value::as_str)
    }

    /// Takes over what `other` fills.
    pub(super) fn fill(&mut self, other: &Self) {
        self.title = self.title.take().or_else(|| other.title.clone());
        for (name, value) in &other.values {
            let merged = merge_value(name, self.values.get(name), value).unwrap_or_else(|| value.clone());
            self.values.insert(name, merged);
        }
        self.tags.extend(other.tags.iter().cloned());
    }
}

/// The earlier memory, as far as the decision looks at it.
pub(super) struct Earlier<'a> {
    kind: Kind,
    title: Option<&'a str>,
    text: &'a str,
    values: BTreeMap<&'static str, &'a Value>,
    tags: BTreeSet<&'a str>,
    state: Option<&'a EntityState>,
}

impl<'a> Earlier<'a> {
    pub(super) fn of(row: &'a MemoryRow) -> Self {
        let values = registers::carried()
            .filter_map(|register| row.state.value(register).map(|value| (register.name, value)))
            .filter(|(name, _)| *name != TEXT.name)
            .collect();
        Self {
            kind: row.memory.kind,
            title: row.memory.title.as_deref(),
            text: &row.memory.text,
            values,
            tags: row.memory.tags.iter().map(String::as_str).collect(),
            state: Some(&row.state),
        }
    }

    pub(super) fn sent(sent: &'a Sent) -> Self {
        Self {
            kind: sent.kind,
            title: sent.title.as_deref(),
            text: &sent.text,
            values: sent.values.iter().map(|(name, value)| (*name, value)).collect(),
            tags: sent.tags.iter().map(String::as_str).collect(),
            state: None,
        }
    }
}

/// What to do with what was sent.
#[derive(Debug, PartialEq)]
pub(super) enum Decision {
    /// It is another memory.
    Create,
    /// It is the earlier one; `body` writes what it fills.
    Join {
        /// The registers that it fills; empty where it brings nothing new.
        body: Body,
        /// Their names.
        filled: Vec<&'static str>,
    },
}

/// Decides for a text that is equal to the earlier one's (normalised).
pub(super) fn decide(sent: &Sent, earlier: &Earlier<'_>) -> Decision {
    if sent.kind != earlier.kind {
        return Decision::Create;
    }
    let mut body = Body::default();
    let mut filled = Vec::new();
    let empty = EntityState::default();
    let state = earlier.state.unwrap_or(&empty);
    match (&sent.title, earlier.title) {
        (Some(title), None) => {
            registers::put(&mut body, state, TEXT, registers::text_value(earlier.text, Some(title)));
            filled.push("title");
        }
        (Some(title), Some(there)) if title != there => return Decision::Create,
        _ => {}
    }
    for (name, value) in &sent.values {
        let there = earlier.values.get(name).copied();
        if there == Some(value) {
            continue;
        }
        let Some(merged) = merge_value(name, there, value) else { return Decision::Create };
        if there == Some(&merged) {
            continue;
        }
        if let Some(register) = jay_types::change::EntityKind::Memory.register(name) {
            registers::put(&mut body, state, register, merged);
            filled.push(register.name);
        }
    }
    let tags: Vec<String> = sent.tags.iter().filter(|tag| !earlier.tags.contains(tag.as_str())).cloned().collect();
    if !tags.is_empty() {
        body = body.with_set(TAGS, &SetEdit { add: tags, remove: vec![] });
        filled.push("tags");
    }
    Decision::Join { body, filled }
}

/// The value that holds both; none where they contradict each other.
fn merge_value(name: &str, there: Option<&Value>, sent: &Value) -> Option<Value> {
    let Some(there) = there else { return Some(sent.clone()) };
    if there == sent {
        return Some(sent.clone());
    }
    if name == PINNED.name {
        return Some(json!(there == &json!(true) || sent == &json!(true)));
    }
    if name == SOURCE.name {
        return merge_source(there, sent);
    }
    None
}

fn merge_source(there: &Value, sent: &Value) -> Option<Value> {
    let (there, sent): (Source, Source) =
        (serde_json::from_value(there.clone()).ok()?, serde_json::from_value(sent.clone()).ok()?);
    let field = |a: Option<String>, b: Option<String>| match (a, b) {
        (Some(a), Some(b)) if a != b => None,
        (a, b) => Some(a.or(b)),
    };
    let merged = Source {
        agent: field(there.agent, sent.agent)?,
        client: field(there.client, sent.client)?,
        session: field(there.session, sent.session)?,
        message: field(there.message, sent.message)?,
        uri: field(there.uri, sent.uri)?,
        span: match (there.span, sent.span) {
            (Some(a), Some(b)) if a != b => return None,
            (a, b) => a.or(b),
        },
    };
    Some(json!(merged))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(json: &Value) -> Sent {
        let mut memory = json!({"text": "the port is 5433"});
        memory.as_object_mut().unwrap().extend(json.as_object().unwrap().clone());
        Sent::of(&serde_json::from_value(memory).unwrap())
    }

    fn check(earlier: Value, later: Value, expected: Option<&[&str]>) {
        let (earlier, later) = (sent(&earlier), sent(&later));
        match (decide(&later, &Earlier::sent(&earlier)), expected) {
            (Decision::Create, None) => {}
            (Decision::Join { filled, .. }, Some(names)) => assert_eq!(filled, names),
            (decision, _) => panic!("{later:?} after {earlier:?}: {decision:?}"),
        }
    }

    #[test]
    fn joins_what_agrees_or_fills_and_creates_what_differs() {
        check(json!({}), json!({}), Some(&[]));
        check(json!({"tags": ["db"]}), json!({}), Some(&[]));
        check(json!({}), json!({"tags": ["db"], "title": "Port"}), Some(&["title", "tags"]));
        check(json!({"title": "Port"}), json!({"title": "Another"}), None);
        check(json!({}), json!({"kind": "gotcha"}), None);
        check(json!({"importance": 0.5}), json!({"importance": 0.5}), Some(&[]));
        check(json!({"importance": 0.5}), json!({"importance": 0.6}), None);
        check(json!({}), json!({"pinned": true}), Some(&["pinned"]));
        check(json!({"pinned": true}), json!({}), Some(&[]));
        check(json!({"source": {"message": "a"}}), json!({"source": {"message": "b"}}), None);
        check(json!({"source": {"session": "s"}}), json!({"source": {"message": "b"}}), Some(&["source"]));
        check(json!({"source": {"session": "s", "message": "b"}}), json!({"source": {"message": "b"}}), Some(&[]));
        check(json!({"created_at": "2026-01-01"}), json!({"created_at": "2026-01-02"}), None);
        check(json!({"key": "port"}), json!({"key": "other"}), None);
    }
}
