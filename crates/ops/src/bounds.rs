//! Lists with a ceiling, as types, for the same reason as the bounds of `jay-types`: no door can have another.

use jay_types::bounds::Word;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A list of 1 to `MAX` things.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Several<T, const MAX: usize>(Vec<T>);

/// Memories named in one call, by id or shortened id.
pub type Ids = Several<Word, 100>;

impl<T, const MAX: usize> Several<T, MAX> {
    /// The things.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }

    /// The things, owned.
    #[must_use]
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Several<T, MAX> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = Vec::<T>::deserialize(deserializer)?;
        match items.len() {
            0 => Err(serde::de::Error::custom("must not be empty")),
            n if n > MAX => Err(serde::de::Error::custom(format!("must be at most {MAX} items, not {n}"))),
            _ => Ok(Self(items)),
        }
    }
}

impl<T: JsonSchema, const MAX: usize> JsonSchema for Several<T, MAX> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Several_{}_{MAX}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "array", "minItems": 1, "maxItems": MAX, "items": generator.subschema_for::<T>()
        })
    }
    fn inline_schema() -> bool {
        true
    }
}
