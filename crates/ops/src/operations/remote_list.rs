//! `remote_list`.

use crate::operation::{Access, HERE, Operation};
use crate::sharing::remotes::{RemoteView, Remotes};
use jay_core::Call;
use jay_types::Result;
use schemars::JsonSchema;
use serde::Deserialize;

/// List the remotes
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct RemoteListInput {}

pub(super) struct RemoteList;

impl Operation for RemoteList {
    const NAME: &'static str = "remote_list";
    const ACCESS: Access = Access::Read;
    const DOORS: &'static [jay_core::Door] = HERE;
    type Input = RemoteListInput;
    type Output = Remotes;

    fn run(call: &Call<'_>, _: Self::Input) -> Result<Self::Output> {
        let remotes = crate::sharing::all(call)?.into_iter().map(RemoteView::from).collect();
        Ok(Remotes { remotes })
    }
}
