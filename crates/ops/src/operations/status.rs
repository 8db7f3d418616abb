//! `status`.

use crate::operation::{ALL_DOORS, Access, Operation};
use crate::sharing::health::{self, StatusView};
use jay_core::Call;
use jay_core::diagnostics::Finding;
use jay_types::Result;
use schemars::JsonSchema;
use serde::Deserialize;

/// Show what this store holds and what waits
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct StatusInput {}

pub(super) struct Status;

impl Operation for Status {
    const NAME: &'static str = "status";
    const ACCESS: Access = Access::Read;
    const DOORS: &'static [jay_core::Door] = ALL_DOORS;
    type Input = StatusInput;
    type Output = StatusView;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        let StatusInput {} = input;
        let mut status = jay_core::diagnostics::status(call)?;
        let (sync, sync_error) = match health::health(call) {
            Ok(None) => (None, None),
            Ok(Some((health, wrong))) => {
                status.notes.extend(wrong.iter().map(Finding::said));
                (Some(health), None)
            }
            Err(error) => (None, Some(error.message)),
        };
        Ok(StatusView { status, sync, sync_error })
    }
}
