//! Reading JSON of strangers: what is not there is an error that names it.

use anyhow::{Context, Result};
use serde_json::Value;
use std::path::Path;

/// A file of JSON.
pub(super) fn file(path: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))
}

/// A list, at the top or under `name`.
pub(super) fn list<'a>(value: &'a Value, name: &str) -> Result<&'a [Value]> {
    let found = if name.is_empty() { Some(value) } else { value.get(name) };
    Ok(found.and_then(Value::as_array).with_context(|| format!("no list `{name}`"))?)
}

/// A text under `name`.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str> {
    value.get(name).and_then(Value::as_str).with_context(|| format!("no text `{name}`"))
}

/// A text or number under `name`, as it is written.
pub(super) fn word(value: &Value, name: &str) -> Result<String> {
    value.get(name).and_then(scalar).with_context(|| format!("neither text nor number `{name}`"))
}

/// A text or a number as it is written.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A time of the given form, so many seconds later, as RFC 3339.
pub(super) fn time(form: &str, text: &str, later_s: usize) -> Result<String> {
    let time = jiff::civil::DateTime::strptime(form, text).with_context(|| format!("`{text}` is no time"))?;
    let span = jiff::SignedDuration::from_secs(i64::try_from(later_s)?);
    Ok(format!("{}Z", time.checked_add(span)?))
}
