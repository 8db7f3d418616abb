//! What is known of other machines' clocks (J4), from what these tell of themselves.
//!
//! Nobody is asked for the time. Two things bound it, both by this machine's own clock. A head cannot have been written after it was
//! seen here: a later time in it is of a clock that is ahead. And one that says that it has what this machine told of cannot have been
//! written before that was told: an earlier time in it is of a clock that is behind. How long the carrier took nobody knows, so that
//! each is the least that the clock is off; a clock that neither shows may be off all the same.
//!
//! **Invariant:** a local record that decides nothing. A time of this machine's own that lies ahead of it, since its clock was set back,
//! bounds nothing.

use super::state::RemoteState;
use crate::format::head::Head;
use crate::vault::roster::Roster;
use jay_store::{ClockAhead, StoppedClock};
use jay_types::text::counted;
use jay_types::time::{DAY, MINUTE, span};
use jay_types::{NodeId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// From when on a clock is spoken of, microseconds.
const TOLD_FROM: i64 = 5 * MINUTE;
/// How long it is spoken of after it was last seen so.
const TOLD_FOR: i64 = 30 * DAY;

/// What the heads of a node showed of its clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenClock {
    /// That it was ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead: Option<Stretch>,
    /// That it was behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<Stretch>,
}

/// Heads, one after the other, that showed a clock to be off in the same direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// The most by which it was, microseconds.
    pub most_us: i64,
    /// When the first of them was seen, by this machine's clock.
    pub first_at: Timestamp,
    /// When the last of them was seen.
    pub last_at: Timestamp,
    /// True while no later head shows it otherwise.
    pub is_latest: bool,
}

impl Stretch {
    fn after(before: Option<Self>, by_us: i64, now: Timestamp) -> Option<Self> {
        if by_us <= TOLD_FROM {
            return before.map(|before| Self { is_latest: false, ..before });
        }
        let new = Self { most_us: by_us, first_at: now, last_at: now, is_latest: true };
        Some(before.filter(|before| before.is_latest).map_or(new, |before| Self {
            most_us: before.most_us.max(by_us),
            first_at: before.first_at.min(now),
            ..new
        }))
    }
}

/// Looks at the time in a head that was not seen before.
pub(super) fn note(state: &mut RemoteState, us: NodeId, head: &Head, now: Timestamp) {
    let told_at = head.seen.get(&us).and_then(|content| state.told.get(content));
    let behind_us = told_at.map_or(0, |told_at| told_at.0.saturating_sub(head.at.0));
    let before = state.clocks.remove(&head.node).unwrap_or_default();
    let clock = SeenClock {
        ahead: Stretch::after(before.ahead, head.at.0.saturating_sub(now.0), now),
        behind: Stretch::after(before.behind, behind_us, now),
    };
    if clock != SeenClock::default() {
        state.clocks.insert(head.node, clock);
    }
}

/// True where this machine's clock shows less than when it last told of itself.
pub(super) fn is_set_back(own: &Head, now: Timestamp) -> bool {
    own.at.0.saturating_sub(now.0) > TOLD_FROM
}

/// A clock that is not where this machine's is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClockOff {
    /// The most that was seen of it, in milliseconds; it may be more
    pub most_ms: i64,
    /// When it was first seen so, by this machine's clock
    pub since: Timestamp,
    /// When it was last seen so
    pub last_at: Timestamp,
    /// True where the node's latest telling shows it; false where that does not, or where only changes showed it
    pub is_now: bool,
    /// How many changes came from that clock, where they showed it; none where only its tellings did
    pub changes: u64,
}

impl ClockOff {
    fn of_stretch(stretch: &Stretch) -> Self {
        Self {
            most_ms: stretch.most_us / 1000,
            since: stretch.first_at,
            last_at: stretch.last_at,
            is_now: stretch.is_latest,
            changes: 0,
        }
    }

    fn of_changes(record: &ClockAhead) -> Option<Self> {
        record.wall.map(|wall| Self {
            most_ms: record.wall_ahead_us / 1000,
            since: wall.first_at,
            last_at: wall.last_at,
            is_now: false,
            changes: wall.changes,
        })
    }

    fn and(self, other: Self) -> Self {
        Self {
            most_ms: self.most_ms.max(other.most_ms),
            since: self.since.min(other.since),
            last_at: self.last_at.max(other.last_at),
            is_now: self.is_now || other.is_now,
            changes: self.changes.saturating_add(other.changes),
        }
    }

    /// In words, to follow a name: `direction` is `ahead of` or `behind`.
    #[must_use]
    pub fn said(&self, direction: &str) -> String {
        let by = span(u64::try_from(self.most_ms / 1000).unwrap_or(0));
        if self.is_now {
            format!("its clock is {by} {direction} this machine's, seen since {}", self.since)
        } else {
            format!("its clock was {by} {direction} this machine's, last seen so at {}", self.last_at)
        }
    }
}

/// Whether a node's clock is, or was lately, ahead: by what its changes and its tellings showed.
pub(super) fn ahead(changes: &[ClockAhead], told: Option<&SeenClock>, now: Timestamp) -> Option<ClockOff> {
    let told = told.and_then(|clock| clock.ahead.as_ref()).map(ClockOff::of_stretch);
    let all = changes.iter().filter_map(ClockOff::of_changes).chain(told);
    all.filter(|off| is_recent(off, now)).reduce(ClockOff::and)
}

/// The same for a clock that is behind, which only tellings show.
pub(super) fn behind(told: Option<&SeenClock>, now: Timestamp) -> Option<ClockOff> {
    told.and_then(|clock| clock.behind.as_ref()).map(ClockOff::of_stretch).filter(|off| is_recent(off, now))
}

fn is_recent(off: &ClockOff, now: Timestamp) -> bool {
    // Also where nothing came since: this machine's own clock may have been wrong when it was seen.
    off.last_at.0 > now.0.saturating_sub(TOLD_FOR)
}

/// What there is to say of this machine's own clock: that it was set back, or that most others disagree with it in one direction.
pub(super) fn said_of_here(own: Option<&Head>, others: &[[bool; 2]], now: Timestamp) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(own) = own.filter(|own| is_set_back(own, now)) {
        let by = span((own.at.0.saturating_sub(now.0) / 1_000_000).unsigned_abs());
        said.push(format!(
            "this machine's clock shows {by} less than when it last told of itself: it was ahead then, or is behind now"
        ));
    }
    let [ahead, behind] = [0, 1].map(|at| others.iter().filter(|of| of.get(at) == Some(&true)).count());
    for (count, theirs, ours) in [(ahead, "ahead of", "behind"), (behind, "behind", "ahead")] {
        // Of two machines nobody can tell whose is wrong.
        if count >= 2 && 2 * count > others.len() {
            said.push(format!(
                "{count} of the {} other machines that told of themselves have clocks {theirs} this one's: it may be this one that is {ours}",
                others.len()
            ));
        }
    }
    said
}

/// A sentence for each node of which streams are stopped as `bad_clock`, with what helps.
pub(super) fn said_of_stopped(stopped: &[StoppedClock], roster: &Roster) -> Vec<String> {
    let mut by_node: BTreeMap<NodeId, Vec<Option<Timestamp>>> = BTreeMap::new();
    for clock in stopped {
        by_node.entry(clock.node).or_default().push(clock.retry_from);
    }
    let said = |(node, retries): (NodeId, Vec<Option<Timestamp>>)| {
        let member = roster.nodes.get(&node).filter(|member| !member.name.is_empty());
        let name = member.map_or_else(|| node.to_string(), |member| member.name.clone());
        let streams = counted(retries.len() as u64, "stream", "streams");
        let (are, their, them) = if retries.len() == 1 { ("is", "its", "it") } else { ("are", "their", "them") };
        // What is beyond all clocks never comes by itself.
        let first = retries.into_iter().flatten().min().filter(|first| *first != Timestamp(i64::MAX));
        let by_itself = first.map(|first| format!("; so does one once this clock shows {first}"));
        format!(
            "bad_clock: {streams} of {name} {are} not taken in from where {their} clock is more than ten years ahead of this \
             machine's. Nothing else waits for {them}. Look at both clocks: where this machine's is wrong and is set right, the next \
             `jay sync` takes {them} in{}",
            by_itself.unwrap_or_default()
        )
    };
    by_node.into_iter().map(said).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jay_types::Hash;

    const HERE: NodeId = NodeId([1; 16]);
    const THERE: NodeId = NodeId([2; 16]);

    fn head(at: i64, seen: u64) -> Head {
        Head {
            node: THERE,
            generation: 1,
            content: 1,
            at: Timestamp(at),
            hlc: 0,
            program: String::new(),
            position: Hash([0; 32]),
            changes: 0,
            checkpoint: None,
            checkpoint_changes: 0,
            heads: vec![],
            seen: [(HERE, seen)].into(),
            lacks: vec![],
            clients: vec![],
            deferred: 0,
        }
    }

    fn noted(state: &mut RemoteState, at: i64, seen: u64, now: i64) -> [Option<ClockOff>; 2] {
        note(state, HERE, &head(at, seen), Timestamp(now));
        let clock = state.clocks.get(&THERE);
        [ahead(&[], clock, Timestamp(now)), behind(clock, Timestamp(now))]
    }

    #[test]
    fn a_time_after_it_was_seen_is_ahead_and_one_before_what_it_has_read_is_behind() {
        let mut state = RemoteState::default();
        state.told.insert(4, Timestamp(100 * DAY));
        // As late as a carrier likes: nothing is known of that clock.
        assert_eq!(noted(&mut state, 100 * DAY + MINUTE, 4, 130 * DAY), [None, None]);
        assert_eq!(noted(&mut state, 90 * DAY, 3, 130 * DAY), [None, None], "it had not read the fourth");
        assert!(state.clocks.is_empty());
        let [ahead, behind] = noted(&mut state, 131 * DAY, 4, 130 * DAY);
        let off = ahead.unwrap();
        assert_eq!((off.most_ms, off.since, off.is_now), (DAY / 1000, Timestamp(130 * DAY), true));
        assert_eq!(behind, None);
        assert!(off.said("ahead of").contains("is 1 d 0 h ahead of this"), "{}", off.said("ahead of"));
        let [ahead, behind] = noted(&mut state, 98 * DAY, 4, 132 * DAY);
        assert!(ahead.is_some_and(|off| !off.is_now && off.last_at == Timestamp(130 * DAY)), "{ahead:?}");
        assert!(behind.is_some_and(|off| off.is_now && off.most_ms == 2 * DAY / 1000), "{behind:?}");
        // Set right, and after a while nobody speaks of it.
        let [ahead, behind] = noted(&mut state, 133 * DAY, 4, 133 * DAY);
        assert!(ahead.is_some() && behind.is_some_and(|off| !off.is_now));
        assert_eq!(noted(&mut state, 170 * DAY, 4, 170 * DAY), [None, None]);
    }

    #[test]
    fn a_clock_that_jumps_begins_a_new_stretch() {
        let mut state = RemoteState::default();
        noted(&mut state, 3 * DAY, 0, DAY);
        let [ahead, _] = noted(&mut state, 3 * DAY, 0, 2 * DAY);
        assert!(ahead.is_some_and(|off| off.since == Timestamp(DAY) && off.most_ms == 2 * DAY / 1000), "{ahead:?}");
        noted(&mut state, 3 * DAY, 0, 3 * DAY);
        let [ahead, _] = noted(&mut state, 5 * DAY, 0, 4 * DAY);
        assert!(ahead.is_some_and(|off| off.since == Timestamp(4 * DAY) && off.most_ms == DAY / 1000), "{ahead:?}");
    }

    #[test]
    fn most_of_the_others_speak_against_this_machine() {
        let said = |own: Option<&Head>, others: &[[bool; 2]]| said_of_here(own, others, Timestamp(DAY)).join("; ");
        let (right, ahead, behind) = ([false, false], [true, false], [false, true]);
        assert_eq!(said(Some(&head(DAY, 0)), &[ahead]), "", "it may be either");
        assert_eq!(said(None, &[ahead, ahead, right, right]), "");
        assert!(
            said(None, &[ahead, ahead, right]).contains("2 of the 3") && said(None, &[ahead; 2]).ends_with("behind")
        );
        assert!(said(None, &[behind; 2]).ends_with("this one that is ahead"));
        assert!(said(Some(&head(DAY + 7 * MINUTE, 0)), &[]).contains("7 min 0 s less"));
    }
}
