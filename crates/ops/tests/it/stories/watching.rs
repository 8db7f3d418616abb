//! What the watch of session files takes in, and when; what the platform tells is told by hand here.

use super::sessions::said;
use super::*;
use jay_core::Call;
use jay_core::sessions::{Synced, Turn, Watch, WatchRequest};
use jay_store::Attempt;
use std::time::Duration;

struct Watched<'a> {
    world: &'a World,
    watch: Watch,
}

impl<'a> Watched<'a> {
    fn new(world: &'a World, clients: &[&str], path: Option<PathBuf>) -> Self {
        let clients = clients.iter().map(|client| (*client).to_owned()).collect();
        let mut watch = Watch::new(&world.engine, &WatchRequest { clients, path }).unwrap();
        for place in watch.unwatched() {
            watch.watched(&place, true);
        }
        Self { world, watch }
    }

    fn turn(&mut self) -> Turn {
        let now = self.world.steps.clock.now();
        let call = Call { engine: &self.world.engine, caller: &self.world.me, now, idempotency: None };
        self.watch.turn(&call).unwrap()
    }

    /// All that is due, as the door has it done.
    fn turns(&mut self) -> Vec<Synced> {
        let mut taken = Vec::new();
        while self.watch.wait(self.world.steps.clock.now()).is_zero() {
            if let Turn::Taken(synced) = self.turn() {
                taken.push(synced);
            }
        }
        taken
    }

    /// The messages that turns take in after `ms`.
    fn after(&mut self, ms: u64) -> u64 {
        self.world.steps.clock.advance(i64::try_from(ms * 1000).unwrap());
        self.turns().iter().map(|synced| synced.messages_inserted).sum()
    }

    fn changed(&mut self, path: &Path) {
        self.watch.changed(path, self.world.steps.clock.now());
    }
}

fn row(session: &str, n: usize) -> String {
    format!("{}\n", said(session, &format!("m{n}"), "user", "2026-05-01T10:00:00Z", &format!("word {n}")))
}

/// A directory with `talk.jsonl` and `other.jsonl`, a message in each.
fn two_talks(world: &World) -> PathBuf {
    world.home.write("talks/talk.jsonl", row("talk", 1));
    world.home.write("talks/other.jsonl", row("other", 1));
    world.home.work_dir().join("talks")
}

#[test]
fn only_what_was_told_of_is_looked_at_and_the_rest_is_found_later() {
    let world = World::new();
    let talks = two_talks(&world);
    let mut watched = Watched::new(&world, &["generic"], Some(talks.clone()));
    assert_eq!(watched.after(0), 2, "it begins with all that is there");
    assert_eq!(watched.after(5000), 0);
    world.home.write("talks/talk.jsonl", row("talk", 1) + &row("talk", 2));
    world.home.write("talks/other.jsonl", row("other", 1) + &row("other", 2));
    watched.changed(&talks.join("talk.jsonl"));
    assert_eq!(watched.after(100), 0, "more may come");
    assert_eq!(watched.after(100), 1);
    // Of the other one no event told.
    assert_eq!(watched.after(60_000), 0);
    assert_eq!(watched.after(300_000), 1);
    let shown = world.ok("session_show", json!({"session": "talk"}));
    assert_eq!(shown["messages"].as_array().unwrap().len(), 2);
    assert_eq!(world.ok("status", json!({}))["last_session_sync"]["messages_inserted"], 1);
}

#[test]
fn a_new_file_is_found_and_one_that_is_no_session_is_not() {
    let world = World::new();
    let talks = two_talks(&world);
    let mut watched = Watched::new(&world, &["generic"], Some(talks.clone()));
    watched.turns();
    world.home.write("talks/deep/new.jsonl", row("new", 1) + &row("new", 2));
    world.home.write("talks/notes.txt", row("notes", 1));
    watched.changed(&talks.join("deep/new.jsonl"));
    watched.changed(&talks.join("notes.txt"));
    assert_eq!(watched.after(1000), 2);
    assert_eq!(world.ok("session_list", json!({}))["sessions"].as_array().unwrap().len(), 3);
}

#[test]
fn what_sqlite_writes_beside_a_database_is_a_change_of_it() {
    let world = World::new();
    let data = world.home.work_dir().join(".local/share/opencode");
    jay_testkit::foreign::lay_out(&fixtures().join("opencode/1.2"), &data);
    let mut watched = Watched::new(&world, &["opencode"], None);
    assert!(watched.after(0) > 0);
    let sql = r#"INSERT INTO message VALUES('msg_06', 'ses_8f01', 5, 5, '{"role":"user","time":{"created":1772442070000}}');
                 INSERT INTO part VALUES('prt_061', 'msg_06', 'ses_8f01', 5, 5, '{"type":"text","text":"Thanks."}')"#;
    jay_testkit::foreign::database(&data.join("opencode.db"), sql);
    // Its readers' file changes by being read, so it tells of nothing: a look would follow from each look.
    watched.changed(&data.join("opencode.db-shm"));
    assert_eq!(watched.after(2000), 0);
    watched.changed(&data.join("opencode.db-wal"));
    watched.world.steps.clock.advance(300_000);
    let taken = watched.turns();
    let [synced] = taken.as_slice() else { panic!("{taken:?}") };
    // Its sessions that did not change are not read again.
    assert_eq!((synced.messages_inserted, synced.sources.len(), synced.fresh), (1, 1, 0), "{synced:?}");
}

#[test]
fn another_sync_is_not_waited_for_and_nothing_is_lost_to_it() {
    let world = World::new();
    let mut watched = Watched::new(&world, &["generic"], Some(two_talks(&world)));
    let Attempt::Taken(held) = stores_of(&world).1.exclusive("sync-archive").unwrap() else {
        panic!("nobody holds it")
    };
    let Turn::Busy(who) = watched.turn() else { panic!("the lock is held") };
    assert!(who.contains(&std::process::id().to_string()), "{who}");
    // It does not ask without end.
    assert!(!watched.watch.wait(world.steps.clock.now()).is_zero());
    assert!(matches!(watched.turn(), Turn::Nothing));
    drop(held);
    assert_eq!(watched.after(500), 2);
    // Nobody else is kept out once it is done.
    assert!(matches!(stores_of(&world).1.exclusive("sync-archive").unwrap(), Attempt::Taken(_)));
}

#[test]
fn what_is_gone_is_no_failure_and_is_taken_in_when_it_is_back() {
    let world = World::new();
    let talks = two_talks(&world);
    let talk = talks.join("talk.jsonl");
    let mut watched = Watched::new(&world, &["generic"], Some(talks));
    assert_eq!(watched.after(0), 2);
    std::fs::remove_file(&talk).unwrap();
    watched.changed(&talk);
    watched.world.steps.clock.advance(1_000_000);
    assert!(watched.turns().is_empty());
    world.home.write("talks/talk.jsonl", row("talk", 1) + &row("talk", 2));
    watched.changed(&talk);
    assert_eq!(watched.after(1000), 1);
}

#[test]
fn what_cannot_be_read_is_told_once() {
    let world = World::new();
    let data = world.home.work_dir().join(".local/share/opencode");
    let database = data.join("opencode.db");
    jay_testkit::write(&database, "this is no database ".repeat(500));
    let mut watched = Watched::new(&world, &["opencode"], None);
    let taken = watched.turns();
    let [synced] = taken.as_slice() else { panic!("{taken:?}") };
    assert_eq!(synced.outcome, "error");
    assert!(synced.error.is_some() && synced.sources.len() == 1, "{synced:?}");
    assert_eq!(world.ok("status", json!({}))["last_session_sync"]["outcome"], "error");
    watched.changed(&database);
    watched.world.steps.clock.advance(600_000_000);
    assert!(watched.turns().is_empty(), "it is as it was");
    std::fs::remove_file(&database).unwrap();
    jay_testkit::foreign::lay_out(&fixtures().join("opencode/1.2"), &data);
    watched.changed(&database);
    assert!(watched.after(1000) > 0);
}

#[test]
fn what_is_not_told_of_is_looked_at_each_second() {
    let world = World::new();
    let talks = two_talks(&world);
    let request = WatchRequest { clients: vec!["generic".to_owned()], path: Some(talks) };
    let mut watch = Watch::new(&world.engine, &request).unwrap();
    let places = watch.unwatched();
    assert_eq!(places.len(), 1);
    watch.watched(&places[0], false);
    assert_eq!(watch.unwatched(), []);
    let mut watched = Watched { world: &world, watch };
    assert_eq!(watched.after(0), 2);
    world.home.write("talks/talk.jsonl", row("talk", 1) + &row("talk", 2));
    assert_eq!(watched.after(500), 0);
    assert_eq!(watched.after(500), 1);
    assert!(watched.watch.wait(world.steps.clock.now()) <= Duration::from_secs(1));
}

#[test]
fn what_cannot_be_watched_is_refused() {
    let world = World::new();
    for (clients, path, expected) in [
        (&["nobody"][..], None, "no adapter reads sessions of `nobody`"),
        (&["generic"], None, "`path`: is required for generic, which keeps its sessions nowhere of its own"),
        (&[], Some("talks"), "`path` needs exactly one client"),
        (&["generic"], Some("/no/such/place"), "there is no session file or directory /no/such/place"),
    ] {
        let clients = clients.iter().map(|client| (*client).to_owned()).collect();
        let error = Watch::new(&world.engine, &WatchRequest { clients, path: path.map(PathBuf::from) }).unwrap_err();
        assert_eq!(error.message, expected);
        assert!(error.hint.is_some());
    }
}

/// A look that takes long (a database of gigabytes, a file that is written whole) is not made at every change.
#[test]
fn what_is_slow_to_look_at_is_looked_at_seldom_and_not_forgotten() {
    let world = World::new();
    let talks = two_talks(&world);
    let talk = talks.join("talk.jsonl");
    let mut watched = Watched::new(&world, &["generic"], Some(talks));
    assert_eq!(watched.after(0), 2);
    // Each look at the clock takes 100 ms from here on, and so does each look at a file.
    world.steps.passes.store(100_000, std::sync::atomic::Ordering::Relaxed);
    let add = |n: usize| {
        world.home.write("talks/talk.jsonl", (1..=n).map(|n| row("talk", n)).collect::<String>());
    };
    add(2);
    watched.changed(&talk);
    assert_eq!(watched.after(1000), 1);
    add(3);
    watched.changed(&talk);
    assert_eq!(watched.after(1000), 0, "it rests");
    assert_eq!(watched.after(5000), 1, "and no further event is needed");
}
