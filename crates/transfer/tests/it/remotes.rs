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

/// A folder in which a carrier has put a link in the place of a directory, and the directory to which it leads, with a file in it.
#[cfg(unix)]
fn with_link(at: &str) -> (tempfile::TempDir, Folder, std::path::PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let elsewhere = home.path().join("elsewhere");
    for name in ["x", "head", ".jay-1.tmp", "keys/x"] {
        jay_testkit::write(elsewhere.join(name), b"precious");
    }
    let root = home.path().join("root");
    jay_testkit::write(root.join("nodes/b/x"), b"x");
    let link = root.join(at);
    if link.is_dir() {
        std::fs::remove_file(link.join("b/x")).unwrap();
        std::fs::remove_dir(link.join("b")).unwrap();
        std::fs::remove_dir(&link).unwrap();
    }
    std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
    let folder = folder(&root);
    (home, folder, elsewhere)
}

#[cfg(unix)]
#[test]
fn nothing_is_read_or_written_through_a_link_in_the_place_of_a_directory() {
    let (home, folder, elsewhere) = with_link("nodes/a");
    assert_eq!(paths(&folder, "nodes/"), ["nodes/b/x"], "who is led elsewhere by another's link is none");
    let from = home.path().join("from");
    jay_testkit::write(&from, b"new");
    for path in ["nodes/a/x", "nodes/a/keys/x"] {
        assert_eq!(folder.read(path, 100).unwrap(), None);
        assert!(!folder.download(path, &mut Vec::new(), &mut |_| ()).unwrap());
    }
    for path in ["nodes/a/x", "nodes/a/new", "nodes/a/keys/x", "nodes/a/made/x"] {
        let refused = [
            folder.create(path, b"new").unwrap_err(),
            folder.upload(path, &from, &mut |_| ()).unwrap_err(),
            folder.replace(path, b"new").unwrap_err(),
            folder.delete(path).unwrap_err(),
        ];
        for error in refused {
            assert_eq!(error.code, Code::Refused, "{path}: {error:?}");
            assert!(error.hint.as_ref().unwrap().contains("nodes/a`"), "it says what to remove: {error:?}");
        }
    }
    folder.sweep("nodes/a/").unwrap();
    folder.sweep("nodes/a/keys").unwrap();
    let mut left: Vec<_> = jay_testkit::files_below(&elsewhere).unwrap();
    left.sort();
    assert_eq!(left, [".jay-1.tmp", "head", "keys/x", "x"].map(|name| elsewhere.join(name)));
    assert!(left.iter().all(|file| std::fs::read(file).unwrap() == b"precious"));
}

#[cfg(unix)]
#[test]
fn a_link_in_the_place_of_all_directories_is_no_empty_remote() {
    let (_home, folder, _) = with_link("nodes");
    assert_eq!(folder.list("nodes/").unwrap_err().code, Code::Refused);
    assert_eq!(paths(&folder, ""), Vec::<String>::new());
    assert_eq!(folder.create("nodes/a/x", b"x").unwrap_err().code, Code::Refused);
}

#[cfg(unix)]
#[test]
fn a_folder_may_be_a_link_itself() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("disk")).unwrap();
    std::os::unix::fs::symlink(home.path().join("disk"), home.path().join("shared")).unwrap();
    conforms(&folder(&home.path().join("shared")));
}
