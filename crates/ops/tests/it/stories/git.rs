//! Commits of a repository are messages of the archive.

use super::*;
use jay_testkit::Repository;

fn at_hand(world: &World) -> Caller {
    Caller { door: Door::Cli, ..world.me.clone() }
}

/// A lamp that moved, with a merge and an empty commit.
fn lantern(world: &World) -> Repository {
    let repository = Repository::new(&world.home.work_dir().join("lantern"));
    repository.commit("src/lamp.rs", "fn turn() {}\n", "Lamp: it turns\n\nOnce a minute.", "2026-03-01T10:00:00Z");
    repository.git(&["checkout", "--quiet", "-b", "beam"]);
    repository.commit("src/beam.rs", "fn beam() {}\n", "Beam", "2026-03-02T10:00:00Z");
    repository.git(&["checkout", "--quiet", "main"]);
    repository.git(&["mv", "src/lamp.rs", "src/lens.rs"]);
    repository.git_at("2026-03-03T10:00:00Z", &["commit", "--quiet", "-m", "Lens: moved from the lamp"]);
    repository.git_at("2026-03-04T10:00:00Z", &["merge", "--quiet", "--no-ff", "beam", "-m", "Merge the beam"]);
    repository.git_at("2026-03-05T10:00:00Z", &["commit", "--quiet", "--allow-empty", "-m", "Nothing"]);
    repository
}

#[test]
fn commits_are_found_shown_and_counted_as_any_message() {
    let world = World::new();
    let me = at_hand(&world);
    let repository = lantern(&world);
    let answer = world.by(&me, "git_ingest", json!({"repository": repository.path()}));
    assert_eq!((&answer["commits"], &answer["inserted"], &answer["matched"]), (&json!(5), &json!(5), &json!(0)));
    let session = answer["session"].as_str().unwrap();
    assert_eq!(session, repository.git(&["rev-list", "--max-parents=0", "HEAD"]));
    let listed = world.ok("session_list", json!({"client": "git"}));
    assert_eq!((&listed["sessions"][0]["title"], &listed["sessions"][0]["messages"]), (&json!("lantern"), &json!(5)));
    let shown = world.ok("session_show", json!({"session": session}));
    let moved = &shown["messages"][1];
    assert_eq!((&moved["author"], &moved["at"]), (&json!("Mira"), &json!("2026-03-03T10:00:00Z")));
    assert_eq!(
        moved["parts"][1]["input"]["files"],
        json!([{"status": "R100", "path": "src/lens.rs", "from": "src/lamp.rs"}])
    );
    assert!(!shown.to_string().contains("example.org"), "an address is in no message");
    let hits = world.ok("session_search", json!({"query": "moved lamp"}));
    assert_eq!(hits["hits"][0]["client"], "git");
    let hits = world.ok("session_search", json!({"query": "src/beam.rs", "in": "tools"}));
    assert_eq!(hits["hits"].as_array().unwrap().len(), 1);
    let sql = json!({"query": "SELECT tool, count(*) FROM tool_calls WHERE client = 'git' GROUP BY tool"});
    assert_eq!(world.ok("sql", sql)["rows"], json!([["git commit", 3]]));
    // Its own rows, whole: a commit is what git says it is.
    let exported = world.by(&me, "session_export", json!({"session": session, "format": "jsonl"}));
    assert!(exported.to_string().contains("Once a minute."));
}

#[test]
fn only_what_is_new_is_read_and_nothing_is_taken_out() {
    let world = World::new();
    let me = at_hand(&world);
    let repository = lantern(&world);
    let ingest = json!({"repository": repository.path()});
    let counts = |answer: &Value| -> Vec<u64> {
        ["commits", "inserted", "matched"].iter().map(|name| answer[name].as_u64().unwrap()).collect()
    };
    let planned = world.by(&me, "git_ingest", json!({"repository": repository.path(), "dry_run": true}));
    assert_eq!(counts(&planned), [5, 5, 0]);
    assert_eq!(world.changes(), 0);
    world.by(&me, "git_ingest", ingest.clone());
    let before = world.changes();
    assert_eq!(counts(&world.by(&me, "git_ingest", ingest.clone())), [5, 0, 5]);
    assert_eq!(world.changes(), before, "nothing new, nothing written");
    // A clone is the same history, and a branch that was written anew adds to it.
    let clone = world.home.work_dir().join("clone");
    repository.git(&["clone", "--quiet", ".", clone.to_str().unwrap()]);
    assert_eq!(counts(&world.by(&me, "git_ingest", json!({"repository": clone}))), [5, 0, 5]);
    repository
        .git_at("2026-03-06T10:00:00Z", &["commit", "--quiet", "--amend", "--allow-empty", "-m", "Still nothing"]);
    assert_eq!(counts(&world.by(&me, "git_ingest", ingest)), [5, 1, 4]);
    let listed = world.ok("session_list", json!({"client": "git"}));
    assert_eq!((listed["sessions"].as_array().unwrap().len(), &listed["sessions"][0]["messages"]), (1, &json!(6)));
    // By time of commit, and by branch.
    let since = json!({"repository": repository.path(), "since": "2026-03-04", "dry_run": true});
    assert_eq!(counts(&world.by(&me, "git_ingest", since)), [2, 0, 2]);
    let branch = json!({"repository": repository.path(), "branch": "beam", "dry_run": true});
    assert_eq!(counts(&world.by(&me, "git_ingest", branch)), [2, 0, 2]);
    repository.git(&["checkout", "--quiet", "-b", "aside"]);
    repository.commit("x", "x", "Aside", "2026-03-07T10:00:00Z");
    repository.git(&["checkout", "--quiet", "main"]);
    let all = json!({"repository": repository.path(), "all": true});
    assert_eq!(counts(&world.by(&me, "git_ingest", all)), [6, 1, 5]);
}

#[test]
fn what_cannot_be_ingested_is_refused_by_name() {
    let world = World::new();
    let me = at_hand(&world);
    let plain = world.home.work_dir().join("plain");
    std::fs::create_dir_all(&plain).unwrap();
    let error = world.err_by(&me, "git_ingest", json!({"repository": plain}));
    assert_eq!((error.code, error.message.contains("is in no git repository")), (Code::NotFound, true), "{error:?}");
    let error = world.err_by(&me, "git_ingest", json!({"repository": world.home.work_dir().join("gone")}));
    assert_eq!(error.code, Code::NotFound);
    let empty = Repository::new(&world.home.work_dir().join("empty"));
    let answer = world.by(&me, "git_ingest", json!({"repository": empty.path()}));
    assert_eq!((&answer["commits"], &answer["notes"]), (&json!(0), &json!(["the repository has no commits yet"])));
    let repository = lantern(&world);
    let path = repository.path();
    for (input, wanted) in [
        (json!({"repository": path, "branch": "nowhere"}), Code::NotFound),
        (json!({"repository": path, "branch": "--all"}), Code::NotFound),
        (json!({"repository": path, "branch": "main", "all": true}), Code::BadInput),
        (json!({"repository": path, "since": "some time"}), Code::BadInput),
    ] {
        assert_eq!(world.err_by(&me, "git_ingest", input.clone()).code, wanted, "{input}");
    }
    let error = world.err_by(&me, "session_sync", json!({"clients": ["git"], "path": path}));
    assert!(error.hint.unwrap().contains("jay git ingest"));
    let input = json!({"client": "git", "session": "s", "messages": [{"role": "user", "text": "a"}]});
    assert_eq!(world.err("session_append", input).code, Code::BadInput);
    assert_eq!(world.changes(), 0);
    // Erased once, it does not come back.
    let answer = world.by(&me, "git_ingest", json!({"repository": path}));
    world.by(&me, "session_erase", json!({"session": answer["session"], "purge": true}));
    assert_eq!(world.err_by(&me, "git_ingest", json!({"repository": path})).code, Code::Refused);
}

/// A repository can name programs to be run. None is.
#[test]
fn no_program_that_a_repository_names_is_run() {
    let world = World::new();
    let me = at_hand(&world);
    let repository = lantern(&world);
    let trace = world.home.work_dir().join("trace");
    let program = format!("touch {}", trace.display());
    jay_testkit::write(repository.path().join(".gitattributes"), "* diff=evil filter=evil\n");
    for (name, value) in [
        ("core.fsmonitor", program.as_str()),
        ("core.pager", &program),
        ("diff.external", &program),
        ("diff.evil.textconv", &program),
        ("diff.evil.command", &program),
        ("filter.evil.clean", &program),
        ("filter.evil.smudge", &program),
        ("gpg.program", &program),
        ("log.showSignature", "true"),
    ] {
        repository.git(&["config", name, value]);
    }
    world.by(&me, "git_ingest", json!({"repository": repository.path()}));
    let line = format!("{}:1", repository.path().join("src/lens.rs").display());
    let answer = world.by(&me, "blame", json!({"file": line}));
    assert!(answer["lines"][0]["commit"].is_string(), "{answer}");
    assert!(!trace.exists(), "a program of the repository was run");
}

#[test]
fn a_shallow_clone_says_so_and_joins_the_history_that_is_here() {
    let world = World::new();
    let me = at_hand(&world);
    let repository = lantern(&world);
    let shallow = world.home.work_dir().join("shallow");
    let url = format!("file://{}", repository.path().display());
    repository.git(&["clone", "--quiet", "--depth", "2", &url, shallow.to_str().unwrap()]);
    let whole = world.by(&me, "git_ingest", json!({"repository": repository.path()}));
    let answer = world.by(&me, "git_ingest", json!({"repository": shallow}));
    assert_eq!((&answer["session"], &answer["inserted"]), (&whole["session"], &json!(0)));
    assert!(answer["notes"][0].as_str().unwrap().contains("shallow"));
}

/// Names and messages of any bytes, a submodule, more files than are kept.
#[cfg(target_os = "linux")]
#[test]
fn whatever_a_commit_holds_is_taken_in() {
    use std::os::unix::ffi::OsStrExt as _;
    let world = World::new();
    let me = at_hand(&world);
    let repository = lantern(&world);
    jay_testkit::write(repository.path().join(std::ffi::OsStr::from_bytes(b"b\xff\n c.rs")), "x");
    repository.commit("a", "a", "Odd name", "2026-03-06T10:00:00Z");
    let hash = repository.git(&["rev-parse", "HEAD"]);
    repository.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{hash},sub")]);
    repository.git_at("2026-03-07T10:00:00Z", &["commit", "--quiet", "-m", "Submodule"]);
    for n in 0..2005 {
        jay_testkit::write(repository.path().join(format!("many/{n}")), "x");
    }
    repository.commit("b", "b", "Many", "2026-03-08T10:00:00Z");
    let answer = world.by(&me, "git_ingest", json!({"repository": repository.path()}));
    assert_eq!((&answer["inserted"], &answer["left_out"]), (&json!(8), &json!(0)));
    assert_eq!(answer["notes"], json!(["of 1 commit only the first 2000 files are kept"]));
    let shown = world.ok("session_show", json!({"session": answer["session"]}));
    let input = |place: usize| shown["messages"][place]["parts"][1]["input"].clone();
    assert_eq!(input(5)["files"][1]["path"], "b\u{fffd}\n c.rs");
    assert_eq!(input(6)["files"], json!([{"status": "A", "path": "sub"}]));
    assert_eq!((input(7)["files"].as_array().unwrap().len(), &input(7)["left_out"]), (2000, &json!(7)));
}
