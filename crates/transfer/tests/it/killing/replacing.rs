//! The same where files take the place of others: a purge, small files that are joined, checkpoints.

use super::*;
use crate::searching::{Looked, look_into, needle};
use jay_transfer::format::clear::{Clear, FileKind};
use jay_types::change::{Body, Op};
use jay_types::time::DAY;
use jay_types::{EntityId, NamespaceId};

/// So few changes that one is made in a small room.
const CHECKPOINT_FROM_CHANGES: u64 = 20;

impl Room {
    /// The files in which a needle is, or may be.
    fn holding(&self, number: u32) -> Vec<String> {
        let keys = VaultKeys::load(&self.homes[0].memory).unwrap().unwrap();
        let holds = |bytes: &[u8]| match look_into(bytes, &|id| keys.key(id)) {
            Looked::Found(needles) => needles.contains(&number),
            Looked::MayHold(_) => true,
        };
        self.folder.files(0).into_iter().filter(|(_, bytes)| holds(bytes)).map(|(path, _)| path).collect()
    }

    fn checkpoints(&self) -> Vec<String> {
        let is_one = |bytes: &[u8]| Clear::decode(bytes).is_ok_and(|(clear, ..)| clear.kind == FileKind::Checkpoint);
        self.folder.files(0).into_iter().filter(|(_, bytes)| is_one(bytes)).map(|(path, _)| path).collect()
    }

    /// Both have written, in files of each, what is purged then by the first.
    fn purged(by: usize, number: u32, is_shared: bool) -> Self {
        let mut room = Self::new();
        let secret: (NamespaceId, EntityId) = room.homes[by].remember("global", &needle(number));
        room.say(by, "d beside it");
        room.settle(&[0, 1]);
        room.homes[1 - by].edit(secret, &format!("no longer {}", needle(number)));
        room.settle(&[0, 1]);
        assert_eq!(room.holding(number).len(), 2);
        room.homes[0].write(secret.0, secret.1, Op::Purge, Body::default());
        if is_shared {
            room.homes[0].sync(&room.folder.seat(0, &room.homes[0]));
        }
        room
    }

    fn say_much(&mut self, at: usize) {
        for n in 0..12 {
            self.say(at, &format!("note {n}"));
        }
    }

    fn with_checkpoints(mut self) -> Self {
        for home in &mut self.homes {
            home.checkpoint_from_changes = CHECKPOINT_FROM_CHANGES;
        }
        self
    }
}

#[test]
fn a_purge_by_who_said_it() {
    let room = Room::purged(0, 1, false);
    at_every_step_and("purge", &room, 0, |home, _, remote| sync(home, remote), &|room, what| {
        assert_eq!(room.holding(1), Vec::<String>::new(), "{what}");
    });
}

#[test]
fn a_purge_that_another_hears_of() {
    let room = Room::purged(1, 2, true);
    at_every_step_and("purge heard of", &room, 1, |home, _, remote| sync(home, remote), &|room, what| {
        assert_eq!(room.holding(2), Vec::<String>::new(), "{what}");
    });
}

#[test]
fn small_files_that_become_one() {
    let mut room = Room::new();
    for n in 0..40 {
        room.say(0, &format!("note {n}"));
        if n < 31 {
            room.homes[0].sync(&room.folder.seat(0, &room.homes[0]));
        }
    }
    let own = format!("nodes/{}/", room.homes[0].id());
    let own_files = |room: &Room| room.folder.files(0).keys().filter(|path| path.starts_with(&own)).count();
    let before = own_files(&room);
    assert!(before > 31, "{before}");
    let is_joined = |room: &Room, what: &str| assert!(own_files(room) < before / 2, "{what}: {}", own_files(room));
    at_every_step_and("joining", &room, 0, |home, _, remote| sync(home, remote), &is_joined);
    // Once the other has told, the small ones go.
    room.homes[0].sync(&room.folder.seat(0, &room.homes[0]));
    room.homes[1].sync(&room.folder.seat(0, &room.homes[1]));
    at_every_step_and("removing", &room, 0, |home, _, remote| sync(home, remote), &is_joined);
}

fn filled() -> Room {
    let mut room = Room::new();
    room.say_much(0);
    room.settle(&[0, 1]);
    room.say(0, "the last note");
    room
}

#[test]
fn a_checkpoint_that_is_made() {
    let room = filled().with_checkpoints();
    assert_eq!(room.checkpoints(), Vec::<String>::new());
    at_every_step_and("checkpoint", &room, 0, |home, _, remote| sync(home, remote), &|room, what| {
        assert_eq!(room.checkpoints().len(), 1, "{what}");
    });
}

#[test]
fn a_machine_that_begins_with_one() {
    let mut room = filled().with_checkpoints();
    room.settle(&[0, 1]);
    assert_eq!(room.checkpoints().len(), 1);
    // The third has said something in `Room::new`: another one has not.
    room.said.retain(|said| said != "c third word");
    room.homes[2] = Home::new(9);
    room.code = Some(room.homes[0].invite(&room.folder.seat(0, &room.homes[0])));
    at_every_step("beginning", &room, 2, |home, room, remote| {
        if VaultKeys::load(&home.memory)?.is_none() {
            setup::join(&home.peer(), remote, &Proof::Code(room.code.clone().unwrap()))?;
        }
        sync(home, remote)
    });
}

/// A room in which the second machine made a checkpoint, of which the first has purged something: the room, and the checkpoint.
fn with_purged_checkpoint() -> (Room, String) {
    let mut room = Room::new();
    let secret = room.homes[1].remember("global", &needle(3));
    room.say_much(1);
    room.homes[1].checkpoint_from_changes = CHECKPOINT_FROM_CHANGES;
    room.settle(&[0, 1]);
    room = room.with_checkpoints();
    let [made] = room.checkpoints().try_into().unwrap();
    assert!(made.contains(&room.homes[1].id().to_string()), "{made}");
    room.homes[0].write(secret.0, secret.1, Op::Purge, Body::default());
    assert!(room.holding(3).contains(&made));
    (room, made)
}

#[test]
fn a_checkpoint_of_who_is_gone_that_holds_what_is_purged() {
    let (room, _) = with_purged_checkpoint();
    room.homes[0].steps.clock.advance(8 * DAY);
    at_every_step_and("checkpoint of who is gone", &room, 0, |home, _, remote| sync(home, remote), &|room, what| {
        assert_eq!(room.holding(3), Vec::<String>::new(), "{what}");
        assert_eq!(room.checkpoints().len(), 1, "{what}");
    });
}

#[test]
fn a_checkpoint_that_holds_what_is_purged_goes_at_once_and_its_maker_makes_it_anew() {
    let (room, made) = with_purged_checkpoint();
    room.homes[0].sync(&room.folder.seat(0, &room.homes[0]));
    assert!(!room.holding(3).contains(&made));
    assert_eq!(room.checkpoints(), Vec::<String>::new(), "who is behind it makes none in its place");
    room.homes[1].sync(&room.folder.seat(0, &room.homes[1]));
    let [again] = room.checkpoints().try_into().unwrap();
    assert!(again.contains(&room.homes[1].id().to_string()) && again != made, "{again}");
    assert_eq!(room.holding(3), Vec::<String>::new());
}
