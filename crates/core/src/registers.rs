//! From fields to registers: what a new memory or an edit writes.

use jay_types::change::body::SetEdit;
use jay_types::change::fold::EntityState;
use jay_types::change::registry::{
    self, CONFIDENCE, CREATED_AT, EXPIRES_AT, IMPORTANCE, KEY, KIND, PINNED, Register, SOURCE, TAGS, TEXT, VALID,
};
use jay_types::change::{Body, RegisterShape};
use jay_types::memory::Kind;
use jay_types::request::NewMemory;
use jay_types::{EntityId, Timestamp};
use serde_json::{Map, Value, json};

/// The register of text and title.
pub(crate) fn text_value(text: &str, title: Option<&str>) -> Value {
    match title {
        Some(title) => json!({"text": text, "title": title}),
        None => json!({"text": text}),
    }
}

/// The register of validity; null for none.
pub(crate) fn valid_value(from: Option<Timestamp>, to: Option<Timestamp>) -> Value {
    let mut valid = Map::new();
    for (name, time) in [("from", from), ("to", to)] {
        if let Some(time) = time {
            valid.insert(name.to_owned(), time.0.into());
        }
    }
    if valid.is_empty() { Value::Null } else { Value::Object(valid) }
}

/// Everything that a new memory says; what is not said is not written.
pub(crate) fn create(memory: &NewMemory) -> Body {
    let title = memory.title.as_ref().map(|title| title.as_str());
    let mut body = Body::default().with(TEXT, text_value(memory.text.as_str(), title));
    if memory.kind != Kind::default() {
        body = body.with(KIND, memory.kind.name());
    }
    for (register, value) in optional(memory) {
        body = body.with(register, value);
    }
    let tags = memory.tags.iter().map(|tag| tag.as_str().to_owned()).collect();
    body.with_set(TAGS, &SetEdit { add: tags, remove: vec![] })
}

/// The registers that a new memory may leave empty, where it does not.
pub(crate) fn optional(memory: &NewMemory) -> Vec<(Register, Value)> {
    let mut out = Vec::new();
    let mut push = |register, value: Option<Value>| out.extend(value.map(|value| (register, value)));
    push(KEY, memory.key.as_ref().map(|key| key.as_str().into()));
    push(IMPORTANCE, memory.importance.map(|unit| unit.get().into()));
    push(CONFIDENCE, memory.confidence.map(|unit| unit.get().into()));
    push(PINNED, memory.pinned.then(|| true.into()));
    push(SOURCE, (!memory.source.is_empty()).then(|| json!(memory.source)));
    push(CREATED_AT, memory.created_at.map(|at| at.0.into()));
    let valid = valid_value(memory.valid_from, memory.valid_to);
    push(VALID, (!valid.is_null()).then_some(valid));
    push(EXPIRES_AT, memory.expires_at.map(|at| at.0.into()));
    out
}

/// Writes a value register over every head that is there; leaves it where it says so already.
pub(crate) fn put(body: &mut Body, state: &EntityState, register: Register, value: Value) {
    debug_assert_eq!(register.shape, RegisterShape::Value);
    let heads = state.values.get(register.name).map_or(0, |heads| heads.0.len());
    let same = match state.value(register) {
        Some(now) => *now == value,
        None => value.is_null(),
    };
    if same && heads <= 1 {
        return;
    }
    body.registers.insert(register.name.to_owned(), value);
    body.replaces.insert(register.name.to_owned(), state.head_dots(register));
}

/// Edits a set so that it has the elements of `add` and none of `remove`; what is so already is left out.
pub(crate) fn put_set(body: &mut Body, state: &EntityState, register: Register, add: &[String], remove: &[String]) {
    let here: Vec<&str> = state.elements(register).collect();
    let edit = SetEdit {
        add: add.iter().filter(|element| !here.contains(&element.as_str())).cloned().collect(),
        remove: remove.iter().flat_map(|element| state.element_dots(register, element)).collect(),
    };
    if edit != SetEdit::default() {
        *body = std::mem::take(body).with_set(register, &edit);
    }
}

/// The element of the link set that stands for one link.
pub(crate) fn link_element(to: EntityId, relation: &str) -> String {
    format!("{to} {relation}")
}

/// The value registers of a memory that a revert, an undo or a copy carries: all but its marks of being hidden.
pub(crate) fn carried() -> impl Iterator<Item = Register> {
    jay_types::change::EntityKind::Memory.registers().iter().copied().filter(|register| {
        ![registry::FORGOTTEN, registry::RETIRED, registry::COPIED_FROM, registry::ALIAS_OF, registry::FEEDBACK]
            .contains(register)
    })
}

/// A whole memory as the body of a create: for moves.
pub(crate) fn copy(state: &EntityState) -> Body {
    let mut body = Body::default();
    for register in carried() {
        match register.shape {
            RegisterShape::Value => {
                if let Some(value) = state.value(register) {
                    body = body.with(register, value.clone());
                }
            }
            RegisterShape::Set => {
                let add = state.elements(register).map(str::to_owned).collect();
                body = body.with_set(register, &SetEdit { add, remove: vec![] });
            }
        }
    }
    body
}
