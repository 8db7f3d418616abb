//! Content of messages in the shape that Pi keeps.

use crate::calls::Call;
use crate::json::{self, Fields};
use crate::lines::Known;
use crate::sink::Sink;
use jay_types::session::{Part, Provenance};
use serde_json::Value;
use serde_json::value::RawValue;

/// Reads a text or a list of blocks; those of a kind that is not known are counted and stay in the row alone.
pub(super) fn blocks(content: &RawValue, known: &mut Known, sink: &mut Sink<'_>, provenance: Provenance) -> Vec<Part> {
    if let Some(text) = json::text(content) {
        return vec![Part::Text { text, provenance }];
    }
    let Some(items) = json::array(content) else {
        sink.unknown("(content that is neither text nor a list)");
        return Vec::new();
    };
    let mut parts = Vec::new();
    for item in items {
        let fields = json::object(item).unwrap_or_default();
        let kind = fields.text("type").unwrap_or_default();
        let part = match kind.as_str() {
            "text" => fields.text("text").map(|text| Part::Text { text, provenance }),
            "thinking" => Some(Part::Reasoning { text: fields.text("thinking").unwrap_or_default() }),
            "redactedThinking" => Some(Part::Reasoning { text: String::new() }),
            "toolCall" => call(&fields, known, sink),
            "image" => Some(image(&fields)),
            _ => None,
        };
        if part.is_none() {
            sink.unknown(&format!("content:{}", if kind.is_empty() { "(no type)" } else { &kind }));
        }
        parts.extend(part);
    }
    parts
}

fn call(fields: &Fields<'_>, known: &mut Known, sink: &Sink<'_>) -> Option<Part> {
    let (id, name) = (fields.word("id")?, fields.word("name")?);
    known.calls.open(&id, Call { name: name.clone(), line: sink.line(), ..Call::default() });
    let input = fields.get("arguments").map_or(Value::Null, json::given);
    Some(Part::ToolCall { id, name, input })
}

/// An image; its bytes stay in the row, or stand in a file of the client under their hash.
fn image(fields: &Fields<'_>) -> Part {
    let uri = fields.word("data").filter(|data| data.starts_with("blob:"));
    Part::File { name: None, media_type: fields.word("mimeType"), uri }
}

/// A tool's answer: its words, and the images beside them.
pub(super) fn answer(said: &Fields<'_>, known: &mut Known) -> Vec<Part> {
    let id = said.word("toolCallId").unwrap_or_default();
    let name = known.calls.close(&id).map(|call| call.name).or_else(|| said.word("toolName"));
    let (mut words, mut images) = (Vec::new(), Vec::new());
    if let Some(content) = said.get("content") {
        words.extend(json::text(content));
        for item in json::array(content).unwrap_or_default() {
            let fields = json::object(item).unwrap_or_default();
            match fields.text("type").as_deref() {
                Some("image") => images.push(image(&fields)),
                _ => words.push(fields.text("text").unwrap_or_else(|| item.get().to_owned())),
            }
        }
    }
    let mut parts = vec![Part::ToolResult { id, name, output: words.join("\n"), is_error: said.is_true("isError") }];
    parts.extend(images);
    parts
}
