//! Who comes with a code is let in by the machine that gave it out, once and for a day; after that a person decides.

use crate::world::{Home, ann, config, folder, settle, vault};
use jay_transfer::remote::Remote as _;
use jay_transfer::sync::setup::{self, Proof};
use jay_transfer::sync::state::RemoteState;
use jay_transfer::vault::keys::VaultKeys;
use jay_transfer::vault::members;
use jay_transfer::vault::request::Grounds;
use jay_types::Code;
use jay_types::time::MINUTE;

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
