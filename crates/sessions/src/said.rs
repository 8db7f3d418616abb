//! Telling apart what a person said and what a client put around it.

use crate::json;
use jay_types::session::{Part, Provenance};
use serde_json::value::RawValue;

/// A text that was said.
pub(crate) fn said(text: String) -> Part {
    Part::Text { text, provenance: Provenance::Conversational }
}

/// A text that the client put in.
pub(crate) fn injected(text: String) -> Part {
    Part::Text { text, provenance: Provenance::Injected }
}

/// The words of an answer: a text, a list of texts or of `{text}`, or else its JSON as it was written.
pub(crate) fn words(given: &RawValue) -> String {
    if let Some(text) = json::text(given) {
        return text;
    }
    let Some(items) = json::array(given) else { return given.get().to_owned() };
    let word = |item: &&RawValue| {
        let text = json::text(item).or_else(|| json::object(item)?.text("text"));
        text.unwrap_or_else(|| item.get().to_owned())
    };
    items.iter().map(word).collect::<Vec<_>>().join("\n")
}

/// A file at an address; the bytes of a `data:` address stay in the row.
pub(crate) fn file(name: Option<String>, address: Option<String>) -> Part {
    let data = address.as_deref().and_then(|address| address.strip_prefix("data:"));
    let media_type = data.and_then(|data| data.split([';', ',']).next()).map(str::to_owned);
    let uri = if data.is_some() { None } else { address };
    Part::File { name, media_type, uri }
}

/// Injected where `text` begins, after white space, with one of `prefixes`.
pub(crate) fn provenance(text: &str, prefixes: &[&str]) -> Provenance {
    let begins = text.trim_start();
    if prefixes.iter().any(|prefix| begins.starts_with(prefix)) {
        Provenance::Injected
    } else {
        Provenance::Conversational
    }
}

/// Takes what a person said out of the `<tag>` in which a client wraps it: what stands in the tag was said, what stands
/// around it was put in. Texts without the tag stay as they are.
pub(crate) fn unwrap(parts: Vec<Part>, tag: &str) -> Vec<Part> {
    let mut out = Vec::with_capacity(parts.len());
    for part in parts {
        let Part::Text { text, .. } = &part else {
            out.push(part);
            continue;
        };
        let Some((before, inside, after)) = tagged(text, tag) else {
            out.push(part);
            continue;
        };
        let around = |text: &str| (!text.trim().is_empty()).then(|| injected(text.trim().to_owned()));
        out.extend(around(before));
        out.push(said(inside.trim_matches('\n').to_owned()));
        out.extend(around(after));
    }
    out
}

/// What stands before, in and after the first `<tag>` that is closed.
fn tagged<'a>(text: &'a str, tag: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let (before, rest) = text.split_once(&format!("<{tag}>"))?;
    let (inside, after) = rest.split_once(&format!("</{tag}>"))?;
    Some((before, inside, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_the_tag_was_said() {
        let read = |text: &str| unwrap(vec![said(text.to_owned())], "q");
        assert_eq!(read("<q>\nhello\n</q>"), [said("hello".into())]);
        assert_eq!(
            read("<files>a</files>\n<q>hello</q>\n<tail/>"),
            [injected("<files>a</files>".into()), said("hello".into()), injected("<tail/>".into())]
        );
        assert_eq!(read("<q>open"), [said("<q>open".into())]);
        assert_eq!(read("a </q> <q> b"), [said("a </q> <q> b".into())]);
    }
}
