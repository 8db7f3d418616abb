//! `session_show`.

use crate::operation::{ALL_DOORS, Access, Operation};
use jay_core::Call;
use jay_core::sessions::{DocumentFormat, Pages, SessionShown};
use jay_types::Result;
use jay_types::bounds::{Limit, Word};
use schemars::JsonSchema;
use serde::Deserialize;

/// What the messages are shown as.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ShowFormat {
    /// Text for a terminal, or the messages as JSON
    #[default]
    Text,
    /// The page as Markdown
    Markdown,
    /// The page as an HTML file
    Html,
}

/// Show the messages of one archived session
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct SessionShowInput {
    /// The session: the client's own id, or at least 6 characters of either end of it
    #[schemars(extend("x-positional" = true))]
    session: Word,
    /// Begin a little before this message
    #[serde(default)]
    around: Option<Word>,
    /// What to show the messages as
    #[serde(default)]
    format: ShowFormat,
    /// Show calls of tools and their outputs in full, not as a line each; JSON always has them in full
    #[serde(default)]
    tools: bool,
    /// The most messages of one page
    #[serde(default)]
    limit: Limit<50, 500>,
    /// Where the page begins: `next` of the page before
    #[serde(default)]
    cursor: Option<Word>,
    /// Show secrets that are masked (people only, from the command line or the web)
    #[serde(default)]
    reveal: bool,
}

pub(super) struct SessionShow;

impl Operation for SessionShow {
    const NAME: &'static str = "session_show";
    const ACCESS: Access = Access::Read;
    const DOORS: &'static [jay_core::Door] = ALL_DOORS;
    type Input = SessionShowInput;
    type Output = SessionShown;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        let SessionShowInput { session, around, format, tools, limit, cursor, reveal } = input;
        let cursor = cursor.as_ref().map(Word::as_str);
        let pages = Pages { around: around.as_ref(), limit: limit.get(), cursor };
        let format = match format {
            ShowFormat::Text => return jay_core::sessions::show(call, &session, pages, reveal),
            ShowFormat::Markdown => DocumentFormat::Markdown,
            ShowFormat::Html => DocumentFormat::Html,
        };
        jay_core::sessions::show_as(call, &session, pages, format, tools, reveal)
    }

    fn for_agents(output: &Self::Output, _max_tokens: usize) -> Option<String> {
        crate::agents::as_data(output)
    }
}
