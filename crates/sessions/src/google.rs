//! Content of messages in the shape of Google's API, which Gemini CLI and its descendants keep.

use crate::calls::{Call, Calls};
use crate::json::{self, Fields};
use crate::key::line_id;
use crate::said::injected;
use crate::sink::Sink;
use jay_types::session::{Part, Provenance};
use serde_json::Value;
use serde_json::value::RawValue;

/// Reads a part list: a string, a part, or a list of both. `provenance` judges each text; parts of a kind that is not
/// known are counted and stay in the row alone.
pub(crate) fn parts(
    list: &RawValue,
    calls: &mut Calls,
    sink: &mut Sink<'_>,
    provenance: impl Fn(&str) -> Provenance,
) -> Vec<Part> {
    let mut out = Vec::new();
    for item in json::array(list).unwrap_or_else(|| vec![list]) {
        if let Some(text) = json::text(item) {
            let provenance = provenance(&text);
            out.push(Part::Text { text, provenance });
            continue;
        }
        let before = out.len();
        if let Some(fields) = json::object(item) {
            part(&fields, calls, sink, &provenance, &mut out);
        }
        if out.len() == before {
            let fields = json::object(item).unwrap_or_default();
            sink.unknown(&format!("content:{}", fields.iter().next().map_or("(no name)", |(name, _)| name)));
        }
    }
    out
}

fn part(
    fields: &Fields<'_>,
    calls: &mut Calls,
    sink: &Sink<'_>,
    provenance: &impl Fn(&str) -> Provenance,
    out: &mut Vec<Part>,
) {
    if let Some(text) = fields.text("text") {
        let thought = fields.is_true("thought");
        let provenance = provenance(&text);
        out.push(if thought { Part::Reasoning { text } } else { Part::Text { text, provenance } });
    } else if let Some(call) = fields.object("functionCall") {
        let input = call.get("args").map_or(Value::Null, json::value);
        out.extend(self::call(&call, input, calls, sink, out.len()));
    } else if let Some(response) = fields.object("functionResponse") {
        let Some(id) = response.word("id").or_else(|| response.word("name")) else { return };
        let name = calls.close(&id).map(|call| call.name).or_else(|| response.word("name"));
        let (output, is_error) = answer(&response);
        out.push(Part::ToolResult { id, name, output, is_error });
        let files = response.get("parts").and_then(json::array).unwrap_or_default();
        out.extend(files.into_iter().filter_map(|part| file(&json::object(part)?)));
    } else {
        out.extend(file(fields));
    }
}

/// What the person typed, where the client sent more than that to the model: what was sent beside was put in.
pub(crate) fn expanded(typed: Vec<Part>, sent: Vec<Part>) -> Vec<Part> {
    let mut parts = typed;
    let typed = parts.len();
    for part in sent {
        let known = parts.get(..typed).unwrap_or_default();
        match part {
            Part::Text { text, .. } => {
                if !known.iter().any(|part| matches!(part, Part::Text { text: said, .. } if *said == text)) {
                    parts.push(injected(text));
                }
            }
            part if known.contains(&part) => {}
            part => parts.push(part),
        }
    }
    parts
}

/// A call `{id, name}` and its arguments; one without an id is named after its row and its `place` there.
pub(crate) fn call(
    fields: &Fields<'_>,
    input: Value,
    calls: &mut Calls,
    sink: &Sink<'_>,
    place: usize,
) -> Option<Part> {
    let name = fields.word("name")?;
    let id = fields.word("id").unwrap_or_else(|| line_id(&format!("call-{place}"), sink.line()));
    calls.open(&id, Call { name: name.clone(), line: sink.line(), ..Call::default() });
    Some(Part::ToolCall { id, name, input })
}

/// The words of a `functionResponse`, and whether it says that the call failed.
pub(crate) fn answer(response: &Fields<'_>) -> (String, bool) {
    let Some(given) = response.get("response") else { return (String::new(), false) };
    let Some(fields) = json::object(given) else {
        return (json::text(given).unwrap_or_else(|| given.get().to_owned()), false);
    };
    if let Some(error) = fields.get("error") {
        return (json::text(error).unwrap_or_else(|| error.get().to_owned()), true);
    }
    (fields.text("output").unwrap_or_else(|| given.get().to_owned()), false)
}

/// `inlineData`, whose bytes stay in the row, or `fileData`.
fn file(fields: &Fields<'_>) -> Option<Part> {
    let data = fields.object("inlineData").or_else(|| fields.object("fileData"))?;
    Some(Part::File { name: data.word("displayName"), media_type: data.word("mimeType"), uri: data.word("fileUri") })
}
