//! `vault_rotate`.

use crate::operation::{Access, Operation, PEOPLE, Progress};
use crate::sharing::vault::{self, Members};
use jay_core::Call;
use jay_types::Result;
use jay_types::bounds::Word;
use schemars::JsonSchema;
use serde::Deserialize;

/// Seal with a new key from now on
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct VaultRotateInput {
    /// The remote; the only one where not given
    #[serde(default)]
    #[schemars(extend("x-positional" = true))]
    remote: Option<Word>,
}

pub(super) struct VaultRotate;

impl Operation for VaultRotate {
    const NAME: &'static str = "vault_rotate";
    const ACCESS: Access = Access::Arrange;
    const DOORS: &'static [jay_core::Door] = PEOPLE;
    type Input = VaultRotateInput;
    type Output = Members;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        Self::run_with_progress(call, input, &mut |_, _, _| {})
    }

    fn run_with_progress(call: &Call<'_>, input: Self::Input, progress: &mut Progress<'_>) -> Result<Self::Output> {
        vault::rotate(call, input.remote.as_ref().map(Word::as_str), progress)
    }
}
