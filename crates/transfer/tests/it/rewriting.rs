//! Files that take the place of others: what was purged is in none of them, and many small ones become few.

use crate::foreign::sealed_file;
use crate::world::{Home, config, folder, path, saying, settle, vault};
use jay_store::{Draft, Journalled};
use jay_testkit::Random;
use jay_transfer::format::clear::{FileKind, Range};
use jay_transfer::format::seal::{self, FileKey};
use jay_transfer::format::segment;
use jay_transfer::remote::Remote;
use jay_transfer::remote::folder::Folder;
use jay_transfer::sync::config::RemoteConfig;
use jay_transfer::sync::purging::{Riddance, riddance};
use jay_transfer::sync::state::RemoteState;
use jay_transfer::sync::status::status;
use jay_transfer::sync::{Direction, sync};
use jay_transfer::vault::keys::VaultKeys;
use jay_types::change::frame::FrameEntry;
use jay_types::change::{Body, EntityKind, Header, Op};
use jay_types::time::DAY;
use jay_types::{EntityId, Error, NamespaceId, NodeId};
use std::path::Path;
use tempfile::TempDir;

/// The files of a folder in which a text stands, once they are opened.
fn holding(home: &Home, at: &Path, text: &str) -> Vec<String> {
    let keys = VaultKeys::load(&home.memory).unwrap().unwrap();
    let at = folder(at, 99);
    let mut found = Vec::new();
    for file in at.list("nodes/").unwrap() {
        let bytes = at.read(&file.path, u64::MAX).unwrap().unwrap();
        let opened =
            seal::open(&bytes, &|id| keys.key(id)).ok().and_then(|(_, content)| segment::decode(&content).ok());
        let bodies = opened.into_iter().flatten().filter_map(|entry| {
            let header = jay_types::change::Header::decode(&entry.header).ok()?;
            Some(entry.stored_body(&header)?.json().ok()?.into_owned())
        });
        if bodies.into_iter().any(|json| String::from_utf8_lossy(&json).contains(text)) {
            found.push(file.path);
        }
    }
    found
}

fn purge(home: &Home, (ns, id): (jay_types::NamespaceId, jay_types::EntityId)) {
    home.write(ns, id, Op::Purge, Body::default());
}

fn pending(home: &Home) -> Vec<String> {
    let status = status(&home.memory, &home.archive, &[config()], home.steps.clock.now()).unwrap();
    status.remotes[0].purges_pending.clone()
}

fn push(home: &Home, at: &dyn Remote) {
    sync(&home.peer(), at, &config(), Direction::Push, &mut |_, _, _| ()).unwrap();
}

#[test]
fn what_is_purged_leaves_every_file_with_the_next_sync_of_who_purged_it() {
    let (shared, homes) = vault(2);
    let at = folder(shared.path(), 7);
    let secret = homes[0].remember("global", "the word is swordfish");
    homes[0].remember("global", "stays");
    settle(&homes, &at);
    // Another owner's file holds it too.
    homes[1].edit(secret, "the word was swordfish");
    settle(&homes, &at);
    assert_eq!(holding(&homes[0], shared.path(), "swordfish").len(), 2);
    purge(&homes[2], secret);
    homes[2].sync(&at);
    assert_eq!(holding(&homes[0], shared.path(), "swordfish"), Vec::<String>::new(), "whose the files are");
    assert_eq!(pending(&homes[2]), Vec::<String>::new());
    settle(&homes, &at);
    assert_eq!(holding(&homes[0], shared.path(), "swordfish"), Vec::<String>::new());
    for home in &homes {
        assert_eq!(home.texts(), ["stays"]);
        assert_eq!(home.dump(), homes[0].dump());
        assert_eq!(pending(home), Vec::<String>::new());
    }
}

/// The last one purges what the first remembered; the second, who has not heard of it, edits it and shares that, which the first reads.
fn edit_after_a_purge(homes: &[Home], at: &dyn Remote) {
    let secret = homes[0].remember("global", "the word is swordfish");
    settle(homes, at);
    purge(&homes[2], secret);
    homes[2].sync(at);
    homes[1].edit(secret, "the word was swordfish");
    push(&homes[1], at);
    homes[0].sync(at);
}

#[test]
fn what_another_purged_its_owner_takes_out() {
    let (shared, homes) = vault(2);
    let at = folder(shared.path(), 7);
    edit_after_a_purge(&homes, &at);
    assert_eq!(holding(&homes[0], shared.path(), "swordfish").len(), 1);
    assert_eq!(pending(&homes[0]).len(), 1, "its owner has not synced");
    homes[1].sync(&at);
    assert_eq!(holding(&homes[0], shared.path(), "swordfish"), Vec::<String>::new());
    settle(&homes, &at);
    assert_eq!(pending(&homes[0]), Vec::<String>::new());
    assert_eq!(homes[1].dump(), homes[0].dump());
}

/// Two machines, the folder between them, a secret that both know, and the file that holds it.
fn with_secret() -> (TempDir, Vec<Home>, Folder, (NamespaceId, EntityId), String) {
    let (shared, homes) = vault(1);
    let at = folder(shared.path(), 7);
    let secret = homes[0].remember("global", "the word is swordfish");
    settle(&homes, &at);
    let mut held = holding(&homes[0], shared.path(), "swordfish");
    assert_eq!(held.len(), 1, "{held:?}");
    (shared, homes, at, secret, held.remove(0))
}

#[test]
fn a_copy_that_comes_after_the_purge_goes_too() {
    let (shared, homes, at, secret, path) = with_secret();
    let bytes = at.read(&path, u64::MAX).unwrap().unwrap();
    purge(&homes[1], secret);
    settle(&homes, &at);
    assert_eq!(holding(&homes[0], shared.path(), "swordfish"), Vec::<String>::new());
    // A carrier brings the file back, and makes a copy of it.
    let copy = path.replace(".jay", ".sync-conflict-20260102-030405-ABCDEFG.jay");
    for again in [&path, &copy] {
        at.create(again, &bytes).unwrap();
    }
    // What was only read is not known to be rid of it.
    let rid = || riddance(&homes[1].memory, &homes[1].archive, &config(), &[secret.1]).unwrap();
    assert_eq!(rid(), Riddance::Gone);
    sync(&homes[1].peer(), &at, &config(), Direction::Pull, &mut |_, _, _| ()).unwrap();
    assert_eq!(rid(), Riddance::ToBeLookedThrough);
    homes[1].sync(&at);
    assert_eq!(rid(), Riddance::Gone);
    let gone = "the file that took its place carries all of it, so that nobody has to wait for its owner";
    assert_eq!(holding(&homes[0], shared.path(), "swordfish"), Vec::<String>::new(), "{gone}");
    settle(&homes, &at);
    assert_eq!(holding(&homes[0], shared.path(), "swordfish"), Vec::<String>::new());
    for home in &homes {
        assert_eq!(pending(home), Vec::<String>::new());
    }
}

#[test]
fn a_file_that_was_away_during_the_purge_is_looked_through_once_it_is_back() {
    let (shared, homes, at, secret, path) = with_secret();
    // As the same file, with all that its listing tells, it goes and comes back.
    let (there, aside) = (shared.path().join(&path), shared.path().join("aside"));
    let go = |from: &Path, to: &Path| {
        std::fs::hard_link(from, to).unwrap();
        std::fs::remove_file(from).unwrap();
    };
    go(&there, &aside);
    purge(&homes[1], secret);
    homes[1].sync(&at);
    go(&aside, &there);
    assert_eq!(holding(&homes[0], shared.path(), "swordfish").len(), 1, "the test is of no use");
    homes[1].sync(&at);
    assert_eq!(holding(&homes[0], shared.path(), "swordfish"), Vec::<String>::new());
}

#[test]
fn half_of_a_copy_of_a_checkpoint_goes_too() {
    let (shared, mut homes) = vault(1);
    let at = folder(shared.path(), 7);
    homes[0].checkpoint_from_changes = 1;
    let secret = homes[0].remember("global", "the word is swordfish");
    settle(&homes, &at);
    let files = at.list("nodes/").unwrap();
    let checkpoint = &files.iter().find(|file| file.path.contains("/checkpoint.")).unwrap().path;
    let mut bytes = at.read(checkpoint, u64::MAX).unwrap().unwrap();
    bytes.truncate(bytes.len() / 2);
    let copy = checkpoint.replace(".jay", " (conflicted copy).jay");
    at.create(&copy, &bytes).unwrap();
    settle(&homes, &at);
    purge(&homes[1], secret);
    settle(&homes, &at);
    assert!(at.list("nodes/").unwrap().iter().all(|file| file.path != copy), "it holds what was purged");
}

#[test]
fn files_of_a_machine_that_is_gone_are_written_anew_by_others() {
    let (shared, homes) = vault(2);
    let at = folder(shared.path(), 7);
    // Whoever purged it and whoever edited it do not come back.
    edit_after_a_purge(&homes, &at);
    assert_eq!(holding(&homes[0], shared.path(), "swordfish").len(), 1, "its owner may come");
    for home in &homes {
        home.steps.clock.advance(8 * DAY);
    }
    homes[0].sync(&at);
    assert_eq!(holding(&homes[0], shared.path(), "swordfish"), Vec::<String>::new());
    settle(&homes, &at);
    assert_eq!(homes[1].texts(), Vec::<String>::new());
    assert_eq!(homes[1].dump(), homes[0].dump());
}

/// The entries of all that a machine wrote to a namespace.
fn entries_of(home: &Home, ns: NamespaceId) -> Vec<FrameEntry> {
    let read = home.memory.read::<_, Error>(|tx| {
        let mut all = Vec::new();
        for branch in
            tx.branches()?.iter().filter(|branch| (branch.stream.namespace, branch.stream.node) == (ns, home.id()))
        {
            all.extend(tx.branch_changes(branch, 0, 1_000)?.iter().map(Journalled::entry));
        }
        Ok(all)
    });
    read.unwrap()
}

/// Lays a segment below the name of a machine that nobody knows.
fn plant(home: &Home, at: &dyn Remote, ranges: Vec<Range>, entries: &[FrameEntry]) {
    let keys = VaultKeys::load(&home.memory).unwrap().unwrap();
    let of = (FileKind::Segment, NodeId([0; 16]));
    let content = segment::encode(entries).unwrap();
    let (path, file) =
        sealed_file(&keys, &keys.newest_given().unwrap(), of, ranges, &content, &mut Random::new(content.len() as u64));
    at.create(&path, &file).unwrap();
}

fn header_of(entry: &FrameEntry) -> Header {
    Header::decode(&entry.header).unwrap()
}

/// Text that no compression makes small, so that the file is not read whole for its header.
fn noise() -> String {
    let mut random = Random::new(8);
    (0..150_000).map(|_| char::from(b'#' + random.below(57) as u8)).collect()
}

#[test]
fn what_a_stranger_made_of_the_changes_of_a_member_is_not_written_anew_as_a_member_s_word() {
    let (shared, homes) = vault(1);
    let at = folder(shared.path(), 7);
    let secret = homes[0].remember("global", &format!("the word is swordfish {}", noise()));
    let stays = homes[0].remember("global", "stays");
    settle(&homes, &at);
    let real = entries_of(&homes[0], secret.0);
    let place_of = |entity| real.iter().position(|entry| header_of(entry).entity == entity).unwrap();
    let (purged, other) = (place_of(secret.1), place_of(stays.1));
    // Whoever has a key says that it carries what is here, and puts words of its own into the mouth of a member.
    let mut forged = real.clone();
    forged[other].body.clone_from(&real[purged].body);
    // Or it has all as it was signed, without a body that is not purged.
    let mut bare = real.clone();
    bare[other].body = None;
    for entries in [&forged, &bare] {
        plant(&homes[0], &at, segment::ranges_of(&real).unwrap(), entries);
    }
    settle(&homes, &at);
    assert_eq!(holding(&homes[0], shared.path(), "swordfish").len(), 3);
    purge(&homes[0], secret);
    settle(&homes, &at);
    assert_eq!(holding(&homes[0], shared.path(), "swordfish"), Vec::<String>::new());
    assert_eq!(pending(&homes[0]), Vec::<String>::new());
    let (keys, record) = (homes[0].vault().0, RemoteState::load(&homes[0].memory, "home").unwrap());
    for (path, _) in record.files.iter().filter(|(_, file)| file.is_intact && !file.ranges.is_empty()) {
        let (_, content) = seal::open(&at.read(path, u64::MAX).unwrap().unwrap(), &|id| keys.key(id)).unwrap();
        for entry in segment::decode(&content).unwrap().iter().filter(|entry| header_of(entry).entity == stays.1) {
            let header = header_of(entry);
            assert_eq!(entry.stored_body(&header).map(|body| body.hash()), Some(header.body_hash), "{path}");
        }
    }
    assert_eq!((homes[0].texts().as_slice(), homes[0].dump()), (["stays".to_owned()].as_slice(), homes[1].dump()));
}

#[test]
fn numbers_as_large_as_they_can_be_are_written_anew_as_they_are() {
    let (shared, homes) = vault(1);
    let at = folder(shared.path(), 7);
    let secret = homes[0].remember("global", "the word is swordfish");
    settle(&homes, &at);
    let mut entries = entries_of(&homes[0], secret.0);
    entries.retain(|entry| header_of(entry).entity == secret.1);
    entries.push(entries[0].clone());
    for entry in &mut entries {
        entry.header = Header { seq: u64::MAX, index: u16::MAX, count: 0, ..header_of(entry) }.encode().to_vec();
    }
    plant(&homes[0], &at, segment::ranges_of(&entries).unwrap(), &entries);
    assert_eq!(holding(&homes[0], shared.path(), "swordfish").len(), 2);
    purge(&homes[0], secret);
    settle(&homes, &at);
    assert_eq!(holding(&homes[0], shared.path(), "swordfish"), Vec::<String>::new());
}

#[test]
fn of_a_file_whose_key_is_unknown_no_more_than_the_front_is_read_with_each_sync() {
    let (shared, homes) = vault(0);
    let at = folder(shared.path(), 7);
    let secret = homes[0].remember("global", &format!("the word is swordfish {}", noise()));
    homes[0].sync(&at);
    let entries = entries_of(&homes[0], secret.0);
    let (keys, of) = (homes[0].vault().0, (FileKind::Segment, NodeId([0; 16])));
    let ranges = segment::ranges_of(&entries).unwrap();
    let content = segment::encode(&entries).unwrap();
    let unknown = FileKey::new(9, [7; 32]);
    let (path, file) = sealed_file(&keys, &unknown, of, ranges, &content, &mut Random::new(1));
    at.create(&path, &file).unwrap();
    purge(&homes[0], secret);
    settle(&homes, &at);
    let read = homes[0].sync(&at).bytes_read;
    assert!(file.len() > 100_000 && read < 20_000, "{read} of {} bytes", file.len());
}

#[test]
fn many_small_files_become_few_and_nobody_reads_them_twice() {
    let (shared, mut homes) = vault(1);
    let at = folder(shared.path(), 7);
    let mut written = 0;
    for n in 0..200 {
        homes[0].remember("global", &format!("note {n}"));
        written += homes[0].sync(&at).bytes_written;
        if n % 10 == 0 {
            homes[1].sync(&at);
        }
    }
    settle(&homes, &at);
    let own = format!("nodes/{}/", homes[0].id());
    let files = at.list(&own).unwrap();
    assert!(files.len() < 40, "{} files", files.len());
    let one_each: u64 = 200 * 2_000;
    assert!(written < one_each, "{written} bytes for 200 notes");
    // A new machine reads what is there, once.
    let code = homes[0].invite(&at);
    let newcomer = Home::new(55);
    newcomer.join(&at, &code);
    let first = newcomer.sync(&at);
    let there: u64 = at.list("nodes/").unwrap().iter().map(|file| file.bytes).sum();
    assert!(first.bytes_read <= there + 4096, "{} of {there} bytes", first.bytes_read);
    assert_eq!(newcomer.texts().len(), 200);
    homes.push(newcomer);
    settle(&homes, &at);
    assert_eq!(homes[2].dump(), homes[0].dump());
}

#[test]
fn a_joined_file_stays_while_somebody_has_not_told_of_having_it() {
    let (shared, homes) = vault(1);
    let at = folder(shared.path(), 7);
    for n in 0..40 {
        homes[0].remember("global", &format!("note {n}"));
        homes[0].sync(&at);
    }
    let own = format!("nodes/{}/", homes[0].id());
    let with_old = at.list(&own).unwrap().len();
    assert!(with_old > 32, "{with_old}");
    homes[1].sync(&at);
    homes[0].sync(&at);
    assert!(at.list(&own).unwrap().len() < 20, "they went once the other had told");
    homes[1].sync(&at);
    assert_eq!(homes[1].texts().len(), 40);
}

#[test]
fn what_is_shared_no_longer_keeps_no_small_files_from_being_joined() {
    let (shared, homes) = vault(0);
    let at = folder(shared.path(), 7);
    homes[0].remember("work/acme", "shared for a while");
    homes[0].sync(&at);
    let chosen = RemoteConfig { namespaces: vec!["global".to_owned()], ..config() };
    for n in 0..40 {
        homes[0].remember("global", &format!("note {n}"));
        homes[0].try_sync(&at, &chosen).unwrap();
    }
    let files = at.list("nodes/").unwrap().len();
    assert!(files < 25, "{files} files");
}

#[test]
fn an_act_as_large_as_one_may_be_finds_room_in_a_segment() {
    let (shared, homes) = vault(1);
    let at = folder(shared.path(), 7);
    let mut random = Random::new(5);
    // Of 57 characters in no order, of which compression leaves three quarters.
    let mut noise = |bytes: u64| -> String { (0..bytes).map(|_| char::from(b'#' + random.below(57) as u8)).collect() };
    homes[0].remember("global", &noise(5_600_000));
    homes[0].act(|w| {
        let ns = w.namespace(&path("global"))?.0;
        for text in (0..4_000).map(|n| format!("note {n}")).chain((0..3).map(|_| noise(5_500_000))) {
            w.draft(Draft::new(ns, EntityKind::Memory, w.new_id(), Op::Create, saying(&text)));
        }
        Ok(())
    });
    settle(&homes, &at);
    assert_eq!(homes[1].dump(), homes[0].dump());
    // Large ones are as they are to be: nobody joins them again.
    let record = RemoteState::load(&homes[0].memory, "home").unwrap();
    let large: Vec<bool> = record.files.values().filter(|file| file.bytes > 1 << 20).map(|file| file.is_full).collect();
    assert_eq!(large, [true, true]);
}
