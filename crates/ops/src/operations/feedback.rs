//! `feedback`.

use crate::operation::{ALL_DOORS, Access, Operation};
use jay_core::Call;
use jay_core::edit::Verdict;
use jay_types::Result;
use jay_types::bounds::Word;
use jay_types::request::Written;
use schemars::JsonSchema;
use serde::Deserialize;

/// Say whether a recalled memory was useful or noise
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct FeedbackInput {
    /// The memory: its id, or at least 6 characters of either end of it
    #[schemars(extend("x-positional" = true))]
    id: Word,
    /// What it was
    #[schemars(extend("x-positional" = true))]
    verdict: Verdict,
}

pub(super) struct Feedback;

impl Operation for Feedback {
    const NAME: &'static str = "feedback";
    const ACCESS: Access = Access::Write;
    const DOORS: &'static [jay_core::Door] = ALL_DOORS;
    const SHORT: bool = true;
    const IDEMPOTENT: bool = false;
    type Input = FeedbackInput;
    type Output = Written;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        jay_core::edit::feedback(call, &input.id, input.verdict)
    }
}
