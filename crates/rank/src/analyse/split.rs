//! Takes one run apart: whole, segments of a path, pieces of an identifier, parts of a camel-cased word.

use super::{Sink, TERM_MAX_CHARS, TokenKind, fold, stop};

/// More parts than this mean a random string (a hash, base64), which is indexed whole only.
const PARTS_MAX: usize = 8;

/// Emits the terms of a run of word characters and joiners.
pub(super) fn run(run: &str, sink: &mut Sink) {
    if run.bytes().all(|b| b.is_ascii_lowercase()) {
        return word(run, sink);
    }
    let folded = fold::fold(run);
    let cleaned: String = folded.chars().filter(|c| *c != '\'').collect();
    if cleaned.chars().all(is_piece_char) {
        // A possessive is the word without its ending.
        let base = folded.strip_suffix("'s").or_else(|| folded.strip_suffix("'S"));
        return match base.filter(|base| !base.contains('\'')) {
            Some(base) if !stop::is_stop_word(&cleaned.to_lowercase()) => atom(base, TokenKind::Word, sink),
            _ => atom(&cleaned, TokenKind::Word, sink),
        };
    }
    let segments: Vec<&str> = non_empty(&cleaned, |c| matches!(c, '/' | '\\' | ':' | '@'));
    let many = segments.len() > 1;
    if many {
        whole(&cleaned, TokenKind::Whole, sink);
    }
    for segment in segments {
        compound(segment, many, sink);
        if sink.is_full() {
            return;
        }
    }
}

/// A segment between path separators: `parse_http.rs`, `v1.2.3`, `5433`.
fn compound(segment: &str, inner: bool, sink: &mut Sink) {
    let pieces: Vec<&str> = non_empty(segment, |c| !is_piece_char(c));
    if pieces.len() == 1 {
        return atom(
            pieces.first().copied().unwrap_or_default(),
            if inner { TokenKind::Part } else { TokenKind::Word },
            sink,
        );
    }
    let unversioned = segment.strip_prefix(['v', 'V']).unwrap_or(segment);
    let numeric = unversioned.chars().all(|c| c.is_ascii_digit() || !is_piece_char(c));
    whole(segment, if numeric { TokenKind::Number } else { TokenKind::Whole }, sink);
    if numeric {
        if unversioned.len() < segment.len() {
            whole(unversioned, TokenKind::Number, sink);
        }
        // Single digits of a version or address would match every other one.
        for piece in pieces.iter().filter(|piece| piece.len() > 1 && piece.bytes().all(|b| b.is_ascii_digit())) {
            sink.push(cut(piece.to_lowercase()), TokenKind::Part, false);
        }
        return;
    }
    for piece in pieces {
        atom(piece, TokenKind::Part, sink);
        if sink.is_full() {
            return;
        }
    }
}

/// A compound kept whole, its separators written `_`; left out where it is too long for anybody to ask for.
fn whole(text: &str, kind: TokenKind, sink: &mut Sink) {
    if text.chars().count() > TERM_MAX_CHARS {
        return;
    }
    let mut term = String::with_capacity(text.len());
    for piece in non_empty(text, |c| !is_piece_char(c)) {
        if !term.is_empty() {
            term.push('_');
        }
        term.extend(piece.chars().flat_map(char::to_lowercase));
    }
    sink.push(cut(term), kind, false);
}

/// What the whole of a word that begins with `run` begins with, and where the last part of `run` stands: the part that a
/// longer word goes on with.
pub(crate) fn start_of(run: &str) -> (String, usize) {
    let folded = fold::fold(run);
    let mut start = String::with_capacity(folded.len());
    for piece in non_empty(&folded, |c| !is_piece_char(c) && c != '\'') {
        if !start.is_empty() {
            start.push('_');
        }
        start.extend(piece.chars().filter(|c| *c != '\'').flat_map(char::to_lowercase));
    }
    let piece_at = run.char_indices().rev().find(|(_, c)| !is_piece_char(*c) && !matches!(c, '\'' | '’'));
    let piece_at = piece_at.map_or(0, |(at, c)| at + c.len_utf8());
    let piece = run.get(piece_at..).unwrap_or_default();
    let last = camel_parts(piece).last().map_or(0, |part| piece.len() - part.len());
    (cut(start), piece_at + last)
}

/// A piece without separators: a word, a number, or a camel-cased identifier.
fn atom(piece: &str, kind: TokenKind, sink: &mut Sink) {
    if piece.bytes().all(|b| b.is_ascii_digit()) {
        let kind = if kind == TokenKind::Word { TokenKind::Number } else { TokenKind::Part };
        return sink.push(cut(piece.to_owned()), kind, false);
    }
    let parts = camel_parts(piece);
    let lower = cut(piece.chars().flat_map(char::to_lowercase).filter(|c| is_piece_char(*c)).collect());
    if parts.len() < 2 || parts.len() > PARTS_MAX || is_hex(piece) {
        let kind =
            if kind == TokenKind::Word && piece.bytes().any(|b| b.is_ascii_digit()) { TokenKind::Whole } else { kind };
        let stop = kind == TokenKind::Word && stop::is_stop_word(&lower);
        let stem = fold::stem(&lower);
        return sink.push(stem, kind, stop);
    }
    let stem = fold::stem(&lower);
    sink.push(stem, TokenKind::Whole, false);
    let has_word = parts.iter().any(|part| part.len() > 1 && part.chars().all(char::is_alphabetic));
    for part in parts {
        let digits = part.bytes().all(|b| b.is_ascii_digit());
        if part.chars().count() > 1 || (digits && has_word) {
            let part = cut(part.to_lowercase());
            let stem = fold::stem(&part);
            sink.push(stem, TokenKind::Part, false);
        }
    }
}

/// The common case, a word of ASCII lower-case letters.
fn word(word: &str, sink: &mut Sink) {
    let word = word.get(..TERM_MAX_CHARS).unwrap_or(word);
    let stem = fold::stem(word);
    sink.push(stem, TokenKind::Word, stop::is_stop_word(word));
}

/// Cuts at changes of case and between letters and digits: `parseHTTPHeader2` is parse, HTTP, Header, 2.
/// A single leading letter stays with what follows (`iPhone`, `OAuth`), a plural s with its capitals (`URLs`).
fn camel_parts(piece: &str) -> Vec<&str> {
    let chars: Vec<(usize, char)> = piece.char_indices().collect();
    let mut parts = Vec::new();
    let mut start = 0;
    for (i, pair) in chars.windows(2).enumerate() {
        let &[(_, before), (at, c)] = pair else { continue };
        let after = chars.get(i + 2).map(|(_, c)| *c);
        let boundary = if before.is_ascii_digit() != c.is_ascii_digit() {
            true
        } else if before.is_lowercase() && c.is_uppercase() {
            !(i == 0 && start == 0)
        } else {
            let plural = after == Some('s') && chars.get(i + 3).is_none_or(|(_, c)| !c.is_lowercase());
            before.is_uppercase() && c.is_uppercase() && after.is_some_and(char::is_lowercase) && i > 0 && !plural
        };
        if boundary {
            parts.push(piece.get(start..at).unwrap_or_default());
            start = at;
        }
        if parts.len() > PARTS_MAX {
            return parts;
        }
    }
    parts.push(piece.get(start..).unwrap_or_default());
    parts
}

/// A stretch of hex digits with at least one digit: commit ids, parts of UUIDs.
fn is_hex(piece: &str) -> bool {
    piece.len() >= 6
        && piece.bytes().all(|b| b.is_ascii_hexdigit())
        && piece.bytes().any(|b| b.is_ascii_digit())
        && piece.bytes().any(|b| b.is_ascii_alphabetic())
}

/// Letters, digits, and marks that survive folding; everything else separates.
fn is_piece_char(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphanumeric() } else { c != '⁄' && c != '’' }
}

fn non_empty(text: &str, separator: impl Fn(char) -> bool) -> Vec<&str> {
    text.split(separator).filter(|piece| !piece.is_empty()).collect()
}

/// At most [`TERM_MAX_CHARS`] characters.
fn cut(term: String) -> String {
    match term.char_indices().nth(TERM_MAX_CHARS) {
        Some((end, _)) => term.get(..end).unwrap_or_default().to_owned(),
        None => term,
    }
}
