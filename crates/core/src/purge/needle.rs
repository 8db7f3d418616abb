//! The words that a purge looks for, and how bytes that hold them are known.
//!
//! What is archived holds a text in many spellings: as it was said, as a JSON string, as a JSON string within one (the
//! arguments of a tool call), with other white space, or with the secrets that the memory has masked. So a text is
//! looked for in what is held as it stands and again after each taking away of one level of JSON's escapes.
//!
//! **Invariant:** what only looks like the text is found too; a text that is there in one of these spellings is never missed.

use crate::secrets::{Outcome, Policy, apply};
use jay_types::text::normalise;
use std::borrow::Cow;

/// Levels of JSON strings within JSON strings that are looked into. A call of a call of a shell has four.
const LEVELS: usize = 8;
/// Bytes that a secret has at most, where the memory has only its mark.
const SECRET_MAX_BYTES: usize = 16 * 1024;
/// Words of fewer characters are found as whole words only: `lamp` is not in `lamps`.
const SHORT: usize = 8;
/// A mark of a secret that was taken out: `[secret:RULE]`.
const MARK: &str = "[secret:";

/// One text.
struct Needle {
    /// The text, normalised.
    whole: String,
    /// What stands between the marks of secrets; one where there is no mark.
    fragments: Vec<String>,
    /// The longest run of ASCII letters and digits: no spelling but `\u00XX` changes it.
    run: String,
}

/// The texts of what is purged.
pub(super) struct Needles(Vec<Needle>);

impl Needles {
    pub(super) fn of<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let mut texts: Vec<String> = texts.into_iter().map(normalise).filter(|text| !text.is_empty()).collect();
        texts.sort_unstable();
        texts.dedup();
        Self(texts.into_iter().map(Needle::of).collect())
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True where the text, however it is escaped, holds one of these.
    pub(super) fn are_in(&self, text: &str) -> bool {
        let spelt = has_escaped_ascii(text);
        let may_be: Vec<&Needle> = self.0.iter().filter(|needle| spelt || text.contains(needle.run.as_str())).collect();
        if may_be.is_empty() {
            return false;
        }
        let mut text = Cow::Borrowed(text);
        for _ in 0..LEVELS {
            let normal = normalise(&text);
            if may_be.iter().any(|needle| needle.is_in(&normal)) {
                return true;
            }
            match unescape(&text) {
                Some(plain) => text = Cow::Owned(plain),
                None => return false,
            }
        }
        false
    }
}

impl Needle {
    fn of(whole: String) -> Self {
        let fragments = fragments(&whole);
        let runs = fragments.iter().flat_map(|fragment| fragment.split(|c: char| !c.is_ascii_alphanumeric()));
        let run = runs.max_by_key(|run| run.len()).unwrap_or_default().to_owned();
        Self { fragments, run, whole }
    }

    fn is_in(&self, text: &str) -> bool {
        let is_long = |text: &str| text.chars().nth(SHORT - 1).is_some();
        match self.fragments.as_slice() {
            [one] if *one == self.whole => {
                let mut found = text.match_indices(one.as_str());
                found.any(|(start, _)| is_long(one) || is_whole_word(text, start, start + one.len()))
            }
            // Masked: either what is held is masked alike, or something stands where the marks are.
            fragments => {
                let masked = match apply(Policy::Redact, text) {
                    Outcome::Redacted { text, .. } => normalise(&text).contains(&self.whole),
                    _ => text.contains(&self.whole),
                };
                masked || (fragments.iter().any(|fragment| is_long(fragment)) && in_order(text, fragments))
            }
        }
    }
}

/// The parts of a text between the marks of secrets.
fn fragments(whole: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = whole;
    while let Some((before, after)) = rest.split_once(MARK) {
        let Some((_, behind)) = after.split_once(']') else { break };
        parts.push(before.trim());
        rest = behind;
    }
    parts.push(rest.trim());
    parts.into_iter().filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// True where the fragments follow one another with no more than a secret between two.
fn in_order(text: &str, fragments: &[String]) -> bool {
    let mut ends: Option<Vec<usize>> = None;
    for fragment in fragments {
        let found = text.match_indices(fragment.as_str()).map(|(start, _)| start);
        let next: Vec<usize> = match &ends {
            None => found.map(|start| start + fragment.len()).collect(),
            Some(ends) => found
                .filter(|start| {
                    let before = ends.partition_point(|end| end <= start);
                    let last = before.checked_sub(1).and_then(|at| ends.get(at));
                    last.is_some_and(|end| start - end <= SECRET_MAX_BYTES)
                })
                .map(|start| start + fragment.len())
                .collect(),
        };
        if next.is_empty() {
            return false;
        }
        ends = Some(next);
    }
    ends.is_some()
}

/// Only Latin letters and digits join into words: other scripts need no space between two.
fn is_whole_word(text: &str, start: usize, end: usize) -> bool {
    let joins = |a: Option<char>, b: Option<char>| {
        a.zip(b).is_some_and(|(a, b)| a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric())
    };
    let (before, found) = (text.get(..start).unwrap_or_default(), text.get(start..end).unwrap_or_default());
    let after = text.get(end..).unwrap_or_default();
    !joins(before.chars().next_back(), found.chars().next()) && !joins(found.chars().next_back(), after.chars().next())
}

/// True where an ASCII letter or digit may be written as `\u00XX`: then no run of them need stand in the bytes.
fn has_escaped_ascii(text: &str) -> bool {
    text.match_indices("\\u00").any(|(start, escape)| {
        let code = text.get(start + escape.len()..start + escape.len() + 2);
        let code = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        code.is_some_and(|code| code.is_ascii_alphanumeric())
    })
}

/// The text with one level of JSON's escapes taken away; none where it has none. It need not be JSON: what is cut in the
/// middle is read too.
fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut changed = false;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let (plain, taken) = escaped(after);
        changed |= taken > 0;
        out.push(plain.unwrap_or('\\'));
        rest = after.get(taken..).unwrap_or_default();
    }
    out.push_str(rest);
    changed.then_some(out)
}

/// The character that stands behind a backslash, and the bytes of its escape; nothing where it is none.
fn escaped(after: &str) -> (Option<char>, usize) {
    let plain = match after.chars().next() {
        Some('n') => '\n',
        Some('t') => '\t',
        Some('r') => '\r',
        Some('b') => '\u{8}',
        Some('f') => '\u{c}',
        Some(c @ ('"' | '\\' | '/')) => c,
        Some('u') => return unicode(after),
        _ => return (None, 0),
    };
    (Some(plain), 1)
}

fn unicode(after: &str) -> (Option<char>, usize) {
    let unit = |from: usize| after.get(from..from + 4).and_then(|hex| u16::from_str_radix(hex, 16).ok());
    let Some(first) = unit(1) else { return (None, 0) };
    if let Some(plain) = char::from_u32(u32::from(first)) {
        return (Some(plain), 5);
    }
    let second = after.get(5..7).filter(|mark| *mark == "\\u").and_then(|_| unit(7));
    let pair = second.and_then(|second| char::decode_utf16([first, second]).next()).and_then(std::result::Result::ok);
    match pair {
        Some(plain) => (Some(plain), 11),
        None => (Some(char::REPLACEMENT_CHARACTER), 5),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_spelling_is_found() {
        let text = "say \"caf\u{e9} 🦜\"\n\tto C:\\new\\dir";
        let needles = Needles::of([text]);
        let mut spelling = text.to_owned();
        for level in 0..6 {
            assert!(needles.are_in(&format!("x{spelling}y")), "{level}: {spelling}");
            spelling = json!({"k": [spelling]}).to_string();
        }
        let all_escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
        assert!(needles.are_in(&all_escaped));
        assert!(needles.are_in("say  \"cafe\u{301} 🦜\" to C:\\new\\dir"), "other form and white space");
        assert!(!needles.are_in("say \"caf\u{e9}\" to C:\\new\\dir"));
        assert!(!Needles::of([" \n"]).are_in("anything"));
    }

    #[test]
    fn short_texts_are_whole_words() {
        let needles = Needles::of(["lamp", "東京"]);
        for (text, expected) in [
            ("the lamp.", true),
            ("a\\nlamp", true),
            ("lamps", false),
            ("clamp", false),
            ("lamps and a lamp", true),
            ("我在東京住", true),
        ] {
            assert_eq!(needles.are_in(text), expected, "{text}");
        }
    }

    #[test]
    fn something_stands_where_a_secret_was_masked() {
        let needles = Needles::of(["deploy with [secret:github_token] on Friday [secret:x]"]);
        assert!(needles.are_in(r#"{"t":"deploy with ghp_abc on\nFriday"}"#));
        assert!(needles.are_in("deploy with [secret:other] on Friday"));
        assert!(!needles.are_in("on Friday deploy with"));
        assert!(!needles.are_in(&format!("deploy with {} on Friday", "x".repeat(SECRET_MAX_BYTES + 1))));
        let token = format!("ghp_{}", "A1b2C3d4E5f6".repeat(3));
        assert!(Needles::of(["a [secret:github_token]"]).are_in(&format!("a {token}")));
        assert!(!Needles::of(["a [secret:github_token]"]).are_in("a b"));
    }
}
