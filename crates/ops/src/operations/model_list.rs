//! `model_list`.

use crate::operation::{Access, HERE, Operation};
use jay_core::Call;
use jay_core::models::ModelList as Output;
use jay_types::Result;
use schemars::JsonSchema;
use serde::Deserialize;

/// List the models that can make vectors or judge, and which ones do
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ModelListInput {}

pub(super) struct ModelList;

impl Operation for ModelList {
    const NAME: &'static str = "model_list";
    const ACCESS: Access = Access::Read;
    const DOORS: &'static [jay_core::Door] = HERE;
    type Input = ModelListInput;
    type Output = Output;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        let ModelListInput {} = input;
        jay_core::models::list(call)
    }
}
