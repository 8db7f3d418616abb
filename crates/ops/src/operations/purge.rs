//! `purge`.

use crate::bounds::Ids;
use crate::operation::{Access, Operation, PEOPLE};
use jay_core::Call;
use jay_core::purge::Purged;
use jay_types::Result;
use schemars::JsonSchema;
use serde::Deserialize;

/// Remove the bytes of memories, everywhere and for good
///
/// Only ids and hashes stay. Archived sessions that hold the text are listed; `with_sources` purges it there too.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct PurgeInput {
    /// The memories: their ids, or at least 6 characters of either end of each
    #[schemars(extend("x-positional" = true))]
    ids: Ids,
    /// Also from the archived sessions that hold the text
    #[serde(default)]
    with_sources: bool,
    /// Show what would be removed, and remove nothing
    #[serde(default)]
    dry_run: bool,
}

pub(super) struct Purge;

impl Operation for Purge {
    const NAME: &'static str = "purge";
    const ACCESS: Access = Access::Admin;
    const DOORS: &'static [jay_core::Door] = PEOPLE;
    const DESTRUCTIVE: bool = true;
    const FINAL: bool = true;
    type Input = PurgeInput;
    type Output = Purged;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        let mut purged = jay_core::purge::purge(call, input.ids.as_slice(), input.with_sources, input.dry_run)?;
        if !input.dry_run {
            purged.places.retain(|place| !place.place.starts_with("remote "));
            purged.places.extend(crate::sharing::purged::places(call, &purged.memories)?);
            purged.done = purged.places.iter().all(|place| place.done);
        }
        Ok(purged)
    }
}
