//! Remember: keep what is new, join what is the same, refuse what was forgotten.

pub(crate) mod alias;
pub(crate) mod check;
mod decide;

use crate::call::Call;
use crate::registers;
use crate::secrets::Policy;
use check::Checked;
use decide::{Decision, Earlier, Sent, decide};
use jay_store::{Draft, ENTITY_HIDDEN_ALL, Foreseen, ListFilter, Moment, Scope, TextQuery, WriteTx};
use jay_types::bounds::BATCH_MAX;
use jay_types::change::{Body, EntityKind, Op};
use jay_types::namespace::NamespacePath;
use jay_types::request::{NewMemory, Outcome, Remembered};
use jay_types::text::normalise;
use jay_types::{Code, EntityId, Error, NamespaceId, Result};

pub use alias::join_copies;
pub(crate) use check::clean_text;

/// Keeps one memory.
///
/// # Errors
/// `bad_input` where fields do not fit together, `forgotten` where an equal text was forgotten in the namespace,
/// `refused` where it holds a secret and the namespace refuses those.
pub fn one(call: &Call<'_>, memory: NewMemory) -> Result<Remembered> {
    if let Some(answer) = call.answer_before()? {
        return Ok(answer);
    }
    let prepared = call.engine.memory.read(|tx| prepare(call, tx, memory))?;
    call.act(|w| Act::default().remember(call, w, prepared))
}

/// Keeps up to 1,000 memories as one act: all or nothing, a result per item, in order.
///
/// # Errors
/// As [`one`], with `details.index` naming the item.
pub fn batch(call: &Call<'_>, memories: Vec<NewMemory>) -> Result<Vec<Remembered>> {
    if memories.is_empty() || memories.len() > BATCH_MAX {
        return Err(Error::bad_input(format!("`memories`: must hold 1 to {BATCH_MAX} items, not {}", memories.len())));
    }
    if let Some(answers) = call.answer_before()? {
        return Ok(answers);
    }
    // One snapshot for all: what the text index reads at its first question serves the others too.
    let prepared = call.engine.memory.read(|tx| {
        let memories = memories.into_iter().enumerate();
        let prepared =
            memories.map(|(index, memory)| prepare(call, tx, memory).map_err(|error| at_index(error, index)));
        prepared.collect::<Result<Vec<_>>>()
    })?;
    call.act(|w| {
        let mut act = Act::default();
        prepared
            .into_iter()
            .enumerate()
            .map(|(index, memory)| act.remember(call, w, memory).map_err(|error| at_index(error, index)))
            .collect()
    })
}

fn at_index(mut error: Error, index: usize) -> Error {
    error.message = format!("item {index}: {}", error.message);
    if !error.details.is_object() {
        *error.details = serde_json::json!({});
    }
    if let Some(details) = error.details.as_object_mut() {
        details.insert("index".to_owned(), index.into());
    }
    error
}

/// A memory that is checked and scanned, with the near-duplicate that a snapshot showed and what it will write.
struct Prepared {
    path: NamespacePath,
    policy: Policy,
    memory: Checked,
    near: Option<EntityId>,
    body: Body,
    foreseen: Foreseen,
}

/// Everything that can be done before the write lock is taken.
fn prepare(call: &Call<'_>, tx: &jay_store::Tx<'_>, memory: NewMemory) -> Result<Prepared> {
    let path = memory.namespace.clone().unwrap_or_else(|| call.caller.namespace.clone());
    check::fields(&memory)?;
    let namespace = tx.namespaces_at(path.as_str())?.first().copied();
    let policy = match namespace {
        Some(num) => policy_of(&tx.secrets_policy(num)?),
        None => Policy::default(),
    };
    let memory = check::secrets(memory, policy)?;
    let near = match namespace {
        Some(num) => near_duplicate(tx, num, memory.memory.text.as_str())?,
        None => None,
    };
    let body = registers::create(&memory.memory);
    let foreseen = call.engine.memory.foresee_memory(&body);
    Ok(Prepared { path, policy, memory, near, body, foreseen })
}

pub(crate) fn policy_of(name: &str) -> Policy {
    match name {
        "allow" => Policy::Allow,
        "refuse" => Policy::Refuse,
        _ => Policy::Redact,
    }
}

/// The best text hit in the namespace, where it says nearly the same.
fn near_duplicate(tx: &jay_store::Tx<'_>, namespace: i64, text: &str) -> Result<Option<EntityId>> {
    // A near-duplicate shares four of five words, and names, numbers and identifiers must agree, so that it holds most of the
    // rarest; common words would cost the most.
    const RAREST: usize = 12;
    let terms = TextQuery::rarest(jay_rank::plan::terms(text), RAREST);
    let filter = ListFilter::shown(Scope::Of(vec![namespace]));
    let Some(best) = tx.search_memories(&terms, &filter, 1)?.first().copied() else { return Ok(None) };
    let Some(row) = tx.memory(best.entity, Moment::Latest)? else { return Ok(None) };
    let near = jay_rank::duplicates::near(text, &row.memory.text).is_near();
    Ok(near.then_some(row.memory.id))
}

/// What this act created so far: its rows are there only when it ends.
#[derive(Default)]
struct Act {
    created: Vec<Created>,
}

struct Created {
    namespace: NamespaceId,
    id: EntityId,
    normalised: String,
    sent: Sent,
    version: u64,
}

impl Act {
    fn remember(&mut self, call: &Call<'_>, w: &mut WriteTx<'_>, prepared: Prepared) -> Result<Remembered> {
        let Prepared { path, policy, memory, near, body, foreseen } = prepared;
        let (namespace, num) = w.namespace(&path)?;
        // The policy may have changed since the scan; a text is never stored under another one.
        if policy_of(&w.secrets_policy(num)?) != policy {
            return Err(Error::new(Code::Busy, "the namespace's secrets policy changed at this moment")
                .hint("Send it again; nothing was stored."));
        }
        let text = memory.memory.text.as_str().to_owned();
        if let Some(id) = w.forgotten_text(num, &text)? {
            return Err(Error::new(Code::Forgotten, "an equal text was forgotten in this namespace")
                .hint(format!("A person can bring it back with `jay unforget {id}`."))
                .details(serde_json::json!({"id": id})));
        }
        let sent = Sent::of(&memory.memory);
        // A namespace that this act makes has no row yet.
        let known = w.path_of(num)?;
        let path = if known == namespace.to_string() { path.to_string() } else { known };
        if let Some(answer) = self.join_created(w, namespace, &memory, &sent)? {
            return Ok(Remembered { namespace: path, ..answer });
        }
        for earlier in w.equal_texts(num, &text)? {
            let Some(row) = w.memory(earlier, Moment::Latest)? else { continue };
            if row.is_hidden(ENTITY_HIDDEN_ALL) || row.is_expired(call.now) {
                continue;
            }
            let id = row.memory.id;
            if let Decision::Join { body, filled } = decide(&sent, &Earlier::of(&row)) {
                let changed = !body.registers.is_empty();
                if changed {
                    w.draft(Draft::new(namespace, EntityKind::Memory, id, Op::Update, body));
                }
                let version = row.memory.version + u64::from(changed);
                let reason = joined_reason(&filled, memory.redacted.as_deref());
                return Ok(Remembered {
                    id,
                    outcome: Outcome::Duplicate,
                    reason,
                    other: None,
                    namespace: path,
                    version,
                });
            }
        }
        let id = w.new_id();
        let other = self.superseded(w, namespace, num, &memory.memory)?.or(near);
        w.draft(Draft::new(namespace, EntityKind::Memory, id, Op::Create, body));
        w.foresee(foreseen);
        let normalised = normalise(&text);
        self.created.push(Created { namespace, id, normalised, sent, version: 1 });
        let expired = check::expired(memory.memory.expires_at, call.now);
        let reasons: Vec<String> = memory.redacted.into_iter().chain(expired).collect();
        let reason = (!reasons.is_empty()).then(|| reasons.join("; "));
        Ok(Remembered { id, outcome: Outcome::Created, reason, other, namespace: path, version: 1 })
    }

    /// The same text twice in one batch.
    fn join_created(
        &mut self,
        w: &mut WriteTx<'_>,
        namespace: NamespaceId,
        memory: &Checked,
        sent: &Sent,
    ) -> Result<Option<Remembered>> {
        let normalised = normalise(memory.memory.text.as_str());
        for earlier in self.created.iter_mut().filter(|e| e.namespace == namespace && e.normalised == normalised) {
            if let Decision::Join { body, filled } = decide(sent, &Earlier::sent(&earlier.sent)) {
                if !body.registers.is_empty() {
                    earlier.sent.fill(sent);
                    earlier.version += 1;
                    w.draft(Draft::new(namespace, EntityKind::Memory, earlier.id, Op::Update, body));
                }
                return Ok(Some(Remembered {
                    id: earlier.id,
                    outcome: Outcome::Duplicate,
                    reason: joined_reason(&filled, memory.redacted.as_deref()),
                    other: None,
                    namespace: String::new(),
                    version: earlier.version,
                }));
            }
        }
        Ok(None)
    }

    /// The memory whose key slot this one takes over.
    fn superseded(
        &self,
        w: &WriteTx<'_>,
        namespace: NamespaceId,
        num: i64,
        memory: &NewMemory,
    ) -> Result<Option<EntityId>> {
        let Some(key) = &memory.key else { return Ok(None) };
        let in_act = self.created.iter().rev().find(|e| e.namespace == namespace && e.sent.key() == Some(key.as_str()));
        if let Some(created) = in_act {
            return Ok(Some(created.id));
        }
        let Some(holder) = w.holder_of_key(num, key.as_str())? else { return Ok(None) };
        Ok(w.memory(holder, Moment::Latest)?.filter(|row| !row.memory.forgotten).map(|row| row.memory.id))
    }
}

fn joined_reason(filled: &[&str], redacted: Option<&str>) -> Option<String> {
    let filled = (!filled.is_empty()).then(|| format!("fills {}", filled.join(", ")));
    let parts: Vec<String> = filled.into_iter().chain(redacted.map(str::to_owned)).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}
