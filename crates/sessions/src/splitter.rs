//! Cuts a JSON file into the pieces around the elements of one array or object in it, without changing a byte.
//!
//! A file is a head up to the opening bracket, then an element after the other, each with the comma and white space before
//! it, and the tail. An element keeps its bytes when another is appended. What the file is not, JSON or of that shape, is
//! not judged: it is cut where it can be, and all of it comes out.
//!
//! **Invariant:** the pieces, joined, are the bytes that went in. Memory is bounded by the longest piece that is asked
//! for, whatever stands in the file: nesting is counted, not followed.

use crate::discover;
use crate::documents::{Document, Documents};
use crate::json::Fields;
use jay_types::Result;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// Bytes read from the file at once.
const BUFFER_BYTES: usize = 256 << 10;

/// Bytes of a key that are compared; a longer one is none that is looked for.
const KEY_MAX: usize = 64;

/// Where the elements stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// True where the file is an array of such objects, as an export of many conversations is.
    pub is_many: bool,
    /// The key under which the array or object of elements stands; none where the file itself is it.
    pub key: Option<&'static str>,
}

/// Reads pieces.
pub struct Splitter<R> {
    input: R,
    shape: Shape,
    /// What is said where the input cannot be read.
    name: String,
    state: State,
    piece: Vec<u8>,
    /// True where the piece goes on with one that was too long.
    is_fragment: bool,
    count: u64,
    is_at_end: bool,
}

#[derive(Debug, Default)]
struct State {
    depth: u64,
    in_string: bool,
    is_escaped: bool,
    /// A number or word is being read.
    in_scalar: bool,
    /// The depth inside the container of the elements, while there.
    container: Option<u64>,
    is_object: bool,
    /// What stands before is a colon: the next value is an element's, not its key.
    after_colon: bool,
    /// The string that is being read, or was read last, at the depth of the key, undecoded.
    key: Vec<u8>,
    is_key: bool,
    /// The key before was the one that is looked for.
    is_wanted: bool,
}

impl<R: BufRead + Send> Splitter<R> {
    /// Cuts `input`, which is called `name` where it cannot be read.
    pub fn new(input: R, shape: Shape, name: impl Into<String>) -> Self {
        Self {
            input,
            shape,
            name: name.into(),
            state: State::default(),
            piece: Vec::new(),
            is_fragment: false,
            count: 0,
            is_at_end: false,
        }
    }

    /// What was read, which goes on in the next piece where it is too long.
    fn take(&mut self, goes_on: bool) -> Document {
        let key = self.count.to_le_bytes().to_vec();
        self.count += 1;
        let is_fragment = goes_on || self.is_fragment;
        self.is_fragment = goes_on;
        Document { key, bytes: std::mem::take(&mut self.piece), is_fragment }
    }
}

impl State {
    /// The depth of the objects in which the key is looked for.
    fn base(shape: Shape) -> u64 {
        u64::from(shape.is_many)
    }

    /// True where a number or word that is an element ends before this byte.
    fn ends_before(&mut self, byte: u8) -> bool {
        let ends = self.in_scalar && matches!(byte, b',' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t');
        self.in_scalar &= !ends;
        ends && self.is_element()
    }

    /// Takes a byte; true where a piece ends behind it.
    fn step(&mut self, byte: u8, shape: Shape) -> bool {
        if self.in_string {
            return self.in_text(byte, shape);
        }
        match byte {
            b'"' => {
                self.in_string = true;
                self.is_key = self.depth == Self::base(shape) + 1 && self.container.is_none() && !self.after_colon;
                if self.is_key {
                    self.key.clear();
                }
            }
            b'[' | b'{' => return self.opens(byte, shape),
            b']' | b'}' => return self.closes(shape),
            b':' => self.after_colon = true,
            b',' => {
                self.after_colon = false;
                self.is_wanted = false;
            }
            b' ' | b'\n' | b'\r' | b'\t' => {}
            _ => self.in_scalar = true,
        }
        false
    }

    fn in_text(&mut self, byte: u8, shape: Shape) -> bool {
        if self.is_escaped {
            self.is_escaped = false;
        } else if byte == b'\\' {
            self.is_escaped = true;
        } else if byte == b'"' {
            self.in_string = false;
            if self.is_key {
                self.is_key = false;
                self.is_wanted = shape.key.is_some_and(|key| key.as_bytes() == self.key);
            }
            return self.is_element();
        }
        if self.is_key && self.key.len() < KEY_MAX {
            self.key.push(byte);
        }
        false
    }

    fn opens(&mut self, byte: u8, shape: Shape) -> bool {
        self.depth += 1;
        let base = Self::base(shape);
        let is_here = match shape.key {
            None => self.depth == base + 1,
            Some(_) => self.depth == base + 2 && self.is_wanted && self.after_colon,
        };
        let begins = is_here && self.container.is_none();
        if begins {
            self.container = Some(self.depth);
            self.is_object = byte == b'{';
        }
        self.after_colon = false;
        begins
    }

    fn closes(&mut self, shape: Shape) -> bool {
        self.depth = self.depth.saturating_sub(1);
        if self.container.is_some_and(|container| self.depth < container) {
            self.container = None;
            self.is_wanted = false;
        }
        self.after_colon = false;
        // Behind a conversation of many another piece begins.
        self.was_element() || (shape.is_many && self.depth == 1)
    }

    /// True where a string or word that ends here is an element: in an object the value, not the key.
    fn is_element(&self) -> bool {
        self.container == Some(self.depth) && (!self.is_object || self.after_colon)
    }

    /// True where what was closed is an element.
    fn was_element(&self) -> bool {
        self.container == Some(self.depth)
    }
}

impl<R: BufRead + Send> Documents for Splitter<R> {
    fn next(&mut self, max_bytes: usize) -> Result<Option<Document>> {
        while !self.is_at_end {
            let available = match self.input.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    return Err(jay_types::Error::io(format!("cannot read session file {}", self.name), &error));
                }
            };
            if available.is_empty() {
                self.is_at_end = true;
                break;
            }
            let (mut used, mut ends) = (0, false);
            for byte in available {
                ends = self.state.ends_before(*byte);
                if ends {
                    break;
                }
                used += 1;
                ends = self.state.step(*byte, self.shape);
                if ends || self.piece.len() + used >= max_bytes.max(1) {
                    break;
                }
            }
            self.piece.extend_from_slice(available.get(..used).unwrap_or_default());
            self.input.consume(used);
            if ends {
                return Ok(Some(self.take(false)));
            }
            if self.piece.len() >= max_bytes.max(1) {
                return Ok(Some(self.take(true)));
            }
        }
        // What stands behind the last bracket is complete; before it something is missing.
        let is_whole = self.state.depth == 0 && !self.state.in_string;
        Ok(if is_whole { self.rest() } else { None })
    }

    fn pending_bytes(&self) -> u64 {
        self.piece.len() as u64
    }

    fn rest(&mut self) -> Option<Document> {
        if self.piece.is_empty() { None } else { Some(self.take(false)) }
    }

    fn is_written_once(&self) -> bool {
        self.shape.is_many
    }
}

/// Opens the JSON file of a source.
pub(crate) fn open(path: &Path, shape: Shape) -> Result<Box<dyn Documents>> {
    let file = std::fs::File::open(path).map_err(|cause| crate::input::cannot_read(path, &cause))?;
    Ok(Box::new(Splitter::new(BufReader::with_capacity(BUFFER_BYTES, file), shape, path.display().to_string())))
}

impl Shape {
    /// The shape of a file whose elements stand under `key`, or alone.
    pub(crate) fn of_file(path: &Path, key: &'static str) -> Self {
        let is_array = discover::peek(path).is_some_and(|text| text.trim_start().starts_with('['));
        Self { is_many: false, key: (!is_array).then_some(key) }
    }

    /// What a piece says.
    pub(crate) fn read(self, piece: &[u8]) -> Piece<'_> {
        let Ok(text) = std::str::from_utf8(piece) else { return Piece::Other };
        let text = text.trim();
        let element = text.trim_start_matches(',').trim_start();
        if serde_json::from_str::<&RawValue>(element).is_ok() {
            return Piece::Element(Cow::Borrowed(element));
        }
        let is_object = |text: &str| Fields::parse(text).is_some();
        let member = format!("{{{element}}}");
        if is_object(&member) {
            return Piece::Element(Cow::Owned(member));
        }
        let around = match text.chars().last() {
            Some('[') => format!("{text}]}}"),
            Some('{') => format!("{text}}}}}"),
            _ if text.starts_with([']', '}']) => {
                format!("{{{}", text.get(1..).unwrap_or_default().trim_start().trim_start_matches(','))
            }
            _ => return Piece::Other,
        };
        let around = around.trim_start_matches([',', '[', ' ', '\n', '\r', '\t']);
        if is_object(around) { Piece::Around(around.to_owned()) } else { Piece::Bracket }
    }
}

/// What a piece says.
#[derive(Debug, PartialEq)]
pub(crate) enum Piece<'a> {
    /// An element of an array; of an object `{key: value}`.
    Element(Cow<'a, str>),
    /// The fields beside the elements: those before them or those after them, as an object.
    Around(String),
    /// Nothing but brackets.
    Bracket,
    /// No JSON of this shape.
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str, shape: Shape, max: usize) -> Vec<(String, bool)> {
        let mut splitter = Splitter::new(text.as_bytes(), shape, "memory");
        let mut pieces = Vec::new();
        while let Some(piece) = splitter.next(max).unwrap() {
            pieces.push((String::from_utf8(piece.bytes).unwrap(), piece.is_fragment));
        }
        pieces.extend(splitter.rest().map(|rest| (format!("rest {}", String::from_utf8(rest.bytes).unwrap()), false)));
        pieces
    }

    fn whole(text: &str, shape: Shape) -> Vec<String> {
        let pieces = split(text, shape, 1000);
        assert!(pieces.iter().all(|(_, is_fragment)| !is_fragment));
        pieces.into_iter().map(|(text, _)| text).collect()
    }

    const ARRAY: Shape = Shape { is_many: false, key: None };
    const MESSAGES: Shape = Shape { is_many: false, key: Some("messages") };
    const MANY: Shape = Shape { is_many: true, key: Some("chat_messages") };
    const MAPPING: Shape = Shape { is_many: true, key: Some("mapping") };

    #[test]
    fn elements_are_cut_with_what_stands_before_them() {
        assert_eq!(
            whole("[ {\"a\":[1]}\n,\"x,]\\\"\", 12 ,null]\n", ARRAY),
            ["[", " {\"a\":[1]}", "\n,\"x,]\\\"\"", ", 12", " ,null", "]\n"]
        );
        assert_eq!(
            whole(r#"{"messages":"no","a":{"messages":[0]},"messages":[{"messages":[1]}],"b":[2]}"#, MESSAGES),
            [r#"{"messages":"no","a":{"messages":[0]},"messages":["#, r#"{"messages":[1]}"#, r#"],"b":[2]}"#]
        );
        assert_eq!(
            whole(r#"[{"u":1,"chat_messages":[{},{}]},{"chat_messages":[],"u":2}]"#, MANY),
            [r#"[{"u":1,"chat_messages":["#, "{}", ",{}", "]}", r#",{"chat_messages":["#, r#"],"u":2}"#, "]"]
        );
        assert_eq!(
            whole(r#"[{"mapping":{"a":{"b":1},"c":"d","e":5},"t":1}]"#, MAPPING),
            [r#"[{"mapping":{"#, r#""a":{"b":1}"#, r#","c":"d""#, r#","e":5"#, r#"},"t":1}"#, "]"]
        );
    }

    #[test]
    fn what_is_appended_changes_no_element_before_it() {
        let before = whole(r#"[{"a":1}, {"b":2}]"#, ARRAY);
        let after = whole(r#"[{"a":1}, {"b":2}, {"c":3}]"#, ARRAY);
        assert_eq!(before[..3], after[..3]);
    }

    #[test]
    fn what_is_not_complete_waits_and_what_is_too_long_is_cut() {
        assert_eq!(whole(r#"[{"a":1},{"b":"#, ARRAY), ["[", r#"{"a":1}"#, r#"rest ,{"b":"#]);
        let pieces = split(r#"["12345678","x"]"#, ARRAY, 4);
        let pieces: Vec<_> = pieces.iter().map(|(text, is_fragment)| (text.as_str(), *is_fragment)).collect();
        assert_eq!(
            pieces,
            [("[", false), ("\"123", true), ("4567", true), ("8\"", true), (",\"x\"", false), ("]", false)]
        );
    }

    #[test]
    fn a_piece_tells_what_it_is() {
        let element = |text: &str| Piece::Element(Cow::Owned(text.to_owned()));
        let around = |text: &str| Piece::Around(text.to_owned());
        for (shape, piece, expected) in [
            (ARRAY, "[", Piece::Bracket),
            (ARRAY, " ,\n{\"a\":1}", element("{\"a\":1}")),
            (ARRAY, "\n]", Piece::Bracket),
            (MESSAGES, "{\"a\":1,\"messages\":[", around("{\"a\":1,\"messages\":[]}")),
            (MESSAGES, "],\"b\":2}\n", around("{\"b\":2}")),
            (MANY, ",{\"u\":1,\"chat_messages\":[", around("{\"u\":1,\"chat_messages\":[]}")),
            (MAPPING, "[{\"t\":1,\"mapping\":{", around("{\"t\":1,\"mapping\":{}}")),
            (MAPPING, ",\"k\":{\"b\":1}", element("{\"k\":{\"b\":1}}")),
            (MAPPING, "},\"t\":1}", around("{\"t\":1}")),
            (MANY, "{\"torn\":", Piece::Other),
        ] {
            assert_eq!(shape.read(piece.as_bytes()), expected, "{piece}");
        }
        assert_eq!(ARRAY.read(b"\xff"), Piece::Other);
    }
}
