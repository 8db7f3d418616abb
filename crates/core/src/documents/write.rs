//! Writing pieces: what was decided becomes acts of a bounded size, each decided again under the lock.
//!
//! **Invariant:** an act is written only where the namespace's policy, its forgotten texts and every piece that it touches are as they
//! were when it was decided.

use super::matching::{Known, Matched};
use crate::call::Call;
use crate::edit::draft_retire;
use crate::registers::{put, text_value};
use crate::remember::policy_of;
use crate::secrets::Policy;
use jay_store::{Draft, Foreseen, Moment, WriteTx};
use jay_types::change::registry::{KEY, KIND, PLACE, RETIRED, TEXT};
use jay_types::change::{Body, EntityKind, Op};
use jay_types::memory::Kind;
use jay_types::namespace::NamespacePath;
use jay_types::{Code, Error, NamespaceId, Result};
use serde_json::{Value, json};

/// Changes of one act, at most: others wait for the lock meanwhile.
const ACT_CHANGES: usize = 512;
/// Bytes of text of one act, at most.
const ACT_TEXT_BYTES: usize = 2 * 1024 * 1024;
/// Why a piece is retired.
pub(super) const REASON: &str = "removed from its file";

/// What becomes of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Added,
    Changed,
    Moved,
    Unchanged,
}

/// What the file's piece makes of the one that is here.
pub(super) fn effect(matched: &Matched) -> Effect {
    let Some(known) = &matched.known else { return Effect::Added };
    let wanted = &matched.wanted;
    if known.is_retired {
        Effect::Added
    } else if known.text != wanted.text || known.title.as_ref() != Some(&wanted.title) {
        Effect::Changed
    } else if !known.stands_at(&wanted.place) || known.key != matched.key {
        Effect::Moved
    } else {
        Effect::Unchanged
    }
}

enum Pending {
    Put(Box<Matched>, Foreseen),
    Retire { num: i64, version: Option<u64> },
}

/// Writes that wait for their act.
pub(super) struct Writer<'a> {
    call: &'a Call<'a>,
    namespace: NamespacePath,
    policy: Policy,
    dry_run: bool,
    pending: Vec<Pending>,
    text_bytes: usize,
    left_out: Vec<Effect>,
}

impl<'a> Writer<'a> {
    pub(super) const fn new(call: &'a Call<'a>, namespace: NamespacePath, policy: Policy, dry_run: bool) -> Self {
        Self { call, namespace, policy, dry_run, pending: Vec::new(), text_bytes: 0, left_out: Vec::new() }
    }

    /// What became of pieces that were left out in the end: their text is forgotten here.
    pub(super) fn left_out(&self) -> &[Effect] {
        &self.left_out
    }

    /// Writes a piece that is new, or another than the one that is here.
    pub(super) fn put(&mut self, matched: Matched) -> Result<()> {
        if self.dry_run {
            return Ok(());
        }
        let wanted = &matched.wanted;
        let body = Body::default().with(TEXT, text_value(&wanted.text, Some(&wanted.title)));
        let writes_text = matched
            .known
            .as_ref()
            .is_none_or(|known| known.text != wanted.text || known.title.as_ref() != Some(&wanted.title));
        let foreseen = if writes_text { self.call.engine.memory.foresee_memory(&body) } else { Foreseen::default() };
        self.text_bytes += wanted.text.len();
        self.push(Pending::Put(Box::new(matched), foreseen))
    }

    /// Retires a piece that is gone, and those whose slot it held.
    pub(super) fn retire(&mut self, known: &Known) -> Result<()> {
        if self.dry_run {
            return Ok(());
        }
        self.push(Pending::Retire { num: known.num, version: Some(known.version) })?;
        known.superseded.iter().try_for_each(|num| self.push(Pending::Retire { num: *num, version: None }))
    }

    fn push(&mut self, pending: Pending) -> Result<()> {
        self.pending.push(pending);
        if self.pending.len() >= ACT_CHANGES || self.text_bytes >= ACT_TEXT_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// `busy` where something changed since it was decided; what was written before stands.
    pub(super) fn flush(&mut self) -> Result<()> {
        let pending = std::mem::take(&mut self.pending);
        self.text_bytes = 0;
        if pending.is_empty() {
            return Ok(());
        }
        let left_out = self.call.engine.memory.write(&self.call.caller.actor(), |w| -> Result<Vec<Effect>> {
            let mut left_out = Vec::new();
            let (namespace, num) = w.namespace(&self.namespace)?;
            if policy_of(&w.secrets_policy(num)?) != self.policy {
                return Err(changed("the namespace's secrets policy"));
            }
            for pending in pending {
                match pending {
                    Pending::Put(matched, foreseen) => {
                        // Forgotten since it was decided, or in a deleted namespace of that path.
                        if w.forgotten_text(num, &matched.wanted.text)?.is_some() {
                            left_out.push(effect(&matched));
                            continue;
                        }
                        put_piece(w, (namespace, num), &matched)?;
                        w.foresee(foreseen);
                    }
                    Pending::Retire { num, version } => retire_piece(w, num, version)?,
                }
            }
            Ok(left_out)
        })?;
        self.left_out.extend(left_out);
        self.call.engine.after_writes();
        Ok(())
    }
}

fn changed(what: &str) -> Error {
    Error::new(Code::Busy, format!("{what} changed at this moment"))
        .hint("Run it again: what was written stands, and only the rest is written then.")
}

fn put_piece(w: &mut WriteTx<'_>, (namespace, num): (NamespaceId, i64), matched: &Matched) -> Result<()> {
    let wanted = &matched.wanted;
    let text = text_value(&wanted.text, Some(&wanted.title));
    let Some(known) = &matched.known else {
        if let Some(holder) = w.holder_of_key(num, &matched.key)?
            && let Some(row) = w.memory(holder, Moment::Latest)?
            && row.memory.kind == Kind::Document
            && !row.memory.forgotten
        {
            return Err(changed("a document of that name"));
        }
        let body = Body::default()
            .with(TEXT, text)
            .with(KIND, Kind::Document.name())
            .with(KEY, matched.key.as_str())
            .with(PLACE, json!(wanted.place));
        let id = w.new_id();
        w.draft(Draft::new(namespace, EntityKind::Memory, id, Op::Create, body));
        return Ok(());
    };
    let row = w.memory(known.num, Moment::Latest)?.filter(|row| row.memory.version == known.version);
    let row = row.ok_or_else(|| changed("a document of that name"))?;
    let mut body = Body::default();
    put(&mut body, &row.state, TEXT, text);
    put(&mut body, &row.state, KEY, matched.key.as_str().into());
    if !known.stands_at(&wanted.place) {
        put(&mut body, &row.state, PLACE, json!(wanted.place));
    }
    // A write to its text or key reopens it; where neither changed, the mark itself is taken back.
    if row.memory.retired && !body.registers.contains_key(TEXT.name) && !body.registers.contains_key(KEY.name) {
        put(&mut body, &row.state, RETIRED, Value::Null);
    }
    if !body.registers.is_empty() {
        w.draft(Draft::new(namespace, EntityKind::Memory, row.memory.id, Op::Update, body));
    }
    Ok(())
}

/// Retires a piece; with a version, only where it still has that one.
pub(super) fn retire_piece(w: &mut WriteTx<'_>, num: i64, version: Option<u64>) -> Result<()> {
    let Some(row) = w.memory(num, Moment::Latest)? else { return Ok(()) };
    if version.is_some_and(|version| version != row.memory.version) {
        return Err(changed("a document of that name"));
    }
    if row.memory.retired {
        return Ok(());
    }
    draft_retire(w, &row, json!({"reason": REASON}));
    Ok(())
}
