//! The key of a vault, changed by several at once: whoever one of them took out does not keep it.

use crate::world::{config, folder, settle, vault};
use jay_transfer::format::seal::FileKey;
use jay_transfer::remote::Remote as _;
use jay_transfer::vault::keyring;
use jay_types::NodeId;
use jay_types::time::DAY;

#[test]
fn who_was_taken_out_does_not_keep_the_key_that_another_made_meanwhile() {
    // Whoever changed the key last goes on, or is away, and the next one has its turn a day later.
    for is_away in [false, true] {
        let (shared, mut homes) = vault(3);
        let at = folder(shared.path(), 7);
        settle(&homes, &at);
        let gone = homes.pop().unwrap();
        homes[0].take_out(&[gone.id()], None);
        // Without having heard of it, and later: its key counts.
        homes[1].steps.clock.advance(DAY / 24);
        homes[1].rotate();
        if is_away {
            homes[1].sync(&at);
            let _away = homes.remove(1);
        }
        settle(&homes, &at);
        if is_away {
            assert!(!homes[0].vault().1.rivals.is_empty(), "it is not its turn yet");
            for home in &homes {
                home.steps.clock.advance(2 * DAY);
            }
            settle(&homes, &at);
        }
        assert!(homes.iter().all(|home| home.vault().1.rivals.is_empty()), "away: {is_away}");
        let _ = gone.try_sync(&at, &config());
        homes[1].remember("global", "among us");
        settle(&homes, &at);
        let _ = gone.try_sync(&at, &config());
        assert!(!gone.texts().iter().any(|text| text == "among us"), "away: {is_away}");
        assert!(homes[0].texts().iter().any(|text| text == "among us"));
        // It is settled: nothing more is written.
        let epoch = homes[0].vault().1.key.unwrap().epoch;
        settle(&homes, &at);
        assert_eq!(homes[1].vault().1.key.unwrap().epoch, epoch);
    }
}

#[test]
fn keys_that_lie_there_for_an_epoch_to_come_keep_nobody_from_it() {
    let (shared, homes) = vault(1);
    let at = folder(shared.path(), 7);
    let mut planted = homes[1].vault().0;
    for number in 0..200 {
        planted.add_key(&FileKey::new(2, [number; 32]));
    }
    let ring =
        keyring::wrap(&planted, 2, &homes.iter().map(|home| home.vault().0.recipient().unwrap()).collect::<Vec<_>>());
    at.create(&keyring::path(NodeId([0; 16]), 2), &ring.unwrap()).unwrap();
    settle(&homes, &at);
    homes[0].rotate();
    homes[0].remember("global", "sealed with the new key");
    settle(&homes, &at);
    assert_eq!(homes[1].texts(), ["sealed with the new key"]);
    assert!(homes.iter().all(|home| home.vault().0.keys().count() == 2), "what nothing is sealed with is not kept");
}
