//! Remotes that are folders.

use crate::conformance::{conforms, paths};
use crate::support::Steps;
use jay_transfer::remote::Remote;
use jay_transfer::remote::folder::Folder;
use jay_types::Code;
use std::path::Path;

fn folder(at: &Path) -> Folder {
    Folder::new(at.to_owned(), Steps::new(1))
}

#[test]
fn a_folder_conforms() {
    let home = tempfile::tempdir().unwrap();
    conforms(&folder(home.path()));
    let left: Vec<_> =
        std::fs::read_dir(home.path().join("nodes/a")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "nothing is left of writing: {left:?}");
}

#[test]
fn what_a_folder_is_still_being_given_is_not_there_yet() {
    let home = tempfile::tempdir().unwrap();
    let folder = folder(home.path());
    folder.create("nodes/a/x", b"x").unwrap();
    for name in ["nodes/a/.syncthing.y.tmp", "nodes/a/.jay-1.tmp", "nodes/a/y (conflicted copy).jay", ".git/HEAD"] {
        jay_testkit::write(home.path().join(name), b"half");
    }
    assert_eq!(paths(&folder, ""), ["nodes/a/x", "nodes/a/y (conflicted copy).jay"]);
}

#[test]
fn a_folder_that_is_not_mounted_is_no_empty_one() {
    let home = tempfile::tempdir().unwrap();
    let folder = folder(&home.path().join("stick"));
    assert_eq!(folder.list("").unwrap_err().code, Code::Unreachable);
    assert_eq!(folder.create("nodes/a/x", b"x").unwrap_err().code, Code::Unreachable);
    assert!(!home.path().join("stick").exists());
}

#[cfg(unix)]
#[test]
fn a_folder_is_read_through_no_link() {
    let home = tempfile::tempdir().unwrap();
    let secret = home.path().join("secret");
    jay_testkit::write(&secret, b"secret");
    let root = home.path().join("root");
    jay_testkit::write(root.join("nodes/a/x"), b"x");
    std::os::unix::fs::symlink(&secret, root.join("nodes/a/link")).unwrap();
    let folder = folder(&root);
    assert_eq!(paths(&folder, ""), ["nodes/a/x"]);
    assert_eq!(folder.read("nodes/a/link", 100).unwrap(), None);
}
