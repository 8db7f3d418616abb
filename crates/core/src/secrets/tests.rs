//! Sample secrets are made at run time from pieces, so that this file holds none.

use super::*;
use proptest::prelude::*;

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const HEX: &str = "0123456789abcdef";

fn base62() -> String {
    format!("{LOWER}{UPPER}0123456789")
}

/// `count` characters of `alphabet`, evenly mixed, the same at each run.
fn random(alphabet: &str, count: usize, seed: u64) -> String {
    let alphabet: Vec<char> = alphabet.chars().collect();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            alphabet[usize::try_from(state % alphabet.len() as u64).unwrap()]
        })
        .collect()
}

fn mixed(count: usize) -> String {
    random(&base62(), count, 7)
}

/// (rule, text before, secret, text after)
fn samples() -> Vec<(&'static str, String, String, &'static str)> {
    let hex = |count| random(HEX, count, 5);
    let capitals = |count| random(&format!("{UPPER}234567"), count, 3);
    let b64 = random(&format!("{}+/", base62()), 86, 9);
    let plain = |rule, secret: String| (rule, "use ".to_owned(), secret, " for it");
    let pem = |kind: &str, newline: &str| {
        let body = [random(&base62(), 64, 1), random(&base62(), 64, 2), random(&base62(), 20, 3)].join(newline);
        format!("-----BEGIN {kind}-----{newline}{body}{newline}-----END {kind}-----")
    };
    let key_word = ["PRIVATE", "KEY"].join(" ");
    let mut samples = vec![
        plain("aws_access_key", format!("AKIA{}", capitals(16))),
        ("aws_secret_key", "aws_secret_access_key = ".to_owned(), random(&format!("{}+/", base62()), 40, 4), "\n"),
        plain("github_token", format!("ghp_{}", mixed(36))),
        plain("github_token", format!("gho_{}", mixed(36))),
        plain("github_token", format!("ghs_{}", mixed(36))),
        plain("github_token", format!("github_pat_{}_{}", mixed(22), mixed(59))),
        plain("gitlab_token", format!("glpat-{}", mixed(20))),
        plain("slack_token", format!("xoxb-{}-{}", random("0123456789", 12, 2), mixed(24))),
        (
            "slack_webhook",
            "https://hooks.slack.com/services/".to_owned(),
            format!("T{}/B{}/{}", capitals(8), capitals(8), mixed(24)),
            " ok",
        ),
        plain("stripe_key", format!("sk_live_{}", mixed(24))),
        plain("stripe_key", format!("rk_live_{}", mixed(24))),
        plain("openai_key", format!("sk-{}", mixed(48))),
        plain("openai_key", format!("sk-proj-{}-{}", mixed(40), mixed(40))),
        plain("anthropic_key", format!("sk-ant-api03-{}-{}AA", mixed(40), mixed(40))),
        plain("google_api_key", format!("AIza{}", mixed(35))),
        plain("google_oauth", format!("ya29.{}", mixed(60))),
        plain("npm_token", format!("npm_{}", mixed(36))),
        plain("pypi_token", format!("pypi-AgEIcHlwaS5vcmc{}", mixed(70))),
        plain("hugging_face_token", format!("hf_{}", mixed(34))),
        plain("sendgrid_key", format!("SG.{}.{}", mixed(22), mixed(43))),
        plain("twilio_key", format!("SK{}", hex(32))),
        plain("telegram_token", format!("{}:AA{}", random("123456789", 10, 2), mixed(33))),
        plain("discord_token", format!("M{}.{}.{}", mixed(25), mixed(6), mixed(38))),
        plain("json_web_token", format!("eyJ{}.eyJ{}.{}", mixed(20), mixed(60), mixed(43))),
        plain("age_secret_key", format!("AGE-SECRET-KEY-1{}", random("023456789ACDEFGHJKLMNPQRSTUVWXYZ", 58, 4))),
        ("azure_key", "AccountName=x;AccountKey=".to_owned(), format!("{b64}=="), ";EndpointSuffix=core.windows.net"),
        plain("digitalocean_token", format!("dop_v1_{}", hex(64))),
        plain("shopify_token", format!("shpat_{}", hex(32))),
        plain("databricks_token", format!("dapi{}", hex(32))),
        plain("docker_token", format!("dckr_pat_{}", mixed(27))),
        plain("groq_key", format!("gsk_{}", mixed(52))),
        plain("xai_key", format!("xai-{}", mixed(80))),
        plain("replicate_token", format!("r8_{}", mixed(37))),
        plain("perplexity_key", format!("pplx-{}", mixed(48))),
        plain("vault_token", format!("hvs.{}", mixed(90))),
        plain("tailscale_key", format!("tskey-auth-{}-{}", mixed(17), mixed(32))),
        plain("linear_key", format!("lin_api_{}", mixed(40))),
        plain("atlassian_token", format!("ATATT3{}", mixed(180))),
        plain("grafana_token", format!("glsa_{}_{}", mixed(32), hex(8))),
        plain("planetscale_token", format!("pscale_tkn_{}", mixed(43))),
        plain("stripe_webhook_secret", format!("whsec_{}", mixed(32))),
        (
            "azure_signature",
            "https://x.blob.core.windows.net/a?sv=2020&sig=".to_owned(),
            format!("{}%3D", mixed(43)),
            "&se=1",
        ),
        plain("private_key", pem(&format!("RSA {key_word}"), "\n")),
        plain("private_key", pem(&format!("OPENSSH {key_word}"), "\n")),
        ("private_key", "\"private_key\": \"".to_owned(), pem(&key_word, "\\n"), "\\n\", \"client_email\": \"x\""),
        ("private_key", "cut off: ".to_owned(), format!("-----BEGIN {key_word}-----\n{}", mixed(64)), ""),
        ("url_password", "postgres://app:".to_owned(), format!("hunter{}", 2), "@db.local:5432/x"),
        ("url_password", "redis://:".to_owned(), format!("p@ss{}", "word1"), "@cache:6379"),
        ("bearer_token", "curl -H 'Authorization: Bearer ".to_owned(), mixed(32), "' https://x.test"),
        ("bearer_token", "Authorization: Basic ".to_owned(), format!("{}==", random(&base62(), 22, 3)), "\n"),
        plain("high_entropy", mixed(40)),
        plain("high_entropy", random(&format!("{}-_", base62()), 43, 11)),
    ];
    let assigned: &[(&str, &str)] = &[
        ("password=", "\n"),
        ("password: ", "\n"),
        ("\"password\": \"", "\"}"),
        ("{\\\"password\\\":\\\"", "\\\"}"),
        ("DB_PASSWORD='", "'"),
        ("PGPASSWORD=", " psql"),
        ("the password is passwd = ", "."),
        ("--password ", " --host x"),
    ];
    samples.extend(
        assigned
            .iter()
            .map(|(before, after)| ("assigned_secret", (*before).to_owned(), format!("hunter{}", 2), *after)),
    );
    let long: &[(&str, &str)] = &[
        ("api_key: ", "\n"),
        ("API_KEY=", "\n"),
        ("client_secret = \"", "\""),
        ("'token' => '", "',"),
        ("--token=", " -v"),
        ("?access_token=", "&x=1"),
        ("X-Api-Key: ", "\n"),
        ("let secret = `", "`;"),
    ];
    samples.extend(long.iter().map(|(before, after)| ("assigned_secret", (*before).to_owned(), hex(32), *after)));
    samples
}

#[test]
fn every_format_is_found_and_nothing_else_is_taken() {
    let mut wrong = String::new();
    for (rule, before, secret, after) in samples() {
        let text = format!("{before}{secret}{after}");
        let found = scan(&text);
        let expected = [Finding { rule, span: before.len()..before.len() + secret.len() }];
        if found != expected {
            wrong += &format!("{rule}: {before}…{after}: {found:?}, not {expected:?}\n");
        }
        let redacted = redact(&text, &found);
        if redacted != format!("{before}[secret:{rule}]{after}") {
            wrong += &format!("{rule}: {}\n", redacted.replace(&secret, "…"));
        }
        if !scan(&redacted).is_empty() {
            wrong += &format!("{rule}: found again in {redacted}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn near_misses_are_left_alone() {
    for text in [
        format!("AKIA{}", "SHORT"),
        format!("xAKIA{}x", random(UPPER, 16, 1)),
        format!("ghp_{}", mixed(12)),
        "github_pat_ is the prefix".to_owned(),
        "glpat-something".to_owned(),
        "xoxb-your-token-goes-here".to_owned(),
        "sk_live_ or sk_test_ keys".to_owned(),
        "sk-ant-colony-optimisation-of-the-route".to_owned(),
        "sk-learn and sk-proj-naming-of-many-things".to_owned(),
        "AIzaSy is how they begin".to_owned(),
        format!("npm_{}", "config_registry"),
        "pypi-server, pypi-mirror-of-the-team".to_owned(),
        "hf_hub_download".to_owned(),
        "SG.1 and SG.2".to_owned(),
        format!("SKU{}", random("0123456789", 8, 1)),
        "12:AAA".to_owned(),
        "eyJ alone".to_owned(),
        "AGE-SECRET-KEY-1 is the prefix".to_owned(),
        "AccountKey=<key>".to_owned(),
        "dop_v1_short".to_owned(),
        "dapi and shpat_".to_owned(),
        format!("-----BEGIN {} KEY-----\n{}\n-----END PUBLIC KEY-----", "PUBLIC", mixed(64)),
        format!("a line with -----BEGIN {} KEY----- marks a PEM file", "PRIVATE"),
        "postgres://app:password@localhost/x".to_owned(),
        "postgres://app:${PASS}@localhost/x and https://user@host/path:80@x".to_owned(),
        "https://example.com:8080/a@b".to_owned(),
        "Authorization: Bearer <token>".to_owned(),
        "a bearer authentication-mechanism".to_owned(),
    ] {
        assert_eq!(scan(&text), [], "{text}");
    }
}

#[test]
fn ordinary_text_and_code_are_left_alone() {
    let corpus = include_str!("clean.txt");
    let mut wrong = String::new();
    for line in corpus.lines() {
        for finding in scan(line) {
            wrong += &format!("{}: {} in {line}\n", finding.rule, &line[finding.span.clone()]);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(corpus.lines().count() >= 60);
    assert_eq!(scan(corpus), []);
    for digest in [random(HEX, 40, 1), random(HEX, 64, 2), random(HEX, 128, 3)] {
        assert_eq!(scan(&format!("commit {digest} of blake3 {digest}")), []);
    }
    let image = format!("![x](data:image/png;base64,{})", random(&format!("{}+/", base62()), 300, 5));
    assert_eq!(scan(&image), []);
    assert_eq!(scan(&random(&base62(), 5000, 5)), []);
    assert_eq!(scan(&format!("\"integrity\": \"sha512-{}==\"", random(&format!("{}+/", base62()), 86, 5))), []);
    assert_eq!(scan(&format!("toolu_01{} and msg_01{}", mixed(22), mixed(22))), []);
    assert_eq!(scan(&format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{} me@host", mixed(43))), []);
}

#[test]
fn a_policy_decides() {
    let secret = format!("ghp_{}", mixed(36));
    let text = format!("token {secret}, and again {secret}");
    assert_eq!(apply(Policy::Redact, "nothing here"), Outcome::Clean);
    assert_eq!(
        apply(Policy::Redact, &text),
        Outcome::Redacted {
            text: "token [secret:github_token], and again [secret:github_token]".to_owned(),
            rules: vec!["github_token", "github_token"],
        }
    );
    let Outcome::Refused { findings } = apply(Policy::Refuse, &text) else { panic!("not refused") };
    let refusal = refusal(&findings);
    assert_eq!(refusal.code, Code::Refused);
    assert_eq!(refusal.message, "text holds a secret (github_token) and the namespace refuses those");
    assert!(!format!("{refusal:?}").contains(&secret));
    assert_eq!(apply(Policy::Allow, &text), Outcome::Allowed { findings });
}

#[test]
fn a_long_value_leaves_no_rest() {
    let secret = random(HEX, 700, 3);
    assert_eq!(
        redact(&format!("token={secret};"), &scan(&format!("token={secret};"))),
        "token=[secret:assigned_secret];"
    );
}

/// Twice the longest memory each; a quadratic step shows as a test that takes many seconds.
#[test]
fn hostile_text_costs_linear_time() {
    let key_word = ["PRIVATE", "KEY"].join(" ");
    for unit in [
        "aB3dE6gH9jK2mN5pQ8sT1,".to_owned(),
        "-----BEGIN CERTIFICATE-----".to_owned(),
        format!("-----BEGIN {key_word}-----\n"),
        "password ".to_owned(),
        "token=".to_owned(),
        "a://b:".to_owned(),
        "[secret:x]".to_owned(),
        format!("ghp_{} ", mixed(36)),
    ] {
        let text = unit.repeat(128 * 1024 / unit.len());
        assert!(scan(&text).len() <= text.len());
    }
}

#[test]
fn findings_that_do_not_fit_are_skipped() {
    let finding = |span| Finding { rule: "x", span };
    assert_eq!(redact("é", &[finding(1..2)]), "é");
    assert_eq!(redact("abc", &[finding(2..9)]), "abc");
    assert_eq!(redact("abc", &[finding(0..1), finding(0..2), finding(2..3)]), "[secret:x]b[secret:x]");
}

proptest! {
    #[test]
    fn redacted_text_is_clean_and_holds_no_secret(
        picks in prop::collection::vec((any::<prop::sample::Index>(), "[ \n,;.\"'a-z:=éé-]{0,12}"), 1..6)
    ) {
        let samples = samples();
        let mut text = String::new();
        let mut secrets = Vec::new();
        for (pick, filler) in &picks {
            let (_, before, secret, after) = pick.get(&samples);
            text += &format!("{filler} {before}{secret}{after} ");
            secrets.push(secret.clone());
        }
        let Outcome::Redacted { text: redacted, .. } = apply(Policy::Redact, &text) else { panic!("found nothing") };
        prop_assert_eq!(scan(&redacted), []);
        for secret in secrets {
            prop_assert!(!redacted.contains(&secret), "{}", redacted.replace(&secret, "<HERE>"));
        }
    }

    #[test]
    fn findings_are_sorted_apart_and_on_characters(text in "(?s:.{0,80})|[a-zA-Z0-9=:/@._\"' -]{0,120}") {
        let mut end = 0;
        for finding in scan(&text) {
            prop_assert!(finding.span.start >= end && text.get(finding.span.clone()).is_some_and(|s| !s.is_empty()));
            end = finding.span.end;
        }
        if let Outcome::Redacted { text, .. } = apply(Policy::Redact, &text) {
            prop_assert_eq!(scan(&text), []);
        }
    }
}

#[test]
fn a_secret_is_found_wherever_it_stands() {
    let value = "correct7horse8battery";
    let text = format!("I use {value} here, since password = {value} was set");
    let Outcome::Redacted { text, .. } = apply(Policy::Redact, &text) else { panic!("nothing was found") };
    assert!(!text.contains(value), "{text}");
    assert!(text.starts_with("I use [secret:"), "{text}");
    // A short value is a word as well.
    let Outcome::Redacted { text, .. } = apply(Policy::Redact, "blue1234 sky, password = blue1234") else { panic!() };
    assert!(text.starts_with("blue1234 sky"), "{text}");
}
