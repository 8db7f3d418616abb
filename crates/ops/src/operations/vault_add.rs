//! `vault_add`.

use crate::operation::{Access, Operation, PEOPLE, Progress};
use crate::sharing::vault::{self, Members};
use jay_core::Call;
use jay_types::Result;
use jay_types::bounds::Word;
use schemars::JsonSchema;
use serde::Deserialize;

/// Let a machine that asks into the vault, or wrap its keys for a person too
///
/// A person is an age recipient or an SSH public key, or whoever knows a passphrase: they can read, and join a machine with it. A
/// machine that was taken out is let back in by its id, with all that it wrote meanwhile.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct VaultAddInput {
    /// A node that asks or was taken out, or a recipient: age1…, ssh-ed25519 …, ssh-rsa …
    #[serde(default)]
    #[schemars(extend("x-positional" = true))]
    who: Option<Word>,
    /// The remote; the only one where not given
    #[serde(default)]
    remote: Option<Word>,
    /// Words that open the vault, in place of a recipient
    #[serde(default)]
    #[schemars(extend("x-secret" = true))]
    passphrase: Option<Word>,
}

pub(super) struct VaultAdd;

impl Operation for VaultAdd {
    const NAME: &'static str = "vault_add";
    const ACCESS: Access = Access::Arrange;
    const DOORS: &'static [jay_core::Door] = PEOPLE;
    type Input = VaultAddInput;
    type Output = Members;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        Self::run_with_progress(call, input, &mut |_, _, _| {})
    }

    fn run_with_progress(call: &Call<'_>, input: Self::Input, progress: &mut Progress<'_>) -> Result<Self::Output> {
        let text = |word: &Option<Word>| word.as_ref().map(|word| word.as_str().to_owned());
        let (remote, who, passphrase) = (text(&input.remote), text(&input.who), text(&input.passphrase));
        vault::add(call, (remote.as_deref(), who.as_deref(), passphrase.as_deref()), progress)
    }
}
