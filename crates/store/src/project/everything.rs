//! Projecting a whole journal: a rebuild, and a store that begins with another one's journal.
//!
//! The texts of a page of entities are analysed and embedded on all cores before their rows are written: that is most of
//! the work, and needs nothing of the store.
//!
//! **Invariant:** the rows are those that [`super::entities`] makes of the same entities; what is foreseen is what it would
//! make of the same text.

use super::{
    Absent, Folded, Pass, Projected, deferred, document, entity, fold_entity, known_kind, memory, namespace, roots,
};
use crate::Result;
use crate::embedded::Lane;
use crate::foreseen::{Foreseeing, Foreseen};
use crate::tx::Tx;
use crate::vectors::Wishes;
use jay_types::change::block::Block;
use jay_types::change::registry::TEXT;
use jay_types::change::{EntityKind, Journal};
use rusqlite::params;
use std::collections::BTreeSet;

/// Entities projected at a time.
const PAGE: i64 = 1000;

/// Makes the rows of every entity, of which none may be there. `progress` is called with (entities done, entities in all);
/// returns how many there are.
pub(crate) fn project(tx: &Tx<'_>, now: i64, progress: &mut dyn FnMut(u64, u64)) -> Result<u64> {
    let all = tx.number("SELECT count(*) FROM entities", [])? as u64;
    let mut done = 0;
    tx.note_embedder()?;
    let lanes = lanes_without_vectors(tx)?;
    let absent = Absent { rows: true, vectors: has_no_vectors(tx)? };
    // Kinds in their order, so that namespaces stand before the memories that are keyed by them.
    let kinds: Vec<u16> = tx.all("SELECT DISTINCT kind FROM entities ORDER BY kind", [], |row| row.get(0))?;
    for kind in kinds {
        let mut last = 0;
        loop {
            let page: Vec<i64> = tx.all(
                "SELECT num FROM entities WHERE kind = ?1 AND num > ?2 ORDER BY num LIMIT ?3",
                params![kind, last, PAGE],
                |row| row.get(0),
            )?;
            let Some(end) = page.last().copied() else { break };
            last = end;
            project_page(tx, &page, absent, &lanes, now)?;
            done += page.len() as u64;
            progress(done, all);
        }
    }
    if tx.journal == Journal::Memory {
        namespace::refresh(tx, tx.retired_namespaces()?)?;
    }
    roots::drop_all(tx)?;
    roots::settle(tx)?;
    Ok(done)
}

/// The lanes for which every vector is to be made.
fn lanes_without_vectors(tx: &Tx<'_>) -> Result<Vec<Lane>> {
    let mut lanes = Vec::new();
    for (lane, wanted) in tx.lanes() {
        let sql = "SELECT 1 FROM models m JOIN vectors v ON v.model = m.num WHERE m.id = ?1 LIMIT 1";
        if tx.one(sql, [&wanted.model], |_| Ok(()))?.is_none() {
            lanes.push(lane);
        }
    }
    Ok(lanes)
}

/// True where no vector is here, and none waits to be made.
fn has_no_vectors(tx: &Tx<'_>) -> Result<bool> {
    let sql = "SELECT 1 FROM vectors UNION ALL SELECT 1 FROM jobs WHERE kind IN ('embed', 'embed_model') LIMIT 1";
    Ok(tx.one(sql, [], |_| Ok(()))?.is_none())
}

fn project_page(tx: &Tx<'_>, page: &[i64], absent: Absent, lanes: &[Lane], now: i64) -> Result<()> {
    let mut folded: Vec<(EntityKind, Folded)> = Vec::with_capacity(page.len());
    for num in page {
        let row = tx.entity(*num)?;
        match known_kind(tx, &row) {
            Some(kind) => folded.push((kind, Folded { absent, ..fold_entity(tx, row, kind)? })),
            None => deferred::note_all(tx, row.num)?,
        }
    }
    tx.foreseen.replace(foresee(tx, &folded, lanes));
    let mut pass = Pass {
        wishes: Wishes::default(),
        now,
        is_of_all: true,
        roots_pos: None,
        namespaces: BTreeSet::new(),
        projected: Projected::default(),
    };
    for (kind, folded) in &folded {
        entity(tx, folded, *kind, &mut pass)?;
    }
    tx.foreseen.take();
    tx.grant(&pass.wishes, now)
}

/// The same of the messages of a block, which its session holds one after the other.
pub(super) fn foresee_block(tx: &Tx<'_>, absent: Absent, block: &Block) {
    let lanes: Vec<Lane> = if absent.vectors { tx.lanes().map(|(lane, _)| lane).collect() } else { Vec::new() };
    let mut wanted = Foreseeing::new(tx, &lanes);
    for place in 0..block.messages.len() {
        if let Some(text) = document::of_message(block, place) {
            wanted.terms(&text);
            wanted.vectors(text.0);
        }
    }
    tx.foreseen.replace(wanted.make());
}

/// Terms of all wordings, and vectors of those that are current.
fn foresee(tx: &Tx<'_>, folded: &[(EntityKind, Folded)], lanes: &[Lane]) -> Foreseen {
    let mut wanted = Foreseeing::new(tx, lanes);
    for (_, folded) in folded.iter().filter(|(_, folded)| folded.state.purged.is_none()) {
        for (_, text) in &folded.texts {
            wanted.terms(text);
        }
        if let Some(value) = folded.state.value(TEXT) {
            let part = |name: &str| value.get(name).and_then(serde_json::Value::as_str);
            wanted.vectors(memory::embedded_text(part("title"), part("text").unwrap_or_default()));
        }
    }
    wanted.make()
}
