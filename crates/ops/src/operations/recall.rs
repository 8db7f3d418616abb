//! `recall`.

use crate::agents::{Lines, id_suffix, source_words};
use crate::operation::{ALL_DOORS, Access, Operation};
use jay_core::Call;
use jay_types::Result;
use jay_types::request::{RecallQuery, Recalled};
use schemars::JsonSchema;
use serde::Deserialize;

/// Find memories that answer a question
///
/// Sees the caller's namespace, those above it and `global`. Nothing relevant is an empty answer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct RecallInput(RecallQuery);

pub(super) struct Recall;

impl Operation for Recall {
    const NAME: &'static str = "recall";
    const ACCESS: Access = Access::Read;
    const DOORS: &'static [jay_core::Door] = ALL_DOORS;
    const BRIEF: Option<&'static [&'static str]> = Some(&["query", "kinds", "limit", "all", "max_tokens"]);
    type Input = RecallInput;
    type Output = Recalled;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        jay_core::recall::recall(call, &input.0)
    }

    fn for_agents(output: &Self::Output, max_tokens: usize) -> Option<String> {
        let mut lines = Lines::new(output.hits.len(), ("memory", "memories"), max_tokens);
        for hit in &output.hits {
            let place = hit.place.as_ref().map(ToString::to_string);
            let (id, source) = (hit.id.to_string(), place.unwrap_or_else(|| source_words(&hit.source)));
            lines.push(&[id_suffix(&id), hit.kind.name(), &hit.created_at.date(), &hit.namespace, &source], &hit.text);
        }
        Some(lines.finish(&output.notes))
    }
}
