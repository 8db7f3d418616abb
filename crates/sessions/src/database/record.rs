//! A row of a foreign database, as a line of JSON that keeps every value.
//!
//! **Invariant:** equal rows give equal lines. Numbers and texts stand as they are; bytes, and texts that are not UTF-8,
//! as `{"base64": …}`, and a number that JSON has not as a text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::types::{Value, ValueRef};
use serde_json::Value as Json;

/// The values of a row by column, in the table's order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Record(Vec<(String, Value)>);

impl Record {
    pub(super) fn read(columns: &[&str], row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        let value = |(at, name): (usize, &&str)| Ok((name.trim_start_matches('#').to_owned(), value(row, at)?));
        columns.iter().enumerate().map(value).collect::<rusqlite::Result<_>>().map(Self)
    }

    pub(crate) fn get(&self, column: &str) -> Option<&Value> {
        self.0.iter().find(|(name, _)| name == column).map(|(_, value)| value)
    }

    /// A text that is more than white space.
    pub(crate) fn text(&self, column: &str) -> Option<String> {
        match self.get(column)? {
            Value::Text(text) if !text.trim().is_empty() => Some(text.clone()),
            Value::Integer(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// The bytes of a text or blob.
    pub(crate) fn bytes(&self, column: &str) -> Option<&[u8]> {
        match self.get(column)? {
            Value::Text(text) => Some(text.as_bytes()),
            Value::Blob(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(crate) fn integer(&self, column: &str) -> Option<i64> {
        match self.get(column)? {
            Value::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The record with a column of bytes as the text that they are, if they are one.
    pub(crate) fn with_text(mut self, column: &str) -> Self {
        if let Some((_, value)) = self.0.iter_mut().find(|(name, _)| name == column)
            && let Value::Blob(bytes) = value
            && let Ok(text) = std::str::from_utf8(bytes)
        {
            *value = Value::Text(text.to_owned());
        }
        self
    }

    /// Takes a column out.
    pub(crate) fn remove(&mut self, column: &str) -> Option<Value> {
        let at = self.0.iter().position(|(name, _)| name == column)?;
        Some(self.0.remove(at).1)
    }

    pub(crate) fn json(&self) -> Json {
        Json::Object(self.0.iter().map(|(name, value)| (name.clone(), json(value))).collect())
    }
}

/// A value of a row; a text that is not UTF-8 as its bytes.
pub(super) fn value(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Value> {
    match row.get_ref(at)? {
        ValueRef::Text(text) => Ok(match std::str::from_utf8(text) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => Value::Blob(text.to_vec()),
        }),
        other => other.try_into().map_err(rusqlite::Error::from),
    }
}

fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Integer(number) => (*number).into(),
        Value::Real(number) => {
            serde_json::Number::from_f64(*number).map_or_else(|| Json::String(number.to_string()), Json::Number)
        }
        Value::Text(text) => Json::String(text.clone()),
        Value::Blob(bytes) => serde_json::json!({ "base64": STANDARD.encode(bytes) }),
    }
}

/// A value as the bytes by which it is known.
pub(super) fn key(value: &Value) -> Vec<u8> {
    json(value).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_kept() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        let sql = "SELECT 1 AS a, 0.5 AS b, 9e999 AS c, 'x\"' AS d, x'00ff' AS e, CAST(x'ff' AS TEXT) AS f, NULL AS g";
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        let record = connection.query_row(sql, [], |row| Record::read(&names, row)).unwrap();
        assert_eq!(
            record.json().to_string(),
            r#"{"a":1,"b":0.5,"c":"inf","d":"x\"","e":{"base64":"AP8="},"f":{"base64":"/w=="},"g":null}"#
        );
    }
}
