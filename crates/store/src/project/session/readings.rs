//! Which reading of a block's rows is shown: the one that the block came with, or one that a better adapter made of them later.
//!
//! **Invariant:** of all readings of a block that are here, that of the latest adapter is shown, and of equal ones the first that
//! was journalled; in whatever order they and the block arrive.

use super::super::Folded;
use super::messages::{put_in, take_out};
use crate::Result;
use crate::tx::Tx;
use crate::vectors::Wishes;
use jay_types::Dot;
use jay_types::change::block::Block;
use rusqlite::params;

/// The readings of the block at `?3`, which has the dot `?2`, the best one first.
const READINGS: &str = "SELECT b.pos FROM blocks b JOIN changes c ON c.pos = b.pos
       JOIN streams s ON s.num = c.stream JOIN nodes n ON n.num = s.node
     WHERE b.entity = ?1 AND (b.reads = ?2 OR b.pos = ?3)
     ORDER BY b.adapter DESC, b.reads IS NOT NULL, c.hlc, n.id, c.hash LIMIT 1";

/// Notes the block or reading at `pos`, and shows what it says if nothing says it better.
pub(super) fn write(tx: &Tx<'_>, folded: &Folded, pos: i64, block: &Block, wishes: &mut Wishes) -> Result<()> {
    let num = folded.row.num;
    let own = || folded.positions.iter().find(|(_, at)| *at == pos).map(|(dot, _)| *dot);
    let dot = block.reads.or_else(own).unwrap_or(Dot::ZERO);
    // A reading speaks for a block of its own session alone.
    let original = match block.reads {
        None => Some(pos),
        Some(_) => position(tx, folded, dot)?,
    };
    note(tx, num, pos, block, original)?;
    if block.reads.is_none() && tx.one("SELECT 1 FROM blocks WHERE reads = ?1 LIMIT 1", [dot.0], |_| Ok(()))?.is_none()
    {
        return show(tx, folded, pos, block, wishes);
    }
    tx.execute("UPDATE blocks SET rows_pos = ?3 WHERE reads = ?2 AND entity = ?1", params![num, dot.0, original])?;
    let best = tx.one(READINGS, params![num, dot.0, original], |row| row.get::<_, i64>(0))?;
    let shown = "SELECT pos FROM blocks WHERE entity = ?1 AND (reads = ?2 OR pos = ?3) AND shown = 1";
    let shown = tx.one(shown, params![num, dot.0, original], |row| row.get::<_, i64>(0))?;
    let Some(best) = best.filter(|best| Some(*best) != shown) else { return Ok(()) };
    if let Some(shown) = shown {
        tx.execute("UPDATE blocks SET shown = 0 WHERE pos = ?1", [shown])?;
        match stored(tx, shown)? {
            Some(before) => take_out(tx, folded, shown, &before, wishes)?,
            None => tracing::warn!(pos = shown, "a reading that was shown cannot be read any more"),
        }
    }
    if best == pos {
        return show(tx, folded, pos, block, wishes);
    }
    match stored(tx, best)? {
        Some(better) => show(tx, folded, best, &better, wishes),
        None => Ok(()),
    }
}

fn note(tx: &Tx<'_>, num: i64, pos: i64, block: &Block, rows: Option<i64>) -> Result<()> {
    let meta = serde_json::to_string(&block.session).unwrap_or_default();
    let first_row = block.rows.first().map_or(0, |row| row.n as i64);
    let source = &block.source;
    let reads = block.reads.map(|dot| dot.0);
    tx.execute(
        "INSERT INTO blocks(pos, entity, path, revision, first_row, host, user, meta, adapter, reads, rows_pos)
         VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            pos,
            num,
            source.path,
            source.revision,
            first_row,
            source.host,
            source.user,
            meta,
            block.adapter,
            reads,
            rows
        ],
    )?;
    Ok(())
}

fn show(tx: &Tx<'_>, folded: &Folded, pos: i64, block: &Block, wishes: &mut Wishes) -> Result<()> {
    tx.execute("UPDATE blocks SET shown = 1 WHERE pos = ?1", [pos])?;
    put_in(tx, folded, pos, block, wishes)
}

/// Where the block of a dot stands, if it is here and is of this session.
fn position(tx: &Tx<'_>, folded: &Folded, dot: Dot) -> Result<Option<i64>> {
    let Some(pos) = folded.positions.iter().find(|(known, _)| *known == dot).map(|(_, pos)| *pos) else {
        return Ok(None);
    };
    tx.one("SELECT pos FROM blocks WHERE pos = ?1 AND reads IS NULL", [pos], |row| row.get(0))
}

/// A block that was noted before; none where its body is gone.
fn stored(tx: &Tx<'_>, pos: i64) -> Result<Option<Block>> {
    let json = tx.body_json_if_readable(pos)?.and_then(std::result::Result::ok);
    Ok(json.and_then(|json| Block::from_json(&json).ok()))
}
