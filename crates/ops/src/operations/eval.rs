//! `eval`.

use crate::operation::{Access, HERE, Operation};
use jay_core::Call;
use jay_core::evaluate::Evaluation;
use jay_types::Result;
use jay_types::bounds::Limit;
use schemars::JsonSchema;
use serde::Deserialize;

/// Measure what recall finds in this store, and how quickly
///
/// Makes questions from a few words of its own memories and archived messages and asks them: does the text come back?
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct EvalInput {
    /// The most questions about memories, and about messages
    #[serde(default)]
    questions: Limit<100, 10_000>,
}

pub(super) struct Eval;

impl Operation for Eval {
    const NAME: &'static str = "eval";
    const ACCESS: Access = Access::Read;
    const DOORS: &'static [jay_core::Door] = HERE;
    type Input = EvalInput;
    type Output = Evaluation;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        jay_core::evaluate::evaluate(call, input.questions.get())
    }
}
