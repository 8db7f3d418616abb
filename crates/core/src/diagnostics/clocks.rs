//! Clocks of other machines: which came ahead of ours, and which stopped a stream (J4).
//!
//! **Invariant:** says what is held and what helps; decides nothing about what is applied.

use jay_store::{ClockAhead, StoppedClock};
use jay_types::time::{DAY, SECOND, span};
use jay_types::{NodeId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How long doctor warns of a clock after the last change that came with it.
const WARNED_FOR: i64 = 30 * DAY;

/// Changes of a node that came with a clock more than five minutes ahead of this machine's. They are applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeAhead {
    /// Whose changes they are
    pub node: NodeId,
    /// How many came so
    pub changes: u64,
    /// The most that one was ahead
    pub ahead_seconds: u64,
    /// True where that machine's own clock was ahead; false where it went on from a clock that it had seen
    pub own_clock: bool,
    /// When the first of them came
    pub first_at: Timestamp,
    /// When the last of them came
    pub last_at: Timestamp,
}

/// What both journals hold, by node: those whose own clock was ahead. One that only went on from a clock that it had seen is right; it
/// is told of only where nothing else shows whose clock that was.
pub(super) fn nodes_ahead(records: &[ClockAhead]) -> Vec<NodeAhead> {
    let mut by_node: BTreeMap<NodeId, ClockAhead> = BTreeMap::new();
    for record in records {
        by_node.entry(record.node).and_modify(|known| *known = known.and(record)).or_insert(*record);
    }
    let view = |record: ClockAhead| NodeAhead {
        node: record.node,
        changes: record.changes,
        ahead_seconds: u64::try_from(record.ahead_us / SECOND).unwrap_or(0),
        own_clock: record.is_own_clock(),
        first_at: record.first_at,
        last_at: record.last_at,
    };
    let is_explained = by_node.values().any(ClockAhead::is_own_clock);
    by_node.into_values().filter(|record| record.is_own_clock() || !is_explained).map(view).collect()
}

impl NodeAhead {
    pub(super) fn is_recent(&self, now: Timestamp) -> bool {
        self.last_at.0 > now.0.saturating_sub(WARNED_FOR)
    }

    /// In one line.
    #[must_use]
    pub fn said(&self) -> String {
        let changes = if self.changes == 1 { "1 change".to_owned() } else { format!("{} changes", self.changes) };
        format!(
            "{changes} of node {} came up to {} ahead, the last at {}",
            self.node,
            span(self.ahead_seconds),
            self.last_at
        )
    }

    pub(super) fn hint(&self) -> &'static str {
        if self.own_clock {
            "They are applied. Set the clock of that machine, or this one's if it is behind: until then its writes win over \
             later ones of machines that have not seen them."
        } else {
            "They are applied. That machine's own clock is right; it went on from a clock that it had seen, and so does this \
             one. It passes by itself when time has caught up."
        }
    }
}

/// What there is to say of streams that wait for our clock: how many, and until when.
pub(super) fn said_of_stopped(stopped: &[StoppedClock], now: Timestamp) -> Option<String> {
    if stopped.is_empty() {
        return None;
    }
    let (due, waiting): (Vec<&StoppedClock>, Vec<&StoppedClock>) = stopped.iter().partition(|one| one.is_due(now));
    let mut parts = Vec::new();
    if !due.is_empty() {
        parts.push(format!(
            "bad_clock: this machine's clock has caught up with {}; the next write lets them go on and the next exchange asks \
             for them again",
            streams(due.len())
        ));
    }
    if let Some(first) = waiting.iter().filter_map(|one| one.retry_from).min() {
        let when = match first {
            Timestamp(i64::MAX) => "never by itself".to_owned(),
            first => format!("from {first} on"),
        };
        parts.push(format!(
            "bad_clock: {} more than ten years ahead of this machine's clock: nothing of them is stored, they are asked for \
             again {when}, or as soon as the clocks are set right",
            if waiting.len() == 1 { "1 stream is".to_owned() } else { format!("{} streams are", waiting.len()) }
        ));
    }
    Some(parts.join("; "))
}

fn streams(count: usize) -> String {
    if count == 1 { "1 stream".to_owned() } else { format!("{count} streams") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jay_types::NamespaceId;

    fn stopped(retry_from: Option<i64>) -> StoppedClock {
        let retry_from = retry_from.map(Timestamp);
        StoppedClock { node: NodeId([1; 16]), namespace: NamespaceId([2; 16]), retry_from }
    }

    #[test]
    fn streams_that_wait_and_streams_that_may_go_on_are_told_apart() {
        let said = |of: &[StoppedClock]| said_of_stopped(of, Timestamp(1_000_000)).unwrap_or_default();
        assert_eq!(said(&[]), "");
        let due = said(&[stopped(Some(1_000_000)), stopped(None)]);
        assert!(due.contains("caught up with 2 streams") && !due.contains("ahead of"), "{due}");
        let waiting = said(&[stopped(Some(2_000_000))]);
        assert!(
            waiting.contains("1 stream is more than ten years") && waiting.contains("from 1970-01-01T00:00:02"),
            "{waiting}"
        );
        assert!(said(&[stopped(Some(i64::MAX))]).contains("never by itself"));
        let both = said(&[stopped(Some(2_000_000)), stopped(None)]);
        assert!(both.contains("caught up") && both.contains("from 1970"), "{both}");
    }

    #[test]
    fn records_of_both_journals_are_one() {
        let record = ClockAhead {
            node: NodeId([1; 16]),
            changes: 2,
            ahead_us: 400 * SECOND,
            wall_ahead_us: 0,
            first_at: Timestamp(5),
            last_at: Timestamp(6),
            wall: None,
        };
        let other =
            ClockAhead { ahead_us: 7260 * SECOND, wall_ahead_us: 7000 * SECOND, last_at: Timestamp(9), ..record };
        let all = nodes_ahead(&[record, other]);
        let [one] = all.as_slice() else { panic!("{all:?}") };
        assert_eq!((one.changes, one.ahead_seconds, one.own_clock, one.last_at), (4, 7260, true, Timestamp(9)));
        assert!(one.said().contains("4 changes of node") && one.said().contains("2 h 1 min ahead"), "{}", one.said());
        // Who went on from that clock is right.
        let follower = ClockAhead { node: NodeId([2; 16]), ..record };
        assert_eq!(nodes_ahead(&[follower, other]).iter().map(|node| node.node).collect::<Vec<_>>(), [record.node]);
        assert_eq!(nodes_ahead(&[follower]).len(), 1, "it is all that is known");
    }
}
