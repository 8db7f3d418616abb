//! Where archived sessions are put: as a caller is who stands in the project's directory.

use super::Home;
use serde_json::{Value, json};

/// A Codex session in `project`, whose repository has the remote `remote`.
fn codex(home: &Home, number: u32, project: &str, said: &str) {
    let id = format!("019a0000-0000-7000-8000-{number:012}");
    let at = "2026-03-01T10:00:00.000Z";
    let meta = json!({"timestamp": at, "type": "session_meta", "payload": {
        "id": id, "timestamp": at, "cwd": home.path(project), "originator": "codex_cli", "cli_version": "0.147.0",
        "git": {"repository_url": "git@github.com:acme/api.git", "branch": "main"}}});
    let message = json!({"timestamp": at, "type": "response_item", "payload": {
        "type": "message", "role": "user", "content": [{"type": "input_text", "text": said}]}});
    let folder = home.path(".codex/sessions/2026/03/01");
    let file = folder.join(format!("rollout-2026-03-01T10-00-00-{id}.jsonl"));
    jay_testkit::write(file, format!("{meta}\n{message}\n"));
}

fn project(home: &Home, name: &str, pin: &str) {
    jay_testkit::write(home.path(name).join(".jay.toml"), pin);
}

#[test]
fn a_projects_file_names_its_sessions_before_any_remote_does() {
    let home = Home::new();
    project(&home, "diary", "namespace = \"private/diary\"\n");
    project(&home, "broken", "namespace = \"private/\n");
    std::fs::create_dir_all(home.path("plain")).unwrap();
    std::fs::create_dir_all(home.path("diary/deep")).unwrap();
    codex(&home, 1, "diary/deep", "dear diary, the lamp is green");
    codex(&home, 2, "broken", "the lamp is a secret");
    codex(&home, 3, "plain", "the lamp of the office");
    let synced = home.run(&["session", "sync", "--json"]);
    let answer: Value = serde_json::from_str(&synced.stdout).expect(&synced.stderr);
    let failed: Vec<&Value> = answer["sources"].as_array().unwrap().iter().filter(|s| s["state"] == "failed").collect();
    assert_eq!((failed.len(), &answer["sessions_inserted"]), (1, &json!(2)), "{answer}");
    let error = failed[0]["error"].as_str().unwrap();
    assert!(error.contains("broken/.jay.toml is not TOML"), "a file that cannot be read hides nothing: {error}");
    let listed: Value = serde_json::from_str(&home.run(&["session", "list", "--json"]).stdout).unwrap();
    let mut places: Vec<(String, String)> = listed["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|session| {
            let word = |name: &str| session[name].as_str().unwrap().to_owned();
            (word("session")[35..].to_owned(), word("namespace"))
        })
        .collect();
    places.sort();
    let place = |number: &str, path: &str| (number.to_owned(), path.to_owned());
    assert_eq!(places, [place("1", "private/diary"), place("3", "github.com/acme/api")]);
    // Mended, it is read at the next sync.
    project(&home, "broken", "namespace = \"private/work\"\n");
    assert_eq!(home.run(&["session", "sync"]).code, 0);
    let shown = home.run(&["session", "search", "secret lamp", "--json", "-n", "private/work"]);
    assert!(shown.stdout.contains("the lamp is a secret"), "{shown:?}");
}

/// The namespace of a session that is handed in with `project`.
fn handed_in(home: &Home, session: &str, words: &[&str]) -> String {
    let message = r#"{"role": "user", "text": "the lamp"}"#;
    let words = [&["session", "append", "my-agent", session, "--message", message], words].concat();
    let done = home.run(&words);
    assert_eq!(done.code, 0, "{words:?}: {done:?}");
    place_of(home, session)
}

fn place_of(home: &Home, session: &str) -> String {
    let listed = home.run(&["session", "list", "--json", "--limit", "200"]).json();
    let found = listed["sessions"].as_array().unwrap().iter().find(|listed| listed["session"] == session);
    found.unwrap()["namespace"].as_str().unwrap().to_owned()
}

/// A home with a private project, one whose remote is bound to a private namespace, an open one, and a plain folder.
fn projects() -> Home {
    let home = Home::new();
    project(&home, "diary", "namespace = \"private/diary\"\n");
    for (name, remote) in [("bound", "https://host.test/acme/bound"), ("open", "https://host.test/acme/open")] {
        let repository = jay_testkit::Repository::new(&home.path(name));
        repository.git(&["remote", "add", "origin", remote]);
    }
    let bind = ["namespace", "set", "private/bound", "--add-remote", "https://host.test/acme/bound"];
    assert_eq!(home.run(&bind).code, 0);
    for name in ["diary", "bound", "open", "plain"] {
        jay_testkit::write(home.path(name).join("docs/guide.md"), format!("# {name}\n\nthe lamp of {name}\n"));
    }
    home
}

#[test]
fn what_is_handed_in_for_a_project_is_placed_as_its_sessions_are() {
    let home = projects();
    assert_eq!(handed_in(&home, "s01", &["--project", "diary"]), "private/diary");
    let whole = home.path("diary/docs").display().to_string();
    assert_eq!(handed_in(&home, "s02", &["--project", &whole]), "private/diary");
    assert_eq!(handed_in(&home, "s03", &["--project", "bound"]), "private/bound");
    assert_eq!(handed_in(&home, "s04", &["--project", "open"]), "host.test/acme/open");
    assert_eq!(handed_in(&home, "s05", &["--project", "plain"]), "home/plain");
    assert_eq!(handed_in(&home, "s06", &[]), "global");
    // Who names a namespace is obeyed; a directory that is not here says nothing.
    assert_eq!(handed_in(&home, "s07", &["--project", "diary", "-n", "work"]), "work");
    assert_eq!(handed_in(&home, "s08", &["--project", "/elsewhere/api"]), "global");
    // The batch door, also where who calls stands in a private namespace.
    let line = |session: &str, project: &str| {
        let input = json!({"client": "my-agent", "session": session, "project": home.path(project),
            "messages": [{"role": "user", "text": "the lamp"}]});
        json!({"op": "session_append", "input": input}).to_string() + "\n"
    };
    assert_eq!(home.run_with(&["call"], &line("s09", "bound")).code, 0);
    assert_eq!(home.run_with(&["-n", "private/me", "call"], &line("s10", "open")).code, 0);
    assert_eq!([place_of(&home, "s09"), place_of(&home, "s10")], ["private/bound", "private/me"]);
    // A file that cannot be read hides nothing.
    project(&home, "diary", "namespace = \"private/\n");
    let words =
        ["session", "append", "my-agent", "s11", "--project", "diary", "--message", r#"{"role":"user","text":"x"}"#];
    let refused = home.run(&words);
    assert_eq!((refused.code, refused.stderr.contains(".jay.toml is not TOML")), (2, true), "{refused:?}");
}

#[test]
fn documents_of_a_project_stand_in_its_namespace() {
    let home = projects();
    let place = |words: &[&str]| {
        let done = home.run(&[words, &["--json"]].concat());
        assert_eq!(done.code, 0, "{words:?}: {done:?}");
        done.json()["namespace"].as_str().unwrap().to_owned()
    };
    for (path, expected) in [
        ("diary/docs", "private/diary"),
        ("bound/docs/guide.md", "host.test/acme/bound"),
        ("open", "host.test/acme/open"),
        ("plain", "global"),
    ] {
        assert_eq!(place(&["docs", "add", path]), expected, "{path}");
        assert_eq!(home.run(&["docs", "list", path]).code, 0, "{path}");
    }
    let bound = home.run(&["namespace", "show", "private/bound", "--json"]).json();
    assert_eq!((&bound["memories"], &bound["private"]), (&json!(1), &json!(true)), "{bound}");
    assert_eq!(place(&["docs", "add", "diary/docs", "-n", "work"]), "work");
    assert_eq!(place(&["docs", "remove", "diary/docs"]), "private/diary");
    // The name of a plain folder may mean something private too, and who stands there adds to it.
    assert_eq!(home.run(&["namespace", "alias", "private/diary", "home/plain"]).code, 0);
    assert_eq!(place(&["docs", "add", "plain"]), "home/plain");
    let mut alone = home.jay(&["docs", "add", &home.path("open").display().to_string(), "--json"]);
    let done = alone.current_dir(home.path("diary")).output().unwrap();
    let answer: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(answer["namespace"], "private/diary");
}
