//! From a real repository and the sessions that worked in it to a line's origin.

use super::Home;
use jay_testkit::Repository;

#[test]
fn a_line_leads_from_the_working_directory_to_its_session_and_commit() {
    let home = Home::new();
    let repository = Repository::new(&home.path("lantern"));
    let file = repository.path().join("src/lamp.rs");
    let call = format!(
        r#"{{"session":"lantern-talk","message":"m2","at":"2026-03-01T10:01:00Z","role":"assistant","project":{project:?},"parts":[{{"type":"tool_call","id":"c","name":"Write","input":{{"file_path":{file:?},"content":"fn turn() {{}}"}}}}]}}"#,
        project = repository.path().display().to_string(),
        file = file.display().to_string(),
    );
    let ask =
        r#"{"session":"lantern-talk","message":"m1","at":"2026-03-01T10:00:00Z","role":"user","text":"Let it turn."}"#;
    jay_testkit::write(home.path("talk.jsonl"), format!("{ask}\n{call}\n"));
    let commit = repository.commit("src/lamp.rs", "fn turn() {}\n", "Lamp: it turns", "2026-03-01T10:02:00Z");
    let talk = home.path("talk.jsonl");
    assert_eq!(home.run(&["session", "sync", "generic", "--path", talk.to_str().unwrap()]).code, 0);
    let top = repository.path();
    let done = home.run(&["git", "ingest", top.to_str().unwrap()]);
    assert!(done.stdout.contains("1 commit added, 0 here already"), "{}{}", done.stdout, done.stderr);
    let asked = format!("{}:1", file.display());
    let done = home.run(&["blame", &asked]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    for words in [
        "src/lamp.rs\n",
        "wrote the whole file with line 1 in it",
        "asked: Let it turn.",
        "git blame names it for line 1",
        "Lamp: it turns",
        &commit[..12],
    ] {
        assert!(done.stdout.contains(words), "{words}: {}", done.stdout);
    }
    assert!(done.stdout.lines().all(|line| line.chars().count() <= 120), "{}", done.stdout);
    let refused = home.run(&["blame", &format!("{}:9", file.display())]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("the file has 1 line") && refused.stderr.contains("hint:"), "{}", refused.stderr);
}
