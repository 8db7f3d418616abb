//! JSON from outside, read strictly.
//!
//! Of a key that stands twice in an object serde takes the last without a word, and a checker that stands before us
//! the first. Its own words for what is wrong name Rust types and quote values.

use jay_types::text::shorten;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};

/// Reads one value.
///
/// # Errors
/// What is wrong, as the rest of a sentence about it: `is not JSON …`. It quotes nothing but a key that stands twice.
pub fn parse(bytes: &[u8]) -> Result<Value, String> {
    serde_json::from_slice::<Strict>(bytes).map(|strict| strict.0).map_err(|error| {
        if error.is_data() {
            let told = error.to_string();
            return told.split(" at line ").next().unwrap_or_default().to_owned();
        }
        let place = format!("see line {}, column {}", error.line(), error.column());
        if error.is_eof() {
            format!("is cut off: {place}")
        } else {
            format!("is not JSON, or is nested too deep: {place}")
        }
    })
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Strict(item)) = access.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(A::Error::custom(format!("has the key `{}` twice", shorten(&key, 40))));
            }
            let Strict(value) = access.next_value()?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_json_is_read_as_serde_reads_it() {
        for text in ["null", "[1,-2,2.5,1e300,18446744073709551615]", r#"{"a":{"b":[true,"\u00e9",{}]},"c":""}"#] {
            assert_eq!(parse(text.as_bytes()), Ok(serde_json::from_str(text).unwrap()), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_quoting() {
        let deep = "[".repeat(200);
        for (text, told) in [
            (r#"{"s3cret":1,"a":2,"a":3}"#, "has the key `a` twice"),
            (r#"[{"a":{"b":1,"b":1}}]"#, "has the key `b` twice"),
            (r#"{"s3cret"}"#, "is not JSON, or is nested too deep: see line 1, column 10"),
            (r#"{"s3cret":"#, "is cut off: see line 1, column 10"),
            ("", "is cut off: see line 1, column 0"),
            ("1e999", "is not JSON, or is nested too deep: see line 1, column 5"),
            (r#"{"s3cret":"\ud800"}"#, "is not JSON, or is nested too deep: see line 1, column 18"),
            (&deep, "is not JSON, or is nested too deep: see line 1, column 128"),
        ] {
            assert_eq!(parse(text.as_bytes()), Err(told.to_owned()), "{text}");
        }
    }
}
