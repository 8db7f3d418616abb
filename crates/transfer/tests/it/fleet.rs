//! Machines of one vault with a carrier between their folders: what happens to them from one moment to the next.
//!
//! **Invariant:** what a machine has acknowledged is known here (`promised`), so that in the end it can be asked for
//! everywhere. What only ever was on a disk that was put back is not promised.

mod coming_and_going;
mod machine;
mod needles;
mod twins;

pub(crate) use machine::{Machine, Standing};

use crate::carrier::{Carrier, Seat};
use crate::foreign::{request_of, segment_file};
use crate::world::{Home, ann, config};
use jay_store::{Branch, Store};
use jay_testkit::Author;
use jay_testkit::Random;
use jay_transfer::remote::Remote;
use jay_transfer::sync::config::RemoteConfig;
use jay_transfer::sync::report::SyncedRemote;
use jay_transfer::sync::setup::{self, Proof};
use jay_transfer::sync::state::RemoteState;
use jay_transfer::sync::{Direction, sync};
use jay_transfer::vault::keys::VaultKeys;
use jay_transfer::vault::members;
use jay_transfer::vault::request::{Grounds, REQUEST_MAX_BYTES};
use jay_types::change::Header;
use jay_types::change::frame::FrameEntry;
use jay_types::change::header::StreamId;
use jay_types::time::{DAY, SECOND};
use jay_types::{Code, Error, Hash, NamespaceId, NodeId, Result};
use std::collections::{BTreeMap, BTreeSet};

/// A vault of a test has few changes, and checkpoints all the same.
const CHECKPOINT_FROM_CHANGES: u64 = 30;

/// Names one change.
pub(crate) type Change = (StreamId, u64, Hash);

/// All of them.
pub(crate) struct Fleet {
    pub(crate) seed: u64,
    pub(crate) random: Random,
    pub(crate) machines: Vec<Machine>,
    pub(crate) carrier: Carrier,
    /// Acknowledged by a machine that is left, or taken in by one before its author was removed.
    pub(crate) promised: BTreeSet<Change>,
    /// Written by a machine that was removed, and nowhere else then.
    pub(crate) unpromised: BTreeSet<Change>,
    /// Every namespace that was ever made.
    pub(crate) namespaces: BTreeSet<NamespaceId>,
    /// A member whose program is newer than this one.
    pub(crate) newer: Option<Author>,
    /// How many texts that are unlike any other were made.
    pub(crate) said: u32,
    /// Which change says which of them.
    pub(crate) needles: BTreeMap<u32, needles::Needle>,
    /// What happened, for the one who reads a failure.
    pub(crate) story: Vec<String>,
    pub(crate) config: RemoteConfig,
}

/// A change as it stands in a store, with its body.
fn entry_of(store: &Store, header: &Header) -> Option<FrameEntry> {
    let read = store.read::<_, Error>(|tx| {
        let has = |branch: &&Branch| {
            let begins = branch.parent.map_or(0, |(_, seq)| seq);
            branch.stream == header.stream() && (begins + 1..=branch.head_seq).contains(&header.seq)
        };
        for branch in tx.branches()?.iter().filter(has) {
            let change = tx.branch_changes(branch, header.seq - 1, 1)?.into_iter().next();
            if let Some(change) = change.filter(|change| change.header == *header) {
                return Ok(Some(change.entry()));
            }
        }
        Ok(None)
    });
    read.unwrap()
}

impl Fleet {
    /// Two machines in a vault, three that will join it.
    pub(crate) fn new(seed: u64) -> Self {
        let carrier = Carrier::new(seed, 5, seed % 10 == 9);
        let home = |n| {
            let mut home = Home::new(seed * 100 + n);
            home.checkpoint_from_changes = CHECKPOINT_FROM_CHANGES;
            home
        };
        let machine = |n| Machine::new(home(n), n as usize, Standing::Outside);
        let machines: Vec<Machine> = (0..5).map(machine).collect();
        let mut fleet = Self {
            seed,
            random: Random::new(seed),
            machines,
            carrier,
            promised: BTreeSet::new(),
            unpromised: BTreeSet::new(),
            namespaces: BTreeSet::new(),
            newer: None,
            said: 0,
            needles: BTreeMap::new(),
            story: Vec::new(),
            config: config(),
        };
        fleet.machines[0].home.begin(&fleet.seat(0));
        fleet.machines[0].standing = Standing::Joined;
        fleet.invite(0, 1);
        fleet.carrier.deliver_all();
        fleet.join(1);
        fleet
    }

    pub(crate) fn seat(&self, at: usize) -> Seat<'_> {
        self.carrier.seat(self.machines[at].view, &self.machines[at].home)
    }

    pub(crate) fn tell(&mut self, what: String) {
        self.story.push(what);
    }

    /// Looks at what a machine has written since it was last looked at.
    pub(crate) fn note(&mut self, at: usize) {
        let mut texts = Vec::new();
        let machine = &mut self.machines[at];
        let mine = machine.nodes();
        for journal in [0, 1] {
            let store = [&machine.home.memory, &machine.home.archive][journal];
            if !store.exists() {
                continue;
            }
            let feed = store.read::<_, Error>(|tx| Ok(tx.feed(machine.looked[journal], u32::MAX)?)).unwrap();
            let own: Vec<_> = feed.iter().filter(|(_, header)| mine.contains(&header.node)).collect();
            let entries: Vec<FrameEntry> = own.iter().filter_map(|(_, header)| entry_of(store, header)).collect();
            texts.extend(entries);
            for (pos, header) in feed {
                machine.looked[journal] = pos;
                self.namespaces.insert(header.namespace);
                let change = (header.stream(), header.seq, header.hash());
                if !mine.contains(&header.node) || self.promised.contains(&change) {
                    continue;
                }
                if machine.is_left() {
                    self.promised.insert(change);
                    machine.unpushed.push(change);
                } else if !self.promised.contains(&change) {
                    self.unpromised.insert(change);
                }
            }
        }
        self.note_texts(&texts);
    }

    pub(crate) fn fail(&self, why: &str) -> ! {
        panic!(
            "seed {}: {why}\n{}\nTo see it again: JAY_TEST_SEED={} cargo nextest run -p jay-transfer converging",
            self.seed,
            self.story.join("\n"),
            self.seed
        );
    }

    pub(crate) fn demand(&self, holds: bool, why: impl FnOnce() -> String) {
        if !holds {
            self.fail(&why());
        }
    }

    /// A machine syncs, whatever comes of it.
    pub(crate) fn sync(&mut self, at: usize, direction: Direction) -> Result<SyncedRemote> {
        self.machines[at].home.steps.clock.advance(SECOND);
        let (home, seat) = (&self.machines[at].home, self.seat(at));
        let synced = sync(&home.peer(), &seat, &self.config, direction, &mut |_, _, _| ());
        self.note(at);
        match &synced {
            Ok(_) if direction == Direction::Both => self.machines[at].unpushed.clear(),
            Ok(_) => {}
            // The key of a new epoch may be on its way still; the one who was removed never gets it.
            Err(error) if error.code == Code::Busy => {}
            Err(error) => panic!("seed {}: machine {at} cannot sync: {error:?}\n{}", self.seed, self.story.join("\n")),
        }
        synced
    }

    pub(crate) fn invite(&mut self, by: usize, whom: usize) {
        let (home, seat) = (&self.machines[by].home, self.seat(by));
        let invited = setup::invite(&home.peer(), &seat, &self.config, &mut |_, _, _| ());
        self.note(by);
        if let Ok((code, _)) = invited {
            self.machines[whom].standing = Standing::Invited(code);
        }
    }

    /// A machine that was invited tries its code.
    pub(crate) fn join(&mut self, at: usize) -> bool {
        let Standing::Invited(code) = &self.machines[at].standing else { return false };
        let (home, seat) = (&self.machines[at].home, self.seat(at));
        let joined = setup::join(&home.peer(), &seat, &Proof::Code(code.clone())).is_ok();
        if joined {
            self.machines[at].standing = Standing::Joined;
            self.put_clock_wrong(at);
        }
        joined
    }

    /// One thing happens somewhere.
    pub(crate) fn step(&mut self) {
        let at = self.random.index(self.machines.len());
        self.machines[at].home.steps.clock.advance(self.random.below(20_000_000) as i64);
        match self.random.below(100) {
            0..46 => self.write(at),
            46..72 => self.sync_if_online(at),
            72..75 => self.come_and_go(at),
            75..78 => self.change_clock(at),
            78..80 => self.copy(at),
            80..85 => self.save_or_put_back(at),
            85..87 => self.machines[at].home.lose_record(),
            87..90 => self.speak_newer(at),
            _ => self.let_in(at),
        }
        let steps = self.random.below(12);
        self.carrier.carry(steps);
    }

    fn sync_if_online(&mut self, at: usize) {
        if matches!(self.machines[at].standing, Standing::Outside) {
            let (home, seat) = (&self.machines[at].home, self.seat(at));
            let refused = home.try_sync(&seat, &self.config).unwrap_err();
            assert_eq!(refused.code, Code::Refused, "whoever does not belong to the vault is told so");
            return;
        }
        if self.machines[at].offline > 0 {
            self.machines[at].offline -= 1;
            return;
        }
        if matches!(self.machines[at].standing, Standing::Invited(_)) && !self.join(at) {
            return;
        }
        let direction = match self.random.below(10) {
            0 => Direction::Pull,
            1 => Direction::Push,
            2 => Direction::Roster,
            _ => Direction::Both,
        };
        let synced = self.sync(at, direction).map(|synced| (synced.pushed, synced.pulled));
        self.tell(format!("{at} syncs {direction:?}: {synced:?}"));
    }

    /// Three of the machines are away most of the time.
    fn come_and_go(&mut self, at: usize) {
        self.machines[at].offline = if at < 2 { 0 } else { 3 + self.random.below(12) };
    }

    /// From when it has joined the clock of each machine is off by days of its own; before that it would let a code expire.
    fn put_clock_wrong(&mut self, at: usize) {
        let days = [0, 0, 1, -365, 30].get(at).copied().unwrap_or(0);
        if days != 0 && !std::mem::replace(&mut self.machines[at].is_clock_wrong, true) {
            self.machines[at].home.steps.clock.advance(days * DAY);
            self.tell(format!("the clock of {at} is off by {days} days"));
        }
    }

    fn change_clock(&mut self, at: usize) {
        // Who has a code must not let it expire.
        if matches!(self.machines[at].standing, Standing::Outside | Standing::Invited(_)) {
            return;
        }
        let days = [1, -365, 30, -1, 365][self.random.index(5)];
        self.machines[at].home.steps.clock.advance(days * DAY);
        self.tell(format!("the clock of {at} jumps by {days} days"));
    }

    /// `cp -r` of a data directory, or a clone of the whole machine: both write on.
    fn copy(&mut self, at: usize) {
        if self.machines.len() > 6 || !matches!(self.machines[at].standing, Standing::Joined) {
            return;
        }
        let seed = self.random.next_u64();
        let is_noticed = self.random.chance(50);
        let of = &self.machines[at];
        let home = if is_noticed { of.home.copy(seed) } else { of.home.clone_undetected(seed) };
        let mut copy = Machine::new(home, self.carrier.copy_view(of.view), Standing::Joined);
        copy.looked = of.looked;
        copy.is_doubled = true;
        self.machines[at].is_doubled = true;
        self.machines.push(copy);
        self.tell(format!("{} is a copy of {at}, noticed: {is_noticed}", self.machines.len() - 1));
    }

    fn save_or_put_back(&mut self, at: usize) {
        if !matches!(self.machines[at].standing, Standing::Joined) {
            return;
        }
        let Some(saved) = self.machines[at].saved.take() else {
            let saved = self.machines[at].home.save();
            self.tell(format!("{at} is saved"));
            return self.machines[at].saved = Some(saved);
        };
        if self.random.chance(50) {
            let _ = self.sync(at, Direction::Both);
        }
        let is_noticed = self.random.chance(50);
        let seed = self.random.next_u64();
        let machine = &mut self.machines[at];
        machine.home = machine.home.put_back(saved, seed, is_noticed);
        machine.looked = [0, 0];
        let lost: Vec<Change> = std::mem::take(&mut machine.unpushed);
        for change in lost {
            if self.machines.iter().any(|machine| machine.has(change)) {
                self.machines[at].unpushed.push(change);
            } else {
                self.promised.remove(&change);
            }
        }
        self.tell(format!("{at} is put back, noticed: {is_noticed}"));
    }

    /// Somebody who belongs to it invites, lets in who asks, or takes one out.
    fn let_in(&mut self, by: usize) {
        if !matches!(self.machines[by].standing, Standing::Joined) || !self.machines[by].is_member() {
            return;
        }
        let outside = (0..self.machines.len()).find(|at| matches!(self.machines[*at].standing, Standing::Outside));
        if let Some(whom) = outside.filter(|_| self.random.chance(80)) {
            self.invite(by, whom);
            return self.tell(format!("{by} invites {whom}"));
        }
        if self.random.chance(30) {
            return self.remove(by);
        }
        self.answer(by);
    }

    /// The namespaces whose path a machine knows, without the vault's own.
    pub(crate) fn any_namespace(&mut self, at: usize) -> Option<NamespaceId> {
        let store = &self.machines[at].home.memory;
        let known = store.exists().then(|| store.read::<_, Error>(|tx| Ok(tx.all_names()?)).unwrap())?;
        self.random.pick(&known.into_keys().collect::<Vec<_>>()).copied()
    }

    /// Where each namespace's root stands on a machine, by journal; none where the namespace is not there.
    pub(crate) fn roots(&self, at: usize) -> BTreeMap<(usize, NamespaceId), Option<Hash>> {
        let mut roots = BTreeMap::new();
        for (journal, store) in self.machines[at].stores().into_iter().enumerate() {
            for ns in &self.namespaces {
                let root = store.exists().then(|| {
                    store
                        .read::<_, Error>(|tx| Ok(tx.namespace_num(*ns)?.map(|num| tx.root_of(num)).transpose()?))
                        .unwrap()
                });
                roots.insert((journal, *ns), root.flatten());
            }
        }
        roots
    }
}
