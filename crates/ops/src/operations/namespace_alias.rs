//! `namespace_alias`.

use crate::operation::{Access, Operation, PEOPLE};
use crate::sharing::visibility;
use jay_core::Call;
use jay_core::namespaces::NamespaceView;
use jay_types::Result;
use jay_types::namespace::NamespacePath;
use schemars::JsonSchema;
use serde::Deserialize;

/// Give a namespace a second path, or take it away
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct NamespaceAliasInput {
    /// The namespace
    #[schemars(extend("x-positional" = true))]
    path: NamespacePath,
    /// The other path
    #[schemars(extend("x-positional" = true))]
    alias: NamespacePath,
    /// Take it away
    #[serde(default)]
    remove: bool,
    /// Say that it is meant where a private alias changes with whom something is shared
    #[serde(default)]
    change_sharing: bool,
}

pub(super) struct NamespaceAlias;

impl Operation for NamespaceAlias {
    const NAME: &'static str = "namespace_alias";
    const ACCESS: Access = Access::Admin;
    const DOORS: &'static [jay_core::Door] = PEOPLE;
    type Input = NamespaceAliasInput;
    type Output = NamespaceView;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        if !visibility::is_meant(call, input.change_sharing) {
            let before = jay_core::namespaces::names(call, &input.path)?;
            let (path, alias) = (input.path.as_str(), &input.alias);
            let after =
                if input.remove { before.clone().without_alias(alias) } else { before.clone().with_alias(alias) };
            visibility::demand(call, (path, &before), (path, &after))?;
        }
        jay_core::namespaces::alias(call, &input.path, &input.alias, input.remove)
    }
}
