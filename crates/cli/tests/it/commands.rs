//! What a person sees.

use crate::Home;
use expect_test::{Expect, expect};

fn refused(words: &[&str], code: i32, expected: Expect) {
    let done = Home::new().run(words);
    assert_eq!((done.code, done.stdout.as_str()), (code, ""), "{words:?}: {done:?}");
    expected.assert_eq(&done.stderr);
}

#[test]
fn failures_say_what_helps() {
    refused(
        &["remember"],
        2,
        expect![[r#"
        error: `text`: is required
        hint: `jay help remember` lists every field and its bounds.
    "#]],
    );
    refused(
        &["remember", " "],
        2,
        expect![[r#"
        error: `text`: must not be empty
        hint: `jay help remember` lists every field and its bounds.
    "#]],
    );
    refused(
        &["recall", "x", "--limit", "many"],
        2,
        expect![[r#"
        error: `limit`: must be a whole number, not text
        hint: `jay help recall` lists every field and its bounds.
    "#]],
    );
    refused(
        &["recall", "x", "--kinds", "fact"],
        2,
        expect![[r#"
        error: unexpected argument `--kinds` found
        hint: A similar argument exists: `--kind`. `jay help recall` lists every field and its bounds.
    "#]],
    );
    refused(
        &["remember", "two", "words"],
        2,
        expect![[r#"
        error: unexpected argument `words` found
        hint: Put several words in quotes. `jay help remember` lists every field and its bounds.
    "#]],
    );
    refused(
        &["forget"],
        2,
        expect![[r#"
        error: `ids`: is required
        hint: `jay help forget` lists every field and its bounds.
    "#]],
    );
    refused(
        &["frobnicate"],
        2,
        expect![[r#"
        error: unrecognized subcommand `frobnicate`
        hint: `jay help` lists every command.
    "#]],
    );
    refused(
        &["-n", "a//b", "list"],
        2,
        expect![[r#"
        error: `namespace`: `a//b` is not a namespace path
        hint: Write one like work/acme/api: letters, digits, `.`, `_`, `-` between slashes; `jay namespace list` shows those here.
    "#]],
    );
    refused(
        &["purge", "abcdef"],
        4,
        expect![[r#"
        error: purge cannot be undone and nobody is there to confirm it
        hint: Look first with `jay purge … --dry-run`; `--yes` does it without asking.
    "#]],
    );
    refused(
        &["serve", "--addr", "0.0.0.0:0"],
        4,
        expect![[r#"
        error: 0.0.0.0:0 can be reached from other machines
        hint: Serve on 127.0.0.1 and reach it through an SSH tunnel; other addresses need TLS and keys, which this version does not have.
    "#]],
    );
    refused(
        &["call", "--describe", "purged"],
        2,
        expect![[r#"
            error: `purged` is not an operation
            hint: The operations are remember, remember_batch, recall, get, list, update, forget, unforget, purge, link, unlink, history, revert, undo, feedback, move, namespace_list, namespace_show, namespace_rename, namespace_alias, namespace_set, namespace_merge, namespace_delete, docs_add, docs_list, docs_remove, session_sync, session_append, session_list, session_show, session_export, session_resume, session_erase, session_retention, session_search, git_ingest, blame, sql, stats_usage, sync, sync_status, remote_add, remote_list, remote_show, remote_check, remote_remove, vault_invite, vault_join, vault_members, vault_add, vault_remove, vault_rotate, model_install, model_list, model_use, model_remove, status, doctor, eval, jobs_list, jobs_run.
        "#]],
    );
    refused(
        &["mcp", "--profile", "huge"],
        2,
        expect![[r#"
        error: `profile`: must be one of default, full, not `huge`
        hint: `jay help mcp` lists every field and its bounds.
    "#]],
    );
}

#[test]
fn with_json_a_failure_is_an_answer() {
    let done = Home::new().run(&["get", "--json", "abcdef", "--as-of", ""]);
    assert_eq!((done.code, done.stderr.as_str()), (2, ""));
    assert_eq!(done.json()["error"]["message"], "`as_of`: must not be empty");
    let unparsed = Home::new().run(&["get", "--json"]);
    assert_eq!((unparsed.code, unparsed.json()["error"]["message"].as_str()), (2, Some("`ids`: is required")));
}

#[test]
fn settings_are_written_shown_and_found() {
    let home = Home::new();
    assert_eq!(home.run(&["config", "path"]).stdout.trim(), home.path("jay/config.toml").to_str().unwrap());
    assert_eq!(home.run(&["config", "init"]).code, 0);
    assert_eq!(home.run(&["config", "init"]).code, 5);
    let shown = home.jay(&["config", "show", "--origins"]).env("JAY_SERVE_ADDR", "127.0.0.1:1").output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("serve_addr = \"127.0.0.1:1\"               # JAY_SERVE_ADDR\n"), "{shown}");
    let wrong = home.jay(&["list"]).env("JAY_LOG", "a=b=c").output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn help_and_man_and_completions_are_answers() {
    let home = Home::new();
    for words in [
        ["help", "session", "search"].as_slice(),
        &["--help"],
        &["recall", "-h"],
        &["--version"],
        &["man"],
        &["man", "session", "search"],
        &["completions", "zsh"],
        &["call", "--describe", "recall"],
    ] {
        let done = home.run(words);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{words:?}");
        assert!(!done.stdout.is_empty(), "{words:?}");
    }
    let file = home.path("jay.1");
    assert_eq!(home.run(&["man", "-o", file.to_str().unwrap()]).stdout, "");
    assert!(std::fs::read_to_string(file).unwrap().contains(".TH jay 1"));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let home = Home::new();
    let mut child = home.jay(&["completions", "zsh"]).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn undo_says_what_it_takes_back_and_what_becomes_of_it() {
    let home = Home::new();
    home.run(&["remember", "the lamp", "-n", "pa"]);
    home.run(&["remember", "the torch", "-n", "pb"]);
    let plain = |words: &[&str]| {
        let stdout = home.run(words).stdout;
        // Ids and ages are another thing at each run.
        stdout.lines().map(|line| line.split(" (act ").next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let plan = plain(&["undo", "--dry-run"]);
    assert!(plan[0].starts_with("would undo: create in pb, "), "{plan:?}");
    assert!(plan[1].starts_with("  would be taken away: ") && plan[1].ends_with(" in pb, version 2"), "{plan:?}");
    assert_eq!(plan[2], "    the torch");
    let undone = plain(&["undo", "-n", "pa"]);
    assert!(undone[0].starts_with("undone: create in pa, "), "{undone:?}");
    assert!(undone[1].starts_with("  taken away: ") && undone[2] == "    the lamp", "{undone:?}");
    let left = home.run(&["list", "--all"]).stdout;
    assert!(left.contains("the torch") && !left.contains("the lamp"), "{left}");
}

#[test]
fn nothing_is_written_where_its_answer_cannot_be() {
    let home = Home::new();
    std::fs::create_dir(home.path("folder")).unwrap();
    for file in ["missing/answer", "folder"] {
        let done = home.run(&["remember", "kept or not", "-o", file]);
        assert_eq!(done.code, 1, "{done:?}");
        assert!(done.stderr.contains("cannot write") && done.stderr.contains("Nothing was done"), "{done:?}");
    }
    assert_eq!(home.run(&["list", "--json"]).json()["memories"], serde_json::json!([]));
    let done = home.run(&["remember", "kept", "--json", "-o", "answer"]);
    assert_eq!((done.code, done.stdout.as_str()), (0, ""), "{done:?}");
    let left: Vec<_> = std::fs::read_dir(home.path("."))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("answer"))
        .collect();
    assert_eq!(left, ["answer"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_write_whose_answer_is_lost_says_that_it_is_done() {
    let home = Home::new();
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = home.jay(&["remember", "kept"]);
    let output = command.stdout(full()).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    let listed = home.run(&["list", "--json"]).json();
    let id = listed["memories"][0]["id"].as_str().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains(&format!("remember is done, as {id}; only its answer is lost")), "{told}");
    let output = home.run(&["remember", "kept too", "-o", "/dev/full"]);
    assert!(output.stderr.contains("remember is done, as "), "{output:?}");
    use std::os::unix::fs::FileTypeExt as _;
    assert!(std::fs::metadata("/dev/full").unwrap().file_type().is_char_device(), "a device is not replaced");
}

#[cfg(unix)]
#[test]
fn what_the_machine_says_is_told_in_words() {
    let home = Home::new();
    let told = |words: &[&str], variables: &[(&str, &str)], expected: &[&str]| {
        let mut command = home.jay(words);
        let output = command.envs(variables.iter().copied()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        for part in expected {
            assert!(said.contains(part), "{words:?} {variables:?}: {said}");
        }
        assert!(said.contains("hint: ") && !said.contains("os error"), "{words:?} {variables:?}: {said}");
    };
    told(&["list"], &[("JAY_LOG", "jay=,=")], &["`log` is not a filter", "jay_ops=info"]);
    told(&["list"], &[("JAY_ACTOR", "a\nb")], &["`actor`: must not hold a line break"]);
    std::fs::create_dir(home.path("linked")).unwrap();
    std::os::unix::fs::symlink("/nowhere/at/all", home.path("linked/state")).unwrap();
    let linked = home.path("linked").display().to_string();
    told(&["remember", "x"], &[("JAY_HOME", &linked)], &["is a link to a place that is not there"]);
    std::fs::create_dir(home.path("jay")).unwrap();
    let mut config = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(home.path("jay/config.toml"))
        .unwrap();
    std::io::Write::write_all(&mut config, b"actor = \"\xff\"\n").unwrap();
    told(&["list"], &[], &["config.toml is not text in UTF-8"]);
}

#[test]
fn a_model_is_fetched_and_an_end_in_the_middle_leaves_none() {
    use jay_testkit::http::{HttpServer, Response};
    use std::sync::atomic::{AtomicBool, Ordering};
    let (home, is_slow) = (Home::new(), std::sync::Arc::new(AtomicBool::new(true)));
    let slow = std::sync::Arc::clone(&is_slow);
    let server = HttpServer::start(move |request| match request.path.as_str() {
        "/tiny/tokenizer.json" => Response::new(200, jay_testkit::tiny_bert::tokenizer()),
        "/tiny/onnx/model.onnx" => {
            let whole = Response::new(200, jay_testkit::TinyBert::default().onnx());
            if slow.load(Ordering::Relaxed) { whole.slowly(2, std::time::Duration::from_secs(2)) } else { whole }
        }
        _ => Response::new(404, ""),
    });
    let address = format!("{}/tiny", server.base());
    let install = ["model", "install", &address, "--window-tokens", "64"];
    let half = home.path("jay/models/fetched.unfinished/model.onnx");
    let mut child = home.jay(&install).spawn().unwrap();
    for _ in 0..1000 {
        if half.exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(half.exists());
    assert_eq!(home.run(&["model", "list", "--json"]).json()["models"], serde_json::json!([]));
    is_slow.store(false, Ordering::Relaxed);
    let shown = |words: &[&str], code: i32, expected: Expect| {
        let done = home.run(words);
        let said = format!("{}{}", done.stdout, done.stderr).replace(&server.base(), "BASE");
        assert_eq!(done.code, code, "{done:?}");
        expected.assert_eq(&said);
    };
    let zeros = "0".repeat(64);
    shown(
        &[install.as_slice(), &["--sha256", &zeros]].concat(),
        6,
        expect![[r#"
        error: onnx/model.onnx has the SHA-256 d073093c928775536c1858cca99e61b0215bf926bda7416f94eabf01588deabb, not 0000000000000000000000000000000000000000000000000000000000000000
        hint: Nothing was installed. Compare with what the publisher says of the file.
    "#]],
    );
    shown(
        &install,
        0,
        expect![[r#"
        installed tiny (onnx-826bdd574ce3b468), 32 dimensions, 0.0 MB
        fetched tokenizer.json (0.0 MB), onnx/model.onnx (0.0 MB) from BASE/tiny
        sha256 d073093c928775536c1858cca99e61b0215bf926bda7416f94eabf01588deabb
        `jay model use tiny` makes its vectors.
    "#]],
    );
    shown(
        &["model", "install", &server.base()],
        3,
        expect![[r#"
        error: there is no tokenizer.json below BASE
        hint: Name the address below which the files stand; of Hugging Face it is https://huggingface.co/OWNER/NAME/resolve/main. `--file` names a model with another name.
    "#]],
    );
    assert!(!half.parent().unwrap().exists());
}

#[test]
fn a_cross_encoder_is_told_from_what_makes_vectors() {
    let home = Home::new();
    let directory = home.path("judge");
    jay_testkit::TinyJudge { words: vec![("worker", 8.0)], bias: -4.0 }.write(&directory);
    let directory = directory.display().to_string();
    let shown = |words: &[&str], code: i32, expected: Expect| {
        let done = home.run(words);
        let said = format!("{}{}", done.stdout, done.stderr);
        assert_eq!(done.code, code, "{done:?}");
        expected.assert_eq(&said);
    };
    shown(
        &["model", "install", &directory, "--window-tokens", "64"],
        0,
        expect![[r#"
        installed judge (cross-7ff3ce9eee48e2d7), cross-encoder, 0.0 MB
        `jay model use judge` lets it judge the best hits.
    "#]],
    );
    shown(
        &["model", "use", "judge"],
        0,
        expect![[r#"
        judge judges the best hits of each question now.
        note: running servers take it when they are started again
    "#]],
    );
    let listed = home.run(&["model", "list"]).stdout;
    assert!(listed.contains("*  judge                 cross-7ff3ce9eee48e2d7  cross-encoder, 0.0 MB  "), "{listed}");
    shown(
        &["model", "remove", "judge"],
        5,
        expect![[r#"
        error: judge is in use
        hint: First `jay model use none --kind cross_encoder`, or another one.
    "#]],
    );
    assert_eq!(home.run(&["remember", "restart the worker"]).code, 0);
    let mut status = home.jay(&["status"]);
    let status = status.env("JAY_RERANKER", "nothing").output().unwrap();
    let status = String::from_utf8(status.stdout).unwrap() + &String::from_utf8(status.stderr).unwrap();
    assert!(status.contains("the chosen reranker is not used: no model `nothing`"), "{status}");
    assert!(home.run(&["status"]).stdout.contains("judge (cross-"));
    shown(
        &["model", "use", "none", "--kind", "cross_encoder"],
        0,
        expect![[r#"
        No model judges the best hits now.
    "#]],
    );
    shown(
        &["model", "use", "none"],
        0,
        expect![[r#"
        The built-in table alone makes vectors now.
        No model judges the best hits now.
    "#]],
    );
    shown(
        &["model", "remove", "judge"],
        0,
        expect![[r#"
        removed judge (cross-7ff3ce9eee48e2d7), cross-encoder, 0.0 MB
    "#]],
    );
}
