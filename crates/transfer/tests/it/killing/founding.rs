//! A vault that its remote refuses is none: the machine may make another one there, or join one elsewhere.

use super::{Carrier, End, Failing};
use crate::world::{Home, config};
use jay_transfer::sync::setup::{self, Begun};
use jay_transfer::vault::keys::VaultKeys;
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn a_vault_that_a_remote_refuses_is_taken_back() {
    for end in [End::Refused, End::Unanswered] {
        for step in 1.. {
            let (home, folder) = (Home::new(1), Carrier::new(1, 1, false));
            let seat = folder.seat(0, &home);
            let failing = Failing { inner: &seat, left: AtomicUsize::new(step), end };
            let made = setup::begin(&home.peer(), &failing, &config(), &mut |_, _, _| ());
            if failing.left.load(Ordering::Relaxed) > 0 {
                assert!(made.is_ok() && step > 3, "{end:?} {step}");
                break;
            }
            made.unwrap_err();
            assert!(VaultKeys::load(&home.memory).unwrap().is_none(), "{end:?} {step}");
            assert!(folder.files(0).is_empty(), "{end:?} {step}: {:?}", folder.files(0).keys());
            // The same words again make one.
            assert!(matches!(home.begin(&seat), Begun::Founded(_)));
            assert_eq!(home.sync(&seat).notes, Vec::<String>::new());
        }
    }
}
