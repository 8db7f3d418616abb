//! Telling apart what a person said and what a client put around it.

use jay_types::session::{Part, Provenance};

/// A text that was said.
pub(crate) fn said(text: String) -> Part {
    Part::Text { text, provenance: Provenance::Conversational }
}

/// A text that the client put in.
pub(crate) fn injected(text: String) -> Part {
    Part::Text { text, provenance: Provenance::Injected }
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
