//! Winning writes, other heads, live set elements and deferred changes of one entity.

use super::Folded;
use crate::Result;
use crate::tx::Tx;
use jay_types::Dot;
use jay_types::change::EntityKind;
use rusqlite::params;
use serde_json::Value;

pub(super) fn write(tx: &Tx<'_>, folded: &Folded, kind: EntityKind) -> Result<()> {
    let num = folded.row.num;
    let position = |dot: Dot| folded.positions.iter().find(|(d, _)| *d == dot).map(|(_, pos)| *pos);
    if !folded.absent.rows {
        tx.execute("DELETE FROM versions WHERE entity = ?1", [num])?;
        tx.execute("DELETE FROM deferred WHERE pos IN (SELECT pos FROM changes WHERE entity = ?1)", [num])?;
    }
    let mut insert =
        tx.statement("INSERT INTO versions(entity, register, pos, idx, head) VALUES(?1, ?2, ?3, ?4, ?5)")?;
    for register in kind.registers() {
        if let Some(heads) = folded.state.values.get(register.name) {
            let mut said: Vec<&Value> = Vec::new();
            for write in &heads.0 {
                // 0 is what is shown, more what contradicts it, less what says the same as a greater one.
                let head = if said.contains(&&write.value) { -1 } else { said.len() as i64 };
                if head >= 0 {
                    said.push(&write.value);
                }
                insert.execute(params![num, register.number, write.stamp.pos as i64, 0, head])?;
            }
        }
        let elements = folded.state.sets.get(register.name).into_iter().flat_map(|set| set.values().flatten());
        for element in elements {
            if let Some(pos) = position(element.dot) {
                insert.execute(params![num, register.number, pos, element.index, 0])?;
            }
        }
    }
    for block in &folded.state.blocks {
        insert.execute(params![num, jay_types::change::root::LEAF_BLOCK, block.pos as i64, 0, 0])?;
    }
    for deferred in &folded.state.deferred {
        super::deferred::note(tx, deferred.pos as i64, deferred.field.as_deref().unwrap_or(""), deferred.reason)?;
    }
    Ok(())
}
