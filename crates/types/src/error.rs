//! One error type for every door.
//!
//! Inner crates use their own enums where a caller acts on the variant; what reaches a door is this one. The
//! table in [`Code`] gives each code its exit status, HTTP status and whether trying again can help, so that
//! CLI, HTTP and MCP cannot disagree.
//!
//! **Invariant:** a message names what failed on what, in lower case without a full stop, and never contains the
//! text of a memory or a secret; the hint is a sentence that names the command that helps.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What this project's fallible functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure this is; decides exit code and HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The input breaks a rule of the operation; nothing was stored.
    BadInput,
    /// The named thing does not exist, or the caller may not know that it does.
    NotFound,
    /// A shortened id fits several things; `details.candidates` lists them.
    Ambiguous,
    /// Policy, permission or an earlier forget forbids it.
    Refused,
    /// An equal text was forgotten here; a person can `unforget` it.
    Forgotten,
    /// The caller gave no valid token or key.
    Unauthorized,
    /// The state is not what the caller assumed (`--if-version`, idempotency key, undo).
    Conflict,
    /// Bytes are not what their hash, signature or chain says.
    VerificationFailed,
    /// Somebody else holds the resource; trying again later can work.
    Busy,
    /// A server that this machine asks did not answer as it should; trying again later can work.
    Unreachable,
    /// The store was written by a newer version; `details.needed` names it.
    StoreTooNew,
    /// The store's files are damaged or unreadable.
    Damaged,
    /// The machine refused: disk, permissions, network.
    Io,
    /// A defect of this program.
    Internal,
}

impl Code {
    /// Every code, for tables and tests.
    pub const ALL: [Self; 14] = [
        Self::BadInput,
        Self::NotFound,
        Self::Ambiguous,
        Self::Refused,
        Self::Forgotten,
        Self::Unauthorized,
        Self::Conflict,
        Self::VerificationFailed,
        Self::Busy,
        Self::Unreachable,
        Self::StoreTooNew,
        Self::Damaged,
        Self::Io,
        Self::Internal,
    ];

    /// (name on the wire, process exit code, HTTP status, seconds after which trying again may help).
    const fn row(self) -> (&'static str, u8, u16, Option<u32>) {
        match self {
            Self::BadInput => ("bad_input", 2, 400, None),
            Self::NotFound => ("not_found", 3, 404, None),
            Self::Ambiguous => ("ambiguous", 2, 400, None),
            Self::Refused => ("refused", 4, 403, None),
            Self::Forgotten => ("forgotten", 4, 403, None),
            Self::Unauthorized => ("unauthorized", 4, 401, None),
            Self::Conflict => ("conflict", 5, 409, None),
            Self::VerificationFailed => ("verification_failed", 6, 422, None),
            Self::Busy => ("busy", 75, 503, Some(1)),
            Self::Unreachable => ("unreachable", 75, 503, Some(30)),
            Self::StoreTooNew => ("store_too_new", 4, 409, None),
            Self::Damaged => ("damaged", 6, 500, None),
            Self::Io => ("io", 1, 500, None),
            Self::Internal => ("internal", 1, 500, None),
        }
    }

    /// The code's name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// The process exit code (DESIGN section 3).
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        self.row().1
    }

    /// The HTTP status.
    #[must_use]
    pub const fn http_status(self) -> u16 {
        self.row().2
    }

    /// Seconds after which the same call may succeed; none where trying again cannot help.
    #[must_use]
    pub const fn retry(self) -> Option<u32> {
        self.row().3
    }
}

/// A failure as every door shows it: `{code, message, hint, retry, details}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What kind of failure.
    pub code: Code,
    /// What failed, on what; lower case, no full stop.
    pub message: String,
    /// One sentence that names the command that helps.
    pub hint: Option<String>,
    /// Seconds after which trying again may help.
    pub retry: Option<u32>,
    /// Candidates, ids and positions for programs; `null` where there are none.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub details: Box<Value>,
}

impl Error {
    /// An error of `code` that says `message`.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, retry: code.retry(), details: Box::new(Value::Null) }
    }

    /// The input is wrong.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self::new(Code::BadInput, message)
    }

    /// The named thing is not here.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Code::NotFound, message)
    }

    /// A defect of this program.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Code::Internal, message)
            .hint("This is a defect of jay: please report it with the output of `jay doctor`.")
    }

    /// The machine refused `what`.
    pub fn io(what: impl std::fmt::Display, cause: &std::io::Error) -> Self {
        let cause = cause.to_string();
        // The system's number says nothing that its words do not.
        let cause = cause.split(" (os error ").next().unwrap_or_default();
        let first = cause.chars().next().map(char::to_lowercase).into_iter().flatten();
        let cause: String = first.chain(cause.chars().skip(1)).collect();
        Self::new(Code::Io, format!("{what}: {cause}")).hint(
            "Look at that place, its permissions and free space; `jay config path` tells where jay keeps its files.",
        )
    }

    /// Adds the sentence that helps.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds what a program needs to act on the failure.
    #[must_use]
    pub fn details(mut self, details: Value) -> Self {
        self.details = Box::new(details);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_serde_writes() {
        for code in Code::ALL {
            assert_eq!(serde_json::to_value(code).ok(), Some(Value::from(code.name())));
        }
    }

    #[test]
    fn an_error_that_can_be_retried_exits_with_75() {
        for code in Code::ALL {
            assert_eq!(code.retry().is_some(), code.exit_code() == 75, "{code:?}");
        }
    }
}
