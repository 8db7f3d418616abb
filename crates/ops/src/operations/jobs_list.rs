//! `jobs_list`.

use crate::operation::{Access, HERE, Operation};
use jay_core::Call;
use jay_core::diagnostics::JobView;
use jay_types::Result;
use jay_types::bounds::Limit;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// List the work that is queued
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct JobsListInput {
    /// The most jobs to list
    #[serde(default)]
    limit: Limit<50, 1000>,
}

/// The answer to jobs_list.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct JobsListOutput {
    /// The jobs, next one first
    jobs: Vec<JobView>,
}

pub(super) struct JobsList;

impl Operation for JobsList {
    const NAME: &'static str = "jobs_list";
    const ACCESS: Access = Access::Read;
    const DOORS: &'static [jay_core::Door] = HERE;
    type Input = JobsListInput;
    type Output = JobsListOutput;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        Ok(JobsListOutput { jobs: jay_core::diagnostics::jobs_list(call, input.limit.get())? })
    }
}
