//! `update`.

use crate::operation::{ALL_DOORS, Access, Operation};
use jay_core::Call;
use jay_types::Result;
use jay_types::bounds::Word;
use jay_types::request::{Edit, Written};
use schemars::JsonSchema;
use serde::Deserialize;

/// Change fields of a memory; what is not given stays
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct UpdateInput {
    /// The memory: its id, or at least 6 characters of either end of it
    #[schemars(extend("x-positional" = true))]
    id: Word,
    #[serde(flatten)]
    edit: Edit,
    /// Refuse where the memory's version is another by now
    #[serde(default)]
    if_version: Option<u64>,
}

pub(super) struct Update;

impl Operation for Update {
    const NAME: &'static str = "update";
    const ACCESS: Access = Access::Write;
    const DOORS: &'static [jay_core::Door] = ALL_DOORS;
    const BRIEF: Option<&'static [&'static str]> = Some(&["id", "text", "kind", "tags"]);
    const SHORT: bool = true;
    type Input = UpdateInput;
    type Output = Written;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        jay_core::edit::update(call, &input.id, input.edit, input.if_version)
    }
}
