//! `move`.

use crate::operation::{ALL_DOORS, Access, Operation};
use crate::sharing::visibility;
use jay_core::Call;
use jay_types::Result;
use jay_types::bounds::Word;
use jay_types::namespace::NamespacePath;
use jay_types::request::Written;
use schemars::JsonSchema;
use serde::Deserialize;

/// Move a memory to another namespace
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct MoveInput {
    /// The memory: its id, or at least 6 characters of either end of it
    #[schemars(extend("x-positional" = true))]
    id: Word,
    /// The namespace in which it goes on
    to: NamespacePath,
    /// Say that it is meant where a rename or move changes with whom something is shared
    #[serde(default)]
    change_sharing: bool,
}

pub(super) struct Move;

impl Operation for Move {
    const NAME: &'static str = "move";
    const ACCESS: Access = Access::Write;
    const DOORS: &'static [jay_core::Door] = ALL_DOORS;
    type Input = MoveInput;
    type Output = Written;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        if !visibility::is_meant(call, input.change_sharing)
            && let Some((from, before)) = jay_core::namespaces::names_around(call, &input.id)?
        {
            let after = jay_core::namespaces::names_where_written(call, &input.to)?;
            visibility::demand(call, (&from, &before), (input.to.as_str(), &after))?;
        }
        jay_core::edit::move_to(call, &input.id, &input.to)
    }
}
