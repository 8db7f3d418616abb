//! Sessions and messages, from the blocks that hold them (J17).

use super::Folded;
use super::document::{masked_text, message_document, of_message};
use crate::Result;
use crate::tx::Tx;
use crate::vectors::Wishes;
use jay_types::Hash;
use jay_types::change::block::{Block, BlockSource};
use jay_types::session::{Message, Role, SessionMeta};
use rusqlite::params;
use std::collections::HashSet;

pub(super) fn write(tx: &Tx<'_>, folded: &Folded, wishes: &mut Wishes) -> Result<()> {
    let num = folded.row.num;
    if folded.state.purged.is_some() {
        super::touched::drop(tx, num)?;
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
            Ok(block) => write_block(tx, folded, pos, &block, wishes)?,
            Err(reason) => {
                tracing::warn!(pos, reason, "an archive block is not readable by this version");
                super::deferred::note(tx, pos, "", "unreadable_body")?;
            }
        }
    }
    write_session(tx, folded)
}

fn write_block(tx: &Tx<'_>, folded: &Folded, pos: i64, block: &Block, wishes: &mut Wishes) -> Result<()> {
    let (num, namespace) = (folded.row.num, folded.row.namespace);
    let meta = serde_json::to_string(&block.session).unwrap_or_default();
    let first_row = block.rows.first().map_or(0, |row| row.n as i64);
    let source = &block.source;
    tx.execute(
        "INSERT INTO blocks(pos, entity, path, revision, first_row, host, user, meta) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![pos, num, source.path, source.revision, first_row, source.host, source.user, meta],
    )?;
    let here = params![num, source.path, source.host, source.revision];
    let has_revisions = tx.one(HAS_REVISIONS, here, |_| Ok(()))?.is_some();
    let mut held: HashSet<(i64, i64)> =
        tx.all(HELD, [num], |row| Ok((row.get(0)?, row.get(1)?)))?.into_iter().collect();
    for (place, message) in block.messages.iter().enumerate() {
        if message.role.is_none() && message.parts.is_empty() {
            // A carrier: its row stands in the block, there is nothing of it to show.
            continue;
        }
        let doc = message_document(pos, place);
        let text = of_message(block, place);
        let key = message_key(&message.id);
        let outdated = has_revisions && note_revisions(tx, num, source, key)?;
        let ordinal = block.rows.get(message.row as usize).map_or(0, |row| row.n as i64);
        tx.execute(
            "INSERT INTO messages(doc, entity, ordinal, key, digest, role, author, at, searchable, superseded, asks)
             VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                doc,
                num,
                ordinal,
                key,
                digest(message),
                message.role.map(role_number),
                message.author,
                message.at.map(|at| at.0),
                text.is_some(),
                i64::from(outdated) * OUTDATED,
                (tx.analysis.is_question)(&masked_text(&block.secrets, place, message))
            ],
        )?;
        super::touched::write(tx, doc, message)?;
        // Asked for each message, a long session would be looked through as often as it has messages.
        if !held.insert((key, digest(message))) {
            refresh_copies(tx, num, key, digest(message))?;
        }
        if let Some(text) = text {
            tx.index(doc, namespace, &text)?;
            if !outdated {
                tx.wish(wishes, doc, || text.0)?;
            }
        }
    }
    Ok(())
}

/// A later revision of the same file says something under its id.
const OUTDATED: i64 = 1;
/// An equal message that was journalled earlier stands for it: resumed and forked files copy rows.
const COPY: i64 = 2;

/// What is shown of a session, or stands behind an equal one that is.
const HELD: &str = "SELECT key, digest FROM messages WHERE entity = ?1 AND superseded & 1 = 0";

/// Equal messages of a session. `+` keeps SQLite from looking through the whole session for them.
const COPIES: &str = "SELECT m.doc, m.superseded FROM messages m JOIN changes c ON c.pos = m.pos
       JOIN streams s ON s.num = c.stream JOIN nodes n ON n.num = s.node
     WHERE m.key = ?1 AND +m.entity = ?2 AND m.digest = ?3 AND m.superseded & 1 = 0
     ORDER BY c.hlc, n.id, c.hash, m.place";

/// Whether a source of a session has other revisions here.
const HAS_REVISIONS: &str =
    "SELECT 1 FROM blocks WHERE entity = ?1 AND path = ?2 AND host = ?3 AND revision <> ?4 LIMIT 1";

/// The messages of an id in other revisions of a source. `+` as above.
const OF_OTHER_REVISIONS: &str = "SELECT m.doc, m.digest, b.revision FROM messages m JOIN blocks b ON b.pos = m.pos
     WHERE m.key = ?1 AND +m.entity = ?2 AND b.path = ?3 AND b.host = ?4 AND b.revision <> ?5 AND m.superseded & 1 = 0";

/// Marks what earlier revisions of a source said under this id; true where a later one has it here already. What only an
/// earlier revision holds stays: a client that cuts its file does not take anything out of the archive.
fn note_revisions(tx: &Tx<'_>, entity: i64, source: &BlockSource, key: i64) -> Result<bool> {
    let here = params![key, entity, source.path, source.host, source.revision];
    let others = tx.all(OF_OTHER_REVISIONS, here, |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, u32>(2)?))
    })?;
    let mut is_outdated = false;
    for (doc, digest, revision) in others {
        if revision > source.revision {
            is_outdated = true;
            continue;
        }
        tx.execute("UPDATE messages SET superseded = ?2 WHERE doc = ?1", [doc, OUTDATED])?;
        refresh_copies(tx, entity, key, digest)?;
    }
    Ok(is_outdated)
}

/// Of equal messages of a session the one that was journalled first (by the order of writes, not of arrival) is shown.
fn refresh_copies(tx: &Tx<'_>, entity: i64, key: i64, digest: i64) -> Result<()> {
    let docs =
        tx.all(COPIES, params![key, entity, digest], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
    for (place, (doc, superseded)) in docs.into_iter().enumerate() {
        let wanted = if place == 0 { 0 } else { COPY };
        if superseded != wanted {
            tx.execute("UPDATE messages SET superseded = ?2 WHERE doc = ?1", [doc, wanted])?;
        }
    }
    Ok(())
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

/// The session as its blocks know it together: a later block fills and corrects, it never empties.
fn write_session(tx: &Tx<'_>, folded: &Folded) -> Result<()> {
    let num = folded.row.num;
    let blocks = tx.all(
        "SELECT b.meta, b.host, b.user FROM blocks b JOIN changes c ON c.pos = b.pos
           JOIN streams s ON s.num = c.stream JOIN nodes n ON n.num = s.node
         WHERE b.entity = ?1 ORDER BY c.hlc, n.id, c.hash",
        [num],
        |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?)),
    )?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{connection, migrate};
    use jay_types::change::Journal;

    /// A plan that reads the whole session for each of its messages takes minutes for a long one.
    #[test]
    fn a_message_finds_its_copies_by_its_id() {
        let connection = connection::open_in_memory().unwrap();
        migrate::run(&connection, Journal::Archive, None, 0).unwrap();
        let plan = |sql: &str| -> String {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            // No value is looked at for a plan.
            let values = vec![0; statement.parameter_count()];
            let rows = statement.query_map(rusqlite::params_from_iter(values), |row| row.get::<_, String>(3)).unwrap();
            rows.map(|row| row.unwrap() + "\n").collect()
        };
        assert!(plan(COPIES).contains("messages_by_key (key=?)"), "{}", plan(COPIES));
        assert!(plan(OF_OTHER_REVISIONS).contains("messages_by_key (key=?)"), "{}", plan(OF_OTHER_REVISIONS));
        assert!(!plan(HAS_REVISIONS).contains("SCAN"), "{}", plan(HAS_REVISIONS));
    }
}
