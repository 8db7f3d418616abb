//! `docs_remove`.

use super::docs_list::placed;
use crate::operation::{Access, HERE, Operation};
use jay_core::documents::DocsRemoved;
use jay_core::{Call, Door};
use jay_types::Result;
use jay_types::bounds::Bounded;
use jay_types::namespace::NamespacePath;
use schemars::JsonSchema;
use serde::Deserialize;

/// Take the documents of a folder out of the memory
///
/// The files stay as they are, and need not be there any more. Added again, everything is back with its history.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct DocsRemoveInput {
    /// The folder or file
    #[schemars(extend("x-positional" = true))]
    path: Bounded<4096>,
    /// The namespace that has it; where not given that of the project that holds it, else the caller's own
    #[serde(default)]
    namespace: Option<NamespacePath>,
    /// Show what would be taken out, and write nothing
    #[serde(default)]
    dry_run: bool,
}

pub(super) struct DocsRemove;

impl Operation for DocsRemove {
    const NAME: &'static str = "docs_remove";
    const ACCESS: Access = Access::Write;
    const DOORS: &'static [Door] = HERE;
    const DESTRUCTIVE: bool = true;
    type Input = DocsRemoveInput;
    type Output = DocsRemoved;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        let path = placed(call, &input.path)?;
        jay_core::documents::remove(call, path, input.namespace.as_ref(), input.dry_run)
    }
}
