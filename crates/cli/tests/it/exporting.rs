//! A document leaves whole or not at all, in as many pieces as it takes.

use super::Home;

/// A home with the session `lantern-7` of 300 messages, more than a piece holds.
fn archived() -> Home {
    let home = Home::new();
    let long = "lamp oil ".repeat(1_000);
    let row =
        |n: usize| format!(r#"{{"session":"lantern-7","message":"m{n}","role":"user","text":"number {n:03} {long}"}}"#);
    let rows: Vec<String> = (0..300).map(row).collect();
    jay_testkit::write(home.path("talk.jsonl"), rows.join("\n") + "\n");
    let file = home.path("talk.jsonl");
    assert_eq!(home.run(&["session", "sync", "generic", "--path", file.to_str().unwrap()]).code, 0);
    home
}

#[test]
fn the_pieces_are_put_together() {
    let home = archived();
    for (format, first, last) in
        [("markdown", "# ", "\n"), ("html", "<!doctype html>", "</html>\n"), ("jsonl", "{", "}\n")]
    {
        let done = home.run(&["session", "export", "lantern-7", "--format", format]);
        assert_eq!(done.code, 0, "{}", done.stderr);
        assert!(done.stdout.starts_with(first) && done.stdout.ends_with(last), "{format}");
        for n in 0..300 {
            assert_eq!(done.stdout.matches(&format!("number {n:03} ")).count(), 1, "{format} {n}");
        }
        let file = home.path("out");
        let written = home.run(&["session", "export", "lantern-7", "--format", format, "-o", file.to_str().unwrap()]);
        assert_eq!((written.code, written.stdout.as_str()), (0, ""), "{}", written.stderr);
        assert!(written.stderr.starts_with("300 messages written to "), "{}", written.stderr);
        assert_eq!(std::fs::read_to_string(file).unwrap(), done.stdout, "{format}");
    }
}

#[test]
fn a_failure_leaves_the_file_as_it_was() {
    let home = archived();
    jay_testkit::write(home.path("out.md"), "before");
    let file = home.path("out.md");
    let done = home.run(&["session", "export", "nosuch-session", "-o", file.to_str().unwrap()]);
    assert_ne!(done.code, 0);
    assert!(done.stderr.contains("hint:"), "{}", done.stderr);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "before");
    let names = std::fs::read_dir(file.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!names.into_iter().any(|name| name.to_string_lossy().contains(".new")), "nothing unfinished is left");
}
