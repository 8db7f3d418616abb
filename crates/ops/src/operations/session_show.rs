//! `session_show`.

use crate::operation::{ALL_DOORS, Access, Operation};
use jay_core::Call;
use jay_core::sessions::SessionShown;
use jay_types::Result;
use jay_types::bounds::{Limit, Word};
use schemars::JsonSchema;
use serde::Deserialize;

/// Show the messages of one archived session
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct SessionShowInput {
    /// The session: the client's own id, or at least 6 characters of either end of it
    #[schemars(extend("x-positional" = true))]
    session: Word,
    /// Begin a little before this message
    #[serde(default)]
    around: Option<Word>,
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
        let cursor = input.cursor.as_ref().map(Word::as_str);
        jay_core::sessions::show(call, &input.session, input.around.as_ref(), input.limit.get(), cursor, input.reveal)
    }

    fn for_agents(output: &Self::Output, _max_tokens: usize) -> Option<String> {
        crate::agents::as_data(output)
    }
}
