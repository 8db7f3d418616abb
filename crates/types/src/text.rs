//! Text as the rules compare it: normalised, shortened for messages.

use unicode_normalization::UnicodeNormalization as _;

/// Normalised text (J9): NFC, runs of white space become one space, ends trimmed, case kept.
#[must_use]
pub fn normalise(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        if word.is_ascii() {
            out.push_str(word);
        } else {
            out.extend(word.nfc());
        }
    }
    out
}

/// A keyed BLAKE3 hasher: a MAC whose values cannot be guessed without the key.
#[must_use]
pub fn keyed_hasher(key: &[u8; 32]) -> blake3::Hasher {
    blake3::Hasher::new_keyed(key)
}

/// True for a character that commands a terminal or shows its neighbours in another order than they stand in: control
/// characters, and the marks of bidirectional text.
#[must_use]
pub fn commands_the_terminal(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A number and what it counts: `1 file`, `3 files`.
#[must_use]
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// At most `max_chars` characters on one line, with `…` where something was left out.
#[must_use]
pub fn shorten(text: &str, max_chars: usize) -> String {
    let mut out = String::new();
    let mut count = 0;
    for (i, word) in text.split_whitespace().enumerate() {
        for c in (i > 0).then_some(' ').into_iter().chain(word.chars()) {
            if count == max_chars {
                out.pop();
                out.push('…');
                return out;
            }
            out.push(c);
            count += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalises_form_and_space_but_not_case() {
        assert_eq!(normalise("  Cafe\u{301}\n\tau  lait "), "Café au lait");
        assert_ne!(normalise("Port"), normalise("port"));
        assert_eq!(normalise(" \n "), "");
    }

    #[test]
    fn shortens_by_characters() {
        assert_eq!(shorten("hello  world", 20), "hello world");
        assert_eq!(shorten("hello world", 8), "hello w…");
        assert_eq!(shorten("日本語テキスト", 4), "日本語…");
    }
}
