//! A sync that is killed, or that the remote fails, at any of its steps: the next one brings it to its end, and nothing is there
//! twice or not at all.

mod copies;
mod founding;
mod replacing;

use crate::carrier::Carrier;
use crate::support::{Death, burn};
use crate::world::{Home, ann, config};
use jay_testkit::counts;
use jay_transfer::remote::{Created, Moved, Remote, RemoteFile};
use jay_transfer::sync::setup::{self, Proof};
use jay_transfer::vault::code::InviteCode;
use jay_transfer::vault::keys::VaultKeys;
use jay_transfer::vault::members;
use jay_transfer::vault::roster::Roster;
use jay_types::{Code, Error, Result};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How the n-th call to the remote ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The process dies before it.
    Killed,
    /// The process dies where it asks for the time or for randomness the n-th time: before an act, before a file of its own.
    KilledAtHome,
    /// It fails and has done nothing.
    Refused,
    /// It was done, and its answer is lost.
    Unanswered,
}

const ENDS: [End; 4] = [End::Killed, End::KilledAtHome, End::Unanswered, End::Refused];

/// A remote of which one call ends badly.
struct Failing<'a> {
    inner: &'a dyn Remote,
    /// Calls until then.
    left: AtomicUsize,
    end: End,
}

impl Failing<'_> {
    fn call<T>(&self, call: impl FnOnce() -> Result<T>) -> Result<T> {
        if self.end == End::Killed {
            burn(&self.left);
        }
        if matches!(self.end, End::Killed | End::KilledAtHome) {
            return call();
        }
        // At 1 it is this one's turn; at 0 it is over, and all goes well.
        let left = self.left.load(Ordering::Relaxed);
        self.left.store(left.saturating_sub(1), Ordering::Relaxed);
        let lost = || Error::new(Code::Unreachable, "the network is down");
        match (left, self.end) {
            (1, End::Refused) => Err(lost()),
            (1, End::Unanswered) => call().and_then(|_| Err(lost())),
            _ => call(),
        }
    }
}

impl Remote for Failing<'_> {
    fn address(&self) -> &str {
        self.inner.address()
    }
    fn list(&self, prefix: &str) -> Result<Vec<RemoteFile>> {
        self.call(|| self.inner.list(prefix))
    }
    fn read(&self, path: &str, max_bytes: u64) -> Result<Option<Vec<u8>>> {
        self.call(|| self.inner.read(path, max_bytes))
    }
    fn download(&self, path: &str, into: &mut dyn Write, moved: &mut Moved<'_>) -> Result<bool> {
        self.call(|| self.inner.download(path, into, moved))
    }
    fn create(&self, path: &str, bytes: &[u8]) -> Result<Created> {
        self.call(|| self.inner.create(path, bytes))
    }
    fn upload(&self, path: &str, from: &Path, moved: &mut Moved<'_>) -> Result<Created> {
        self.call(|| self.inner.upload(path, from, moved))
    }
    fn replace(&self, path: &str, bytes: &[u8]) -> Result<()> {
        self.call(|| self.inner.replace(path, bytes))
    }
    fn delete(&self, path: &str) -> Result<()> {
        self.call(|| self.inner.delete(path))
    }
}

/// Machines that look at one folder: the first made the vault, the second belongs to it, the third is nobody yet.
struct Room {
    homes: Vec<Home>,
    folder: Carrier,
    /// What is remembered, in order.
    said: Vec<String>,
    code: Option<InviteCode>,
}

impl Room {
    fn new() -> Self {
        let folder = Carrier::new(1, 1, false);
        let homes: Vec<Home> = (1..4).map(Home::new).collect();
        homes[0].begin(&folder.seat(0, &homes[0]));
        let code = homes[0].invite(&folder.seat(0, &homes[0]));
        homes[1].join(&folder.seat(0, &homes[1]), &code);
        let mut room = Self { homes, folder, said: Vec::new(), code: None };
        for (at, what) in [(0, "a first word"), (1, "b second word"), (2, "c third word")] {
            room.say(at, what);
        }
        room.settle(&[0, 1]);
        room
    }

    fn say(&mut self, at: usize, what: &str) {
        self.homes[at].remember("global", what);
        self.said.push(what.to_owned());
        self.said.sort_unstable();
    }

    /// This room as it is now, to go on from it more than once.
    fn again(&self, seed: u64) -> Self {
        let home = |(at, home): (u64, &Home)| home.clone_undetected(seed * 10 + at);
        let homes = (0..).zip(&self.homes).map(home).collect();
        Self { homes, folder: self.folder.again(), said: self.said.clone(), code: self.code.clone() }
    }

    fn settle(&self, who: &[usize]) {
        for _ in 0..12 {
            let mut news = 0;
            for at in who {
                let synced = self.homes[*at].sync(&self.folder.seat(0, &self.homes[*at]));
                news += synced.pushed + synced.pulled + synced.files_written;
            }
            if news == 0 {
                return;
            }
        }
        panic!("they never come to an end");
    }

    /// Everybody is in, and all hold the same.
    fn compare(&self, what: &str) {
        let members = |home: &Home| {
            let keys = VaultKeys::load(&home.memory).unwrap().unwrap();
            let roster = home.memory.read(|tx| Roster::read(tx, &keys)).unwrap();
            let journal = home.memory.read::<_, Error>(|tx| Ok(tx.verify_journal(&mut |_| ())?)).unwrap();
            assert_eq!(journal, Vec::<String>::new(), "{what}");
            (roster.active().map(|(node, _)| node).collect::<Vec<_>>(), roster.key)
        };
        for home in &self.homes {
            assert_eq!(home.texts(), self.said, "{what}");
            assert_eq!(home.dump(), self.homes[0].dump(), "{what}");
            assert_eq!(members(home), members(&self.homes[0]), "{what}");
            let synced = home.sync(&self.folder.seat(0, home));
            assert_eq!((synced.files_written, synced.pulled), (0, 0), "{what}");
            assert_eq!(synced.files, [], "{what}");
        }
        assert_eq!(members(&self.homes[0]).0.len(), self.homes.len(), "{what}");
    }

    /// The third comes in, if it has not.
    fn bring_in_the_third(&self) {
        if VaultKeys::load(&self.homes[2].memory).unwrap().is_some() {
            return;
        }
        let code = self.homes[0].invite(&self.folder.seat(0, &self.homes[0]));
        self.homes[2].join(&self.folder.seat(0, &self.homes[2]), &code);
    }
}

/// Lets `act` of a machine end badly at the n-th step. False where it came to its end before.
fn end_badly(
    home: &Home,
    folder: &dyn Remote,
    (end, step): (End, usize),
    act: impl Fn(&dyn Remote) -> Result<()>,
) -> bool {
    let failing = Failing { inner: folder, left: AtomicUsize::new(step), end };
    let fuse = if end == End::KilledAtHome { &home.steps.fuse } else { &failing.left };
    fuse.store(step, Ordering::Relaxed);
    let done = catch_unwind(AssertUnwindSafe(|| act(&failing)));
    let is_over = fuse.swap(0, Ordering::Relaxed) > 0;
    match done {
        Err(panic) => assert!(panic.is::<Death>(), "step {step}: it panics by itself"),
        Ok(done) => assert!(!is_over || done.is_ok(), "step {step}: nothing ends badly, and it fails: {done:?}"),
    }
    !is_over
}

/// The ways to end and the steps at which to try each: in a long run all of them.
fn ends() -> Vec<(End, usize)> {
    let is_long = counts().is_long();
    let stride = |end| if end == End::KilledAtHome && !is_long { 3 } else { 1 };
    ENDS.into_iter().filter(|end| is_long || *end != End::Refused).map(|end| (end, stride(end))).collect()
}

/// Does `act` on machine `who` of a copy of `room` and lets the n-th step of it end badly, for every n until it needs no more steps;
/// then everybody syncs.
fn at_every_step(name: &str, room: &Room, who: usize, act: impl Fn(&Home, &Room, &dyn Remote) -> Result<()>) {
    at_every_step_and(name, room, who, act, &|_, _| ());
}

/// The same; then `holds` is asked too.
fn at_every_step_and(
    name: &str,
    room: &Room,
    who: usize,
    act: impl Fn(&Home, &Room, &dyn Remote) -> Result<()>,
    holds: &dyn Fn(&Room, &str),
) {
    for (end, stride) in ends() {
        for step in (1..).step_by(stride) {
            let what = format!("{name}, {end:?} at step {step}");
            let mut room = room.again(end as u64 * 1_000 + step as u64);
            let (home, seat) = (&room.homes[who], room.folder.seat(0, &room.homes[who]));
            if !end_badly(home, &seat, (end, step), |remote| act(home, &room, remote)) {
                assert!(step > 3, "{name} has hardly a step");
                break;
            }
            room.homes[who] = room.homes[who].next_process();
            room.settle(&[0, 1]);
            room.bring_in_the_third();
            room.settle(&[2, 0, 1]);
            room.compare(&what);
            holds(&room, &what);
        }
    }
}

fn sync(home: &Home, remote: &dyn Remote) -> Result<()> {
    home.try_sync(remote, &config()).map(|_| ())
}

#[test]
fn a_push_and_a_pull() {
    let mut room = Room::new();
    room.say(1, "d from the other");
    room.homes[1].sync(&room.folder.seat(0, &room.homes[1]));
    room.say(0, "e from the founder");
    at_every_step("sync", &room, 0, |home, _, remote| sync(home, remote));
}

#[test]
fn a_vault_that_is_made() {
    let folder = Carrier::new(2, 1, false);
    let homes: Vec<Home> = (1..4).map(Home::new).collect();
    let mut room = Room { homes, folder, said: Vec::new(), code: None };
    room.say(0, "a word from before");
    let begin =
        |home: &Home, remote: &dyn Remote| setup::begin(&home.peer(), remote, &config(), &mut |_, _, _| ()).map(|_| ());
    for (end, stride) in ends() {
        for step in (1..).step_by(stride) {
            let what = format!("founding, {end:?} at step {step}");
            let mut room = room.again(end as u64 * 1_000 + step as u64);
            let (home, seat) = (&room.homes[0], room.folder.seat(0, &room.homes[0]));
            if !end_badly(home, &seat, (end, step), |remote| begin(home, remote)) {
                break;
            }
            room.homes[0] = room.homes[0].next_process();
            begin(&room.homes[0], &room.folder.seat(0, &room.homes[0])).unwrap();
            for at in [1, 2] {
                let code = room.homes[0].invite(&room.folder.seat(0, &room.homes[0]));
                room.homes[at].join(&room.folder.seat(0, &room.homes[at]), &code);
            }
            room.settle(&[1, 2, 0]);
            room.compare(&what);
        }
    }
}

#[test]
fn an_invitation() {
    // With news, so that it writes more than the invitation.
    let mut room = Room::new();
    room.say(0, "d from the founder");
    at_every_step("invite", &room, 0, |home, _, remote| {
        setup::invite(&home.peer(), remote, &config(), &mut |_, _, _| ()).map(|_| ())
    });
}

#[test]
fn joining_and_asking() {
    let mut room = Room::new();
    room.code = Some(room.homes[0].invite(&room.folder.seat(0, &room.homes[0])));
    at_every_step("join", &room, 2, |home, room, remote| {
        setup::join(&home.peer(), remote, &Proof::Code(room.code.clone().unwrap()))?;
        sync(home, remote)
    });
}

#[test]
fn letting_somebody_in() {
    let mut room = Room::new();
    let code = room.homes[0].invite(&room.folder.seat(0, &room.homes[0]));
    room.homes[2].join(&room.folder.seat(0, &room.homes[2]), &code);
    room.homes[2].sync(&room.folder.seat(0, &room.homes[2]));
    room.say(0, "d for the third");
    at_every_step("letting in", &room, 0, |home, _, remote| sync(home, remote));
}

#[test]
fn a_rotation() {
    let mut room = Room::new();
    room.say(1, "d before it");
    at_every_step("rotation", &room, 1, |home, _, remote| {
        let mut keys = VaultKeys::load(&home.memory)?.unwrap();
        let roster = home.memory.read(|tx| Roster::read(tx, &keys))?;
        members::rotate(&home.memory, &ann(), &mut keys, &roster, home.steps.as_ref())?;
        sync(home, remote)
    });
}

#[test]
fn a_copy_that_becomes_a_node() {
    let mut room = Room::new();
    let copy = room.homes[1].copy(77);
    room.homes.push(copy);
    room.say(1, "d by the original");
    room.homes[1].sync(&room.folder.seat(0, &room.homes[1]));
    room.say(3, "e by the copy");
    for (end, stride) in ends() {
        for step in (1..).step_by(stride) {
            let mut room = room.again(end as u64 * 1_000 + step as u64);
            let (home, seat) = (&room.homes[3], room.folder.seat(0, &room.homes[3]));
            if !end_badly(home, &seat, (end, step), |remote| sync(home, remote)) {
                break;
            }
            room.homes[3] = room.homes[3].next_process();
            room.settle(&[3, 0, 1]);
            room.bring_in_the_third();
            room.settle(&[2, 0, 1, 3]);
            room.compare(&format!("a copy, {end:?} at step {step}"));
        }
    }
}
