//! `namespace_show`.

use crate::operation::{ALL_DOORS, Access, Operation};
use jay_core::Call;
use jay_core::namespaces::NamespaceView;
use jay_types::Result;
use jay_types::namespace::NamespacePath;
use schemars::JsonSchema;
use serde::Deserialize;

/// Show one namespace: aliases, git remotes, policy
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct NamespaceShowInput {
    /// The namespace
    #[schemars(extend("x-positional" = true))]
    path: NamespacePath,
}

pub(super) struct NamespaceShow;

impl Operation for NamespaceShow {
    const NAME: &'static str = "namespace_show";
    const ACCESS: Access = Access::Read;
    const DOORS: &'static [jay_core::Door] = ALL_DOORS;
    type Input = NamespaceShowInput;
    type Output = NamespaceView;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        jay_core::namespaces::show(call, &input.path)
    }
}
