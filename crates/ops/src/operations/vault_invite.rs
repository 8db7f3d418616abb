//! `vault_invite`.

use crate::operation::{Access, Operation, PEOPLE, Progress};
use crate::sharing::vault::{self, Invited};
use jay_core::Call;
use jay_types::Result;
use jay_types::bounds::Word;
use schemars::JsonSchema;
use serde::Deserialize;

/// Make a code with which another machine joins the vault
///
/// It counts once, for 24 hours. Whoever has it can read everything that is shared: hand it over as you would a password.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct VaultInviteInput {
    /// The remote; the only one where not given
    #[serde(default)]
    #[schemars(extend("x-positional" = true))]
    remote: Option<Word>,
}

pub(super) struct VaultInvite;

impl Operation for VaultInvite {
    const NAME: &'static str = "vault_invite";
    const ACCESS: Access = Access::Arrange;
    const DOORS: &'static [jay_core::Door] = PEOPLE;
    type Input = VaultInviteInput;
    type Output = Invited;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        Self::run_with_progress(call, input, &mut |_, _, _| {})
    }

    fn run_with_progress(call: &Call<'_>, input: Self::Input, progress: &mut Progress<'_>) -> Result<Self::Output> {
        vault::invite(call, input.remote.as_ref().map(Word::as_str), progress)
    }
}
