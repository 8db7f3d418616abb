//! The files of a timer of systemd, for one user.

use super::plan::{Place, Plan};
use std::path::PathBuf;

/// Where files of this user's units stand.
pub(super) fn directory(place: &Place) -> PathBuf {
    place.config_home.join("systemd").join("user")
}

/// What is run.
pub(super) fn service(plan: &Plan) -> String {
    let mut text = String::from(
        "# Made by `jay schedule start`; `jay schedule stop` removes it.\n[Unit]\nDescription=Scrubjay: archive agents' \
         sessions and do queued work\n\n[Service]\nType=oneshot\nNice=10\nIOSchedulingClass=idle\n",
    );
    for (name, value) in &plan.environment {
        text.push_str(&format!("Environment={}\n", quoted(&format!("{name}={value}"))));
    }
    // Of a program's path, unlike its arguments, systemd takes a dollar as it is.
    text.push_str(&format!("ExecStart={} schedule run\n", quoted(&plan.program)));
    // Busy: another run does the same work.
    text.push_str("SuccessExitStatus=75\n");
    text
}

/// When it is run: a minute after the user's manager has started, then at each interval.
pub(super) fn timer(plan: &Plan) -> String {
    format!(
        "# Made by `jay schedule start`; `jay schedule stop` removes it.\n[Unit]\nDescription=Scrubjay: every {}\n\n\
         [Timer]\nOnActiveSec=1min\nOnUnitActiveSec={}min\nAccuracySec=30s\nUnit={}.service\n\n[Install]\n\
         WantedBy=timers.target\n",
        plan.every.words(),
        plan.every.minutes,
        plan.place.name
    )
}

/// One word, in which nothing is taken for a quote, an escape or a specifier.
fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%"))
}
