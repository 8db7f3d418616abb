//! `remote_show`.

use crate::operation::{Access, HERE, Operation};
use jay_core::Call;
use jay_transfer::sync::status::{RemoteStatus, status};
use jay_types::Result;
use jay_types::bounds::Word;
use schemars::JsonSchema;
use serde::Deserialize;

/// Show a remote: what is shared there, by whom, and how far each is
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct RemoteShowInput {
    /// The remote
    #[schemars(extend("x-positional" = true))]
    name: Word,
}

pub(super) struct RemoteShow;

impl Operation for RemoteShow {
    const NAME: &'static str = "remote_show";
    const ACCESS: Access = Access::Read;
    const DOORS: &'static [jay_core::Door] = HERE;
    type Input = RemoteShowInput;
    type Output = RemoteStatus;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        let remote = crate::sharing::one(call, Some(input.name.as_str()))?;
        let (memory, archive) = call.engine.stores();
        let mut status = status(memory, archive, &[remote], call.now)?;
        status.remotes.pop().ok_or_else(|| jay_types::Error::internal("a remote without a status"))
    }
}
