//! `remote_check`.

use crate::operation::{Access, HERE, Operation};
use crate::sharing::remotes::{self, RemoteChecked};
use jay_core::Call;
use jay_types::Result;
use jay_types::bounds::Word;
use schemars::JsonSchema;
use serde::Deserialize;

/// Try a remote: list it, write a file, read it back and remove it
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct RemoteCheckInput {
    /// The remote
    #[schemars(extend("x-positional" = true))]
    name: Word,
}

pub(super) struct RemoteCheck;

impl Operation for RemoteCheck {
    const NAME: &'static str = "remote_check";
    const ACCESS: Access = Access::Maintain;
    const DOORS: &'static [jay_core::Door] = HERE;
    type Input = RemoteCheckInput;
    type Output = RemoteChecked;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        remotes::check(call, input.name.as_str())
    }
}
