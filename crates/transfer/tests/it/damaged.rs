//! Files that are damaged after everybody has read them, for the one who comes later; and records that are lost.

use crate::foreign::segment_file;
use crate::world::{Home, folder, settle, vault};
use jay_testkit::{Random, write};
use jay_transfer::format::clear::{Clear, FileKind, Range};
use jay_transfer::format::{seal, segment};
use jay_transfer::remote::Remote as _;
use jay_transfer::sync::state::RemoteState;
use jay_transfer::vault::keys::VaultKeys;
use jay_types::{Hash, NodeId};
use std::path::Path;

/// The one segment of `home`'s in which memories of a namespace are.
fn segments_of(home: &Home, at: &Path) -> Vec<String> {
    let own = format!("nodes/{}/", home.id());
    let at = folder(at, 99);
    let listed = at.list("nodes/").unwrap();
    let is_segment = |path: &String| {
        let bytes = at.read(path, u64::MAX).unwrap().unwrap();
        Clear::decode(&bytes).is_ok_and(|(clear, ..)| clear.kind == FileKind::Segment)
    };
    listed.into_iter().map(|file| file.path).filter(|path| path.starts_with(&own)).filter(is_segment).collect()
}

/// Turns one bit near the end of a file over.
fn damage(at: &Path, path: &str) {
    let file = at.join(path);
    let mut bytes = std::fs::read(&file).unwrap();
    let place = bytes.len() - 5;
    bytes[place] ^= 1;
    write(&file, &bytes);
}

fn newcomer(by: &Home, seed: u64, shared: &Path) -> Home {
    let (home, at) = (Home::new(seed), folder(shared, seed));
    home.join(&at, &by.invite(&at));
    home.sync(&at);
    by.sync(&at);
    home.sync(&at);
    home
}

#[test]
fn an_owner_writes_anew_what_was_damaged_after_it_was_read() {
    let (shared, homes) = vault(1);
    let at = folder(shared.path(), 7);
    homes[0].remember("global", "the basin is deep");
    settle(&homes, &at);
    let before = segments_of(&homes[0], shared.path());
    before.iter().for_each(|path| damage(shared.path(), path));
    let synced = homes[0].sync(&at);
    assert_eq!(
        synced.notes.iter().filter(|note| note.contains("is written anew")).count(),
        before.len(),
        "{synced:#?}"
    );
    let after = segments_of(&homes[0], shared.path());
    assert!(!after.is_empty() && after.iter().all(|path| !before.contains(path)), "{after:?}");
    let synced = homes[0].sync(&at);
    assert_eq!((synced.pushed, synced.files_written), (0, 0), "{synced:#?}");
    assert_eq!(newcomer(&homes[1], 50, shared.path()).texts(), ["the basin is deep"]);
}

#[test]
fn what_was_damaged_of_an_owner_who_is_away_is_published_by_another() {
    let (shared, homes) = vault(1);
    let at = folder(shared.path(), 7);
    homes[0].remember("global", "the basin is deep");
    // A large one, of which only the header is read usually.
    let words: String = (0..40_000).map(|number: u32| format!("{:x} ", number.wrapping_mul(2_654_435_761))).collect();
    homes[0].remember("global", &words);
    settle(&homes, &at);
    let damaged = segments_of(&homes[0], shared.path());
    damaged.iter().for_each(|path| damage(shared.path(), path));
    let synced = homes[1].sync(&at);
    assert_eq!(synced.files.iter().filter(|file| file.is_quarantined).count(), damaged.len(), "{synced:#?}");
    let late = newcomer(&homes[1], 50, shared.path());
    assert_eq!(late.texts().len(), 2);
    // When the owner is back, everything is in order again.
    let everybody: Vec<Home> = homes.into_iter().chain([late]).collect();
    settle(&everybody, &at);
    for home in &everybody {
        let synced = home.sync(&at);
        assert!(synced.files.is_empty() && synced.bytes_written == 0, "{synced:#?}");
    }
}

#[test]
fn a_machine_that_lost_its_record_is_no_earlier_one() {
    let (shared, homes) = vault(1);
    let at = folder(shared.path(), 7);
    for text in ["one", "two", "three"] {
        homes[0].remember("global", text);
        homes[0].sync(&at);
        homes[1].sync(&at);
    }
    // One of a version that did not look into files is as good as lost.
    let record = homes[0].memory.state("remote-home.json").unwrap().unwrap();
    let old = String::from_utf8(record).unwrap().replace(r#""is_intact":true"#, r#""is_small":true"#);
    homes[0].memory.put_state("remote-home.json", old.as_bytes()).unwrap();
    assert_eq!(RemoteState::load(&homes[0].memory, "home").unwrap(), RemoteState::default());
    homes[0].remember("global", "four");
    homes[0].sync(&at);
    let synced = homes[1].sync(&at);
    assert!(!synced.notes.iter().any(|note| note.contains("rolled_back")), "{synced:#?}");
    assert_eq!(synced.pulled, 1);
}

/// What a carrier does to a clear header before it puts noise behind it.
type Change = fn(&mut Clear);

/// In place of each file noise with the same header, under the name that its hash makes.
fn replace_by_noise(at: &Path, paths: &[String], change: Change) {
    let folder = folder(at, 99);
    for path in paths {
        let right = std::fs::read(at.join(path)).unwrap();
        let (mut clear, size, _) = Clear::decode(&right).unwrap();
        change(&mut clear);
        let mut noise = clear.encode((right.len() - size) as u64);
        noise.extend(right[size..].iter().map(|byte| byte ^ 0x55));
        folder.delete(path).unwrap();
        folder.create(&format!("nodes/{}/{}", clear.node, clear.name(&seal::hash_of(&noise))), &noise).unwrap();
    }
}

#[test]
fn what_a_carrier_makes_up_carries_nothing() {
    let changes: [(&str, Change); 3] = [
        ("the same header", |_| ()),
        ("a range that waits", |clear| {
            let stream = jay_types::change::header::StreamId { node: NodeId([5; 16]), ..clear.ranges[0].stream };
            clear.ranges.push(Range { stream, from: 9, to: 9, hash: Hash([5; 32]) });
        }),
        ("another key", |clear| clear.key.id = [5; 8]),
    ];
    for (what, change) in changes {
        let (shared, homes) = vault(1);
        let at = folder(shared.path(), 7);
        homes[0].remember("global", "the basin is deep");
        // A large one, of which only the header is read usually.
        let words: String =
            (0..40_000).map(|number: u32| format!("{:x} ", number.wrapping_mul(2_654_435_761))).collect();
        homes[0].remember("global", &words);
        settle(&homes, &at);
        replace_by_noise(shared.path(), &segments_of(&homes[0], shared.path()), change);
        homes[1].sync(&at);
        // A carrier may bring back what is missing, for a day.
        homes[1].steps.clock.advance(2 * jay_types::time::DAY);
        homes[1].sync(&at);
        homes[1].sync(&at);
        let state = RemoteState::load(&homes[1].memory, "home").unwrap();
        assert_eq!(state.lacks_key_since, None, "{what}: no member's head shows a key that is not here");
        let late = newcomer(&homes[1], 50, shared.path());
        assert_eq!(late.texts().len(), 2, "{what}: {:#?}", late.sync(&at).files);
        for home in [&homes[1], &late, &homes[1], &late] {
            home.sync(&at);
        }
        let again = homes[1].sync(&at);
        assert_eq!(again.files_written, 0, "{what}: {again:#?}");
    }
}

#[test]
fn what_somebody_with_a_key_makes_up_carries_nothing() {
    let (shared, homes) = vault(1);
    let at = folder(shared.path(), 7);
    homes[0].remember("global", "the basin is deep");
    settle(&homes, &at);
    let keys = VaultKeys::load(&homes[1].memory).unwrap().unwrap();
    for path in segments_of(&homes[0], shared.path()) {
        let bytes = at.read(&path, u64::MAX).unwrap().unwrap();
        let (clear, content) = seal::open(&bytes, &|id| keys.key(id)).unwrap();
        let mut entries = segment::decode(&content).unwrap();
        // The same headers, and nothing that anybody signed.
        entries.iter_mut().filter_map(|entry| entry.signature.as_mut()).for_each(|signature| signature[0] ^= 1);
        let key = keys.key(clear.key).unwrap();
        let (name, forged) = segment_file(&keys, &key, clear.node, &entries, &mut Random::new(4));
        at.delete(&path).unwrap();
        at.create(&name, &forged).unwrap();
    }
    homes[1].sync(&at);
    homes[1].steps.clock.advance(2 * jay_types::time::DAY);
    homes[1].sync(&at);
    homes[1].sync(&at);
    assert_eq!(newcomer(&homes[1], 50, shared.path()).texts(), ["the basin is deep"]);
}

#[test]
fn a_head_that_a_carrier_makes_up_is_written_anew() {
    let (shared, homes) = vault(1);
    let at = folder(shared.path(), 7);
    homes[0].remember("global", "the basin is deep");
    settle(&homes, &at);
    let file = shared.path().join(format!("nodes/{}/head", homes[0].id()));
    let right = std::fs::read(&file).unwrap();
    let (mut clear, size, _) = Clear::decode(&right).unwrap();
    clear.key.id = [5; 8];
    let mut noise = clear.encode((right.len() - size) as u64 + 1);
    noise.extend(right[size..].iter().chain(&[0]).map(|byte| byte ^ 0x55));
    write(&file, &noise);
    let is_shut_out = |home: &Home| {
        home.sync(&at);
        RemoteState::load(&home.memory, "home").unwrap().lacks_key_since.is_some()
    };
    assert!(is_shut_out(&homes[1]));
    let synced = homes[0].sync(&at);
    assert!(synced.notes.iter().any(|note| note.contains("is written anew")), "{synced:#?}");
    assert!(!is_shut_out(&homes[1]));
    settle(&homes, &at);
    assert_eq!(homes[0].sync(&at).bytes_read, 0);
}
