//! A JSON schema as the doors need it: a list of fields, each of one simple shape.
//!
//! schemars writes the same Rust type in several forms (an optional enum is `anyOf` with `null`, a documented enum is
//! `oneOf` of constants); this is the only place that knows them.

use serde_json::{Map, Value, json};

/// One field of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name in JSON.
    pub name: String,
    /// What it holds.
    pub shape: Shape,
    /// It may be `null`.
    pub nullable: bool,
    /// It must be given.
    pub required: bool,
    /// Its help.
    pub help: String,
    /// What stands for it where it is not given.
    pub default: Option<Value>,
    /// On the command line it is an argument rather than a flag.
    pub positional: bool,
    /// The name of its flag, where that is not the field's name.
    pub flag: Option<String>,
    /// It opens something: the command line takes `-` for it and reads a line, for a list of processes shows every word.
    pub is_secret: bool,
}

/// What a value looks like.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Text of at most so many bytes.
    Text {
        /// Bytes, where there is a bound.
        max_bytes: Option<u64>,
    },
    /// One of these words, each with its help.
    Choice(Vec<(String, String)>),
    /// A whole number between these.
    Integer {
        /// The least.
        minimum: Option<i64>,
        /// The greatest.
        maximum: Option<i64>,
    },
    /// A number.
    Number,
    /// True or false.
    Bool,
    /// A list of such things, at most so many.
    List {
        /// What each is.
        item: Box<Self>,
        /// How many there may be.
        max_items: Option<u64>,
    },
    /// An object with these fields.
    Object(Vec<Field>),
    /// Anything; the type itself decides.
    Any,
}

impl Shape {
    /// The shape that `schema` describes, and whether `null` fits too.
    #[must_use]
    pub fn of(schema: &Value) -> (Self, bool) {
        if let Some(variants) = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array) {
            let (nulls, others): (Vec<&Value>, Vec<&Value>) =
                variants.iter().partition(|v| v.get("type").and_then(Value::as_str) == Some("null"));
            if let [only] = others.as_slice() {
                return (Self::of(only).0, !nulls.is_empty());
            }
            let choices: Option<Vec<_>> = others.iter().map(|variant| choice(variant)).collect();
            return (choices.map_or(Self::Any, |groups| Self::Choice(groups.concat())), !nulls.is_empty());
        }
        let (kind, nullable) = match schema.get("type") {
            Some(Value::String(kind)) => (kind.as_str(), false),
            Some(Value::Array(kinds)) => {
                let mut named = kinds.iter().filter_map(Value::as_str);
                (named.find(|kind| *kind != "null").unwrap_or_default(), kinds.iter().any(|kind| kind == "null"))
            }
            _ => ("", false),
        };
        let shape = match kind {
            "string" => choice(schema).map_or_else(
                || Self::Text { max_bytes: schema.get("maxLength").and_then(Value::as_u64) },
                Self::Choice,
            ),
            "integer" => Self::Integer {
                minimum: schema.get("minimum").and_then(Value::as_i64),
                maximum: schema.get("maximum").and_then(Value::as_i64),
            },
            "number" => Self::Number,
            "boolean" => Self::Bool,
            "array" => match schema.get("items") {
                Some(items) => Self::List {
                    item: Box::new(Self::of(items).0),
                    max_items: schema.get("maxItems").and_then(Value::as_u64),
                },
                None => Self::Any,
            },
            "object" if schema.get("properties").is_some() => Self::Object(fields(schema)),
            _ => Self::Any,
        };
        (shape, nullable)
    }

    /// What it is, in a word or two: `text`, `a whole number`.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Text { .. } => "text".to_owned(),
            Self::Choice(choices) => {
                format!("one of {}", choices.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", "))
            }
            Self::Integer { .. } => "a whole number".to_owned(),
            Self::Number => "a number".to_owned(),
            Self::Bool => "true or false".to_owned(),
            Self::List { .. } => "a list".to_owned(),
            Self::Object(_) => "an object".to_owned(),
            Self::Any => "a value".to_owned(),
        }
    }
}

/// A doc comment as flowing text: its lines end where the source's do, its paragraphs stay.
fn unwrapped(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|paragraph| paragraph.lines().collect::<Vec<_>>().join(" "));
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

/// The words of an `enum` or `const` schema with their help.
fn choice(schema: &Value) -> Option<Vec<(String, String)>> {
    let help = || unwrapped(schema.get("description").and_then(Value::as_str).unwrap_or_default());
    if let Some(name) = schema.get("const").and_then(Value::as_str) {
        return Some(vec![(name.to_owned(), help())]);
    }
    let names = schema.get("enum")?.as_array()?;
    Some(names.iter().filter_map(Value::as_str).map(|name| (name.to_owned(), String::new())).collect())
}

/// The fields of an object's schema, in the order of the Rust struct.
#[must_use]
pub fn fields(schema: &Value) -> Vec<Field> {
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Vec::new();
    };
    let field = |(name, schema): (&String, &Value)| {
        let (shape, nullable) = Shape::of(schema);
        let text = |key: &str| schema.get(key).and_then(Value::as_str);
        Field {
            name: name.clone(),
            shape,
            nullable,
            required: required.contains(&name.as_str()),
            help: unwrapped(text("description").unwrap_or_default()),
            default: schema.get("default").filter(|default| !default.is_null()).cloned(),
            positional: schema.get("x-positional").and_then(Value::as_bool).unwrap_or(false),
            flag: text("x-flag").map(str::to_owned),
            is_secret: schema.get("x-secret").and_then(Value::as_bool).unwrap_or(false),
        }
    };
    properties.iter().map(field).collect()
}

/// The field that makes a repeated write safe; every writing operation has it.
pub const IDEMPOTENCY_KEY: &str = "idempotency_key";

pub(crate) fn add_idempotency_key(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    let properties = object.entry("properties").or_insert_with(|| Value::Object(Map::new()));
    if let Some(properties) = properties.as_object_mut() {
        properties.insert(
            IDEMPOTENCY_KEY.to_owned(),
            json!({
                "description": "Makes a repeat safe: the same key with the same input answers what the first call answered, for 7 days",
                "type": ["string", "null"], "minLength": 1, "maxLength": 256,
            }),
        );
    }
}

/// `schema` without what only our own doors read (`x-positional`, `x-flag`, `x-secret`).
#[must_use]
pub fn published(schema: &Value) -> Value {
    match schema {
        Value::Object(object) => Value::Object(
            object
                .iter()
                .filter(|(key, _)| !key.starts_with("x-"))
                .map(|(key, value)| (key.clone(), published(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(published).collect()),
        other => other.clone(),
    }
}
