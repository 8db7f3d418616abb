//! Files of the store that are gone, empty or broken: what is said of them, and that the rest is looked at all the same.

use crate::{Done, Home};
use std::fs;

/// A store with one memory and one session, written out of the log into the files.
fn filled() -> Home {
    let home = Home::new();
    let file = home.path("talk.jsonl");
    let row = r#"{"session":"talk-000001","message":"m1","role":"user","text":"where is the lamp"}"#;
    let long = format!(r#"{{"session":"talk-000003","message":"m1","role":"user","text":"{}"}}"#, long_text());
    let scrubbed = r#"{"session":"talk-000002","message":"m1","role":"user","text":"one more to scrub"}"#;
    jay_testkit::write(&file, format!("{row}\n{long}\n{scrubbed}\n"));
    assert_eq!(home.run(&["remember", "the lamp is in the hall", "-n", "pa"]).code, 0);
    assert_eq!(home.run(&["session", "sync", "generic", "--path", file.to_str().unwrap()]).code, 0);
    for n in 0..30 {
        let text = format!("filler number {n} {}", "words of a memory ".repeat(60));
        assert_eq!(home.run(&["remember", &text, "-n", "pa"]).code, 0);
    }
    let purged = home.run(&["purge", "--yes", "--with-sources", &id_of(&home, "one more to scrub")]);
    assert!(purged.stdout.contains("Purged everywhere"), "{purged:?}");
    home
}

/// Words that do not compress to nothing.
fn long_text() -> String {
    let mut random = jay_testkit::Random::new(3);
    (0..2_000).map(|_| random.letters(9) + " ").collect()
}

fn id_of(home: &Home, text: &str) -> String {
    let done = home.run(&["remember", text, "-n", "pa", "--json"]);
    done.json()["id"].as_str().unwrap().to_owned()
}

fn data(home: &Home, name: &str) -> std::path::PathBuf {
    home.path("jay").join(name)
}

fn remove(home: &Home, name: &str) {
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(data(home, &format!("{name}{suffix}")));
    }
}

/// No words of SQLite's own, and no hint to run what was just run.
fn well_said(done: &Done) {
    let all = format!("{}{}", done.stdout, done.stderr);
    for raw in
        ["not a database", "malformed", "SQLite", "SQL logic", "btree", "`jay doctor` says", "`jay doctor` names"]
    {
        assert!(!all.contains(raw), "{raw}: {all}");
    }
}

#[test]
fn a_memory_that_is_gone_is_not_an_empty_one() {
    for emptied in [false, true] {
        let home = filled();
        let kept = fs::read(data(&home, "memory.db")).unwrap();
        remove(&home, "memory.db");
        let words = if emptied {
            jay_testkit::write(data(&home, "memory.db"), "");
            "memory.db is empty, and this data directory has had one"
        } else {
            "memory.db is missing, and this data directory has had one"
        };
        let status = home.run(&["status"]);
        assert!(status.stdout.contains("unknown: memory.db is missing") && status.stdout.contains(words), "{status:?}");
        let counted = home.run(&["status", "--json"]).json();
        assert_eq!(counted["missing"], serde_json::json!(["memory.db"]));
        assert!(
            counted.get("memories").is_none() && counted.get("changes").is_none(),
            "unknown is not zero: {counted}"
        );
        assert_eq!(counted["sessions"], 2);
        let doctor = home.run(&["doctor"]);
        assert_eq!(doctor.code, 6, "{doctor:?}");
        assert!(doctor.stdout.contains(words) && doctor.stdout.contains("memory.begun"), "{doctor:?}");
        assert!(doctor.stdout.contains("archive journal: "), "the other file is looked at: {doctor:?}");
        well_said(&doctor);
        for asked in [
            &["list", "--all"][..],
            &["recall", "lamp", "-n", "pa"],
            &["remember", "a new one", "-n", "pa"],
            &["get", "abcdef"],
            &["forget", "abcdef"],
            &["namespace", "list"],
            &["jobs", "list"],
            &["jobs", "run"],
            &["eval"],
        ] {
            let done = home.run(asked);
            assert_eq!((done.code, done.stderr.contains(words)), (6, true), "{asked:?}: {done:?}");
        }
        let found = home.run(&["session", "search", "lamp"]);
        assert!(found.stdout.contains("where is the lamp"), "the archive answers: {found:?}");
        // Nothing was put in its place: with the file all is there again.
        jay_testkit::write(data(&home, "memory.db"), &kept);
        assert!(home.run(&["recall", "lamp", "-n", "pa"]).stdout.contains("in the hall"));
        assert!(home.run(&["doctor"]).stdout.contains("ok      memory journal: "));
        remove(&home, "memory.db");
        fs::remove_file(data(&home, "state/memory.begun")).unwrap();
        assert_eq!(home.run(&["remember", "begun anew", "-n", "pa"]).code, 0);
        assert_eq!(home.run(&["doctor"]).code, 0);
    }
}

#[test]
fn an_archive_that_is_gone_is_named_and_a_memory_alone_is_no_fault() {
    let home = filled();
    remove(&home, "archive.db");
    let doctor = home.run(&["doctor"]);
    assert!(doctor.code == 6 && doctor.stdout.contains("archive.db is missing"), "{doctor:?}");
    assert!(doctor.stdout.contains("memory journal: "), "{doctor:?}");
    assert_eq!(home.run(&["session", "list"]).code, 6);
    assert!(home.run(&["recall", "lamp", "-n", "pa"]).stdout.contains("in the hall"));
    let other = Home::new();
    other.run(&["remember", "x", "-n", "pa"]);
    let doctor = other.run(&["doctor"]);
    assert!(doctor.code == 0 && !doctor.stdout.contains("missing"), "{doctor:?}");
}

#[test]
fn doctor_names_the_damaged_file_and_goes_on_with_the_other() {
    type Harm = fn(&mut Vec<u8>);
    let harms: [(&str, Harm); 3] = [
        ("its beginning", |bytes| bytes[..100].fill(0)),
        ("its second half", |bytes| bytes.truncate(bytes.len() / 2)),
        ("its middle", |bytes| {
            let (from, to) = (bytes.len() / 4, bytes.len() * 3 / 4);
            bytes[from..to].fill(0x55);
        }),
    ];
    for (name, other) in [("memory", "archive"), ("archive", "memory")] {
        for (what, harm) in harms {
            let home = filled();
            let file = data(&home, &format!("{name}.db"));
            // What is in the log only would mend the file.
            let _ = fs::remove_file(data(&home, &format!("{name}.db-wal")));
            let mut bytes = fs::read(&file).unwrap();
            harm(&mut bytes);
            jay_testkit::write(&file, &bytes);
            for words in [&["doctor"][..], &["doctor", "--fix"]] {
                let doctor = home.run(words);
                let context = format!("{name}.db without {what}, {words:?}: {doctor:#?}");
                assert_eq!(doctor.code, 6, "{context}");
                assert!(doctor.stdout.contains(&format!("error   {name} file: {name}.db is damaged: ")), "{context}");
                assert!(doctor.stdout.contains(&format!("ok      {other} journal: ")), "{context}");
                well_said(&doctor);
            }
            let status = home.run(&["status"]);
            if status.code != 0 {
                assert!(status.stderr.contains(&format!("{name}.db is damaged")), "{status:?}");
                assert!(status.stderr.contains("`jay doctor`"), "{status:?}");
            }
        }
    }
}

#[test]
fn a_lost_format_number_is_mended() {
    let home = filled();
    let file = data(&home, "memory.db");
    let mut bytes = fs::read(&file).unwrap();
    bytes[60..64].fill(0);
    let _ = fs::remove_file(data(&home, "memory.db-wal"));
    jay_testkit::write(&file, &bytes);
    let doctor = home.run(&["doctor"]);
    assert_eq!(doctor.code, 6);
    assert!(doctor.stdout.contains("memory.db is damaged: the number of its format"), "{doctor:?}");
    assert!(doctor.stdout.contains("`jay doctor --fix` writes it again"), "{doctor:?}");
    let fixed = home.run(&["doctor", "--fix"]);
    assert!(fixed.code == 0 && fixed.stdout.contains("fixed   memory file: "), "{fixed:?}");
    assert!(home.run(&["recall", "lamp", "-n", "pa"]).stdout.contains("in the hall"));
}

#[cfg(unix)]
#[test]
fn doctor_names_and_mends_every_file_that_others_may_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = filled();
    let open = ["memory.db", "archive.db", "state/memory.begun", "index"];
    for name in open {
        fs::set_permissions(data(&home, name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    jay_testkit::write(data(&home, "config.toml"), "");
    let link = data(&home, "state/link");
    std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
    let told = home.run(&["doctor"]);
    assert_eq!(told.code, 6, "{told:?}");
    for name in open {
        assert!(told.stdout.contains(&format!("{} can be read by others", data(&home, name).display())), "{told:?}");
    }
    assert!(told.stdout.contains("`jay doctor --fix` takes the rights of others away"), "{told:?}");
    assert!(!told.stdout.contains("config.toml") && !told.stdout.contains("state/link"), "{told:?}");
    let mended = home.run(&["doctor", "--fix"]);
    assert!(mended.code == 0 && mended.stdout.contains("fixed   permissions: "), "{mended:?}");
    let mode = |name: &str| fs::metadata(data(&home, name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(open.map(mode), [0o600, 0o600, 0o600, 0o700]);
    assert_eq!(home.run(&["doctor"]).code, 0);
}
