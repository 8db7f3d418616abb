//! `session_resume`.

use crate::operation::{AT_THE_MACHINE, Access, Operation};
use jay_core::Call;
use jay_core::sessions::{ResumeRequest, SessionResumed};
use jay_types::Result;
use jay_types::bounds::{Bounded, Word};
use schemars::JsonSchema;
use serde::Deserialize;

/// Write one archived session for a client that is to go on with it
///
/// With its subagents, into the directory where that client keeps its sessions: the client's own rows where it is the same
/// client, else in its form. Nothing that is there is overwritten, and secrets are masked. The answer has the command that
/// opens it, and counts what the client cannot hold.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct SessionResumeInput {
    /// The session: the client's own id, or at least 6 characters of either end of it
    #[schemars(extend("x-positional" = true))]
    session: Word,
    /// The client that is to go on: claude-code, codex, generic and others (an unknown name is answered with the list)
    to: Word,
    /// Write below this directory rather than where the client keeps its sessions
    #[serde(default)]
    path: Option<Bounded<4096>>,
    /// The project directory in which to go on; the session's own where not given
    #[serde(default)]
    project: Option<Bounded<4096>>,
    /// Show what would be written, and write nothing
    #[serde(default)]
    dry_run: bool,
    /// Write secrets that are masked (people only, from the command line)
    #[serde(default)]
    reveal: bool,
}

pub(super) struct SessionResume;

impl Operation for SessionResume {
    const NAME: &'static str = "session_resume";
    // It changes nothing in the store; what it writes stands beside it, and is never written over.
    const ACCESS: Access = Access::Read;
    const DOORS: &'static [jay_core::Door] = AT_THE_MACHINE;
    type Input = SessionResumeInput;
    type Output = SessionResumed;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        let request = ResumeRequest {
            session: input.session,
            to: input.to,
            path: input.path.map(|path| path.as_str().into()),
            project: input.project.map(|project| project.as_str().to_owned()),
            dry_run: input.dry_run,
            reveal: input.reveal,
        };
        jay_core::sessions::resume(call, &request)
    }
}
