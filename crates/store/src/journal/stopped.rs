//! Streams that may not go on, and why (J4, J5).
//!
//! A part that is refused is not kept: the row here names the stream and the reason, and the next exchange asks for the
//! part again. A good part takes the row away. `bad_clock` alone is cured by time, without another word of its author:
//! so the row holds the clock that was refused, and the first write of a process lifts it once the wall clock has caught
//! up. Nothing else follows from lifting it than that the stream may be asked for again.
//!
//! **Invariant:** a local record: it enters no position and no answer about memories.

use crate::Result;
use crate::tx::Tx;
use jay_types::change::header::StreamId;
use jay_types::time::TEN_YEARS;
use jay_types::{Hlc, NamespaceId, NodeId, Timestamp};
use rusqlite::params;

/// The reason that time cures.
pub const BAD_CLOCK: &str = "bad_clock";

/// A stream that waits for the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoppedClock {
    /// Whose stream it is.
    pub node: NodeId,
    /// Where.
    pub namespace: NamespaceId,
    /// The wall clock from which it may be asked for again; none where it may be at once, for want of a record of its clock.
    pub retry_from: Option<Timestamp>,
}

impl StoppedClock {
    /// True where this store's wall clock has caught up.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.retry_from.is_none_or(|from| from <= now)
    }
}

/// True for a clock that is not believed at `now` (J4).
#[must_use]
pub fn is_bad_clock(hlc: Hlc, now: i64) -> bool {
    i64::try_from(hlc.0).map_or(true, |hlc| hlc > now.saturating_add(TEN_YEARS))
}

/// Remembers that a stream may not go on; `clock` is the greatest of the refused part.
pub(crate) fn stop(
    tx: &Tx<'_>,
    stream: StreamId,
    seq: u64,
    reason: &'static str,
    clock: Option<Hlc>,
    now: i64,
) -> Result<()> {
    let detail = match clock {
        Some(clock) => format!("seq {seq}, clock {}", clock.0),
        None => format!("seq {seq}"),
    };
    tx.execute(
        "INSERT INTO stopped(node, namespace, reason, detail, at) VALUES(?1, ?2, ?3, ?4, ?5)
         ON CONFLICT(node, namespace) DO UPDATE SET reason = excluded.reason, detail = excluded.detail, at = excluded.at",
        params![stream.node.0, stream.namespace.0, reason, detail, now],
    )?;
    Ok(())
}

/// The stream goes on.
pub(crate) fn lift(tx: &Tx<'_>, node: NodeId, namespace: NamespaceId) -> Result<()> {
    tx.execute("DELETE FROM stopped WHERE node = ?1 AND namespace = ?2", params![node.0, namespace.0])?;
    Ok(())
}

impl Tx<'_> {
    /// The streams that are stopped as `bad_clock`.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn stopped_clocks(&self) -> Result<Vec<StoppedClock>> {
        self.all(
            "SELECT node, namespace, detail FROM stopped WHERE reason = ?1 ORDER BY node, namespace",
            [BAD_CLOCK],
            |row| {
                let detail: Option<String> = row.get(2)?;
                Ok(StoppedClock {
                    node: NodeId(row.get(0)?),
                    namespace: NamespaceId(row.get(1)?),
                    retry_from: detail.as_deref().and_then(clock_in).map(retry_from),
                })
            },
        )
    }
}

fn clock_in(detail: &str) -> Option<Hlc> {
    detail.rsplit_once("clock ")?.1.parse().ok().map(Hlc)
}

fn retry_from(clock: Hlc) -> Timestamp {
    // What is beyond all clocks is never due.
    Timestamp(i64::try_from(clock.0).map_or(i64::MAX, |clock| clock.saturating_sub(TEN_YEARS)))
}
