//! What a check found, and what all of them say.
//!
//! **Invariant:** healthy is what no error contradicts that is not mended.

use jay_types::Error;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing is wrong.
    Ok,
    /// Worth a look.
    Warning,
    /// Something is broken.
    Error,
}

/// One check and what it found.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// What was checked
    pub check: String,
    /// How bad it is
    pub severity: Severity,
    /// What was found
    pub message: String,
    /// What helps
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// True where `--fix` or `--rebuild` mended it
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fixed: bool,
}

/// The answer to doctor.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosis {
    /// Every check
    pub findings: Vec<Finding>,
    /// True where no check found an error that is not mended
    pub healthy: bool,
}

impl Diagnosis {
    /// The same with what others found.
    #[must_use]
    pub fn with(mut self, findings: Vec<Finding>) -> Self {
        self.findings.extend(findings);
        self.healthy = self.findings.iter().all(|finding| finding.severity != Severity::Error || finding.fixed);
        self
    }
}

impl Finding {
    /// Nothing is wrong.
    #[must_use]
    pub fn ok(check: &str, message: String) -> Self {
        Self { check: check.to_owned(), severity: Severity::Ok, message, hint: None, fixed: false }
    }

    /// Something is worth a look.
    #[must_use]
    pub fn warning(check: &str, message: String) -> Self {
        Self { severity: Severity::Warning, ..Self::ok(check, message) }
    }

    /// Something is broken.
    #[must_use]
    pub fn bad(check: &str, message: String) -> Self {
        Self { severity: Severity::Error, ..Self::ok(check, message) }
    }

    /// Something is broken, as an error says it, with its hint.
    #[must_use]
    pub fn of_error(check: &str, error: &Error) -> Self {
        Self { hint: error.hint.clone(), ..Self::bad(check, error.message.clone()) }
    }

    /// In one line, with what helps.
    #[must_use]
    pub fn said(&self) -> String {
        let hint = self.hint.as_deref().map(|hint| format!(". {hint}")).unwrap_or_default();
        format!("{}: {}{hint}", self.check, self.message)
    }

    /// The same with what helps.
    #[must_use]
    pub fn hint(self, hint: &str) -> Self {
        Self { hint: Some(hint.to_owned()), ..self }
    }
}
