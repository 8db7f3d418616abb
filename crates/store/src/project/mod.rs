//! Projections: from an entity's changes to the rows that answer questions.
//!
//! **Invariant:** only this room writes projections (I5). Each function here makes the rows of one entity from *all* of
//! its changes that are held, so that the order of arrival does not matter and everything can be made again (I4).

mod actor;
pub(crate) mod alias;
pub(crate) mod deferred;
pub(crate) mod document;
pub(crate) mod everything;
pub(crate) mod hidden;
pub(crate) mod memory;
pub(crate) mod moves;
pub(crate) mod namespace;
pub(crate) mod roots;
pub(crate) mod session;
pub(crate) mod touched;
mod versions;

use crate::Result;
use crate::journal::load::{EVERYTHING, EntityRow};
use crate::tx::Tx;
use crate::vectors::Wishes;
use jay_types::change::fold::{EntityState, fold};
use jay_types::change::{Body, EntityKind, Journal};
use jay_types::{EntityId, NodeId};
use rusqlite::params;
use std::collections::BTreeSet;

/// What nothing of an entity can be in the store of, so that it is not looked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Absent {
    /// Its rows and documents.
    pub(crate) rows: bool,
    /// Its vectors, and jobs that would make them.
    pub(crate) vectors: bool,
}

/// What the projection of one entity is made from.
pub(crate) struct Folded {
    pub(crate) row: EntityRow,
    pub(crate) absent: Absent,
    pub(crate) state: EntityState,
    /// Every readable body that writes text, by position: its documents in the text index.
    pub(crate) texts: Vec<(i64, document::TextDocument)>,
    /// Every claim that was ever made of a key, by position.
    pub(crate) claims: Vec<(i64, String)>,
    /// Every time that a memory was said to be the same as another, by position.
    pub(crate) aliases: Vec<(i64, EntityId)>,
    /// Every other end of a move that a memory ever named.
    pub(crate) ends: Vec<moves::OtherEnd>,
    /// Every forget of a memory, also those that were taken back.
    pub(crate) forgets: Vec<memory::Forget>,
    /// Acts that its changes took back, with the position of the change.
    pub(crate) undone: Vec<(jay_types::ActId, i64)>,
    /// Position of each change, by dot.
    pub(crate) positions: Vec<(jay_types::Dot, i64)>,
}

/// As [`entities`], of what came from others: queues a look at each memory of which this node, `own`, may have made a copy, and at each
/// that was moved. Returns memories that say what was purged.
pub(crate) fn received(tx: &Tx<'_>, touched: &BTreeSet<i64>, own: NodeId, now: i64) -> Result<Vec<EntityId>> {
    let projected = entities(tx, touched, now)?;
    alias::queue_looks(tx, &projected.memories, own, now)?;
    moves::queue_looks(tx, &projected.memories, now)?;
    alias::left_of(tx, &projected.like_purged)
}

/// What a projection made rows of.
#[derive(Default)]
pub(crate) struct Projected {
    /// The memories.
    pub(crate) memories: BTreeSet<i64>,
    /// Memories that said the same as one that was purged, whether they are purged themselves or not.
    pub(crate) like_purged: BTreeSet<i64>,
}

/// Makes the rows of the touched entities, and the vectors of their wordings or the jobs that will.
pub(crate) fn entities(tx: &Tx<'_>, touched: &BTreeSet<i64>, now: i64) -> Result<Projected> {
    let mut rows = touched.iter().map(|num| tx.entity(*num)).collect::<Result<Vec<_>>>()?;
    // A memory's marks are keyed by its namespace's forget key: namespaces come first.
    rows.sort_by_key(|row| (row.kind, row.num));
    tx.note_embedder()?;
    let mut pass = Pass {
        wishes: Wishes::default(),
        now,
        is_of_all: false,
        roots_pos: tx.roots_pos()?,
        namespaces: BTreeSet::new(),
        projected: Projected::default(),
    };
    for row in rows {
        match known_kind(tx, &row) {
            Some(kind) => entity(tx, &fold_entity(tx, row, kind)?, kind, &mut pass)?,
            None => deferred::note_all(tx, row.num)?,
        }
    }
    tx.grant(&pass.wishes, now)?;
    namespace::refresh(tx, pass.namespaces)?;
    Ok(pass.projected)
}

/// Entities that are projected together.
struct Pass {
    wishes: Wishes,
    now: i64,
    /// True where the whole store is projected, kind after kind.
    is_of_all: bool,
    /// Up to where roots are cached.
    roots_pos: Option<i64>,
    /// Where the memories are.
    namespaces: BTreeSet<i64>,
    projected: Projected,
}

/// The kind of an entity that has rows in this journal.
fn known_kind(tx: &Tx<'_>, row: &EntityRow) -> Option<EntityKind> {
    EntityKind::from_number(row.kind).filter(|kind| is_of(*kind, tx.journal))
}

fn entity(tx: &Tx<'_>, folded: &Folded, kind: EntityKind, pass: &mut Pass) -> Result<()> {
    let row = &folded.row;
    note_undone(tx, folded)?;
    if let Some(purge) = folded.state.purged
        && (!tx.is_purged(row.num)? || tx.has_bodies(row.num)?)
    {
        crate::purge::destroy(tx, folded, kind, pass.now)?;
        tx.execute("INSERT OR IGNORE INTO purged(entity, pos) VALUES(?1, ?2)", params![row.num, purge.pos as i64])?;
    }
    versions::write(tx, folded, kind)?;
    if pass.roots_pos.is_some_and(|cached| folded.positions.iter().all(|(_, pos)| *pos <= cached)) {
        roots::mark(tx, row.namespace, EntityId(row.id))?;
    }
    match kind {
        // Read as states, few at a time: the versions are all that is kept of them.
        EntityKind::Node | EntityKind::Vault | EntityKind::Member => Ok(()),
        EntityKind::Namespace => {
            // Memories that came before their namespace's key have no marks yet. Where all is projected, they are yet to come.
            if namespace::write(tx, folded)? && !pass.is_of_all {
                let made = namespace::write_memories(tx, row.namespace, pass.now)?;
                pass.projected.memories.extend(made.memories);
            }
            Ok(())
        }
        EntityKind::Actor => actor::write(tx, folded),
        EntityKind::Memory => {
            pass.projected.memories.insert(row.num);
            pass.namespaces.insert(row.namespace);
            pass.projected.like_purged.extend(memory::write(tx, folded, &mut pass.wishes)?);
            Ok(())
        }
        EntityKind::Session => session::write(tx, folded, &mut pass.wishes),
    }
}

/// Which kinds have rows in which journal; what stands in the other one is kept and not projected.
const fn is_of(kind: EntityKind, journal: Journal) -> bool {
    match kind {
        EntityKind::Node | EntityKind::Actor => true,
        EntityKind::Namespace | EntityKind::Memory | EntityKind::Vault | EntityKind::Member => {
            matches!(journal, Journal::Memory)
        }
        EntityKind::Session => matches!(journal, Journal::Archive),
    }
}

/// Joins the changes of an entity. Reads only: purge asks too, on a connection that cannot write.
pub(crate) fn fold_entity(tx: &Tx<'_>, row: EntityRow, kind: EntityKind) -> Result<Folded> {
    use jay_types::change::fold::BodyState;
    let changes = tx.changes_of(row.num, EVERYTHING)?;
    let texts = changes
        .iter()
        .filter_map(|change| match &change.body {
            BodyState::Present(body) if kind == EntityKind::Memory => {
                document::of_memory(body, change.at).map(|text| (change.pos as i64, text))
            }
            _ => None,
        })
        .collect();
    let claims = changes
        .iter()
        .filter_map(|change| match &change.body {
            BodyState::Present(body) => {
                let key = body.registers.get(jay_types::change::registry::KEY.name)?.as_str()?;
                Some((change.pos as i64, key.to_owned()))
            }
            _ => None,
        })
        .collect();
    let forgets = match kind {
        EntityKind::Memory => changes.iter().filter_map(memory::forget_of).collect(),
        _ => Vec::new(),
    };
    let aliases = if kind == EntityKind::Memory { alias::claims_of(&changes) } else { Vec::new() };
    let ends = if kind == EntityKind::Memory { moves::ends_of(&changes) } else { Vec::new() };
    let positions = changes.iter().map(|change| (change.hash.dot(), change.pos as i64)).collect();
    let undone = changes
        .iter()
        .filter_map(|change| match &change.body {
            BodyState::Present(Body { undoes: Some(act), .. }) => Some((*act, change.pos as i64)),
            _ => None,
        })
        .collect();
    Ok(Folded {
        row,
        absent: Absent::default(),
        state: fold(kind, &changes),
        texts,
        claims,
        aliases,
        ends,
        forgets,
        undone,
        positions,
    })
}

/// Remembers which acts an undo took back, so that the next one goes on behind them.
fn note_undone(tx: &Tx<'_>, folded: &Folded) -> Result<()> {
    if tx.journal == Journal::Memory {
        for (act, pos) in &folded.undone {
            tx.execute("INSERT OR IGNORE INTO undone(act, pos) VALUES(?1, ?2)", params![act.0, pos])?;
        }
    }
    Ok(())
}
