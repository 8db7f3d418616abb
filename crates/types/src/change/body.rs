//! The body: registers and the dots that each write replaces, as JSON, stored plain or as zstd (J2, J7).
//!
//! ```json
//! {"text": {"text": "…"}, "tags": {"add": ["db"], "remove": ["<dot>:0"]}, "replaces": {"text": ["<dot>"]}}
//! ```

use super::registry::{EntityKind, RegisterShape};
use crate::id::{ActId, Dot, Hash};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Encoding 0: JSON.
pub const ENCODING_JSON: u8 = 0;
/// Encoding 1: zstd of JSON.
pub const ENCODING_ZSTD: u8 = 1;
/// Bytes that one body may have once decompressed: an archive block with its messages. A bomb is refused here.
pub const BODY_MAX_DECODED_BYTES: usize = 64 * 1024 * 1024;
/// Below this a body is stored plain: zstd without a dictionary wins nothing there.
const COMPRESS_FROM_BYTES: usize = 1024;
/// The level at which ratio stops paying for time: 4 % fewer bytes than at 3 for three times its time, which is a tenth of a sync.
const ZSTD_LEVEL: i32 = 6;

/// Names one element of a set: the change that added it and its place in that change's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ElementDot {
    /// The change that added it.
    pub dot: Dot,
    /// Its place in the `add` list.
    pub index: u32,
}

impl std::fmt::Display for ElementDot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.dot, self.index)
    }
}

impl ElementDot {
    /// Reads `<dot>:<index>`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (dot, index) = text.split_once(':')?;
        Some(Self { dot: Dot::parse(dot).ok()?, index: index.parse().ok()? })
    }
}

impl Serialize for ElementDot {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ElementDot {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not an element"))
    }
}

/// An edit of an observed-remove set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetEdit {
    /// Elements that it adds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<String>,
    /// Additions that it saw and takes away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<ElementDot>,
}

/// What a change writes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Body {
    /// Registers by name, sets as [`SetEdit`] values. Absent registers are not written.
    pub registers: BTreeMap<String, Value>,
    /// Per value register: the heads that this write saw and replaces.
    pub replaces: BTreeMap<String, Vec<Dot>>,
    /// The act that this change takes back, so that the next undo goes on behind it.
    pub undoes: Option<ActId>,
}

/// The bytes of a body as they are stored, hashed and sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBody {
    /// How `bytes` are to be read.
    pub encoding: u8,
    /// Random, destroyed with the body, so that a purged short text cannot be guessed from its header.
    pub salt: [u8; 16],
    /// JSON, or zstd of it.
    pub bytes: Vec<u8>,
}

/// Why a stored body cannot be read by this version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// Made by a newer version: the change is deferred.
    #[error("unknown encoding {0}")]
    UnknownEncoding(u8),
    /// Not what the encoding says, or beyond the bounds.
    #[error("unreadable body: {0}")]
    Malformed(String),
}

impl Body {
    /// Writes a value register.
    #[must_use]
    pub fn with(mut self, register: super::registry::Register, value: impl Into<Value>) -> Self {
        self.registers.insert(register.name.to_owned(), value.into());
        self
    }

    /// Edits a set register; an edit that does nothing is left out.
    #[must_use]
    pub fn with_set(mut self, register: super::registry::Register, edit: &SetEdit) -> Self {
        debug_assert_eq!(register.shape, RegisterShape::Set);
        if *edit != SetEdit::default() {
            let value = serde_json::to_value(edit).unwrap_or_else(|_| unreachable!("strings become JSON"));
            self.registers.insert(register.name.to_owned(), value);
        }
        self
    }

    /// The edit of a set register, if this body has a well-formed one.
    #[must_use]
    pub fn set_edit(&self, name: &str) -> Option<SetEdit> {
        serde_json::from_value(self.registers.get(name)?.clone()).ok()
    }

    /// The names in this body that `kind` does not have, or that are not in the register's shape: they are deferred.
    #[must_use]
    pub fn unknown_fields(&self, kind: EntityKind) -> Vec<&str> {
        let known = |name: &str, value: &Value| match kind.register(name) {
            None => false,
            Some(register) if register.shape == RegisterShape::Set => {
                serde_json::from_value::<SetEdit>(value.clone()).is_ok()
            }
            Some(_) => true,
        };
        self.registers.iter().filter(|(name, value)| !known(name, value)).map(|(name, _)| name.as_str()).collect()
    }

    /// The JSON text, keys in order.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut map: Map<String, Value> = self.registers.clone().into_iter().collect();
        let replaces: Map<String, Value> = self
            .replaces
            .iter()
            .filter(|(_, dots)| !dots.is_empty())
            .map(|(name, dots)| (name.clone(), dots.iter().map(|dot| Value::from(dot.to_string())).collect()))
            .collect();
        if !replaces.is_empty() {
            map.insert("replaces".to_owned(), Value::Object(replaces));
        }
        if let Some(act) = self.undoes {
            map.insert("undoes".to_owned(), act.to_string().into());
        }
        serde_json::to_vec(&map).unwrap_or_else(|_| unreachable!("a map of JSON values becomes JSON"))
    }

    /// Reads the JSON text.
    ///
    /// # Errors
    /// [`BodyFault::Malformed`] where it is not an object, or `replaces` is not a map of dots.
    pub fn from_json(json: &[u8]) -> Result<Self, BodyFault> {
        let malformed = |what: &dyn std::fmt::Display| BodyFault::Malformed(what.to_string());
        let mut registers: BTreeMap<String, Value> = serde_json::from_slice(json).map_err(|e| malformed(&e))?;
        let replaces = match registers.remove("replaces") {
            None => BTreeMap::new(),
            Some(value) => serde_json::from_value(value).map_err(|e| malformed(&e))?,
        };
        let undoes = match registers.remove("undoes") {
            None => None,
            Some(value) => Some(serde_json::from_value(value).map_err(|e| malformed(&e))?),
        };
        Ok(Self { registers, replaces, undoes })
    }

    /// The bytes to store, compressed where that pays.
    #[must_use]
    pub fn store(&self, salt: [u8; 16]) -> StoredBody {
        StoredBody::of_json(self.to_json(), salt)
    }
}

impl StoredBody {
    /// Stores JSON text, compressed where that pays.
    #[must_use]
    pub fn of_json(json: Vec<u8>, salt: [u8; 16]) -> Self {
        if json.len() >= COMPRESS_FROM_BYTES
            && let Ok(packed) = zstd::bulk::compress(&json, ZSTD_LEVEL)
            && packed.len() < json.len() / 10 * 9
        {
            return Self { encoding: ENCODING_ZSTD, salt, bytes: packed };
        }
        Self { encoding: ENCODING_JSON, salt, bytes: json }
    }

    /// BLAKE3(salt ‖ bytes).
    #[must_use]
    pub fn hash(&self) -> Hash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.salt);
        hasher.update(&self.bytes);
        Hash(*hasher.finalize().as_bytes())
    }

    /// The JSON text.
    ///
    /// # Errors
    /// [`BodyFault`] where the encoding is unknown, the bytes are damaged or decompress beyond [`BODY_MAX_DECODED_BYTES`].
    pub fn json(&self) -> Result<std::borrow::Cow<'_, [u8]>, BodyFault> {
        decode(self.encoding, &self.bytes)
    }

    /// The registers.
    ///
    /// # Errors
    /// As [`StoredBody::json`] and [`Body::from_json`].
    pub fn read(&self) -> Result<Body, BodyFault> {
        Body::from_json(&self.json()?)
    }
}

/// The JSON text of stored bytes.
///
/// # Errors
/// As [`StoredBody::json`].
pub fn decode(encoding: u8, bytes: &[u8]) -> Result<std::borrow::Cow<'_, [u8]>, BodyFault> {
    match encoding {
        ENCODING_JSON => Ok(bytes.into()),
        ENCODING_ZSTD => {
            let size = zstd::bulk::Decompressor::upper_bound(bytes).unwrap_or(BODY_MAX_DECODED_BYTES);
            zstd::bulk::decompress(bytes, size.min(BODY_MAX_DECODED_BYTES))
                .map(Into::into)
                .map_err(|error| BodyFault::Malformed(error.to_string()))
        }
        other => Err(BodyFault::UnknownEncoding(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::registry::{TAGS, TEXT};
    use super::*;
    use serde_json::json;

    #[test]
    fn json_round_trips_and_is_ordered() {
        let dot = Dot([9; 16]);
        let mut body = Body::default()
            .with(TEXT, json!({"text": "a"}))
            .with_set(TAGS, &SetEdit { add: vec!["x".into()], remove: vec![ElementDot { dot, index: 2 }] });
        body.replaces.insert("text".into(), vec![dot]);
        body.replaces.insert("kind".into(), vec![]);
        let json = body.to_json();
        assert_eq!(
            String::from_utf8(json.clone()).ok().as_deref(),
            Some(
                r#"{"tags":{"add":["x"],"remove":["09090909090909090909090909090909:2"]},"text":{"text":"a"},"replaces":{"text":["09090909090909090909090909090909"]}}"#
            )
        );
        body.replaces.remove("kind");
        assert_eq!(Body::from_json(&json), Ok(body));
    }

    #[test]
    fn large_bodies_are_compressed_and_come_back() {
        let body = Body::default().with(TEXT, json!({"text": "words ".repeat(1000)}));
        let stored = body.store([1; 16]);
        assert_eq!(stored.encoding, ENCODING_ZSTD);
        assert!(stored.bytes.len() < 200);
        assert_eq!(stored.read(), Ok(body));
        assert_ne!(stored.hash(), StoredBody { salt: [2; 16], ..stored }.hash());
    }

    #[test]
    fn damage_and_newer_encodings_are_told_apart() {
        let stored = |encoding, bytes: &[u8]| StoredBody { encoding, salt: [0; 16], bytes: bytes.to_vec() };
        assert_eq!(stored(7, b"{}").read(), Err(BodyFault::UnknownEncoding(7)));
        for (encoding, bytes) in [(1, &b"not zstd"[..]), (0, b"[1]"), (0, b"{\"replaces\":3}"), (0, b"{\"a\":")] {
            assert!(matches!(stored(encoding, bytes).read(), Err(BodyFault::Malformed(_))));
        }
    }

    #[test]
    fn a_field_of_a_newer_version_is_named() {
        let body = Body::default().with(TEXT, json!({"text": "a"}));
        let mut newer = body.clone();
        newer.registers.insert("mood".into(), json!("glad"));
        newer.registers.insert("tags".into(), json!(["not", "an", "edit"]));
        assert_eq!(newer.unknown_fields(EntityKind::Memory), ["mood", "tags"]);
        assert!(body.unknown_fields(EntityKind::Memory).is_empty());
        assert_eq!(body.unknown_fields(EntityKind::Actor), ["text"]);
    }
}
