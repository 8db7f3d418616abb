//! A session as JSON lines, in the shape that the `generic` adapter reads: what is synced from them says what the
//! session says.

use super::{MessageView, SessionView};
use serde_json::{Map, Value};

/// Each line is a message; the first of a piece tells of the session what it can. Rows of a client that are no message
/// (they have no role or no parts) have no line.
pub(super) fn write(session: &SessionView, messages: &[MessageView]) -> String {
    let mut out = String::new();
    for message in messages.iter().filter(|message| is_written(message)) {
        let mut row = Map::new();
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                row.insert(key.to_owned(), value);
            }
        };
        let text = |text: &Option<String>| text.clone().map(Value::String);
        put("session", Some(Value::String(session.session.clone())));
        put("message", Some(Value::String(message.message.clone())));
        put("at", message.at.map(|at| Value::String(at.rfc3339())));
        put("role", message.role.and_then(|role| serde_json::to_value(role).ok()));
        put("author", text(&message.author));
        put("model", text(&message.model));
        if out.is_empty() {
            put("project", text(&session.project));
            put("title", text(&session.title));
            put("parent", text(&session.parent));
        }
        put("parts", Some(Value::Array(message.parts.clone())));
        out.push_str(&escaped(&Value::Object(row).to_string()));
        out.push('\n');
    }
    out
}

/// True where the message has a line.
pub(in crate::sessions) fn is_written(message: &MessageView) -> bool {
    message.role.is_some() && !message.parts.is_empty()
}

/// JSON in which what would command a terminal is escaped as well; it means the same.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if jay_types::text::commands_the_terminal(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}
