//! `session_sync`.

use crate::operation::Progress;
use crate::operation::{Access, HERE, Operation};
use jay_core::Call;
use jay_core::Door;
use jay_core::sessions::{SyncRequest, Synced};
use jay_types::Result;
use jay_types::bounds::Word;
use jay_types::{Code, Error};
use schemars::JsonSchema;
use serde::Deserialize;

/// Archive the sessions of the agents on this machine
///
/// Reads what the clients have written since the last time; nothing is changed or removed there.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct SessionSyncInput {
    /// Only these clients: claude-code, codex, gemini-cli and others (an unknown name is answered with the list); every
    /// client found where not given
    #[serde(default)]
    #[schemars(extend("x-positional" = true))]
    clients: Vec<Word>,
    /// Read this file or folder rather than where the client keeps its sessions (from the command line only)
    #[serde(default)]
    path: Option<Word>,
    /// Only sources that changed at or after this time (2026-05-01, RFC 3339, or an age such as 3d)
    #[serde(default)]
    since: Option<Word>,
    /// Show what would be read, and read nothing
    #[serde(default)]
    dry_run: bool,
    /// Compare every source with the archive too, row by row, and read those in again of which rows are missing; with
    /// dry_run only say what is missing
    #[serde(default)]
    verify: bool,
    /// Fail with exit code 75 where another sync of this store runs, rather than wait for it
    #[serde(default)]
    no_wait: bool,
}

pub(super) struct SessionSync;

impl Operation for SessionSync {
    const NAME: &'static str = "session_sync";
    const ACCESS: Access = Access::Write;
    const DOORS: &'static [jay_core::Door] = HERE;
    type Input = SessionSyncInput;
    type Output = Synced;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        Self::run_with_progress(call, input, &mut |_, _, _| {})
    }

    fn run_with_progress(call: &Call<'_>, input: Self::Input, progress: &mut Progress<'_>) -> Result<Self::Output> {
        if input.path.is_some() && !matches!(call.caller.door, Door::Cli | Door::Call) {
            return Err(Error::new(
                Code::Refused,
                "`path` is not offered at this door: it would read any file of this user",
            )
            .hint("Run `jay session sync CLIENT --path FILE` at the command line."));
        }
        let only_generic = !input.clients.is_empty() && input.clients.iter().all(|client| client.as_str() == "generic");
        if only_generic && input.path.is_none() {
            return Err(Error::bad_input(
                "`path`: is required for generic, which keeps its sessions nowhere of its own",
            )
            .hint("Run `jay session sync generic --path FILE` at the command line."));
        }
        let request = SyncRequest {
            clients: input.clients.into_iter().map(Word::into_string).collect(),
            path: input.path.map(|path| path.into_string().into()),
            since: input.since,
            dry_run: input.dry_run,
            verify: input.verify,
            no_wait: input.no_wait,
        };
        jay_core::sessions::sync(call, &request, progress)
    }
}
