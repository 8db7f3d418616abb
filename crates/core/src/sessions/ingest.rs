//! From what an adapter read to blocks of the archive: one per session, secrets marked.

use crate::secrets;
use jay_sessions::{Block as ReadBlock, SessionMessage};
use jay_types::change::block::{Block, BlockSource, Row, SecretSpan};
use jay_types::session::{Message, Part, SessionMeta};
use std::collections::BTreeMap;

/// Cuts what was read by session: rows keep their numbers in the source, so that nothing is lost by the cut. `before`
/// is the session of the row before: a block may begin with the rest of a long row. `file` is the session that the
/// source's name tells, for rows before any other.
pub(super) fn split(read: ReadBlock, source: &BlockSource, before: &mut Option<String>, file: &str) -> Vec<Block> {
    let mut blocks = cut(read, source, before, file);
    for block in &mut blocks {
        block.secrets = mark_secrets(&block.messages);
    }
    blocks
}

/// The same blocks, in which no secrets are looked for: to compare their rows.
pub(super) fn cut(read: ReadBlock, source: &BlockSource, before: &mut Option<String>, file: &str) -> Vec<Block> {
    let ReadBlock { rows, messages, sessions, first_row, adapter_version, client, .. } = read;
    let mut by_row: BTreeMap<u32, Vec<SessionMessage>> = BTreeMap::new();
    for message in messages {
        by_row.entry(message.message.row).or_default().push(message);
    }
    let mut blocks: Vec<Block> = Vec::new();
    let first = || sessions.first().map_or_else(|| file.to_owned(), |meta| meta.id.clone());
    let mut current = before.take().unwrap_or_else(first);
    for (index, bytes) in (0_u32..).zip(rows) {
        let said = by_row.remove(&index).unwrap_or_default();
        // A blank row, or the rest of a long one, stays with the row before it.
        if let Some(first) = said.first() {
            current.clone_from(&first.session);
        }
        let at = blocks.iter().position(|block| block.session.id == current).unwrap_or_else(|| {
            let meta = sessions.iter().find(|meta| meta.id == current).cloned();
            let mut session = meta.unwrap_or_else(|| SessionMeta {
                client: client.clone(),
                id: current.clone(),
                ..SessionMeta::default()
            });
            // A title is often the first words of a talk; the row itself is kept as it is.
            session.title = session.title.map(without_secrets);
            blocks.push(Block {
                source: BlockSource { session: (current != file).then(|| file.to_owned()), ..source.clone() },
                session,
                adapter: adapter_version,
                reads: None,
                rows: vec![],
                messages: vec![],
                secrets: vec![],
            });
            blocks.len() - 1
        });
        let Some(block) = blocks.get_mut(at) else { continue };
        let row = u32::try_from(block.rows.len()).unwrap_or(u32::MAX);
        block.rows.push(Row::new(first_row.saturating_sub(1) + u64::from(index), &bytes.0));
        block.messages.extend(said.into_iter().map(|said| Message { row, ..said.message }));
    }
    *before = Some(current);
    blocks
}

/// A title in which secrets are replaced.
pub(super) fn without_secrets(title: String) -> String {
    match secrets::apply(secrets::Policy::Redact, &title) {
        secrets::Outcome::Redacted { text, .. } => text,
        _ => title,
    }
}

/// Every secret in every part of the messages.
pub(super) fn mark_secrets(messages: &[Message]) -> Vec<SecretSpan> {
    let mut spans = Vec::new();
    for (message_index, message) in (0_u32..).zip(messages) {
        for (part_index, part) in (0_u32..).zip(&message.parts) {
            let Some(text) = searchable(part) else { continue };
            for finding in secrets::scan(&text) {
                spans.push(SecretSpan {
                    message: message_index,
                    part: part_index,
                    start: u32::try_from(finding.span.start).unwrap_or(u32::MAX),
                    end: u32::try_from(finding.span.end).unwrap_or(u32::MAX),
                    rule: finding.rule.to_owned(),
                });
            }
        }
    }
    spans
}

/// The text of a part in which secrets are looked for: spans are over this.
fn searchable(part: &Part) -> Option<std::borrow::Cow<'_, str>> {
    match part {
        Part::Text { text, .. } | Part::Reasoning { text } => Some(text.as_str().into()),
        Part::ToolResult { output, .. } => Some(output.as_str().into()),
        Part::ToolCall { input, .. } => Some(input.to_string().into()),
        Part::File { .. } => None,
    }
}
