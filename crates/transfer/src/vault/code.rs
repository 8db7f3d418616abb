//! Codes of invitations: an id and a secret in characters that can be read aloud.
//!
//! 8 bytes of id, 16 of secret, 2 of checksum, in Crockford's base 32 (<https://www.crockford.com/base32.html>: no I, L, O, U;
//! case, hyphens and blanks do not count, I and L are read as 1, O as 0), 42 characters in groups of six.

use jay_types::surroundings::{Surroundings, random};
use jay_types::text::counted;
use jay_types::{Error, Hash, Result};

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const BYTES: usize = 26;
const CHARACTERS: usize = 42;

/// What a code holds.
#[derive(Clone, PartialEq, Eq)]
pub struct InviteCode {
    /// Names the invitation's file.
    pub id: [u8; 8],
    /// Opens it.
    pub secret: [u8; 16],
}

impl std::fmt::Debug for InviteCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InviteCode")
    }
}

impl InviteCode {
    /// A new one.
    #[must_use]
    pub fn make(surroundings: &dyn Surroundings) -> Self {
        Self { id: random(surroundings), secret: random(surroundings) }
    }

    /// As people read it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut bits = u128::default();
        let mut held = 0_u32;
        let mut text = String::new();
        let content = [&self.id[..], &self.secret[..]].concat();
        for byte in content.iter().chain(&checksum(&content)) {
            bits = bits << 8 | u128::from(*byte);
            held += 8;
            while held >= 5 {
                held -= 5;
                push(&mut text, (bits >> held) as u8 & 31);
            }
            bits &= (1 << held) - 1;
        }
        if held > 0 {
            push(&mut text, (bits << (5 - held)) as u8 & 31);
        }
        text
    }

    /// Reads what people wrote.
    ///
    /// # Errors
    /// `bad_input` where characters are missing, foreign or exchanged; the code itself is not repeated.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |why: &str| {
            Error::bad_input(format!("this is no code of an invitation: {why}"))
                .hint("Copy the whole line that `jay vault invite` printed; a code counts once, for 24 hours.")
        };
        let mut values = Vec::new();
        for character in text.chars().filter(|character| !matches!(character, '-' | ' ')) {
            let upper = match character.to_ascii_uppercase() {
                'I' | 'L' => '1',
                'O' => '0',
                other => other,
            };
            let value = ALPHABET.iter().position(|known| char::from(*known) == upper);
            values.push(value.ok_or_else(|| wrong("it has a character that no code has"))? as u8);
        }
        if values.len() != CHARACTERS {
            return Err(wrong(&format!(
                "it has {}, not {CHARACTERS}",
                counted(values.len() as u64, "character", "characters")
            )));
        }
        let (mut bits, mut held) = (0_u32, 0);
        let mut bytes = Vec::new();
        for value in values {
            bits = bits << 5 | u32::from(value);
            held += 5;
            if held >= 8 {
                held -= 8;
                bytes.push((bits >> held) as u8);
                bits &= (1 << held) - 1;
            }
        }
        let bytes: [u8; BYTES] = bytes.try_into().map_err(|_| wrong("its length is wrong"))?;
        let (content, sum) = bytes.split_at(24);
        if sum != checksum(content) {
            return Err(wrong("a character is wrong"));
        }
        let (id, secret) = content.split_at(8);
        let internal = || wrong("its length is wrong");
        Ok(Self { id: id.try_into().map_err(|_| internal())?, secret: secret.try_into().map_err(|_| internal())? })
    }
}

fn push(text: &mut String, value: u8) {
    if text.len() % 7 == 6 {
        text.push('-');
    }
    text.extend(ALPHABET.get(usize::from(value)).map(|byte| char::from(*byte)));
}

fn checksum(content: &[u8]) -> [u8; 2] {
    let hash = Hash::of(content).0;
    [hash[0], hash[1]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_write_it() {
        let code = InviteCode { id: [0xff, 1, 2, 3, 4, 5, 6, 7], secret: [9; 16] };
        let text = code.text();
        assert_eq!(text.len(), 48, "{text}");
        assert_eq!(InviteCode::parse(&text), Ok(code.clone()));
        let sloppy = text.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
        assert_eq!(InviteCode::parse(&sloppy), Ok(code));
        for wrong in ["", "ABC", &text.replace('-', "!"), &format!("{text}A")] {
            assert!(InviteCode::parse(wrong).is_err(), "{wrong}");
        }
        // Any single wrong character is noticed, but for one in 65,536.
        let plain = text.replace('-', "");
        for at in 0..plain.len() {
            let mut other = plain.clone().into_bytes();
            other[at] = if other[at] == b'7' { b'8' } else { b'7' };
            assert!(InviteCode::parse(&String::from_utf8(other).unwrap()).is_err(), "{at}");
        }
    }
}
