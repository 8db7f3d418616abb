//! `sync`.

use crate::operation::{Access, HERE, Operation, Progress};
use crate::sharing::synced::{self, SyncRequest, Synced};
use jay_core::Call;
use jay_transfer::sync::Direction;
use jay_types::Result;
use jay_types::bounds::Word;
use schemars::JsonSchema;
use serde::Deserialize;

/// Bring what other machines shared, and share what is here
///
/// With every remote, or the one that is named. What arrived is found when the command returns.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct SyncInput {
    /// The remote; every one where not given
    #[serde(default)]
    #[schemars(extend("x-positional" = true))]
    remote: Option<Word>,
    /// Show what would be brought and shared, and do neither
    #[serde(default)]
    dry_run: bool,
    /// Only bring what others shared
    #[serde(default)]
    pull: bool,
    /// Only share what is here
    #[serde(default)]
    push: bool,
    /// Fail with exit code 75 where another sync of this store runs, rather than wait for it
    #[serde(default)]
    no_wait: bool,
}

pub(super) struct Sync;

impl Operation for Sync {
    const NAME: &'static str = "sync";
    const ACCESS: Access = Access::Maintain;
    const DOORS: &'static [jay_core::Door] = HERE;
    type Input = SyncInput;
    type Output = Synced;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        Self::run_with_progress(call, input, &mut |_, _, _| {})
    }

    fn run_with_progress(call: &Call<'_>, input: Self::Input, progress: &mut Progress<'_>) -> Result<Self::Output> {
        let direction = match (input.pull, input.push) {
            (true, false) => Direction::Pull,
            (false, true) => Direction::Push,
            _ => Direction::Both,
        };
        let remote = input.remote.map(Word::into_string);
        let (is_dry, no_wait) = (input.dry_run, input.no_wait);
        synced::run(call, &SyncRequest { remote, direction, is_dry, no_wait, stop: None }, progress)
    }
}
