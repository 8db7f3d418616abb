//! Blocks of content in the shape of Anthropic's API, which several targets keep.

use super::draft::Draft;
use super::names::word;
use super::steps::{Step, address, arguments};
use jay_types::session::Part;
use serde_json::{Value, json};

/// A step as a block; none for what cannot be one, which is counted. Reasoning has no signature that the API would take.
pub(super) fn block(step: &Step<'_>, draft: &mut Draft) -> Option<Value> {
    match step.part {
        Part::Text { text, .. } => Some(json!({"type": "text", "text": text})),
        Part::Reasoning { text } => Some(json!({"type": "thinking", "thinking": text, "signature": ""})),
        Part::ToolCall { id, name, input } => {
            Some(json!({"type": "tool_use", "id": word(id), "name": word(name), "input": arguments(input)}))
        }
        Part::ToolResult { id, output, is_error, .. } => {
            let mut block = json!({"type": "tool_result", "tool_use_id": word(id), "content": output});
            if let (true, Some(fields)) = (*is_error, block.as_object_mut()) {
                fields.insert("is_error".to_owned(), true.into());
            }
            Some(block)
        }
        Part::File { .. } => {
            let file = address(step.part).and_then(|(uri, media_type)| {
                let source = json!({"type": "url", "url": uri});
                match media_type {
                    "application/pdf" => Some(json!({"type": "document", "source": source})),
                    _ if media_type.starts_with("image/") => Some(json!({"type": "image", "source": source})),
                    _ => None,
                }
            });
            if file.is_none() {
                draft.leave_out("files");
            }
            file
        }
    }
}
