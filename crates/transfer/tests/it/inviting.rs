//! Who comes with a code is let in by the machine that gave it out, once and for a day; after that a person decides.

use crate::world::{Home, ann, config, folder, settle, vault};
use jay_transfer::format::clear::Clear;
use jay_transfer::format::seal::{self, FileKey};
use jay_transfer::remote::Remote as _;
use jay_transfer::remote::folder::Folder;
use jay_transfer::sync::setup::{self, Proof};
use jay_transfer::sync::state::RemoteState;
use jay_transfer::sync::{Direction, sync};
use jay_transfer::vault::keys::VaultKeys;
use jay_transfer::vault::request::Grounds;
use jay_transfer::vault::{keyring, members};
use jay_types::time::MINUTE;
use jay_types::{Code, NodeId};

#[test]
fn a_code_counts_once_and_not_for_ever() {
    let (shared, homes) = vault(0);
    let at = folder(shared.path(), 7);
    let code = homes[0].invite(&at);
    let (first, second) = (Home::new(11), Home::new(12));
    first.join(&at, &code);
    first.sync(&at);
    homes[0].sync(&at);
    let gone = setup::join(&second.peer(), &at, &Proof::Code(code)).unwrap_err();
    assert_eq!(gone.code, Code::NotFound, "{gone:?}");

    let late = homes[0].invite(&at);
    second.steps.clock.advance(25 * 60 * MINUTE + homes[0].steps.clock.now().0 - second.steps.clock.now().0);
    let expired = setup::join(&second.peer(), &at, &Proof::Code(late.clone())).unwrap_err();
    assert_eq!(expired.code, Code::Refused, "{expired:?}");
    // Whose clock is behind joins, and is not let in by who invited it too long ago.
    let behind = Home::new(13);
    behind.join(&at, &late);
    behind.remember("global", "from a machine whose clock is behind");
    behind.sync(&at);
    homes[0].steps.clock.advance(25 * 60 * MINUTE);
    homes[0].sync(&at);
    assert_eq!(homes[0].texts(), Vec::<String>::new());
    assert!(at.list("nodes/").unwrap().iter().all(|file| !file.path.contains("/invites/")), "it is taken away");
}

#[test]
fn who_was_invited_by_a_machine_that_is_gone_is_let_in_by_a_person_on_another() {
    let (shared, homes) = vault(1);
    let at = folder(shared.path(), 7);
    let code = homes[0].invite(&at);
    let newcomer = Home::new(9);
    newcomer.join(&at, &code);
    newcomer.remember("global", "by the newcomer");
    newcomer.sync(&at);
    // Whoever invited it sees to it, as long as that can be.
    let synced = homes[1].sync(&at);
    assert_eq!(synced.notes, Vec::<String>::new());
    let asking = || RemoteState::load(&homes[1].memory, "home").unwrap().requests;
    assert!(asking().is_empty());
    // The inviter never comes back. The code no longer counts, and who else has the keys decides.
    homes[1].steps.clock.advance(25 * 60 * MINUTE);
    let synced = homes[1].sync(&at);
    assert!(synced.notes.iter().any(|note| note.contains("asks to join: `jay vault add")), "{:?}", synced.notes);
    assert!(asking().contains_key(&newcomer.id()));
    let keys = VaultKeys::load(&homes[1].memory).unwrap().unwrap();
    let request = setup::asking(&homes[1].memory, &at, &config(), &keys, &newcomer.id().to_string()).unwrap();
    members::admit(&homes[1].memory, &ann(), keys.vault, &request, &Grounds::Keys).unwrap();
    settle(&homes[1..], &at);
    assert_eq!(homes[1].texts(), ["by the newcomer"]);
    newcomer.sync(&at);
    homes[1].sync(&at);
    assert!(asking().is_empty(), "it is answered");
}

/// A key ring that anybody could have made who knows for whom keys are wrapped.
fn plant(at: &Folder, like: &VaultKeys, epoch: u32, recipient: &str) {
    let mut planted = like.clone();
    planted.add_key(&FileKey::new(epoch, [66; 32]));
    let ring = keyring::wrap(&planted, epoch, &[recipient.to_owned()]).unwrap();
    // Before all others by its name.
    at.create(&keyring::path(NodeId([0; 16]), epoch), &ring).unwrap();
}

fn clear_of_head(at: &Folder, home: &Home) -> Clear {
    let head = at.read(&format!("nodes/{}/head", home.id()), 1 << 20).unwrap().unwrap();
    Clear::decode(&head).unwrap().0
}

#[test]
fn a_key_that_merely_lies_there_is_not_given_to_who_is_invited() {
    let (shared, homes) = vault(0);
    let at = folder(shared.path(), 7);
    let (keys, _) = homes[0].vault();
    plant(&at, &keys, u32::MAX, &keys.recipient().unwrap());
    homes[0].sync(&at);
    assert_eq!(homes[0].vault().0.keys().count(), 1, "nothing is sealed with it");
    // A file that is, though nobody can read anything in it.
    let clear = Clear { key: FileKey::new(u32::MAX, [66; 32]).id, ..clear_of_head(&at, &homes[0]) };
    let file = seal::seal(&clear, &FileKey::new(u32::MAX, [66; 32]), b"");
    at.create(&format!("nodes/{}/m-planted.jay", homes[0].id()), &file).unwrap();
    homes[0].sync(&at);
    let code = homes[0].invite(&at);
    let newcomer = Home::new(9);
    newcomer.join(&at, &code);
    assert_eq!(newcomer.vault().0.newest_given(), keys.newest_given());
    newcomer.remember("global", "by the newcomer");
    sync(&newcomer.peer(), &at, &config(), Direction::Push, &mut |_, _, _| ()).unwrap();
    let own = at.list(&format!("nodes/{}/", newcomer.id())).unwrap();
    for path in own.iter().map(|file| &file.path).filter(|path| !path.ends_with(".age")) {
        let bytes = at.read(path, 1 << 20).unwrap().unwrap();
        assert_eq!(Clear::decode(&bytes).unwrap().0.key.epoch, 1, "{path}");
    }
    settle(&[newcomer, homes.into_iter().next().unwrap()], &at);
}

#[test]
fn who_joins_with_an_identity_does_not_choose_between_two_founders() {
    let (shared, homes) = vault(0);
    let at = folder(shared.path(), 7);
    let identity = age::x25519::Identity::generate();
    let (keys, _) = homes[0].vault();
    members::add_recipient(&homes[0].memory, &ann(), keys.vault, &identity.to_public().to_string()).unwrap();
    homes[0].sync(&at);
    let (good, other) = (Home::new(8), Home::new(9));
    let join = |home: &Home| setup::join(&home.peer(), &at, &Proof::Identity(&identity));
    assert_eq!(join(&good).unwrap().founder.node, homes[0].id());
    let mut founder = keys.founder.clone();
    (founder.node, founder.public_key) = (other.id(), jay_types::id::to_hex(&other.memory.public_key().unwrap().1));
    plant(&at, &VaultKeys::new(keys.vault, keys.name, founder), 7, &identity.to_public().to_string());
    let refused = join(&other).unwrap_err();
    assert_eq!(refused.code, Code::Conflict);
    assert!(refused.hint.unwrap().contains(&homes[0].id().to_string()));
    assert!(VaultKeys::load(&other.memory).unwrap().is_none());
    // Who knows the founder already takes no key from a ring that names another one.
    assert_eq!(join(&good).unwrap().keys().count(), 1);
}
