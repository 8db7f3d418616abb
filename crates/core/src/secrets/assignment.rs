//! `password = …`, `"api_key": "…"`, `--token …`, `Authorization: Bearer …`: the name says that the value is secret,
//! the value must look like one.

use super::{Finding, entropy};
use aho_corasick::{AhoCorasick, AhoCorasickBuilder};
use regex::Regex;
use std::sync::LazyLock;

const WORDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "access_key",
    "access-key",
    "accesskey",
    "auth_key",
    "private_key",
    "privatekey",
    "encryption_key",
    "signing_key",
    "credential",
    "authorization",
    "bearer",
    "pgpassword",
];

/// Whole patterns, not anchored at the words, so that the name before them is seen too.
const ASSIGNMENT: &str = r#"(?ix)
    (?P<flag>--[a-z0-9-]{0,30})?
    (?P<name>password|passwd|passphrase|passcode|pwd|secret|token|api[_-]?key|access[_-]?key|auth_key|private_?key
        |encryption_key|signing_key|credentials?)
    (?P<suffix>[a-z0-9_-]{0,30})
    (?: ["'\\`]{0,4} [\x20\t]{0,3} (?P<equals>=>|:=|==?|:) [\x20\t]{0,3} \\{0,2} (?P<quote>["'`])? | (?P<space>[\x20]) )
    (?P<s>[^\s"'`,;<>(){}\[\]\\]{4,256})
"#;
/// The upper bound of the value in [`ASSIGNMENT`], so that each try is short.
const VALUE_MAX_CHARS: usize = 256;
const BEARER: &str = r#"(?i)\b(?:(?:bearer|authorization["'\\]{0,3}\s{0,3}[:=]\s{0,3}["'\\]{0,3}(?:basic|token|apikey))\s{1,3})(?P<s>[A-Za-z0-9._~+/=-]{8,})"#;

static ANCHORS: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasickBuilder::new().ascii_case_insensitive(true).build(WORDS).ok());
static ASSIGNMENTS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(ASSIGNMENT).ok());
static BEARERS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(BEARER).ok());

/// Adds what assignments give away.
pub(super) fn scan(text: &str, found: &mut Vec<Finding>) {
    let anchors = ANCHORS.as_ref().expect("the words are literals of this file, which a test builds");
    if !anchors.is_match(text) {
        return;
    }
    let assignments = ASSIGNMENTS.as_ref().expect("the pattern is a literal of this file, which a test compiles");
    let mut at = 0;
    while let Some(captures) = assignments.captures_at(text, at) {
        let Some(value) = captures.name("s") else { break };
        let group = |name: &str| captures.name(name).map_or("", |m| m.as_str());
        // The value may hold the name of the next assignment (`token: secret=…`).
        at = captures.name("name").map_or(value.end(), |name| name.end());
        let spaced = captures.name("space").is_some();
        if spaced && captures.name("flag").is_none() {
            continue;
        }
        let is_call = text.get(value.end()..).is_some_and(|rest| rest.starts_with(['(', '[', '{']));
        let quoted = captures.name("quote").is_some();
        let alone = first_parameter(value.as_str());
        if is_name_of_a_secret(group("suffix")) && is_value(group("name"), alone, quoted, is_call) {
            let trimmed = alone.trim_end_matches(['.', ':', '?', '!']).len();
            found.push(Finding { rule: "assigned_secret", span: value.start()..value.start() + trimmed });
            at = value.start() + alone.len();
            if alone.len() == value.len() && alone.chars().count() >= VALUE_MAX_CHARS {
                // The pattern stops here, the value does not: no rest may stay behind.
                let rest = text.get(value.end()..).unwrap_or_default();
                at = value.end()
                    + rest.find(|c: char| c.is_whitespace() || "\"'`,;<>(){}[]\\".contains(c)).unwrap_or(rest.len());
                if let Some(last) = found.last_mut() {
                    last.span.end = at;
                }
            }
        }
    }
    let bearers = BEARERS.as_ref().expect("the pattern is a literal of this file, which a test compiles");
    for captures in bearers.captures_iter(text) {
        let Some(value) = captures.name("s") else { continue };
        let body = value.as_str().trim_end_matches('.');
        if !is_placeholder(body)
            && body.bytes().any(|b| b.is_ascii_digit())
            && (body.len() >= 16 || body.ends_with('='))
        {
            found.push(Finding { rule: "bearer_token", span: value.start()..value.start() + body.len() });
        }
    }
}

/// The value up to the next parameter of a query string: `…&name=`.
fn first_parameter(value: &str) -> &str {
    let next = value.match_indices('&').find(|(i, _)| {
        let name = value.get(i + 1..).and_then(|rest| rest.split_once('=')).map_or("", |(name, _)| name);
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    });
    next.map_or(value, |(i, _)| value.get(..i).unwrap_or(value))
}

/// `token_count`, `secret_name`, `password_hash`: about a secret, not one.
fn is_name_of_a_secret(suffix: &str) -> bool {
    const ABOUT: &[&str] = &[
        "count",
        "counts",
        "name",
        "names",
        "id",
        "ids",
        "hash",
        "sha",
        "sha256",
        "digest",
        "type",
        "types",
        "url",
        "uri",
        "path",
        "file",
        "length",
        "len",
        "limit",
        "ttl",
        "expiry",
        "expires",
        "expiration",
        "version",
        "field",
        "size",
        "index",
        "usage",
        "budget",
        "policy",
        "provider",
        "endpoint",
        "prefix",
        "at",
        "date",
        "rule",
        "rules",
        "algorithm",
        "format",
        "manager",
        "store",
        "dir",
        "kind",
        "env",
        "var",
        "pattern",
        "regex",
        "ref",
        "arn",
        "izer",
        "ized",
        "izers",
        "ization",
    ];
    let suffix = suffix.to_ascii_lowercase();
    let last = suffix.rsplit(['_', '-']).next().unwrap_or_default();
    !ABOUT.contains(&last) && !ABOUT.iter().any(|about| about.len() > 4 && suffix.ends_with(about))
}

/// Whether a value looks like a secret under this name.
fn is_value(name: &str, value: &str, quoted: bool, is_call: bool) -> bool {
    let value = value.trim_end_matches(['.', ':', '?', '!']);
    if is_placeholder(value) || is_call || is_reference(value) {
        return false;
    }
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let letters = value.bytes().filter(u8::is_ascii_alphabetic).count();
    let other = value.len() - digits - letters;
    let name = name.to_ascii_lowercase();
    if name.starts_with("pass") || name == "pwd" {
        // Passwords are short and chosen by people: a digit or an unusual sign is enough, or any quoted mix of cases.
        let odd = value.bytes().any(|b| b.is_ascii_punctuation() && !matches!(b, b'-' | b'_' | b'.' | b'/'));
        let cases = value.bytes().any(|b| b.is_ascii_uppercase()) && value.bytes().any(|b| b.is_ascii_lowercase());
        return value.len() >= 6 && (digits > 0 || (odd && value.len() >= 8) || (quoted && cases && other > 0));
    }
    let is_number = letters == 0;
    let long_enough = value.len() >= 12;
    let cases = value.bytes().any(|b| b.is_ascii_uppercase()) && value.bytes().any(|b| b.is_ascii_lowercase());
    !is_number && long_enough && (digits >= 2 || (cases && value.len() >= 20)) && entropy::bits_per_byte(value) >= 2.8
}

/// A path, URL, version, variable or member access: says where the secret is, not what it is.
fn is_reference(value: &str) -> bool {
    let starts = ["/", "./", "../", "~/", "vault:", "op:", "env:", "file:", "arn:"];
    let words = value.split(['.', '_', '-', '/', ':']);
    let only_words = words.clone().all(|word| {
        let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
        letters.bytes().all(|b| b.is_ascii_alphabetic())
            && (word.len() - letters.len() <= 1)
            && entropy::case_changes(letters) * 3 <= letters.len().max(3)
    });
    let path = words.count() >= 2 && only_words && value.contains(['.', '_', '-', '/', ':']);
    let version = value.trim_start_matches('v').bytes().all(|b| b.is_ascii_digit() || b == b'.');
    path || (version && value.contains('.'))
        || value.contains("://")
        || starts.iter().any(|start| value.starts_with(start))
}

/// What stands for a secret in documentation and templates, or what a redaction left.
pub(super) fn is_placeholder(value: &str) -> bool {
    const NAMES: &[&str] = &[
        "password",
        "passwd",
        "pass",
        "pw",
        "pwd",
        "secret",
        "token",
        "changeme",
        "change-me",
        "placeholder",
        "example",
        "redacted",
        "none",
        "null",
        "undefined",
        "true",
        "false",
        "string",
        "your",
        "hidden",
        "masked",
        "dummy",
        "required",
        "optional",
        "user",
        "key",
        "apikey",
        "api_key",
        "value",
    ];
    let lower = value.to_ascii_lowercase();
    let bare = lower.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    NAMES.contains(&bare)
        || bare.is_empty()
        || lower.starts_with("[secret:")
        || lower.starts_with("secret:")
        || ["your_", "your-", "<", "${", "{{", "$(", "%(", "xxx", "...", "***", "my_", "my-", "example", "env."]
            .iter()
            .any(|start| lower.starts_with(start))
        || ["example", "placeholder", "redacted", "xxxx", "...", "****", "…"].iter().any(|part| lower.contains(part))
        || (lower.starts_with('$')
            && value.bytes().skip(1).all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_'))
        || (lower.starts_with('{') && lower.ends_with('}'))
}

#[cfg(test)]
mod tests {
    #[test]
    fn patterns_are_valid() {
        assert!(super::ANCHORS.is_some() && super::ASSIGNMENTS.is_some() && super::BEARERS.is_some());
    }
}
