//! How a model's output becomes a vector: `jay-model.toml` beside the model, every key with a default.
//!
//! **Invariant:** whatever decides a vector stands in [`Settings::canonical`], which goes into the model's id.

use jay_types::Error;
use serde::{Deserialize, Serialize};

/// The most tokens that a window may have.
pub const WINDOW_MAX: usize = 8192;
/// The fewest: room for the two special tokens and some words.
const WINDOW_MIN: usize = 8;
/// What most sentence encoders were trained with.
const WINDOW_DEFAULT: usize = 256;
/// Bytes of a prefix.
const PREFIX_MAX: usize = 512;

/// How the vectors of a text's tokens become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// Their mean.
    Mean,
    /// The first one, `[CLS]`.
    Cls,
    /// The model's output is one vector for a text already.
    None,
}

impl Pooling {
    /// Its name in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Cls => "cls",
            Self::None => "none",
        }
    }
}

/// The keys of `jay-model.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// mean, cls or none; by the output's shape where not set
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pooling: Option<Pooling>,
    /// Stands before every question
    #[serde(skip_serializing_if = "String::is_empty")]
    pub query_prefix: String,
    /// Stands before every document
    #[serde(skip_serializing_if = "String::is_empty")]
    pub document_prefix: String,
    /// Tokens that the model reads, special ones too; the rest of a longer text is cut into chunks of its own
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_tokens: Option<usize>,
    /// The graph's output to take, where it has several
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
}

impl Settings {
    /// Reads the file.
    ///
    /// # Errors
    /// `bad_input` where it is no TOML, has an unknown key or a value out of bounds.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let settings: Self = toml::from_str(text).map_err(|error| {
            Error::bad_input(format!("jay-model.toml: {}", error.message()))
                .hint("Its keys are pooling (mean, cls, none), query_prefix, document_prefix, window_tokens, output.")
        })?;
        settings.checked()
    }

    /// The same, where everything is within its bounds.
    ///
    /// # Errors
    /// `bad_input` with the bound.
    pub fn checked(self) -> Result<Self, Error> {
        if !(WINDOW_MIN..=WINDOW_MAX).contains(&self.window()) {
            return Err(Error::bad_input(format!("window_tokens must be {WINDOW_MIN} to {WINDOW_MAX}")));
        }
        if self.query_prefix.len().max(self.document_prefix.len()) > PREFIX_MAX {
            return Err(Error::bad_input(format!("a prefix has at most {PREFIX_MAX} bytes")));
        }
        Ok(self)
    }

    /// The file's text.
    ///
    /// # Errors
    /// `internal` where a value cannot be written as TOML.
    pub fn to_toml(&self) -> Result<String, Error> {
        toml::to_string(self).map_err(|error| Error::internal(format!("settings of a model: {error}")))
    }

    /// Tokens that the model reads.
    #[must_use]
    pub fn window(&self) -> usize {
        self.window_tokens.unwrap_or(WINDOW_DEFAULT)
    }

    /// Everything that decides a vector, as bytes that differ where it differs.
    pub(super) fn canonical(&self) -> String {
        format!(
            "{:?}",
            (self.pooling.map(Pooling::name), &self.query_prefix, &self.document_prefix, self.window(), &self.output)
        )
    }
}
