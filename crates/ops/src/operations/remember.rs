//! `remember`.

use crate::operation::{ALL_DOORS, Access, Operation};
use jay_core::Call;
use jay_types::Result;
use jay_types::request::{NewMemory, Remembered};
use schemars::JsonSchema;
use serde::Deserialize;

/// Remember one statement
///
/// A text that is here already is answered as a duplicate; a secret in it is masked; a memory with the same key is superseded.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct RememberInput(NewMemory);

pub(super) struct Remember;

impl Operation for Remember {
    const NAME: &'static str = "remember";
    const ACCESS: Access = Access::Write;
    const DOORS: &'static [jay_core::Door] = ALL_DOORS;
    const BRIEF: Option<&'static [&'static str]> = Some(&["text", "kind", "key", "tags"]);
    const SHORT: bool = true;
    type Input = RememberInput;
    type Output = Remembered;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        jay_core::remember::one(call, input.0)
    }
}
