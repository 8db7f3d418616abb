//! `list`.

use crate::operation::{ALL_DOORS, Access, Operation};
use jay_core::Call;
use jay_core::read::Listed;
use jay_types::Result;
use jay_types::bounds::{Limit, Word};
use jay_types::request::Filter;
use schemars::JsonSchema;
use serde::Deserialize;

/// List memories, latest first
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ListInput {
    #[serde(flatten)]
    filter: Filter,
    /// The most memories of one page
    #[serde(default)]
    limit: Limit<50, 500>,
    /// Where the page begins: `next` of the page before
    #[serde(default)]
    cursor: Option<Word>,
}

pub(super) struct List;

impl Operation for List {
    const NAME: &'static str = "list";
    const ACCESS: Access = Access::Read;
    const DOORS: &'static [jay_core::Door] = ALL_DOORS;
    type Input = ListInput;
    type Output = Listed;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        jay_core::read::list(call, &input.filter, input.limit.get(), input.cursor.as_ref().map(Word::as_str))
    }

    fn for_agents(output: &Self::Output, _max_tokens: usize) -> Option<String> {
        crate::agents::as_data(output)
    }
}
