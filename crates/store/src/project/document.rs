//! What of a wording stands in the text index.
//!
//! **Invariant:** a document is a function of one change's bytes and nothing else, so that an index that was lost is
//! made again from the journal alone.

use jay_types::Timestamp;
use jay_types::change::Body;
use jay_types::change::block::{Block, SecretSpan};
use jay_types::change::registry::{CREATED_AT, TEXT};
use jay_types::session::{Message, Part, Provenance};

/// Text to be indexed, before analysis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TextDocument(pub(crate) String);

/// Bits of a message document's number below those of its block's position.
pub(crate) const PLACE_BITS: u32 = 20;

/// The document of a message: its block's position and its place in it.
pub(crate) const fn message_document(pos: i64, place: usize) -> i64 {
    (pos << PLACE_BITS) | (place as i64 & ((1 << PLACE_BITS) - 1))
}

/// The wording that a memory's change writes, with its title and its date in words.
pub(crate) fn of_memory(body: &Body, at: Timestamp) -> Option<TextDocument> {
    let value = body.registers.get(TEXT.name)?;
    let text = value.get("text")?.as_str()?;
    let title = value.get("title").and_then(|title| title.as_str()).unwrap_or_default();
    let at = body.registers.get(CREATED_AT.name).and_then(serde_json::Value::as_i64).map_or(at, Timestamp);
    Some(TextDocument(format!("{title}\n{text}\n{}", date_words(at))))
}

/// The conversational text of a message, secrets masked, with its author and date.
pub(crate) fn of_message(block: &Block, index: usize) -> Option<TextDocument> {
    of_said(&block.secrets, index, block.messages.get(index)?)
}

/// The same of a message whose block is not at hand, only where secrets stand in it.
pub(crate) fn of_said(secrets: &[SecretSpan], index: usize, message: &Message) -> Option<TextDocument> {
    let text = masked_text(secrets, index, message);
    if text.trim().is_empty() {
        return None;
    }
    let author = message.author.as_deref().unwrap_or_default();
    Some(TextDocument(format!("{author}\n{text}\n{}", message.at.map(date_words).unwrap_or_default())))
}

/// The conversational text of a message with every secret masked.
pub(crate) fn masked_text(secrets: &[SecretSpan], index: usize, message: &Message) -> String {
    let mut out = String::new();
    for (part_index, part) in message.parts.iter().enumerate() {
        if let Part::Text { text, provenance: Provenance::Conversational } = part {
            if !out.is_empty() {
                out.push_str("\n\n");
            }
            out.push_str(&mask(secrets, index, part_index, text));
        }
    }
    out
}

/// `text` of one part with its secrets masked.
pub(crate) fn mask(secrets: &[SecretSpan], message: usize, part: usize, text: &str) -> String {
    let mut out = String::new();
    let mut from = 0;
    let mut spans: Vec<_> =
        secrets.iter().filter(|span| span.message as usize == message && span.part as usize == part).collect();
    spans.sort_by_key(|span| span.start);
    for span in spans {
        let (start, end) = (span.start as usize, span.end as usize);
        // A span that does not fit the text must hide all of it: better too much than the secret.
        let Some(before) = text.get(from..start.max(from)).filter(|_| text.is_char_boundary(end.min(text.len())))
        else {
            return format!("[secret:{}]", span.rule);
        };
        out.push_str(before);
        out.push_str(&format!("[secret:{}]", span.rule));
        from = end.clamp(from, text.len());
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

/// `8 May 2023 2023-05-08`: a date is found by its words and as one.
fn date_words(at: Timestamp) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let date = at.date();
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next(), parts.next(), parts.next());
    let month = month.and_then(|month| month.parse::<usize>().ok()).and_then(|month| MONTHS.get(month.wrapping_sub(1)));
    let day = day.and_then(|day| day.parse::<u8>().ok());
    match (year, month, day) {
        (Some(year), Some(month), Some(day)) => format!("{day} {month} {year} {date}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_words() {
        let at = Timestamp::parse("2023-05-08T13:56:00Z").expect("a time");
        assert_eq!(date_words(at), "8 May 2023 2023-05-08");
    }
}
