//! A whole remote of another day: a machine that knows nothing yet joins it, reads everything, and goes on.
//!
//! It was made once, by [`make`]: two members, a key that was changed, an edit, a forget, a purge, an archived session, a
//! namespace that stayed private, an invitation that is open, a passphrase, a checkpoint.

use super::{fixture, may_make_files, stored};
use crate::world::{Home, ann, config, copy_tree, folder, settle, vault};
use jay_store::{Draft, ListFilter, Scope};
use jay_testkit::blocks::{block, session_id};
use jay_transfer::format::clear::{Clear, FileKind};
use jay_transfer::format::head::{HEAD_NAME, Head};
use jay_transfer::format::seal;
use jay_transfer::remote::Remote;
use jay_transfer::remote::folder::Folder;
use jay_transfer::sync::setup::{self, Proof};
use jay_transfer::vault::code::InviteCode;
use jay_transfer::vault::keys::VaultKeys;
use jay_transfer::vault::members;
use jay_transfer::vault::roster::Roster;
use jay_types::Error;
use jay_types::change::registry::FORGOTTEN;
use jay_types::change::sign::Signed;
use jay_types::change::{Body, Op};
use jay_types::id::to_hex;
use serde_json::json;
use std::path::Path;
use tempfile::TempDir;

const PASSPHRASE: &str = "scrub jays remember where";
const CHECKPOINT_NONCE: [u8; 19] = [0x5c; 19];

/// Makes the fixture; run once.
#[expect(
    clippy::disallowed_methods,
    reason = "a fixture is seen by git before anybody relies on it: nothing has to be durable"
)]
fn make() {
    let (shared, homes) = vault(1);
    let at = folder(shared.path(), 7);
    let note = homes[0].remember("work/acme", "Staging listens on 5432");
    homes[0].remember("private/diary", "dear diary");
    let gone = homes[0].remember("work/acme", "the word is swordfish");
    let forgotten = homes[0].remember("work/acme", "the lamp is red");
    settle(&homes, &at);
    homes[0].edit(note, "Staging listens on 5433");
    homes[1].edit(note, "Staging listens on 5434");
    homes[1].write(gone.0, gone.1, Op::Purge, Body::default());
    let mark = homes[0].memory.read::<_, Error>(|tx| {
        let num = tx.namespace_num(forgotten.0)?.unwrap();
        Ok(tx.mark_of(num, "the lamp is red")?.unwrap())
    });
    let mark = mark.unwrap();
    homes[0].write(
        forgotten.0,
        forgotten.1,
        Op::Forget,
        Body::default().with(FORGOTTEN, json!({"mac": to_hex(&mark)})),
    );
    let archived = block("session-one", "/a", 0, 0, &["hello there", "general greetings"]);
    homes[1]
        .archive
        .write::<_, Error>(&ann(), |w| {
            w.draft(Draft::block(note.0, session_id("session-one"), archived.to_json()));
            Ok(())
        })
        .unwrap();
    settle(&homes, &at);
    let keys = VaultKeys::load(&homes[0].memory).unwrap().unwrap();
    setup::add_passphrase(&homes[0].peer(), &at, &keys, PASSPHRASE).unwrap();
    settle(&homes, &at);
    add_checkpoint(&homes[0], &at);
    settle(&homes[1..], &at);
    // What was sealed before stays under the first key.
    let mut keys = VaultKeys::load(&homes[0].memory).unwrap().unwrap();
    let roster = homes[0].memory.read(|tx| Roster::read(tx, &keys)).unwrap();
    members::rotate(&homes[0].memory, &ann(), &mut keys, &roster, homes[0].steps.as_ref()).unwrap();
    settle(&homes, &at);
    homes[0].remember("work/acme", "Written after the key was changed");
    settle(&homes, &at);
    let code = homes[0].invite(&at);
    // The tests of this file are processes that may come here at once: one of them puts its directory in place.
    let whole = tempfile::tempdir_in(fixture("")).unwrap();
    let whole = whole.path();
    copy_tree(shared.path(), &whole.join("folder"));
    jay_testkit::write(whole.join("code"), format!("{}\n", code.text()));
    jay_testkit::write(whole.join("answers.txt"), answers(&homes[1]));
    let _ = std::fs::rename(whole, fixture("remote"));
}

/// A checkpoint, which a machine makes by itself of ten thousand changes only, and a head that tells of it.
fn add_checkpoint(home: &Home, at: &Folder) {
    let keys = VaultKeys::load(&home.memory).unwrap().unwrap();
    let key = keys.newest_given().unwrap();
    let (node, file) = (home.id(), home.memory.state_file("checkpoint.tmp"));
    let branches = setup::shared_branches(&home.peer(), &config(), &keys).unwrap();
    let made = home.memory.checkpoint(&|stream| branches.iter().any(|branch| branch.stream == *stream), &file).unwrap();
    let content = zstd::bulk::compress(&std::fs::read(&file).unwrap(), 19).unwrap();
    let sealed = |kind, nonce, content: &[u8]| {
        let clear = Clear { kind, vault: keys.vault, key: key.id, node, ranges: Vec::new(), nonce };
        let file = seal::seal(&clear, &key, content);
        (clear.name(&seal::hash_of(&file)), file)
    };
    let (name, checkpoint) = sealed(FileKind::Checkpoint, CHECKPOINT_NONCE, &content);
    let path = format!("nodes/{node}/{name}");
    at.create(&path, &checkpoint).unwrap();
    let head_path = format!("nodes/{node}/{HEAD_NAME}");
    let head = at.read(&head_path, u64::MAX).unwrap().unwrap();
    let (_, told) = seal::open(&head, &|id| keys.key(id)).unwrap();
    let public_key = home.memory.public_key().unwrap().1;
    let before = Head::decode(&told, node, &public_key).unwrap();
    let head = Head { checkpoint: Some(path), checkpoint_changes: made.changes, ..before };
    let (json, hash) = head.json();
    let (_, signature) = home.memory.sign(Signed::Head, &hash).unwrap();
    let (_, file) = sealed(FileKind::Head, [0x5d; 19], &Head::encode(&json, &signature));
    at.replace(&head_path, &file).unwrap();
    // It remembers its head as if it had written it so.
    let record = home.memory.state_file("remote-home.json");
    let mut state: serde_json::Value = serde_json::from_slice(&std::fs::read(&record).unwrap()).unwrap();
    state["own"] = serde_json::to_value(&head).unwrap();
    state["checkpoint_holds_purged"] = json!(false);
    home.memory.put_state("remote-home.json", &serde_json::to_vec(&state).unwrap()).unwrap();
}

/// What a machine knows: its memories, how many are archived, and how many heads the texts have together.
fn answers(home: &Home) -> String {
    let archived = home.dump().iter().filter(|line| line.starts_with("messages")).count();
    let filter = ListFilter::shown(Scope::All);
    let page = home.memory.read::<_, Error>(|tx| Ok(tx.list(&filter, 100, None)?)).unwrap();
    let conflicts: usize = page.rows.iter().map(|row| row.memory.conflicts.len()).sum();
    format!("{:#?}\nconflicts: {conflicts}\narchived messages: {archived}\n", home.texts())
}

/// The fixture in a folder that may be written to.
fn carried() -> (TempDir, Folder) {
    if !fixture("remote").exists() {
        assert!(may_make_files(), "the fixture is missing; UPDATE_EXPECT=1 makes it");
        make();
    }
    let shared = tempfile::tempdir().unwrap();
    copy_tree(&fixture("remote/folder"), shared.path());
    let at = folder(shared.path(), 7);
    (shared, at)
}

fn code() -> InviteCode {
    InviteCode::parse(String::from_utf8(stored("remote/code").unwrap()).unwrap().trim()).unwrap()
}

fn expected() -> String {
    String::from_utf8(stored("remote/answers.txt").unwrap()).unwrap()
}

#[test]
fn who_joins_a_remote_of_version_1_reads_everything() {
    let (shared, at) = carried();
    let home = Home::new(50);
    home.join(&at, &code());
    let synced = home.sync(&at);
    assert_eq!(synced.files, [], "{:?}", synced.notes);
    assert!(!synced.notes.iter().any(|note| note.contains("does not serve")), "{:?}", synced.notes);
    assert_eq!(answers(&home), expected());
    for store in [&home.memory, &home.archive] {
        assert_eq!(store.read::<_, Error>(|tx| Ok(tx.verify_journal(&mut |_| ())?)).unwrap(), Vec::<String>::new());
    }
    // It goes on there, with a format of its own if there will be one.
    home.remember("work/acme", "It goes on");
    assert!(home.sync(&at).pushed > 0);
    assert!(shared.path().join(format!("nodes/{}", home.id())).is_dir());
}

#[test]
fn a_passphrase_opens_the_key_rings_of_version_1() {
    let (_shared, at) = carried();
    let home = Home::new(51);
    setup::join(&home.peer(), &at, &Proof::Passphrase(PASSPHRASE)).unwrap();
    let synced = home.sync(&at);
    assert_eq!(synced.files, [], "{:?}", synced.notes);
    assert_eq!(answers(&home), expected());
}

#[test]
fn a_checkpoint_of_version_1_is_a_beginning() {
    let (shared, at) = carried();
    // Without the segments that it stands for there is no other way to what is in it.
    let founder = at.list("nodes/").unwrap().into_iter().find(|file| file.path.contains("/checkpoint.")).unwrap();
    let directory = shared.path().join(Path::new(&founder.path).parent().unwrap());
    for file in at.list("nodes/").unwrap() {
        let is_segment = file.path.contains("/m") || file.path.contains("/a");
        if is_segment && shared.path().join(&file.path).starts_with(&directory) {
            at.delete(&file.path).unwrap();
        }
    }
    let home = Home::new(52);
    home.join(&at, &code());
    let synced = home.sync(&at);
    assert!(!synced.notes.iter().any(|note| note.contains("does not serve")), "{:?}", synced.notes);
    assert!(home.texts().iter().any(|text| text.starts_with("Staging listens on")), "{:?}", home.texts());
    assert_eq!(home.memory.read::<_, Error>(|tx| Ok(tx.verify_journal(&mut |_| ())?)).unwrap(), Vec::<String>::new());
}
