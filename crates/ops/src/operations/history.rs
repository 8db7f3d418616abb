//! `history`.

use crate::operation::{ALL_DOORS, Access, Operation};
use jay_core::Call;
use jay_core::read::HistoryEntry;
use jay_types::Result;
use jay_types::bounds::Word;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Show every change of one memory, earliest first
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct HistoryInput {
    /// The memory: its id, or at least 6 characters of either end of it
    #[schemars(extend("x-positional" = true))]
    id: Word,
    /// Show how the text changed, line by line
    #[serde(default)]
    diff: bool,
}

/// The answer to history.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct HistoryOutput {
    /// The changes, earliest first
    changes: Vec<HistoryEntry>,
}

pub(super) struct History;

impl Operation for History {
    const NAME: &'static str = "history";
    const ACCESS: Access = Access::Read;
    const DOORS: &'static [jay_core::Door] = ALL_DOORS;
    type Input = HistoryInput;
    type Output = HistoryOutput;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        Ok(HistoryOutput { changes: jay_core::read::history(call, &input.id, input.diff)? })
    }

    fn for_agents(output: &Self::Output, _max_tokens: usize) -> Option<String> {
        crate::agents::as_data(output)
    }
}
