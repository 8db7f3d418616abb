//! `jobs_run`.

use crate::operation::{Access, HERE, Operation};
use jay_core::Call;
use jay_types::Result;
use jay_types::bounds::Limit;
use schemars::JsonSchema;
use serde::Deserialize;

/// Do the work that is queued
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct JobsRunInput {
    /// Go on until nothing waits
    #[serde(default)]
    until_empty: bool,
    /// The most jobs to do, where it does not go on until nothing waits
    #[serde(default)]
    max: Limit<100, 100_000>,
}

pub(super) struct JobsRun;

impl Operation for JobsRun {
    const NAME: &'static str = "jobs_run";
    const ACCESS: Access = Access::Maintain;
    const DOORS: &'static [jay_core::Door] = HERE;
    type Input = JobsRunInput;
    type Output = jay_core::diagnostics::JobsRun;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        jay_core::diagnostics::jobs_run(call, input.until_empty, input.max.get())
    }
}
