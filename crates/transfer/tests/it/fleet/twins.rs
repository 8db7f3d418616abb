//! What several machines say in the same words before they hear of one another: in the end it is one memory (J9). And what they do to the ends
//! of a move: in the end it is done to all (J1, J10).

use super::Fleet;
use crate::world::{Home, saying};
use jay_store::{Draft, ENTITY_HIDDEN_ALL, ListFilter, MemoryRow, Moment, Scope};
use jay_types::change::registry::{ALIAS_OF, FORGOTTEN, TAGS, TEXT};
use jay_types::change::{EntityKind, Op, SetEdit};
use jay_types::{EntityId, Error, NamespaceId, NodeId};
use std::collections::{BTreeMap, BTreeSet};

/// Nobody else says this.
const WORDS: &str = "told by each of us";

/// What was said on every machine.
pub(crate) struct Twins {
    namespace: NamespaceId,
    /// Which machine said it, by its id.
    said: BTreeMap<EntityId, usize>,
}

impl Fleet {
    /// Every machine says the same in a namespace that all know, with a tag of its own. Machines that do not know yet that they are
    /// copies of one another say it once: what they are until then speaks for none of the two afterwards.
    pub(crate) fn say_the_same(&mut self) -> Option<Twins> {
        let left = self.left();
        let known = |at: &usize| known_namespaces(&self.machines[*at].home);
        let common = left.iter().map(known).reduce(|all, known| all.intersection(&known).copied().collect())?;
        let namespace = *self.random.pick(&common.into_iter().collect::<Vec<_>>())?;
        let (mut nodes, mut said) = (BTreeSet::new(), BTreeMap::new());
        for at in left.into_iter().rev() {
            if !nodes.insert(self.machines[at].home.id()) {
                continue;
            }
            let tag = SetEdit { add: vec![format!("by-{at}")], remove: vec![] };
            let id = self.machines[at].home.act(|w| {
                let id = w.new_id();
                let body = saying(WORDS).with_set(TAGS, &tag);
                w.draft(Draft::new(namespace, EntityKind::Memory, id, Op::Create, body));
                Ok(id)
            });
            said.insert(id, at);
            self.note(at);
        }
        self.tell(format!("{said:?} say the same in {namespace}"));
        Some(Twins { namespace, said })
    }

    /// Each of them is one memory on every machine, with all that was said; who wrote a later one has said so once. Returns how many
    /// read as another.
    pub(crate) fn check_twins(&self, twins: &Twins) -> usize {
        let mut tags: Vec<String> = twins.said.values().map(|at| format!("by-{at}")).collect();
        tags.sort();
        for at in self.left() {
            let home = &self.machines[at].home;
            let shown: Vec<MemoryRow> = shown(home)
                .into_iter()
                .filter(|row| row.namespace == twins.namespace && row.memory.text == WORDS)
                .collect();
            let ids: Vec<EntityId> = shown.iter().map(|row| row.memory.id).collect();
            self.demand(ids.len() == 1, || format!("{at} shows {ids:?} of {:?}", twins.said));
            self.demand(shown[0].memory.tags == tags, || format!("{at} shows tags {:?}", shown[0].memory.tags));
            let mut claims = BTreeMap::new();
            home.memory
                .read::<_, Error>(|tx| {
                    for id in twins.said.keys() {
                        let num = tx.find_memory(&id.to_string(), None)?;
                        let row = tx.memory(num, Moment::Latest)?;
                        self.demand(row.is_some_and(|row| row.memory.id == ids[0]), || {
                            format!("{at} reads {id} apart")
                        });
                    }
                    for change in tx.history(tx.find_memory(&ids[0].to_string(), None)?)? {
                        let says = change.body.is_some_and(|body| body.registers.contains_key(ALIAS_OF.name));
                        *claims.entry(change.entity).or_insert(0) += usize::from(says);
                    }
                    Ok(())
                })
                .unwrap();
            let expected = twins.said.keys().map(|id| (*id, usize::from(*id != ids[0]))).collect();
            self.demand(claims == expected, || format!("{at} holds claims {claims:?}"));
        }
        twins.said.len() - 1
    }

    /// Nothing that says the same and no more shows twice, where the node that wrote the later one is still there.
    pub(crate) fn check_copies(&self) {
        let living: BTreeSet<NodeId> = self.left().iter().map(|at| self.machines[*at].home.id()).collect();
        for at in self.left() {
            let home = &self.machines[at].home;
            let mut rows = shown(home);
            rows.retain(|row| row.state.values.keys().eq([&TEXT.name]) && !row.memory.text.is_empty());
            rows.sort_by_key(|row| row.state.created.map(|created| created.order));
            for (place, later) in rows.iter().enumerate() {
                let node = |row: &MemoryRow| row.state.created.unwrap().order.node;
                let is_copy = |row: &&MemoryRow| {
                    row.namespace == later.namespace && row.memory.text == later.memory.text && node(row) != node(later)
                };
                let has_spoken = home.memory.read::<_, Error>(|tx| Ok(tx.has_alias_claim(later.num)?)).unwrap();
                let earlier =
                    rows[..place].iter().find(is_copy).filter(|_| living.contains(&node(later)) && !has_spoken);
                self.demand(earlier.is_none(), || {
                    format!("{at} shows {} beside {:?}", later.memory.id, earlier.map(|row| row.memory.id))
                });
            }
        }
    }
}

impl Fleet {
    /// Nothing is left of one end of a move where another one is purged, and what was forgotten does not show where it goes on. Returns
    /// how many ends of moves were looked at.
    pub(crate) fn check_moves(&self) -> usize {
        let mut ends = 0;
        for at in self.left() {
            let hidden = ENTITY_HIDDEN_ALL.with_superseded().with_forgotten().with_retired();
            let filter = ListFilter { hidden, ..ListFilter::shown(Scope::All) };
            let read = self.machines[at].home.memory.read::<_, Error>(|tx| {
                for row in tx.list(&filter, 10_000, None)?.rows {
                    for end in tx.other_ends(row.num)? {
                        ends += 1;
                        let is_gone = tx.is_purged(end)?;
                        self.demand(!is_gone, || format!("{at} holds {}, an end of a purged memory", row.memory.id));
                    }
                    let is_open = !row.state.values.contains_key(FORGOTTEN.name) && row.state.created.is_some();
                    for source in tx.moved_to(row.num)?.into_iter().filter(|_| is_open) {
                        let Some(source) = tx.memory_alone(source, Moment::Latest)? else { continue };
                        let is_meant = source.memory.moved_to == Some(row.memory.id)
                            && row.memory.copied_from == Some(source.memory.id);
                        self.demand(!(is_meant && source.state.is_forgotten()), || {
                            format!("{at} shows {}, whose source {} was forgotten", row.memory.id, source.memory.id)
                        });
                    }
                }
                Ok(())
            });
            read.unwrap();
        }
        ends
    }
}

fn shown(home: &Home) -> Vec<MemoryRow> {
    let filter = ListFilter::shown(Scope::All);
    home.memory.read::<_, Error>(|tx| Ok(tx.list(&filter, 10_000, None)?)).unwrap().rows
}

/// Those whose key is here, so that equal texts are found.
fn known_namespaces(home: &Home) -> BTreeSet<NamespaceId> {
    let read = home.memory.read::<_, Error>(|tx| {
        let mut known = BTreeSet::new();
        for id in tx.all_names()?.into_keys() {
            let Some(num) = tx.namespace_num(id)? else { continue };
            known.extend(tx.mark_of(num, WORDS)?.map(|_| id));
        }
        Ok(known)
    });
    read.unwrap()
}
