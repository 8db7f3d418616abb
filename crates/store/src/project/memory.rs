//! The row of a memory, its tags, links, claims and marks.

use super::{Absent, Folded, alias, hidden, moves};
use crate::Result;
use crate::journal::load::EntityRow;
use crate::tx::Tx;
use crate::vectors::Wishes;
use jay_types::Timestamp;
use jay_types::change::Op;
use jay_types::change::fold::{BodyState, Change, EntityState};
use jay_types::change::registry::{
    CONFIDENCE, CREATED_AT, EXPIRES_AT, FEEDBACK, FORGOTTEN, IMPORTANCE, KEY, KIND, LINKS, PINNED, PLACE, SOURCE, TAGS,
    TEXT, VALID,
};
use jay_types::id::from_hex;
use jay_types::memory::{Kind, Place};
use jay_types::text::normalise;
use rusqlite::params;
use serde_json::Value;
use std::collections::BTreeSet;

/// Bytes of the mark under which equal texts and forgotten texts are found.
pub(crate) const MAC_BYTES: usize = 16;

/// The mark of a text: keyed, so that it cannot be guessed without the namespace's key (J10).
pub(crate) fn text_mac(forget_key: &[u8; 32], text: &str) -> [u8; MAC_BYTES] {
    let mut mac = [0; MAC_BYTES];
    let mut hasher = jay_types::text::keyed_hasher(forget_key);
    hasher.update(normalise(text).as_bytes());
    hasher.finalize_xof().fill(&mut mac);
    mac
}

/// What the rows that were made again had and have in common with others: there `hidden` may have changed.
#[derive(Default)]
pub(super) struct Groups {
    keys: Vec<Option<String>>,
    macs: Vec<Option<[u8; MAC_BYTES]>>,
    /// Wordings that were shown.
    docs: Vec<i64>,
}

impl Groups {
    /// Adds what the row of a memory has now.
    pub(super) fn add_row_of(&mut self, tx: &Tx<'_>, num: i64) -> Result<()> {
        let sql = "SELECT key, text_mac, text_pos FROM memories WHERE entity = ?1";
        if let Some((key, mac, doc)) = tx.one(sql, [num], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))? {
            self.keys.push(key);
            self.macs.push(mac);
            self.docs.extend::<Option<i64>>(doc);
        }
        Ok(())
    }

    /// What was shown may not be shown any more, though it was wished for in this pass.
    pub(super) fn leave_out_of(&self, wishes: &mut Wishes) {
        self.docs.iter().for_each(|doc| wishes.leave_out(*doc..doc + 1));
    }
}

/// Writes what a memory says; returns those that said the same as it where it is purged.
pub(super) fn write(tx: &Tx<'_>, folded: &Folded, wishes: &mut Wishes) -> Result<BTreeSet<i64>> {
    let (row, absent) = (&folded.row, folded.absent);
    let mut groups = Groups::default();
    if !absent.rows {
        groups.add_row_of(tx, row.num)?;
    }
    let mut claimed = alias::write_claims(tx, folded)?;
    let is_purged = folded.state.purged.is_some();
    let mut said_the_same = BTreeSet::new();
    if is_purged {
        said_the_same.extend(&claimed);
        for mac in groups.macs.iter().flatten() {
            said_the_same.extend(tx.marked_alike(row.namespace, mac)?);
        }
        let forgets = tx.all("SELECT mac FROM forgets WHERE entity = ?1", [row.num], |row| row.get(0))?;
        groups.macs.extend(forgets.into_iter().map(Some));
        remove_rows(tx, row.num)?;
    } else {
        for (pos, text) in &folded.texts {
            if absent.rows || !tx.is_indexed(*pos)? {
                tx.index(*pos, row.namespace, text)?;
            }
        }
        write_claims(tx, folded)?;
        moves::write(tx, folded)?;
        groups.macs.extend(write_forgets(tx, folded)?.into_iter().map(Some));
    }
    if !claimed.is_empty() {
        claimed.insert(row.num);
        alias::write_together(tx, &claimed, &mut groups, wishes)?;
    } else if !is_purged {
        let created = folded.state.created.map_or(0, |created| created.order.hlc.0 as i64);
        let pos = write_reading(tx, row, (&folded.state, created), absent, &mut groups)?;
        if !absent.vectors {
            tx.drop_vectors(row.num, pos)?;
        }
        wish(tx, &folded.state, pos, absent, wishes)?;
    }
    hidden::refresh(tx, row.namespace, &groups.keys, &groups.macs)?;
    Ok(said_the_same)
}

/// Writes the row of what reads as one, with its place, tags and links; returns the position of the wording that is shown.
/// `created` is when it was said last.
pub(super) fn write_reading(
    tx: &Tx<'_>,
    entity: &EntityRow,
    (state, created): (&EntityState, i64),
    absent: Absent,
    groups: &mut Groups,
) -> Result<Option<i64>> {
    let forget_key = tx.forget_key(entity.namespace)?;
    let row = Row::of(state, forget_key.as_ref(), tx.analysis.is_question);
    row.insert(tx, entity, state, (created, hidden::own_bits(state)))?;
    write_place(tx, entity, state, absent)?;
    write_sets(tx, entity, state, absent)?;
    groups.keys.push(row.key);
    groups.macs.push(row.mac);
    Ok(row.text_pos)
}

/// Writes the row of a memory that reads as another: it is there to be found by its id.
pub(super) fn write_alias(tx: &Tx<'_>, entity: &EntityRow, state: &EntityState) -> Result<()> {
    let created = state.created.map_or(0, |created| created.order.hlc.0 as i64);
    let row = Row { text_pos: None, mac: None, key: None, key_pos: None, ..Row::of(state, None, |_| false) };
    row.insert(tx, entity, state, (created, hidden::ALIAS))?;
    for table in ["places", "tags", "links"] {
        tx.execute(&format!("DELETE FROM {table} WHERE entity = ?1"), [entity.num])?;
    }
    Ok(())
}

/// Wishes for vectors of the wording that is shown.
pub(super) fn wish(
    tx: &Tx<'_>,
    state: &EntityState,
    pos: Option<i64>,
    absent: Absent,
    wishes: &mut Wishes,
) -> Result<()> {
    let Some(pos) = pos else { return Ok(()) };
    let part = |name: &str| state.value(TEXT).and_then(|value| value.get(name)).and_then(Value::as_str);
    tx.wish(wishes, pos, absent, || embedded_text(part("title"), part("text").unwrap_or_default()))
}

/// What of a wording is embedded.
pub(crate) fn embedded_text(title: Option<&str>, text: &str) -> String {
    title.map_or_else(|| text.to_owned(), |title| format!("{title}\n{text}"))
}

struct Row {
    kind: Kind,
    text_pos: Option<i64>,
    mac: Option<[u8; MAC_BYTES]>,
    key: Option<String>,
    key_pos: Option<i64>,
    valid: (Option<i64>, Option<i64>),
    asks: bool,
}

impl Row {
    fn of(state: &EntityState, forget_key: Option<&[u8; 32]>, is_question: fn(&str) -> bool) -> Self {
        let text = state.value(TEXT).and_then(|value| value.get("text")).and_then(Value::as_str);
        let valid = |name| state.value(VALID).and_then(|valid| valid.get(name)).and_then(Value::as_i64);
        let key = state.value(KEY).and_then(Value::as_str).map(str::to_owned);
        Self {
            kind: state.value(KIND).and_then(Value::as_str).and_then(Kind::from_name).unwrap_or_default(),
            text_pos: text.and(state.winner(TEXT)).map(|write| write.stamp.pos as i64),
            mac: forget_key.zip(text).map(|(forget_key, text)| text_mac(forget_key, text)),
            key_pos: key.as_ref().and(state.winner(KEY)).map(|write| write.stamp.pos as i64),
            key,
            valid: (valid("from"), valid("to")),
            asks: text.is_some_and(is_question),
        }
    }

    fn insert(
        &self,
        tx: &Tx<'_>,
        entity: &EntityRow,
        state: &EntityState,
        (created, hidden): (i64, i64),
    ) -> Result<()> {
        let created_at = created_at(state).0;
        let number = |register| state.value(register).and_then(Value::as_f64);
        let votes = |verdict: &str| state.elements(FEEDBACK).filter(|vote| vote.starts_with(verdict)).count() as i64;
        tx.execute(
            "INSERT OR REPLACE INTO memories(entity, namespace, kind, text_pos, text_mac, key, key_pos, created_hlc, created_at,
               updated_at, valid_from, valid_to, expires_at, importance, confidence, pinned, useful, noise, session, asks,
               hidden, version)
             VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)",
            params![
                entity.num,
                entity.namespace,
                kind_number(self.kind),
                self.text_pos,
                self.mac,
                self.key,
                self.key_pos,
                created,
                created_at,
                state.updated.map_or(created_at, |updated| updated.at.0),
                self.valid.0,
                self.valid.1,
                state.value(EXPIRES_AT).and_then(Value::as_i64),
                number(IMPORTANCE),
                number(CONFIDENCE),
                state.value(PINNED).and_then(Value::as_bool).unwrap_or(false),
                votes("useful "),
                votes("noise "),
                state.value(SOURCE).and_then(|source| source.get("session")).and_then(Value::as_str),
                self.asks,
                hidden,
                state.version as i64
            ],
        )?;
        Ok(())
    }
}

/// When the memory was said: as told, else the wall clock of its creation.
pub(crate) fn created_at(state: &EntityState) -> Timestamp {
    state
        .value(CREATED_AT)
        .and_then(Value::as_i64)
        .map(Timestamp)
        .or_else(|| state.created.map(|created| created.at))
        .unwrap_or_default()
}

/// A kind's number in the store: its place in [`Kind::ALL`].
pub(crate) fn kind_number(kind: Kind) -> i64 {
    Kind::ALL.iter().position(|k| *k == kind).unwrap_or(0) as i64
}

/// The kind of a number.
pub(crate) fn kind_of_number(number: i64) -> Option<Kind> {
    Kind::ALL.get(usize::try_from(number).ok()?).copied()
}

/// Where it stands in a file, as the register says it; none where that says nothing that can be read.
pub(crate) fn place_of(state: &EntityState) -> Option<Place> {
    serde_json::from_value(state.value(PLACE)?.clone()).ok()
}

fn write_place(tx: &Tx<'_>, entity: &EntityRow, state: &EntityState, absent: Absent) -> Result<()> {
    if !absent.rows {
        tx.execute("DELETE FROM places WHERE entity = ?1", [entity.num])?;
    }
    let Some(place) = place_of(state) else { return Ok(()) };
    let text = state.value(TEXT).and_then(|value| value.get("text")).and_then(Value::as_str).unwrap_or_default();
    tx.execute(
        "INSERT INTO places(entity, namespace, root, base, path, line, line_end, text_bytes) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            entity.num,
            entity.namespace,
            place.root,
            place.base,
            place.path,
            place.line.cast_signed(),
            place.line_end.cast_signed(),
            text.len() as i64
        ],
    )?;
    Ok(())
}

fn write_sets(tx: &Tx<'_>, entity: &EntityRow, state: &EntityState, absent: Absent) -> Result<()> {
    if !absent.rows {
        tx.execute("DELETE FROM tags WHERE entity = ?1", [entity.num])?;
        tx.execute("DELETE FROM links WHERE entity = ?1", [entity.num])?;
    }
    for tag in state.elements(TAGS) {
        tx.execute("INSERT INTO tags(entity, tag) VALUES(?1, ?2)", params![entity.num, tag])?;
    }
    for (target, relation) in state.elements(LINKS).filter_map(split_link) {
        tx.execute(
            "INSERT OR IGNORE INTO links(entity, target, relation) VALUES(?1, ?2, ?3)",
            params![entity.num, target.0, relation],
        )?;
    }
    Ok(())
}

/// `<id> <relation>` of a link element.
pub(crate) fn split_link(element: &str) -> Option<(jay_types::EntityId, &str)> {
    let (id, relation) = element.split_once(' ')?;
    Some((jay_types::EntityId::parse(id).ok()?, relation))
}

/// Every claim that was ever made of a key, so that an as-of finds who else claimed it.
fn write_claims(tx: &Tx<'_>, folded: &Folded) -> Result<()> {
    for (pos, key) in &folded.claims {
        tx.execute(
            "INSERT OR IGNORE INTO key_claims(namespace, key, entity, pos) VALUES(?1, ?2, ?3, ?4)",
            params![folded.row.namespace, key, folded.row.num, pos],
        )?;
    }
    Ok(())
}

/// Every forget of this memory, and which of them are live; returns their marks.
fn write_forgets(tx: &Tx<'_>, folded: &Folded) -> Result<Vec<[u8; MAC_BYTES]>> {
    let num = folded.row.num;
    let heads: &[_] = folded.state.values.get(FORGOTTEN.name).map_or(&[], |heads| &heads.0);
    for forget in &folded.forgets {
        let live = heads.iter().any(|write| write.stamp.pos as i64 == forget.pos);
        tx.execute(
            "INSERT INTO forgets(entity, namespace, mac, hlc, pos, live) VALUES(?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT(entity, pos) DO UPDATE SET live = excluded.live",
            params![num, folded.row.namespace, forget.mac, forget.hlc, forget.pos, live],
        )?;
    }
    Ok(folded.forgets.iter().map(|forget| forget.mac).collect())
}

/// A forget as its change says it.
pub(crate) struct Forget {
    pos: i64,
    hlc: i64,
    mac: [u8; MAC_BYTES],
}

/// The forget that a change is, if it is one.
pub(crate) fn forget_of(change: &Change) -> Option<Forget> {
    let BodyState::Present(body) = &change.body else { return None };
    let value = body.registers.get(FORGOTTEN.name).filter(|_| change.op == Op::Forget.number())?;
    let mac = value.get("mac").and_then(Value::as_str).and_then(from_hex)?;
    Some(Forget { pos: change.pos as i64, hlc: change.hlc.0 as i64, mac })
}

fn remove_rows(tx: &Tx<'_>, num: i64) -> Result<()> {
    for table in ["memories", "places", "tags", "links", "forgets", "key_claims", "alias_claims", "aliases", "moves"] {
        tx.execute(&format!("DELETE FROM {table} WHERE entity = ?1"), [num])?;
    }
    Ok(())
}

impl Tx<'_> {
    pub(crate) fn forget_key(&self, namespace: i64) -> Result<Option<[u8; 32]>> {
        Ok(self
            .one("SELECT forget_key FROM namespace_state WHERE namespace = ?1", [namespace], |row| row.get(0))?
            .flatten())
    }
}
