//! `model_use`.

use crate::operation::{Access, Operation, PEOPLE};
use jay_core::Call;
use jay_core::models::{ModelUsed, Slot};
use jay_types::Result;
use jay_types::bounds::Word;
use schemars::JsonSchema;
use serde::Deserialize;

/// Choose the model that makes vectors or the one that judges the best hits
///
/// There is one of each kind in use, and a model takes the place of its kind. For one that makes vectors, what is here already is
/// embedded in the background; until then the table finds it. The vectors of the model before stay until that one is removed.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ModelUseInput {
    /// The model: its name, its id, or none for the built-in table alone
    #[schemars(extend("x-positional" = true))]
    model: Word,
    /// With none: which kind is turned off; both where not given
    #[serde(default)]
    kind: Option<Slot>,
}

pub(super) struct ModelUse;

impl Operation for ModelUse {
    const NAME: &'static str = "model_use";
    const ACCESS: Access = Access::Maintain;
    const DOORS: &'static [jay_core::Door] = PEOPLE;
    type Input = ModelUseInput;
    type Output = ModelUsed;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        jay_core::models::choose(call, input.model.as_str(), input.kind)
    }
}
