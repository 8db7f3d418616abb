//! A commit object as git keeps it: headers, a blank line, the message.

use jay_types::Timestamp;

/// What a commit object says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct CommitObject {
    pub(crate) author: Person,
    pub(crate) message: String,
}

/// Who did it and when.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) at: Option<Timestamp>,
}

impl CommitObject {
    /// Reads one; none where it has no author.
    pub(crate) fn parse(object: &[u8]) -> Option<Self> {
        let end = object.windows(2).position(|pair| pair == b"\n\n").unwrap_or(object.len());
        let (headers, message) = object.split_at(end);
        let mut encoding = String::new();
        let mut author = None;
        for line in headers.split(|byte| *byte == b'\n') {
            if let Some(value) = line.strip_prefix(b"encoding ") {
                encoding = String::from_utf8_lossy(value).to_ascii_lowercase();
            } else if let (Some(value), None) = (line.strip_prefix(b"author "), author) {
                author = Some(value);
            }
        }
        let author = person(&decoded(author?, &encoding));
        let message = decoded(message.strip_prefix(b"\n\n").unwrap_or_default(), &encoding);
        Some(Self { author, message })
    }
}

/// Text of what should be UTF-8. Latin 1 is decoded where the commit says so; of other encodings what is no UTF-8 is replaced.
fn decoded(bytes: &[u8], encoding: &str) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) if matches!(encoding, "iso-8859-1" | "iso8859-1" | "latin1" | "latin-1") => {
            bytes.iter().copied().map(char::from).collect()
        }
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// `Mira <mira@example.org> 1770000000 +0100`
fn person(line: &str) -> Person {
    let (name, rest) = line.split_once('<').unwrap_or((line, ""));
    let after = rest.rsplit_once('>').map_or("", |(_, after)| after);
    let seconds = after.split_whitespace().next().and_then(|seconds| seconds.parse::<i64>().ok());
    let at = seconds.and_then(|seconds| seconds.checked_mul(1_000_000)).map(Timestamp);
    Person { name: name.trim().to_owned(), at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_and_encodings_are_read_past() {
        let object = b"tree 0\nparent 1\nauthor J\xf6rg <j@x> -5 +0000\ncommitter x <x> 7 +0000\nencoding ISO-8859-1\ngpgsig -----BEGIN\n \n abc\n author forged <f@x> 1 +0000\n\nGr\xfc\xdfe\n\nmore";
        let read = CommitObject::parse(object).unwrap();
        assert_eq!(read.author, Person { name: "Jörg".to_owned(), at: Some(Timestamp(-5_000_000)) });
        assert_eq!(read.message, "Grüße\n\nmore");
        assert_eq!(CommitObject::parse(b"tree 0\n\nx"), None);
        let odd = CommitObject::parse(b"author <> x\n\n\xff").unwrap();
        assert_eq!((odd.author, odd.message.as_str()), (Person::default(), "\u{fffd}"));
    }
}
