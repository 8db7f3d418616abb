//! `jay schedule`: the archive kept up without anybody thinking of it, by a timer of the system.
//!
//! At the command line only: what is started here runs later, as this user.

mod cron;
#[cfg(test)]
mod golden;
mod launchd;
mod mechanism;
mod plan;
mod run;
mod system;
mod systemd;
mod task_scheduler;

use crate::app::App;
use crate::output::{Style, one_line};
use crate::surroundings::{Machine, Real};
use clap::{Arg, ArgAction, ArgMatches, Command};
use jay_core::Surroundings as _;
use jay_core::schedule::{Schedule, ScheduleRecord, ScheduledRun, put_schedule};
use jay_types::text::shorten;
use jay_types::{Error, Result};
use mechanism::Mechanism;
use plan::{Every, Place, Plan};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Runs that `logs` shows where no number is given.
const LOGS: usize = 20;

/// Its grammar.
pub(super) fn command() -> Command {
    let value = |name: &'static str, shown: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(shown).help(help)
    };
    Command::new("schedule")
        .about("Archive sessions and do queued work by a timer of the system")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("start")
                .about("Set the timer, or change its interval")
                .arg(value("every", "TIME", "How often: 15m, 2h, 1d; from 1m to 1d").required(true))
                .arg(value(
                    "with",
                    "NAME",
                    "What starts it: systemd, cron, launchd, task-scheduler; what this machine runs where not given",
                )),
        )
        .subcommand(Command::new("stop").about("Take the timer away; what was archived stays"))
        .subcommand(Command::new("status").about("Show the timer, the last run and the next one"))
        .subcommand(
            Command::new("logs")
                .about("Show how the latest runs ended")
                .arg(value("limit", "N", "How many runs: 1 to 100 [default 20]").short('l')),
        )
        .subcommand(
            Command::new("run")
                .about("Do the scheduled work now: `session sync --no-wait`, `jobs run`, then `session retention`")
                .arg(
                    value("set", "NAME=VALUE", "Set a variable of the environment first (for timers that have none)")
                        .action(ArgAction::Append),
                ),
        )
}

/// The machine in the environment that a timer sets by flags; none where it sets none.
///
/// # Errors
/// `bad_input` for a flag that is no `NAME=VALUE`.
pub(crate) fn machine_of(matches: &ArgMatches, machine: &Machine) -> Result<Option<Machine>> {
    let run = matches.subcommand_matches("schedule").and_then(|matches| matches.subcommand_matches("run"));
    let Some(set) = run.and_then(|run| run.get_many::<String>("set")) else { return Ok(None) };
    let mut variables = BTreeMap::new();
    for word in set {
        let Some((name, value)) = word.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            return Err(Error::bad_input(format!("`set`: must be NAME=VALUE, not `{}`", shorten(word, 40)))
                .hint("`jay schedule start` writes these itself."));
        };
        variables.insert(name.to_owned(), value.to_owned());
    }
    Ok(Some(machine.with(variables)))
}

/// Runs one of its commands.
///
/// # Errors
/// What the command answers.
pub(super) fn run(app: &App<'_>, matches: &ArgMatches) -> Result<u8> {
    app.output.check()?;
    match matches.subcommand() {
        Some(("start", matches)) => start(app, matches),
        Some(("stop", _)) => stop(app),
        Some(("status", _)) => status(app),
        Some(("logs", matches)) => logs(app, matches),
        _ => {
            let (run, code) = run::run(app)?;
            app.output.answer(&json!(run), |style| run_text(&run, style))?;
            Ok(code)
        }
    }
}

fn start(app: &App<'_>, matches: &ArgMatches) -> Result<u8> {
    let every = Every::parse(matches.get_one::<String>("every").map_or("", String::as_str))?;
    let chosen = matches.get_one::<String>("with").map(|name| Mechanism::parse(name)).transpose()?;
    let plan = Plan::of(app, every)?;
    let mechanism = chosen.map_or_else(Mechanism::of_machine, Ok)?;
    let engine = app.engine()?;
    // One that cannot be read is written anew.
    let before = ScheduleRecord::read(&engine).ok().and_then(|record| record.schedule);
    mechanism.set(&plan)?;
    if let Some(before) = before.as_ref().and_then(|before| Mechanism::parse(&before.mechanism).ok())
        && before != mechanism
    {
        before.remove(&plan.place)?;
    }
    let schedule = Schedule {
        every_minutes: every.minutes,
        mechanism: mechanism.name().to_owned(),
        name: plan.place.name.clone(),
        program: plan.program.clone(),
        set_at: Real.now(),
    };
    put_schedule(&engine, Some(&schedule))?;
    let pinned: Vec<&str> = plan.environment.keys().map(String::as_str).collect();
    let value = json!({
        "every": every.words(), "mechanism": schedule.mechanism, "name": schedule.name, "program": schedule.program,
        "replaced": before.is_some(), "environment": pinned, "notes": notes(mechanism),
    });
    app.output.answer(&value, |style| {
        let change = if before.is_some() { "changed" } else { "set" };
        let mut text = format!(
            "{change}: every {}, by {} ({})\n",
            style.bold(&every.words()),
            schedule.mechanism,
            one_line(&schedule.name)
        );
        text.push_str(&format!("  runs {} schedule run\n", one_line(&plan.program)));
        text.push_str(&format!("  with {} as they are now\n", pinned.join(", ")));
        notes(mechanism).iter().for_each(|note| text.push_str(&style.dim(&format!("note: {note}\n"))));
        text
    })?;
    Ok(0)
}

/// What one should know of a mechanism.
fn notes(mechanism: Mechanism) -> Vec<&'static str> {
    match mechanism {
        Mechanism::Systemd => {
            vec!["it runs while you are logged in; `loginctl enable-linger` lets it run always"]
        }
        Mechanism::Launchd | Mechanism::TaskScheduler => vec!["it runs while you are logged in"],
        Mechanism::Cron => vec![],
    }
}

fn stop(app: &App<'_>) -> Result<u8> {
    let engine = app.engine()?;
    let Some(schedule) = ScheduleRecord::read(&engine)?.schedule else {
        app.output.answer(&json!({"stopped": false}), |_| "There was no schedule.\n".to_owned())?;
        return Ok(0);
    };
    Mechanism::parse(&schedule.mechanism)?.remove(&Place::of(app)?)?;
    put_schedule(&engine, None)?;
    app.output.answer(&json!({"stopped": true, "mechanism": schedule.mechanism, "name": schedule.name}), |_| {
        format!("stopped: {} no longer starts {}\n", schedule.mechanism, one_line(&schedule.name))
    })?;
    Ok(0)
}

fn status(app: &App<'_>) -> Result<u8> {
    let engine = app.engine()?;
    let record = ScheduleRecord::read(&engine)?;
    let now = Real.now();
    let last = record.runs.last();
    let mut notes: Vec<String> = Vec::new();
    let mut is_set = None;
    if let Some(schedule) = &record.schedule {
        is_set = Mechanism::parse(&schedule.mechanism)?.is_set(&Place::of(app)?);
        if is_set == Some(false) {
            notes.push(format!(
                "{} does not know the timer any more; `jay schedule start` sets it again",
                schedule.mechanism
            ));
        }
        if !std::path::Path::new(&schedule.program).exists() {
            notes.push(format!(
                "{} is gone; `jay schedule start` names the program that is here now",
                one_line(&schedule.program)
            ));
        }
    }
    notes.extend(record.trouble(now).map(|(what, help)| format!("{what}. {help}")));
    let next = if is_set == Some(false) { None } else { record.next_run_at(now) };
    let value = json!({
        "schedule": record.schedule.as_ref().map(|schedule| json!({
            "every": Every { minutes: schedule.every_minutes }.words(), "mechanism": schedule.mechanism,
            "name": schedule.name, "program": schedule.program, "set_at": schedule.set_at,
        })),
        "is_set": is_set, "last_run": last, "next_run_at": next, "is_overdue": record.is_overdue(now), "notes": notes,
    });
    app.output.answer(&value, |style| status_text(&record, is_set, &value, style))?;
    Ok(0)
}

fn status_text(record: &ScheduleRecord, is_set: Option<bool>, value: &Value, style: Style) -> String {
    let mut text = match &record.schedule {
        None => "No schedule: `jay schedule start --every 15m` sets one.\n".to_owned(),
        Some(schedule) => {
            let known = match is_set {
                Some(true) => "",
                Some(false) => ", gone",
                None => ", which cannot be asked here",
            };
            format!(
                "every {}, by {}{known} ({})\n",
                style.bold(&Every { minutes: schedule.every_minutes }.words()),
                schedule.mechanism,
                one_line(&schedule.name)
            )
        }
    };
    match record.runs.last() {
        Some(run) => text.push_str(&format!("last run  {}", run_text(run, style))),
        None => text.push_str("last run  never\n"),
    }
    if record.schedule.is_some() {
        let next = value.get("next_run_at").and_then(Value::as_str);
        text.push_str(&next.map_or("next run  not known\n".to_owned(), |next| format!("next run  about {next}\n")));
    }
    for note in value.get("notes").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        text.push_str(&style.dim(&format!("note: {}", one_line(note))));
        text.push('\n');
    }
    text
}

fn logs(app: &App<'_>, matches: &ArgMatches) -> Result<u8> {
    let limit = match matches.get_one::<String>("limit") {
        None => LOGS,
        Some(text) => {
            text.parse().ok().filter(|limit| (1..=jay_core::schedule::RUNS_MAX).contains(limit)).ok_or_else(|| {
                Error::bad_input(format!("`limit`: must be a whole number from 1 to 100, not `{}`", shorten(text, 40)))
                    .hint("`jay schedule logs` alone shows the latest 20 runs.")
            })?
        }
    };
    let runs = ScheduleRecord::read(&app.engine()?)?.runs;
    let shown = runs.get(runs.len().saturating_sub(limit)..).unwrap_or_default();
    app.output.answer(&json!({"runs": shown, "kept": runs.len()}), |style| match shown {
        [] => "No run yet.\n".to_owned(),
        runs => runs.iter().map(|run| run_text(run, style)).collect(),
    })?;
    Ok(0)
}

/// A run in a line, and a line for each of its steps.
fn run_text(run: &ScheduledRun, style: Style) -> String {
    let outcome = if run.outcome == "ok" { "ok".to_owned() } else { style.red(&run.outcome) };
    let mut text = format!("{}  {outcome}\n", run.started_at);
    for step in &run.steps {
        let said = step.said.as_deref().map_or(String::new(), |said| format!(": {}", one_line(said)));
        let code = match step.exit_code {
            Some(0) => String::new(),
            Some(code) => format!(" (exit {code})"),
            None => " (no exit code)".to_owned(),
        };
        let seconds = format!("{}.{} s", step.duration_ms / 1000, step.duration_ms % 1000 / 100);
        let outcome = if step.outcome == "failed" { style.red(&step.outcome) } else { step.outcome.clone() };
        text.push_str(&format!("  {}  {outcome}{code}, {seconds}{said}\n", step.step));
    }
    text
}
