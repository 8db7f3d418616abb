//! Sessions and messages, from the blocks that hold them (J17).

mod messages;
mod readings;

use super::Folded;
use crate::Result;
use crate::tx::Tx;
use crate::vectors::Wishes;
use jay_types::Hash;
use jay_types::change::block::Block;
use jay_types::session::{Message, Role, SessionMeta};
use rusqlite::params;

pub(crate) use messages::drop_documents;

pub(super) fn write(tx: &Tx<'_>, folded: &Folded, wishes: &mut Wishes) -> Result<()> {
    let num = folded.row.num;
    if folded.state.purged.is_some() {
        super::touched::drop_all(tx, num)?;
        for table in ["messages", "blocks", "sessions"] {
            tx.execute(&format!("DELETE FROM {table} WHERE entity = ?1"), [num])?;
        }
        return Ok(());
    }
    for stamp in &folded.state.blocks {
        let pos = stamp.pos as i64;
        if tx.one("SELECT 1 FROM blocks WHERE pos = ?1", [pos], |_| Ok(()))?.is_some() {
            continue;
        }
        let read = match tx.body_json_if_readable(pos)? {
            None => continue,
            Some(json) => json.map_err(|fault| fault.to_string()).and_then(|json| Block::from_json(&json)),
        };
        match read {
            Ok(block) => {
                if folded.absent.rows {
                    super::everything::foresee_block(tx, folded.absent, &block);
                }
                readings::write(tx, folded, pos, &block, wishes)?;
            }
            Err(reason) => {
                tracing::warn!(pos, reason, "an archive block is not readable by this version");
                super::deferred::note(tx, pos, "", "unreadable_body")?;
            }
        }
    }
    write_session(tx, folded)
}

/// A mark of who speaks and what: equal for messages that say the same.
pub(crate) fn digest(message: &Message) -> i64 {
    marked(&serde_json::to_vec(&(message.role, &message.parts)).unwrap_or_default())
}

/// A mark of a message's id. The id itself stands in the block: a table and an index of them would be a tenth of an archive.
pub(crate) fn message_key(id: &str) -> i64 {
    marked(id.as_bytes())
}

/// 64 bits: that two of the messages of a session of a million were taken for one has a chance of one in 10^7.
fn marked(bytes: &[u8]) -> i64 {
    let [a, b, c, d, e, f, g, h, ..] = Hash::of(bytes).0;
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// Roles in the order of their numbers in the store.
const ROLES: [Role; 4] = [Role::System, Role::User, Role::Assistant, Role::Tool];

/// The number of a role in the store.
pub(crate) fn role_number(role: Role) -> usize {
    ROLES.iter().position(|one| *one == role).unwrap_or_else(|| unreachable!("every role has a number"))
}

/// The role of a number in the store.
pub(crate) fn role_of_number(number: Option<usize>) -> Option<Role> {
    ROLES.get(number?).copied()
}

/// A role's name in JSON.
pub(crate) const fn role_name(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}

/// What is known of a session, in the order in which its rows were taken in: an old block that is read once more knows nothing
/// later than it did.
const METAS: &str = "SELECT b.meta, b.host, b.user FROM blocks b
       JOIN changes c ON c.pos = coalesce(b.rows_pos, b.pos) JOIN streams s ON s.num = c.stream JOIN nodes n ON n.num = s.node
       JOIN changes o ON o.pos = b.pos JOIN streams os ON os.num = o.stream JOIN nodes om ON om.num = os.node
     WHERE b.entity = ?1 ORDER BY c.hlc, n.id, c.hash, b.reads IS NOT NULL, b.adapter, o.hlc, om.id, o.hash";

/// The session as its blocks know it together: a later block fills and corrects, it never empties.
fn write_session(tx: &Tx<'_>, folded: &Folded) -> Result<()> {
    let num = folded.row.num;
    let blocks =
        tx.all(METAS, [num], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?)))?;
    let mut whole = SessionMeta::default();
    let (mut host, mut user) = (String::new(), String::new());
    for (meta, block_host, block_user) in blocks {
        if let Ok(meta) = serde_json::from_str::<SessionMeta>(&meta) {
            whole.merge(&meta);
            (whole.client, whole.id) = (meta.client, meta.id);
        }
        (host, user) = (block_host, block_user);
    }
    if whole.client.is_empty() {
        return Ok(());
    }
    let (count, searchable, first, last) = tx
        .one(
            "SELECT count(*), total(searchable), min(at), max(at) FROM messages WHERE entity = ?1 AND superseded = 0",
            [num],
            |row| {
                let (count, searchable) = (row.get::<_, i64>(0)?, row.get::<_, f64>(1)? as i64);
                Ok((count, searchable, row.get::<_, Option<i64>>(2)?, row.get::<_, Option<i64>>(3)?))
            },
        )?
        .unwrap_or_default();
    let started = whole.started_at.map(|at| at.0).or(first);
    let ended = whole.ended_at.map(|at| at.0).max(last);
    tx.execute(
        "INSERT OR REPLACE INTO sessions(entity, namespace, client, session, parent, relation, agent, project, git_remote,
           git_branch, title, client_version, started_at, ended_at, host, user, latest, messages, searchable)
         VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
        params![
            num,
            folded.row.namespace,
            whole.client,
            whole.id,
            whole.parent,
            whole.relation,
            whole.agent,
            whole.project,
            whole.git_remote,
            whole.git_branch,
            whole.title,
            whole.client_version,
            started,
            ended,
            host,
            user,
            ended.or(started).unwrap_or(0),
            count,
            searchable
        ],
    )?;
    Ok(())
}
