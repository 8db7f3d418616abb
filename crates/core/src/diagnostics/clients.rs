//! What the doctor says of the agents' clients on this machine.

use super::doctor::{Finding, warn};
use crate::call::Call;
use crate::sessions::endangered;

/// Sessions that a client removes soon should be archived before.
pub(super) fn said_of_clients(call: &Call<'_>) -> Vec<Finding> {
    // An archive that cannot be read is spoken of elsewhere.
    let endangered = endangered(call).unwrap_or_default();
    endangered.iter().map(|one| warn("sessions of clients", one.message()).hint(&one.hint())).collect()
}
