//! `remote_show`.

use crate::operation::{Access, HERE, Operation};
use crate::sharing::remotes::RemoteShown;
use jay_core::Call;
use jay_transfer::sync::status::status;
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
    type Output = RemoteShown;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        let remote = crate::sharing::one(call, Some(input.name.as_str()))?;
        let (memory, archive) = call.engine.stores();
        let mut status = status(memory, archive, std::slice::from_ref(&remote), call.now)?;
        let status = status.remotes.pop();
        let status = status.ok_or_else(|| jay_types::Error::internal("a remote without a status"))?;
        Ok(RemoteShown::new(status, remote))
    }
}
