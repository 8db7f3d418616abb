//! `session_export`.

use crate::operation::{Access, HERE, Operation};
use jay_core::Call;
use jay_core::sessions::{DocumentFormat, SessionExported};
use jay_types::Result;
use jay_types::bounds::Word;
use schemars::JsonSchema;
use serde::Deserialize;

/// Write one archived session as a document
///
/// Markdown, one HTML file that needs nothing from the network, or JSON lines that `jay session sync generic` reads. A
/// long session comes in pieces, which are the document when put together; the command line does that.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct SessionExportInput {
    /// The session: the client's own id, or at least 6 characters of either end of it
    #[schemars(extend("x-positional" = true))]
    session: Word,
    /// What to write
    #[serde(default)]
    format: DocumentFormat,
    /// Show calls of tools and their outputs in full: without it Markdown has a line for each, and HTML folds them
    #[serde(default)]
    tools: bool,
    /// Where the piece begins: `next` of the piece before
    #[serde(default)]
    cursor: Option<Word>,
    /// Show secrets that are masked (people only, from the command line or the web)
    #[serde(default)]
    reveal: bool,
}

pub(super) struct SessionExport;

impl Operation for SessionExport {
    const NAME: &'static str = "session_export";
    const ACCESS: Access = Access::Read;
    // A file is of no use to an agent, which has session_show.
    const DOORS: &'static [jay_core::Door] = HERE;
    type Input = SessionExportInput;
    type Output = SessionExported;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        let cursor = input.cursor.as_ref().map(Word::as_str);
        jay_core::sessions::export(call, &input.session, input.format, cursor, input.tools, input.reveal)
    }
}
