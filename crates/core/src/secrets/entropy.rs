//! Tokens that look random, whoever issued them.
//!
//! A key mixes lower case, upper case and digits and changes between them every other character; identifiers, paths
//! and words do not, however long they are.

use super::{Finding, rules};
use std::ops::Range;

/// Shortest token that is judged.
const LENGTH_MIN: usize = 20;
/// Longest: what is longer is data (images, archives), not a key.
const LENGTH_MAX: usize = 512;
/// How far back from a token the beginning of its URL is looked for, in bytes.
const URL_BEFORE_MAX: usize = 2048;
/// Shannon entropy in bits per byte; random base64 of 20 bytes has about 4.0, of 40 about 4.7.
const BITS_MIN_SHORT: f64 = 3.7;
const BITS_MIN_LONG: f64 = 4.1;

/// Ids that clients and APIs print everywhere and that open nothing.
const ID_PREFIXES: &[&str] = &[
    "toolu_",
    "msg_",
    "req_",
    "call_",
    "resp_",
    "run_",
    "item_",
    "rs_",
    "fc_",
    "org-",
    "user_",
    "user-",
    "chatcmpl-",
    "session_",
    "thread_",
    "asst_",
    "file-",
    "file_",
    "evt_",
    "cus_",
    "pi_",
    "price_",
    "prod_",
    "in_",
    "ch_",
    "sub_",
    "sha256-",
    "sha384-",
    "sha512-",
    "AAAAB3NzaC1",
    "AAAAC3NzaC1",
    "AAAAE2VjZHNh",
    "gen-",
    "batch_",
    "srvtoolu_",
    "container_",
    "conv_",
    "ws_",
    "trace_",
];
/// What may stand right before a token that is a digest, a fingerprint or data.
const DATA_PREFIXES: &[&str] =
    &["base64,", "SHA256:", "SHA512:", "MD5:", "h1:", "sha256:", "sha512:", "blake3:", "integrity:"];

/// Adds tokens that look random and are not covered by another finding.
pub(super) fn scan(text: &str, found: &mut Vec<Finding>) {
    let taken = disjoint(found.iter().map(|finding| finding.span.clone()).chain(public_blocks(text)).collect());
    for span in tokens(text) {
        let behind = taken.partition_point(|other| other.end <= span.start);
        if taken.get(behind).is_some_and(|other| other.start < span.end) {
            continue;
        }
        let Some(token) = text.get(span.clone()) else { continue };
        if let Some(rule) = rules::by_shape(token) {
            found.push(Finding { rule, span });
            continue;
        }
        let keys: Vec<Range<usize>> =
            parts(token).into_iter().filter(|part| token.get(part.clone()).is_some_and(is_key)).collect();
        if keys.is_empty() || is_shown_data(text, &span) {
            continue;
        }
        found.extend(
            keys.into_iter()
                .map(|part| Finding { rule: "high_entropy", span: span.start + part.start..span.start + part.end }),
        );
    }
}

/// Sorted spans without overlaps, so that one can be found by bisection.
fn disjoint(mut spans: Vec<Range<usize>>) -> Vec<Range<usize>> {
    spans.sort_by_key(|span| span.start);
    let mut out: Vec<Range<usize>> = Vec::with_capacity(spans.len());
    for span in spans {
        match out.last_mut().filter(|last| span.start <= last.end) {
            Some(last) => last.end = last.end.max(span.end),
            None => out.push(span),
        }
    }
    out
}

/// Whether what stands before the token says that it is a digest, data, or a part of a URL (ids in paths are public;
/// `user:password@` and `?token=` have rules of their own).
fn is_shown_data(text: &str, span: &Range<usize>) -> bool {
    let start = text.floor_char_boundary(span.start.saturating_sub(URL_BEFORE_MAX));
    let before = text.get(start..span.start).unwrap_or_default();
    let outside = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '(' | ')');
    let tail = before.rsplit(outside).next().unwrap_or_default();
    let rest = text.get(span.start..).unwrap_or_default();
    DATA_PREFIXES.iter().any(|prefix| before.ends_with(prefix))
        || tail.contains("://")
        || (tail.ends_with(':') && rest.starts_with("//"))
        || tail.starts_with("www.")
}

/// Runs of key characters, dots inside them included, of at least [`LENGTH_MIN`] bytes.
fn tokens(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let rest = bytes.get(at..)?;
            let Some(skip) = rest.iter().position(|b| is_key_byte(*b)) else {
                at = bytes.len();
                return None;
            };
            let start = at + skip;
            let length =
                bytes.get(start..)?.iter().position(|b| !is_key_byte(*b) && *b != b'.').unwrap_or(bytes.len() - start);
            at = start + length;
            if length >= LENGTH_MIN {
                return Some(start..at);
            }
        }
        None
    })
}

const fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'_' | b'=' | b'-')
}

/// The pieces of a token that are judged: whole where it is not a path or dotted name, else its segments.
fn parts(token: &str) -> Vec<Range<usize>> {
    let is_wordy =
        |piece: &str| piece.len() >= 3 && !piece.bytes().any(|b| b.is_ascii_digit()) && case_changes(piece) <= 1;
    let path = token.starts_with('/') || token.split('/').any(is_wordy);
    let mut out = Vec::new();
    let mut start = 0;
    for (i, c) in token.char_indices().chain([(token.len(), '.')]) {
        // `name=value` and query strings are cut at the sign; `=` at the end is padding.
        let equals = c == '=' && token.get(i + 1..).is_some_and(|rest| rest.starts_with(|c: char| c != '='));
        if c == '.' || equals || (path && c == '/') {
            out.push(start..i);
            start = i + c.len_utf8();
        }
    }
    out
}

/// Certificates and public keys: their bodies look random and are meant to be seen.
fn public_blocks(text: &str) -> Vec<Range<usize>> {
    const BEGIN: &str = "-----BEGIN ";
    const LABEL_MAX: usize = 64;
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(start) = text.get(at..).and_then(|rest| rest.find(BEGIN)).map(|i| at + i) {
        let rest = text.get(start + BEGIN.len()..).unwrap_or_default();
        let label = rest.get(..rest.floor_char_boundary(LABEL_MAX)).and_then(|head| head.split_once("-----"));
        at = start + BEGIN.len();
        let Some((label, _)) = label else { continue };
        if (label.contains("CERTIFICATE") || label.contains("PUBLIC KEY")) && !label.contains("PRIVATE") {
            at = rest.find("-----END ").map_or(text.len(), |end| at + end);
            out.push(start..at);
        }
    }
    out
}

fn is_key(piece: &str) -> bool {
    (LENGTH_MIN..=LENGTH_MAX).contains(&piece.len())
        && !ID_PREFIXES.iter().any(|prefix| piece.starts_with(prefix))
        && !piece.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
        && looks_random(piece)
}

/// Three classes of characters, changing often, with high entropy.
pub(super) fn looks_random(piece: &str) -> bool {
    let count = |is: fn(&u8) -> bool| piece.bytes().filter(&is).count();
    let (digits, upper, lower) =
        (count(u8::is_ascii_digit), count(u8::is_ascii_uppercase), count(u8::is_ascii_lowercase));
    let bits_min = if piece.len() < 32 { BITS_MIN_SHORT } else { BITS_MIN_LONG };
    digits >= 2
        && upper >= 3
        && lower >= 3
        && class_changes(piece) * 5 >= piece.len() * 2
        && bits_per_byte(piece) >= bits_min
}

/// Neighbours of different class: lower, upper, digit, other.
fn class_changes(piece: &str) -> usize {
    let class = |b: u8| match b {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    };
    piece.bytes().zip(piece.bytes().skip(1)).filter(|(a, b)| class(*a) != class(*b)).count()
}

/// How often the case of letters changes.
pub(super) fn case_changes(piece: &str) -> usize {
    let letters = || piece.bytes().filter(u8::is_ascii_alphabetic);
    letters().zip(letters().skip(1)).filter(|(a, b)| a.is_ascii_uppercase() != b.is_ascii_uppercase()).count()
}

/// Shannon entropy of the bytes.
pub(super) fn bits_per_byte(piece: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in piece.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let all = piece.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / all)
        .map(|share| -share * share.log2())
        .sum()
}
