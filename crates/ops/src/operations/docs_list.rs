//! `docs_list`.

use crate::operation::{ALL_DOORS, Access, Operation};
use jay_core::documents::DocsListed;
use jay_core::{Call, Door};
use jay_types::bounds::{Bounded, Limit};
use jay_types::namespace::NamespacePath;
use jay_types::{Error, Result};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::Path;

/// List the folders whose documents were added
///
/// With a path the documents at or below it.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct DocsListInput {
    /// Show the documents at or below this folder or file
    #[serde(default)]
    #[schemars(extend("x-positional" = true))]
    path: Option<Bounded<4096>>,
    /// See this namespace, its ancestors and `global`; where not given that of the path's project, else the caller's own
    #[serde(default)]
    namespace: Option<NamespacePath>,
    /// See every namespace
    #[serde(default)]
    all: bool,
    /// The most documents to show
    #[serde(default)]
    limit: Limit<200, 20_000>,
}

pub(super) struct DocsList;

impl Operation for DocsList {
    const NAME: &'static str = "docs_list";
    const ACCESS: Access = Access::Read;
    const DOORS: &'static [jay_core::Door] = ALL_DOORS;
    type Input = DocsListInput;
    type Output = DocsListed;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        let path = input.path.as_ref().map(|path| placed(call, path)).transpose()?;
        jay_core::documents::list(call, path, input.namespace.as_ref(), input.all, input.limit.get())
    }

    fn for_agents(output: &Self::Output, _max_tokens: usize) -> Option<String> {
        crate::agents::as_data(output)
    }
}

/// A path as a caller means it: one from the folder in which the caller stands, where the door has one.
pub(super) fn placed<'p>(call: &Call<'_>, path: &'p Bounded<4096>) -> Result<&'p Path> {
    let path = Path::new(path.as_str());
    if path.is_relative() && !matches!(call.caller.door, Door::Cli | Door::Call) {
        return Err(Error::bad_input("`path`: must be a whole path at this door, where nobody stands in a folder")
            .hint("`jay docs list` shows the folders that were added."));
    }
    Ok(path)
}
