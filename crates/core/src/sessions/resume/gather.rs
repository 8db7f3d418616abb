//! A session and its subagents as the archive holds them, ready to be written.
//!
//! **Invariant:** without `reveal` no secret is in what is gathered, neither in messages nor in rows nor in names.

use super::mask;
use crate::call::Call;
use crate::secrets::masked_name;
use crate::sessions::show::with_names_masked;
use jay_sessions::write::{Lineage, Original, SessionWriter, Whole};
use jay_store::{MessageBody, MessageRow, SessionRow, Store, Tx};
use jay_types::bounds::Word;
use jay_types::session::{Message, SessionMeta};
use jay_types::{NamespaceId, Result};

/// Messages that are read at once.
const PAGE: usize = 200;

/// What was gathered.
pub(super) struct Gathered {
    pub(super) row: SessionRow,
    pub(super) namespace: NamespaceId,
    pub(super) lineage: Lineage,
    /// True where a secret was masked.
    pub(super) is_masked: bool,
}

/// Gathers a session for the client `to`, which gets its own rows back.
pub(super) fn gather(call: &Call<'_>, session: &Word, to: &dyn SessionWriter, reveal: bool) -> Result<Gathered> {
    call.engine.archive.read(|tx| -> Result<Gathered> {
        let row = Store::find_session(tx, session.as_str())?;
        let below = in_order(&row.session, tx.subagents_of(&row)?);
        let mut gathering = Gathering {
            tx,
            is_native: row.client == to.name(),
            is_documents: to.is_documents(),
            reveal,
            is_masked: false,
        };
        let root = gathering.whole(&row)?;
        let subagents = below.iter().map(|row| gathering.whole(row)).collect::<Result<Vec<_>>>()?;
        let is_masked = gathering.is_masked;
        let namespace = tx.namespace_id_of(row.namespace)?;
        Ok(Gathered { row, namespace, lineage: Lineage { root, subagents }, is_masked })
    })
}

/// Each session behind its parent.
fn in_order(root: &str, mut rows: Vec<SessionRow>) -> Vec<SessionRow> {
    let mut out: Vec<SessionRow> = Vec::with_capacity(rows.len());
    while !rows.is_empty() {
        let is_next = |row: &SessionRow| {
            let parent = row.parent.as_deref();
            parent == Some(root) || out.iter().any(|known| parent == Some(known.session.as_str()))
        };
        let (next, rest): (Vec<_>, Vec<_>) = rows.into_iter().partition(is_next);
        if next.is_empty() {
            out.extend(rest);
            break;
        }
        out.extend(next);
        rows = rest;
    }
    out
}

struct Gathering<'a, 'b> {
    tx: &'a Tx<'b>,
    is_native: bool,
    is_documents: bool,
    reveal: bool,
    is_masked: bool,
}

impl Gathering<'_, '_> {
    fn whole(&mut self, row: &SessionRow) -> Result<Whole> {
        let (meta, originals) = self.sources(row)?;
        let mut whole = Whole { meta, messages: Vec::new(), originals };
        for offset in (0..).step_by(PAGE) {
            let rows = self.tx.messages(row.num, offset, PAGE)?;
            let docs: Vec<i64> = rows.iter().map(|message| message.doc).collect();
            let mut bodies = self.tx.message_bodies(&docs, self.reveal)?;
            let is_last = rows.len() < PAGE;
            for row in rows {
                let body = bodies.remove(&row.doc).unwrap_or_default();
                whole.messages.push(self.message(row, body));
            }
            if is_last {
                break;
            }
        }
        Ok(whole)
    }

    /// What the blocks tell of the session, and their rows where those go back to their client.
    fn sources(&mut self, row: &SessionRow) -> Result<(SessionMeta, Vec<Original>)> {
        let mut meta = SessionMeta::default();
        // (path, host, revision) of the file that is being gathered.
        let mut current: Option<(String, String, u32)> = None;
        let mut originals: Vec<Original> = Vec::new();
        let (is_native, is_documents, reveal) = (self.is_native, self.is_documents, self.reveal);
        let mut is_masked = false;
        self.tx.source_rows(row.num, &mut |block| {
            meta.merge(&block.session);
            if !is_native {
                return;
            }
            let source = &block.source;
            let this = (source.path.clone(), source.host.clone(), source.revision);
            let is_same = current.as_ref() == Some(&this);
            // Of the revisions of a file, which come in their order, the last one counts; of documents each revision holds
            // what changed.
            let is_newer = current.as_ref().is_some_and(|known| (&known.0, &known.1) == (&this.0, &this.1)) && !is_same;
            if is_newer && !is_documents {
                originals.pop();
            }
            if !is_same {
                originals.push(Original { path: this.0.clone(), rows: Vec::new() });
                current = Some(this);
            }
            let Some(original) = originals.last_mut() else { return };
            for bytes in block.rows.iter().filter_map(jay_types::change::block::Row::bytes) {
                let masked = if reveal { None } else { mask::row(&bytes) };
                is_masked |= masked.is_some();
                original.rows.push(masked.unwrap_or(bytes));
            }
        })?;
        meta.client.clone_from(&row.client);
        meta.id.clone_from(&row.session);
        // A purge of a part, or a later correction, is told by the session itself.
        meta.started_at = row.started_at;
        meta.ended_at = row.ended_at;
        self.is_masked |= is_masked;
        if is_masked && is_documents {
            // A piece of a document with a mask in it may be none any more: it is rebuilt.
            originals.clear();
        }
        Ok((self.names(meta), originals))
    }

    fn names(&mut self, meta: SessionMeta) -> SessionMeta {
        if self.reveal {
            return meta;
        }
        let masked = |name: Option<String>| name.map(masked_name);
        let shown = SessionMeta {
            id: masked_name(meta.id.clone()),
            parent: masked(meta.parent.clone()),
            parent_call: masked(meta.parent_call.clone()),
            agent: masked(meta.agent.clone()),
            project: masked(meta.project.clone()),
            git_remote: masked(meta.git_remote.clone()),
            git_branch: masked(meta.git_branch.clone()),
            title: masked(meta.title.clone()),
            client_version: masked(meta.client_version.clone()),
            ..meta.clone()
        };
        self.is_masked |= shown != meta;
        shown
    }

    fn message(&mut self, row: MessageRow, body: MessageBody) -> Message {
        let (role, author, at) = (row.role, row.author, row.at);
        let message = Message { id: body.id, role, author, at, model: body.model, parts: body.parts, row: 0 };
        if self.reveal {
            return message;
        }
        let shown = Message {
            id: masked_name(message.id.clone()),
            author: message.author.clone().map(masked_name),
            model: message.model.clone().map(masked_name),
            parts: message.parts.iter().cloned().map(with_names_masked).collect(),
            ..message.clone()
        };
        self.is_masked |= shown != message || message.parts.iter().any(super::super::show::is_masked);
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jay_types::session::Part;
    use serde_json::Value;

    #[test]
    fn masked_arguments_are_arguments_again() {
        let masked = |text: &str| {
            let call = Part::ToolCall { id: "c".into(), name: "n".into(), input: Value::String(text.into()) };
            match with_names_masked(call) {
                Part::ToolCall { input, .. } => input,
                _ => Value::Null,
            }
        };
        assert_eq!(masked(r#"{"a":"[secret:x]"}"#), serde_json::json!({"a": "[secret:x]"}));
        assert_eq!(masked("{broken [secret:x]"), Value::String("{broken [secret:x]".into()));
        assert_eq!(masked(r#"{"a":1}"#), Value::String(r#"{"a":1}"#.into()), "a text that was one stays one");
    }
}
