//! A session as steps: one part each, with who does it and when. What targets have in common.
//!
//! **Invariant:** every part of every message is a step, or is counted as left out.

use super::{Draft, Whole};
use jay_types::Timestamp;
use jay_types::session::{Message, Part, Provenance, Role};
use serde_json::{Value, json};

/// A part of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step<'a> {
    pub(super) message: &'a Message,
    /// Its place among the steps.
    pub(super) place: usize,
    /// Who does it: calls are the model's and answers a tool's, wherever they stood.
    pub(super) role: Role,
    pub(super) at: Timestamp,
    pub(super) part: &'a Part,
}

/// When a session began: as its rows tell, else `now`.
pub(super) fn started(whole: &Whole, now: Timestamp) -> Timestamp {
    let told = whole.messages.iter().find_map(|message| message.at);
    whole.meta.started_at.or(told).or(whole.meta.ended_at).unwrap_or(now)
}

/// The steps of a session. What has no time has that of what was before it.
pub(super) fn steps<'a>(whole: &'a Whole, now: Timestamp, draft: &mut Draft) -> Vec<Step<'a>> {
    let mut at = started(whole, now);
    let mut out = Vec::new();
    for message in &whole.messages {
        at = message.at.unwrap_or(at);
        let Some(said_by) = message.role else {
            draft.leave_out("rows without a role");
            continue;
        };
        for part in &message.parts {
            let role = match part {
                Part::ToolCall { .. } | Part::Reasoning { .. } => Role::Assistant,
                Part::ToolResult { .. } => Role::Tool,
                Part::Text { text, .. } if text.trim().is_empty() => {
                    draft.leave_out("texts without words");
                    continue;
                }
                // Beside its answer a tool may hand over a file; it goes to the model in the person's name.
                Part::Text { .. } | Part::File { .. } if said_by == Role::Tool => Role::User,
                Part::Text { .. } | Part::File { .. } => said_by,
            };
            if matches!(part, Part::Reasoning { text } if text.trim().is_empty()) {
                draft.leave_out("reasoning without words");
                continue;
            }
            out.push(Step { message, place: out.len(), role, at, part });
        }
    }
    out
}

/// Steps that follow one another, as one turn where they are the model's and belong together, else each alone. Words
/// behind a call begin a turn of their own, for calls stand last in a message.
pub(super) fn turns<'a>(steps: Vec<Step<'a>>) -> Vec<Vec<Step<'a>>> {
    let is_call = |step: &Step<'_>| matches!(step.part, Part::ToolCall { .. });
    let mut turns: Vec<Vec<Step<'a>>> = Vec::new();
    for step in steps {
        let goes_on = |turn: &&mut Vec<Step<'a>>| {
            let fits = |last: &Step<'_>| is_answer(last) && last.message.model == step.message.model;
            is_answer(&step) && turn.last().is_some_and(|last| fits(last) && (is_call(&step) || !is_call(last)))
        };
        match turns.last_mut().filter(goes_on) {
            Some(turn) => turn.push(step),
            None => turns.push(vec![step]),
        }
    }
    turns
}

/// True for what the model itself says or does.
pub(super) fn is_answer(step: &Step<'_>) -> bool {
    step.role == Role::Assistant && !is_put_in(step)
}

/// True for a text that nobody said: what a client put in, and words of the system.
pub(super) fn is_put_in(step: &Step<'_>) -> bool {
    match step.part {
        Part::Text { provenance, .. } => *provenance == Provenance::Injected || step.role == Role::System,
        _ => false,
    }
}

/// The address of a file that a model can fetch by itself.
pub(super) fn address(part: &Part) -> Option<(&str, &str)> {
    match part {
        Part::File { uri: Some(uri), media_type, .. } if uri.starts_with("https://") || uri.starts_with("http://") => {
            Some((uri, media_type.as_deref().unwrap_or("application/octet-stream")))
        }
        _ => None,
    }
}

/// The arguments of a call as an object, which the APIs of models demand.
pub(super) fn arguments(input: &Value) -> Value {
    match input {
        Value::Object(_) => input.clone(),
        Value::Null => json!({}),
        other => json!({ "input": other }),
    }
}

/// `object` with one field more.
pub(super) fn with(mut object: Value, name: &str, value: impl Into<Value>) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value.into());
    }
    object
}

/// Rows, one line each.
#[derive(Debug, Default)]
pub(super) struct Lines(pub(super) Vec<u8>);

impl Lines {
    pub(super) fn push(&mut self, row: &Value) {
        self.0.extend_from_slice(row.to_string().as_bytes());
        self.0.push(b'\n');
    }
}

/// What comes after the last step of that name: where a file stood below the client's directory.
pub(super) fn below(steps: &[&str], name: &str) -> Option<std::path::PathBuf> {
    let at = steps.iter().rposition(|step| *step == name)?;
    let rest = steps.get(at + 1..).filter(|rest| !rest.is_empty())?;
    Some(rest.iter().collect())
}

/// A word for the shell of the person.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | ':' | ',' | '@');
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_for_the_shell_is_one_word() {
        assert_eq!(quoted("/home/mira/lantern"), "/home/mira/lantern");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's; rm"), "'it'\\''s; rm'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn a_place_is_what_comes_after_the_last_of_its_name() {
        let path = ["", "sessions", "x", "sessions", "2026", "a.jsonl"];
        assert_eq!(below(&path, "sessions"), Some("2026/a.jsonl".into()));
        assert_eq!(below(&path, "a.jsonl"), None);
        assert_eq!(below(&path, "none"), None);
    }
}
