//! `status`.

use crate::operation::{ALL_DOORS, Access, Operation};
use jay_core::Call;
use jay_types::Result;
use schemars::JsonSchema;
use serde::Deserialize;

/// Show what this store holds and what waits
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct StatusInput {}

pub(super) struct Status;

impl Operation for Status {
    const NAME: &'static str = "status";
    const ACCESS: Access = Access::Read;
    const DOORS: &'static [jay_core::Door] = ALL_DOORS;
    type Input = StatusInput;
    type Output = jay_core::diagnostics::Status;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        let StatusInput {} = input;
        jay_core::diagnostics::status(call)
    }
}
