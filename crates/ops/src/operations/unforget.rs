//! `unforget`.

use crate::operation::{Access, Operation, SEEN_BY_PEOPLE};
use jay_core::Call;
use jay_types::Result;
use jay_types::bounds::Word;
use jay_types::request::Written;
use schemars::JsonSchema;
use serde::Deserialize;

/// Bring back a forgotten memory
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct UnforgetInput {
    /// The memory: its id, or at least 6 characters of either end of it
    #[schemars(extend("x-positional" = true))]
    id: Word,
}

pub(super) struct Unforget;

impl Operation for Unforget {
    const NAME: &'static str = "unforget";
    const ACCESS: Access = Access::Admin;
    const DOORS: &'static [jay_core::Door] = SEEN_BY_PEOPLE;
    type Input = UnforgetInput;
    type Output = Written;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        jay_core::edit::unforget(call, &input.id)
    }
}
