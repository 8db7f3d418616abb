//! One message that is handed in, as a row of the generic session file.
//!
//! The row is made first and read by that file's own parser: what a message is stands there and nowhere else.
//!
//! **Invariant:** a row that is read here loses nothing: what the parser of a file would only count is refused, since
//! whoever hands it in is there to mend it.

use crate::secrets::masked_name;
use crate::sessions::sync::ROW_MAX_BYTES;
use jay_sessions::{SessionAdapter, content_hash, generic::Generic, read_all};
use jay_types::bounds::Word;
use jay_types::session::Message;
use jay_types::text::shorten;
use jay_types::{Error, Result};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// The fields of a message, with what each must be.
const FIELDS: [(&str, Kind); 7] = [
    ("id", Kind::Name),
    ("role", Kind::Text),
    ("text", Kind::Text),
    ("parts", Kind::List),
    ("at", Kind::Time),
    ("author", Kind::Name),
    ("model", Kind::Name),
];

#[derive(Clone, Copy)]
enum Kind {
    /// Text of 1 to 256 bytes.
    Name,
    Text,
    List,
    Time,
}

/// A row of a generic session file.
pub(super) type Row = Map<String, Value>;

/// A message that can be taken in.
pub(super) struct Given {
    /// What its row says.
    pub message: Message,
    /// The row, without what is told of the session.
    pub row: Row,
}

/// Messages without an id that were read so far, by what they say.
pub(super) type Unnamed = HashMap<String, u32>;

/// Reads one message of `session`.
///
/// # Errors
/// `bad_input`, which quotes no more of the message than a mistaken word.
pub(super) fn read(session: &str, value: &Value, unnamed: &mut Unnamed) -> Result<Given> {
    let Value::Object(fields) = value else { return Err(bad("must be an object")) };
    let mut row = Row::new();
    row.insert("session".to_owned(), session.into());
    // An absent field and one that is null are the same.
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        let Some((_, kind)) = FIELDS.iter().find(|(known, _)| known == name) else {
            let known = FIELDS.map(|(name, _)| name).join(", ");
            return Err(bad(format!("`{}`: is not a field here; known are {known}", shorten(name, 40))));
        };
        fits(*kind, value).map_err(|reason| bad(format!("`{name}`: {reason}")))?;
        row.insert(if name == "id" { "message" } else { name }.to_owned(), value.clone());
    }
    let mut message = parse(&row)?;
    if !row.contains_key("message") {
        message.id = id_of(&message, unnamed);
        row.insert("message".to_owned(), message.id.as_str().into());
    }
    Ok(Given { message, row })
}

fn fits(kind: Kind, value: &Value) -> Result<(), String> {
    match (kind, value) {
        (Kind::Name, Value::String(name)) => Word::new(name.as_str()).map(|_| ()),
        (Kind::Text | Kind::Time, Value::String(_)) | (Kind::List, Value::Array(_)) => Ok(()),
        (Kind::Time, Value::Number(_)) => Ok(()),
        (Kind::Name | Kind::Text, _) => Err("must be text".to_owned()),
        (Kind::List, _) => Err("must be a list".to_owned()),
        (Kind::Time, _) => Err("must be a time: RFC 3339, or seconds since 1970".to_owned()),
    }
}

/// What the parser of generic session files makes of `row`.
fn parse(row: &Row) -> Result<Message> {
    let bytes = line(row)?;
    if bytes.len() > ROW_MAX_BYTES {
        return Err(bad(format!("must be at most {ROW_MAX_BYTES} bytes, not {}", bytes.len())));
    }
    let mut summary = read_all(&Generic, &bytes);
    // An unknown part is the reason why there is no text: it is told, and stands last.
    if let Some(unknown) = summary.report.unknown.keys().next_back() {
        return Err(bad(said_of(unknown)));
    }
    match summary.messages.pop() {
        Some(said) if summary.messages.is_empty() && said.message.role.is_some() => Ok(said.message),
        _ => Err(bad("says nothing")),
    }
}

/// In words what the parser counts as unknown.
fn said_of(unknown: &str) -> String {
    const ROLES: &str = "must be system, user, assistant or tool";
    match (unknown, unknown.split_once(':')) {
        ("(no role)", _) => "`role`: is required".to_owned(),
        ("(no text)", _) => "`text`: is required where there are no `parts`".to_owned(),
        ("(time that cannot be read)", _) => "`at`: is not a time".to_owned(),
        (_, Some(("role", role))) => format!("`role`: {ROLES}, not `{}`", shown(role)),
        (_, Some(("part", kind))) => format!(
            "`parts`: a part of type `{}` is not one of text, reasoning, file, tool_call, tool_result with their fields",
            shown(kind)
        ),
        _ => format!("is not understood: {unknown}"),
    }
}

/// A word that was sent, as it may be shown.
fn shown(word: &str) -> String {
    shorten(&masked_name(word.to_owned()), 40)
}

fn bad(reason: impl Into<String>) -> Error {
    Error::bad_input(reason).hint("`jay call --describe session_append` lists the fields of a message.")
}

/// The row as it stands in a file.
pub(super) fn line(row: &Row) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(row).map_err(|error| Error::internal(error.to_string()))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The id of a message that has none, by what it says and when: sent again it is the same. Said twice in one call it is
/// two messages, said again in another call it is taken for the first.
fn id_of(message: &Message, unnamed: &mut Unnamed) -> String {
    let said = serde_json::to_vec(&(message.role, &message.author, message.at, &message.parts)).unwrap_or_default();
    let hash = content_hash(&[&said]).to_string();
    let id = format!("said-{}", hash.get(..24).unwrap_or(&hash));
    let times = unnamed.entry(id.clone()).or_default();
    *times += 1;
    if *times == 1 { id } else { format!("{id}-{times}") }
}

/// The version of the parser that reads rows here.
pub(super) fn parser_version() -> u32 {
    Generic.version()
}
