//! Ids and hashes as newtypes, so that none can stand where another is meant.
//!
//! Ids that we make are UUIDv7 and are written as such; nodes and dots are hashes and are written in hex.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Writes bytes as lower-case hex.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// Reads exactly `N` bytes of hex.
#[must_use]
pub fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != N * 2 || !text.is_ascii() {
        return None;
    }
    let mut out = [0; N];
    for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(out)
}

macro_rules! bytes_newtype {
    ($(#[$doc:meta])* $name:ident, $len:literal, $what:literal, $write:expr, $read:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// All zeros: "none" in the fixed layouts.
            pub const ZERO: Self = Self([0; $len]);

            /// Reads what `Display` writes.
            ///
            /// # Errors
            /// `bad_input` where the text is not one.
            pub fn parse(text: &str) -> Result<Self> {
                let read: fn(&str) -> Option<[u8; $len]> = $read;
                read(text.trim()).map(Self).ok_or_else(|| {
                    Error::bad_input(format!(concat!("`{}` is not ", $what), crate::text::shorten(text, 64)))
                })
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let write: fn(&[u8; $len]) -> String = $write;
                f.write_str(&write(&self.0))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::parse(&text).map_err(|error| serde::de::Error::custom(error.message))
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string"})
            }
            fn inline_schema() -> bool {
                true
            }
        }
    };
}

macro_rules! uuid_newtype {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        bytes_newtype!($(#[$doc])* $name, 16, $what,
            |bytes| uuid::Uuid::from_bytes(*bytes).hyphenated().to_string(),
            |text| uuid::Uuid::try_parse(text).ok().map(uuid::Uuid::into_bytes));
    };
}

macro_rules! hex_newtype {
    ($(#[$doc:meta])* $name:ident, $len:literal, $what:literal) => {
        bytes_newtype!($(#[$doc])* $name, $len, $what, |bytes| to_hex(bytes), |text| from_hex(text));
    };
}

uuid_newtype!(
    /// A namespace: opaque, a path is one of its registers.
    NamespaceId, "a namespace id");
uuid_newtype!(
    /// Whatever changes: a memory, a namespace, an actor, a session. Unique within its namespace.
    EntityId, "an id");
uuid_newtype!(
    /// Who acts: an entity of each namespace in which it acts.
    ActorId, "an actor id");
uuid_newtype!(
    /// One transaction of one actor (J1).
    ActId, "an act id");
hex_newtype!(
    /// One data directory: the first 128 bits of BLAKE3 of its public key (J3).
    NodeId, 16, "a node id");
hex_newtype!(
    /// A BLAKE3 hash.
    Hash, 32, "a hash");
hex_newtype!(
    /// The first 16 bytes of a header's hash: names one write of one register (J7).
    Dot, 16, "a dot");

impl Hash {
    /// BLAKE3 of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// The dot that this header hash names.
    #[must_use]
    pub fn dot(&self) -> Dot {
        let mut dot = [0; 16];
        dot.copy_from_slice(self.0.split_at(16).0);
        Dot(dot)
    }
}

impl EntityId {
    /// The id of the entity that *is* a namespace (J3).
    #[must_use]
    pub const fn of_namespace(id: NamespaceId) -> Self {
        Self(id.0)
    }

    /// The id of the entity that *is* an actor.
    #[must_use]
    pub const fn of_actor(id: ActorId) -> Self {
        Self(id.0)
    }

    /// An id derived from words, for things that exist once by nature (J17: sessions and messages).
    #[must_use]
    pub fn derived(kind: &str, words: &[&str]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("scrubjay derived entity id v1");
        for word in std::iter::once(&kind).chain(words) {
            hasher.update(&(word.len() as u64).to_le_bytes());
            hasher.update(word.as_bytes());
        }
        let mut id = [0; 16];
        hasher.finalize_xof().fill(&mut id);
        Self(id)
    }
}

/// A UUIDv7 from a time and ten random bytes; ids sort by the time they were made, to the microsecond: the twelve bits
/// after the milliseconds hold their fraction (RFC 9562, section 6.2, method 3), 62 bits stay random.
#[must_use]
pub fn uuid_v7(now: crate::Timestamp, random: &[u8; 10]) -> [u8; 16] {
    let micros = u64::try_from(now.0).unwrap_or(0);
    let fraction = micros % 1000 * 4096 / 1000;
    let mut bytes = *random;
    let [high, low, ..] = &mut bytes;
    (*high, *low) = ((fraction >> 8) as u8, (fraction & 0xff) as u8);
    uuid::Builder::from_unix_timestamp_millis(micros / 1000, &bytes).into_uuid().into_bytes()
}

/// True where `shortened` (at least 6 characters, hyphens ignored) is a prefix or suffix of `id`'s text.
#[must_use]
pub fn matches_shortened(id: &str, shortened: &str) -> bool {
    let squeeze = |text: &str| text.chars().filter(|c| *c != '-').collect::<String>().to_ascii_lowercase();
    let (id, shortened) = (squeeze(id), squeeze(shortened));
    shortened.len() >= 6 && (id.starts_with(&shortened) || id.ends_with(&shortened))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips() {
        let at = |micros: i64| EntityId(uuid_v7(crate::Timestamp(1_700_000_000_000_000 + micros), &[7; 10]));
        let id = at(0);
        assert_eq!(id.to_string(), "018bcfe5-6800-7000-8707-070707070707");
        assert_eq!(at(999).to_string(), "018bcfe5-6800-7ffb-8707-070707070707");
        let times = [0, 1, 2, 500, 999, 1000, 1001];
        assert!(times.map(at).is_sorted(), "{:?}", times.map(at));
        assert_eq!(EntityId::parse(&id.to_string()), Ok(id));
        let hash = Hash::of(b"jay");
        assert_eq!(Hash::parse(&hash.to_string()), Ok(hash));
        assert!(Hash::parse("zz").is_err());
        assert!(NodeId::parse("éééééééééééééééé").is_err());
    }

    #[test]
    fn derived_ids_keep_word_boundaries() {
        assert_ne!(EntityId::derived("session", &["a", "bc"]), EntityId::derived("session", &["ab", "c"]));
        assert_eq!(EntityId::derived("session", &["a", "b"]), EntityId::derived("session", &["a", "b"]));
    }

    #[test]
    fn shortened_ids_match_at_either_end() {
        let id = "018bcfe5-6800-7707-8707-070707070707";
        assert!(matches_shortened(id, "018bcfe5-68"));
        assert!(matches_shortened(id, "070707"));
        assert!(!matches_shortened(id, "018bc"));
        assert!(!matches_shortened(id, "cfe568"));
    }
}
