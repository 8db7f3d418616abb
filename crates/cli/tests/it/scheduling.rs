//! `jay schedule` as a process, with programs of the system that only note what they are told.
#![cfg(unix)]

use crate::{Done, Home};
use jay_testkit::{files_below, write};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

/// A home in whose PATH stand a `systemctl` and a `crontab`.
struct Machine {
    home: Home,
}

const SYSTEMCTL: &str = r#"#!/bin/sh
echo "$@" >> "$HOME/calls"
case "$2" in
  restart) [ -e "$HOME/refuse" ] && { echo "Job failed." >&2; exit 1; }; : > "$HOME/active";;
  disable) rm -f "$HOME/active";;
  is-active) if [ -e "$HOME/active" ]; then echo active; else echo inactive; exit 3; fi;;
esac
exit 0
"#;
const CRONTAB: &str = r#"#!/bin/sh
if [ "$1" = -l ]; then
  [ -e "$HOME/broken" ] && { echo "cannot open spool" >&2; exit 1; }
  [ -e "$HOME/crontab" ] || { echo "no crontab for ann" >&2; exit 1; }
  cat "$HOME/crontab"
else
  cat > "$HOME/crontab"
fi
"#;

impl Machine {
    fn new(programs: &[(&str, &str)]) -> Self {
        let home = Home::new();
        for (name, text) in programs {
            let path = home.path("bin").join(name);
            write(&path, text);
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { home }
    }

    fn both() -> Self {
        Self::new(&[("systemctl", SYSTEMCTL), ("crontab", CRONTAB)])
    }

    fn jay(&self, words: &[&str]) -> Command {
        let mut command = self.home.jay(words);
        let fakes = self.home.path("bin");
        // Of the machine's own programs only those that the scripts above need.
        for tool in ["cat", "rm"] {
            let _ = std::os::unix::fs::symlink(format!("/bin/{tool}"), fakes.join(tool));
        }
        command.env("PATH", &fakes);
        command
    }

    fn run(&self, words: &[&str]) -> Done {
        Done::of(self.jay(words).output().unwrap())
    }

    #[track_caller]
    fn ok(&self, words: &[&str]) -> Value {
        let done = self.run(&[words, &["--json"]].concat());
        assert_eq!(done.code, 0, "{words:?}: {} {}", done.stdout, done.stderr);
        done.json()
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.home.path(name)).unwrap_or_default()
    }

    fn units(&self) -> Vec<PathBuf> {
        let mut all: Vec<_> = std::fs::read_dir(self.home.path(".config/systemd/user"))
            .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
            .unwrap_or_default();
        all.sort();
        all
    }
}

#[test]
fn started_twice_there_is_one_timer_with_the_later_interval() {
    let machine = Machine::both();
    let first = machine.ok(&["schedule", "start", "--every", "15m"]);
    assert_eq!((&first["mechanism"], &first["replaced"]), (&json!("systemd"), &json!(false)));
    let second = machine.ok(&["schedule", "start", "--every", "2h"]);
    assert_eq!((&second["name"], &second["replaced"]), (&first["name"], &json!(true)));
    let units = machine.units();
    assert_eq!(units.len(), 2, "{units:?}");
    let timer = std::fs::read_to_string(&units[1]).unwrap();
    assert!(timer.contains("OnUnitActiveSec=120min") && !timer.contains("=15min"), "{timer}");
    let name = first["name"].as_str().unwrap();
    let told = format!("--user daemon-reload\n--user enable {name}.timer\n--user restart {name}.timer\n");
    assert!(machine.text("calls").ends_with(&told), "{}", machine.text("calls"));
    let status = machine.ok(&["schedule", "status"]);
    assert_eq!((&status["schedule"]["every"], &status["is_set"]), (&json!("2h"), &json!(true)), "{status}");
    assert!(status["last_run"].is_null() && status["next_run_at"].is_string() && status["notes"] == json!([]));
    // Taken away behind our back it is said.
    std::fs::remove_file(machine.home.path("active")).unwrap();
    let status = machine.run(&["schedule", "status"]);
    assert!(
        status.stdout.contains("gone") && status.stdout.contains("`jay schedule start` sets it again"),
        "{status:?}"
    );
    assert_eq!(machine.ok(&["schedule", "stop"])["stopped"], true);
    assert!(machine.units().is_empty());
    assert_eq!(machine.ok(&["schedule", "stop"])["stopped"], false);
    assert!(machine.ok(&["schedule", "status"])["schedule"].is_null());
}

#[test]
fn a_crontab_keeps_what_is_not_ours() {
    let machine = Machine::new(&[("crontab", CRONTAB)]);
    let other = "MAILTO=mira\n0 1 * * * backup\n";
    write(machine.home.path("crontab"), other);
    assert_eq!(machine.ok(&["schedule", "start", "--every", "15m"])["mechanism"], "cron");
    machine.ok(&["schedule", "start", "--every", "30m"]);
    let crontab = machine.text("crontab");
    assert!(crontab.starts_with(other) && crontab.contains("*/30 * * * * ") && !crontab.contains("*/15"), "{crontab}");
    assert_eq!(crontab.lines().count(), 5);
    assert_eq!(machine.ok(&["schedule", "status"])["is_set"], true);
    machine.ok(&["schedule", "stop"]);
    assert_eq!(machine.text("crontab"), other);
    // One that cannot be read is not written over.
    write(machine.home.path("broken"), "");
    let refused = machine.run(&["schedule", "start", "--every", "15m"]);
    assert!(refused.code == 1 && refused.stderr.contains("cannot open spool"), "{refused:?}");
    assert_eq!(machine.text("crontab"), other);
}

#[test]
fn another_mechanism_takes_the_place_of_the_first() {
    let machine = Machine::both();
    machine.ok(&["schedule", "start", "--every", "15m", "--with", "cron"]);
    assert!(machine.text("crontab").contains("schedule run"));
    machine.ok(&["schedule", "start", "--every", "15m", "--with", "systemd"]);
    assert!(!machine.text("crontab").contains("schedule run"), "{}", machine.text("crontab"));
    assert_eq!(machine.units().len(), 2);
}

/// What cron starts has next to no environment: the line must bring its own.
#[test]
fn the_line_of_cron_does_the_work_in_the_store_that_it_was_made_for() {
    let machine = Machine::new(&[("crontab", CRONTAB)]);
    let codex = machine.home.path("it's 100% \"codex\" $HOME");
    write(codex.join("sessions/2026/03/01/rollout-2026-03-01T10-00-00-a.jsonl"), {
        let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/sessions/codex");
        let rows = files_below(&fixtures)
            .unwrap()
            .into_iter()
            .find(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
        std::fs::read(rows.unwrap()).unwrap()
    });
    let mut start = machine.jay(&["schedule", "start", "--every", "15m"]);
    start.env("CODEX_HOME", &codex).env("OPENAI_API_KEY", "sk-nobody-may-see").env("JAY_SECRET", "sk-nor-this");
    assert!(start.output().unwrap().status.success());
    let crontab = machine.text("crontab");
    assert!(!crontab.contains("sk-"), "{crontab}");
    let line = crontab.lines().find(|line| line.starts_with("*/15")).unwrap();
    // As cron hands it to the shell.
    let command = line.trim_start_matches("*/15 * * * * ").replace("\\%", "%");
    let ran = Command::new("/bin/sh").args(["-c", &command]).env_clear().current_dir("/").output().unwrap();
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let run = machine.ok(&["schedule", "status"])["last_run"].clone();
    assert_eq!(run["outcome"], "ok");
    assert_eq!(run["steps"][0]["step"], "session sync --no-wait");
    assert!(run["steps"][0]["said"].as_str().unwrap().contains("1 new session"), "{run}");
    assert_eq!(
        (&run["steps"][1]["step"], &run["steps"][1]["said"]),
        (&json!("sync --no-wait"), &json!("0 changes shared, 0 brought"))
    );
    assert_eq!(run["steps"][2]["step"], "jobs run --until-empty");
    assert_eq!(machine.ok(&["session", "list"])["sessions"].as_array().unwrap().len(), 1);
}

#[test]
fn a_step_that_fails_stops_no_other_and_is_told() {
    let machine = Machine::both();
    machine.ok(&["schedule", "start", "--every", "15m"]);
    let database = machine.home.path(".local/share/opencode/opencode.db");
    write(&database, "this is no database ".repeat(500));
    let ran = machine.run(&["schedule", "run", "--json"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let steps = ran.json()["steps"].clone();
    assert_eq!((&steps[0]["outcome"], &steps[1]["outcome"]), (&json!("failed"), &json!("ok")), "{steps}");
    assert!(steps[0]["said"].as_str().unwrap().contains("opencode.db"), "{steps}");
    let logs = machine.run(&["schedule", "logs"]).stdout;
    assert!(logs.contains("session sync --no-wait  failed (exit 1)") && logs.contains("jobs run"), "{logs}");
    let status = machine.ok(&["status"]);
    let notes = status["notes"].to_string();
    assert!(notes.contains("the last scheduled run failed") && notes.contains("jay schedule logs"), "{notes}");
    assert!(machine.run(&["doctor"]).stdout.contains("the last scheduled run failed"));
    std::fs::remove_file(&database).unwrap();
    machine.ok(&["schedule", "run"]);
    assert!(!machine.ok(&["status"])["notes"].to_string().contains("scheduled"));
    assert_eq!(machine.ok(&["schedule", "logs"])["runs"].as_array().unwrap().len(), 2);
    assert_eq!(machine.ok(&["schedule", "logs", "--limit", "1"])["runs"].as_array().unwrap().len(), 1);
}

#[test]
fn a_sync_that_is_at_work_is_no_failure() {
    let machine = Machine::both();
    machine.ok(&["remember", "the lamp"]);
    let held = std::fs::File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(machine.home.path("jay/state/sync-archive.lock"))
        .unwrap();
    held.lock().unwrap();
    let run = machine.ok(&["schedule", "run"]);
    assert_eq!((&run["outcome"], &run["steps"][0]["outcome"]), (&json!("ok"), &json!("busy")), "{run}");
    assert_eq!((&run["steps"][0]["exit_code"], &run["steps"][1]["outcome"]), (&json!(75), &json!("ok")));
    drop(held);
    // Nor are two runs at once.
    let other = std::fs::File::options().write(true).open(machine.home.path("jay/state/schedule.lock")).unwrap();
    other.lock().unwrap();
    let refused = machine.run(&["schedule", "run"]);
    assert!(refused.code == 75 && refused.stderr.contains("another scheduled run is at work"), "{refused:?}");
}

#[test]
fn the_record_is_bounded_and_a_late_run_is_told() {
    let machine = Machine::both();
    machine.ok(&["schedule", "start", "--every", "15m"]);
    let run = json!({"started_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:00:01Z", "outcome": "ok", "steps": []});
    write(machine.home.path("jay/state/schedule-runs.json"), json!(vec![run; 150]).to_string());
    machine.ok(&["schedule", "run"]);
    let logs = machine.ok(&["schedule", "logs", "--limit", "100"]);
    assert_eq!((logs["runs"].as_array().unwrap().len(), &logs["kept"]), (100, &json!(100)));
    assert_ne!(logs["runs"][99]["steps"], json!([]));
    let schedule = json!({"every_minutes": 15, "mechanism": "systemd", "name": "scrubjay", "program": "/no/jay",
        "set_at": "2026-01-01T00:00:00Z"});
    write(machine.home.path("jay/state/schedule.json"), schedule.to_string());
    write(machine.home.path("jay/state/schedule-runs.json"), "[]");
    let status = machine.ok(&["schedule", "status"]);
    assert_eq!((&status["is_overdue"], &status["next_run_at"]), (&json!(true), &Value::Null), "{status}");
    assert!(status["notes"].to_string().contains("/no/jay is gone"), "{status}");
    assert!(machine.ok(&["status"])["notes"].to_string().contains("overdue: none has run"));
    // What cannot be read is not taken for nothing.
    write(machine.home.path("jay/state/schedule.json"), "{");
    assert!(machine.ok(&["status"])["notes"].to_string().contains("the schedule is not known"));
    assert_eq!(machine.run(&["schedule", "status"]).code, 6);
    machine.ok(&["schedule", "start", "--every", "15m"]);
    assert_eq!(machine.ok(&["schedule", "status"])["is_overdue"], false);
}

#[test]
fn what_the_system_refuses_leaves_things_as_they_were() {
    let machine = Machine::both();
    write(machine.home.path("refuse"), "");
    let refused = machine.run(&["schedule", "start", "--every", "15m"]);
    assert!(
        refused.code == 1 && refused.stderr.contains("Job failed.") && refused.stderr.contains("--with"),
        "{refused:?}"
    );
    assert!(machine.units().is_empty());
    assert!(machine.ok(&["schedule", "status"])["schedule"].is_null());
    std::fs::remove_file(machine.home.path("refuse")).unwrap();
    machine.ok(&["schedule", "start", "--every", "15m"]);
    write(machine.home.path("refuse"), "");
    assert_eq!(machine.run(&["schedule", "start", "--every", "1h"]).code, 1);
    let timer = std::fs::read_to_string(&machine.units()[1]).unwrap();
    assert!(timer.contains("OnUnitActiveSec=15min"), "{timer}");
    assert_eq!(machine.ok(&["schedule", "status"])["schedule"]["every"], "15m");
}

#[test]
fn bad_values_are_refused_with_what_helps() {
    let machine = Machine::both();
    for (words, code, message) in [
        (&["start", "--every", "soon"][..], 2, "`every`: must be an interval such as 15m, 2h or 1d, not `soon`"),
        (&["start", "--every", "2d"], 2, "`every`: must be from 1m to 1d, not `2d`"),
        (&["start"], 2, "`every`: is required"),
        (&["start", "--every", "7m", "--with", "cron"], 2, "`every`: cron cannot keep an interval of 7m"),
        (
            &["start", "--every", "5m", "--with", "at"],
            2,
            "`with`: must be one of systemd, cron, launchd, task-scheduler",
        ),
        (&["start", "--every", "5m", "--with", "task-scheduler"], 1, "there is no program `schtasks` here"),
        (&["logs", "--limit", "0"], 2, "`limit`: must be a whole number from 1 to 100"),
        (&["run", "--set", "=x"], 2, "`set`: must be NAME=VALUE"),
    ] {
        let refused = machine.run(&[&["schedule"], words].concat());
        assert_eq!(refused.code, code, "{words:?} {refused:?}");
        assert!(refused.stderr.contains(message) && refused.stderr.contains("hint:"), "{}", refused.stderr);
    }
    let bare = Machine::new(&[]);
    let refused = bare.run(&["schedule", "start", "--every", "15m"]);
    assert!(refused.code == 3 && refused.stderr.contains("neither systemd for users nor cron"), "{refused:?}");
    let mut odd = machine.jay(&["schedule", "start", "--every", "15m"]);
    let refused = Done::of(odd.env("CODEX_HOME", "/a\nExecStart=/bin/evil").output().unwrap());
    assert!(refused.code == 2 && refused.stderr.contains("CODEX_HOME holds a line break"), "{refused:?}");
    assert!(machine.units().is_empty());
}

/// A task of Windows has no environment: it sets it by flags.
#[test]
fn a_run_works_in_the_environment_that_its_flags_set() {
    let machine = Machine::both();
    let own = format!("JAY_HOME={}", machine.home.path("elsewhere").display());
    let home = format!("HOME={}", machine.home.path("").display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_jay"));
    command.args(["schedule", "run", "--set", &own, "--set", &home, "--json"]).env_clear().current_dir("/");
    let done = Done::of(command.output().unwrap());
    assert_eq!(done.code, 0, "{done:?}");
    assert!(machine.home.path("elsewhere/state/schedule-runs.json").exists());
    assert!(!machine.home.path("jay").exists());
}
