//! `doctor`.

use crate::operation::{Access, HERE, Operation};
use crate::sharing::health;
use jay_core::Call;
use jay_core::diagnostics::Diagnosis;
use jay_types::Result;
use schemars::JsonSchema;
use serde::Deserialize;

/// Check the store, find faults and explain them
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct DoctorInput {
    /// Mend what can be mended without loss
    #[serde(default)]
    fix: bool,
    /// Rebuild everything derived from the journal and prove that the answers are the same
    #[serde(default)]
    rebuild: bool,
    /// Ask the remotes too whether they answer, which goes over the network
    #[serde(default)]
    remotes: bool,
}

pub(super) struct Doctor;

impl Operation for Doctor {
    const NAME: &'static str = "doctor";
    const ACCESS: Access = Access::Maintain;
    const DOORS: &'static [jay_core::Door] = HERE;
    type Input = DoctorInput;
    type Output = Diagnosis;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        let diagnosis = jay_core::diagnostics::doctor(call, input.fix, input.rebuild)?;
        Ok(diagnosis.with(health::findings(call, input.remotes)))
    }
}
