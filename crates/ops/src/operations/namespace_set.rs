//! `namespace_set`.

use crate::operation::{Access, Operation, PEOPLE};
use jay_core::Call;
use jay_core::namespaces::{NamespaceView, SecretPolicy};
use jay_types::Result;
use jay_types::bounds::Word;
use jay_types::namespace::NamespacePath;
use schemars::JsonSchema;
use serde::Deserialize;

/// Set a namespace's rule for secrets and the git remotes bound to it
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct NamespaceSetInput {
    /// The namespace
    #[schemars(extend("x-positional" = true))]
    path: NamespacePath,
    /// What is done with a secret that is sent: mask it, refuse the memory, or allow it
    #[serde(default)]
    secrets: Option<SecretPolicy>,
    /// Git remotes whose clones stand in this namespace
    #[serde(default)]
    #[schemars(extend("x-flag" = "add-remote"))]
    add_remotes: Vec<Word>,
    /// Git remotes to unbind
    #[serde(default)]
    #[schemars(extend("x-flag" = "remove-remote"))]
    remove_remotes: Vec<Word>,
}

pub(super) struct NamespaceSet;

impl Operation for NamespaceSet {
    const NAME: &'static str = "namespace_set";
    const ACCESS: Access = Access::Admin;
    const DOORS: &'static [jay_core::Door] = PEOPLE;
    type Input = NamespaceSetInput;
    type Output = NamespaceView;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        jay_core::namespaces::set(call, &input.path, input.secrets, &input.add_remotes, &input.remove_remotes)
    }
}
