//! Where parsers put what they understood.

use crate::block::SessionMessage;
use crate::key::line_id;
use jay_types::session::{Message, Part, SessionMeta};
use jay_types::{Hash, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;

/// Kinds of the unknown that are counted apart; what comes after is counted as `(other)`, so that a hostile file
/// cannot fill memory with names.
const UNKNOWN_MAX: usize = 200;
/// How deep a tool's input is nested at most; a deeper one is kept as its JSON text. Within a block it stands deeper still, and
/// what is nested more than 127 deep is not read as JSON: neither the input nor anything else in its block.
const INPUT_MAX_DEPTH: usize = 100;
/// Characters of the name of a kind.
const KIND_MAX_CHARS: usize = 60;

/// Collects what the rows of one block say.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    pub(crate) messages: Vec<SessionMessage>,
    pub(crate) sessions: BTreeMap<String, SessionMeta>,
    pub(crate) unknown: BTreeMap<String, u64>,
    pub(crate) carriers: u64,
}

/// Takes what a parser understood of one row.
#[derive(Debug)]
pub struct Sink<'a> {
    pub(crate) collected: &'a mut Collected,
    pub(crate) client: &'static str,
    pub(crate) row: u32,
    pub(crate) line: u64,
}

impl Sink<'_> {
    /// The line of the row in its source; the first is 1.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.line
    }

    /// A message; its `row` is filled in here.
    pub fn message(&mut self, session: &str, content_hash: Hash, mut message: Message) {
        message.row = self.row;
        // A block with a time that cannot be read again could not be read at all.
        message.at = message.at.filter(|at| at.is_readable());
        for part in &mut message.parts {
            if let Part::ToolCall { input, .. } = part
                && is_deeper(input, INPUT_MAX_DEPTH)
            {
                *input = Value::String(input.to_string());
            }
        }
        self.session(session);
        self.collected.messages.push(SessionMessage { session: session.to_owned(), content_hash, message });
    }

    /// A row that is kept as it is: a message of no role with no parts.
    pub fn carrier(&mut self, session: &str, id: Option<String>, at: Option<Timestamp>, content_hash: Hash) {
        self.collected.carriers += 1;
        self.session(session);
        let id = id.unwrap_or_else(|| line_id(session, self.line));
        let at = at.filter(|at| at.is_readable());
        let message = Message { id, role: None, author: None, at, model: None, parts: Vec::new(), row: self.row };
        self.collected.messages.push(SessionMessage { session: session.to_owned(), content_hash, message });
    }

    /// Counts something that the adapter does not know, by kind.
    pub fn unknown(&mut self, kind: &str) {
        let kind = jay_types::text::shorten(kind, KIND_MAX_CHARS);
        let unknown = &mut self.collected.unknown;
        let kind =
            if unknown.len() >= UNKNOWN_MAX && !unknown.contains_key(&kind) { "(other)".to_owned() } else { kind };
        *unknown.entry(kind).or_default() += 1;
    }

    /// What this block tells of a session, to be filled in.
    pub fn session(&mut self, id: &str) -> &mut SessionMeta {
        if !self.collected.sessions.contains_key(id) {
            let meta = SessionMeta { client: self.client.to_owned(), id: id.to_owned(), ..SessionMeta::default() };
            self.collected.sessions.insert(id.to_owned(), meta);
        }
        self.collected.sessions.get_mut(id).expect("put in just now")
    }
}

/// Whether lists and objects stand in each other more than `depth` times.
fn is_deeper(value: &Value, depth: usize) -> bool {
    let Some(below) = depth.checked_sub(1) else { return value.is_array() || value.is_object() };
    match value {
        Value::Array(items) => items.iter().any(|item| is_deeper(item, below)),
        Value::Object(fields) => fields.values().any(|field| is_deeper(field, below)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_cannot_be_read_again_is_none() {
        let mut collected = Collected::default();
        let mut sink = Sink { collected: &mut collected, client: "generic", row: 0, line: 1 };
        for at in [Timestamp(i64::MAX), Timestamp(i64::MIN), Timestamp(5)] {
            sink.session("s").saw(at);
            sink.carrier("s", None, Some(at), Hash::of(b""));
        }
        let said: Vec<_> = collected.messages.iter().map(|said| said.message.at).collect();
        assert_eq!(said, [None, None, Some(Timestamp(5))]);
        let meta = &collected.sessions["s"];
        assert_eq!((meta.started_at, meta.ended_at), (Some(Timestamp(5)), Some(Timestamp(5))));
    }

    #[test]
    fn an_input_that_is_nested_too_deep_is_its_text() {
        let nested = |depth| (0..depth).fold(Value::Null, |inner, _| serde_json::json!([inner]));
        for (depth, is_text) in [(0, false), (INPUT_MAX_DEPTH, false), (INPUT_MAX_DEPTH + 1, true), (126, true)] {
            let call = Part::ToolCall { id: "c".to_owned(), name: "t".to_owned(), input: nested(depth) };
            let (id, parts) = ("m".to_owned(), vec![call]);
            let message = Message { id, role: None, author: None, at: None, model: None, parts, row: 0 };
            let mut collected = Collected::default();
            Sink { collected: &mut collected, client: "generic", row: 0, line: 1 }.message("s", Hash::of(b""), message);
            let Part::ToolCall { input, .. } = &collected.messages[0].message.parts[0] else { panic!("a call") };
            let wanted = if is_text { Value::String(nested(depth).to_string()) } else { nested(depth) };
            assert_eq!(*input, wanted, "{depth}");
        }
    }

    #[test]
    fn names_of_the_unknown_are_bounded_and_none_is_uncounted() {
        let mut collected = Collected::default();
        let mut sink = Sink { collected: &mut collected, client: "generic", row: 0, line: 1 };
        for n in 0..1000 {
            sink.unknown(&format!("kind-{n}"));
        }
        sink.unknown("kind-0");
        sink.unknown(&"x".repeat(10_000));
        assert_eq!(collected.unknown.len(), UNKNOWN_MAX + 1);
        assert_eq!(collected.unknown.values().sum::<u64>(), 1002);
        assert_eq!(collected.unknown["kind-0"], 2);
    }
}
