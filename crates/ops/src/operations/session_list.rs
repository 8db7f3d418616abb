//! `session_list`.

use crate::operation::{ALL_DOORS, Access, Operation};
use jay_core::Call;
use jay_core::sessions::{SessionFilter, SessionsListed};
use jay_types::Result;
use jay_types::bounds::{Limit, Word};
use schemars::JsonSchema;
use serde::Deserialize;

/// List archived sessions, latest first
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct SessionListInput {
    #[serde(flatten)]
    filter: SessionFilter,
    /// The most sessions of one page
    #[serde(default)]
    limit: Limit<20, 200>,
    /// Where the page begins: `next` of the page before
    #[serde(default)]
    cursor: Option<Word>,
}

pub(super) struct SessionList;

impl Operation for SessionList {
    const NAME: &'static str = "session_list";
    const ACCESS: Access = Access::Read;
    const DOORS: &'static [jay_core::Door] = ALL_DOORS;
    type Input = SessionListInput;
    type Output = SessionsListed;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        jay_core::sessions::list(call, &input.filter, input.limit.get(), input.cursor.as_ref().map(Word::as_str))
    }

    fn for_agents(output: &Self::Output, _max_tokens: usize) -> Option<String> {
        crate::agents::as_data(output)
    }
}
