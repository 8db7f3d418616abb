//! What became of every text that was ever written: it is everywhere, or purged and nowhere.

use super::*;
use crate::searching::{Looked, look_into, needle, needles_below, needles_held, needles_in};
use jay_transfer::format::clear::Clear;
use jay_types::EntityId;
use jay_types::change::frame::FrameEntry;
use jay_types::change::{EntityKind, Header, Op};

/// How many files come back, at most.
const RESTORED_MAX: usize = 8;

/// A text of which nothing else has the words.
pub(crate) struct Needle {
    change: Change,
    /// What a newer program may say of the same id is another thing, if it is of another kind.
    kind: u16,
    entity: EntityId,
}

/// The entities that are purged, and the changes whose bodies went with them.
#[derive(Default)]
struct Purged {
    entities: BTreeSet<(u8, NamespaceId, EntityId)>,
    changes: BTreeSet<(StreamId, u64)>,
}

impl Fleet {
    /// A text that is written nowhere else, where it is one that says anything.
    pub(crate) fn unlike_any(&mut self, text: &str) -> String {
        self.said += 1;
        format!("{text} {}", needle(self.said))
    }

    /// Remembers which change says a text.
    pub(crate) fn note_texts(&mut self, entries: &[FrameEntry]) {
        for entry in entries {
            let Ok(header) = Header::decode(&entry.header) else { continue };
            let change = (header.stream(), header.seq, header.hash());
            let body = entry.stored_body(&header).and_then(|body| body.json().ok().map(|json| json.into_owned()));
            for number in needles_in(&body.unwrap_or_default()) {
                self.needles.insert(number, Needle { change, kind: header.kind, entity: header.entity });
            }
        }
    }

    fn purged(&self, at: usize) -> Purged {
        let mut purged = Purged::default();
        for (journal, store) in (0..).zip(self.machines[at].stores()).filter(|(_, store)| store.exists()) {
            let all = store.read::<_, Error>(|tx| Ok(tx.purged_changes(&BTreeSet::new())?)).unwrap();
            for (namespace, entity, changes) in all {
                purged.entities.insert((journal, namespace, entity));
                purged.changes.extend(changes);
            }
        }
        purged
    }

    fn is_purged(&self, purged: &Purged, number: u32) -> bool {
        let Some(Needle { change: (stream, ..), kind, entity }) = self.needles.get(&number) else { return false };
        let can_be_purged = EntityKind::from_number(*kind).is_some_and(|kind| kind.takes(Op::Purge));
        can_be_purged && purged.entities.contains(&(stream.journal, stream.namespace, *entity))
    }

    /// Every text that was acknowledged and is not purged is on every machine that is left. Answers how many those are.
    pub(crate) fn check_texts(&self, left: &[usize], paths: &BTreeSet<NamespaceId>) -> usize {
        let purged = self.purged(left[0]);
        let is_due = |(number, needle): &(&u32, &Needle)| {
            let is_promised = self.promised.contains(&needle.change) && paths.contains(&needle.change.0.namespace);
            is_promised && !self.is_purged(&purged, **number)
        };
        let due: BTreeSet<u32> = self.needles.iter().filter(is_due).map(|(number, _)| *number).collect();
        for at in left {
            let held: BTreeSet<u32> = self.machines[*at].stores().into_iter().flat_map(needles_held).collect();
            let lost: Vec<&u32> = due.difference(&held).collect();
            self.demand(lost.is_empty(), || format!("{at} lacks the texts {lost:?}"));
        }
        due.len()
    }

    /// The keys that any machine has.
    fn all_keys(&self) -> Vec<VaultKeys> {
        self.machines.iter().filter_map(|machine| VaultKeys::load(&machine.home.memory).unwrap()).collect()
    }

    /// The carrier kept old versions and brings back those with purged texts (J11 allows it): the next syncs take them away again. Answers
    /// how many files came back.
    pub(crate) fn check_restored(&mut self, left: &[usize]) -> usize {
        let (purged, keys) = (self.purged(left[0]), self.all_keys());
        let is_of_purged = |bytes: &[u8]| match look_into(bytes, &|id| keys.iter().find_map(|keys| keys.key(id))) {
            Looked::Found(needles) => needles.iter().any(|number| self.is_purged(&purged, *number)),
            Looked::MayHold(_) => false,
        };
        let back = self.carrier.bring_back(RESTORED_MAX, &is_of_purged);
        if back > 0 {
            for _ in 0..2 {
                for at in left {
                    self.sync(*at, Direction::Both).unwrap();
                    self.carrier.deliver_all();
                }
            }
            self.check_purged(left);
        }
        back
    }

    /// No text that was purged is in a file of the carrier, opened with every key that any machine has, nor in a file of a machine that is
    /// left. Answers how many were looked for, and how many others were found.
    pub(crate) fn check_purged(&self, left: &[usize]) -> [usize; 2] {
        let purged = self.purged(left[0]);
        let mut found = BTreeSet::new();
        let mut look = |place: &str, needles: BTreeSet<u32>| {
            let left_over: Vec<&u32> = needles.iter().filter(|number| self.is_purged(&purged, **number)).collect();
            self.demand(left_over.is_empty(), || format!("{place} holds the purged texts {left_over:?}"));
            found.extend(needles);
        };
        for at in left {
            for store in self.machines[*at].stores() {
                // The job that a purge queues.
                let scrubbed = store.scrub().unwrap();
                self.demand(scrubbed.done, || format!("{at} is not rid of it: {scrubbed:?}"));
            }
            for (file, needles) in needles_below(&self.machines[*at].home.data()) {
                look(&format!("{} of {at}", file.display()), needles);
            }
        }
        let keys = self.all_keys();
        let mut seen = BTreeSet::new();
        for view in 0..self.carrier.views() {
            for (path, bytes) in self.carrier.files(view) {
                // What only lies with the one who was taken out nobody can take away, and what it could read it keeps.
                let is_of_removed = self.machines.iter().any(|machine| machine.view == view && !machine.is_left());
                if is_of_removed && !Clear::is_name(&path) {
                    continue;
                }
                // A file that is everywhere is looked at once.
                if !seen.insert((path.clone(), Hash::of(&bytes))) {
                    continue;
                }
                let place = format!("{path} in folder {view}");
                match look_into(&bytes, &|id| keys.iter().find_map(|keys| keys.key(id))) {
                    Looked::Found(needles) => look(&place, needles),
                    Looked::MayHold(ranges) => {
                        let touched = purged.changes.iter().find(|(stream, seq)| {
                            ranges.iter().any(|range| range.stream == *stream && (range.from..=range.to).contains(seq))
                        });
                        self.demand(touched.is_none(), || format!("{place} does not open and may hold {touched:?}"));
                        self.demand(!path.contains("checkpoint"), || format!("{place} does not open"));
                    }
                }
            }
        }
        for at in left {
            let pending = RemoteState::load(&self.machines[*at].home.memory, "home").unwrap().unscrubbed;
            self.demand(pending.is_empty(), || format!("{at} waits for others to rid {pending:?} of it"));
        }
        let gone = self.needles.keys().filter(|number| self.is_purged(&purged, **number)).count();
        [gone, found.len()]
    }
}
