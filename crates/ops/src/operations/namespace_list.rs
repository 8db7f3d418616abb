//! `namespace_list`.

use crate::operation::{ALL_DOORS, Access, Operation};
use jay_core::Call;
use jay_core::namespaces::NamespaceView;
use jay_types::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// List the namespaces of this store
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct NamespaceListInput {}

/// The answer to namespace_list.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct NamespaceListOutput {
    /// The namespaces, by path
    namespaces: Vec<NamespaceView>,
}

pub(super) struct NamespaceList;

impl Operation for NamespaceList {
    const NAME: &'static str = "namespace_list";
    const ACCESS: Access = Access::Read;
    const DOORS: &'static [jay_core::Door] = ALL_DOORS;
    type Input = NamespaceListInput;
    type Output = NamespaceListOutput;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        let NamespaceListInput {} = input;
        Ok(NamespaceListOutput { namespaces: jay_core::namespaces::list(call)? })
    }
}
