//! What is known of a model on a server: `endpoint.toml` in the data directory.
//!
//! **Invariant:** whatever decides a vector stands in [`Settings::id`]; no key stands here, only the name of the variable
//! that holds it.

use super::address::Address;
use jay_types::Error;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Counts up when equal settings give other vectors.
const READING_VERSION: u32 = 1;
/// Characters of the hash in an id.
const ID_CHARS: usize = 16;
/// Bytes of a model's name, and of a variable's.
const NAME_MAX: usize = 256;
/// Bytes of a prefix.
const PREFIX_MAX: usize = 512;
/// Tokens of a text that it is given, where nothing else is said.
const WINDOW_DEFAULT: usize = 256;
/// How long a question may take, milliseconds: a person waits for it.
const QUERY_TIMEOUT_MS: u32 = 2_000;
/// How long a batch of documents may take, milliseconds: a server may have to load the model first.
const DOCUMENT_TIMEOUT_MS: u32 = 60_000;

/// What the server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// `POST {base}/embeddings`, as OpenAI has it and many servers took over.
    #[serde(rename = "openai")]
    OpenAi,
    /// `POST {base}/api/embed`
    Ollama,
}

impl Api {
    /// Its name in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Ollama => "ollama",
        }
    }
}

/// The keys of `endpoint.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What the server speaks
    pub api: Api,
    /// Where it stands
    pub base: String,
    /// Its name of the model
    pub model: String,
    /// Length of the vectors; not known before the first one
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimension: Option<usize>,
    /// Stands before every question
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub query_prefix: String,
    /// Stands before every document
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub document_prefix: String,
    /// Tokens that the model reads; longer texts are cut into chunks that fit
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_tokens: Option<usize>,
    /// The environment variable that holds the key
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_env: Option<String>,
    /// How long a question may take
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_timeout_ms: Option<u32>,
    /// How long a batch of documents may take
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_timeout_ms: Option<u32>,
}

impl Settings {
    /// Reads the file.
    ///
    /// # Errors
    /// `bad_input` where it is no TOML, has an unknown key or a value out of bounds.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let settings: Self = toml::from_str(text).map_err(|error| {
            Error::bad_input(format!("endpoint.toml: {}", error.message()))
                .hint("Remove the model with `jay model remove` and install it again.")
        })?;
        settings.checked()
    }

    /// The same, where everything is within its bounds and the address is written in the one way in which it is compared.
    ///
    /// # Errors
    /// `bad_input` with what is wrong; `refused` for a key that would be sent in the clear.
    pub fn checked(mut self) -> Result<Self, Error> {
        let address = Address::parse(&self.base)?;
        let is_name =
            |text: &str| !text.trim().is_empty() && text.len() <= NAME_MAX && !text.contains(char::is_control);
        if !is_name(&self.model) {
            return Err(Error::bad_input(format!("a model's name has 1 to {NAME_MAX} bytes"))
                .hint("Name it as the server does, with --model."));
        }
        if self.query_prefix.len().max(self.document_prefix.len()) > PREFIX_MAX {
            return Err(
                Error::bad_input(format!("a prefix has at most {PREFIX_MAX} bytes")).hint("Take a shorter one.")
            );
        }
        if let Some(name) = &self.api_key_env {
            let is_variable = name.len() <= NAME_MAX
                && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if !is_variable {
                // It may be the key itself: it is not repeated.
                return Err(Error::bad_input("--api-key-env is no name of an environment variable")
                    .hint("Name the variable, such as OPENAI_API_KEY; the key itself is never given to jay."));
            }
            if !address.is_tls() && !address.is_loopback() {
                return Err(Error::new(
                    jay_types::Code::Refused,
                    format!("{} would be sent the key unencrypted", address.base()),
                )
                .hint("Use its https:// address."));
            }
        }
        address.base().clone_into(&mut self.base);
        Ok(self)
    }

    /// The file's text.
    ///
    /// # Errors
    /// `internal` where a value cannot be written as TOML.
    pub fn to_toml(&self) -> Result<String, Error> {
        toml::to_string(self).map_err(|error| Error::internal(format!("settings of a model: {error}")))
    }

    /// The name of everything that decides the vectors; how the server is reached and how long it is waited for do not.
    #[must_use]
    pub fn id(&self) -> String {
        let all = (
            READING_VERSION,
            self.api.name(),
            &self.base,
            &self.model,
            &self.query_prefix,
            &self.document_prefix,
            self.window(),
            self.dimension,
        );
        let hash = blake3::hash(format!("{all:?}").as_bytes()).to_hex();
        format!("{}-{}", self.api.name(), hash.get(..ID_CHARS).unwrap_or_default())
    }

    /// Tokens of a text that it is given.
    #[must_use]
    pub fn window(&self) -> usize {
        self.window_tokens.unwrap_or(WINDOW_DEFAULT)
    }

    /// How long a question may take.
    #[must_use]
    pub fn query_timeout(&self) -> Duration {
        Duration::from_millis(self.query_timeout_ms.unwrap_or(QUERY_TIMEOUT_MS).into())
    }

    /// How long a batch of documents may take.
    #[must_use]
    pub fn document_timeout(&self) -> Duration {
        Duration::from_millis(self.document_timeout_ms.unwrap_or(DOCUMENT_TIMEOUT_MS).into())
    }
}
