//! The conformance suite of remotes: the same demands on every implementation.

use jay_transfer::remote::{Created, Remote};
use jay_types::Code;

pub(crate) fn paths(remote: &dyn Remote, prefix: &str) -> Vec<String> {
    remote.list(prefix).unwrap().into_iter().map(|file| file.path).collect()
}

/// What every remote that is empty at first must do.
pub(crate) fn conforms(remote: &dyn Remote) {
    assert_eq!(remote.list("").unwrap(), []);
    assert_eq!(remote.read("nodes/a/x", 10).unwrap(), None);
    assert!(!remote.download("nodes/a/x", &mut Vec::new(), &mut |_| ()).unwrap());
    remote.delete("nodes/a/x").unwrap();

    // A file is written once, whatever comes later under its name.
    assert_eq!(remote.create("nodes/a/x", b"first").unwrap(), Created::Written);
    assert_eq!(remote.create("nodes/a/x", b"second").unwrap(), Created::Exists);
    assert_eq!(remote.read("nodes/a/x", 100).unwrap().unwrap(), b"first");
    assert_eq!(remote.read("nodes/a/x", 2).unwrap().unwrap(), b"fi");
    assert_eq!(remote.read("nodes/a/x", 0).unwrap().unwrap(), b"");

    // One that may change is replaced as a whole, and its stamp tells.
    remote.replace("nodes/a/head", b"one").unwrap();
    let before = remote.list("nodes/a/head").unwrap();
    remote.replace("nodes/a/head", b"two and more").unwrap();
    let after = remote.list("nodes/a/head").unwrap();
    assert_eq!(remote.read("nodes/a/head", 100).unwrap().unwrap(), b"two and more");
    assert_ne!(before.first().unwrap().stamp, after.first().unwrap().stamp);
    assert_eq!(after.first().unwrap().bytes, 12);

    // An empty file is a file.
    assert_eq!(remote.create("nodes/b/empty", b"").unwrap(), Created::Written);
    assert_eq!(remote.read("nodes/b/empty", 10).unwrap().unwrap(), b"");

    // A prefix is one of characters, not of names.
    assert_eq!(remote.create("nodes/ab/y", b"y").unwrap(), Created::Written);
    assert_eq!(paths(remote, ""), ["nodes/a/head", "nodes/a/x", "nodes/ab/y", "nodes/b/empty"]);
    assert_eq!(paths(remote, "nodes/a"), ["nodes/a/head", "nodes/a/x", "nodes/ab/y"]);
    assert_eq!(paths(remote, "nodes/a/"), ["nodes/a/head", "nodes/a/x"]);
    assert_eq!(paths(remote, "none/"), Vec::<String>::new());

    // Large ones go through files, with progress.
    let large: Vec<u8> = (0..3_000_000_u32).flat_map(|n| n.to_le_bytes()).collect();
    let home = tempfile::tempdir().unwrap();
    let from = home.path().join("large");
    jay_testkit::write(&from, &large);
    let mut done = Vec::new();
    assert_eq!(remote.upload("nodes/a/large", &from, &mut |bytes| done.push(bytes)).unwrap(), Created::Written);
    assert_eq!(remote.upload("nodes/a/large", &from, &mut |_| ()).unwrap(), Created::Exists);
    assert_eq!(done.last(), Some(&(large.len() as u64)));
    assert!(done.is_sorted());
    let mut back = Vec::new();
    assert!(remote.download("nodes/a/large", &mut back, &mut |_| ()).unwrap());
    assert!(back == large);

    // What is deleted is gone, and may be written again.
    remote.delete("nodes/a/x").unwrap();
    remote.delete("nodes/a/x").unwrap();
    assert_eq!(remote.read("nodes/a/x", 100).unwrap(), None);
    assert_eq!(remote.create("nodes/a/x", b"third").unwrap(), Created::Written);
    assert_eq!(remote.read("nodes/a/x", 100).unwrap().unwrap(), b"third");

    // Nothing leads out of it.
    for path in ["../x", "/x", "a/../../x", "nodes/.x", ""] {
        assert_eq!(remote.read(path, 1).unwrap_err().code, Code::Internal, "{path}");
        assert_eq!(remote.create(path, b"x").unwrap_err().code, Code::Internal, "{path}");
        assert_eq!(remote.delete(path).unwrap_err().code, Code::Internal, "{path}");
    }
}
