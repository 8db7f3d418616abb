//! Masks the secrets of a client's own row, which stays a row of that client.
//!
//! **Invariant:** a row without a secret keeps its bytes; one with a secret stays JSON where it was JSON.

use crate::secrets::{Outcome, Policy, apply, masked_name, scan, scan_name};
use serde_json::{Value, json};

/// The row without its secrets; none where it has none.
pub(super) fn row(bytes: &[u8]) -> Option<Vec<u8>> {
    let end = bytes.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |at| at + 1);
    let (content, ending) = bytes.split_at_checked(end)?;
    let text = String::from_utf8_lossy(content);
    let masked = match serde_json::from_str::<Value>(&text) {
        Ok(mut value) => value_of(&mut value, "").then(|| value.to_string()),
        Err(_) => redacted(&text),
    };
    masked.map(|masked| [masked.as_bytes(), ending].concat())
}

fn redacted(text: &str) -> Option<String> {
    match apply(Policy::Redact, text) {
        Outcome::Redacted { text, .. } => Some(text),
        _ => None,
    }
}

/// Masks in place what stands under `key`; true where it changed.
fn value_of(value: &mut Value, key: &str) -> bool {
    match value {
        Value::String(text) => {
            let masked = string(text, key);
            let is_changed = masked.is_some();
            *text = masked.unwrap_or_else(|| std::mem::take(text));
            is_changed
        }
        Value::Array(items) => items.iter_mut().fold(false, |changed, item| value_of(item, key) | changed),
        Value::Object(fields) => {
            let changed = fields.iter_mut().fold(false, |changed, (key, item)| value_of(item, key) | changed);
            if !fields.keys().any(|key| !scan_name(key).is_empty()) {
                return changed;
            }
            *fields = std::mem::take(fields).into_iter().map(|(key, item)| (masked_name(key), item)).collect();
            true
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn string(text: &str, key: &str) -> Option<String> {
    if is_opaque(key) {
        // Random by nature: only what has the form of a secret is one.
        let findings = scan_name(text);
        return (!findings.is_empty()).then(|| crate::secrets::redact(text, &findings));
    }
    if let Some(masked) = redacted(text) {
        return Some(masked);
    }
    // A name can say that its value is a secret which does not look like one by itself.
    let assigned = json!({ key: text }).to_string();
    let rule = scan(&assigned).first()?.rule;
    Some(format!("[secret:{rule}]"))
}

/// Fields whose values are ids, hashes, seals and bytes.
fn is_opaque(key: &str) -> bool {
    const NAMES: [&str; 8] = [
        "data",
        "signature",
        "encrypted_content",
        "image_url",
        "_audit_hmac",
        "thinkingSignature",
        "thoughtSignature",
        "url",
    ];
    let ends = ["id", "Id", "ID", "uuid", "Uuid", "UUID", "hash", "Hash", "Signature"];
    NAMES.contains(&key) || ends.iter().any(|end| key.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AKIAQ3EXAMPLE7BZKJ2T";

    fn masked(row_text: &str) -> Option<String> {
        row(row_text.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn a_row_without_secrets_keeps_its_bytes() {
        for clean in [
            "{\"uuid\":\"5b0c1f6e-8a1d-4c57-9f0e-2f6f6b1d7a10\",\"n\":1.50}\r\n",
            "{\"signature\":\"EqQBCgIYAhIkMWY3YzVkZGItOTk4Yi00ZTU1LThjNzUtYTk4ZmM0MWYxNzQ2Gg\"}\n",
            "not JSON\n",
            "\n",
            "",
        ] {
            assert_eq!(masked(clean), None, "{clean:?}");
        }
        assert_eq!(row(b"\xff\xfe\n"), None);
    }

    #[test]
    fn a_secret_is_masked_wherever_it_stands_and_the_row_stays_json() {
        for secret in [
            json!({"message": {"content": [{"text": format!("the key is {KEY} here")}]}}),
            json!({"toolUseResult": {"stdout": format!("line\n{KEY}\n\"quoted\"")}}),
            json!({"uuid": KEY}),
            json!({"input": {"tokens": {KEY: "its value", "other": 1}}}),
        ] {
            let masked = masked(&format!("{secret}\r\n")).unwrap();
            assert!(!masked.contains(KEY) && masked.contains("[secret:") && masked.ends_with("\r\n"), "{masked}");
            serde_json::from_str::<Value>(&masked).unwrap();
        }
        let assigned = masked(r#"{"input":{"password":"correct7horse"},"kept":"as it is"}"#).unwrap();
        assert!(!assigned.contains("correct7horse") && assigned.contains("as it is"), "{assigned}");
        assert!(!masked(&format!("broken {{ {KEY}")).unwrap().contains(KEY));
    }
}
