//! `jay schedule run`: the steps of the scheduled work, each in a process of its own.
//!
//! **Invariant:** each step runs, whatever became of the one before, and how each ended is noted.

use super::plan::own_place;
use super::system::last_line;
use crate::app::App;
use crate::render::count;
use crate::surroundings::Real;
use jay_core::schedule::{ScheduledRun, StepRun, begin_run, note_run};
use jay_core::{Engine, Surroundings as _};
use jay_types::{Code, Error, Result};
use serde_json::Value;
use std::process::{Command, Output, Stdio};

/// Each the words of a command. The order counts: jobs come of what a sync takes in, and a session that goes on is as old as its
/// last message.
const STEPS: &[&[&str]] = &[
    &["session", "sync", "--no-wait"],
    &["sync", "--no-wait"],
    &["jobs", "run", "--until-empty"],
    &["session", "retention", "--purge", "--yes"],
];

/// Runs all steps and notes how they ended.
///
/// # Errors
/// `busy` where another run is at work; `io` where the store cannot be entered or the record not be written.
pub(super) fn run(app: &App<'_>) -> Result<(ScheduledRun, u8)> {
    let engine: Engine = app.engine()?;
    let lock = begin_run(&engine)?;
    let started_at = Real.now();
    let steps: Vec<StepRun> = STEPS.iter().map(|words| step(app, words)).collect();
    let is_failed = steps.iter().any(|step| step.outcome == "failed");
    let outcome = if is_failed { "failed" } else { "ok" }.to_owned();
    let run = ScheduledRun { started_at, finished_at: Real.now(), outcome, steps };
    note_run(&engine, &lock, run.clone())?;
    Ok((run, u8::from(is_failed)))
}

fn step(app: &App<'_>, words: &[&str]) -> StepRun {
    let began = Real.now();
    let answer = start(app, words);
    let duration_ms = u64::try_from((Real.now().0 - began.0) / 1000).unwrap_or(0);
    let step = words.join(" ");
    match answer {
        Ok(output) => {
            let (outcome, said) = read(&output);
            StepRun { step, outcome: outcome.to_owned(), exit_code: output.status.code(), duration_ms, said }
        }
        Err(error) => {
            StepRun { step, outcome: "failed".to_owned(), exit_code: None, duration_ms, said: Some(error.message) }
        }
    }
}

fn start(app: &App<'_>, words: &[&str]) -> Result<Output> {
    let program =
        app.machine.program.as_ref().ok_or_else(|| Error::internal("the path of this program is not known"))?;
    let mut command = Command::new(program);
    command.args(words).arg("--json").stdin(Stdio::null()).envs(&app.machine.variables);
    if let Some(data) = own_place(app) {
        command.env("JAY_HOME", data);
    }
    // A project's settings must not decide because the system started this in its directory.
    if let Some(home) = app.machine.home.as_ref().filter(|home| home.is_dir()) {
        command.current_dir(home);
    }
    command.output().map_err(|error| Error::io("cannot start it", &error))
}

/// How a step ended, with what it did or why it failed.
fn read(output: &Output) -> (&'static str, Option<String>) {
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    match output.status.code() {
        Some(0) => ("ok", did(&answer)),
        code => {
            let outcome = if code == Some(i32::from(Code::Busy.exit_code())) { "busy" } else { "failed" };
            let told = answer.pointer("/error/message").or_else(|| answer.get("error")).and_then(Value::as_str);
            let why = told.map_or_else(|| last_line(&String::from_utf8_lossy(&output.stderr)), str::to_owned);
            (outcome, Some(if code.is_none() { format!("it was killed: {why}") } else { why }))
        }
    }
}

/// What a step did, in a few words.
fn did(answer: &Value) -> Option<String> {
    let number = |field: &str| answer.get(field).and_then(Value::as_u64);
    if let (Some(messages), Some(sessions)) = (number("messages_inserted"), number("sessions_inserted")) {
        return Some(format!(
            "{}, {}",
            count(messages, "message", "messages"),
            count(sessions, "new session", "new sessions")
        ));
    }
    if let Some(sessions) = answer.get("rules").and(answer.get("sessions")).and_then(Value::as_array) {
        return Some(format!("{} erased", count(sessions.len() as u64, "session", "sessions")));
    }
    if let (Some(pushed), Some(pulled)) = (number("pushed"), number("pulled")) {
        return Some(format!("{} shared, {pulled} brought", count(pushed, "change", "changes")));
    }
    let (done, failed) = (number("done")?, number("failed").unwrap_or(0));
    let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
    Some(format!("{}{failed}", count(done, "job", "jobs")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_step_did_is_told_in_a_few_words() {
        for (answer, expected) in [
            (json!({"messages_inserted": 1, "sessions_inserted": 2}), Some("1 message, 2 new sessions")),
            (json!({"pushed": 3, "pulled": 0}), Some("3 changes shared, 0 brought")),
            (json!({"done": 3, "failed": 0}), Some("3 jobs")),
            (json!({"done": 1, "failed": 2}), Some("1 job, 2 failed")),
            (json!({"rules": [], "sessions": [], "done": true}), Some("0 sessions erased")),
            (json!({}), None),
        ] {
            assert_eq!(did(&answer).as_deref(), expected);
        }
    }
}
