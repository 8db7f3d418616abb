//! `vault_join`.

use crate::operation::{Access, Operation, PEOPLE, Progress};
use crate::sharing::vault::{self, Joined};
use jay_core::Call;
use jay_types::Result;
use jay_types::bounds::Word;
use schemars::JsonSchema;
use serde::Deserialize;

/// Join the vault of a remote
///
/// With a code of `jay vault invite`; or as a person for whom keys are wrapped, whom somebody lets in afterwards.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct VaultJoinInput {
    /// The remote; the only one where not given
    #[serde(default)]
    #[schemars(extend("x-positional" = true))]
    remote: Option<Word>,
    /// The code of an invitation
    #[serde(default)]
    #[schemars(extend("x-secret" = true))]
    code: Option<Word>,
    /// A file with an age or SSH identity for which keys are wrapped
    #[serde(default)]
    identity: Option<Word>,
    /// A passphrase that was set with `jay vault add`
    #[serde(default)]
    #[schemars(extend("x-secret" = true))]
    passphrase: Option<Word>,
}

pub(super) struct VaultJoin;

impl Operation for VaultJoin {
    const NAME: &'static str = "vault_join";
    const ACCESS: Access = Access::Arrange;
    const DOORS: &'static [jay_core::Door] = PEOPLE;
    type Input = VaultJoinInput;
    type Output = Joined;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        Self::run_with_progress(call, input, &mut |_, _, _| {})
    }

    fn run_with_progress(call: &Call<'_>, input: Self::Input, progress: &mut Progress<'_>) -> Result<Self::Output> {
        let text = |word: &Option<Word>| word.as_ref().map(|word| word.as_str().to_owned());
        let (remote, code, identity, passphrase) =
            (text(&input.remote), text(&input.code), text(&input.identity), text(&input.passphrase));
        let request = vault::JoinRequest {
            remote: remote.as_deref(),
            code: code.as_deref(),
            identity: identity.as_deref(),
            passphrase: passphrase.as_deref(),
        };
        vault::join(call, &request, progress)
    }
}
