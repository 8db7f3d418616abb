//! `namespace_merge`.

use crate::operation::{Access, Operation, PEOPLE};
use crate::sharing::visibility;
use jay_core::Call;
use jay_core::namespaces::Merged;
use jay_types::Result;
use jay_types::namespace::NamespacePath;
use schemars::JsonSchema;
use serde::Deserialize;

/// Move every memory of one namespace into another
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct NamespaceMergeInput {
    /// The namespace that is emptied
    #[schemars(extend("x-positional" = true))]
    from: NamespacePath,
    /// The namespace that takes them
    #[schemars(extend("x-positional" = true))]
    into: NamespacePath,
    /// Show what would be moved, and do nothing
    #[serde(default)]
    dry_run: bool,
    /// Say that it is meant where a rename or move changes with whom something is shared
    #[serde(default)]
    change_sharing: bool,
}

pub(super) struct NamespaceMerge;

impl Operation for NamespaceMerge {
    const NAME: &'static str = "namespace_merge";
    const ACCESS: Access = Access::Admin;
    const DOORS: &'static [jay_core::Door] = PEOPLE;
    const DESTRUCTIVE: bool = true;
    const FINAL: bool = true;
    type Input = NamespaceMergeInput;
    type Output = Merged;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        let mut note = None;
        if !visibility::is_meant(call, input.change_sharing) || input.dry_run {
            let before = jay_core::namespaces::names(call, &input.from)?;
            let after = jay_core::namespaces::names(call, &input.into)?.merged_with(&input.from);
            let change = visibility::change(call, (input.from.as_str(), &before), (input.into.as_str(), &after))?;
            match change {
                Some(refused) if !input.dry_run => return Err(refused),
                // Who looks first must see what the merge would ask.
                change => note = change.map(|refused| refused.message),
            }
        }
        let mut merged = jay_core::namespaces::merge(call, &input.from, &input.into, input.dry_run)?;
        merged.notes.extend(note);
        Ok(merged)
    }
}
