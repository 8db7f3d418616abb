//! `forget`.

use crate::bounds::Ids;
use crate::operation::{ALL_DOORS, Access, Operation};
use jay_core::Call;
use jay_types::Result;
use jay_types::bounds::Word;
use jay_types::request::Written;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Forget memories: they are shown no more, and an equal text is refused
///
/// The words stay in the journal, so that a person can bring them back with `jay unforget`; `jay purge` removes the bytes.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ForgetInput {
    /// The memories: their ids, or at least 6 characters of either end of each
    #[schemars(extend("x-positional" = true))]
    ids: Ids,
    /// Why
    #[serde(default)]
    reason: Option<Word>,
}

/// The answer to forget.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct ForgetOutput {
    /// The memories, in the order in which they were named
    memories: Vec<Written>,
}

pub(super) struct Forget;

impl Operation for Forget {
    const NAME: &'static str = "forget";
    const ACCESS: Access = Access::Write;
    const DOORS: &'static [jay_core::Door] = ALL_DOORS;
    const BRIEF: Option<&'static [&'static str]> = Some(&["ids", "reason"]);
    const DESTRUCTIVE: bool = true;
    const SHORT: bool = true;
    type Input = ForgetInput;
    type Output = ForgetOutput;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        Ok(ForgetOutput { memories: jay_core::edit::forget(call, input.ids.as_slice(), input.reason.as_ref())? })
    }
}
