//! `vault_remove`.

use crate::operation::{Access, Operation, PEOPLE, Progress};
use crate::sharing::vault::{self, Members};
use jay_core::Call;
use jay_types::Result;
use jay_types::bounds::Word;
use schemars::JsonSchema;
use serde::Deserialize;

/// Take a machine or a person out of the vault, and change its key
///
/// What it wrote until now stays; what it writes later counts nowhere. What it could read before, it keeps. Of two that took out each
/// other, it is said by this for every machine which one stays out.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct VaultRemoveInput {
    /// A node, its name, or a recipient
    #[schemars(extend("x-positional" = true))]
    who: Word,
    /// The remote; the only one where not given
    #[serde(default)]
    remote: Option<Word>,
}

pub(super) struct VaultRemove;

impl Operation for VaultRemove {
    const NAME: &'static str = "vault_remove";
    const ACCESS: Access = Access::Arrange;
    const DOORS: &'static [jay_core::Door] = PEOPLE;
    type Input = VaultRemoveInput;
    type Output = Members;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        Self::run_with_progress(call, input, &mut |_, _, _| {})
    }

    fn run_with_progress(call: &Call<'_>, input: Self::Input, progress: &mut Progress<'_>) -> Result<Self::Output> {
        vault::remove(call, input.remote.as_ref().map(Word::as_str), input.who.as_str(), progress)
    }
}
