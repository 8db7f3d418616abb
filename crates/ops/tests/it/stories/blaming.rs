//! From a file, or a line of it, to the sessions that wrote it.

use super::*;
use jay_testkit::Repository;

/// A session in the namespace of [`World::me`] in which tools are called: (message, minute, tool, input).
fn talk(world: &World, session: &str, project: &std::path::Path, calls: &[(&str, u32, &str, Value)]) {
    let at = |minute: u32| format!("2026-03-01T10:{minute:02}:00Z");
    let asked = format!("Please do {session}.");
    let mut messages = vec![json!({"id": "ask", "at": at(0), "role": "user", "text": asked})];
    for (message, minute, tool, input) in calls {
        let parts = json!([{"type": "tool_call", "id": message, "name": tool, "input": input}]);
        messages.push(json!({"id": message, "at": at(*minute), "role": "assistant", "parts": parts}));
    }
    let input = json!({"client": "bot", "session": session, "project": project, "messages": messages});
    let answer = world.ok("session_append", input);
    assert_eq!(answer["errors"], 0, "{answer}");
}

fn blame(world: &World, file: &str) -> Value {
    world.by(&Caller { door: Door::Cli, ..world.me.clone() }, "blame", json!({"file": file}))
}

fn ids(answer: &Value) -> Vec<&str> {
    answer["sessions"].as_array().unwrap().iter().map(|hit| hit["session"].as_str().unwrap()).collect()
}

#[test]
fn a_line_leads_to_the_call_that_put_it_in() {
    let world = World::new();
    let repository = Repository::new(&world.home.work_dir().join("lantern"));
    let top = repository.path();
    let file = top.join("src/lamp.rs");
    let text = "fn turn() {\n    let speed = 6;\n}\n";
    repository.commit("src/lamp.rs", text, "Lamp", "2026-03-01T10:30:00Z");
    talk(
        &world,
        "made",
        &top,
        &[("w", 5, "Write", json!({"file_path": file, "content": "fn turn() {\n    let speed = 1;\n}\n"}))],
    );
    talk(
        &world,
        "tuned",
        &top,
        &[
            ("r", 10, "Read", json!({"file_path": file})),
            (
                "e",
                11,
                "Edit",
                json!({"file_path": file, "old_string": "let speed = 1;", "new_string": "let speed = 6;"}),
            ),
        ],
    );
    talk(
        &world,
        "other",
        &top,
        &[(
            "x",
            12,
            "Edit",
            json!({"file_path": top.join("lamp.rs"), "old_string": "a", "new_string": "let speed = 6;"}),
        )],
    );
    let before = world.changes();
    let answer = blame(&world, &format!("{}:2", file.display()));
    assert_eq!(ids(&answer), ["tuned", "made"], "{answer:#}");
    let first = &answer["sessions"][0];
    assert_eq!(
        (&first["message"], &first["tool"], &first["request"]),
        (&json!("e"), &json!("Edit"), &json!("Please do tuned."))
    );
    assert_eq!(first["why"][0], "wrote line 2");
    assert_eq!((&answer["file"], &answer["lines"][0]["text"]), (&json!("src/lamp.rs"), &json!("let speed = 6;")));
    assert_eq!(answer["lines"][0]["commit"], repository.git(&["rev-parse", "HEAD"]));
    assert_eq!(answer["commits"][0]["session"], "tuned", "the last write before the commit: {answer:#}");
    // The whole file and its first line were of the first session.
    assert_eq!(ids(&blame(&world, &format!("{}:1", file.display())))[0], "made");
    assert_eq!(ids(&blame(&world, &file.display().to_string())), ["tuned", "made"]);
    assert_eq!(world.changes(), before, "nothing is written");
}

#[test]
fn a_file_is_the_same_in_clones_and_under_its_earlier_names() {
    let world = World::new();
    let repository = Repository::new(&world.home.work_dir().join("lantern"));
    let elsewhere = world.home.work_dir().join("tree");
    repository.commit("src/lamp.rs", "fn turn() {}\nfn stop() {}\n", "Lamp", "2026-03-01T10:30:00Z");
    // In a worktree that is gone, by a path from its directory.
    talk(
        &world,
        "worktree",
        &elsewhere,
        &[("w", 5, "write_file", json!({"path": "src/lamp.rs", "content": "fn turn() {}"}))],
    );
    // Of another crate, which ends alike.
    talk(
        &world,
        "crate",
        &elsewhere,
        &[("w", 6, "write_file", json!({"path": "crates/x/src/lamp.rs", "content": "x"}))],
    );
    repository.git(&["mv", "src/lamp.rs", "src/lens.rs"]);
    repository.git_at("2026-03-01T11:00:00Z", &["commit", "--quiet", "-m", "Lens"]);
    let me = Caller { door: Door::Cli, ..world.me.clone() };
    world.by(&me, "git_ingest", json!({"repository": repository.path()}));
    let answer = blame(&world, &repository.path().join("src/lens.rs").display().to_string());
    assert_eq!(answer["earlier_names"], json!(["src/lamp.rs"]), "{answer:#}");
    assert_eq!(ids(&answer), ["worktree"]);
    let whys: Vec<&Value> = answer["commits"].as_array().unwrap().iter().map(|commit| &commit["why"][0]).collect();
    assert_eq!(whys, ["moved this file", "added this file"]);
    let noted = answer["notes"].to_string();
    assert!(noted.contains("crates/x/src/lamp.rs"), "{noted}");
    // At a door where nothing is read, a path counts from the top.
    let answer = world.by(&agent(), "blame", json!({"file": "src/lamp.rs", "text": "fn turn() {}"}));
    assert_eq!(
        (ids(&answer), &answer["sessions"][0]["why"][0]),
        (vec!["worktree"], &json!("wrote the whole file with the text in it"))
    );
}

#[test]
fn a_commit_is_known_in_the_session_whose_tools_tell_its_hash() {
    let world = World::new();
    let repository = Repository::new(&world.home.work_dir().join("lantern"));
    let top = repository.path();
    talk(&world, "writer", &top, &[("w", 5, "Write", json!({"file_path": top.join("a.rs"), "content": "let a = 1;"}))]);
    let commit = repository.commit("a.rs", "let a = 1;\n", "A", "2026-03-01T10:20:00Z");
    let told =
        json!([{"type": "tool_result", "id": "c", "name": "Bash", "output": format!("[main {}] A", &commit[..7])}]);
    let row = json!({"session": "committer", "message": "m", "at": "2026-03-01T10:20:02Z", "role": "tool", "project": top, "parts": told});
    let file = world.home.write("committer.jsonl", row.to_string() + "\n");
    let me = Caller { door: Door::Cli, ..world.me.clone() };
    world.by(&me, "session_sync", json!({"clients": ["generic"], "path": file}));
    let answer = blame(&world, &format!("{}:1", top.join("a.rs").display()));
    assert_eq!(answer["commits"][0]["session"], "committer", "{answer:#}");
    assert_eq!(ids(&answer), ["writer"]);
}

#[test]
fn what_is_no_file_or_line_is_refused_and_nothing_found_says_what_was_looked_at() {
    let world = World::new();
    let text = world.home.write("a.txt", "one\ntwo\n");
    let binary = world.home.write("b.bin", b"a\0b");
    let me = Caller { door: Door::Cli, ..world.me.clone() };
    for (file, words) in [
        (format!("{}:9", text.display()), "has 2 lines"),
        (format!("{}:abc", text.display()), "is no line"),
        (format!("{}:1", binary.display()), "binary"),
        (world.home.work_dir().display().to_string(), "is a directory"),
    ] {
        let error = world.err_by(&me, "blame", json!({"file": file}));
        assert!(error.code == Code::BadInput && error.message.contains(words), "{file}: {error:?}");
    }
    assert_eq!(
        world.err_by(&me, "blame", json!({"file": format!("{}:1", text.with_extension("gone").display())})).code,
        Code::NotFound
    );
    assert_eq!(world.err_by(&agent(), "blame", json!({"file": "a.txt:1"})).code, Code::BadInput);
    let answer = blame(&world, &text.display().to_string());
    assert_eq!(
        (ids(&answer), &answer["looked"]),
        (vec![], &json!({"sessions": 0, "calls": 0, "commits": 0, "git": false}))
    );
    assert!(answer["notes"].to_string().contains("no session is archived"), "{answer:#}");
    let answer = blame(&world, &format!("{}:1", text.display()));
    assert!(answer["notes"].to_string().contains("says too little"), "{answer:#}");
}

#[test]
fn secrets_stay_masked_and_failed_calls_are_left_out() {
    let world = World::new();
    let work = world.home.work_dir();
    let file = work.join("key.txt");
    let secret = "AKIAQ3EXAMPLE7BZKJ2T";
    let line = format!("aws = {secret}");
    world.home.write("key.txt", format!("{line}\n"));
    talk(&world, "keyed", &work, &[("w", 1, "Write", json!({"file_path": file, "content": line}))]);
    let failing =
        json!([{"type": "tool_call", "id": "f", "name": "Write", "input": {"file_path": file, "content": "x"}}]);
    let failed = json!([{"type": "tool_result", "id": "f", "output": "denied", "is_error": true}]);
    let row = |message: &str, role: &str, parts: &Value| {
        json!({"session": "denied", "message": message, "at": "2026-03-01T10:00:00Z", "role": role, "project": work, "parts": parts}).to_string() + "\n"
    };
    let rows = row("a", "assistant", &failing) + &row("b", "tool", &failed);
    let source = world.home.write("denied.jsonl", rows);
    let me = Caller { door: Door::Cli, ..world.me.clone() };
    world.by(&me, "session_sync", json!({"clients": ["generic"], "path": source}));
    let answer = blame(&world, &format!("{}:1", file.display()));
    assert_eq!(ids(&answer), ["keyed"]);
    assert!(
        answer["sessions"][0]["why"].to_string().contains("line 1"),
        "the line with the secret leads there: {answer:#}"
    );
    assert!(!answer.to_string().contains(secret), "{answer:#}");
    assert!(answer["notes"].to_string().contains("1 call that would have written it failed"), "{answer:#}");
}

#[test]
fn an_erased_session_is_blamed_no_more_and_a_rebuild_gives_the_same() {
    let world = World::new();
    let work = world.home.work_dir();
    let file = work.join("a.rs");
    talk(&world, "session-one", &work, &[("w", 1, "Write", json!({"file_path": file, "content": "x"}))]);
    talk(&world, "session-two", &work, &[("w", 2, "Write", json!({"file_path": file, "content": "y"}))]);
    let before = blame(&world, &file.display().to_string());
    assert_eq!(ids(&before), ["session-two", "session-one"]);
    world.ok("doctor", json!({"rebuild": true}));
    assert_eq!(blame(&world, &file.display().to_string()), before);
    world.ok("session_erase", json!({"session": "session-two", "purge": true}));
    assert_eq!(ids(&blame(&world, &file.display().to_string())), ["session-one"]);
}

/// What each client calls the tools that write, and how its sessions say who asked.
#[test]
fn every_client_that_writes_files_is_found_by_them() {
    let world = World::new();
    let top = world.home.work_dir();
    for (client, version) in [
        ("antigravity", "db-1"),
        ("claude-desktop", "1"),
        ("copilot-cli", "0.0.420"),
        ("crush", "0.20"),
        ("droid", "0.60"),
        ("goose", "1.10"),
        ("grok-build", "1"),
        ("hermes", "23"),
        ("kimi", "1.4"),
        ("letta-code", "1"),
        ("managed-agents", "2026"),
        ("oh-my-pi", "1"),
        ("openclaw", "2026.7"),
        ("openhands", "1"),
        ("pi", "sqlite"),
        ("qwen-code", "0.10"),
        ("zed", "0.3"),
    ] {
        let place = top.join("told").join(client);
        jay_testkit::foreign::lay_out(&fixtures().join(client).join(version), &place);
        let me = Caller { door: Door::Cli, ..world.me.clone() };
        world.by(&me, "session_sync", json!({"clients": [client], "path": place}));
    }
    let mut found = String::new();
    for file in [
        "/home/mira/code/lantern/src/lamp.rs",
        "/sessions/x/mnt/berths.md",
        "/home/mira/code/lantern/lamps.csv",
        "/home/mira/code/lantern/paint.md",
        "/home/mira/code/tidepool/src/export.rs",
        "/home/mira/code/lantern/storm.md",
        "/home/mira/code/lantern/ice.md",
        "/home/mira/code/lantern/horn.md",
        "/workspace/log.md",
        "/home/mira/code/lantern/fog.md",
        "/home/mira/clawd/tides.md",
        "/home/mira/code/lantern/buoys.txt",
        "/home/mira/code/lantern/channel.md",
        "told/crush/lamp.go",
        "/home/mira/code/tidepool/pool.md",
    ] {
        // One that is not whole is below the world's directory.
        let answer = blame(&world, &top.join(file).display().to_string());
        let hits = answer["sessions"].as_array().unwrap().iter();
        let mut told: Vec<String> =
            hits.map(|hit| format!("{} {}", hit["client"].as_str().unwrap(), hit["tool"].as_str().unwrap())).collect();
        told.sort();
        found += &format!("{file}: {}\n", told.join(", "));
    }
    expect_test::expect![[r#"
        /home/mira/code/lantern/src/lamp.rs: antigravity replace_file_content
        /sessions/x/mnt/berths.md: claude-desktop Write
        /home/mira/code/lantern/lamps.csv: copilot-cli edit
        /home/mira/code/lantern/paint.md: droid Create
        /home/mira/code/tidepool/src/export.rs: goose developer__text_editor, hermes write_file, openhands file_editor
        /home/mira/code/lantern/storm.md: grok-build search_replace
        /home/mira/code/lantern/ice.md: kimi Write
        /home/mira/code/lantern/horn.md: letta-code Edit
        /workspace/log.md: managed-agents write
        /home/mira/code/lantern/fog.md: oh-my-pi write
        /home/mira/clawd/tides.md: openclaw write
        /home/mira/code/lantern/buoys.txt: pi edit
        /home/mira/code/lantern/channel.md: qwen-code write_file
        told/crush/lamp.go: crush edit
        /home/mira/code/tidepool/pool.md: zed edit_file
    "#]]
    .assert_eq(&found);
}
