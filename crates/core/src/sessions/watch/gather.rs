//! When what changed is looked at: an agent writes a row at a time, and each commit costs a sync of the disk.
//!
//! **Invariant:** nothing waits longer than [`LATE_MAX`], however much goes on changing; a clock that is set back makes
//! what waits due at once and never later.

use jay_types::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// After so long without another change what was gathered is due.
pub(super) const QUIET: Duration = Duration::from_millis(200);
/// After so long it is due although changes go on: with the time that taking in needs it is found within a second.
pub(super) const LATE_MAX: Duration = Duration::from_millis(600);
/// Changed paths that are remembered; of more it is no longer known which.
const PATHS_MAX: usize = 4096;

/// The paths that changed, each with the number of the client whose it is.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    times: Option<(Timestamp, Timestamp)>,
    paths: BTreeSet<(usize, PathBuf)>,
}

impl Gathering {
    /// Remembers a change; false where there are too many to remember this one.
    pub(super) fn add(&mut self, client: usize, path: PathBuf, now: Timestamp) -> bool {
        let first = self.times.map_or(now, |(first, _)| first);
        self.times = Some((first, now));
        if self.paths.len() >= PATHS_MAX && !self.paths.contains(&(client, path.clone())) {
            return false;
        }
        self.paths.insert((client, path));
        true
    }

    /// How long until what was gathered is due; none where nothing was.
    pub(super) fn wait(&self, now: Timestamp) -> Option<Duration> {
        let (first, last) = self.times?;
        Some(left(last, QUIET, now).min(left(first, LATE_MAX, now)))
    }

    /// What was gathered, where it is due.
    pub(super) fn take(&mut self, now: Timestamp) -> BTreeSet<(usize, PathBuf)> {
        if self.wait(now) != Some(Duration::ZERO) {
            return BTreeSet::new();
        }
        self.times = None;
        std::mem::take(&mut self.paths)
    }
}

/// What is left at `now` of `span` since `then`; nothing where the clock was set back.
pub(super) fn left(then: Timestamp, span: Duration, now: Timestamp) -> Duration {
    u64::try_from(now.0 - then.0).map_or(Duration::ZERO, |passed| span.saturating_sub(Duration::from_micros(passed)))
}

/// How often all of a client's places are looked through, by what that costs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Round {
    /// When the last one ended, and how long it took.
    last: Option<(Timestamp, Duration)>,
    /// Something changed that no known source explains.
    is_wanted: bool,
}

/// How often where the platform tells of changes: what it did not tell of is found then.
pub(super) const EVERY: Duration = Duration::from_secs(300);
/// How often where it tells nothing.
const EVERY_POLLED: Duration = Duration::from_secs(1);
/// So many times as long as a round took nothing is looked at: at most a twentieth of a processor goes into it.
const REST: u32 = 20;

impl Round {
    /// The next one is due as soon as the last one's cost allows.
    pub(super) fn want(&mut self) {
        self.is_wanted = true;
    }

    /// How long until the next one is due.
    pub(super) fn wait(&self, is_polled: bool, now: Timestamp) -> Duration {
        let Some((ended, cost)) = self.last else { return Duration::ZERO };
        let every = match (self.is_wanted, is_polled) {
            (true, _) => Duration::ZERO,
            (false, true) => EVERY_POLLED,
            (false, false) => EVERY,
        };
        left(ended, every.max(cost * REST), now)
    }

    /// One was made.
    pub(super) fn done(&mut self, began: Timestamp, ended: Timestamp) {
        let cost = Duration::from_micros(u64::try_from(ended.0 - began.0).unwrap_or(0));
        *self = Self { last: Some((ended, cost)), is_wanted: false };
    }
}

/// So many times as long as a source took to be taken in it is left alone: one that is written whole at each change is read
/// whole each time.
const REST_TAKEN: u32 = 4;

/// Sources that are left alone for a while, by what looking at them cost.
#[derive(Debug, Default)]
pub(super) struct Rests {
    /// Since when, for how long.
    resting: BTreeMap<PathBuf, (Timestamp, Duration)>,
    /// Those of them that changed meanwhile.
    changed: BTreeSet<PathBuf>,
}

impl Rests {
    /// True where a source is to be left alone now; that it changed is remembered.
    pub(super) fn is_resting(&mut self, path: &Path, now: Timestamp) -> bool {
        let is_resting = self.resting.get(path).is_some_and(|(since, span)| !left(*since, *span, now).is_zero());
        if is_resting {
            self.changed.insert(path.to_path_buf());
        }
        is_resting
    }

    /// It was looked at.
    pub(super) fn looked(&mut self, path: PathBuf, began: Timestamp, ended: Timestamp) {
        let cost = Duration::from_micros(u64::try_from(ended.0 - began.0).unwrap_or(0));
        // What rested is forgotten, so that this holds what is being written and no more.
        self.resting.retain(|_, (since, span)| !left(*since, *span, ended).is_zero());
        self.resting.insert(path, (ended, cost * REST));
    }

    /// It was taken in, which took so long.
    pub(super) fn taken(&mut self, path: &Path, cost: Duration, now: Timestamp) {
        let before = self.resting.get(path).map_or(Duration::ZERO, |(_, span)| *span);
        self.resting.insert(path.to_path_buf(), (now, before + cost * REST_TAKEN));
    }

    /// How long until one that changed meanwhile is due; none where none did.
    pub(super) fn wait(&self, now: Timestamp) -> Option<Duration> {
        let spans = self
            .changed
            .iter()
            .map(|path| self.resting.get(path).map_or(Duration::ZERO, |(since, span)| left(*since, *span, now)));
        spans.min()
    }

    /// Those that changed meanwhile and are due.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<PathBuf> {
        let is_due =
            |path: &PathBuf| self.resting.get(path).is_none_or(|(since, span)| left(*since, *span, now).is_zero());
        let due: Vec<PathBuf> = self.changed.iter().filter(|path| is_due(path)).cloned().collect();
        self.changed.retain(|path| !due.contains(path));
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: i64) -> Timestamp {
        Timestamp(ms * 1000)
    }

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_burst_is_due_when_it_is_quiet() {
        let mut gathering = Gathering::default();
        assert_eq!(gathering.wait(at(0)), None);
        gathering.add(0, "a".into(), at(0));
        gathering.add(0, "a".into(), at(100));
        gathering.add(1, "b".into(), at(150));
        assert_eq!(gathering.wait(at(150)), Some(QUIET));
        assert!(gathering.take(at(349)).is_empty());
        assert_eq!(gathering.take(at(350)).len(), 2);
        assert_eq!((gathering.wait(at(350)), gathering.take(at(9999)).len()), (None, 0));
    }

    #[test]
    fn what_never_is_quiet_is_due_all_the_same() {
        let mut gathering = Gathering::default();
        let mut due = None;
        for now in (0..2000).step_by(50) {
            gathering.add(0, "a".into(), at(now));
            if !gathering.take(at(now)).is_empty() {
                due = Some(now);
                break;
            }
        }
        assert_eq!(due, Some(600));
    }

    #[test]
    fn a_clock_that_is_set_back_holds_nothing_up() {
        let mut gathering = Gathering::default();
        gathering.add(0, "a".into(), at(3_600_000));
        assert_eq!(gathering.wait(at(0)), Some(Duration::ZERO));
        let mut round = Round::default();
        round.done(at(3_600_000), at(3_600_010));
        assert_eq!(round.wait(false, at(0)), Duration::ZERO);
    }

    #[test]
    fn of_too_many_changes_it_is_known_that_some_are_lost() {
        let mut gathering = Gathering::default();
        let added = (0..=PATHS_MAX).map(|n| gathering.add(0, n.to_string().into(), at(0)));
        assert_eq!(added.filter(|is_kept| !is_kept).count(), 1);
        assert!(gathering.add(0, "7".into(), at(0)), "one that is remembered is not lost");
    }

    #[test]
    fn a_round_rests_by_what_it_cost() {
        let mut round = Round::default();
        assert_eq!(round.wait(false, at(0)), Duration::ZERO, "the first one is due at once");
        round.done(at(0), at(10));
        assert_eq!(round.wait(false, at(10)), EVERY);
        assert_eq!(round.wait(true, at(10)), EVERY_POLLED);
        round.want();
        assert_eq!(round.wait(false, at(110)), ms(100), "200 ms after 10 ms of work");
        round.done(at(0), at(60_000));
        assert_eq!(round.wait(true, at(60_000)), ms(1_200_000), "a slow place is looked at seldom");
    }

    #[test]
    fn a_source_rests_by_what_it_cost_and_is_not_forgotten() {
        let mut rests = Rests::default();
        let path = Path::new("state.vscdb");
        assert!(!rests.is_resting(path, at(0)));
        assert_eq!(rests.wait(at(0)), None);
        rests.looked(path.into(), at(0), at(100));
        assert!(rests.is_resting(path, at(200)));
        assert_eq!(rests.wait(at(200)), Some(ms(1900)));
        assert!(rests.due(at(2099)).is_empty());
        assert_eq!(rests.due(at(2100)), [path]);
        assert_eq!(rests.wait(at(2100)), None);
        rests.looked(path.into(), at(2100), at(2200));
        rests.taken(path, ms(1000), at(3200));
        assert!(rests.is_resting(path, at(9199)) && !rests.is_resting(path, at(9200)));
    }
}
