//! `sync_status`.

use crate::operation::{Access, HERE, Operation};
use crate::sharing::synced::{self, SyncStatusView};
use jay_core::Call;
use jay_transfer::sync::status::status;
use jay_types::Result;
use schemars::JsonSchema;
use serde::Deserialize;

/// Tell how far every machine is with every remote
///
/// As this machine knows it from the last time: nothing is asked of the remotes.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct SyncStatusInput {}

pub(super) struct TellSyncStatus;

impl Operation for TellSyncStatus {
    const NAME: &'static str = "sync_status";
    const ACCESS: Access = Access::Read;
    const DOORS: &'static [jay_core::Door] = HERE;
    type Input = SyncStatusInput;
    type Output = SyncStatusView;

    fn run(call: &Call<'_>, _: Self::Input) -> Result<Self::Output> {
        let remotes = crate::sharing::all(call)?;
        let (memory, archive) = call.engine.stores();
        let status = status(memory, archive, &remotes, call.now)?;
        Ok(SyncStatusView { status, last: synced::last(call)? })
    }
}
