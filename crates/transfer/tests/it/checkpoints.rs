//! What a checkpoint leaves behind where its process is killed, and what of one is not believed.

use crate::world::{Home, config, folder, path, settle, vault};
use jay_store::Draft;
use jay_testkit::files_below;
use jay_transfer::format::clear::{Clear, FileKind};
use jay_transfer::format::seal;
use jay_transfer::remote::Remote;
use jay_transfer::sync::{Direction, sync};
use jay_transfer::vault::keys::VaultKeys;
use jay_types::EntityId;
use jay_types::change::registry::PATH;
use jay_types::change::{Body, EntityKind, Op};
use serde_json::json;
use std::path::{Path, PathBuf};

/// The files of a machine in which something is found.
fn holding(home: &Home, word: &str) -> Vec<PathBuf> {
    let holds = |path: &PathBuf| {
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(word.len()).any(|window| window == word.as_bytes())
    };
    files_below(home.memory.state_file("")).unwrap().into_iter().filter(holds).collect()
}

/// A sync after which the files are there that lay there at one of its steps, as a kill at that moment leaves them.
fn sync_and_die(home: &Home, remote: &dyn Remote, step: &str) {
    let mut left: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    let state = home.memory.state_file("");
    let synced = sync(&home.peer(), remote, &config(), Direction::Both, &mut |_, _, what| {
        if what == step {
            let temporary =
                files_below(&state).unwrap().into_iter().filter(|path| path.to_string_lossy().contains(".tmp"));
            left = temporary.map(|path| (path.clone(), std::fs::read(&path).unwrap())).collect();
        }
    });
    synced.unwrap();
    assert!(!left.is_empty(), "nothing lies there at `{step}`");
    left.iter().for_each(|(path, bytes)| jay_testkit::write(path, bytes));
}

#[test]
fn what_a_killed_sync_left_in_plain_text_goes_with_the_next() {
    let (shared, mut homes) = vault(1);
    let at = folder(shared.path(), 7);
    homes[0].remember("global", "the word is swordfish");
    homes[0].checkpoint_from_changes = 1;
    sync_and_die(&homes[0], &at, "writing a checkpoint");
    assert!(!holding(&homes[0], "swordfish").is_empty(), "the test does not look where it should");
    settle(&homes, &at);
    assert_eq!(holding(&homes[0], "swordfish"), Vec::<PathBuf>::new());

    let newcomer = Home::new(40);
    newcomer.join(&at, &homes[0].invite(&at));
    sync_and_die(&newcomer, &at, "verifying a checkpoint");
    assert!(!holding(&newcomer, "swordfish").is_empty(), "the test does not look where it should");
    newcomer.sync(&at);
    assert_eq!(holding(&newcomer, "swordfish"), Vec::<PathBuf>::new());
}

fn keys_of(home: &Home) -> VaultKeys {
    VaultKeys::load(&home.memory).unwrap().unwrap()
}

/// The only checkpoint that lies there.
fn the_checkpoint(at: &dyn Remote) -> String {
    let made = at.list("nodes/").unwrap().into_iter().filter(|file| file.path.contains("/checkpoint."));
    let [made] = made.map(|file| file.path).collect::<Vec<_>>().try_into().unwrap();
    made
}

#[test]
fn what_becomes_private_while_a_sync_runs_is_in_no_checkpoint() {
    let (shared, mut homes) = vault(0);
    let at = folder(shared.path(), 7);
    homes[0].checkpoint_from_changes = 1;
    let (ns, _) = homes[0].remember("work", "for all");
    homes[0].remember("global", "for all as well");
    let mut is_private = false;
    let synced = sync(&homes[0].peer(), &at, &config(), Direction::Both, &mut |_, _, what| {
        if what != "making a checkpoint" || std::mem::replace(&mut is_private, true) {
            return;
        }
        let other = homes[0].next_process();
        other.act(|w| {
            let body = Body::default().with(PATH, json!(path("private/work").as_str()));
            w.draft(Draft::new(ns, EntityKind::Namespace, EntityId(ns.0), Op::Update, body));
            Ok(())
        });
        assert_eq!(other.remember("private/work", "the word is swordfish").0, ns);
    });
    assert!(synced.is_ok() && is_private);
    the_checkpoint(&at);
    let newcomer = Home::new(40);
    newcomer.join(&at, &homes[0].invite(&at));
    newcomer.sync(&at);
    assert_eq!(newcomer.texts(), ["for all", "for all as well"]);
    homes[0].sync(&at);
    newcomer.sync(&at);
    assert_eq!(newcomer.texts(), ["for all", "for all as well"]);
}

/// Makes a file so long without writing anything.
fn stretch(file: &Path, bytes: u64) {
    std::fs::File::options().append(true).open(file).unwrap().set_len(bytes).unwrap();
}

#[test]
fn of_a_checkpoint_whose_seal_does_not_hold_no_more_is_read_than_its_front() {
    const JUNK_BYTES: u64 = 300 << 20;
    let (shared, mut homes) = vault(1);
    let at = folder(shared.path(), 7);
    let secret = homes[0].remember("global", "the word is swordfish");
    homes[1].checkpoint_from_changes = 1;
    settle(&homes, &at);
    let made = the_checkpoint(&at);
    // What whoever carries the files can make: a header that says what it likes, and an honest front with a long end.
    let keys = keys_of(&homes[0]);
    let (kind, key, node) = (FileKind::Checkpoint, keys.newest_given().unwrap().id, homes[1].id());
    let clear = Clear { kind, vault: keys.vault, key, node, ranges: Vec::new(), nonce: [7; 19] };
    let junk = format!("nodes/{node}/checkpoint.0123456789abcdef01234567.jay");
    let longer = made.replace(".jay", " (2).jay");
    at.create(&junk, &clear.encode(JUNK_BYTES - clear.size_bytes() as u64)).unwrap();
    at.create(&longer, &at.read(&made, u64::MAX).unwrap().unwrap()).unwrap();
    for path in [&junk, &longer] {
        stretch(&shared.path().join(path), JUNK_BYTES);
    }
    homes[0].write(secret.0, secret.1, Op::Purge, Body::default());
    let synced = homes[0].sync(&at);
    assert!(synced.bytes_read < 2 << 20, "{} bytes were read", synced.bytes_read);
    settle(&homes, &at);
    let left: Vec<String> = at.list("nodes/").unwrap().into_iter().map(|file| file.path).collect();
    assert!(!left.contains(&junk) && !left.contains(&longer), "nobody can begin with them: {left:?}");
    let made = the_checkpoint(&at);
    assert!(seal::open(&at.read(&made, u64::MAX).unwrap().unwrap(), &|id| keys.key(id)).is_ok());
}

/// A checkpoint of all that a machine has, below another one's name and sealed with a key that it was given once.
fn in_the_name_of(home: &Home, other: &Home) -> Vec<u8> {
    let (keys, plain) = (keys_of(home), home.memory.state_file("forged"));
    let key = keys.keys().min_by_key(|key| key.id).unwrap();
    home.memory.checkpoint(&|_| true, &plain).unwrap();
    let content = zstd::bulk::compress(&std::fs::read(&plain).unwrap(), 3).unwrap();
    let (kind, node) = (FileKind::Checkpoint, other.id());
    let clear = Clear { kind, vault: keys.vault, key: key.id, node, ranges: Vec::new(), nonce: [9; 19] };
    seal::seal(&clear, &key, &content)
}

#[test]
fn what_a_removed_member_writes_later_comes_in_by_no_checkpoint() {
    let (shared, mut homes) = vault(1);
    let at = folder(shared.path(), 7);
    let removed = homes.pop().unwrap();
    homes[0].checkpoint_from_changes = 1;
    removed.remember("global", "said as a member");
    removed.sync(&at);
    settle(&homes, &at);
    homes[0].take_out(&[removed.id()], None);
    settle(&homes, &at);

    // It goes on writing, and puts all that it has in the place of a member's checkpoint.
    removed.remember("global", "said after its removal");
    let place = the_checkpoint(&at);
    at.delete(&place).unwrap();
    at.create(&place, &in_the_name_of(&removed, &homes[0])).unwrap();
    let newcomer = Home::new(40);
    newcomer.join(&at, &homes[0].invite(&at));
    let synced = newcomer.sync(&at);
    assert_eq!(newcomer.texts(), ["said as a member"], "{:?}", synced.notes);
    let told = format!("{place} does not serve as a beginning");
    assert!(synced.notes.iter().any(|note| note.starts_with(&told)), "{:?}", synced.notes);
    homes.push(newcomer);
    settle(&homes, &at);
    for home in &homes {
        assert_eq!(home.texts(), ["said as a member"]);
    }
}
