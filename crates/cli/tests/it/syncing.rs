//! Real processes that sync: killed in the middle, two at once.

use super::Home;
use jay_testkit::{Random, counts, write};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::process::Child;
use std::time::Duration;

const SESSIONS: usize = 40;
const MESSAGES: usize = 6000;

/// A file of several megabytes, which takes a debug build seconds to read in.
fn lay_out(home: &Home) -> String {
    let row = |n: usize| {
        let text = format!("message {n} of the long talk about lamps, shelves and the harbour; {}", "word ".repeat(60));
        json!({"session": format!("s{}", n % SESSIONS), "message": format!("m{n}"), "role": "user", "text": text})
            .to_string()
    };
    let file = home.path("talks.jsonl");
    write(&file, (0..MESSAGES).map(|n| row(n) + "\n").collect::<String>());
    file.display().to_string()
}

fn sync(home: &Home, file: &str, more: &[&str]) -> Child {
    let words = [&["session", "sync", "generic", "--path", file][..], more].concat();
    home.jay(&words).spawn().unwrap()
}

/// Waits until somebody holds the lock of the store; its process.
fn holder(home: &Home, child: &mut Child) -> Option<u32> {
    let path = home.path("jay/state/sync-archive.lock");
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read(&path).unwrap_or_default();
        if let Ok(holder) = serde_json::from_slice::<Value>(&text) {
            let pid = holder["pid"].as_u64().unwrap() as u32;
            if pid == child.id() {
                return Some(pid);
            }
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    None
}

/// Everything is there once, whatever happened before.
fn all_there(home: &Home) {
    let listed = home.run(&["session", "list", "--limit", "100", "--json"]);
    let sessions: Value = serde_json::from_str(&listed.stdout).unwrap();
    let counted: Vec<u64> =
        sessions["sessions"].as_array().unwrap().iter().map(|session| session["messages"].as_u64().unwrap()).collect();
    assert_eq!(counted, vec![(MESSAGES / SESSIONS) as u64; SESSIONS]);
    let doctor = home.run(&["doctor", "--json"]);
    assert_eq!(doctor.code, 0, "{}", doctor.stdout);
}

#[test]
fn a_sync_that_is_killed_loses_nothing_and_repeats_nothing() {
    let home = Home::new();
    let file = lay_out(&home);
    let (mut random, mut killed) = (Random::new(31), 0);
    for _ in 0..counts().kills() {
        let mut child = sync(&home, &file, &[]);
        let was_held = holder(&home, &mut child).is_some();
        std::thread::sleep(Duration::from_millis(random.below(250)));
        killed += usize::from(was_held && child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(killed > 0, "no process was killed while it held the lock");
    // The kernel gave the lock back: nobody is waited for.
    let last = home.run(&["session", "sync", "generic", "--path", &file, "--no-wait"]);
    assert_eq!(last.code, 0, "{}", last.stderr);
    all_there(&home);
}

#[test]
fn of_two_syncs_one_waits_and_says_for_whom() {
    let home = Home::new();
    let file = lay_out(&home);
    let mut first = sync(&home, &file, &[]);
    let pid = holder(&home, &mut first).expect("it takes a while");
    let refused = home.run(&["session", "sync", "generic", "--path", &file, "--no-wait"]);
    assert_eq!(refused.code, 75, "{} {}", refused.stdout, refused.stderr);
    assert!(refused.stderr.contains(&format!("process {pid}")), "{}", refused.stderr);
    let mut second = sync(&home, &file, &[]);
    let mut said = String::new();
    BufReader::new(second.stderr.take().unwrap()).read_line(&mut said).unwrap();
    assert!(said.contains("waiting for") && said.contains(&format!("process {pid}")), "{said}");
    assert!(first.wait().unwrap().success() && second.wait().unwrap().success());
    all_there(&home);
}

/// A child of the process that syncs does not go on holding its lock.
#[cfg(target_os = "linux")]
#[test]
fn the_lock_is_not_inherited_by_children() {
    let home = Home::new();
    let file = lay_out(&home);
    let mut child = sync(&home, &file, &[]);
    let pid = holder(&home, &mut child).expect("it takes a while");
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let locks = open.filter(|fd| std::fs::read_link(fd.path()).is_ok_and(|path| path.ends_with("sync-archive.lock")));
    let mut seen = 0;
    for fd in locks {
        let info = std::fs::read_to_string(format!("/proc/{pid}/fdinfo/{}", fd.file_name().display())).unwrap();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap().trim();
        const CLOSE_ON_EXEC: u32 = 0o2_000_000;
        assert_ne!(u32::from_str_radix(flags, 8).unwrap() & CLOSE_ON_EXEC, 0, "{info}");
        seen += 1;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(seen > 0);
}
