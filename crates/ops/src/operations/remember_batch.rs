//! `remember_batch`.

use crate::bounds::Several;
use crate::operation::{Access, Operation, PROGRAMS};
use jay_core::Call;
use jay_types::Result;
use jay_types::bounds::BATCH_MAX;
use jay_types::request::{NewMemory, Remembered};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Remember up to 1,000 statements in one act: all of them or none
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct RememberBatchInput {
    /// The memories
    memories: Several<NewMemory, BATCH_MAX>,
}

/// The answer to remember_batch.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct RememberBatchOutput {
    /// What became of each, in order
    results: Vec<Remembered>,
}

pub(super) struct RememberBatch;

impl Operation for RememberBatch {
    const NAME: &'static str = "remember_batch";
    const ACCESS: Access = Access::Write;
    const DOORS: &'static [jay_core::Door] = PROGRAMS;
    const SHORT: bool = true;
    type Input = RememberBatchInput;
    type Output = RememberBatchOutput;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        Ok(RememberBatchOutput { results: jay_core::remember::batch(call, input.memories.into_vec())? })
    }
}
