//! Databases that are put back from a copy, begun anew or gone, beside the rest of their data directory.

use crate::world::{Home, config, folder, settle, vault};
use jay_transfer::remote::Remote as _;
use jay_transfer::sync::status::status;
use jay_types::Code;
use std::path::Path;
use tempfile::TempDir;

/// Removes the files of the memory's database.
fn remove_database(data: &Path) {
    for name in ["memory.db", "memory.db-wal", "memory.db-shm"] {
        let _ = std::fs::remove_file(data.join(name));
    }
}

/// Puts back the files of the memory's database, and nothing else.
fn put_back_database(data: &Path, saved: &TempDir) {
    remove_database(data);
    for name in ["memory.db", "memory.db-wal"] {
        if let Ok(bytes) = std::fs::read(saved.path().join("data").join(name)) {
            jay_testkit::write(data.join(name), bytes);
        }
    }
}

#[test]
fn a_database_that_is_put_back_or_begun_anew_catches_up() {
    for is_begun_anew in [false, true] {
        let (shared, mut homes) = vault(1);
        let at = folder(shared.path(), 7);
        homes[0].remember("global", "before");
        settle(&homes, &at);
        let saved = homes[1].save();
        homes[0].remember("global", "after");
        homes[1].remember("global", "its own");
        settle(&homes, &at);

        let back = homes.pop().map(|home| home.next_process()).unwrap();
        if is_begun_anew {
            remove_database(&back.data());
            std::fs::remove_file(back.data().join("state").join("memory.begun")).unwrap();
        } else {
            put_back_database(&back.data(), &saved);
        }
        let known = status(&back.memory, &back.archive, &[config()], back.steps.clock.now()).unwrap();
        assert!(known.remotes[0].nodes.iter().filter(|node| !node.is_here).all(|node| !node.is_equal));
        homes.push(back);
        settle(&homes, &at);
        for home in &homes {
            assert_eq!(home.texts(), ["after", "before", "its own"], "begun anew: {is_begun_anew}");
            assert_eq!(home.dump(), homes[0].dump());
        }
        homes[1].remember("global", "later");
        settle(&homes, &at);
        assert_eq!(homes[0].texts().len(), 4);
    }
}

#[test]
fn where_the_database_is_gone_nothing_is_said_in_its_place() {
    let (shared, mut homes) = vault(1);
    let at = folder(shared.path(), 7);
    homes[1].remember("global", "one");
    settle(&homes, &at);
    let gone = homes.pop().map(|home| home.next_process()).unwrap();
    let files = || -> Vec<_> { at.list("nodes/").unwrap().into_iter().map(|file| (file.path, file.stamp)).collect() };
    let (before, id) = (files(), gone.id());
    remove_database(&gone.data());
    let refused = gone.try_sync(&at, &config()).unwrap_err();
    assert_eq!(refused.code, Code::Damaged, "{refused:?}");
    let refused = status(&gone.memory, &gone.archive, &[config()], gone.steps.clock.now()).unwrap_err();
    assert_eq!(refused.code, Code::Damaged, "{refused:?}");
    assert_eq!((files(), gone.id()), (before, id));
}

#[test]
fn how_far_a_node_is_is_not_known_while_its_head_cannot_be_read() {
    let (shared, homes) = vault(1);
    let at = folder(shared.path(), 7);
    homes[0].rotate();
    homes[0].remember("global", "sealed with the new key");
    homes[0].sync(&at);
    let keys = format!("nodes/{}/keys/2.age", homes[0].id());
    let ring = at.read(&keys, 1 << 20).unwrap().unwrap();
    at.delete(&keys).unwrap();
    homes[1].sync(&at);
    let of_first = |home: &Home| {
        let known = status(&home.memory, &home.archive, &[config()], home.steps.clock.now()).unwrap();
        let mut nodes = known.remotes[0].nodes.iter();
        let node = nodes.find(|node| node.node == homes[0].id()).unwrap();
        (node.is_equal, node.lacking_here)
    };
    assert_eq!(of_first(&homes[1]), (false, None));
    at.create(&keys, &ring).unwrap();
    settle(&homes, &at);
    assert_eq!(of_first(&homes[1]), (true, Some(0)));
}
