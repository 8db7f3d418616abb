//! `vault_members`.

use crate::operation::{Access, HERE, Operation};
use crate::sharing::vault::{self, Members};
use jay_core::Call;
use jay_types::Result;
use jay_types::bounds::Word;
use schemars::JsonSchema;
use serde::Deserialize;

/// List who belongs to the vault
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct VaultMembersInput {
    /// A remote on which the vault is shared; a store belongs to one vault
    #[serde(default)]
    #[schemars(extend("x-positional" = true))]
    remote: Option<Word>,
}

pub(super) struct VaultMembers;

impl Operation for VaultMembers {
    const NAME: &'static str = "vault_members";
    const ACCESS: Access = Access::Read;
    const DOORS: &'static [jay_core::Door] = HERE;
    type Input = VaultMembersInput;
    type Output = Members;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        vault::members(call, input.remote.as_ref().map(Word::as_str))
    }
}
