//! What a step of a conversation says, in the encoding of [`super::wire`].
//!
//! A step is an envelope and one field whose number says what it is. Of some tools it is known in which field they answer; steps
//! of the others are kept and counted by that number.

use super::wire::Message;
use super::{part, wrapped};
use crate::json::{self, Fields};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jay_types::Timestamp;
use jay_types::session::{Part, Role, Usage};
use serde_json::Value;

/// Fields of the envelope: type, status, what is told of it, a step in it, an error, a task.
const ENVELOPE: [u64; 6] = [1, 4, 5, 6, ERROR, 148];
const METADATA: u64 = 5;
const ERROR: u64 = 31;
const USER_INPUT: u64 = 19;
const PLANNER_RESPONSE: u64 = 20;
const CHECKPOINT: u64 = 30;
const ERROR_MESSAGE: u64 = 24;
const SYSTEM_MESSAGE: u64 = 114;
/// What the client tells the model by the way, the history that it gives it, and what it knows.
const SILENT: [u64; 4] = [103, 111, 112, 129];

/// Where a tool answers.
struct Answer {
    kind: u64,
    /// Ways to its words, the fullest first.
    words: &'static [&'static [u64]],
    /// Where its exit code stands.
    exit: Option<u64>,
}

/// A command, a search for files, how a command stands, a tool of a server, a search of the web, a command of a shell, any tool.
const ANSWERS: [Answer; 7] = [
    Answer { kind: 28, words: &[&[21, 1], &[21, 2], &[19, 1], &[4], &[5]], exit: Some(6) },
    Answer { kind: 34, words: &[&[11], &[8]], exit: None },
    Answer { kind: 37, words: &[&[9], &[3], &[4]], exit: Some(5) },
    Answer { kind: 47, words: &[&[3]], exit: None },
    Answer { kind: 42, words: &[&[5]], exit: None },
    Answer { kind: 127, words: &[&[3], &[4]], exit: Some(2) },
    Answer { kind: 140, words: &[&[2, 1]], exit: None },
];

/// The source of what nobody typed.
const USER_IMPLICIT: u64 = 3;

/// Statuses of a step that goes on.
const IN_FLIGHT: [i64; 5] = [1, 2, 8, 9, 11];
const DONE: i64 = 3;
const FAILED: i64 = 7;

/// What a step says.
pub(super) struct Said {
    pub(super) role: Role,
    pub(super) at: Option<Timestamp>,
    pub(super) parts: Vec<Part>,
}

/// The bytes of a column.
pub(super) fn bytes(row: &Fields<'_>, column: &str) -> Option<Vec<u8>> {
    let raw = row.get(column)?;
    match json::object(raw) {
        Some(fields) => STANDARD.decode(fields.text("base64")?).ok(),
        None => json::text(raw).map(String::into_bytes),
    }
}

fn status(row: &Fields<'_>) -> Option<i64> {
    row.get("status").and_then(json::integer)
}

/// A row of `steps`; the kind of what is not known, or an empty text, where it says nothing.
pub(super) fn read(row: &Fields<'_>) -> Result<Said, String> {
    let status = status(row);
    if status.is_some_and(|status| IN_FLIGHT.contains(&status)) {
        return Err(String::new());
    }
    let payload = bytes(row, "step_payload").unwrap_or_default();
    let step = Message::parse(&payload).ok_or("(step that cannot be decoded)")?;
    let column = bytes(row, "metadata").unwrap_or_default();
    let about = step.message(METADATA).or_else(|| Message::parse(&column)).unwrap_or_default();
    let at = about.message(1).and_then(time);
    let kind = step.numbers().find(|number| !ENVELOPE.contains(number));
    let inner = kind.and_then(|kind| step.message(kind));
    let error = step.message(ERROR).or_else(|| inner.filter(|_| kind == Some(ERROR_MESSAGE))?.message(3));
    let error = error.and_then(|error| [3, 2, 1].into_iter().find_map(|field| error.word(field)));
    let (role, parts) = match (kind, inner) {
        (Some(USER_INPUT), Some(input)) => (Role::User, user(input, about.number(3) == Some(USER_IMPLICIT))),
        (Some(PLANNER_RESPONSE), Some(response)) => (Role::Assistant, planner(response)),
        _ if error.is_some() => {
            let text = error.unwrap_or_default();
            match about.message(4) {
                Some(_) => (Role::Tool, vec![result(about, text, true)]),
                None => (Role::System, put_in(text)),
            }
        }
        (Some(CHECKPOINT), Some(about)) => (Role::System, about.word(5).map(put_in).unwrap_or_default()),
        (Some(SYSTEM_MESSAGE), Some(said)) => (Role::System, said.word(1).map(put_in).unwrap_or_default()),
        (Some(kind), Some(inner)) if ANSWERS.iter().any(|known| known.kind == kind) => {
            let (output, is_failed) = answered(kind, inner).ok_or_else(|| format!("step:{kind}"))?;
            (Role::Tool, vec![result(about, output, is_failed || status == Some(FAILED))])
        }
        (Some(USER_INPUT | PLANNER_RESPONSE), None) => return Err("(step that cannot be decoded)".to_owned()),
        (Some(kind), _) if SILENT.contains(&kind) => return Err(String::new()),
        (Some(kind), _) => return Err(format!("step:{kind}")),
        (None, _) => return Err(format!("step type:{}", row.word("step_type").unwrap_or_default())),
    };
    if parts.is_empty() { Err(String::new()) } else { Ok(Said { role, at, parts }) }
}

fn put_in(text: &str) -> Vec<Part> {
    vec![part(Role::System, text.to_owned())]
}

/// What a tool answered, and whether its command failed; none where neither words nor an exit code stand where they are known to.
fn answered(kind: u64, inner: Message<'_>) -> Option<(&str, bool)> {
    let known = ANSWERS.iter().find(|known| known.kind == kind)?;
    let walk = |way: &&[u64]| {
        let (last, inside) = way.split_last()?;
        inside.iter().try_fold(inner, |message, field| message.message(*field))?.word(*last)
    };
    let words = known.words.iter().find_map(walk);
    let exit = known.exit.and_then(|field| inner.number(field));
    Some((words.or_else(|| exit.map(|_| ""))?, exit.is_some_and(|exit| exit != 0)))
}

/// The title of a conversation that a step tells.
pub(super) fn title(row: &Fields<'_>) -> Option<String> {
    let payload = bytes(row, "step_payload")?;
    Message::parse(&payload)?.message(CHECKPOINT)?.word(10).map(str::to_owned)
}

/// A person's words, in one text or several, and images.
fn user(input: Message<'_>, is_put_in: bool) -> Vec<Part> {
    let pieces: Vec<&str> = input.messages(3).filter_map(|item| item.word(1)).collect();
    let text = input.word(1).map(str::to_owned).or_else(|| (!pieces.is_empty()).then(|| pieces.concat()));
    let text = text.or_else(|| input.word(2).map(str::to_owned));
    let said = |text: String| if is_put_in { put_in(&text) } else { wrapped(&text) };
    let mut parts = text.map(said).unwrap_or_default();
    let words = |image: Message<'_>, field| image.word(field).map(str::to_owned);
    // Bytes stay in the row.
    let image = |image| Part::File { name: None, media_type: words(image, 2), uri: words(image, 4) };
    parts.extend(input.messages(5).map(image));
    parts.extend(input.each(9).map(|_| Part::File { name: None, media_type: None, uri: None }));
    parts
}

fn planner(response: Message<'_>) -> Vec<Part> {
    let mut parts = Vec::new();
    parts.extend(response.word(3).map(|text| Part::Reasoning { text: text.to_owned() }));
    parts.extend(response.word(1).map(|text| part(Role::Assistant, text.to_owned())));
    for call in response.messages(7) {
        let (id, name) = (call.word(1).unwrap_or_default().to_owned(), call.word(2).unwrap_or_default().to_owned());
        let input = call.word(3).map_or(Value::Null, |text| json::decode_string(text.to_owned()));
        parts.push(Part::ToolCall { id, name, input });
    }
    parts
}

/// The answer to the call that the step carries out.
fn result(about: Message<'_>, output: &str, is_error: bool) -> Part {
    let call = about.message(4);
    let id = call.and_then(|call| call.word(1)).unwrap_or_default().to_owned();
    let name = call.and_then(|call| call.word(2)).map(str::to_owned);
    Part::ToolResult { id, name, output: output.to_owned(), is_error }
}

/// Seconds and parts of one.
pub(super) fn time(at: Message<'_>) -> Option<Timestamp> {
    let seconds = i64::try_from(at.number(1)?).ok()?;
    let nanos = i64::try_from(at.number(2).unwrap_or(0)).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    Some(Timestamp(seconds.checked_mul(1_000_000)?.checked_add(nanos / 1000)?))
}

/// What a step used. A turn of the model is one step, and its input is told without what was cached.
pub(crate) fn usage(fields: &Fields<'_>) -> Option<Usage> {
    let row = fields.object("row").filter(|_| fields.text("table").as_deref() == Some("steps"))?;
    if status(&row) != Some(DONE) {
        return None;
    }
    let (column, payload) =
        (bytes(&row, "metadata").unwrap_or_default(), bytes(&row, "step_payload").unwrap_or_default());
    let about = Message::parse(&payload).and_then(|step| step.message(METADATA)).or_else(|| Message::parse(&column))?;
    let told = about.message(9)?;
    Some(Usage {
        model: fields.word("model"),
        input_tokens: told.number(2),
        output_tokens: told.number(3),
        cache_read_tokens: told.number(5),
        cache_write_tokens: told.number(4),
        reasoning_tokens: told.number(9),
        ..Usage::default()
    })
}
