//! Remembers the names of open tool calls until their answers come.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Open calls that are remembered; of more, the oldest are let go.
const OPEN_MAX: usize = 1024;

/// An open call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) line: u64,
    /// True for a wrapper that runs commands whose exit codes stand in rows of their own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) wraps: bool,
    /// True where one of those commands failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) failed: bool,
}

/// Calls by the client's id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Calls(BTreeMap<String, Call>);

impl Calls {
    pub(crate) fn open(&mut self, id: &str, call: Call) {
        if self.0.len() >= OPEN_MAX && !self.0.contains_key(id) {
            let oldest = self.0.iter().min_by_key(|(id, call)| (call.line, id.as_str())).map(|(id, _)| id.clone());
            if let Some(oldest) = oldest {
                self.0.remove(&oldest);
            }
        }
        self.0.insert(id.to_owned(), call);
    }

    pub(crate) fn close(&mut self, id: &str) -> Option<Call> {
        self.0.remove(id)
    }

    /// Whether a call is open.
    pub(crate) fn is_open(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    /// A command failed: known to belong to a wrapping call only where exactly one is open.
    pub(crate) fn command_failed(&mut self) {
        let mut wrapping = self.0.values_mut().filter(|call| call.wraps);
        if let (Some(call), None) = (wrapping.next(), wrapping.next()) {
            call.failed = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(line: u64, wraps: bool) -> Call {
        Call { name: format!("tool-{line}"), line, wraps, failed: false }
    }

    #[test]
    fn the_oldest_open_call_is_let_go() {
        let mut calls = Calls::default();
        for line in 0..=OPEN_MAX as u64 {
            calls.open(&format!("id-{line}"), call(line, false));
        }
        assert_eq!(calls.close("id-0"), None);
        assert_eq!(calls.close("id-1"), Some(call(1, false)));
        assert_eq!(calls.close("id-1"), None);
    }

    #[test]
    fn a_failed_command_is_laid_to_a_call_only_where_it_is_the_only_one() {
        let mut calls = Calls::default();
        calls.command_failed();
        calls.open("plain", call(1, false));
        calls.open("a", call(2, true));
        calls.command_failed();
        calls.open("b", call(3, true));
        calls.command_failed();
        let failed = ["plain", "a", "b"].map(|id| calls.close(id).unwrap().failed);
        assert_eq!(failed, [false, true, false]);
    }
}
