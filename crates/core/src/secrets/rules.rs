//! Formats of issuers, one line each. Sources: the issuers' public documentation of their key formats.

use super::Finding;
use aho_corasick::AhoCorasick;
use regex::Regex;
use std::sync::{LazyLock, OnceLock};

/// One format.
struct Rule {
    name: &'static str,
    /// Literals of which one stands in every match; the pattern only runs where one was seen.
    anchors: &'static [&'static str],
    /// Open at its end, so that no rest of a longer token stays behind. The group `s` is the secret, else the match.
    pattern: &'static str,
    /// A last look at the secret.
    plausible: fn(&str) -> bool,
    regex: OnceLock<Option<Regex>>,
}

const fn rule(
    name: &'static str,
    anchors: &'static [&'static str],
    pattern: &'static str,
    plausible: fn(&str) -> bool,
) -> Rule {
    Rule { name, anchors, pattern, plausible, regex: OnceLock::new() }
}

/// The name of the format whose secret stands between dots without a literal: found by shape.
const DISCORD: &str = "discord_token";

static RULES: [Rule; 39] = [
    rule(
        "private_key",
        &["PRIVATE KEY"],
        r"-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----(?:(?:[^-]|-[^-])*-----END [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----|(?:\s|\\[nrt])*(?:[A-Za-z0-9+/=]{16,}(?:\s|\\[nrt])*)+)",
        has_key_body,
    ),
    rule("age_secret_key", &["AGE-SECRET-KEY-"], r"AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]{40,}", any),
    rule("anthropic_key", &["sk-ant-"], r"sk-ant-[A-Za-z0-9_-]{20,}", mixed),
    rule(
        "openai_key",
        &["sk-"],
        r"\bsk-(?:(?:proj|svcacct|admin|None|or-v1)-[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{32,})",
        mixed,
    ),
    rule("aws_access_key", &["AKIA", "ASIA", "ABIA", "ACCA"], r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b", any),
    rule(
        "aws_secret_key",
        &["ecret", "ECRET"],
        r#"(?i)secret[_-]?(?:access[_-]?)?key["'\\\s:=>]{1,8}(?P<s>[A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|$)"#,
        mixed,
    ),
    rule("github_token", &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], r"\bgh[pousr]_[A-Za-z0-9]{30,}", any),
    rule("github_token", &["github_pat_"], r"\bgithub_pat_[A-Za-z0-9_]{22,}", any),
    rule("gitlab_token", &["gl"], r"\bgl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|oas)-[A-Za-z0-9_-]{20,}", mixed),
    rule("slack_token", &["xox", "xapp-"], r"\b(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{10,}", has_digit),
    rule(
        "slack_webhook",
        &["hooks.slack.com"],
        r"hooks\.slack\.com/(?:services|workflows)/(?P<s>[A-Za-z0-9/_-]{20,})",
        any,
    ),
    rule("stripe_key", &["k_live_", "k_test_"], r"\b[srp]k_(?:live|test)_[A-Za-z0-9]{16,}", any),
    rule("stripe_webhook_secret", &["whsec_"], r"\bwhsec_[A-Za-z0-9+/=]{24,}", any),
    rule("google_api_key", &["AIza"], r"\bAIza[A-Za-z0-9_-]{35,}", mixed),
    rule("google_oauth", &["ya29.", "GOCSPX-"], r"\b(?:ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,})", mixed),
    rule("npm_token", &["npm_"], r"\bnpm_[A-Za-z0-9]{36,}", any),
    rule("pypi_token", &["pypi-"], r"\bpypi-[A-Za-z0-9_-]{50,}", mixed),
    rule("hugging_face_token", &["hf_"], r"\bhf_[A-Za-z0-9]{30,}", any),
    rule("sendgrid_key", &["SG."], r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}", any),
    rule("twilio_key", &["SK"], r"\bSK[0-9a-f]{32}\b", any),
    rule("telegram_token", &[":AA"], r"\b[0-9]{8,10}:AA[A-Za-z0-9_-]{33,}", any),
    rule("json_web_token", &["eyJ"], r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+){1,3}", mixed),
    rule(
        "azure_key",
        &["AccountKey", "SharedAccessKey"],
        r"(?:Account|SharedAccess)Key=(?P<s>[A-Za-z0-9+/]{40,}={0,2})",
        mixed,
    ),
    rule("azure_signature", &["sig="], r"[?&;]sig=(?P<s>[A-Za-z0-9%/+]{40,})", mixed),
    rule("digitalocean_token", &["_v1_"], r"\bdo[opr]_v1_[a-f0-9]{64,}", any),
    rule("shopify_token", &["shp"], r"\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32,}", any),
    rule("databricks_token", &["dapi"], r"\bdapi[0-9a-f]{32}(?:-[0-9])?\b", any),
    rule("docker_token", &["dckr_"], r"\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}", any),
    rule("groq_key", &["gsk_"], r"\bgsk_[A-Za-z0-9]{40,}", any),
    rule("xai_key", &["xai-"], r"\bxai-[A-Za-z0-9]{40,}", mixed),
    rule("replicate_token", &["r8_"], r"\br8_[A-Za-z0-9]{30,}", any),
    rule("perplexity_key", &["pplx-"], r"\bpplx-[A-Za-z0-9]{40,}", mixed),
    rule("vault_token", &["hvs.", "hvb."], r"\bhv[sb]\.[A-Za-z0-9_-]{24,}", mixed),
    rule("tailscale_key", &["tskey-"], r"\btskey-[a-z]+-[A-Za-z0-9-]{16,}", mixed),
    rule("linear_key", &["lin_api_"], r"\blin_api_[A-Za-z0-9]{30,}", any),
    rule("atlassian_token", &["ATATT3"], r"\bATATT3[A-Za-z0-9_=-]{60,}", any),
    rule("grafana_token", &["glsa_", "glc_"], r"\bgl(?:sa|c)_[A-Za-z0-9+/=_]{30,}", any),
    rule("planetscale_token", &["pscale_"], r"\bpscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{30,}", any),
    rule(
        "url_password",
        &["://"],
        r#"(?i)\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@'"<>`]{0,100}:(?P<s>[^\s/'"<>`]{1,200})@[^\s@]"#,
        is_real_password,
    ),
];

static ANCHORS: LazyLock<Option<(AhoCorasick, Vec<usize>)>> = LazyLock::new(|| {
    let pairs: Vec<(&str, usize)> =
        RULES.iter().enumerate().flat_map(|(i, rule)| rule.anchors.iter().map(move |anchor| (*anchor, i))).collect();
    let automaton = AhoCorasick::new(pairs.iter().map(|(anchor, _)| *anchor)).ok()?;
    Some((automaton, pairs.into_iter().map(|(_, i)| i).collect()))
});

/// Findings of all formats, in the order of the list.
pub(super) fn scan(text: &str) -> Vec<Finding> {
    let mut wanted = vec![false; RULES.len()];
    let (automaton, owners) = ANCHORS.as_ref().expect("the anchors are literals of this file, which a test builds");
    for hit in automaton.find_overlapping_iter(text) {
        if let Some(slot) = owners.get(hit.pattern().as_usize()).and_then(|owner| wanted.get_mut(*owner)) {
            *slot = true;
        }
    }
    let mut found = Vec::new();
    for rule in RULES.iter().zip(wanted).filter_map(|(rule, wanted)| wanted.then_some(rule)) {
        let regex = rule.regex.get_or_init(|| Regex::new(rule.pattern).ok());
        let regex = regex.as_ref().expect("the patterns are literals of this file, which a test compiles");
        for captures in regex.captures_iter(text) {
            let Some(secret) = captures.name("s").or_else(|| captures.get(0)) else { continue };
            if (rule.plausible)(secret.as_str()) {
                found.push(Finding { rule: rule.name, span: secret.range() });
            }
        }
    }
    found
}

/// A Discord bot token: base64 of a numeric id, six characters of time, a signature.
pub(super) fn by_shape(token: &str) -> Option<&'static str> {
    let mut parts = token.split('.');
    let (id, time, signature) = (parts.next()?, parts.next()?, parts.next()?);
    let shaped = parts.next().is_none()
        && (23..=30).contains(&id.len())
        && id.starts_with(['M', 'N', 'O'])
        && time.len() == 6
        && (27..=45).contains(&signature.len());
    (shaped && mixed(id) && mixed(signature)).then_some(DISCORD)
}

fn any(_: &str) -> bool {
    true
}

fn has_digit(secret: &str) -> bool {
    secret.bytes().any(|b| b.is_ascii_digit())
}

/// Digits, or letters that change their case often: names in prose (`sk-ant-colony-simulation-of-many-words`) have neither.
fn mixed(secret: &str) -> bool {
    let digits = secret.bytes().filter(u8::is_ascii_digit).count();
    let upper = secret.bytes().any(|b| b.is_ascii_uppercase());
    (digits >= 1 && upper) || digits >= 4 || super::entropy::case_changes(secret) >= 5
}

/// A key block with a body, not the mere mention of its markers.
fn has_key_body(block: &str) -> bool {
    block.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '='))).any(|line| line.len() >= 24)
}

/// Not a placeholder, a variable or an earlier redaction.
fn is_real_password(password: &str) -> bool {
    !super::assignment::is_placeholder(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_anchor_and_pattern_is_valid() {
        assert!(ANCHORS.is_some());
        for rule in &RULES {
            assert!(Regex::new(rule.pattern).is_ok(), "{}", rule.name);
            assert!(rule.anchors.iter().all(|anchor| anchor.len() >= 2), "{}", rule.name);
        }
    }
}
