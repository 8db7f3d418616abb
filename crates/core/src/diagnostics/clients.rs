//! What the doctor says of what is around the store: agents' clients on this machine, scheduled work.

use super::finding::Finding;
use crate::call::Call;
use crate::schedule::ScheduleRecord;
use crate::sessions::endangered;

/// Sessions that a client removes soon should be archived before.
pub(super) fn said_of_clients(call: &Call<'_>) -> Vec<Finding> {
    // An archive that cannot be read is spoken of elsewhere.
    let endangered = endangered(call).unwrap_or_default();
    endangered.iter().map(|one| Finding::warning("sessions of clients", one.message()).hint(&one.hint())).collect()
}

/// Scheduled work that is not done, or of which it is not known.
pub(super) fn said_of_schedule(call: &Call<'_>) -> Option<Finding> {
    let about = "scheduled work";
    match ScheduleRecord::read(call.engine) {
        Ok(record) => record.trouble(call.now).map(|(what, help)| Finding::warning(about, what).hint(help)),
        Err(error) => Some(Finding::warning(about, error.message).hint(error.hint.as_deref().unwrap_or_default())),
    }
}
