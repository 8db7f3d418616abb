//! Machines that share a folder end with the same, whatever each did alone, and pay for what is new only.

use crate::foreign::{request_of, segment_file};
use crate::world::{Home, ann, config, folder, settle, vault};
use jay_testkit::{Author, Foreign, Random, files_below};
use jay_transfer::remote::Remote as _;
use jay_transfer::sync::config::RemoteConfig;
use jay_transfer::sync::setup::Begun;
use jay_transfer::sync::{Direction, dry_run};
use jay_transfer::vault::keys::VaultKeys;
use jay_transfer::vault::members;
use jay_transfer::vault::request::Grounds;
use jay_types::{Code, EntityId};
use std::collections::BTreeMap;
use std::path::PathBuf;

#[test]
fn what_one_machine_remembers_the_others_know() {
    let (shared, homes) = vault(2);
    let at = folder(shared.path(), 7);
    let note = homes[0].remember("work/acme", "the basin is deep");
    homes[1].remember("global", "tests run at night");
    homes[2].remember("work/acme", "the lamp is red");
    settle(&homes, &at);
    let all = ["tests run at night", "the basin is deep", "the lamp is red"];
    for home in &homes {
        assert_eq!(home.texts(), all);
        assert_eq!(home.dump(), homes[0].dump());
    }
    // Both edit at once: nothing is lost, and all see the same.
    homes[1].edit(note, "the basin is shallow");
    homes[2].edit(note, "the basin is dry");
    settle(&homes, &at);
    for home in &homes {
        assert_eq!(home.texts(), ["tests run at night", "the basin is dry", "the lamp is red"]);
        assert_eq!(home.dump(), homes[0].dump());
    }
}

#[test]
fn nothing_new_writes_nothing_and_reads_nothing() {
    let (shared, homes) = vault(1);
    let at = folder(shared.path(), 7);
    for n in 0..50 {
        homes[0].remember("global", &format!("note {n}"));
    }
    settle(&homes, &at);
    for home in &homes {
        let synced = home.sync(&at);
        assert_eq!((synced.bytes_read, synced.bytes_written, synced.pushed, synced.pulled), (0, 0, 0, 0));
    }
    homes[0].remember("global", "one more");
    let pushed = homes[0].sync(&at);
    assert_eq!((pushed.pushed, pushed.files_written), (1, 2), "a segment and a head");
    assert!(pushed.bytes_written < 4096, "{} bytes", pushed.bytes_written);
    let pulled = homes[1].sync(&at);
    assert_eq!(pulled.pulled, 1);
    assert!(pulled.bytes_read < 16 << 10, "{} bytes", pulled.bytes_read);
}

#[test]
fn a_vault_is_made_once_and_joined_with_a_code() {
    let shared = tempfile::tempdir().unwrap();
    let at = folder(shared.path(), 7);
    let (founder, other) = (Home::new(1), Home::new(2));
    assert!(matches!(founder.begin(&at), Begun::Founded(_)));
    assert!(matches!(founder.begin(&at), Begun::Known(_)));
    founder.remember("global", "the basin is deep");
    founder.sync(&at);
    assert_eq!(other.begin(&at), Begun::MustJoin);
    let refused = other.try_sync(&at, &config()).unwrap_err();
    assert_eq!((refused.code, refused.code.exit_code()), (Code::Refused, 4));
    assert!(refused.hint.unwrap().contains("jay vault join home --code CODE"));

    let code = founder.invite(&at);
    other.remember("global", "what the other knew before");
    other.join(&at, &code);
    // It reads at once; the others take in what it wrote once it is let in.
    let first = other.sync(&at);
    assert!(first.pulled > 0 && first.notes.iter().any(|note| note.contains("not a member")), "{first:?}");
    assert_eq!(other.texts(), ["the basin is deep", "what the other knew before"]);
    assert_eq!(founder.texts(), ["the basin is deep"]);
    settle(&[founder, other], &at);
}

#[test]
fn what_is_private_or_not_chosen_stays() {
    let shared = tempfile::tempdir().unwrap();
    let at = folder(shared.path(), 7);
    let (one, other) = (Home::new(1), Home::new(2));
    let only_work = RemoteConfig { namespaces: vec!["work".to_owned()], ..config() };
    one.begin(&at);
    let code = one.invite(&at);
    other.join(&at, &code);
    one.remember("private/diary", "dear diary");
    one.remember("work/acme", "the basin is deep");
    one.remember("home", "the cellar is wet");
    for _ in 0..3 {
        one.try_sync(&at, &only_work).unwrap();
        other.sync(&at);
    }
    assert_eq!(other.texts(), ["the basin is deep"]);
    // The other shares more; this one takes in what it has chosen.
    other.remember("home", "the roof is new");
    other.remember("work/acme/api", "the api is slow");
    for _ in 0..3 {
        other.sync(&at);
        one.try_sync(&at, &only_work).unwrap();
    }
    assert_eq!(one.texts(), ["dear diary", "the api is slow", "the basin is deep", "the cellar is wet"]);
    // A wider choice brings whole streams from their beginning.
    for _ in 0..3 {
        one.sync(&at);
        other.sync(&at);
    }
    assert_eq!(one.texts().len(), 5);
    assert_eq!(other.texts(), ["the api is slow", "the basin is deep", "the cellar is wet", "the roof is new"]);
}

#[test]
fn a_copied_directory_goes_on_as_a_new_member() {
    let (shared, mut homes) = vault(1);
    let at = folder(shared.path(), 7);
    homes[1].remember("global", "before the copy");
    settle(&homes, &at);
    let copy = homes[1].copy(77);
    copy.remember("global", "by the copy");
    homes[1].remember("global", "by the original");
    assert_ne!(copy.id(), homes[1].id());
    homes.push(copy);
    settle(&homes, &at);
    for home in &homes {
        assert_eq!(home.texts(), ["before the copy", "by the copy", "by the original"]);
        assert_eq!(home.dump(), homes[0].dump());
    }
}

#[test]
fn the_key_of_an_epoch_outlives_a_backup_from_before_it() {
    for is_noticed in [false, true] {
        let (shared, homes) = vault(0);
        let at = folder(shared.path(), 7);
        homes[0].remember("global", "before the backup");
        homes[0].sync(&at);
        let saved = homes[0].save();
        homes[0].rotate();
        homes[0].remember("global", "after the backup");
        homes[0].sync(&at);
        let back = homes[0].put_back(saved, 60, is_noticed);
        assert_eq!(back.texts(), ["before the backup"]);
        for _ in 0..3 {
            back.sync(&at);
        }
        assert_eq!(back.texts(), ["after the backup", "before the backup"], "noticed: {is_noticed}");
        back.remember("global", "and on");
        let synced = back.sync(&at);
        assert!(synced.pushed > 0 && synced.files.is_empty(), "{synced:#?}");
    }
}

#[test]
fn a_copy_is_taken_out_without_the_machine_that_it_is_of() {
    for is_taken_out_at_once in [false, true] {
        let (shared, homes) = vault(1);
        let at = folder(shared.path(), 7);
        homes[1].remember("global", "before the copy");
        settle(&homes, &at);
        let copy = homes[1].copy(77);
        copy.remember("global", "by the copy");
        copy.sync(&at);
        homes[0].sync(&at);
        if !is_taken_out_at_once {
            homes[1].sync(&at);
            copy.sync(&at);
            homes[0].sync(&at);
        }
        assert!(homes[0].vault().1.is_member(copy.id()));
        homes[0].take_out(&[copy.id()], None);
        homes[0].remember("global", "after the copy");
        settle(&homes, &at);
        assert_eq!(homes[1].texts(), ["after the copy", "before the copy", "by the copy"]);
        let _ = copy.try_sync(&at, &config());
        let newest = |home: &Home| home.vault().0.keys().map(|key| key.id.epoch).max().unwrap();
        assert_eq!(newest(&homes[0]), newest(&homes[1]));
        assert!(newest(&copy) < newest(&homes[1]), "at once: {is_taken_out_at_once}");
        // What is said from now on it cannot read, with any identity that it has.
        homes[1].remember("global", "among us");
        settle(&homes, &at);
        let _ = copy.try_sync(&at, &config());
        assert!(!copy.texts().iter().any(|text| text == "among us"));
        assert!(homes[0].texts().iter().any(|text| text == "among us"));
    }
}

#[test]
fn who_lost_its_keys_and_joins_once_more_is_given_the_next_ones() {
    let (shared, homes) = vault(1);
    let at = folder(shared.path(), 7);
    homes[0].remember("global", "before");
    settle(&homes, &at);
    std::fs::remove_file(homes[1].memory.state_file("vault.json")).unwrap();
    homes[1].lose_record();
    homes[1].join(&at, &homes[0].invite(&at));
    settle(&homes, &at);
    homes[0].rotate();
    homes[0].remember("global", "in the next epoch");
    settle(&homes, &at);
    assert_eq!(homes[1].texts(), ["before", "in the next epoch"]);
}

#[test]
fn what_another_machine_lacks_is_told_also_after_an_invitation() {
    let (shared, homes) = vault(1);
    let at = folder(shared.path(), 7);
    for n in 0..10 {
        homes[0].remember("global", &format!("note {n}"));
    }
    homes[0].sync(&at);
    let lacking_there = || {
        let status = jay_transfer::sync::status::status(
            &homes[0].memory,
            &homes[0].archive,
            &[config()],
            homes[0].steps.clock.now(),
        )
        .unwrap();
        let other = status.remotes[0].nodes.iter().find(|node| node.node == homes[1].id()).cloned().unwrap();
        other.lacking_there
    };
    let before = lacking_there();
    assert!(before.unwrap() >= 10, "{before:?}");
    // An invitation writes the vault's own namespace alone, and tells of all the same.
    homes[0].invite(&at);
    assert_eq!(lacking_there(), before);
    homes[1].sync(&at);
    homes[0].sync(&at);
    assert_eq!(lacking_there(), Some(0));
}

#[test]
fn what_cannot_be_applied_is_told_by_its_author() {
    let (shared, homes) = vault(1);
    let at = folder(shared.path(), 7);
    let (ns, _) = homes[0].remember("global", "alpha");
    settle(&homes, &at);
    // A member whose program knows a kind that this one does not.
    let mut newer = Author::new(71);
    let keys = VaultKeys::load(&homes[0].memory).unwrap().unwrap();
    members::admit(&homes[0].memory, &ann(), keys.vault, &request_of(&newer), &Grounds::Keys).unwrap();
    let said = newer.part(ns, &[Foreign::raw(88, EntityId([8; 16]), 2, b"{}".to_vec())]);
    let key = keys.keys().max_by_key(|key| key.id).unwrap();
    let (path, file) = segment_file(&keys, &key, newer.node_id(), &said, &mut Random::new(1));
    at.create(&path, &file).unwrap();
    homes[0].sync(&at);
    let synced = homes[1].sync(&at);
    let told = synced.nodes.iter().find(|report| report.node == newer.node_id()).unwrap();
    assert_eq!((told.applied, told.deferred, told.refused), (2, 1, 0), "{synced:?}");
    assert_eq!(told.name.as_deref(), Some("a newer program"));
}

#[test]
fn a_dry_run_counts_a_change_once_and_nobody_s_that_is_no_member() {
    let (shared, homes) = vault(1);
    let at = folder(shared.path(), 7);
    homes[1].sync(&at);
    for n in 0..40 {
        homes[0].remember("global", &format!("note {n}"));
        homes[0].sync(&at);
    }
    // The small files are joined by now, and lie there beside the joined one.
    assert!(at.list(&format!("nodes/{}/", homes[0].id())).unwrap().len() > 32);
    let stranger = Home::new(70);
    let code = homes[0].invite(&at);
    stranger.join(&at, &code);
    stranger.remember("global", "from somebody who is no member yet");
    stranger.sync(&at);
    let foreseen = dry_run(&homes[1].peer(), &at, &config(), Direction::Both, &mut |_, _, _| ()).unwrap().pulled;
    assert_eq!(foreseen, homes[1].sync(&at).pulled);
}

/// Every file of a data directory with its bytes; SQLite's table of readers is no file of the store's.
fn files_of(home: &Home) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = files_below(home.data()).unwrap().into_iter();
    let files = files.filter(|path| !path.to_string_lossy().ends_with("-shm"));
    files.map(|path| (path.clone(), std::fs::read(&path).unwrap())).collect()
}

#[test]
fn a_dry_run_writes_nothing() {
    let (shared, homes) = vault(1);
    let at = folder(shared.path(), 7);
    homes[0].remember("global", "to be shared");
    let foresee = |home: &Home| {
        dry_run(&home.peer(), &at, &config(), Direction::Both, &mut |_, _, _| ()).unwrap();
    };
    // Machines that are to get another node with what they do next: a copy, and one of which no node is known.
    let copy = homes[0].copy(60);
    let without = homes[1].copy(61);
    for name in ["node.key", "node.json"] {
        std::fs::remove_file(without.data().join(name)).unwrap();
    }
    let there = files_below(shared.path()).unwrap();
    for home in [&homes[0], &copy, &without] {
        let before = files_of(home);
        foresee(home);
        let after = files_of(home);
        let changed: Vec<&PathBuf> = after.keys().filter(|path| before.get(*path) != after.get(*path)).collect();
        assert_eq!((changed, before.len()), (Vec::new(), after.len()));
    }
    assert_eq!(files_below(shared.path()).unwrap(), there);
    let before = homes[0].id();
    assert_eq!(copy.memory.node(), Some(before), "the test is of no use");
    copy.sync(&at);
    assert_ne!(copy.memory.node(), Some(before));
}

#[test]
fn what_no_file_carries_yet_is_told() {
    let (shared, homes) = vault(1);
    let at = folder(shared.path(), 7);
    let to_share = || {
        let home = &homes[0];
        jay_transfer::sync::status::status(&home.memory, &home.archive, &[config()], home.steps.clock.now())
            .unwrap()
            .remotes[0]
            .to_share
    };
    assert_eq!(to_share(), Some(0));
    for text in ["one", "two", "three"] {
        homes[0].remember("global", text);
    }
    let told = dry_run(&homes[0].peer(), &at, &config(), Direction::Push, &mut |_, _, _| ()).unwrap();
    assert_eq!(to_share(), Some(told.pushed));
    assert!(told.pushed >= 3);
    homes[0].sync(&at);
    assert_eq!(to_share(), Some(0));
    homes[0].lose_record();
    assert_eq!(to_share(), None, "unknown is not zero");
}
