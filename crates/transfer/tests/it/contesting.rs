//! Who is taken out and goes on writing to the roster, and two that take out each other.

use crate::world::{Home, ann, config, folder, settle, vault};
use jay_transfer::remote::Remote;
use jay_transfer::sync::state::RemoteState;
use jay_transfer::sync::{Direction, sync};
use jay_transfer::vault::members;
use jay_types::time::DAY;

/// Writes what is here and hears nothing.
fn push(home: &Home, at: &dyn Remote) {
    sync(&home.peer(), at, &config(), Direction::Push, &mut |_, _, _| ()).unwrap();
}

#[test]
fn who_is_taken_out_wraps_keys_for_nobody_where_that_lies_there_already() {
    // The telling of the one that took it out may come later than the rest.
    for is_head_late in [false, true] {
        let (shared, homes) = vault(2);
        let at = folder(shared.path(), 7);
        settle(&homes, &at);
        // The one that is taken out has files that come first by their names.
        let mut by_name: Vec<&Home> = homes.iter().collect();
        by_name.sort_by_key(|home| home.id());
        let [gone, one, other] = by_name.as_slice() else { panic!("three") };
        gone.steps.clock.advance(DAY / 24);
        one.take_out(&[gone.id()], None);
        push(one, &at);
        let stranger = age::x25519::Identity::generate().to_public().to_string();
        members::add_recipient(&gone.memory, &ann(), gone.vault().0.vault, &stranger).unwrap();
        push(gone, &at);
        if is_head_late {
            at.delete(&format!("nodes/{}/head", one.id())).unwrap();
        }
        other.sync(&at);
        one.sync(&at);
        for home in [one, other] {
            let roster = home.vault().1;
            assert!(roster.was_removed(gone.id()));
            assert_eq!(roster.recipients, Vec::<String>::new(), "head late: {is_head_late}");
        }
    }
}

#[test]
fn where_two_take_out_each_other_a_person_settles_it_for_everybody() {
    for is_back in [true, false] {
        let (shared, homes) = vault(3);
        let at = folder(shared.path(), 7);
        settle(&homes, &at);
        let (one, two) = (homes[0].id(), homes[1].id());
        // The third hears of the first removal, the fourth of the other, which was said before it.
        homes[0].steps.clock.advance(DAY / 24);
        homes[0].take_out(&[two], None);
        push(&homes[0], &at);
        homes[2].sync(&at);
        homes[1].take_out(&[one], None);
        push(&homes[1], &at);
        for _ in 0..3 {
            homes[3].sync(&at);
            homes[2].sync(&at);
        }
        let told = |home: &Home| home.sync(&at).notes.iter().filter(|note| note.contains("in turn")).count();
        assert_eq!((told(&homes[2]), told(&homes[3])), (1, 1), "both halves know");
        assert!(homes[2].vault().1.was_removed(two) && homes[3].vault().1.was_removed(one));
        let state = RemoteState::load(&homes[2].memory, "home").unwrap();
        assert_eq!(state.contested.into_iter().collect::<Vec<_>>(), [(two, one)]);
        // On the third: the second is let back in, and takes out the first; or it stays out, for the fourth as well.
        if is_back {
            let (keys, roster) = homes[2].vault();
            members::restore(&homes[2].memory, &ann(), keys.vault, &roster, two).unwrap();
        } else {
            homes[2].take_out(&[two], Some((one, two)));
        }
        let (kept, gone) = if is_back { (1, one) } else { (0, two) };
        let rest = [&homes[kept], &homes[2], &homes[3]];
        for _ in 0..8 {
            for home in rest {
                home.sync(&at);
            }
        }
        for home in rest {
            let roster = home.vault().1;
            assert!(roster.was_removed(gone) && roster.is_member(homes[kept].id()), "{}: {is_back}", home.id());
            assert_eq!(told(home), 0);
            home.remember("global", &format!("by {}", home.id()));
        }
        for _ in 0..4 {
            for home in rest {
                home.sync(&at);
            }
        }
        for home in rest {
            assert_eq!(home.texts().len(), 3, "{}: {is_back}", home.id());
            assert_eq!(home.dump(), homes[2].dump());
            let idle = home.sync(&at);
            assert_eq!(idle.bytes_written, 0, "{idle:#?}");
        }
    }
}
