//! `session_retention`.

use crate::operation::{Access, Operation, PEOPLE};
use jay_core::Call;
use jay_core::purge::Retained;
use jay_types::Result;
use schemars::JsonSchema;
use serde::Deserialize;

/// Erase archived sessions that are older than your rules keep them
///
/// The rules are the setting `retention`; without one everything is kept. The scheduled work does this too.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct SessionRetentionInput {
    /// Say that it is meant: nothing brings the sessions back
    #[serde(default)]
    purge: bool,
    /// Show what would be removed, and remove nothing
    #[serde(default)]
    dry_run: bool,
}

pub(super) struct SessionRetention;

impl Operation for SessionRetention {
    const NAME: &'static str = "session_retention";
    const ACCESS: Access = Access::Admin;
    const DOORS: &'static [jay_core::Door] = PEOPLE;
    const DESTRUCTIVE: bool = true;
    const FINAL: bool = true;
    type Input = SessionRetentionInput;
    type Output = Retained;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        jay_core::purge::retain(call, input.purge, input.dry_run)
    }
}
