//! Whatever happens to five machines of a vault and to the files between them: in the end all hold the same, and everything
//! that was ever acknowledged.

use crate::fleet::{Fleet, Machine, Standing};
use crate::world::saying;
use jay_store::{Draft, Store};
use jay_testkit::counts;
use jay_transfer::sync::Direction;
use jay_transfer::sync::report::SyncedRemote;
use jay_transfer::sync::state::RemoteState;
use jay_transfer::vault::keys::VaultKeys;
use jay_types::change::{EntityKind, Op};
use jay_types::time::DAY;
use jay_types::{Error, NamespaceId, NodeId};
use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Acts, syncs and accidents of one seed.
const STEPS: usize = 80;
/// In how many rounds of syncing everybody must have come to an end.
const ROUNDS_MAX: usize = 40;

impl Fleet {
    pub(crate) fn left(&self) -> Vec<usize> {
        (0..self.machines.len()).filter(|at| self.machines[*at].is_left()).collect()
    }

    /// Everything is carried, everybody syncs, until nobody has anything to tell.
    fn settle(&mut self) {
        self.settle_after(|fleet| fleet.purge_what_is_shared());
    }

    /// The same; `then` happens after the first round.
    fn settle_after(&mut self, then: impl Fn(&mut Self)) {
        for round in 0..ROUNDS_MAX {
            self.carrier.deliver_all();
            let mut news = 0;
            for at in 0..self.machines.len() {
                if matches!(self.machines[at].standing, Standing::Outside | Standing::Invited(_)) {
                    continue;
                }
                // The one who was removed may come too.
                let synced = match self.sync(at, Direction::Both) {
                    Ok(synced) => synced,
                    Err(error) if self.machines[at].is_left() => {
                        self.tell(format!("{at}: {error}"));
                        news += 1;
                        continue;
                    }
                    Err(_) => continue,
                };
                news += synced.pushed + synced.pulled + synced.files_written;
                self.tell(format!("{at} at the end: {synced:?}"));
                self.carrier.deliver_all();
            }
            self.admit_everybody(round);
            if round == 0 {
                then(self);
                news += 1;
            }
            if news == 0 && self.all_are_members() {
                return;
            }
        }
        self.fail("they never come to an end");
    }

    /// A node that nobody is any longer, since its machine was put back to before it, rids no file of what was purged: after seven days
    /// without a word of it others do.
    fn outlast_the_silent(&mut self) {
        let left = self.left();
        let pending = |at: &usize| RemoteState::load(&self.machines[*at].home.memory, "home").unwrap().unscrubbed;
        let pending: BTreeSet<String> = left.iter().flat_map(pending).collect();
        let living: BTreeSet<NodeId> = left.iter().flat_map(|at| self.machines[*at].nodes()).collect();
        let of_living = pending.iter().find(|path| living.iter().any(|node| path.contains(&node.to_string())));
        self.demand(of_living.is_none(), || format!("the owner of {of_living:?} does not rid it of what was purged"));
        if !pending.is_empty() {
            for at in left {
                self.machines[at].home.steps.clock.advance(8 * DAY);
            }
            self.settle();
        }
    }

    /// In the eyes of each of them.
    fn all_are_members(&self) -> bool {
        let nodes: Vec<NodeId> = self.left().iter().map(|at| self.machines[*at].home.id()).collect();
        self.left().iter().all(|at| {
            let is_in = VaultKeys::load(&self.machines[*at].home.memory).unwrap().is_some();
            is_in && nodes.iter().all(|node| self.machines[*at].vault().1.is_member(*node))
        })
    }

    /// Those who are not members yet are let in by a person, or get a code if nobody can read what they asked.
    fn admit_everybody(&mut self, round: usize) {
        let left = self.left();
        // Where all are copies of members that are gone, they let themselves in when they sync next.
        let Some(member) = left.iter().copied().find(|at| self.machines[*at].is_member()) else { return };
        for at in left.iter().copied().filter(|at| self.machines[*at].is_member()).collect::<Vec<_>>() {
            self.answer(at);
        }
        self.admit_newer(member);
        self.take_out_again(member);
        for at in left {
            // Or it is one for itself or for the others only: who invited it was put back or taken out before it let it in.
            let roster = self.machines[member].vault().1;
            let is_member = self.machines[at].is_member() && roster.is_member(self.machines[at].home.id());
            let waits_in_vain = round % 5 == 3 && !is_member;
            if matches!(self.machines[at].standing, Standing::Outside | Standing::Invited(_)) || waits_in_vain {
                // A code counts for a day, on the clocks of both.
                let now = self.machines[member].home.steps.clock.now();
                let clock = &self.machines[at].home.steps.clock;
                clock.advance(now.0 - clock.now().0);
                self.invite(member, at);
                self.carrier.deliver_all();
                // The key of a new epoch may not have come to who invites: then in a later round.
                self.join(at);
            }
        }
    }

    /// Where the one who took somebody out was put back and knows no more of it.
    fn take_out_again(&mut self, by: usize) {
        let Some(out) = (0..self.machines.len()).find(|at| !self.machines[*at].is_left()) else { return };
        let roster = self.machines[by].vault().1;
        if self.machines[out].nodes().iter().any(|node| roster.is_member(*node)) {
            self.take_out(by, out);
        }
    }

    fn dump(&self, at: usize) -> [Vec<String>; 2] {
        self.machines[at].stores().map(|store| {
            if store.exists() { store.read::<_, Error>(|tx| Ok(tx.canonical_dump()?)).unwrap() } else { Vec::new() }
        })
    }

    /// Every machine that is left holds the same, in order, and all that was promised.
    fn compare(&self) {
        let left = self.left();
        let first = left[0];
        let (dump, roots) = (self.dump(first), self.roots(first));
        for at in &left {
            let found = self.dump(*at);
            for journal in [0, 1] {
                let (one, other) = (&dump[journal], &found[journal]);
                let gone: Vec<_> = one.iter().filter(|line| !other.contains(line)).take(4).collect();
                let new: Vec<_> = other.iter().filter(|line| !one.contains(line)).take(4).collect();
                self.demand(one == other, || {
                    format!("rows of journal {journal} on {first} and {at}: only there {gone:#?}, only here {new:#?}")
                });
            }
            self.demand(roots == self.roots(*at), || format!("roots of {first} and {at} differ"));
            // What stands where nobody has a path for it goes nowhere: its creation was on a disk that was put back.
            let paths: BTreeSet<_> = self.paths(*at);
            for change in self.promised.iter().filter(|(stream, ..)| paths.contains(&stream.namespace)) {
                self.demand(self.machines[*at].has(*change), || format!("{at} lacks {change:?}"));
            }
            self.check_health(*at);
        }
        for change in &self.unpromised {
            let here = left.iter().filter(|at| self.machines[**at].has(*change)).count();
            self.demand(here == 0 || here == left.len(), || format!("{change:?} is on {here} of {}", left.len()));
        }
    }

    /// The namespaces that have a path somewhere, and the vault's own.
    fn paths(&self, at: usize) -> BTreeSet<NamespaceId> {
        let known = self.machines[at].home.memory.read::<_, Error>(|tx| Ok(tx.all_names()?)).unwrap();
        known.into_keys().chain([self.machines[at].vault().0.vault]).collect()
    }

    fn check_health(&self, at: usize) {
        for store in self.machines[at].stores().into_iter().filter(|store| store.exists()) {
            let faults =
                store.read::<_, Error>(|tx| Ok([tx.verify_journal(&mut |_| ())?, tx.integrity_faults()?].concat()));
            let faults = faults.unwrap();
            self.demand(faults.is_empty(), || format!("{at}: {faults:?}"));
        }
    }

    /// Nothing waits and nothing is put aside that is well.
    fn check_files(&mut self) {
        let removed: BTreeSet<NodeId> =
            self.machines.iter().filter(|machine| !machine.is_left()).flat_map(Machine::nodes).collect();
        for at in self.left() {
            let synced = self.sync(at, Direction::Both).unwrap();
            // A copy may have been made while the file was half there. What the newer program said in a namespace whose creation is
            // lost waits for ever. So does what a removed one wrote too late, below its name or, where something in it was purged, below
            // that of who took its place.
            let is_expected = |path: &str, why: &str| {
                path.contains("conflicted copy")
                    || why.contains("the path of its namespace")
                    || removed.iter().any(|node| {
                        path.starts_with(&format!("nodes/{node}/")) || why.starts_with(&format!("{node} was removed"))
                    })
            };
            let files: Vec<_> = synced.files.iter().filter(|file| !is_expected(&file.path, &file.why)).collect();
            self.demand(files.is_empty(), || format!("{at}: {files:#?}"));
            let SyncedRemote { bytes_written, pushed, pulled, .. } = synced;
            self.demand(bytes_written + pushed + pulled == 0, || format!("{at} is not at rest: {synced:?}"));
        }
    }

    /// The one who was taken out writes on: nobody takes it in.
    fn check_removed(&mut self) {
        let Some(out) = (0..self.machines.len()).find(|at| !self.machines[*at].is_left()) else { return };
        let before: Vec<_> = self.left().iter().map(|at| self.dump(*at)).collect();
        let ns = self.any_namespace(out);
        for word in ["late", "later"] {
            self.machines[out].home.act(|w| {
                let ns = ns.unwrap_or(jay_types::NamespaceId([9; 16]));
                let id = w.new_id();
                w.draft(Draft::new(ns, EntityKind::Memory, id, Op::Create, saying(word)));
                Ok(())
            });
        }
        for _ in 0..2 {
            let _ = self.sync(out, Direction::Both);
            self.carrier.deliver_all();
            for at in self.left() {
                self.sync(at, Direction::Both).unwrap();
                self.carrier.deliver_all();
            }
        }
        let after: Vec<_> = self.left().iter().map(|at| self.dump(*at)).collect();
        self.demand(before == after, || format!("what {out} wrote after it was taken out was taken in"));
    }
}

/// What the runs were about, so that a test which shows nothing is noticed.
#[derive(Default)]
struct Seen {
    kinds: BTreeSet<u16>,
    ops: BTreeSet<u16>,
    reasons: BTreeSet<String>,
    forks: u64,
    removed: usize,
    /// Texts that everybody holds, that are purged, that the search through all files finds.
    texts: [usize; 3],
    /// Memories that read as one that another machine wrote.
    joined: usize,
    /// Files with purged texts that the carrier brought back.
    restored: usize,
    /// Ends of moves.
    ends: usize,
    machines: usize,
    nodes: usize,
    changes: usize,
    /// Days between the clocks that were farthest apart.
    clock_days: i64,
}

impl Seen {
    fn look(&mut self, fleet: &Fleet) {
        let of = |store: &Store| store.read::<_, Error>(|tx| Ok((tx.feed(0, u32::MAX)?, tx.counts()?)));
        for store in fleet.machines[fleet.left()[0]].stores().into_iter().filter(|store| store.exists()) {
            let (feed, counts) = of(store).unwrap();
            self.changes += feed.len();
            self.nodes += feed.iter().map(|(_, header)| header.node).collect::<BTreeSet<_>>().len();
            self.kinds.extend(feed.iter().map(|(_, header)| header.kind));
            self.ops.extend(feed.iter().map(|(_, header)| header.op));
            self.reasons.extend(counts.deferred.into_iter().map(|(reason, _)| reason));
            self.forks += counts.forks;
        }
        let clocks: Vec<i64> = fleet.machines.iter().map(|machine| machine.home.steps.clock.now().0).collect();
        let apart = clocks.iter().max().unwrap() - clocks.iter().min().unwrap();
        self.clock_days = self.clock_days.max(apart / DAY);
        self.machines += fleet.machines.len();
        self.removed += usize::from(fleet.machines.iter().any(|machine| !machine.is_left()));
    }
}

fn run(seed: u64, seen: &Mutex<Seen>) {
    let mut fleet = Fleet::new(seed);
    for _ in 0..STEPS {
        fleet.step();
    }
    fleet.settle();
    fleet.outlast_the_silent();
    let twins = fleet.say_the_same();
    fleet.settle_after(|_| ());
    fleet.compare();
    let joined = twins.map_or(0, |twins| fleet.check_twins(&twins));
    fleet.check_copies();
    let ends = fleet.check_moves();
    fleet.check_files();
    let (left, paths) = (fleet.left(), fleet.paths(fleet.left()[0]));
    let held = fleet.check_texts(&left, &paths);
    let [gone, found] = fleet.check_purged(&left);
    let restored = fleet.check_restored(&left);
    fleet.check_removed();
    let mut seen = seen.lock().unwrap();
    seen.look(&fleet);
    seen.joined += joined;
    seen.restored += restored;
    seen.ends += ends;
    seen.texts = [seen.texts[0] + held, seen.texts[1] + gone, seen.texts[2] + found];
}

/// The seed that somebody wants to see again.
#[expect(clippy::disallowed_methods, reason = "a test has no door that could hand the setting in")]
fn only_seed() -> Option<u64> {
    std::env::var("JAY_TEST_SEED").ok()?.parse().ok()
}

#[test]
fn all_machines_end_with_the_same_whatever_the_carrier_does() {
    let seen = &Mutex::new(Seen::default());
    if let Some(seed) = only_seed() {
        return run(seed, seen);
    }
    let (next, failed) = (&AtomicUsize::new(0), &Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed) as u64;
                    if seed >= counts().seeds() {
                        break;
                    }
                    // One that fails keeps no other from being run; why, it has said already.
                    if std::panic::catch_unwind(AssertUnwindSafe(|| run(seed, seen))).is_err() {
                        failed.lock().unwrap().push(seed);
                    }
                }
            });
        }
    });
    assert_eq!(*failed.lock().unwrap(), Vec::<u64>::new(), "these seeds failed");
    let seen = seen.lock().unwrap();
    for kind in EntityKind::ALL {
        assert!(seen.kinds.contains(&kind.number()), "no change of a {}", kind.name());
    }
    for op in Op::ALL {
        assert!(seen.ops.contains(&op.number()), "no {}", op.name());
    }
    for reason in ["unknown_field", "unknown_kind", "unknown_op", "unreadable_body"] {
        assert!(seen.reasons.contains(reason), "nothing is deferred for {reason}: {:?}", seen.reasons);
    }
    assert!(seen.clock_days > 365, "no clock was farther from another than {} days", seen.clock_days);
    assert!(seen.forks > 0 && seen.removed > 0, "{} forks, {} removed", seen.forks, seen.removed);
    let [held, gone, found] = seen.texts;
    let at_least = counts().seeds() as usize;
    assert!(gone > at_least && held > 5 * at_least && found >= held, "{held} texts held, {gone} purged, {found} found");
    assert!(seen.joined > 2 * at_least, "{} read as another's", seen.joined);
    assert!(seen.restored > at_least, "{} files brought back", seen.restored);
    assert!(seen.ends > at_least, "{} ends of moves", seen.ends);
    let runs = counts().seeds() as usize;
    let (machines, nodes, changes) = (seen.machines / runs, seen.nodes / runs, seen.changes / runs);
    assert!(machines >= 5 && nodes > 6 && changes > 40, "{machines} machines, {nodes} nodes, {changes} changes a seed");
}
