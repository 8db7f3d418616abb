//! `namespace_rename`.

use crate::operation::{Access, Operation, PEOPLE};
use crate::sharing::visibility;
use jay_core::Call;
use jay_core::namespaces::NamespaceView;
use jay_types::Result;
use jay_types::namespace::NamespacePath;
use schemars::JsonSchema;
use serde::Deserialize;

/// Rename a namespace; its memories and history come along
///
/// Its old path stays as an alias, so that directories and files which are named so still mean it; `jay namespace alias
/// --remove` takes it away. Renamed out of private/ it keeps no name there.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct NamespaceRenameInput {
    /// Its path now
    #[schemars(extend("x-positional" = true))]
    from: NamespacePath,
    /// The path that it shall have
    #[schemars(extend("x-positional" = true))]
    to: NamespacePath,
    /// Say that it is meant where a rename or move changes with whom something is shared
    #[serde(default)]
    change_sharing: bool,
}

pub(super) struct NamespaceRename;

impl Operation for NamespaceRename {
    const NAME: &'static str = "namespace_rename";
    const ACCESS: Access = Access::Admin;
    const DOORS: &'static [jay_core::Door] = PEOPLE;
    type Input = NamespaceRenameInput;
    type Output = NamespaceView;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        if !visibility::is_meant(call, input.change_sharing) {
            let before = jay_core::namespaces::names(call, &input.from)?;
            let after = before.renamed(&input.to);
            visibility::demand(call, (input.from.as_str(), &before), (input.to.as_str(), &after))?;
        }
        jay_core::namespaces::rename(call, &input.from, &input.to)
    }
}
