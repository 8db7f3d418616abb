//! What is remembered of the scheduled work: what was set up, and how its runs ended.
//!
//! The timer is the system's, and who sets it is the command line. What stands here is read by status and doctor too.
//!
//! **Invariant:** both files are bounded, local, and written whole or not at all; a run's record is written by the run
//! alone, under its lock.

use crate::engine::Engine;
use jay_store::{Attempt, Exclusive};
use jay_types::text::shorten;
use jay_types::{Code, Error, Result, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What was set up.
const SCHEDULE: &str = "schedule.json";
/// How runs ended.
const RUNS: &str = "schedule-runs.json";
/// Held by a run.
const LOCK: &str = "schedule";
/// Runs that are remembered.
pub const RUNS_MAX: usize = 100;
/// Characters of what is told of a step.
const SAID_MAX: usize = 300;
const MINUTE_MICROS: i64 = 60 * 1_000_000;
/// Minutes beyond two intervals after which a run is overdue: timers are started late by minutes to save power.
const LATE_MINUTES: i64 = 10;

/// What was set up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Minutes between runs.
    pub every_minutes: u32,
    /// What starts them: systemd, launchd, cron or task-scheduler.
    pub mechanism: String,
    /// The name that it has there.
    pub name: String,
    /// The program that is run.
    pub program: String,
    /// When it was set up.
    pub set_at: Timestamp,
}

/// How one step of a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRun {
    /// The command, as one would write it.
    pub step: String,
    /// ok, busy (another does it at this moment: no failure) or failed.
    pub outcome: String,
    /// Its exit code; none where it was killed or could not be started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// How long it took.
    pub duration_ms: u64,
    /// What it did or why it failed; at most 300 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
}

/// How one run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledRun {
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// ok, or failed where a step did.
    pub outcome: String,
    /// Its steps in their order.
    pub steps: Vec<StepRun>,
}

/// What is known of the scheduled work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScheduleRecord {
    /// What was set up; none where nothing is.
    pub schedule: Option<Schedule>,
    /// The latest runs, oldest first.
    pub runs: Vec<ScheduledRun>,
}

impl ScheduleRecord {
    /// Reads it.
    ///
    /// # Errors
    /// `damaged` or `io` where a file cannot be read: then it is not known, which is not none.
    pub fn read(engine: &Engine) -> Result<Self> {
        Ok(Self {
            schedule: read(engine, SCHEDULE)?.unwrap_or_default(),
            runs: read(engine, RUNS)?.unwrap_or_default(),
        })
    }

    /// The moment from which an interval counts.
    fn counted_from(&self) -> Option<(Timestamp, i64)> {
        let schedule = self.schedule.as_ref()?;
        let last = self.runs.last().map_or(schedule.set_at, |run| run.started_at.max(schedule.set_at));
        Some((last, i64::from(schedule.every_minutes) * MINUTE_MICROS))
    }

    /// When the next run is about to begin, as far as the last one tells; none without a schedule, or where it should have
    /// begun.
    #[must_use]
    pub fn next_run_at(&self, now: Timestamp) -> Option<Timestamp> {
        let (last, every) = self.counted_from()?;
        Some(Timestamp(last.0.saturating_add(every))).filter(|next| *next > now)
    }

    /// True where no run began for more than two intervals.
    #[must_use]
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.counted_from().is_some_and(|(last, every)| now.0 - last.0 > 2 * every + LATE_MINUTES * MINUTE_MICROS)
    }

    /// What there is to say of a schedule that does not do its work, with what helps.
    #[must_use]
    pub fn trouble(&self, now: Timestamp) -> Option<(String, &'static str)> {
        self.schedule.as_ref()?;
        if self.is_overdue(now) {
            let last = match self.runs.last() {
                Some(run) => format!("the last run began at {}", run.started_at),
                None => "none has run".to_owned(),
            };
            let help = "`jay schedule status` says whether its timer is there; `jay schedule start` sets it again.";
            return Some((format!("the scheduled work is overdue: {last}"), help));
        }
        let run = self.runs.last().filter(|run| run.outcome != "ok")?;
        let failed: Vec<&str> =
            run.steps.iter().filter(|step| step.outcome == "failed").map(|step| step.step.as_str()).collect();
        let what = format!("the last scheduled run failed at {}: {}", run.finished_at, failed.join(", "));
        Some((what, "`jay schedule logs` says why."))
    }
}

/// Notes what was set up, or that nothing is.
///
/// # Errors
/// `io`; then the old record is there.
pub fn put_schedule(engine: &Engine, schedule: Option<&Schedule>) -> Result<()> {
    put(engine, SCHEDULE, &schedule)
}

/// The lock of runs, once it is ours.
///
/// # Errors
/// `busy` where another run holds it, naming it; `io`.
pub fn begin_run(engine: &Engine) -> Result<Exclusive> {
    match engine.archive.exclusive(LOCK)? {
        Attempt::Taken(lock) => Ok(lock),
        Attempt::Held(holder) => {
            let who = holder.map_or_else(String::new, |holder| {
                format!(": process {}, running since {}", holder.pid, holder.started_at)
            });
            Err(Error::new(Code::Busy, format!("another scheduled run is at work{who}"))
                .hint("It does the same work; `jay schedule status` shows how it ends."))
        }
    }
}

/// Notes how a run ended; `lock` shows that it was one.
///
/// # Errors
/// `io`; then the old record is there.
pub fn note_run(engine: &Engine, _lock: &Exclusive, mut run: ScheduledRun) -> Result<()> {
    for step in &mut run.steps {
        step.said = step.said.as_deref().map(|said| shorten(said, SAID_MAX));
    }
    // A record that cannot be read is made anew: a run must not fail for ever because of it.
    let mut runs: Vec<ScheduledRun> = read(engine, RUNS).ok().flatten().unwrap_or_default();
    runs.push(run);
    let older = runs.len().saturating_sub(RUNS_MAX);
    put(engine, RUNS, &runs.split_off(older))
}

fn read<T: DeserializeOwned>(engine: &Engine, name: &str) -> Result<Option<T>> {
    let Some(bytes) = engine.archive.state(name)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        let path = engine.archive.state_file(name);
        Error::new(Code::Damaged, format!("{} cannot be understood: {error}", path.display()))
            .hint("`jay schedule start` and the next run write it anew.")
    })
}

fn put<T: Serialize>(engine: &Engine, name: &str, value: &T) -> Result<()> {
    let bytes = serde_json::to_vec(value).map_err(|error| Error::internal(error.to_string()))?;
    Ok(engine.archive.put_state(name, &bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(minutes: i64) -> Timestamp {
        Timestamp(minutes * MINUTE_MICROS)
    }

    fn record(runs: &[(i64, &str)]) -> ScheduleRecord {
        let schedule = Schedule {
            every_minutes: 15,
            mechanism: "cron".to_owned(),
            name: "scrubjay".to_owned(),
            program: "/bin/jay".to_owned(),
            set_at: at(0),
        };
        let runs = runs.iter().map(|(minute, outcome)| ScheduledRun {
            started_at: at(*minute),
            finished_at: at(*minute),
            outcome: (*outcome).to_owned(),
            steps: vec![StepRun {
                step: "jobs run".to_owned(),
                outcome: (*outcome).to_owned(),
                exit_code: Some(1),
                duration_ms: 0,
                said: None,
            }],
        });
        ScheduleRecord { schedule: Some(schedule), runs: runs.collect() }
    }

    #[test]
    fn a_run_is_overdue_after_two_intervals_and_some_minutes() {
        for (record, now, overdue) in [
            (record(&[]), 40, false),
            (record(&[]), 41, true),
            (record(&[(30, "ok")]), 70, false),
            (record(&[(30, "ok")]), 71, true),
            // Runs from before it was set up again say nothing of it.
            (record(&[(-500, "ok")]), 40, false),
            (ScheduleRecord { schedule: None, ..record(&[(0, "ok")]) }, 5000, false),
        ] {
            assert_eq!(record.is_overdue(at(now)), overdue, "{now} {record:?}");
        }
    }

    #[test]
    fn the_next_run_is_an_interval_after_the_last() {
        assert_eq!(record(&[(30, "ok")]).next_run_at(at(31)), Some(at(45)));
        assert_eq!(record(&[(30, "ok")]).next_run_at(at(46)), None, "it should have begun");
        assert_eq!(ScheduleRecord::default().next_run_at(at(0)), None);
    }

    #[test]
    fn trouble_is_what_failed_last_or_is_overdue() {
        let said = |record: &ScheduleRecord, now| record.trouble(at(now)).map(|(what, _)| what);
        assert_eq!(said(&record(&[(1, "failed"), (16, "ok")]), 17), None);
        let failed = said(&record(&[(1, "ok"), (16, "failed")]), 17).unwrap();
        assert!(failed.starts_with("the last scheduled run failed at ") && failed.ends_with(": jobs run"), "{failed}");
        assert!(said(&record(&[(16, "failed")]), 500).unwrap().starts_with("the scheduled work is overdue"));
        assert_eq!(said(&ScheduleRecord { schedule: None, ..record(&[(1, "failed")]) }, 2), None);
    }
}
