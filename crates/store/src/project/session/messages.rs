//! The messages of one reading: put in, and taken out again where a better one shows them.
//!
//! **Invariant:** what is taken out leaves nothing behind, and what it hid is shown again: the rows are those that there would be
//! had the reading never been here.

use super::super::Folded;
use super::super::document::{masked_text, message_document, of_message};
use super::super::touched;
use super::{digest, message_key, role_number};
use crate::Result;
use crate::tx::Tx;
use crate::vectors::Wishes;
use jay_types::change::block::{Block, BlockSource};
use rusqlite::params;
use std::collections::{BTreeSet, HashSet};

/// Puts in what the reading at `pos` says.
pub(super) fn put_in(tx: &Tx<'_>, folded: &Folded, pos: i64, block: &Block, wishes: &mut Wishes) -> Result<()> {
    let (num, namespace) = (folded.row.num, folded.row.namespace);
    let source = &block.source;
    let has_revisions = has_revisions(tx, num, source)?;
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
        touched::write(tx, doc, message)?;
        // Asked for each message, a long session would be looked through as often as it has messages.
        if !held.insert((key, digest(message))) {
            refresh_copies(tx, num, key, digest(message))?;
        }
        if let Some(text) = text {
            tx.index(doc, namespace, &text)?;
            if !outdated {
                tx.wish(wishes, doc, folded.absent, || text.0)?;
            }
        }
    }
    Ok(())
}

/// Takes out what the reading at `pos` says, and shows again what it hid.
pub(super) fn take_out(tx: &Tx<'_>, folded: &Folded, pos: i64, block: &Block, wishes: &mut Wishes) -> Result<()> {
    let num = folded.row.num;
    let of_block = [message_document(pos, 0), message_document(pos + 1, 0)];
    let marks = "SELECT key, digest FROM messages WHERE doc >= ?1 AND doc < ?2";
    let marks: BTreeSet<(i64, i64)> =
        tx.all(marks, of_block, |row| Ok((row.get(0)?, row.get(1)?)))?.into_iter().collect();
    for (place, message) in block.messages.iter().enumerate() {
        touched::remove(tx, message_document(pos, place), message)?;
    }
    drop_documents(tx, pos)?;
    wishes.leave_out(of_block[0]..of_block[1]);
    tx.execute("DELETE FROM messages WHERE doc >= ?1 AND doc < ?2", of_block)?;
    let has_revisions = has_revisions(tx, num, &block.source)?;
    for (key, digest) in marks {
        if has_revisions {
            settle_revisions(tx, num, &block.source, key)?;
        }
        refresh_copies(tx, num, key, digest)?;
    }
    Ok(())
}

/// Takes the documents of a block's messages out of the indexes, with what is still to be done for them.
pub(crate) fn drop_documents(tx: &Tx<'_>, pos: i64) -> Result<()> {
    let of_block = [message_document(pos, 0), message_document(pos + 1, 0)];
    let docs: Vec<i64> =
        tx.all("SELECT doc FROM documents WHERE doc >= ?1 AND doc < ?2", of_block, |row| row.get(0))?;
    for doc in docs {
        tx.unindex(doc)?;
        tx.execute("DELETE FROM vectors WHERE model IN (SELECT num FROM models) AND pos = ?1", [doc])?;
        tx.execute("DELETE FROM jobs WHERE kind IN ('embed', 'embed_model') AND subject = ?1", [doc])?;
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

/// The messages of an id in all revisions of a source.
const OF_REVISIONS: &str =
    "SELECT m.doc, m.digest, b.revision, m.superseded FROM messages m JOIN blocks b ON b.pos = m.pos
     WHERE m.key = ?1 AND +m.entity = ?2 AND b.path = ?3 AND b.host = ?4";

/// Decides anew which revision of a source speaks under an id: one that did is gone.
fn settle_revisions(tx: &Tx<'_>, entity: i64, source: &BlockSource, key: i64) -> Result<()> {
    let told = tx.all(OF_REVISIONS, params![key, entity, source.path, source.host], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, u32>(2)?, row.get::<_, i64>(3)?))
    })?;
    let latest = told.iter().map(|(_, _, revision, _)| *revision).max();
    for (doc, digest, revision, superseded) in told {
        if superseded & OUTDATED != 0 && Some(revision) == latest {
            tx.execute("UPDATE messages SET superseded = 0 WHERE doc = ?1", [doc])?;
            refresh_copies(tx, entity, key, digest)?;
        }
    }
    Ok(())
}

fn has_revisions(tx: &Tx<'_>, entity: i64, source: &BlockSource) -> Result<bool> {
    let here = params![entity, source.path, source.host, source.revision];
    Ok(tx.one(HAS_REVISIONS, here, |_| Ok(()))?.is_some())
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
        assert!(plan(OF_REVISIONS).contains("messages_by_key (key=?)"), "{}", plan(OF_REVISIONS));
        assert!(!plan(HAS_REVISIONS).contains("SCAN"), "{}", plan(HAS_REVISIONS));
    }
}
