//! Changes that this version keeps but cannot apply yet, and trying them again (J5).
//!
//! What a program can read follows from its registry, so that trying again is of use after an upgrade only: the store
//! remembers which program tried last, and the first writer of another one tries once more. A body that is missing is
//! not waited for here: when it comes, its entity is projected anyway. Namespace policies act at the doors, never in apply:
//! no deferral depends on one.
//!
//! **Invariant:** the mark names a program only while every row here was tried by it; where nothing is deferred, nothing
//! is read but that.

use crate::Result;
use crate::tx::Tx;
use jay_types::Hash;
use jay_types::change::{EntityKind, Op};
use rusqlite::params;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::OnceLock;

/// Which program tried every deferred change last: a local record.
const MARK: &str = "deferred_tried";
/// Several programs did, each its own.
const MIXED: &str = "mixed";

/// Names what this program can apply: its version and the whole registry.
fn knowledge() -> &'static str {
    static KNOWLEDGE: OnceLock<String> = OnceLock::new();
    KNOWLEDGE.get_or_init(|| {
        let mut text = env!("CARGO_PKG_VERSION").to_owned();
        for kind in EntityKind::ALL {
            let ops: Vec<u16> = Op::ALL.into_iter().filter(|op| kind.takes(*op)).map(Op::number).collect();
            // Writing to a string does not fail.
            let _ = write!(text, "\n{} {ops:?} {:?}", kind.number(), kind.registers());
        }
        Hash::of(text.as_bytes()).to_string()
    })
}

/// Notes that a change, or one field of it, is not applied.
pub(super) fn note(tx: &Tx<'_>, pos: i64, field: &str, reason: &str) -> Result<()> {
    mark(tx)?;
    let sql = "INSERT OR REPLACE INTO deferred(pos, field, reason) VALUES(?1, ?2, ?3)";
    tx.execute(sql, params![pos, field, reason])?;
    Ok(())
}

/// Changes of a kind that this version does not know (or not in this journal) wait for one that does.
pub(super) fn note_all(tx: &Tx<'_>, entity: i64) -> Result<()> {
    mark(tx)?;
    tx.execute(
        "INSERT OR REPLACE INTO deferred(pos, field, reason) SELECT pos, '', 'unknown_kind' FROM changes WHERE entity = ?1",
        [entity],
    )?;
    Ok(())
}

/// Before a row is added: the mark goes on to hold, or says that it does not.
fn mark(tx: &Tx<'_>) -> Result<()> {
    if tx.meta_text(MARK)?.as_deref() == Some(knowledge()) {
        return Ok(());
    }
    tx.set_meta_text(MARK, if is_empty(tx)? { knowledge() } else { MIXED })
}

fn is_empty(tx: &Tx<'_>) -> Result<bool> {
    Ok(tx.one("SELECT 1 FROM deferred LIMIT 1", [], |_| Ok(()))?.is_none())
}

/// True where something is deferred that this program did not try.
pub(crate) fn is_due(tx: &Tx<'_>) -> Result<bool> {
    Ok(!is_empty(tx)? && tx.meta_text(MARK)?.as_deref() != Some(knowledge()))
}

/// Projects what is deferred once more; returns how many changes and fields are not deferred any longer.
pub(crate) fn try_again(tx: &Tx<'_>, now: i64) -> Result<u64> {
    let count = || tx.number("SELECT count(*) FROM deferred", []);
    let before = count()?;
    let entities: Vec<i64> = tx.all(
        "SELECT DISTINCT c.entity FROM deferred d JOIN changes c ON c.pos = d.pos WHERE d.reason <> 'missing_body'",
        [],
        |row| row.get(0),
    )?;
    super::entities(tx, &BTreeSet::from_iter(entities), now)?;
    tx.set_meta_text(MARK, knowledge())?;
    Ok(u64::try_from(before - count()?).unwrap_or(0))
}
