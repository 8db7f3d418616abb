//! `namespace_delete`.

use crate::operation::{Access, Operation, PEOPLE};
use jay_core::Call;
use jay_core::namespaces::Deleted;
use jay_types::Result;
use jay_types::namespace::NamespacePath;
use schemars::JsonSchema;
use serde::Deserialize;

/// Retire a namespace and every memory in it
///
/// The journal keeps them; `jay purge` removes the bytes of single memories.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct NamespaceDeleteInput {
    /// The namespace
    #[schemars(extend("x-positional" = true))]
    path: NamespacePath,
    /// Show what would be retired, and do nothing
    #[serde(default)]
    dry_run: bool,
}

pub(super) struct NamespaceDelete;

impl Operation for NamespaceDelete {
    const NAME: &'static str = "namespace_delete";
    const ACCESS: Access = Access::Admin;
    const DOORS: &'static [jay_core::Door] = PEOPLE;
    const DESTRUCTIVE: bool = true;
    const FINAL: bool = true;
    type Input = NamespaceDeleteInput;
    type Output = Deleted;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        jay_core::namespaces::delete(call, &input.path, input.dry_run)
    }
}
