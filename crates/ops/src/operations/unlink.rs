//! `unlink`.

use crate::operation::{ALL_DOORS, Access, Operation};
use jay_core::Call;
use jay_types::Result;
use jay_types::request::{LinkEnds, Written};
use schemars::JsonSchema;
use serde::Deserialize;

/// Take a link away
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct UnlinkInput(LinkEnds);

pub(super) struct Unlink;

impl Operation for Unlink {
    const NAME: &'static str = "unlink";
    const ACCESS: Access = Access::Write;
    const DOORS: &'static [jay_core::Door] = ALL_DOORS;
    const SHORT: bool = true;
    type Input = UnlinkInput;
    type Output = Written;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        jay_core::edit::unlink(call, &input.0)
    }
}
