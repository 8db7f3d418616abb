//! Copies of machines and of copies, and what members say of them without having heard of each other.

use crate::world::{Home, ann, copy_tree, folder, settle, vault};
use jay_transfer::vault::members;
use jay_transfer::vault::roster::ADMITTED_SUCCESSION;
use jay_types::NodeId;
use jay_types::time::DAY;
use std::path::Path;
use tempfile::TempDir;

/// The folder as it is carried to somebody to whom nothing later comes.
fn carried_so_far(shared: &Path) -> TempDir {
    let other = tempfile::tempdir().unwrap();
    copy_tree(shared, other.path());
    other
}

fn is_out_everywhere(homes: &[Home], node: NodeId) -> bool {
    homes.iter().all(|home| !home.vault().1.is_member(node))
}

#[test]
fn a_copy_of_a_copy_that_was_taken_out_is_let_in_by_nobody() {
    let (shared, homes) = vault(2);
    let at = folder(shared.path(), 7);
    let copy = homes[1].copy(50);
    copy.remember("global", "by the copy");
    copy.sync(&at);
    settle(&homes, &at);
    assert!(homes[0].vault().1.is_member(copy.id()));
    homes[0].take_out(&[copy.id()], None);
    settle(&homes, &at);

    let again = copy.copy(60);
    again.remember("global", "by the copy of the copy");
    for _ in 0..3 {
        let _ = again.try_sync(&at, &crate::world::config());
        settle(&homes, &at);
    }
    assert!(is_out_everywhere(&homes, again.id()));
    assert!(!homes.iter().any(|home| home.texts().iter().any(|text| text.contains("copy of the copy"))));
    let notes = homes[0].sync(&at).notes;
    assert!(notes.iter().any(|note| note.contains("asks to join")), "a person decides: {notes:?}");
}

#[test]
fn a_removal_counts_above_whoever_lets_a_copy_in_without_having_heard_of_it() {
    // The copy itself is let in there, or what was copied from it, past a copy that is not known there.
    for is_copied_again in [false, true] {
        let (shared, homes) = vault(2);
        let at = folder(shared.path(), 7);
        let copy = homes[1].copy(50);
        copy.remember("global", "by the copy");
        let again = copy.copy(60);
        again.remember("global", "by the copy of the copy");
        let asking = if is_copied_again { &again } else { &copy };

        let other = carried_so_far(shared.path());
        let elsewhere = folder(other.path(), 8);
        asking.sync(&elsewhere);
        copy.sync(&at);
        homes[0].sync(&at);
        homes[0].take_out(&[copy.id()], None);
        homes[0].sync(&at);
        homes[2].steps.clock.advance(DAY / 24);
        homes[2].sync(&elsewhere);
        let admitted = homes[2].vault().1.nodes[&asking.id()].clone();
        assert_eq!((admitted.admitted.as_str(), admitted.removed), (ADMITTED_SUCCESSION, None));
        assert_eq!(admitted.through, if is_copied_again { vec![copy.id()] } else { Vec::new() });

        copy_tree(other.path(), shared.path());
        for home in &homes {
            home.lose_record();
        }
        settle(&homes, &at);
        assert!(is_out_everywhere(&homes, copy.id()) && is_out_everywhere(&homes, asking.id()), "{is_copied_again}");
        // What was taken in meanwhile counts for all.
        assert!(homes.iter().all(|home| home.dump() == homes[0].dump()));
    }
}

#[test]
fn who_only_vouches_does_not_undo_that_a_machine_was_let_back_in() {
    let (shared, homes) = vault(2);
    let at = folder(shared.path(), 7);
    homes[1].remember("global", "late");
    homes[1].sync(&at);
    homes[2].sync(&at);
    homes[0].take_out(&[homes[1].id()], None);
    homes[0].sync(&at);
    let other = carried_so_far(shared.path());
    let elsewhere = folder(other.path(), 8);
    homes[2].steps.clock.advance(DAY / 24);
    homes[2].sync(&elsewhere);
    assert!(homes[2].vault().1.was_removed(homes[1].id()));
    let (keys, roster) = homes[0].vault();
    members::restore(&homes[0].memory, &ann(), keys.vault, &roster, homes[1].id()).unwrap();
    homes[0].sync(&at);

    copy_tree(other.path(), shared.path());
    for home in &homes {
        home.lose_record();
    }
    settle(&homes, &at);
    assert!(homes.iter().all(|home| home.vault().1.is_member(homes[1].id())));
    assert!(homes.iter().all(|home| home.texts() == ["late"]));
}

#[test]
fn whose_history_alone_counts_is_not_told_to_a_newcomer_as_taken_out() {
    let (shared, mut homes) = vault(1);
    let at = folder(shared.path(), 7);
    // Nobody ever hears of the copy but through the one that was made of it.
    let copy = homes[1].copy(50);
    copy.remember("global", "by the copy");
    let again = copy.copy(60);
    again.remember("global", "by the copy of the copy");
    again.sync(&at);
    homes.push(again);
    settle(&homes, &at);
    let member = &homes[0].vault().1.nodes[&homes[2].id()];
    assert_eq!((member.through.as_slice(), member.removed.is_some()), (&[copy.id()][..], false));
    assert!(homes[0].vault().1.nodes[&copy.id()].removed.is_some(), "only its history counts");
    let newcomer = Home::new(9);
    newcomer.join(&at, &homes[0].invite(&at));
    homes.push(newcomer);
    settle(&homes, &at);
    for home in &homes {
        assert!(home.vault().1.is_member(homes[2].id()));
        assert_eq!(home.texts(), ["by the copy", "by the copy of the copy"]);
    }
}
