//! The key of a vault, changed by several at once: whoever one of them took out does not keep it.

use crate::world::{Home, ann, folder, settle, vault};
use jay_transfer::vault::keys::VaultKeys;
use jay_transfer::vault::members;
use jay_transfer::vault::roster::Roster;
use jay_types::Error;
use jay_types::time::DAY;

fn read(home: &Home) -> (VaultKeys, Roster) {
    let keys = VaultKeys::load(&home.memory).unwrap().unwrap();
    let roster = home.memory.read(|tx| Roster::read(tx, &keys)).unwrap();
    (keys, roster)
}

fn rotate(home: &Home) {
    let (mut keys, roster) = read(home);
    members::rotate(&home.memory, &ann(), &mut keys, &roster, home.steps.as_ref()).unwrap();
}

fn take_out(home: &Home, whom: &Home) {
    let (mut keys, roster) = read(home);
    let branches = home.memory.read::<_, Error>(|tx| Ok(tx.branches()?)).unwrap();
    let those = members::TakenOut { roster: &roster, nodes: &[whom.id()], kept: None, branches: &branches };
    members::remove(&home.memory, &ann(), &mut keys, those, home.steps.as_ref()).unwrap();
}

#[test]
fn who_was_taken_out_does_not_keep_the_key_that_another_made_meanwhile() {
    // Whoever changed the key last goes on, or is away, and the next one has its turn a day later.
    for is_away in [false, true] {
        let (shared, mut homes) = vault(3);
        let at = folder(shared.path(), 7);
        settle(&homes, &at);
        let gone = homes.pop().unwrap();
        take_out(&homes[0], &gone);
        // Without having heard of it, and later: its key counts.
        homes[1].steps.clock.advance(DAY / 24);
        rotate(&homes[1]);
        if is_away {
            homes[1].sync(&at);
            let _away = homes.remove(1);
        }
        settle(&homes, &at);
        if is_away {
            assert!(!read(&homes[0]).1.rivals.is_empty(), "it is not its turn yet");
            for home in &homes {
                home.steps.clock.advance(2 * DAY);
            }
            settle(&homes, &at);
        }
        assert!(homes.iter().all(|home| read(home).1.rivals.is_empty()), "away: {is_away}");
        let _ = gone.try_sync(&at, &crate::world::config());
        homes[1].remember("global", "among us");
        settle(&homes, &at);
        let _ = gone.try_sync(&at, &crate::world::config());
        assert!(!gone.texts().iter().any(|text| text == "among us"), "away: {is_away}");
        assert!(homes[0].texts().iter().any(|text| text == "among us"));
        // It is settled: nothing more is written.
        let epoch = read(&homes[0]).1.key.unwrap().epoch;
        settle(&homes, &at);
        assert_eq!(read(&homes[1]).1.key.unwrap().epoch, epoch);
    }
}
