//! Namespaces that a machine did not choose: they cost nothing once they are known, and come when they are moved to where it looks.

use crate::foreign::{request_of, segment_file};
use crate::world::{Home, ann, config, folder, path};
use jay_store::{Draft, Journalled};
use jay_testkit::blocks::{block, session_id};
use jay_testkit::{Author, Foreign, Random};
use jay_transfer::remote::Remote;
use jay_transfer::sync::config::RemoteConfig;
use jay_transfer::vault::keys::VaultKeys;
use jay_transfer::vault::members;
use jay_transfer::vault::request::Grounds;
use jay_types::change::frame::FrameEntry;
use jay_types::change::registry::PATH;
use jay_types::change::{Body, EntityKind, Header, Op};
use jay_types::time::DAY;
use jay_types::{EntityId, Error, Hlc, NamespaceId, NodeId};
use serde_json::json;

fn only_work() -> RemoteConfig {
    RemoteConfig { namespaces: vec!["work".to_owned()], ..config() }
}

/// A machine that shares everything, and one that chose `work`.
fn two(at: &dyn Remote) -> (Home, Home) {
    let (all, some) = (Home::new(1), Home::new(2));
    all.begin(at);
    let code = all.invite(at);
    some.join(at, &code);
    settle(&all, &some, at);
    (all, some)
}

fn settle(all: &Home, some: &Home, at: &dyn Remote) {
    for _ in 0..8 {
        let (one, other) = (all.sync(at), some.try_sync(at, &only_work()).unwrap());
        if [one, other].iter().all(|synced| synced.pushed + synced.pulled + synced.files_written == 0) {
            return;
        }
    }
    panic!("they never come to an end");
}

fn rename(home: &Home, ns: NamespaceId, to: &str) {
    home.act(|w| {
        let body = Body::default().with(PATH, json!(path(to).as_str()));
        w.draft(Draft::new(ns, EntityKind::Namespace, EntityId(ns.0), Op::Update, body));
        Ok(())
    });
}

#[test]
fn what_is_left_out_is_read_once_and_waited_for_by_nobody() {
    let shared = tempfile::tempdir().unwrap();
    let at = folder(shared.path(), 7);
    let (all, some) = two(&at);
    for n in 0..20 {
        all.remember("home", &format!("note {n} of the house"));
    }
    all.remember("work", "the basin is deep");
    settle(&all, &some, &at);
    assert_eq!(some.texts(), ["the basin is deep"]);
    let again = some.try_sync(&at, &only_work()).unwrap();
    assert_eq!(again.files, [], "nothing waits");
    assert_eq!((again.bytes_read, again.bytes_written), (0, 0));
    // Nor where the record was lost, but that it has to be made anew.
    some.lose_record();
    settle(&all, &some, &at);
    let again = some.try_sync(&at, &only_work()).unwrap();
    assert_eq!((again.files, again.bytes_read, again.bytes_written), (Vec::new(), 0, 0));
}

#[test]
fn a_machine_without_the_archive_passes_over_it_alone() {
    let shared = tempfile::tempdir().unwrap();
    let at = folder(shared.path(), 7);
    let (all, some) = two(&at);
    let no_archive = RemoteConfig { archive: false, ..config() };
    let (ns, _) = all.remember("work/acme", "the basin is deep");
    let block = block("session-one", "/a", 0, 0, &["hello"]);
    let archived = all.archive.write::<_, Error>(&ann(), |w| {
        w.draft(Draft::block(ns, session_id("session-one"), block.to_json()));
        Ok(())
    });
    archived.unwrap();
    // One file carries both.
    all.sync(&at);
    for _ in 0..2 {
        some.try_sync(&at, &no_archive).unwrap();
        all.sync(&at);
    }
    assert_eq!(some.texts(), ["the basin is deep"]);
    let again = some.try_sync(&at, &no_archive).unwrap();
    assert_eq!((again.files, again.bytes_read), (Vec::new(), 0));
    assert!(!some.archive.exists());
}

#[test]
fn what_is_renamed_to_where_a_machine_looks_comes_whole() {
    let shared = tempfile::tempdir().unwrap();
    let at = folder(shared.path(), 7);
    let (all, some) = two(&at);
    let (ns, _) = all.remember("home", "the cellar is wet");
    settle(&all, &some, &at);
    all.remember("home", "the roof is new");
    settle(&all, &some, &at);
    assert_eq!(some.texts(), Vec::<String>::new());
    rename(&all, ns, "work/home");
    settle(&all, &some, &at);
    assert_eq!(some.texts(), ["the cellar is wet", "the roof is new"]);
    let again = some.try_sync(&at, &only_work()).unwrap();
    assert_eq!((again.files, again.bytes_read), (Vec::new(), 0));
}

#[test]
fn what_is_renamed_away_goes_on_where_both_look() {
    let shared = tempfile::tempdir().unwrap();
    let at = folder(shared.path(), 7);
    let (all, some) = two(&at);
    let (ns, _) = all.remember("work/shed", "the rake is old");
    settle(&all, &some, &at);
    rename(&all, ns, "home/shed");
    settle(&all, &some, &at);
    all.remember("home/shed", "the spade is new");
    settle(&all, &some, &at);
    assert_eq!(some.texts(), ["the rake is old"], "it is not chosen any more; what was here stays");
    rename(&all, ns, "work/shed");
    settle(&all, &some, &at);
    assert_eq!(some.texts(), ["the rake is old", "the spade is new"]);
    assert_eq!(some.dump(), all.dump());
}

/// A file of changes below a node's name, written by somebody who has the keys.
fn plant(by: &Home, at: &dyn Remote, node: NodeId, entries: &[FrameEntry]) {
    let keys = VaultKeys::load(&by.memory).unwrap().unwrap();
    let key = keys.keys().max_by_key(|key| key.id).unwrap();
    let (path, file) = segment_file(&keys, &key, node, entries, &mut Random::new(u64::from(node.0[0])));
    at.create(&path, &file).unwrap();
}

fn admit(by: &Home, author: &Author) {
    let vault = VaultKeys::load(&by.memory).unwrap().unwrap().vault;
    members::admit(&by.memory, &ann(), vault, &request_of(author), &Grounds::Keys).unwrap();
}

fn renames(ns: NamespaceId, to: &str) -> [Foreign; 1] {
    let body = Body::default().with(PATH, json!(to));
    [Foreign::new(EntityKind::Namespace, EntityId(ns.0), Op::Update, &body)]
}

/// What the founder says of a namespace, with another path and a clock that nothing is later than; signed as before, or not at all.
fn forged(by: &Home, ns: NamespaceId, is_signed: bool) -> Vec<FrameEntry> {
    let changes = by.memory.read::<_, Error>(|tx| {
        let branch = tx.branches()?.into_iter().find(|branch| branch.stream.namespace == ns).unwrap();
        Ok(tx.branch_changes(&branch, 0, 100)?)
    });
    let mut entry =
        changes.unwrap().iter().map(Journalled::entry).find(|entry| {
            Header::decode(&entry.header).is_ok_and(|header| header.kind == EntityKind::Namespace.number())
        });
    let entry = entry.as_mut().unwrap();
    let mut header = Header::decode(&entry.header).unwrap();
    (header.seq, header.hlc, header.count, header.index) = (1, Hlc(u64::MAX), 1, 0);
    let other = Author::new(9).part(ns, &renames(ns, "private/z")).pop().unwrap();
    header.body_hash = Header::decode(&other.header).unwrap().body_hash;
    let signature = is_signed.then_some([3; 64]);
    vec![FrameEntry { header: header.encode().to_vec(), body: other.body, signature }]
}

#[test]
fn a_path_that_its_author_did_not_sign_is_not_learned() {
    for is_signed in [false, true] {
        let shared = tempfile::tempdir().unwrap();
        let at = folder(shared.path(), 7);
        let (all, some) = two(&at);
        let (ns, _) = all.remember("work", "the basin is deep");
        all.sync(&at);
        plant(&all, &at, NodeId([0; 16]), &forged(&all, ns, is_signed));
        some.try_sync(&at, &config()).unwrap();
        assert_eq!(some.texts(), ["the basin is deep"], "signed: {is_signed}");
    }
}

#[test]
fn a_path_with_a_clock_that_is_not_believed_is_not_learned() {
    let shared = tempfile::tempdir().unwrap();
    let at = folder(shared.path(), 7);
    let (all, some) = two(&at);
    let mut author = Author::new(77);
    admit(&all, &author);
    all.sync(&at);
    let (ns, _) = all.remember("work", "the basin is deep");
    author.hlc = u64::MAX / 2;
    plant(&all, &at, author.node_id(), &author.part(ns, &renames(ns, "private/z")));
    some.sync(&at);
    all.sync(&at);
    some.sync(&at);
    assert_eq!(some.texts(), ["the basin is deep"]);
}

#[test]
fn a_path_given_by_who_is_let_in_later_counts_from_then_on() {
    let shared = tempfile::tempdir().unwrap();
    let at = folder(shared.path(), 7);
    let (all, some) = two(&at);
    let (ns, _) = all.remember("home", "the cellar is wet");
    settle(&all, &some, &at);
    let mut author = Author::new(78);
    author.hlc += DAY as u64;
    plant(&all, &at, author.node_id(), &author.part(ns, &renames(ns, "work/home")));
    settle(&all, &some, &at);
    assert_eq!(some.texts(), Vec::<String>::new());
    let again = some.try_sync(&at, &only_work()).unwrap();
    assert!(again.files.iter().all(|file| file.why.contains("no member")) && again.files.len() == 1, "{again:#?}");
    assert_eq!(again.bytes_read, 0);
    admit(&all, &author);
    settle(&all, &some, &at);
    assert_eq!(some.texts(), ["the cellar is wet"]);
    assert_eq!(some.dump(), all.dump());
}
