//! Reading JSON that other programs wrote, without losing what is not as expected.
//!
//! A row's fields are looked up as raw text and decoded one by one, so that one field of a wrong type, a key that
//! stands twice, a number out of range or half a surrogate pair spoils nothing but itself.
//!
//! **Invariant:** no function here fails on any text: what cannot be decoded is none, or its raw text.

use jay_types::Timestamp;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The fields of a JSON object, undecoded.
#[derive(Debug, Default)]
pub struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(text)))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::with_capacity(16);
                while let Some(Key(key)) = map.next_key()? {
                    fields.push((key, map.next_value()?));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct Items<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ItemsVisitor;
        impl<'de> Visitor<'de> for ItemsVisitor {
            type Value = Items<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an array")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Items(items))
            }
        }
        deserializer.deserialize_seq(ItemsVisitor)
    }
}

impl<'a> Fields<'a> {
    /// The fields of `text`, if it is one JSON object.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// A field that is there and not null; of a key that stands twice the last.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| *value).filter(|value| value.get() != "null")
    }

    /// The field of an object that has one.
    #[must_use]
    pub fn single(&self) -> Option<(&str, &'a RawValue)> {
        if let [(key, value)] = self.0.as_slice() { Some((key, value)) } else { None }
    }

    /// The values of all fields, in order.
    #[must_use]
    pub fn values(&self) -> Vec<&'a RawValue> {
        self.0.iter().map(|(_, value)| *value).collect()
    }

    /// A field's raw text, empty where there is none: for hashes.
    #[must_use]
    pub fn raw(&self, name: &str) -> &'a [u8] {
        self.get(name).map_or(&[], |value| value.get().as_bytes())
    }

    /// A text field.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).and_then(text)
    }

    /// A text field that is more than white space.
    #[must_use]
    pub fn word(&self, name: &str) -> Option<String> {
        self.text(name).filter(|text| !text.trim().is_empty())
    }

    /// True where the field is `true`.
    #[must_use]
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.get() == "true")
    }

    /// All fields, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), *value))
    }

    /// An object field.
    #[must_use]
    pub fn object(&self, name: &str) -> Option<Self> {
        self.get(name).and_then(object)
    }

    /// A time field.
    #[must_use]
    pub fn time(&self, name: &str) -> Option<Timestamp> {
        self.get(name).and_then(time)
    }
}

/// True where the bytes are one JSON object.
#[must_use]
pub fn is_object(bytes: &[u8]) -> bool {
    let bytes = bytes.trim_ascii();
    bytes.starts_with(b"{")
        && bytes.ends_with(b"}")
        && std::str::from_utf8(bytes).is_ok_and(|text| serde_json::from_str::<&RawValue>(text).is_ok())
}

/// The fields of an object.
#[must_use]
pub fn object(raw: &RawValue) -> Option<Fields<'_>> {
    if raw.get().starts_with('{') { Fields::parse(raw.get()) } else { None }
}

/// The items of an array.
#[must_use]
pub fn array(raw: &RawValue) -> Option<Vec<&RawValue>> {
    if !raw.get().starts_with('[') {
        return None;
    }
    serde_json::from_str::<Items<'_>>(raw.get()).ok().map(|items| items.0)
}

/// A string; half a surrogate pair, which JavaScript writes when it cuts a text, becomes U+FFFD.
#[must_use]
pub fn text(raw: &RawValue) -> Option<String> {
    let raw = raw.get();
    if !raw.starts_with('"') {
        return None;
    }
    serde_json::from_str(raw).ok().or_else(|| serde_json::from_str(&mend_surrogates(raw)).ok())
}

/// Any value; what this parser cannot hold (deeper than 128 levels, a number out of range) as its raw text.
#[must_use]
pub fn value(raw: &RawValue) -> Value {
    let raw = raw.get();
    serde_json::from_str(raw)
        .or_else(|_| serde_json::from_str(&mend_surrogates(raw)))
        .unwrap_or_else(|_| Value::String(raw.to_owned()))
}

/// An integer, also where it is written as `1.0`.
#[must_use]
pub fn integer(raw: &RawValue) -> Option<i64> {
    let number: serde_json::Number = serde_json::from_str(raw.get()).ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "an f64 cast saturates, and fractions are not wanted")]
    number.as_i64().or_else(|| number.as_f64().map(|float| float as i64))
}

/// A time: RFC 3339, or a number of seconds, milliseconds or microseconds since 1970, told apart by size.
#[must_use]
pub fn time(raw: &RawValue) -> Option<Timestamp> {
    if raw.get().starts_with('"') {
        return Timestamp::parse(&text(raw)?).ok();
    }
    let number: f64 = serde_json::from_str(raw.get()).ok()?;
    // Seconds reach 1e11 in the year 5138, milliseconds 1e14 in the same year.
    let micros = match number.abs() {
        size if size < 1e11 => number * 1e6,
        size if size < 1e14 => number * 1e3,
        size if size < 1e17 => number,
        _ => return None,
    };
    #[expect(clippy::cast_possible_truncation, reason = "below 1e17 it fits, and parts of a microsecond are not kept")]
    Some(Timestamp(micros.round() as i64))
}

/// Arguments: a value, or one that is kept as a JSON string.
#[must_use]
pub fn decoded(raw: &RawValue) -> Value {
    text(raw).map_or_else(|| value(raw), decode_string)
}

/// The words of what a tool answered: a text, or a list of blocks of which one that has no `text` is told as it is written.
#[must_use]
pub fn words(content: &RawValue) -> String {
    if let Some(text) = text(content) {
        return text;
    }
    let Some(blocks) = array(content) else { return content.get().to_owned() };
    let words = |block: &&RawValue| {
        object(block).and_then(|fields| fields.text("text")).unwrap_or_else(|| block.get().to_owned())
    };
    blocks.iter().map(words).collect::<Vec<_>>().join("\n")
}

/// What a client keeps as a JSON string, decoded; other text as it is.
#[must_use]
pub fn decode_string(text: String) -> Value {
    let trimmed = text.trim_start();
    if !trimmed.starts_with(['{', '[']) {
        return Value::String(text);
    }
    serde_json::from_str(&text)
        .or_else(|_| serde_json::from_str(&mend_surrogates(&text)))
        .unwrap_or(Value::String(text))
}

/// A tool's arguments: any value, decoded where it is JSON in a string.
#[must_use]
pub fn given(raw: &RawValue) -> Value {
    text(raw).map_or_else(|| value(raw), decode_string)
}

/// Replaces every `\uD800`–`\uDFFF` escape that is not half of a pair by `\ufffd`.
fn mend_surrogates(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let length = match (surrogate(escape), escape.get(6..).and_then(surrogate)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(_), _) => {
                out.push_str("\\ufffd");
                rest = escape.get(6..).unwrap_or_default();
                continue;
            }
            (None, _) => 1 + escape.chars().nth(1).map_or(0, char::len_utf8),
        };
        let (kept, after) = escape.split_at_checked(length).unwrap_or((escape, ""));
        out.push_str(kept);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The code unit of a leading `\uXXXX`, if it is a surrogate.
fn surrogate(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok().filter(|unit| (0xD800..=0xDFFF).contains(unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn half_a_surrogate_pair_spoils_one_character_only() {
        for (json, expected) in [
            (r#""cut \ud83d""#, "cut \u{fffd}"),
            (r#""\udc00 x \\ud83d""#, "\u{fffd} x \\ud83d"),
            (r#""\ud83d\ude00 \ud83d\n""#, "😀 \u{fffd}\n"),
            (r#""é\"\ud800é""#, "é\"\u{fffd}é"),
        ] {
            assert_eq!(text(&raw(json)).as_deref(), Some(expected), "{json}");
        }
        assert_eq!(value(&raw(r#"{"a":"\ud800"}"#)), serde_json::json!({"a": "\u{fffd}"}));
    }

    #[test]
    fn what_cannot_be_held_is_kept_as_text() {
        let deep = format!("{}1{}", "[".repeat(500), "]".repeat(500));
        assert_eq!(value(&raw(&deep)), Value::String(deep));
        assert_eq!(value(&raw("1e999")), Value::String("1e999".into()));
    }

    #[test]
    fn fields_are_found_whatever_stands_beside_them() {
        let fields = Fields::parse(r#"{"a":1,"b":null,"a":"last","deep":[[[]]],"n":1e999,"\u0063":true}"#).unwrap();
        assert_eq!(fields.text("a").as_deref(), Some("last"));
        assert!(fields.get("b").is_none() && fields.is_true("c") && fields.raw("none").is_empty());
        assert!(Fields::parse("[1]").is_none() && Fields::parse(r#"{"a":1"#).is_none());
    }

    #[test]
    fn times_of_every_unit_are_the_same_time() {
        let at = Timestamp::parse("2026-03-02T09:00:00Z").unwrap();
        for json in [r#""2026-03-02T09:00:00Z""#, "1772442000", "1772442000.0", "1772442000000", "1772442000000000"] {
            assert_eq!(time(&raw(json)), Some(at), "{json}");
        }
        for json in [r#""soon""#, "true", "1e30", "[]"] {
            assert_eq!(time(&raw(json)), None, "{json}");
        }
    }

    #[test]
    fn an_object_is_known_by_its_end() {
        assert!(is_object(b" {\"a\":1} \r"));
        for torn in ["{\"a\":1", "{", "", "12", "[1]", "{\"a\":1}}", "{\"a\":1}{\"b\":2}", "{\"a\":\"}"] {
            assert!(!is_object(torn.as_bytes()), "{torn}");
        }
        assert!(!is_object(b"{\"a\":\"\xff\"}"));
    }
}
