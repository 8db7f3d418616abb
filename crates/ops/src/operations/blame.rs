//! `blame`.

use crate::agents::{Lines, date, id_suffix};
use crate::operation::{ALL_DOORS, Access, Operation};
use jay_core::Call;
use jay_core::sessions::{BlameRequest, Blamed};
use jay_types::Result;
use jay_types::bounds::{Bounded, Limit};
use schemars::JsonSchema;
use serde::Deserialize;

/// Find the sessions that wrote a file or a line of it, and the commits
///
/// Each comes with what was asked before it, and why it is here. The file may be gone, moved, or in
/// another clone or worktree of its repository.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct BlameInput {
    /// The file, with a line or lines of it where those are asked about: `src/lib.rs`, `src/lib.rs:12`, `src/lib.rs:12-20`.
    /// Files are read for their lines at the command line only; elsewhere a path counts from the top of the repository
    #[schemars(extend("x-positional" = true))]
    file: Bounded<4096>,
    /// Words of the line or lines that are asked about, where the file does not have them now
    #[serde(default)]
    text: Option<Bounded<4096>>,
    /// The most sessions, and the most commits
    #[serde(default)]
    limit: Limit<10, 100>,
}

pub(super) struct Blame;

impl Operation for Blame {
    const NAME: &'static str = "blame";
    const ACCESS: Access = Access::Read;
    const DOORS: &'static [jay_core::Door] = ALL_DOORS;
    type Input = BlameInput;
    type Output = Blamed;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        let BlameInput { file, text, limit } = input;
        jay_core::sessions::blame(call, &BlameRequest { file, text, limit: limit.get() })
    }

    fn for_agents(output: &Self::Output, max_tokens: usize) -> Option<String> {
        let mut lines = Lines::new(
            output.sessions.len() + output.commits.len(),
            ("session or commit", "sessions and commits"),
            max_tokens,
        );
        for session in &output.sessions {
            let asked = session.request.as_deref().map(|asked| format!("; asked: {asked}")).unwrap_or_default();
            let said = format!("{}{asked}", session.why.join("; "));
            lines.push(&[id_suffix(&session.session), &session.client, &date(session.at), &session.tool], &said);
        }
        for commit in &output.commits {
            let short = commit.commit.get(..12).unwrap_or(&commit.commit);
            let said = format!("{} ({})", commit.subject, commit.why.join("; "));
            lines.push(&[short, "git", &date(commit.at), commit.author.as_deref().unwrap_or_default()], &said);
        }
        Some(lines.finish(&output.notes))
    }
}
