//! A folder of documents becomes memories, and follows its files.

use super::sessions::cli;
use super::*;

pub(super) const GUIDE: &str =
    "# Guide\n\nWelcome to the lantern.\n\n## Filling\n\nUse the blue oil.\n\n## Lighting\n\nStrike upwards.\n";

pub(super) fn folder(world: &World) -> PathBuf {
    world.home.write("notes/guide.md", GUIDE);
    world.home.write("notes/deep/list.txt", "wicks\nflints\n");
    world.home.work_dir().join("notes")
}

#[expect(clippy::disallowed_methods, reason = "a folder of a test need not survive a crash")]
fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) {
    std::fs::rename(from, to).unwrap();
}

pub(super) fn add(world: &World, path: &Path) -> Value {
    world.by(&cli(world), "docs_add", json!({"path": path}))
}

/// What became of files and chunks, without what is zero.
pub(super) fn counts(answer: &Value) -> String {
    let told = |what: &str| {
        let counts = answer[what].as_object().unwrap().iter().filter(|(_, number)| **number != 0);
        counts.map(|(name, number)| format!("{name} {number}")).collect::<Vec<_>>().join(", ")
    };
    format!("{}; {}", told("files"), told("chunks"))
}

pub(super) fn documents(world: &World) -> Vec<Value> {
    let mut all =
        world.ok("list", json!({"kinds": ["document"], "limit": 500}))["memories"].as_array().unwrap().clone();
    all.sort_by_key(|memory| memory["place"].to_string());
    all
}

fn places(world: &World) -> Vec<String> {
    let place = |memory: &Value| {
        let place = &memory["place"];
        format!(
            "{}:{}-{} {}",
            place["path"].as_str().unwrap(),
            place["line"],
            place["line_end"],
            memory["title"].as_str().unwrap()
        )
    };
    let mut places: Vec<String> = documents(world).iter().map(place).collect();
    places.sort();
    places
}

pub(super) fn titled<'m>(memories: &'m [Value], title: &str) -> &'m Value {
    memories.iter().find(|memory| memory["title"] == title).unwrap_or_else(|| panic!("{title}: {memories:#?}"))
}

#[test]
fn a_folder_is_found_by_path_and_line() {
    let world = World::new();
    let folder = folder(&world);
    let dry = world.by(&cli(&world), "docs_add", json!({"path": folder, "dry_run": true}));
    assert_eq!((counts(&dry), world.changes()), ("added 2; added 4".to_owned(), 0));
    let answer = add(&world, &folder);
    assert_eq!(counts(&answer), counts(&dry));
    assert_eq!(
        places(&world),
        [
            "notes/deep/list.txt:1-2 list.txt",
            "notes/guide.md:1-3 Guide",
            "notes/guide.md:5-7 Guide › Filling",
            "notes/guide.md:9-11 Guide › Lighting"
        ]
    );
    let hit = world.ok("recall", json!({"query": "which oil", "kinds": ["document"]}))["hits"][0].clone();
    assert_eq!(hit["text"], "## Filling\n\nUse the blue oil.");
    let place = &hit["place"];
    assert_eq!((&place["path"], &place["line"], &place["line_end"]), (&json!("notes/guide.md"), &json!(5), &json!(7)));
    let file = std::fs::read_to_string(folder.join("guide.md")).unwrap();
    let lines: Vec<&str> = file.lines().collect();
    assert_eq!(lines[4..7].join("\n"), hit["text"].as_str().unwrap(), "what stands at path:line");
    let told = world.by(&agent(), "recall", json!({"query": "which oil"}));
    assert_eq!(told["hits"][0]["kind"], "document");

    let before = world.changes();
    assert_eq!(counts(&add(&world, &folder)), "unchanged 2; unchanged 4");
    assert_eq!(world.changes(), before, "nothing is written where nothing changed");
    let rebuilt = world.ok("doctor", json!({"rebuild": true}));
    assert!(rebuilt["healthy"] == true && rebuilt.to_string().contains("every row is the same"), "{rebuilt}");
}

#[test]
fn a_changed_section_is_edited_and_keeps_its_history() {
    let world = World::new();
    let folder = folder(&world);
    add(&world, &folder);
    let before = documents(&world);
    let change = GUIDE.replace("blue", "red").replace("# Guide\n", "# Guide\n\nRead me.\n");
    jay_testkit::write(folder.join("guide.md"), change);
    assert_eq!(counts(&add(&world, &folder)), "changed 1, unchanged 1; changed 2, moved 1, unchanged 1");
    let after = documents(&world);
    for title in ["Guide", "Guide › Filling", "Guide › Lighting"] {
        assert_eq!(titled(&after, title)["id"], titled(&before, title)["id"], "{title}");
    }
    let filling = titled(&after, "Guide › Filling");
    assert_eq!((&filling["place"]["line"], &filling["version"]), (&json!(7), &json!(2)));
    let history = world.ok("history", json!({"id": filling["id"], "diff": true}))["changes"].clone();
    assert_eq!(history[1]["diff"], " ## Filling\n \n-Use the blue oil.\n+Use the red oil.\n");
    let lighting = world.ok("history", json!({"id": titled(&after, "Guide › Lighting")["id"]}))["changes"].clone();
    assert_eq!(lighting[1]["fields"], json!(["place"]), "a text that only moved is not written again");
    let then = world.ok("list", json!({"kinds": ["document"], "as_of": format!("pos:{}", history[0]["pos"])}));
    let was = titled(then["memories"].as_array().unwrap(), "Guide › Filling").clone();
    assert_eq!((&was["place"]["line"], &was["text"]), (&json!(5), &json!("## Filling\n\nUse the blue oil.")));
}

#[test]
fn sections_change_their_order_without_being_written_anew() {
    let world = World::new();
    let text = |order: [&str; 3]| order.map(|word| format!("## Same\n\n{word}\n")).concat();
    let file = world.home.write("notes/a.md", text(["one", "two", "three"]));
    add(&world, &file);
    let before = documents(&world);
    jay_testkit::write(&file, text(["three", "one", "two"]));
    assert_eq!(counts(&add(&world, &file)), "changed 1; moved 3");
    let after = documents(&world);
    for memory in &before {
        let now = after.iter().find(|now| now["id"] == memory["id"]).unwrap();
        assert_eq!((&now["text"], &now["key"]), (&memory["text"], &memory["key"]));
    }
}

#[test]
fn what_is_gone_is_retired_and_comes_back_as_it_was() {
    let world = World::new();
    let folder = folder(&world);
    add(&world, &folder);
    let before = documents(&world);
    let (cut, _) = GUIDE.split_once("## Lighting").unwrap();
    jay_testkit::write(folder.join("guide.md"), cut);
    std::fs::remove_file(folder.join("deep/list.txt")).unwrap();
    assert_eq!(counts(&add(&world, &folder)), "changed 1, removed 1; removed 2, unchanged 2");
    assert_eq!(world.recall(json!({"query": "strike upwards flints"})), Vec::<String>::new());
    let gone = titled(&before, "Guide › Lighting")["id"].as_str().unwrap().to_owned();
    assert_eq!(world.get(&gone)["retired"], true);
    self::folder(&world);
    assert_eq!(counts(&add(&world, &folder)), "added 1, changed 1; added 2, unchanged 2");
    let ids = |memories: &[Value]| memories.iter().map(|memory| memory["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&documents(&world)), ids(&before));
    assert_eq!(world.recall(json!({"query": "strike upwards"})).len(), 1);
}

#[test]
fn a_renamed_file_goes_on_with_its_pieces() {
    let world = World::new();
    let folder = folder(&world);
    add(&world, &folder);
    let before = documents(&world);
    rename(folder.join("guide.md"), folder.join("manual.md"));
    assert_eq!(counts(&add(&world, &folder)), "added 1, removed 1, unchanged 1; moved 3, unchanged 1");
    let after = documents(&world);
    let filling = titled(&after, "Guide › Filling");
    assert_eq!(filling["id"], titled(&before, "Guide › Filling")["id"]);
    assert_eq!(
        (&filling["place"]["path"], &filling["key"]),
        (&json!("notes/manual.md"), &json!("notes/manual.md#Guide/Filling"))
    );
    assert_eq!(counts(&add(&world, &folder)), "unchanged 2; unchanged 4");
}

#[test]
fn what_a_person_forgot_stays_forgotten() {
    let world = World::new();
    let folder = folder(&world);
    add(&world, &folder);
    let id = titled(&documents(&world), "Guide › Filling")["id"].clone();
    world.ok("forget", json!({"ids": [id]}));
    let before = world.changes();
    let again = add(&world, &folder);
    assert_eq!((counts(&again), &again["forgotten"]), ("unchanged 2; unchanged 3".to_owned(), &json!(1)));
    assert_eq!(world.changes(), before);
    // White space makes no other text, and another file with the same words no other one either.
    jay_testkit::write(folder.join("guide.md"), GUIDE.replace("blue oil", "blue  oil"));
    jay_testkit::write(folder.join("copy.md"), "## Filling\n\nUse the blue oil.\n");
    assert_eq!(add(&world, &folder)["forgotten"], 2);
    assert_eq!(world.recall(json!({"query": "blue oil"})), Vec::<String>::new());
    // Another text is another thing to say.
    jay_testkit::write(folder.join("guide.md"), GUIDE.replace("blue oil", "green oil"));
    assert_eq!(add(&world, &folder)["forgotten"], 1);
    assert_eq!(world.recall(json!({"query": "green oil"})).len(), 1);
    world.ok("unforget", json!({"id": id}));
    assert_eq!(counts(&add(&world, &folder)).split("; ").next(), Some("added 1, unchanged 2"));
}

#[test]
fn secrets_are_what_the_namespace_makes_of_them() {
    let world = World::new();
    let key = "AKIAQ3EXAMPLE7BZKJ2T";
    let file = world.home.write("notes/keys.md", format!("# Keys\n\nthe key is {key}\n\n## Other\n\nplain words\n"));
    world.ok("remember", json!({"text": "there is a namespace"}));
    world.ok("namespace_set", json!({"path": "work/acme/api", "secrets": "refuse"}));
    let answer = add(&world, &file);
    assert_eq!(counts(&answer), "added 1; added 1");
    assert_eq!((&answer["refused"][0]["path"], &answer["refused"][0]["line"]), (&json!("notes/keys.md"), &json!(1)));
    assert!(!answer.to_string().contains(key), "{answer}");
    world.ok("namespace_set", json!({"path": "work/acme/api", "secrets": "redact"}));
    let answer = add(&world, &file);
    assert_eq!(counts(&answer), "changed 1; added 1, unchanged 1");
    assert_eq!(answer["notes"], json!(["redacted aws_access_key"]));
    assert_eq!(counts(&add(&world, &file)), "unchanged 1; unchanged 2", "a redacted text is not written again");
    assert_eq!(files_with(&world.home, key), Vec::<String>::new());
}

#[cfg(unix)]
#[test]
fn a_pipe_is_not_waited_for() {
    let world = World::new();
    let folder = folder(&world);
    assert!(std::process::Command::new("mkfifo").arg(folder.join("pipe.md")).status().unwrap().success());
    let answer = add(&world, &folder);
    assert_eq!(answer["skipped"][0]["reason"], "no regular file", "{answer}");
    assert_eq!(places(&world).len(), 4, "the others are read");
    let error = world.ask(&cli(&world), "blame", json!({"file": format!("{}:1", folder.join("pipe.md").display())}));
    assert!(error.unwrap_err().message.contains("no regular file"));
}

#[test]
fn a_cut_leaves_no_half_of_a_secret() {
    let world = World::new();
    let folder = folder(&world);
    let key = "AKIAQ3EXAMPLE7BZKJ2T";
    // Lines are cut where a piece is full: for one of these lengths the middle of the key is there.
    for before in (2_370..2_400).step_by(3) {
        let filler: String = "ab,".repeat(900).chars().take(before).collect();
        jay_testkit::write(
            folder.join(format!("at-{before}.md")),
            format!("{filler}\"{key}\",{}\n", "cd,".repeat(3_000)),
        );
    }
    add(&world, &folder);
    let texts = world.ok("list", json!({"limit": 200, "kinds": ["document"]})).to_string();
    for half in [&key[..12], &key[8..]] {
        assert!(!texts.contains(half), "{half} stands in a piece");
    }
}

#[test]
fn what_is_no_document_is_left_out_and_named() {
    let world = World::new();
    let folder = folder(&world);
    let write = |name: &str, bytes: &[u8]| world.home.write(format!("notes/{name}"), bytes);
    write("latin.md", b"caf\xe9");
    write("nul.txt", b"a\0b");
    write("empty.md", b" \n");
    write("huge.txt", &b"words ".repeat(800_000));
    write("many.md", &b"# a\n".repeat(10_001));
    write(".hidden.md", b"hidden");
    write("code.rs", b"fn main() {}");
    write(".git/HEAD", b"ref: refs/heads/main\n");
    write(".gitignore", b"build/\n");
    write("build/made.md", b"made");
    write("node/.ignore", b"*.md\n");
    write("node/vendored.md", b"theirs");
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.join("guide.md"), folder.join("link.md")).unwrap();
    let answer = add(&world, &folder);
    assert_eq!(counts(&answer), "added 2; added 4");
    let skipped: Vec<(String, String)> =
        strings(&answer["skipped"], "path").into_iter().zip(strings(&answer["skipped"], "reason")).collect();
    let expected = [
        ("empty.md", "empty"),
        ("huge.txt", "larger than 4 MiB"),
        ("latin.md", "not UTF-8 text"),
        ("link.md", "a link, which is not followed"),
        ("many.md", "more than 10000 sections"),
        ("nul.txt", "not text: it holds NUL characters"),
    ];
    for (path, reason) in expected.into_iter().filter(|(path, _)| cfg!(unix) || *path != "link.md") {
        assert!(skipped.contains(&(path.to_owned(), reason.to_owned())), "{path}: {skipped:?}");
    }
    assert_eq!(skipped.len(), if cfg!(unix) { 6 } else { 5 }, "{skipped:?}");
    // A repository's paths begin at its top.
    assert!(places(&world)[1].starts_with("guide.md:1-3"), "{:?}", places(&world));
    // What was a document and is none any more is gone.
    jay_testkit::write(folder.join("guide.md"), b"caf\xe9");
    assert_eq!(counts(&add(&world, &folder)), "removed 1, unchanged 1; removed 3, unchanged 1");
    for path in [folder.join("code.rs"), folder.join("nothing")] {
        assert!(world.ask(&cli(&world), "docs_add", json!({"path": path})).is_err());
    }
}

#[test]
fn a_part_of_a_folder_is_read_again_as_that_part() {
    let world = World::new();
    let folder = folder(&world);
    let alone = add(&world, &folder.join("guide.md"));
    assert_eq!(counts(&alone), "added 1; added 3");
    assert_eq!(counts(&add(&world, &folder)), "added 1, changed 1; added 1, moved 3", "the folder has it now");
    let roots = world.ok("docs_list", json!({}))["roots"].clone();
    assert_eq!((roots.as_array().unwrap().len(), &roots[0]["files"], &roots[0]["chunks"]), (1, &json!(2), &json!(4)));
    std::fs::remove_file(folder.join("deep/list.txt")).unwrap();
    jay_testkit::write(folder.join("guide.md"), GUIDE.replace("blue", "red"));
    let part = add(&world, &folder.join("guide.md"));
    assert_eq!((counts(&part), &part["root"]), ("changed 1; changed 1, unchanged 2".to_owned(), &json!(folder)));
    assert_eq!(places(&world).len(), 4, "what is elsewhere was not looked at");
}

#[test]
fn two_folders_of_one_namespace_do_not_mix() {
    let world = World::new();
    let (one, two) = (world.home.write("one/README.md", "# One\n"), world.home.write("two/README.md", "# Two\n"));
    add(&world, one.parent().unwrap());
    add(&world, two.parent().unwrap());
    assert_eq!(places(&world), ["one/README.md:1-1 One", "two/README.md:1-1 Two"]);
    let far = world.home.write("far/one/README.md", "# Far\n");
    let answer = add(&world, far.parent().unwrap());
    assert!(answer["skipped"][0]["reason"].as_str().unwrap().contains("has the same name"), "{answer}");
    assert_eq!(places(&world).len(), 2);
}

#[test]
fn folders_are_listed_and_taken_out_also_when_they_are_gone() {
    let world = World::new();
    let folder = folder(&world);
    add(&world, &folder);
    let files = world.ok("docs_list", json!({"path": folder}))["files"].clone();
    assert_eq!(strings(&files, "path"), ["notes/deep/list.txt", "notes/guide.md"]);
    assert_eq!((&files[1]["chunks"], &files[1]["bytes"]), (&json!(3), &json!(GUIDE.len() - 5)));
    let elsewhere = json!({"path": folder, "namespace": "other"});
    assert_eq!(world.err("docs_remove", elsewhere).code, Code::NotFound);
    assert_eq!(world.err("docs_remove", json!({"path": "notes"})).code, Code::BadInput);
    let dry = world.ok("docs_remove", json!({"path": folder, "dry_run": true}));
    assert_eq!((&dry["files"], &dry["chunks"], documents(&world).len()), (&json!(2), &json!(4), 4));
    let deep = world.ok("docs_remove", json!({"path": folder.join("deep")}));
    assert_eq!((&deep["files"], &deep["chunks"], documents(&world).len()), (&json!(1), &json!(1), 3));
    let kept = world.home.work_dir().join("kept");
    rename(&folder, &kept);
    assert_eq!(world.ok("docs_remove", json!({"path": folder}))["chunks"], 3);
    assert_eq!((documents(&world).len(), world.ok("docs_list", json!({}))["roots"].clone()), (0, json!([])));
    assert_eq!(world.err("docs_remove", json!({"path": folder})).code, Code::NotFound);
    rename(&kept, &folder);
    assert_eq!(counts(&add(&world, &folder)), "added 2; added 4");
    let undone = world.ok("undo", json!({}));
    assert_eq!((undone["memories"].as_array().unwrap().len(), documents(&world).len()), (4, 0), "an add is an act");
}
