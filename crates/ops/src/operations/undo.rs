//! `undo`.

use crate::operation::{ALL_DOORS, Access, Operation};
use jay_core::Call;
use jay_core::edit::Undone;
use jay_types::Result;
use jay_types::namespace::NamespacePath;
use schemars::JsonSchema;
use serde::Deserialize;

/// Undo the caller's last act
///
/// Undoing it again undoes the act before it. What somebody else has written over since is a conflict.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct UndoInput {
    /// Only an act that touched this namespace; over HTTP and MCP one that the caller sees where not given, else the last
    #[serde(default)]
    namespace: Option<NamespacePath>,
    /// Show what would be undone, and undo nothing
    #[serde(default)]
    dry_run: bool,
}

pub(super) struct Undo;

impl Operation for Undo {
    const NAME: &'static str = "undo";
    const ACCESS: Access = Access::Write;
    const DOORS: &'static [jay_core::Door] = ALL_DOORS;
    const DESTRUCTIVE: bool = true;
    const IDEMPOTENT: bool = false;
    type Input = UndoInput;
    type Output = Undone;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        jay_core::edit::undo(call, input.namespace.as_ref(), input.dry_run)
    }
}
