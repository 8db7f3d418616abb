//! `remote_remove`.

use crate::operation::{Access, Operation, PEOPLE, Progress};
use crate::sharing::remotes::{self, RemoteRemoved};
use jay_core::Call;
use jay_types::Result;
use jay_types::bounds::Word;
use schemars::JsonSchema;
use serde::Deserialize;

/// Stop sharing with a remote
///
/// Nothing is removed there, and nothing here; this machine stays in the vault.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct RemoteRemoveInput {
    /// The remote
    #[schemars(extend("x-positional" = true))]
    name: Word,
}

pub(super) struct RemoteRemove;

impl Operation for RemoteRemove {
    const NAME: &'static str = "remote_remove";
    const ACCESS: Access = Access::Arrange;
    const DOORS: &'static [jay_core::Door] = PEOPLE;
    type Input = RemoteRemoveInput;
    type Output = RemoteRemoved;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        Self::run_with_progress(call, input, &mut |_, _, _| {})
    }

    fn run_with_progress(call: &Call<'_>, input: Self::Input, progress: &mut Progress<'_>) -> Result<Self::Output> {
        remotes::remove(call, input.name.as_str(), progress)
    }
}
