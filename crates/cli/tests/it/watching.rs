//! `jay session watch` as a process: what is written is found while it runs, others work beside it, it ends when asked to.

use crate::{Home, Running};
use jay_testkit::write;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdout};
use std::time::Duration;

/// How long a machine that is busy with other tests may need for what is promised within a second.
const WAIT: Duration = Duration::from_secs(20);

fn row(session: &str, n: usize, text: &str) -> String {
    format!("{}\n", json!({"session": session, "message": format!("m{n}"), "role": "user", "text": text}))
}

fn append(path: &std::path::Path, text: &str) {
    std::fs::OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

/// A watch over `talks/` that has taken in what was there.
fn watch(home: &Home, more: &[&str]) -> (Running, Lines<BufReader<ChildStdout>>, String) {
    write(home.path("talks/first.jsonl"), row("first", 1, "the lamp is broken"));
    let talks = home.path("talks").display().to_string();
    let words = [&["session", "watch", "generic", "--path", &talks][..], more].concat();
    let mut child: Child = home.jay(&words).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    (Running(child), lines, first)
}

/// Waits until a search finds `text`.
fn found(home: &Home, text: &str) {
    for _ in 0..WAIT.as_millis() / 50 {
        let answer = home.run(&["session", "search", &format!("\"{text}\""), "--json"]);
        if answer.code == 0 && !answer.json()["hits"].as_array().unwrap().is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("`{text}` is not found");
}

#[test]
fn what_is_written_is_found_while_it_watches() {
    let home = Home::new();
    let (mut running, mut lines, first) = watch(&home, &[]);
    assert!(first.contains("generic") && first.contains("first") && first.ends_with("1 message"), "{first}");
    let file = home.path("talks/first.jsonl");
    append(&file, &row("first", 2, "a lens was ordered"));
    found(&home, "lens was ordered");
    // A row whose end is not written yet waits for it.
    let row_3 = row("first", 3, "it came on monday");
    let (begun, rest) = row_3.split_at(20);
    append(&file, begun);
    append(&file, rest);
    write(home.path("talks/new/second.jsonl"), row("second", 1, "another keeper asks"));
    found(&home, "came on monday");
    found(&home, "another keeper asks");
    // Others work beside it: it holds no lock while nothing is to be taken in.
    let talks = home.path("talks").display().to_string();
    let synced = home.run(&["session", "sync", "generic", "--path", &talks, "--json"]);
    assert_eq!((synced.code, &synced.json()["messages_inserted"]), (0, &json!(0)), "{}", synced.stderr);
    assert!(lines.next().unwrap().unwrap().contains("first"));
    running.terminate();
    assert_eq!(running.wait(), Some(0));
    let mut said = String::new();
    std::io::Read::read_to_string(&mut running.0.stderr.take().unwrap(), &mut said).unwrap();
    assert!(said.contains("watching 1 place"), "{said}");
    assert!(said.contains("stopped: took in 4 messages of 2 sessions, 2 of them new"), "{said}");
    let shown = home.run(&["session", "show", "first", "--json"]);
    assert_eq!(shown.json()["messages"].as_array().unwrap().len(), 3);
}

#[test]
fn for_programs_every_line_is_json_and_the_end_too() {
    let home = Home::new();
    let (mut running, mut lines, first) = watch(&home, &["--json"]);
    let first: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(
        (&first["client"], &first["session"], &first["state"]),
        (&json!("generic"), &json!("first"), &json!("new"))
    );
    assert!(first["at"].is_string() && first["messages"] == 1, "{first}");
    append(&home.path("talks/first.jsonl"), &row("first", 2, "a lens was ordered"));
    let next: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!((&next["state"], &next["messages"]), (&json!("grown"), &json!(1)), "{next}");
    running.terminate();
    assert_eq!(running.wait(), Some(0));
    let last: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(
        last,
        json!({"outcome": "stopped", "sessions": 1, "sessions_inserted": 1, "messages_inserted": 2, "failed": 0})
    );
    assert!(lines.next().is_none());
}

/// One that looks again and again would use a processor's time while nothing happens.
#[cfg(target_os = "linux")]
#[test]
fn it_sleeps_while_nothing_changes() {
    let home = Home::new();
    let (running, _lines, _) = watch(&home, &[]);
    let ticks = || -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", running.0.id())).unwrap();
        // Behind the name, which ends with the last bracket: the 12th and 13th field are its time in hundredths.
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    };
    // What follows the first taking in (queued work) is done by then.
    std::thread::sleep(Duration::from_secs(2));
    let before = ticks();
    std::thread::sleep(Duration::from_secs(3));
    let used = ticks() - before;
    assert!(used <= 15, "{used} hundredths of a second in three seconds");
}

#[test]
fn what_cannot_be_watched_is_refused() {
    let home = Home::new();
    for (words, expected) in [
        (&["session", "watch", "nobody"][..], "no adapter reads sessions of `nobody`"),
        (&["session", "watch", "--path", "."], "`path` needs exactly one client"),
        (&["session", "watch", "generic"], "`path`: is required for generic"),
    ] {
        let refused = home.run(words);
        assert_eq!(refused.code, 2, "{words:?}");
        assert!(refused.stderr.contains(expected) && refused.stderr.contains("hint:"), "{}", refused.stderr);
    }
    assert!(!home.path("jay").join("archive.db").exists());
}
