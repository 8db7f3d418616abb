//! Real processes that share a folder: two machines as a person sets them up, and killed at any moment of a sync.

use super::{Done, Home};
use jay_testkit::{Random, counts, files_below};
use serde_json::{Value, json};
use std::time::Duration;

/// Two homes with a folder between them.
pub(crate) struct Two {
    pub(crate) shared: tempfile::TempDir,
    pub(crate) homes: [Home; 2],
}

#[track_caller]
pub(crate) fn ok(home: &Home, words: &[&str]) -> Value {
    let done = home.run(&[words, &["--json"]].concat());
    assert_eq!(done.code, 0, "{words:?}: {done:?}");
    done.json()
}

impl Two {
    pub(crate) fn new() -> Self {
        let shared = tempfile::tempdir().unwrap();
        let homes = [Home::new(), Home::new()];
        let url = shared.path().join("jay").display().to_string();
        for home in &homes {
            // Each is another machine: a copy of a data directory is told by that too.
            ok(home, &["remote", "add", "home", &url]);
        }
        let code = ok(&homes[0], &["vault", "invite", "home"])["code"].as_str().unwrap().to_owned();
        ok(&homes[1], &["vault", "join", "home", "--code", &code]);
        for home in [1, 0, 1] {
            ok(&homes[home], &["sync"]);
        }
        Self { shared, homes }
    }

    /// Syncs until nobody has news.
    pub(crate) fn settle(&self) {
        for _ in 0..10 {
            let moved = |home: &Home| {
                let synced = ok(home, &["sync"]);
                synced["pushed"].as_u64().unwrap() + synced["pulled"].as_u64().unwrap()
            };
            if self.homes.iter().map(moved).sum::<u64>() == 0 {
                return;
            }
        }
        panic!("they never come to an end");
    }

    pub(crate) fn texts(&self, home: usize) -> Vec<String> {
        let listed = ok(&self.homes[home], &["list", "--all", "--limit", "200"]);
        let mut texts: Vec<String> = listed["memories"]
            .as_array()
            .unwrap()
            .iter()
            .map(|memory| memory["text"].as_str().unwrap().to_owned())
            .collect();
        texts.sort();
        texts
    }
}

pub(crate) fn remember(home: &Home, texts: impl Iterator<Item = String>) {
    let lines: String =
        texts.map(|text| json!({"op": "remember", "input": {"text": text}}).to_string() + "\n").collect();
    let done: Done = home.run_with(&["call"], &lines);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(!done.stdout.contains("\"ok\":false"), "{}", done.stdout);
}

#[test]
fn two_machines_are_set_up_as_the_readme_says() {
    let two = Two::new();
    ok(&two.homes[0], &["remember", "staging postgres listens on 5433"]);
    let shared = two.homes[0].run(&["sync"]);
    assert_eq!(shared.code, 0, "{shared:?}");
    assert!(shared.stdout.starts_with("home: 4 changes shared, 0 changes brought"), "{}", shared.stdout);
    two.settle();
    let found = two.homes[1].run(&["recall", "which port does staging postgres use"]);
    assert!(found.stdout.contains("staging postgres listens on 5433"), "{found:?}");
    let status = two.homes[1].run(&["sync", "status"]);
    assert!(status.stdout.contains("this machine is a member") && status.stdout.contains("equal"), "{}", status.stdout);
    // Nobody who carries the folder reads a word.
    for entry in files_below(two.shared.path()).unwrap() {
        let bytes = std::fs::read(&entry).unwrap();
        assert!(!bytes.windows(8).any(|window| window == b"postgres"), "{}", entry.display());
    }
    let unknown = two.homes[0].run(&["sync", "elsewhere"]);
    assert_eq!((unknown.code, unknown.stderr.contains("There are: home.")), (3, true), "{unknown:?}");
}

#[test]
fn whoever_is_killed_in_a_sync_loses_nothing_and_the_next_one_converges() {
    let two = Two::new();
    let (mut random, mut killed) = (Random::new(17), 0);
    let (mut expected, rounds) = (Vec::new(), counts().kills());
    for round in 0..rounds {
        for (home, name) in [(0, "one"), (1, "other")] {
            let texts: Vec<String> = (0..4).map(|n| format!("{name} says {n} in round {round}")).collect();
            remember(&two.homes[home], texts.iter().cloned());
            expected.extend(texts);
        }
        let words: &[&str] = match round % 5 {
            4 => &["vault", "rotate"],
            _ => &["sync"],
        };
        for home in &two.homes {
            let mut child = home.jay(words).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(random.below(60)));
            killed += u32::from(child.try_wait().unwrap().is_none());
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
    assert!(killed > rounds / 2, "{killed} of {} processes were killed at work", rounds * 2);
    two.settle();
    expected.sort();
    expected.truncate(200);
    let counted = |home: &Home| ok(home, &["status"])["memories"].as_u64().unwrap();
    assert_eq!([counted(&two.homes[0]), counted(&two.homes[1])], [u64::from(rounds) * 8; 2]);
    if rounds * 8 <= 200 {
        assert_eq!((two.texts(0), two.texts(1)), (expected.clone(), expected));
    }
    for home in &two.homes {
        assert_eq!(home.run(&["doctor"]).code, 0);
        let status = ok(home, &["sync", "status"]);
        assert_eq!(status["remotes"][0].get("faults"), None, "{status}");
    }
    let left = files_below(two.shared.path())
        .unwrap()
        .into_iter()
        .filter(|path| path.to_string_lossy().ends_with(".tmp"))
        .count();
    assert_eq!(left, 0, "what killed processes were writing is swept away");
}

#[test]
fn yes_does_not_say_that_others_may_see_it() {
    let (home, shared) = (Home::new(), tempfile::tempdir().unwrap());
    ok(&home, &["remote", "add", "home", &shared.path().join("jay").display().to_string()]);
    ok(&home, &["-n", "work", "remember", "the lamp"]);
    let secret = ok(&home, &["-n", "private/a", "remember", "the diary"])["id"].as_str().unwrap().to_owned();
    for words in [
        &["namespace", "merge", "private/a", "work"] as &[&str],
        &["namespace", "rename", "private/a", "open"],
        &["move", &secret, "--to", "work"],
    ] {
        let done = home.run(&[words, &["--yes"]].concat());
        assert_eq!((done.code, done.stderr.contains("--change-sharing")), (4, true), "{words:?}: {done:?}");
    }
    assert_eq!(ok(&home, &["namespace", "show", "private/a"])["memories"], 1);
    ok(&home, &["namespace", "merge", "private/a", "work", "--yes", "--change-sharing"]);
}

#[test]
fn the_namespaces_of_a_remote_are_named_as_the_documents_say() {
    let (home, shared) = (Home::new(), tempfile::tempdir().unwrap());
    let url = |name: &str| shared.path().join(name).display().to_string();
    let added = ok(&home, &["remote", "add", "home", &url("a"), "--namespace", "work,global"]);
    assert_eq!(added["namespaces"], json!(["work", "global"]));
    assert!(home.run(&["help", "remote", "add"]).stdout.contains("several are joined by commas"));
    // What is wrong is said in the words of the other doors, and is never taken for everything.
    let input = |op: &str| match op {
        "remember" => json!({"text": "the lamp"}),
        _ => json!({"name": "other", "url": url("b")}),
    };
    for namespace in ["", ",", "work,a b", "a//b"] {
        for (op, words) in
            [("remote_add", &["remote", "add", "other", &url("b")] as &[&str]), ("remember", &["remember", "the lamp"])]
        {
            let said = home.run(&[words, &["--namespace", namespace, "--json"]].concat());
            let mut input = input(op);
            input["namespace"] = namespace.into();
            let called = home.run_with(&["call"], &(json!({"op": op, "input": input}).to_string() + "\n")).json();
            assert_eq!((said.code, &said.json()["error"]), (2, &called["error"]), "{op} {namespace:?}");
        }
    }
    // Where no field takes it, it is where the caller stands.
    let refused = home.run(&["status", "--namespace", "work,global"]);
    assert!(refused.stderr.contains("`namespace`: `work,global` is not a namespace path"), "{refused:?}");
}

#[test]
fn a_remote_is_shown_with_what_is_shared_there() {
    let (home, shared) = (Home::new(), tempfile::tempdir().unwrap());
    let long = "a-folder-with-a-name-that-takes-most-of-a-line-of-a-terminal";
    let add = |name: &str, words: &[&str]| {
        let url = shared.path().join(format!("{name}-{long}")).display().to_string();
        ok(&home, &[&["remote", "add", name, &url], words].concat());
    };
    add("all", &["--archive"]);
    add("some", &["--namespace", "work/acme,global", "--archive", "--client", "codex,claude-code"]);
    add("few", &["--namespace", "work"]);
    let show = |name: &str| home.run(&["remote", "show", name]).stdout;
    let all = show("all");
    assert!(all.contains("  shares: everything but private\n  archived sessions: of every client\n"), "{all}");
    let some = show("some");
    assert!(some.contains("  shares: work/acme, global, with what is below\n"), "{some}");
    assert!(some.contains("  archived sessions: of codex, claude-code only\n"), "{some}");
    assert!(show("few").contains("  archived sessions: not shared\n"));
    let listed = home.run(&["remote", "list"]).stdout;
    assert!(listed.contains("\n  work/acme, global; archived sessions of codex, claude-code too\n"), "{listed}");
    let answer = ok(&home, &["remote", "show", "some"]);
    assert_eq!((&answer["namespaces"], &answer["archive"]), (&json!(["work/acme", "global"]), &json!(true)));
    assert_eq!((&answer["clients"], &answer["files"]), (&json!(["codex", "claude-code"]), &json!(1)));
}
