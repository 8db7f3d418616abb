//! `model_remove`.

use crate::operation::{Access, Operation, PEOPLE};
use jay_core::Call;
use jay_core::models::ModelChanged;
use jay_types::Result;
use jay_types::bounds::Word;
use schemars::JsonSchema;
use serde::Deserialize;

/// Remove an installed model with its vectors
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ModelRemoveInput {
    /// The model: its name or id; not the one in use
    #[schemars(extend("x-positional" = true))]
    model: Word,
}

pub(super) struct ModelRemove;

impl Operation for ModelRemove {
    const NAME: &'static str = "model_remove";
    const ACCESS: Access = Access::Maintain;
    const DOORS: &'static [jay_core::Door] = PEOPLE;
    const IDEMPOTENT: bool = false;
    type Input = ModelRemoveInput;
    type Output = ModelChanged;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        jay_core::models::remove(call, input.model.as_str())
    }
}
