//! `session_erase`.

use crate::operation::{Access, Operation, PEOPLE};
use jay_core::Call;
use jay_core::purge::Erased;
use jay_types::bounds::Word;
use jay_types::{EntityId, Result};
use schemars::JsonSchema;
use serde::Deserialize;

/// Remove an archived session, everywhere and for good
///
/// Its subagents go with it. Its id is remembered: no later sync takes it in again.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct SessionEraseInput {
    /// The session: the client's own id, or at least 6 characters of either end of it
    #[schemars(extend("x-positional" = true))]
    session: Word,
    /// Say that it is meant: nothing brings the session back
    #[serde(default)]
    purge: bool,
    /// Show what would be removed, and remove nothing
    #[serde(default)]
    dry_run: bool,
}

pub(super) struct SessionErase;

impl Operation for SessionErase {
    const NAME: &'static str = "session_erase";
    const ACCESS: Access = Access::Admin;
    const DOORS: &'static [jay_core::Door] = PEOPLE;
    const DESTRUCTIVE: bool = true;
    const FINAL: bool = true;
    type Input = SessionEraseInput;
    type Output = Erased;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        let mut erased = jay_core::purge::erase(call, &input.session, input.purge, input.dry_run)?;
        if !input.dry_run {
            let ids: Vec<EntityId> = erased
                .sessions
                .iter()
                .map(|erased| EntityId::derived("session", &[&erased.client, &erased.session]))
                .collect();
            erased.places.retain(|place| !place.place.starts_with("remote "));
            erased.places.extend(crate::sharing::purged::places(call, &ids)?);
            erased.done = erased.places.iter().all(|place| place.done);
        }
        Ok(erased)
    }
}
