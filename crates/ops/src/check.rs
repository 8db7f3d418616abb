//! Whether an input fits its schema, in words that are the same on every door.
//!
//! serde alone would drop unknown fields without a word, would name wrong types by quoting the value (which may be
//! a memory's text), and loses the field's name below a flattened struct. So the shape is checked against the
//! schema first; what is left to serde are the types' own bounds.
//!
//! **Invariant:** no message quotes more of a value than a mistaken word of a closed list.

use crate::schema::{Field, Shape};
use jay_types::namespace::NamespacePath;
use jay_types::text::shorten;
use jay_types::{Error, Result, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The refusal of one field of `operation`.
pub(crate) fn refuse(operation: &str, field: &str, reason: impl std::fmt::Display) -> Error {
    let reason = reason.to_string();
    let hint = match () {
        () if reason.ends_with("is not a namespace path") => NamespacePath::HINT.to_owned(),
        () if reason.ends_with("is not a time") => Timestamp::HINT.to_owned(),
        () => format!("`{}` lists every field and its bounds.", help_command(operation)),
    };
    Error::bad_input(format!("`{field}`: {reason}"))
        .hint(hint)
        .details(serde_json::json!({"operation": operation, "field": field}))
}

/// A reason of serde's own in plain words: those name Rust types and quote the value. Our types give theirs.
fn plain(reason: &str) -> String {
    let Some((_, expected)) = reason.strip_prefix("invalid ").and_then(|reason| reason.split_once(", expected "))
    else {
        return reason.to_owned();
    };
    match expected {
        "a tuple of size 2" | "fewer elements in array" => {
            "must be a list of two whole numbers, where it begins and where it ends"
        }
        "u8" | "u16" | "u32" | "u64" | "usize" => "must be a whole number of at least 0",
        "i64" | "i32" => "must be a whole number",
        _ => "has another shape than it must have",
    }
    .to_owned()
}

/// What is wrong with `value`, where it does not fit `shape`: the rest of a sentence about it.
#[must_use]
pub fn misfit(shape: &Shape, value: &Value) -> Option<String> {
    fits(shape, value, "").err().map(|(_, reason)| reason)
}

/// The command that describes `operation`.
pub(crate) fn help_command(operation: &str) -> String {
    match crate::find(operation) {
        Ok(spec) if !spec.doors.contains(&jay_core::Door::Cli) => format!("jay call --describe {operation}"),
        _ => format!("jay help {}", operation.replace('_', " ")),
    }
}

/// Checks that `input` has only known fields, of the right shape, and every required one.
pub(crate) fn shape(operation: &str, fields: &[Field], input: &Map<String, Value>) -> Result<()> {
    object(fields, input, "").map_err(|(field, reason)| refuse(operation, &field, reason))
}

type Found = (String, String);

fn object(fields: &[Field], input: &Map<String, Value>, path: &str) -> Result<(), Found> {
    for (name, value) in input {
        let path = format!("{path}{name}");
        let Some(field) = fields.iter().find(|field| field.name == *name) else {
            let known: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err((shorten(&path, 80), format!("is not a field here; known are {known}")));
        };
        if !(value.is_null() && field.nullable) {
            fits(&field.shape, value, &path)?;
        }
    }
    match fields.iter().find(|field| field.required && !input.contains_key(&field.name)) {
        Some(missing) => Err((format!("{path}{}", missing.name), "is required".to_owned())),
        None => Ok(()),
    }
}

fn fits(shape: &Shape, value: &Value, path: &str) -> Result<(), Found> {
    let wrong = || Err((path.to_owned(), format!("must be {}, not {}", shape.words(), kind_of(value))));
    match (shape, value) {
        (Shape::Any, _) | (Shape::Text { .. }, Value::String(_)) | (Shape::Bool, Value::Bool(_)) => Ok(()),
        (Shape::Number, Value::Number(_)) => Ok(()),
        (Shape::Integer { minimum, maximum }, Value::Number(number)) if number.is_i64() || number.is_u64() => {
            let bounds = (minimum.map(i128::from), maximum.map(i128::from));
            let given = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from)).unwrap_or_default();
            match bounds {
                (Some(least), Some(greatest)) if !(least..=greatest).contains(&given) => {
                    Err((path.to_owned(), format!("must be {least} to {greatest}, not {given}")))
                }
                (Some(least), None) if given < least => {
                    Err((path.to_owned(), format!("must be at least {least}, not {given}")))
                }
                _ => Ok(()),
            }
        }
        (Shape::Choice(choices), Value::String(word)) => {
            if choices.iter().any(|(name, _)| name == word) {
                return Ok(());
            }
            Err((path.to_owned(), format!("must be {}, not `{}`", shape.words(), shorten(word, 40))))
        }
        (Shape::List { item, max_items }, Value::Array(items)) => {
            if let Some(max) = max_items.filter(|max| items.len() as u64 > *max) {
                return Err((path.to_owned(), format!("must be at most {max} items, not {}", items.len())));
            }
            items.iter().enumerate().try_for_each(|(i, value)| fits(item, value, &format!("{path}[{i}]")))
        }
        (Shape::Object(fields), Value::Object(input)) => object(fields, input, &format!("{path}.")),
        _ => wrong(),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_f64() => "a number with a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Reads the input; a refusal names the field.
pub(crate) fn read<T: DeserializeOwned>(operation: &str, input: &Value) -> Result<T> {
    match serde_path_to_error::deserialize::<_, T>(input) {
        Ok(read) => Ok(read),
        Err(error) => {
            let path = error.path().to_string();
            let reason = error.into_inner().to_string();
            let field =
                if path == "." { culprit::<T>(input, &reason).unwrap_or_else(|| "input".to_owned()) } else { path };
            Err(refuse(operation, &field, plain(&reason)))
        }
    }
}

/// The field without which the input is no longer refused for `reason`: serde loses the path below a flattened struct.
/// A required field is blamed last, because its absence is a refusal of its own.
fn culprit<T: DeserializeOwned>(input: &Value, reason: &str) -> Option<String> {
    let object = input.as_object()?;
    let without = |name: &String| {
        let mut without = object.clone();
        without.remove(name);
        T::deserialize(&Value::Object(without)).err().map(|error| error.to_string())
    };
    let suspects: Vec<(&String, Option<String>)> = object.keys().map(|name| (name, without(name))).collect();
    let changed = suspects.iter().filter(|(_, error)| error.as_deref() != Some(reason));
    let is_missing = |error: &Option<String>| error.as_deref().is_some_and(|e| e.starts_with("missing field"));
    let (required, optional): (Vec<_>, Vec<_>) = changed.partition(|(_, error)| is_missing(error));
    optional.first().or_else(|| required.first()).map(|(name, _)| (*name).clone())
}
