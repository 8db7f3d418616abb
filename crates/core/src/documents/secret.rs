//! Secrets of a whole document: a cut must not leave a half of one on either side, where neither half looks like one.
//!
//! **Invariant:** a masked text has the lines of the text that was given, so that pieces stand where their file has them.

use crate::secrets::{Finding, Policy, redact, scan};
use std::collections::BTreeSet;

/// The text without its secrets where they are masked, and the lines (from 1) of those that are refused.
pub(super) fn cleaned(text: String, policy: Policy, rules: &mut BTreeSet<&'static str>) -> (String, Vec<Refusal>) {
    let findings = match policy {
        Policy::Allow => vec![],
        Policy::Redact | Policy::Refuse => scan(&text),
    };
    if findings.is_empty() {
        return (text, vec![]);
    }
    if policy == Policy::Refuse {
        let refusals = findings.into_iter().map(|finding| Refusal::of(&text, finding)).collect();
        return (text, refusals);
    }
    let mut masked = String::with_capacity(text.len());
    let mut from = 0;
    for finding in findings {
        rules.insert(finding.rule);
        let (start, end) = (finding.span.start, finding.span.end);
        let Some(before) = text.get(from..end) else { continue };
        let span = start.saturating_sub(from)..before.len();
        masked.push_str(&redact(before, &[Finding { rule: finding.rule, span }]));
        // The line ends of what is gone stay.
        masked.extend(text.get(start..end).unwrap_or_default().chars().filter(|one| matches!(one, '\n' | '\r')));
        from = end;
    }
    masked.push_str(text.get(from..).unwrap_or_default());
    (masked, vec![])
}

/// A secret that must not be stored, by its lines.
#[derive(Debug)]
pub(super) struct Refusal {
    first: u64,
    last: u64,
    /// What was found.
    pub(super) finding: Finding,
}

impl Refusal {
    fn of(text: &str, finding: Finding) -> Self {
        let line = |end: usize| 1 + text.get(..end).map_or(0, |before| before.matches('\n').count() as u64);
        Self { first: line(finding.span.start), last: line(finding.span.end), finding }
    }

    /// True where lines of a piece have some of it.
    pub(super) const fn is_in(&self, first: u64, last: u64) -> bool {
        self.first <= last && first <= self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AKIAQ3EXAMPLE7BZKJ2T";

    #[test]
    fn a_masked_document_keeps_its_lines() {
        let body = "MIIEpAIBAAKCAQEAx7vGmP0qZ3J9Yt2LkQwRbN5sVhCfXeUoTgIdAaBpMnSjKlZr\n\
                    c2xmQ8uVtY1wEoPzRkHgB4nJdT6sLiXaC9yMfWv0KeUqZb3GhNr5OjS7pIxDlAtF";
        let block = format!("-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----");
        let text = format!("# One\r\n{KEY}\r\n{block}\nlast {KEY}\n");
        let mut rules = BTreeSet::new();
        let (masked, refused) = cleaned(text.clone(), Policy::Redact, &mut rules);
        assert!(refused.is_empty() && rules.len() == 2, "{rules:?}");
        assert!(!masked.contains(KEY) && !masked.contains("c2xm"), "{masked}");
        assert_eq!(masked.matches('\n').count(), text.matches('\n').count());
        assert!(masked.starts_with("# One\r\n[secret:") && masked.lines().last().unwrap().starts_with("last [secret:"));
    }

    #[test]
    fn what_is_refused_is_known_by_its_lines() {
        let text = format!("one\ntwo {KEY}\nthree\n");
        let (kept, refused) = cleaned(text.clone(), Policy::Refuse, &mut BTreeSet::new());
        assert_eq!((kept, refused.len()), (text, 1));
        assert!(refused[0].is_in(2, 2) && refused[0].is_in(1, 3) && !refused[0].is_in(3, 9) && !refused[0].is_in(1, 1));
        assert!(cleaned(KEY.to_owned(), Policy::Allow, &mut BTreeSet::new()).1.is_empty());
    }
}
