//! `session_search`.

use crate::agents::{Lines, date, id_suffix};
use crate::operation::{ALL_DOORS, Access, Operation};
use jay_core::Call;
use jay_core::sessions::{Group, SearchRequest, SessionFilter, SessionHits, Sort, Within};
use jay_types::Result;
use jay_types::bounds::{Limit, Query, Word};
use schemars::JsonSchema;
use serde::Deserialize;

/// Search what was said in past sessions
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct SessionSearchInput {
    /// What to look for, in words; quote a phrase to demand it, write `deploy*` for words that begin so. With `in` or
    /// `regex` all of it must stand in one part of a message
    #[schemars(extend("x-positional" = true))]
    query: Query,
    #[serde(flatten)]
    filter: SessionFilter,
    /// The most hits to return
    #[serde(default)]
    limit: Limit<10, 200>,
    /// Look in what was said, in what tools were asked and answered, or in all, with reasoning. Tools have no index: the
    /// messages are gone through, the latest first
    #[serde(default, rename = "in")]
    within: Within,
    /// The query is a regular expression; the messages are gone through
    #[serde(default)]
    regex: bool,
    /// Best first; or the latest or earliest first of those that fit at least half as well as the best. Where messages are
    /// gone through the latest come first
    #[serde(default)]
    sort: Option<Sort>,
    /// Go on where this page's `next` points
    #[serde(default)]
    cursor: Option<Word>,
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
        let SessionSearchInput { query, filter, limit, within, regex: is_regex, sort, cursor, group, explain } = input;
        let limit = limit.get();
        let request = SearchRequest { query, filter, within, is_regex, sort, limit, cursor, group, explain };
        jay_core::sessions::search(call, &request)
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
