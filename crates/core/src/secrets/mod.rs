//! Secrets in text: keys, tokens, private keys, passwords in URLs and assignments, found on every way in.
//!
//! Named rules know the formats of issuers; assignments (`password = …`) are judged by their value; what is left and
//! looks random is judged by its entropy. Rules, policy and replacement stand here so that every door has the same.
//!
//! What is *not* found, so that nobody relies on it: values of letters only in assignments (`password: correcthorse`),
//! bare hex of any length (it cannot be told from a digest; in an assignment it is found), values cut by a line break
//! or by JSON escapes inside the value other than `\n` in PEM blocks, secrets in other encodings (base64 of a token),
//! random strings longer than 512 characters (data, not keys).
//!
//! **Invariant:** findings are sorted and do not overlap; what [`apply`] redacts is clean when scanned again; no error
//! or finding holds the secret itself.

mod assignment;
mod entropy;
mod rules;

use jay_types::{Code, Error};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A secret's place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule's name, lower case with `_`.
    pub rule: &'static str,
    /// Bytes of the secret in the text, on character boundaries.
    pub span: Range<usize>,
}

/// What a namespace does with secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Replace each secret, keep the rest.
    #[default]
    Redact,
    /// Store nothing of a text that holds one.
    Refuse,
    /// Keep the text as it is.
    Allow,
}

/// What became of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No secret was found.
    Clean,
    /// Each secret was replaced by `[secret:RULE]`.
    Redacted {
        /// The text without them.
        text: String,
        /// The rules that found something, in the order of their places in the text that was given.
        rules: Vec<&'static str>,
    },
    /// The text must not be stored.
    Refused {
        /// Where and what.
        findings: Vec<Finding>,
    },
    /// The text stays as it is although secrets were found.
    Allowed {
        /// Where and what.
        findings: Vec<Finding>,
    },
}

/// Finds secrets; sorted, non-overlapping. Clean text costs two passes over its bytes.
#[must_use]
pub fn scan(text: &str) -> Vec<Finding> {
    let mut found = rules::scan(text);
    assignment::scan(text, &mut found);
    entropy::scan(text, &mut found);
    let masks = masks(text);
    found.retain(|finding| {
        let behind = masks.partition_point(|mask| mask.end <= finding.span.start);
        !masks.get(behind).is_some_and(|mask| mask.start <= finding.span.start && finding.span.end <= mask.end)
    });
    let found = merge(found);
    let again = repeated(text, &found);
    if again.is_empty() { found } else { merge(found.into_iter().chain(again).collect()) }
}

/// The other places of what was found: what is a secret after `password =` is one wherever it stands. Short values are
/// words as well; of many secrets the first are looked for, so that the time stays bounded.
fn repeated(text: &str, found: &[Finding]) -> Vec<Finding> {
    const BYTES_MIN: usize = 12;
    const SECRETS_MAX: usize = 32;
    let mut seen: Vec<&str> = Vec::new();
    let mut again = Vec::new();
    for finding in found {
        let Some(secret) = text.get(finding.span.clone()).filter(|secret| secret.len() >= BYTES_MIN) else { continue };
        if seen.contains(&secret) || seen.len() == SECRETS_MAX {
            continue;
        }
        seen.push(secret);
        let places = text.match_indices(secret).map(|(start, _)| start..start + secret.len());
        let others = places
            .filter(|span| found.iter().all(|known| known.span.end <= span.start || span.end <= known.span.start));
        again.extend(others.map(|span| Finding { rule: finding.rule, span }));
    }
    again
}

/// Finds secrets in a name, a path or an id: by the formats of issuers and by assignments, not by how random it looks,
/// since ids are random.
#[must_use]
pub fn scan_name(name: &str) -> Vec<Finding> {
    let mut found = rules::scan(name);
    assignment::scan(name, &mut found);
    let masks = masks(name);
    found.retain(|finding| !masks.iter().any(|mask| mask.start <= finding.span.start && finding.span.end <= mask.end));
    merge(found)
}

/// A name as it may be shown: its secrets are masked.
#[must_use]
pub fn masked_name(name: String) -> String {
    let findings = scan_name(&name);
    if findings.is_empty() { name } else { redact(&name, &findings) }
}

/// Spans of what an earlier redaction left: `[secret:RULE]`.
fn masks(text: &str) -> Vec<Range<usize>> {
    text.match_indices("[secret:")
        .filter_map(|(start, head)| {
            let name = text.get(start + head.len()..)?;
            let end = name.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'))?;
            (end > 0 && name.get(end..)?.starts_with(']')).then_some(start..start + head.len() + end + 1)
        })
        .collect()
}

/// Joins overlapping findings into one that covers them all and has the name of the first listed (the most specific).
fn merge(found: Vec<Finding>) -> Vec<Finding> {
    let mut ordered: Vec<(usize, Finding)> = found.into_iter().enumerate().collect();
    ordered.sort_by_key(|(listed, finding)| (finding.span.start, *listed));
    let mut out: Vec<(usize, Finding)> = Vec::with_capacity(ordered.len());
    for (listed, finding) in ordered {
        match out.last_mut().filter(|(_, last)| finding.span.start < last.span.end) {
            Some((best, last)) => {
                last.span.end = last.span.end.max(finding.span.end);
                if listed < *best {
                    (*best, last.rule) = (listed, finding.rule);
                }
            }
            None => out.push((listed, finding)),
        }
    }
    out.into_iter().map(|(_, finding)| finding).collect()
}

/// Replaces each finding of [`scan`] by `[secret:RULE]`. Findings of another text are left out where they do not fit.
#[must_use]
pub fn redact(text: &str, findings: &[Finding]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for finding in findings {
        let Some(before) = text.get(at..finding.span.start).filter(|_| text.get(finding.span.clone()).is_some()) else {
            continue;
        };
        out.push_str(before);
        out.push_str("[secret:");
        out.push_str(finding.rule);
        out.push(']');
        at = finding.span.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// The text as it may leave the machine: each secret is blotted out, byte for byte, so that places in it stay what they were.
#[must_use]
pub fn blotted(text: String) -> String {
    let findings = scan(&text);
    findings.into_iter().fold(text, |mut text, finding| {
        if text.get(finding.span.clone()).is_some() {
            let blot = "*".repeat(finding.span.len());
            text.replace_range(finding.span, &blot);
        }
        text
    })
}

/// Does what `policy` says. A redacted text is scanned again until it is clean, since a cut can leave a rest that
/// looks like a secret by itself.
#[must_use]
pub fn apply(policy: Policy, text: &str) -> Outcome {
    let findings = scan(text);
    if findings.is_empty() {
        return Outcome::Clean;
    }
    match policy {
        Policy::Allow => Outcome::Allowed { findings },
        Policy::Refuse => Outcome::Refused { findings },
        Policy::Redact => {
            let rules = findings.iter().map(|finding| finding.rule).collect();
            let mut text = redact(text, &findings);
            for _ in 0..8 {
                let rest = scan(&text);
                if rest.is_empty() {
                    break;
                }
                text = redact(&text, &rest);
            }
            Outcome::Redacted { text, rules }
        }
    }
}

/// The refusal of a text in which `findings` were found; names the rules, never the secret.
#[must_use]
pub fn refusal(findings: &[Finding]) -> Error {
    let mut rules: Vec<&str> = findings.iter().map(|finding| finding.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    Error::new(Code::Refused, format!("text holds a secret ({}) and the namespace refuses those", rules.join(", ")))
        .hint("Take the secret out, or let the namespace redact secrets: see `jay namespace --help`.")
        .details(serde_json::json!({ "findings": findings }))
}

#[cfg(test)]
mod tests;
