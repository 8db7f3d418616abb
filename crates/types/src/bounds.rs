//! Bounds as types: each carries its default, ceiling, schema range and refusal, so that no door can have another.

use serde::{Deserialize, Serialize};

/// Bytes of the longest memory text.
pub const TEXT_MAX_BYTES: usize = 64 * 1024;
/// Tags of one memory.
pub const TAGS_MAX: usize = 64;
/// Bytes of one tag.
pub const TAG_MAX_BYTES: usize = 128;
/// Bytes of the longest query over MCP and HTTP; a longer one from the command line is cut to its rarest terms.
pub const QUERY_MAX_BYTES: usize = 16 * 1024;
/// Items of one batch.
pub const BATCH_MAX: usize = 1000;
/// Bytes of one request body.
pub const BODY_MAX_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of one frame.
pub const FRAME_MAX_BYTES: usize = 16 * 1024 * 1024;
/// Changes of one act.
pub const ACT_MAX_CHANGES: usize = 4096;
/// Bytes of one act's stored bodies.
pub const ACT_MAX_BYTES: usize = 12 * 1024 * 1024;

/// A count from outside: `DEFAULT` where it is not given, 1 to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Limit<const DEFAULT: u32, const MAX: u32>(u32);

impl<const DEFAULT: u32, const MAX: u32> Limit<DEFAULT, MAX> {
    /// Checks `value`.
    ///
    /// # Errors
    /// The sentence of the refusal, the same on every door.
    pub fn new(value: u64) -> Result<Self, String> {
        match u32::try_from(value) {
            Ok(value) if (1..=MAX).contains(&value) => Ok(Self(value)),
            _ => Err(format!("must be 1 to {MAX}, not {value}")),
        }
    }

    /// The count.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0 as usize
    }
}

impl<const DEFAULT: u32, const MAX: u32> Default for Limit<DEFAULT, MAX> {
    fn default() -> Self {
        Self(DEFAULT)
    }
}

impl<'de, const DEFAULT: u32, const MAX: u32> Deserialize<'de> for Limit<DEFAULT, MAX> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = i64::deserialize(deserializer)?;
        u64::try_from(value)
            .map_err(|_| format!("must be 1 to {MAX}, not {value}"))
            .and_then(Self::new)
            .map_err(serde::de::Error::custom)
    }
}

impl<const DEFAULT: u32, const MAX: u32> schemars::JsonSchema for Limit<DEFAULT, MAX> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Limit_{DEFAULT}_{MAX}").into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "integer", "minimum": 1, "maximum": MAX, "default": DEFAULT})
    }
    fn inline_schema() -> bool {
        true
    }
}

/// A number from 0 to 1: importance, confidence.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Unit(f64);

impl Unit {
    /// Checks `value`.
    ///
    /// # Errors
    /// The sentence of the refusal, the same on every door.
    pub fn new(value: f64) -> Result<Self, String> {
        if (0.0..=1.0).contains(&value) { Ok(Self(value)) } else { Err(format!("must be 0 to 1, not {value}")) }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Unit {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Unit {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Unit".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "number", "minimum": 0, "maximum": 1})
    }
    fn inline_schema() -> bool {
        true
    }
}

/// A character that shows nothing: soft hyphen, zero-width spaces and joiners, marks of direction, byte order mark.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

/// Text of 1 to `MAX` bytes that shows something and holds no NUL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Bounded<const MAX: usize>(String);

impl<const MAX: usize> Bounded<MAX> {
    /// Checks `text`.
    ///
    /// # Errors
    /// The sentence of the refusal, the same on every door.
    pub fn new(text: impl Into<String>) -> Result<Self, String> {
        let text = text.into();
        if Self::shows_nothing(&text) {
            return Err("must not be empty".to_owned());
        }
        if text.len() > MAX {
            return Err(format!("must be at most {MAX} bytes, not {}", text.len()));
        }
        if text.contains('\0') {
            return Err("must not hold a NUL character".to_owned());
        }
        Ok(Self(text))
    }

    /// True where nothing of `text` can be seen: no bounded text may be so.
    #[must_use]
    pub fn shows_nothing(text: &str) -> bool {
        text.chars().all(|c| c.is_whitespace() || is_invisible(c))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, owned.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Bounded<MAX> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl<const MAX: usize> schemars::JsonSchema for Bounded<MAX> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Text_{MAX}").into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "minLength": 1, "maxLength": MAX})
    }
    fn inline_schema() -> bool {
        true
    }
}

/// A memory's text.
pub type MemoryText = Bounded<TEXT_MAX_BYTES>;
/// One tag.
pub type Tag = Bounded<TAG_MAX_BYTES>;
/// A key slot's name, a relation, an idempotency key: short words.
pub type Word = Bounded<256>;
/// A title.
pub type Title = Bounded<512>;
/// A query.
pub type Query = Bounded<QUERY_MAX_BYTES>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_refuse_with_words() {
        let refuse = |json: &str| serde_json::from_str::<Limit<10, 50>>(json).map_err(|e| e.to_string());
        assert_eq!(refuse("50").map(Limit::get), Ok(50));
        assert_eq!(refuse("51"), Err("must be 1 to 50, not 51".to_owned()));
        assert_eq!(refuse("-1"), Err("must be 1 to 50, not -1".to_owned()));
        assert_eq!(Limit::<10, 50>::default().get(), 10);
        assert_eq!(
            serde_json::from_str::<Unit>("1.5").map_err(|e| e.to_string()),
            Err("must be 0 to 1, not 1.5".to_owned())
        );
        assert!(Unit::new(f64::NAN).is_err());
        for nothing in ["", " ", "\u{200b}", " \u{feff}\u{ad}\n"] {
            assert_eq!(Tag::new(nothing), Err("must not be empty".to_owned()), "{nothing:?}");
        }
        assert!(Tag::new("\u{1f468}\u{200d}\u{1f469}").is_ok());
        assert!(Tag::new("x".repeat(129)).is_err());
        assert!(Tag::new("a\0b").is_err());
    }
}
