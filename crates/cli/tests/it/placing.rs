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
