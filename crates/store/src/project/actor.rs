//! Who acts in a namespace.

use super::Folded;
use crate::Result;
use crate::tx::Tx;
use jay_types::change::registry::{KIND, NAME};
use rusqlite::params;

pub(super) fn write(tx: &Tx<'_>, folded: &Folded) -> Result<()> {
    let word = |register| folded.state.value(register).and_then(|value| value.as_str()).unwrap_or("");
    if folded.state.created.is_none() {
        return Ok(());
    }
    tx.execute(
        "INSERT INTO actors(entity, namespace, kind, name) VALUES(?1, ?2, ?3, ?4)
         ON CONFLICT(entity) DO UPDATE SET kind = excluded.kind, name = excluded.name",
        params![folded.row.num, folded.row.namespace, word(KIND), word(NAME)],
    )?;
    Ok(())
}
