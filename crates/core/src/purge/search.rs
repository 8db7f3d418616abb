//! Where the words of a purge stand: every body of both journals is decompressed and looked through.
//!
//! No index is asked. It holds what is searched by default, and a text also stands in calls, results, thoughts, titles
//! and rows that no adapter reads.
//!
//! **Invariant:** what cannot be read is counted, so that nobody calls a purge done that did not look there.

use super::needle::Needles;
use super::{SessionHolding, SessionKey};
use crate::call::Call;
use jay_store::HeldBody;
use jay_types::change::EntityKind;
use jay_types::change::block::{Block, BlockSource, Row};
use jay_types::{EntityId, Result};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Bytes that are kept of a row that goes on in the next block: a text of 64 KiB, each byte of it escaped.
const CARRIED_MAX_BYTES: usize = 1024 * 1024;

/// What a search of one journal came to.
#[derive(Default)]
pub(super) struct Holding {
    /// Archived sessions, with each message in which the words stand.
    pub(super) sessions: BTreeSet<(SessionKey, SessionHolding)>,
    /// Memories.
    pub(super) memories: BTreeSet<EntityId>,
    /// Bodies that this version cannot read.
    pub(super) unreadable: u64,
}

/// What every block has, whatever else it holds.
#[derive(Deserialize)]
struct Rows {
    block: RowsOfBlock,
}

#[derive(Deserialize)]
struct RowsOfBlock {
    source: BlockSource,
    session: Named,
    #[serde(default)]
    reads: Option<jay_types::Dot>,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Named {
    client: String,
    id: String,
}

/// The rest of a row that goes on in another block, and the sessions of the blocks in which its pieces stand.
#[derive(Default)]
struct Carried {
    text: String,
    sessions: Vec<(SessionKey, SessionHolding)>,
}

/// Archived sessions that hold one of the texts.
pub(super) fn in_archive(call: &Call<'_>, needles: &Needles) -> Result<Holding> {
    let mut holding = Holding::default();
    if needles.is_empty() {
        return Ok(holding);
    }
    let mut open: BTreeMap<(String, String, u32), Carried> = BTreeMap::new();
    call.engine.archive.read(|tx| -> Result<()> {
        tx.each_body(&mut |body: &HeldBody<'_>| -> Result<()> {
            if body.kind != Some(EntityKind::Session) {
                return Ok(());
            }
            let text = body.json.and_then(|json| std::str::from_utf8(json).ok());
            let rows = text.and_then(|text| serde_json::from_str::<Rows>(text).ok());
            let (Some(text), Some(Rows { block })) = (text, rows) else {
                holding.unreadable += 1;
                return Ok(());
            };
            let key = SessionKey { id: body.id, namespace: tx.namespace_id_of(body.namespace)? };
            let found = |message: Option<String>| {
                let Named { client, id } = &block.session;
                (key, SessionHolding { client: client.clone(), session: id.clone(), message, purged: false })
            };
            if needles.are_in(text) {
                holding.sessions.extend(messages_with(text, needles).into_iter().map(found));
            }
            if block.reads.is_some() {
                // Its rows stand in the block that it reads.
                return Ok(());
            }
            let source = (block.source.path.clone(), block.source.host.clone(), block.source.revision);
            let carried = open.remove(&source).unwrap_or_default();
            let rest = across_pieces(&block.rows, carried, found(None), needles, &mut holding);
            if let Some(rest) = rest {
                open.insert(source, rest);
            }
            Ok(())
        })
    })?;
    Ok(holding)
}

/// The messages of a block that hold one of the texts; none of them where it stands in a row or a title only.
fn messages_with(json: &str, needles: &Needles) -> Vec<Option<String>> {
    let block = Block::from_json(json.as_bytes()).ok();
    let mut found = Vec::new();
    for message in block.iter().flat_map(|block| &block.messages) {
        let row = block.as_ref().and_then(|block| block.rows.get(message.row as usize));
        let in_row = row.and_then(|row| row.t.as_deref()).is_some_and(|row| needles.are_in(row));
        let is_shown = message.role.is_some() || !message.parts.is_empty();
        let in_parts = || serde_json::to_string(message).is_ok_and(|json| needles.are_in(&json));
        if is_shown && (in_row || in_parts()) {
            found.push(Some(message.id.clone()));
        }
    }
    if found.is_empty() { vec![None] } else { found }
}

/// Looks for the texts across the cuts of rows that are kept in pieces, and in rows that are kept in hex; returns what goes
/// on in a later block.
fn across_pieces(
    rows: &[Row],
    mut carried: Carried,
    here: (SessionKey, SessionHolding),
    needles: &Needles,
    holding: &mut Holding,
) -> Option<Carried> {
    let is_plain = |row: &Row| row.t.as_ref().is_some_and(|text| text.ends_with('\n'));
    if carried.sessions.is_empty() && rows.iter().all(is_plain) {
        return None;
    }
    carried.sessions.push(here);
    for row in rows {
        let bytes = row.bytes().unwrap_or_default();
        carried.text.push_str(&String::from_utf8_lossy(&bytes));
        if needles.are_in(&carried.text) {
            holding.sessions.extend(carried.sessions.iter().cloned());
        }
        if bytes.ends_with(b"\n") {
            carried.text.clear();
            carried.sessions.drain(..carried.sessions.len().saturating_sub(1));
        } else {
            let from = carried.text.len().saturating_sub(CARRIED_MAX_BYTES);
            let from = (from..=carried.text.len()).find(|at| carried.text.is_char_boundary(*at)).unwrap_or(0);
            carried.text.drain(..from);
        }
    }
    (!carried.text.is_empty()).then_some(carried)
}

/// Memories whose bodies hold one of the texts, other than those that are being purged.
pub(super) fn in_memory(call: &Call<'_>, needles: &Needles, but: &BTreeSet<i64>) -> Result<Holding> {
    let mut holding = Holding::default();
    if needles.is_empty() {
        return Ok(holding);
    }
    call.engine.memory.read(|tx| -> Result<()> {
        tx.each_body(&mut |body: &HeldBody<'_>| -> Result<()> {
            if body.kind != Some(EntityKind::Memory) || but.contains(&body.entity) {
                return Ok(());
            }
            match body.json.and_then(|json| std::str::from_utf8(json).ok()) {
                Some(json) if needles.are_in(json) => _ = holding.memories.insert(body.id),
                Some(_) => {}
                None => holding.unreadable += 1,
            }
            Ok(())
        })
    })?;
    Ok(holding)
}
