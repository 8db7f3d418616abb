//! Archived sessions travel by client: nothing of another client's leaves, whatever is written anew, and more can be chosen later.

use crate::searching::{Looked, look_into, needle};
use crate::world::{Home, ann, config, folder, vault};
use jay_store::Draft;
use jay_testkit::blocks::{block, session_id};
use jay_transfer::remote::Remote;
use jay_transfer::sync::config::RemoteConfig;
use jay_transfer::sync::status::status;
use jay_transfer::vault::keys::VaultKeys;
use jay_types::{Error, NamespaceId};
use std::collections::BTreeSet;
use std::path::Path;

/// What is said in sessions of the two clients.
const CODEX: u32 = 1;
const CLAUDE: u32 = 2;

fn only(clients: &[&str]) -> RemoteConfig {
    RemoteConfig { clients: clients.iter().map(|client| (*client).to_owned()).collect(), ..config() }
}

fn say(home: &Home, ns: NamespaceId, client: &str, session: &str, first: u64, number: u32) {
    let said = format!("{} in a {client} session at {first}", needle(number));
    let mut block = block(session, "/a", 0, first, &[&said]);
    block.source.client = client.to_owned();
    block.session.client = client.to_owned();
    let written = home.archive.write::<_, Error>(&ann(), |w| {
        w.draft(Draft::block(ns, session_id(session), block.to_json()));
        Ok(())
    });
    written.unwrap();
}

/// The sessions that a machine shows.
fn sessions(home: &Home) -> Vec<String> {
    if !home.archive.exists() {
        return Vec::new();
    }
    let rows = home.archive.read::<_, Error>(|tx| Ok(tx.sessions(&jay_store::SessionClause::default(), 100, None)?));
    let mut sessions: Vec<String> = rows.unwrap().into_iter().map(|row| row.session).collect();
    sessions.sort();
    sessions
}

/// The needles that whoever has the keys finds on the remote.
fn shared_needles(home: &Home, at: &Path) -> BTreeSet<u32> {
    let keys = VaultKeys::load(&home.memory).unwrap().unwrap();
    let mut found = BTreeSet::new();
    for file in jay_testkit::files_below(at).unwrap() {
        if let Looked::Found(needles) = look_into(&std::fs::read(file).unwrap(), &|id| keys.key(id)) {
            found.extend(needles);
        }
    }
    found
}

fn sync(home: &Home, at: &dyn Remote, config: &RemoteConfig) {
    home.try_sync(at, config).unwrap();
}

/// Both machines sync until nobody has anything to tell.
fn settle_with(homes: &[Home], at: &dyn Remote, configs: &[&RemoteConfig]) {
    for _ in 0..8 {
        let mut news = 0;
        for (home, config) in homes.iter().zip(configs) {
            let synced = home.try_sync(at, config).unwrap();
            news += synced.pushed + synced.pulled + synced.files_written;
        }
        if news == 0 {
            return;
        }
    }
    panic!("they never come to an end");
}

#[test]
fn what_another_client_said_does_not_leave_and_is_not_waited_for() {
    let (shared, homes) = vault(2);
    let at = folder(shared.path(), 7);
    let (ns, _) = homes[0].remember("work/acme", "a note");
    let (some, all) = (only(&["claude-code"]), config());
    for at in 0..4 {
        say(&homes[0], ns, "codex", "session-codex", at, CODEX);
        say(&homes[0], ns, "claude-code", "session-claude", at, CLAUDE);
        sync(&homes[0], &folder(shared.path(), 7), &some);
    }
    settle_with(&homes, &at, &[&some, &all, &all]);
    assert_eq!(shared_needles(&homes[0], shared.path()), BTreeSet::from([CLAUDE]));
    for home in &homes[1..] {
        assert_eq!(sessions(home), ["session-claude"]);
        let told = status(&home.memory, &home.archive, &[config()], home.steps.clock.now()).unwrap();
        assert_eq!(told.deferred, [], "what was never to come is no fault");
        let sharer = told.remotes[0].nodes.iter().find(|node| node.node == homes[0].id()).unwrap();
        assert_eq!(sharer.clients, ["claude-code"]);
        assert_eq!(sharer.deferred_there, Some(0));
    }
    // More is chosen later: everything of it comes, also what was said before.
    say(&homes[0], ns, "codex", "session-codex", 4, CODEX);
    let more = only(&["claude-code", "codex"]);
    settle_with(&homes, &at, &[&more, &all, &all]);
    assert_eq!(shared_needles(&homes[0], shared.path()), BTreeSet::from([CODEX, CLAUDE]));
    for home in &homes[1..] {
        assert_eq!(sessions(home), ["session-claude", "session-codex"]);
        assert_eq!(home.dump(), homes[0].dump());
    }
}

#[test]
fn a_machine_takes_in_the_clients_that_it_chose_and_more_when_it_chooses_more() {
    let (shared, homes) = vault(1);
    let at = folder(shared.path(), 7);
    let (ns, _) = homes[0].remember("work/acme", "a note");
    say(&homes[0], ns, "codex", "session-codex", 0, CODEX);
    say(&homes[0], ns, "claude-code", "session-claude", 0, CLAUDE);
    let (some, all) = (only(&["codex"]), config());
    settle_with(&homes, &at, &[&all, &some]);
    assert_eq!(sessions(&homes[1]), ["session-codex"]);
    assert!(crate::searching::needles_held(&homes[1].archive).iter().eq(&[CODEX]));
    // Nothing is asked for that is not wanted: the sharer has nothing to write once more.
    say(&homes[0], ns, "claude-code", "session-claude", 1, CLAUDE);
    settle_with(&homes, &at, &[&all, &some]);
    assert!(crate::searching::needles_held(&homes[1].archive).iter().eq(&[CODEX]));
    // As when the remote is removed and added once more with other words.
    homes[1].lose_record();
    settle_with(&homes, &at, &[&all, &all]);
    assert_eq!(sessions(&homes[1]), ["session-claude", "session-codex"]);
    assert_eq!(homes[1].dump(), homes[0].dump());
}

#[test]
fn a_relay_gives_away_no_more_than_it_chose() {
    let (shared, homes) = vault(2);
    let at = folder(shared.path(), 7);
    let (ns, _) = homes[1].remember("work/acme", "a note");
    say(&homes[1], ns, "codex", "session-codex", 0, CODEX);
    say(&homes[1], ns, "claude-code", "session-claude", 0, CLAUDE);
    let (some, all) = (only(&["claude-code"]), config());
    settle_with(&homes, &at, &[&some, &all, &some]);
    // A folder of its own, to which only one who chose writes.
    let second = tempfile::tempdir().unwrap();
    homes[0].lose_record();
    sync(&homes[0], &folder(second.path(), 8), &some);
    assert_eq!(shared_needles(&homes[0], second.path()), BTreeSet::from([CLAUDE]));
}
