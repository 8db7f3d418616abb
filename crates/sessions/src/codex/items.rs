//! What Codex keeps of what was said: messages and reasoning.
//!
//! **Invariant:** what is not known is told to the sink and never guessed.

use super::output;
use crate::json::{self, Fields};
use crate::sink::Sink;
use jay_types::session::{Part, Provenance, Role};
use serde_json::value::RawValue;

/// How a text begins that the client put in a person's mouth.
const INJECTED_PREFIXES: [&str; 3] = ["<environment_context>", "<user_instructions>", "# AGENTS.md"];

/// Reads a message item.
pub(super) fn message(item: &Fields<'_>, sink: &mut Sink<'_>) -> Option<(Role, Vec<Part>)> {
    let role = match item.text("role").as_deref() {
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("developer" | "system") => Role::System,
        other => {
            sink.unknown(&format!("role:{}", other.unwrap_or("(none)")));
            return None;
        }
    };
    let mut parts = Vec::new();
    match item.get("content") {
        Some(content) if content.get().starts_with('"') => {
            parts.extend(json::text(content).map(|text| said(role, text)));
        }
        Some(content) => {
            for block in json::array(content).unwrap_or_default() {
                parts.extend(block_part(role, block, sink));
            }
        }
        None => sink.unknown("(message without content)"),
    }
    Some((role, parts))
}

fn block_part(role: Role, block: &RawValue, sink: &mut Sink<'_>) -> Option<Part> {
    let fields = json::object(block).unwrap_or_default();
    let kind = fields.text("type").unwrap_or_default();
    let part = match kind.as_str() {
        "input_text" | "output_text" | "text" => fields.text("text").map(|text| said(role, text)),
        "input_image" | "input_file" => Some(output::file(&fields)),
        _ => None,
    };
    if part.is_none() {
        sink.unknown(&format!("content:{}", if kind.is_empty() { "(no type)" } else { &kind }));
    }
    part
}

fn said(role: Role, text: String) -> Part {
    let begins = text.trim_start();
    let injected = match role {
        Role::System => true,
        Role::User => INJECTED_PREFIXES.iter().any(|prefix| begins.starts_with(prefix)),
        Role::Assistant | Role::Tool => false,
    };
    let provenance = if injected { Provenance::Injected } else { Provenance::Conversational };
    Part::Text { text, provenance }
}

/// The summary and the content of a reasoning item; empty where only ciphertext is kept.
pub(super) fn reasoning(item: &Fields<'_>) -> String {
    let texts = |name| item.get(name).and_then(json::array).unwrap_or_default();
    let all = texts("summary").into_iter().chain(texts("content"));
    let words: Vec<_> = all.filter_map(|block| json::object(block)?.word("text")).collect();
    words.join("\n\n")
}
