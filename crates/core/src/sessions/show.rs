//! One session, message by message.

use super::document::{self, DocumentFormat, Place};
use super::list::{SessionView, masked, paths, view};
use crate::call::Call;
use crate::cursor;
use crate::secrets::masked_name;
use jay_store::{MessageBody, MessageRow, SessionRow, Store};
use jay_types::bounds::Word;
use jay_types::session::{Part, Role};
use jay_types::{Error, NamespaceId, Result, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A message as every door shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MessageView {
    /// The client's own id
    pub message: String,
    /// system, user, assistant or tool
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The speaker's name
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The model that answered
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// When it was said
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// What it holds: text, reasoning, file, tool_call, tool_result
    pub parts: Vec<Value>,
}

/// The answer to session show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionShown {
    /// The session
    pub session: SessionView,
    /// Its messages, in their order; empty where a document was asked for, which holds them
    pub messages: Vec<MessageView>,
    /// The page as a document, where `format` asks for one
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// What there is to say: secrets are masked
    pub notes: Vec<String>,
    /// Where the next page begins; absent at the end
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Which messages of a session a page holds.
#[derive(Clone, Copy, Debug)]
pub struct Pages<'a> {
    /// Begin a little before this message.
    pub around: Option<&'a Word>,
    /// The most messages.
    pub limit: usize,
    /// Where the page begins: `next` of the page before.
    pub cursor: Option<&'a str>,
}

/// Shows a page of a session as a document of its own.
///
/// # Errors
/// As [`show`].
pub fn show_as(
    call: &Call<'_>,
    session: &Word,
    pages: Pages<'_>,
    format: DocumentFormat,
    unfolded: bool,
    reveal: bool,
) -> Result<SessionShown> {
    let mut shown = show(call, session, pages, reveal)?;
    let place = Place { first: true, last: true };
    shown.document = Some(document::write(format, &shown.session, &shown.messages, place, unfolded));
    shown.messages.clear();
    Ok(shown)
}

/// Shows a session's messages, a page at a time; secrets are masked unless `reveal`, which is for a person at hand.
///
/// # Errors
/// `not_found`, `ambiguous`, `bad_input` for a cursor that is none, `refused` for `reveal` by anybody else.
pub fn show(call: &Call<'_>, session: &Word, pages: Pages<'_>, reveal: bool) -> Result<SessionShown> {
    let Pages { around, limit, cursor } = pages;
    call.engine.demand_archive()?;
    if reveal {
        call.demand_person("showing secrets")?;
    }
    let (row, namespace, messages, next) = call.engine.archive.read(|tx| -> Result<Page> {
        let row = Store::find_session(tx, session.as_str())?;
        let about = (&row.client, &row.session);
        let offset: usize = match cursor {
            None => 0,
            Some(cursor) => cursor::open("session", &about, cursor)?.parse().map_err(|_| cursor::not_given())?,
        };
        let offset = match around.filter(|_| cursor.is_none()) {
            None => offset,
            Some(message) => tx
                .message_offset(row.num, message.as_str())?
                .ok_or_else(|| {
                    let message = jay_types::text::shorten(message.as_str(), 40);
                    Error::not_found(format!("the session has no message `{message}`"))
                        .hint("`jay session search` and `jay session show` tell the ids of messages.")
                })?
                .saturating_sub(limit / 2),
        };
        let mut rows = tx.messages(row.num, offset, limit + 1)?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let docs: Vec<i64> = rows.iter().map(|message| message.doc).collect();
        let mut bodies = tx.message_bodies(&docs, reveal)?;
        let shown = rows
            .into_iter()
            .map(|message| {
                let body = bodies.remove(&message.doc).unwrap_or_default();
                (message, body)
            })
            .collect();
        let namespace = tx.namespace_id_of(row.namespace)?;
        let next = more.then(|| cursor::seal("session", &about, &(offset + limit).to_string())).transpose()?;
        Ok((row, namespace, shown, next))
    })?;
    let path = paths(call, &[namespace])?.into_iter().next();
    let stored = view(row, path);
    let session = if reveal { stored.clone() } else { masked(stored.clone()) };
    let mut is_changed = session != stored || messages.iter().any(|(_, body)| body.parts.iter().any(is_masked));
    let messages = messages
        .into_iter()
        .map(|(row, mut body)| {
            if !reveal {
                let stored = std::mem::take(&mut body.parts);
                body.parts = stored.iter().cloned().map(with_names_masked).collect();
                is_changed |= body.parts != stored;
            }
            let stored = message_view(row, body);
            if reveal {
                return stored;
            }
            let message = masked_message(stored.clone());
            is_changed |= message != stored;
            message
        })
        .collect();
    let notes =
        if is_changed && !reveal { vec!["secrets are masked; `--reveal` shows them".to_owned()] } else { vec![] };
    Ok(SessionShown { session, messages, document: None, notes, next })
}

type Page = (SessionRow, NamespaceId, Vec<(MessageRow, MessageBody)>, Option<String>);

fn message_view(row: MessageRow, body: MessageBody) -> MessageView {
    MessageView {
        message: body.id,
        role: row.role,
        author: row.author,
        model: body.model,
        at: row.at,
        parts: body.parts.iter().map(|part| serde_json::to_value(part).unwrap_or_default()).collect(),
    }
}

fn masked_message(message: MessageView) -> MessageView {
    MessageView {
        message: masked_name(message.message),
        author: message.author.map(masked_name),
        model: message.model.map(masked_name),
        ..message
    }
}

/// A part whose text is masked already, with its names masked too.
pub(super) fn with_names_masked(part: Part) -> Part {
    match part.with_names(masked_name) {
        // The arguments of a masked call are the text of their JSON.
        Part::ToolCall { id, name, input: Value::String(text) } if text.contains("[secret:") => {
            let input = serde_json::from_str(&text).unwrap_or(Value::String(text));
            Part::ToolCall { id, name, input }
        }
        part => part,
    }
}

pub(super) fn is_masked(part: &Part) -> bool {
    serde_json::to_string(part).is_ok_and(|json| json.contains("[secret:"))
}
