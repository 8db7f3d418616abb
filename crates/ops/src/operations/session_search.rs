//! `session_search`.

use crate::agents::{Lines, date, id_suffix};
use crate::operation::{ALL_DOORS, Access, Operation};
use jay_core::Call;
use jay_core::sessions::{Group, SessionFilter, SessionHits};
use jay_types::Result;
use jay_types::bounds::{Limit, Query};
use schemars::JsonSchema;
use serde::Deserialize;

/// Search what was said in past sessions
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct SessionSearchInput {
    /// What to look for, in words; quote a phrase to demand it, write `deploy*` for words that begin so
    #[schemars(extend("x-positional" = true))]
    query: Query,
    #[serde(flatten)]
    filter: SessionFilter,
    /// The most hits to return
    #[serde(default)]
    limit: Limit<10, 200>,
    /// Give every message that fits, or the best of each session
    #[serde(default)]
    group: Group,
    /// Say for each hit why it is here
    #[serde(default)]
    explain: bool,
}

pub(super) struct SessionSearch;

impl Operation for SessionSearch {
    const NAME: &'static str = "session_search";
    const ACCESS: Access = Access::Read;
    const DOORS: &'static [jay_core::Door] = ALL_DOORS;
    const BRIEF: Option<&'static [&'static str]> = Some(&["query", "client", "limit"]);
    type Input = SessionSearchInput;
    type Output = SessionHits;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        let SessionSearchInput { query, filter, limit, group, explain } = input;
        jay_core::sessions::search(call, &query, &filter, limit.get(), group, explain)
    }

    fn for_agents(output: &Self::Output, max_tokens: usize) -> Option<String> {
        let mut lines =
            Lines::new(output.hits.len(), ("message of past sessions", "messages of past sessions"), max_tokens);
        for hit in &output.hits {
            let role = hit.role.map(|role| format!("{role:?}").to_lowercase()).unwrap_or_default();
            lines.push(&[id_suffix(&hit.session), &hit.client, &date(hit.at), &role], &hit.text);
        }
        Some(lines.finish(&output.notes))
    }
}
