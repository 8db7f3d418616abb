//! `stats_usage`.

use crate::operation::{ALL_DOORS, Access, Operation};
use jay_core::Call;
use jay_core::usage::{By, UsageCounted, UsageRequest};
use jay_types::Result;
use jay_types::bounds::{Limit, Word};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// Sum the tokens and costs of archived sessions
///
/// Each turn of a model's API counts once. What a client's files do not tell is absent: no price is assumed.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct StatsUsageInput {
    /// What each row sums
    #[serde(default)]
    by: By,
    /// Only sessions of this client
    #[serde(default)]
    client: Option<Word>,
    /// Only turns at or after this time (2026-05-01, RFC 3339, or an age such as 3d)
    #[serde(default)]
    since: Option<Word>,
    /// Only turns before this time
    #[serde(default)]
    until: Option<Word>,
    /// The most rows
    #[serde(default)]
    limit: Limit<1000, 10_000>,
    /// How long it may take, in milliseconds
    #[serde(default)]
    timeout_ms: Limit<60_000, 600_000>,
}

pub(super) struct StatsUsage;

impl Operation for StatsUsage {
    const NAME: &'static str = "stats_usage";
    const ACCESS: Access = Access::Read;
    const DOORS: &'static [jay_core::Door] = ALL_DOORS;
    type Input = StatsUsageInput;
    type Output = UsageCounted;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        let StatsUsageInput { by, client, since, until, limit, timeout_ms } = input;
        let time_max = Duration::from_millis(timeout_ms.get() as u64);
        jay_core::usage::usage(call, &UsageRequest { by, client, since, until, limit: limit.get(), time_max })
    }

    fn for_agents(output: &Self::Output, _max_tokens: usize) -> Option<String> {
        crate::agents::as_data(output)
    }
}
