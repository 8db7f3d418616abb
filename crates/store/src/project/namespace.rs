//! A namespace's path, names, forget key and policy.
//!
//! **Invariant:** what is shown is found through its namespace: one that was deleted or merged while another machine wrote to it is found
//! by its names as long as something in it is shown.

use super::{Folded, fold_entity};
use crate::Result;
use crate::tx::Tx;
use jay_types::EntityId;
use jay_types::change::EntityKind;
use jay_types::change::registry::{ALIASES, FORGET_KEY, PATH, POLICY, REMOTES, Register};
use jay_types::id::from_hex;
use rusqlite::params;
use std::collections::BTreeSet;

/// Of `namespace_state.retired`: nothing is in it, and it is found under no name.
pub(crate) const GONE: i64 = 1;
/// It was deleted or merged by who did not know what is shown in it. It takes nothing new where another one has its name.
const LEFT: i64 = 2;

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
    let retired = match state.is_retired() {
        false => 0,
        true if has_shown(tx, namespace)? => LEFT,
        true => GONE,
    };
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
            retired
        ],
    )?;
    write_names(tx, folded, retired, path.zip(path_pos))?;
    Ok(had_key != forget_key)
}

fn has_shown(tx: &Tx<'_>, namespace: i64) -> Result<bool> {
    let sql = "SELECT 1 FROM memories WHERE namespace = ?1 AND hidden = 0 LIMIT 1";
    Ok(tx.one(sql, [namespace], |_| Ok(()))?.is_some())
}

/// Makes the rows of these namespaces again where they are retired and something in them came to light, or is shown no longer.
pub(super) fn refresh(tx: &Tx<'_>, namespaces: impl IntoIterator<Item = i64>) -> Result<()> {
    for namespace in namespaces {
        let sql = "SELECT retired FROM namespace_state WHERE namespace = ?1 AND retired <> 0";
        let Some(retired) = tx.one(sql, [namespace], |row| row.get::<_, i64>(0))? else { continue };
        let id = EntityId::of_namespace(tx.namespace_id(namespace)?);
        if has_shown(tx, namespace)? != (retired == LEFT)
            && let Some(num) = tx.entity_number(namespace, EntityKind::Namespace.number(), id)?
        {
            write(tx, &fold_entity(tx, tx.entity(num)?, EntityKind::Namespace)?)?;
        }
    }
    Ok(())
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

/// The names under which a namespace is found.
fn write_names(tx: &Tx<'_>, folded: &Folded, retired: i64, path: Option<(&str, i64)>) -> Result<()> {
    let namespace = folded.row.namespace;
    tx.execute("DELETE FROM namespace_names WHERE namespace = ?1", [namespace])?;
    if retired == GONE {
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
