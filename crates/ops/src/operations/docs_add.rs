//! `docs_add`.

use crate::operation::{AT_THE_MACHINE, Access, Operation, Progress};
use jay_core::Call;
use jay_core::documents::{AddRequest, DocsAdded};
use jay_types::Result;
use jay_types::bounds::Bounded;
use jay_types::namespace::NamespacePath;
use schemars::JsonSchema;
use serde::Deserialize;

/// Add the documents of a folder, or read them again
///
/// Markdown and plain text, a memory of the kind document for each section, found as path:line. What git ignores and what is hidden is
/// left out. Added again, only what changed is written; what is no longer there is taken out.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct DocsAddInput {
    /// The folder or file
    #[schemars(extend("x-positional" = true))]
    path: Bounded<4096>,
    /// Where to keep it; where not given the namespace of the project that holds it, else the caller's own
    #[serde(default)]
    namespace: Option<NamespacePath>,
    /// Show what would be written, and write nothing
    #[serde(default)]
    dry_run: bool,
}

pub(super) struct DocsAdd;

impl Operation for DocsAdd {
    const NAME: &'static str = "docs_add";
    const ACCESS: Access = Access::Write;
    // Elsewhere it would read any file of this user.
    const DOORS: &'static [jay_core::Door] = AT_THE_MACHINE;
    type Input = DocsAddInput;
    type Output = DocsAdded;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        Self::run_with_progress(call, input, &mut |_, _, _| {})
    }

    fn run_with_progress(call: &Call<'_>, input: Self::Input, progress: &mut Progress<'_>) -> Result<Self::Output> {
        let request =
            AddRequest { path: input.path.into_string().into(), namespace: input.namespace, dry_run: input.dry_run };
        jay_core::documents::add(call, &request, progress)
    }
}
