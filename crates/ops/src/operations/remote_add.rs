//! `remote_add`.

use crate::operation::{Access, Operation, PEOPLE, Progress};
use crate::sharing::remotes::{self, RemoteAdded};
use jay_core::Call;
use jay_transfer::remote::address::normalise;
use jay_transfer::sync::config::RemoteConfig;
use jay_types::bounds::Word;
use jay_types::{Error, Result};
use schemars::JsonSchema;
use serde::Deserialize;

/// Share what is here with other machines through a folder or a bucket
///
/// The folder is one that Syncthing, Dropbox or a disk carries; what is written there is sealed. Where it is empty a vault is made;
/// where it holds one, this machine joins it with a code. What stands below `private` never leaves.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct RemoteAddInput {
    /// What to call it: home
    #[schemars(extend("x-positional" = true))]
    name: Word,
    /// A folder, or an address such as s3://bucket/prefix
    #[schemars(extend("x-positional" = true))]
    url: Word,
    /// Share only this namespace and those below it; several are joined by commas
    #[serde(default)]
    namespace: Option<Word>,
    /// Share archived sessions too
    #[serde(default)]
    archive: bool,
    /// Of archived sessions only those of this client, with --archive; several are joined by commas
    #[serde(default)]
    client: Option<Word>,
}

pub(super) struct RemoteAdd;

impl Operation for RemoteAdd {
    const NAME: &'static str = "remote_add";
    const ACCESS: Access = Access::Arrange;
    const DOORS: &'static [jay_core::Door] = PEOPLE;
    type Input = RemoteAddInput;
    type Output = RemoteAdded;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        Self::run_with_progress(call, input, &mut |_, _, _| {})
    }

    fn run_with_progress(call: &Call<'_>, input: Self::Input, progress: &mut Progress<'_>) -> Result<Self::Output> {
        let config = RemoteConfig {
            name: input.name.into_string(),
            url: normalise(input.url.as_str())?,
            namespaces: listed("namespace", input.namespace.as_ref())?,
            archive: input.archive,
            clients: listed("client", input.client.as_ref())?,
            added_at: call.now,
        };
        remotes::add(call, config, progress)
    }
}

/// The names between commas. Commas alone name nothing, and an empty list would be everything.
fn listed(field: &str, words: Option<&Word>) -> Result<Vec<String>> {
    let Some(words) = words else { return Ok(Vec::new()) };
    let names = words.as_str().split(',').map(str::trim).filter(|word| !word.is_empty());
    let names: Vec<String> = names.map(str::to_owned).collect();
    if names.is_empty() {
        return Err(Error::bad_input(format!("`{field}`: names nothing between its commas"))
            .hint("Leave it out where none is chosen."));
    }
    Ok(names)
}
