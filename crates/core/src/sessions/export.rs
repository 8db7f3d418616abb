//! A session as a document, a bounded piece at a time.
//!
//! **Invariant:** the pieces, put together in their order, are the document; none needs more memory than a page of
//! messages and [`PIECE_BYTES`].

use super::document::{self, DocumentFormat, Place};
use super::list::SessionView;
use super::show::{MessageView, Pages, SessionShown, show};
use crate::call::Call;
use jay_types::Result;
use jay_types::bounds::Word;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A piece ends after the page of messages with which it reaches this many bytes.
const PIECE_BYTES: usize = 1 << 20;

/// Messages that are read at once.
const PAGE: usize = 100;

/// The answer to session export: a piece of the document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionExported {
    /// The session
    pub session: SessionView,
    /// What it is written as
    pub format: DocumentFormat,
    /// This piece of the document; the pieces put together in their order are the whole
    pub text: String,
    /// How many messages of the session this piece goes over
    pub messages: u64,
    /// How many of these are rows of the client that say nothing, and so are not in the document
    pub left_out: u64,
    /// What there is to say: secrets are masked
    pub notes: Vec<String>,
    /// Where the next piece begins; absent at the end
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Writes a session as a document of `format`, from `cursor` on, until a piece is full; secrets are masked unless
/// `reveal`, which is for a person at hand.
///
/// # Errors
/// As [`show`].
pub fn export(
    call: &Call<'_>,
    session: &Word,
    format: DocumentFormat,
    cursor: Option<&str>,
    unfolded: bool,
    reveal: bool,
) -> Result<SessionExported> {
    let mut from = cursor.map(str::to_owned);
    let (mut text, mut notes) = (String::new(), Vec::<String>::new());
    let (mut messages, mut left_out) = (0, 0);
    loop {
        let first = from.is_none();
        let pages = Pages { around: None, limit: PAGE, cursor: from.as_deref() };
        let SessionShown { session: about, messages: page, notes: more, next, .. } =
            show(call, session, pages, reveal)?;
        let place = Place { first, last: next.is_none() };
        text.push_str(&document::write(format, &about, &page, place, unfolded));
        messages += page.len() as u64;
        left_out += page.iter().filter(|message| says_nothing(format, message)).count() as u64;
        notes.extend(more.into_iter().filter(|note| !notes.contains(note)).collect::<Vec<_>>());
        if next.is_none() || text.len() >= PIECE_BYTES {
            return Ok(SessionExported { session: about, format, text, messages, left_out, notes, next });
        }
        from = next;
    }
}

fn says_nothing(format: DocumentFormat, message: &MessageView) -> bool {
    match format {
        DocumentFormat::Jsonl => !document::is_line(message),
        DocumentFormat::Markdown | DocumentFormat::Html => document::parts(message).is_empty(),
    }
}
