//! Memories that say the same read as one (J9): the first of them, in whose row every change of each of them is joined.
//!
//! **Invariant:** whoever names another is told by the journal alone, so that the rows of all whom the claims join, in either
//! direction and counted or not, are made again whenever one of them changes; then the order of arrival does not matter.

use super::{Absent, Folded, memory};
use crate::Result;
use crate::journal::load::{EVERYTHING, EntityRow};
use crate::tx::Tx;
use crate::vectors::Wishes;
use jay_types::change::alias::{disputed, firsts, join};
use jay_types::change::fold::{BodyState, Change, EntityState, fold};
use jay_types::change::registry::ALIAS_OF;
use jay_types::change::{EntityKind, Op};
use jay_types::memory::Kind;
use jay_types::text::normalise;
use jay_types::{EntityId, NodeId};
use memory::Groups;
use rusqlite::params;
use std::collections::BTreeSet;

/// The number of the memory as which the entity of a change `c` reads: the wording that is shown may be an alias's.
pub(crate) const READS_AS: &str = "ifnull((SELECT first FROM aliases WHERE entity = c.entity), c.entity)";

/// One of the memories that say the same.
struct Member {
    row: EntityRow,
    changes: Vec<Change>,
    state: EntityState,
}

/// A memory as it reads, with those that read as it.
pub(crate) struct Reading {
    /// The one that it reads as.
    pub(crate) first: EntityRow,
    /// All of them joined.
    pub(crate) state: EntityState,
    /// When the latest of them was created: it was said once more then.
    pub(crate) created: i64,
    /// The others.
    pub(crate) aliases: Vec<EntityRow>,
}

impl Reading {
    pub(crate) fn alone(first: EntityRow, state: EntityState) -> Self {
        let created = created_hlc(&state);
        Self { first, state, created, aliases: Vec::new() }
    }
}

fn created_hlc(state: &EntityState) -> i64 {
    state.created.map_or(0, |created| created.order.hlc.0 as i64)
}

/// The claims of being the same as another that a memory's changes make, by position.
pub(crate) fn claims_of(changes: &[Change]) -> Vec<(i64, EntityId)> {
    let claim = |change: &Change| {
        let BodyState::Present(body) = &change.body else { return None };
        let target = body.registers.get(ALIAS_OF.name)?.as_str()?;
        Some((change.pos as i64, EntityId::parse(target).ok()?))
    };
    changes.iter().filter(|change| change.op != Op::Purge.number()).filter_map(claim).collect()
}

/// Writes the claims of a memory; returns the others that it is joined with by claims of any of them. Of a purged one also those that
/// it is joined with no longer.
pub(super) fn write_claims(tx: &Tx<'_>, folded: &Folded) -> Result<BTreeSet<i64>> {
    for (pos, target) in &folded.aliases {
        tx.execute(
            "INSERT OR IGNORE INTO alias_claims(namespace, target, entity, pos) VALUES(?1, ?2, ?3, ?4)",
            params![folded.row.namespace, target.0, folded.row.num, pos],
        )?;
    }
    tx.claimed_with(&folded.row)
}

/// Makes the rows of a memory and of all that it is joined with by claims.
pub(super) fn write_together(
    tx: &Tx<'_>,
    nums: &BTreeSet<i64>,
    groups: &mut Groups,
    wishes: &mut Wishes,
) -> Result<()> {
    let members = tx.members(nums, EVERYTHING)?;
    for member in &members {
        groups.add_row_of(tx, member.row.num)?;
    }
    groups.leave_out_of(wishes);
    for reading in readings(&members) {
        let first = reading.first;
        let about = (&reading.state, reading.created);
        let pos = memory::write_reading(tx, &first, about, Absent::default(), groups)?;
        tx.execute("DELETE FROM aliases WHERE entity = ?1", [first.num])?;
        let disputed = if reading.aliases.is_empty() { 0 } else { disputed(&reading.state).len() as i64 };
        for alias in &reading.aliases {
            let own = members.iter().find(|member| member.row.num == alias.num);
            memory::write_alias(tx, alias, own.map_or(&reading.state, |member| &member.state))?;
            tx.execute(
                "INSERT OR REPLACE INTO aliases(entity, first, disputed) VALUES(?1, ?2, ?3)",
                params![alias.num, first.num, disputed],
            )?;
        }
        for member in [first].iter().chain(&reading.aliases) {
            tx.drop_vectors(member.num, pos)?;
        }
        memory::wish(tx, &reading.state, pos, Absent::default(), wishes)?;
    }
    Ok(())
}

/// Members as they read, each once.
fn readings(members: &[Member]) -> Vec<Reading> {
    let named: Vec<(EntityId, &EntityState)> =
        members.iter().map(|member| (EntityId(member.row.id), &member.state)).collect();
    let firsts = firsts(&named);
    let of = |at: usize| members.iter().zip(&firsts).filter(move |(_, first)| **first == at).map(|(member, _)| member);
    let mut readings = Vec::new();
    for (at, member) in members.iter().enumerate().filter(|(at, _)| firsts.get(*at) == Some(at)) {
        if member.state.purged.is_some() {
            continue;
        }
        let aliases: Vec<EntityRow> = of(at).map(|other| other.row).filter(|row| row.num != member.row.num).collect();
        readings.push(if aliases.is_empty() {
            Reading::alone(member.row, member.state.clone())
        } else {
            let changes: Vec<Change> = of(at).flat_map(|other| other.changes.iter().cloned()).collect();
            let created = of(at).map(|other| created_hlc(&other.state)).max().unwrap_or(0);
            Reading { first: member.row, state: join(&changes), created, aliases }
        });
    }
    readings
}

impl Tx<'_> {
    /// The memories with which a memory is joined by claims, in either direction, counted or not; without itself.
    pub(crate) fn claimed_with(&self, row: &EntityRow) -> Result<BTreeSet<i64>> {
        let (mut open, mut found) = (vec![*row], BTreeSet::from([row.num]));
        while let Some(next) = open.pop() {
            let targets: Vec<[u8; 16]> =
                self.all("SELECT DISTINCT target FROM alias_claims WHERE entity = ?1", [next.num], |row| row.get(0))?;
            let mut near: Vec<i64> = self.all(
                "SELECT DISTINCT entity FROM alias_claims WHERE namespace = ?1 AND target = ?2",
                params![next.namespace, next.id],
                |row| row.get(0),
            )?;
            for target in targets {
                near.extend(self.entity_number(next.namespace, EntityKind::Memory.number(), EntityId(target))?);
            }
            for num in near {
                if found.insert(num) {
                    open.push(self.entity(num)?);
                }
            }
        }
        found.remove(&row.num);
        Ok(found)
    }

    fn members(&self, nums: &BTreeSet<i64>, upto: i64) -> Result<Vec<Member>> {
        let mut members = Vec::with_capacity(nums.len());
        for num in nums {
            let row = self.entity(*num)?;
            let changes = self.changes_of(*num, upto)?;
            if !changes.is_empty() {
                let state = fold(EntityKind::Memory, &changes);
                members.push(Member { row, changes, state });
            }
        }
        Ok(members)
    }

    /// A memory as it reads at a moment; none where it is nothing that this version knows.
    pub(crate) fn reading(&self, row: &EntityRow, upto: i64) -> Result<Option<Reading>> {
        if row.kind != EntityKind::Memory.number() {
            return Ok(self.state_of(row, upto)?.map(|state| Reading::alone(*row, state)));
        }
        let mut nums = self.claimed_with(row)?;
        if nums.is_empty() {
            return Ok(self.state_of(row, upto)?.map(|state| Reading::alone(*row, state)));
        }
        nums.insert(row.num);
        let members = self.members(&nums, upto)?;
        let is_it = |found: &EntityRow| found.num == row.num;
        let reading =
            readings(&members).into_iter().find(|found| is_it(&found.first) || found.aliases.iter().any(is_it));
        match reading {
            Some(reading) => Ok(Some(reading)),
            // It is purged, or was not here yet.
            None => Ok(self.state_of(row, upto)?.map(|state| Reading::alone(*row, state))),
        }
    }

    /// The memories that a claim of any of them joins with this one and that ever said what it ever said, whether they read as
    /// one or not: what a purge takes along. A claim alone, which any member can make, takes nothing.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn said_to_be_the_same(&self, num: i64) -> Result<BTreeSet<i64>> {
        let wordings = |num: i64| -> Result<BTreeSet<String>> {
            Ok(self.wordings(num)?.iter().map(|(text, _)| normalise(text)).collect())
        };
        let claimed = self.claimed_with(&self.entity(num)?)?;
        let own = if claimed.is_empty() { BTreeSet::new() } else { wordings(num)? };
        let mut same = BTreeSet::new();
        for other in claimed {
            if !wordings(other)?.is_disjoint(&own) {
                same.insert(other);
            }
        }
        Ok(same)
    }

    /// True where some change says of this memory that it is the same as another.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn has_alias_claim(&self, num: i64) -> Result<bool> {
        Ok(self.one("SELECT 1 FROM alias_claims WHERE entity = ?1 LIMIT 1", [num], |_| Ok(()))?.is_some())
    }
}

/// Queues a look at each of these memories that is shown, where another one of its namespace has an equal text and kind and this
/// node, `own`, made one of the two and another node the other. Pieces of documents are told apart by where they stand.
pub(crate) fn queue_looks(tx: &Tx<'_>, nums: &BTreeSet<i64>, own: NodeId, now: i64) -> Result<()> {
    const LOOK: &str = "SELECT 1 FROM memories m JOIN memories o ON o.namespace = m.namespace AND o.text_mac = m.text_mac
       WHERE m.entity = ?1 AND m.kind <> ?3 AND m.hidden = 0 AND o.hidden = 0 AND o.kind = m.kind AND o.entity <> m.entity
         AND EXISTS(SELECT 1 FROM changes c JOIN streams s ON s.num = c.stream JOIN nodes n ON n.num = s.node
             WHERE c.entity = m.entity AND c.op = 2 AND n.id = ?2)
           <> EXISTS(SELECT 1 FROM changes c JOIN streams s ON s.num = c.stream JOIN nodes n ON n.num = s.node
             WHERE c.entity = o.entity AND c.op = 2 AND n.id = ?2) LIMIT 1";
    debug_assert_eq!(Op::Create.number(), 2);
    for num in nums {
        if tx.one(LOOK, params![num, own.0, memory::kind_number(Kind::Document)], |_| Ok(()))?.is_some() {
            tx.queue_job(ALIAS_JOB, *num, now)?;
        }
    }
    Ok(())
}

/// Those of these memories that still say something, by id.
pub(super) fn left_of(tx: &Tx<'_>, nums: &BTreeSet<i64>) -> Result<Vec<EntityId>> {
    let mut left = Vec::new();
    for num in nums {
        let says = tx.one("SELECT 1 FROM memories WHERE entity = ?1", [num], |_| Ok(()))?.is_some();
        left.extend(says.then(|| tx.entity(*num)).transpose()?.map(|row| EntityId(row.id)));
    }
    Ok(left)
}

/// The kind of the jobs that look for what says the same as a memory.
pub const ALIAS_JOB: &str = "alias";
