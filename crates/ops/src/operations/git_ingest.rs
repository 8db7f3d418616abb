//! `git_ingest`.

use crate::operation::{AT_THE_MACHINE, Access, Operation, Progress};
use jay_core::Call;
use jay_core::sessions::{GitIngested, GitRequest};
use jay_types::bounds::Word;
use jay_types::namespace::NamespacePath;
use jay_types::{Error, Result};
use schemars::JsonSchema;
use serde::Deserialize;

/// Archive the commits of a git repository, with the files that they touched
///
/// A repository's commits are one session of the client `git`, found and shown as any other. Commits
/// that are here already are not read again. The repository is read by the git that is installed;
/// nothing in it is changed.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct GitIngestInput {
    /// A directory of the repository; here where not given
    #[serde(default)]
    #[schemars(extend("x-positional" = true))]
    repository: Option<Word>,
    /// The history of this branch, tag or commit rather than that of HEAD
    #[serde(default)]
    branch: Option<Word>,
    /// The histories of all branches and tags
    #[serde(default)]
    all: bool,
    /// Only commits that were committed at or after this time (2026-05-01, RFC 3339, or an age such as 3d)
    #[serde(default)]
    since: Option<Word>,
    /// Where a repository that is new here is put; the namespace of its directory where not given
    #[serde(default)]
    namespace: Option<NamespacePath>,
    /// Show how many commits would be taken in, and take in none
    #[serde(default)]
    dry_run: bool,
    /// Fail with exit code 75 where a sync of this store runs, rather than wait for it
    #[serde(default)]
    no_wait: bool,
}

pub(super) struct GitIngest;

impl Operation for GitIngest {
    const NAME: &'static str = "git_ingest";
    const ACCESS: Access = Access::Write;
    const DOORS: &'static [jay_core::Door] = AT_THE_MACHINE;
    type Input = GitIngestInput;
    type Output = GitIngested;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        Self::run_with_progress(call, input, &mut |_, _, _| {})
    }

    fn run_with_progress(call: &Call<'_>, input: Self::Input, progress: &mut Progress<'_>) -> Result<Self::Output> {
        let GitIngestInput { repository, branch, all, since, namespace, dry_run, no_wait } = input;
        if all && branch.is_some() {
            return Err(Error::bad_input("`branch`: cannot be given together with `all`")
                .hint("Name a branch, or take in all of them."));
        }
        let directory = repository.map(|repository| repository.into_string().into());
        let request = GitRequest { directory, branch, all, since, namespace, dry_run, no_wait };
        jay_core::sessions::ingest_git(call, &request, progress)
    }
}
