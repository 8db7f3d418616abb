//! The files of every mechanism, whole, on every platform.

use super::plan::{Every, Place, Plan};
use super::{cron, launchd, systemd, task_scheduler};
use expect_test::expect_file;

/// Words that each of the formats could take for its own.
fn plan() -> Plan {
    let environment = [
        ("HOME", "/home/mira"),
        ("CODEX_HOME", r#"/data/100%/$HOME/it's "codex" & <co>\"#),
        ("JAY_HOME", "/data/jay store"),
    ];
    Plan {
        place: Place {
            name: "scrubjay-0123abcd".to_owned(),
            home: "/home/mira".into(),
            config_home: "/home/mira/.config".into(),
            data: "/data/jay store".into(),
        },
        program: "/opt/jay $1/bin/jay".to_owned(),
        every: Every { minutes: 15 },
        environment: environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    }
}

#[test]
fn files_are_as_they_were_reviewed() {
    let plan = plan();
    let crontab = "MAILTO=mira\n0 1 * * * backup\n";
    let with = cron::with(crontab, &plan).unwrap();
    let expected: [(expect_test::ExpectFile, String); 5] = [
        (expect_file!["golden/systemd.service"], systemd::service(&plan)),
        (expect_file!["golden/systemd.timer"], systemd::timer(&plan)),
        (expect_file!["golden/launchd.plist"], launchd::agent(&plan)),
        (expect_file!["golden/crontab"], with.clone()),
        (expect_file!["golden/task-scheduler.xml"], task_scheduler::task(&plan)),
    ];
    for (file, text) in expected {
        file.assert_eq(&text);
    }
    // Set twice it is there once, and taken away nothing is left.
    assert_eq!(cron::with(&with, &plan).unwrap(), with);
    assert_eq!(cron::without(&with, &plan.place.name).unwrap(), crontab);
}

#[test]
fn files_stand_where_the_system_looks() {
    let place = plan().place;
    assert_eq!(systemd::directory(&place), std::path::Path::new("/home/mira/.config/systemd/user"));
    assert_eq!(
        launchd::path(&place),
        std::path::Path::new("/home/mira/Library/LaunchAgents/scrubjay-0123abcd.schedule.plist")
    );
}

#[test]
fn a_line_that_is_too_long_for_cron_is_refused() {
    let mut plan = plan();
    plan.environment.insert("CLINE_DIR".to_owned(), "/x".repeat(500));
    let error = cron::with("", &plan).unwrap_err();
    assert!(error.message.contains("longer than 990 bytes"), "{}", error.message);
}
