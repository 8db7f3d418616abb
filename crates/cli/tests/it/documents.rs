//! A folder of documents at the command line: what a person reads, from where they stand.

use super::Home;
use expect_test::{Expect, expect};

fn check(home: &Home, words: &[&str], code: i32, expected: Expect) {
    let done = home.run(words);
    let here = home.path("").canonicalize().unwrap().display().to_string();
    let said = done.stdout.replace(here.trim_end_matches('/'), "HOME")
        + &done.stderr.replace(here.trim_end_matches('/'), "HOME");
    // Ids are of the moment.
    let lines = said.lines().map(|line| match line.split_once(' ') {
        Some((id, rest)) if id.len() == 8 && id.bytes().all(|b| b.is_ascii_hexdigit()) => format!("IDENTITY {rest}\n"),
        _ => format!("{line}\n"),
    });
    expected.assert_eq(&lines.collect::<String>());
    assert_eq!(done.code, code, "{words:?}");
}

/// A folder with a document and a file that is none.
fn notes() -> Home {
    let home = Home::new();
    jay_testkit::write(
        home.path("notes/guide.md"),
        "# Guide\n\n## Filling\n\nUse the blue oil,\nslowly.\n\n    pour --slow\n",
    );
    jay_testkit::write(home.path("notes/broken.md"), b"caf\xe9");
    home
}

#[test]
fn a_person_adds_and_finds_a_folder() {
    let home = notes();
    check(
        &home,
        &["docs", "add", "notes", "--dry-run"],
        0,
        expect![[r#"
            would add HOME/notes in global
              files:  1 added
              chunks: 1 added
              not read: notes/broken.md  not UTF-8 text
        "#]],
    );
    check(
        &home,
        &["docs", "add", "./notes/../notes"],
        0,
        expect![[r#"
            added HOME/notes in global
              files:  1 added
              chunks: 1 added
              not read: notes/broken.md  not UTF-8 text
        "#]],
    );
    check(
        &home,
        &["docs", "add", "notes"],
        0,
        expect![[r#"
            nothing to write: HOME/notes in global
              files:  1 unchanged
              chunks: 1 unchanged
              not read: notes/broken.md  not UTF-8 text
        "#]],
    );
    check(
        &home,
        &["recall", "which oil"],
        0,
        expect![[r#"
        IDENTITY notes/guide.md:1 document · just now · global
          Guide › Filling
          Use the blue oil, slowly.

              pour --slow
    "#]],
    );
}

#[test]
fn a_person_looks_at_a_folder_and_takes_it_out() {
    let home = notes();
    assert_eq!(home.run(&["docs", "add", "notes"]).code, 0);
    check(
        &home,
        &["docs", "list"],
        0,
        expect![[r#"
        files  chunks  size  changed   namespace  folder
        1      1       63 B  just now  global     HOME/notes
    "#]],
    );
    check(
        &home,
        &["docs", "list", "notes"],
        0,
        expect![[r#"
        chunks  size  changed   document
        1       63 B  just now  notes/guide.md
    "#]],
    );
    check(
        &home,
        &["docs", "remove", "notes"],
        0,
        expect![[r#"
        taken out: 1 document with 1 chunk of HOME/notes in global
    "#]],
    );
    check(
        &home,
        &["docs", "remove", "notes"],
        3,
        expect![[r#"
        error: `path`: no document was added from HOME/notes
        hint: `jay docs list` shows what was added here, `jay docs list --all` in every namespace.
    "#]],
    );
    check(
        &home,
        &["docs", "add", "nowhere"],
        3,
        expect![[r#"
        error: `path`: there is nothing at nowhere
        hint: What was added from a folder that is gone stays; `jay docs remove PATH` takes it out.
    "#]],
    );
    check(
        &home,
        &["docs", "list"],
        0,
        expect![[r#"
        No documents. `jay docs add PATH` reads those of a folder.
    "#]],
    );
    let answer = home.run(&["docs", "add", "notes", "--json"]).json();
    assert_eq!((&answer["files"]["added"], &answer["skipped"][0]["reason"]), (&1.into(), &"not UTF-8 text".into()));
    let told = home.run(&["recall", "blue oil", "--json"]).json();
    assert_eq!(
        (&told["hits"][0]["place"]["path"], &told["hits"][0]["place"]["line"]),
        (&"notes/guide.md".into(), &1.into())
    );
}
