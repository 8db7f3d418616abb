//! Content of messages in the shape of Anthropic's API, which several clients keep.

use crate::calls::{Call, Calls};
use crate::json::{self, Fields};
use crate::key::line_id;
use crate::sink::Sink;
use jay_types::session::{Part, Provenance, Role};
use serde_json::value::RawValue;

/// The parts of a message's content.
#[derive(Debug, Default)]
pub(crate) struct Content {
    pub(crate) parts: Vec<Part>,
    /// True where there is content and all of it answers tool calls.
    pub(crate) only_results: bool,
}

impl Content {
    /// Who says this in a message of `role`: answers of tools are sent in the person's name.
    pub(crate) fn role(&self, role: Role) -> Role {
        if role == Role::User && self.only_results { Role::Tool } else { role }
    }
}

/// Reads `content`, a string or a list of blocks. `provenance` judges each text; blocks of a kind that is not known
/// are counted and stay in the row alone.
pub(crate) fn content(
    content: &RawValue,
    calls: &mut Calls,
    sink: &mut Sink<'_>,
    provenance: impl Fn(&str) -> Provenance,
) -> Content {
    let mut out = Content::default();
    if let Some(text) = json::text(content) {
        let provenance = provenance(&text);
        out.parts.push(Part::Text { text, provenance });
        return out;
    }
    let Some(blocks) = json::array(content) else {
        sink.unknown("(content that is neither text nor a list)");
        return out;
    };
    let mut results = 0;
    for block in &blocks {
        let before = out.parts.len();
        if let Some(fields) = json::object(block) {
            results += usize::from(self::block(&fields, calls, sink, &provenance, &mut out.parts));
        }
        if out.parts.len() == before {
            let kind = json::object(block).and_then(|fields| fields.text("type"));
            sink.unknown(&format!("content:{}", kind.as_deref().unwrap_or("(no type)")));
        }
    }
    out.only_results = results > 0 && results == blocks.len();
    out
}

/// Reads one block; true where it answers a tool call.
fn block(
    fields: &Fields<'_>,
    calls: &mut Calls,
    sink: &mut Sink<'_>,
    provenance: &impl Fn(&str) -> Provenance,
    parts: &mut Vec<Part>,
) -> bool {
    let kind = fields.text("type").unwrap_or_default();
    match kind.as_str() {
        "text" => {
            if let Some(text) = fields.text("text") {
                let provenance = provenance(&text);
                parts.push(Part::Text { text, provenance });
            }
        }
        "thinking" => parts.push(Part::Reasoning { text: fields.text("thinking").unwrap_or_default() }),
        "redacted_thinking" | "redacted" => parts.push(Part::Reasoning { text: String::new() }),
        "tool_use" | "server_tool_use" | "mcp_tool_use" => {
            let Some(name) = fields.text("name") else { return false };
            // A call without an id is named after its row and its place there.
            let id = fields.text("id").unwrap_or_else(|| line_id(&format!("call-{}", parts.len()), sink.line()));
            calls.open(&id, Call { name: name.clone(), line: sink.line(), ..Call::default() });
            let input = fields.get("input").map_or(serde_json::Value::Null, json::value);
            parts.push(Part::ToolCall { id, name, input });
        }
        "image" | "document" => parts.push(file(fields)),
        // What a command printed that the person ran.
        "command_output" => {
            let text = ["text", "output", "content"].iter().find_map(|name| fields.text(name));
            parts.extend(text.map(|text| Part::Text { text, provenance: Provenance::Injected }));
        }
        // tool_result, and the answers of tools that the server runs: web_search_tool_result and its kin.
        _ if kind.ends_with("tool_result") => {
            let Some(id) = fields.text("tool_use_id") else { return false };
            let name = calls.close(&id).map(|call| call.name);
            let (output, files) = fields.get("content").map(result).unwrap_or_default();
            parts.push(Part::ToolResult { id, name, output, is_error: fields.is_true("is_error") });
            parts.extend(files);
            return true;
        }
        _ => {}
    }
    false
}

/// What a tool answered: its words, and the files beside them.
fn result(content: &RawValue) -> (String, Vec<Part>) {
    if let Some(text) = json::text(content) {
        return (text, Vec::new());
    }
    let Some(blocks) = json::array(content) else { return (content.get().to_owned(), Vec::new()) };
    let (mut output, mut files) = (String::new(), Vec::new());
    for block in blocks {
        let fields = json::object(block).unwrap_or_default();
        let kind = fields.text("type").unwrap_or_default();
        if kind == "image" || kind == "document" {
            files.push(file(&fields));
            continue;
        }
        if !output.is_empty() {
            output.push('\n');
        }
        // An answer of another shape (search results, references) is searched as the client wrote it.
        output.push_str(&fields.text("text").unwrap_or_else(|| block.get().to_owned()));
    }
    (output, files)
}

fn file(fields: &Fields<'_>) -> Part {
    let source = fields.object("source").unwrap_or_default();
    let name = fields.word("title").or_else(|| fields.word("name"));
    Part::File { name, media_type: source.word("media_type"), uri: source.word("url") }
}
