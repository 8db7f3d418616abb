//! `revert`.

use crate::operation::{ALL_DOORS, Access, Operation};
use jay_core::Call;
use jay_types::Result;
use jay_types::bounds::Word;
use jay_types::request::Written;
use schemars::JsonSchema;
use serde::Deserialize;

/// Give a memory its earlier wording back
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct RevertInput {
    /// The memory: its id, or at least 6 characters of either end of it
    #[schemars(extend("x-positional" = true))]
    id: Word,
    /// A change (`dot` of its history), a time, or an age such as 3d
    to: Word,
}

pub(super) struct Revert;

impl Operation for Revert {
    const NAME: &'static str = "revert";
    const ACCESS: Access = Access::Write;
    const DOORS: &'static [jay_core::Door] = ALL_DOORS;
    type Input = RevertInput;
    type Output = Written;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        jay_core::edit::revert(call, &input.id, &input.to)
    }
}
