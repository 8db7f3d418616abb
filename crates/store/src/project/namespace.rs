//! A namespace's path, names, forget key and policy.

use super::Folded;
use crate::Result;
use crate::tx::Tx;
use jay_types::change::EntityKind;
use jay_types::change::registry::{ALIASES, FORGET_KEY, PATH, POLICY, REMOTES, Register};
use jay_types::id::from_hex;
use rusqlite::params;
use std::collections::BTreeSet;

/// Writes the rows; true where the namespace has another forget key than before.
pub(super) fn write(tx: &Tx<'_>, folded: &Folded) -> Result<bool> {
    let (state, namespace) = (&folded.state, folded.row.namespace);
    if tx.namespace_id(namespace)?.0 != folded.row.id {
        // Only the entity whose id is the namespace's speaks for it (J3).
        return Ok(false);
    }
    let path = state.value(PATH).and_then(|path| path.as_str());
    let path_pos = state.winner(PATH).map(|write| write.stamp.pos as i64);
    let forget_key = state.value(FORGET_KEY).and_then(|key| key.as_str()).and_then(from_hex::<32>);
    let secrets = state.value(POLICY).and_then(|policy| policy.get("secrets")).and_then(|secrets| secrets.as_str());
    let had_key = tx
        .one("SELECT forget_key FROM namespace_state WHERE namespace = ?1", [namespace], |row| {
            row.get::<_, Option<[u8; 32]>>(0)
        })?
        .flatten();
    tx.execute(
        "INSERT OR REPLACE INTO namespace_state(namespace, path, path_pos, forget_key, secrets, created_at, retired)
         VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            namespace,
            path,
            path_pos,
            forget_key,
            secrets,
            state.created.map_or(0, |created| created.at.0),
            state.is_retired()
        ],
    )?;
    write_names(tx, folded, path.zip(path_pos))?;
    Ok(had_key != forget_key)
}

/// Makes the rows of all its memories again.
pub(super) fn write_memories(tx: &Tx<'_>, namespace: i64, now: i64) -> Result<super::Projected> {
    let memories = tx.all(
        "SELECT num FROM entities WHERE namespace = ?1 AND kind = ?2",
        params![namespace, EntityKind::Memory.number()],
        |row| row.get(0),
    )?;
    super::entities(tx, &BTreeSet::from_iter(memories), now)
}

/// The names under which a namespace is found; a retired one is found under none.
fn write_names(tx: &Tx<'_>, folded: &Folded, path: Option<(&str, i64)>) -> Result<()> {
    let namespace = folded.row.namespace;
    tx.execute("DELETE FROM namespace_names WHERE namespace = ?1", [namespace])?;
    if folded.state.is_retired() {
        return Ok(());
    }
    let name = |kind: &str, name: &str, pos: i64| {
        tx.execute(
            "INSERT OR IGNORE INTO namespace_names(namespace, name, kind, pos) VALUES(?1, ?2, ?3, ?4)",
            params![namespace, name, kind, pos],
        )
    };
    if let Some((path, pos)) = path {
        name("path", path, pos)?;
    }
    for (kind, register) in [("alias", ALIASES), ("remote", REMOTES)] {
        for (element, pos) in elements_with_position(folded, register) {
            name(kind, &element, pos)?;
        }
    }
    Ok(())
}

fn elements_with_position(folded: &Folded, register: Register) -> Vec<(String, i64)> {
    let first = |dots: &BTreeSet<jay_types::change::body::ElementDot>| {
        folded
            .positions
            .iter()
            .filter(|(dot, _)| dots.iter().any(|element| element.dot == *dot))
            .map(|(_, pos)| *pos)
            .min()
    };
    folded
        .state
        .sets
        .get(register.name)
        .into_iter()
        .flatten()
        .map(|(element, dots)| (element.clone(), first(dots).unwrap_or_default()))
        .collect()
}
