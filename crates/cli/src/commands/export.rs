//! `jay session export` at the command line: the pieces of a document put together as they come.

use crate::app::App;
use crate::output::one_line;
use crate::render::count;
use jay_core::Engine;
use jay_core::sessions::SessionExported;
use jay_ops::Spec;
use jay_types::{Error, Result};
use serde::Deserialize as _;
use serde_json::Value;

/// Writes the whole document to where answers go, and says on stderr what is not in it.
pub(crate) fn run(app: &App<'_>, engine: &Engine, spec: &Spec, mut input: Value) -> Result<()> {
    let mut notes: Vec<String> = Vec::new();
    let (mut messages, mut left_out) = (0, 0);
    let mut is_done = false;
    app.output.pieces(|| {
        if is_done {
            return Ok(None);
        }
        let answer = app.call(engine, spec, input.clone())?;
        let piece = SessionExported::deserialize(&answer)
            .map_err(|error| Error::internal(format!("a piece of the document cannot be read: {error}")))?;
        messages += piece.messages;
        left_out += piece.left_out;
        notes.extend(piece.notes.into_iter().filter(|note| !notes.contains(note)).collect::<Vec<_>>());
        match (piece.next, input.as_object_mut()) {
            (Some(next), Some(fields)) => drop(fields.insert("cursor".to_owned(), Value::String(next))),
            _ => is_done = true,
        }
        Ok(Some(piece.text))
    })?;
    if left_out > 0 {
        let rows = count(left_out, "row of the client says", "rows of the client say");
        notes.push(format!("{rows} nothing and so are not in the document"));
    }
    if let Some(file) = &app.output.file {
        app.output.talk(&format!(
            "{} written to {}",
            count(messages - left_out, "message", "messages"),
            one_line(&file.display().to_string())
        ));
    }
    for note in notes {
        app.output.talk(&format!("note: {}", one_line(&note)));
    }
    Ok(())
}
