//! `vault_members`.

use crate::operation::{Access, HERE, Operation};
use crate::sharing::vault::{self, Members};
use jay_core::Call;
use jay_types::Result;
use schemars::JsonSchema;
use serde::Deserialize;

/// List who belongs to the vault
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct VaultMembersInput {}

pub(super) struct VaultMembers;

impl Operation for VaultMembers {
    const NAME: &'static str = "vault_members";
    const ACCESS: Access = Access::Read;
    const DOORS: &'static [jay_core::Door] = HERE;
    type Input = VaultMembersInput;
    type Output = Members;

    fn run(call: &Call<'_>, _: Self::Input) -> Result<Self::Output> {
        vault::members(call)
    }
}
