//! `link`.

use crate::operation::{ALL_DOORS, Access, Operation};
use jay_core::Call;
use jay_types::Result;
use jay_types::request::{LinkEnds, Written};
use schemars::JsonSchema;
use serde::Deserialize;

/// Link one memory to another
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct LinkInput(LinkEnds);

pub(super) struct MakeLink;

impl Operation for MakeLink {
    const NAME: &'static str = "link";
    const ACCESS: Access = Access::Write;
    const DOORS: &'static [jay_core::Door] = ALL_DOORS;
    const SHORT: bool = true;
    type Input = LinkInput;
    type Output = Written;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        jay_core::edit::link(call, &input.0)
    }
}
