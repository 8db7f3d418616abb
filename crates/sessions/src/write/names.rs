//! Names for what is written: of sessions, messages and files.
//!
//! **Invariant:** the same content gives the same names, another content others: so that a session that was written once is
//! found to be there, and one that has grown since is written beside it.

use super::Lineage;
use crate::key::content_hash;
use jay_types::Timestamp;

/// Makes names out of what is written.
#[derive(Clone, Debug)]
pub struct Names {
    seed: [u8; 32],
}

impl Names {
    /// Names for a lineage that is written for `client`, to go on in `project`.
    pub(super) fn of(client: &str, lineage: &Lineage, project: &str) -> Self {
        let mut fields = vec![client.as_bytes().to_vec(), project.as_bytes().to_vec()];
        for whole in lineage.all() {
            fields.push(whole.meta.client.clone().into_bytes());
            fields.push(whole.meta.id.clone().into_bytes());
            fields.extend(whole.messages.iter().map(|message| serde_json::to_vec(message).unwrap_or_default()));
        }
        let fields: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
        Self { seed: content_hash(&fields).0 }
    }

    fn hash(&self, what: &str) -> [u8; 32] {
        content_hash(&[&self.seed, what.as_bytes()]).0
    }

    /// Hexadecimal digits, at most 64.
    pub(super) fn hex(&self, what: &str, digits: usize) -> String {
        let hex: String = self.hash(what).iter().map(|byte| format!("{byte:02x}")).collect();
        hex.chars().take(digits).collect()
    }

    /// A UUID that looks random.
    pub(super) fn uuid(&self, what: &str) -> String {
        let hash = self.hash(what);
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = hash;
        dashed([a, b, c, d, e, f, g & 0x0f | 0x40, h, i & 0x3f | 0x80, j, k, l, m, n, o, p])
    }

    /// A UUID that sorts by time, as of `at`.
    pub(super) fn uuid_at(&self, what: &str, at: Timestamp) -> String {
        let milliseconds = u64::try_from(at.0.max(0) / 1000).unwrap_or_default();
        let [_, _, a, b, c, d, e, f] = milliseconds.to_be_bytes();
        let [g, h, i, j, k, l, m, n, o, p, ..] = self.hash(what);
        dashed([a, b, c, d, e, f, g & 0x0f | 0x70, h, i & 0x3f | 0x80, j, k, l, m, n, o, p])
    }
}

fn dashed(bytes: [u8; 16]) -> String {
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let groups = [(0, 4), (4, 6), (6, 8), (8, 10), (10, 16)];
    groups.map(|(from, to)| hex.get(from..to).unwrap_or_default().concat()).join("-")
}

/// `name` as one plain step of a path: letters, digits, `.`, `_` and `-`, at most 120 of them, the first not a dot. What is
/// changed gets a mark of what it was, so that two names stay two.
pub(super) fn step(name: &str) -> String {
    marked(name, 120, |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

/// `name` as the APIs of models allow it for calls and tools: letters, digits, `_` and `-`, at most 64.
pub(super) fn word(name: &str) -> String {
    marked(name, 64, |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

fn marked(name: &str, max: usize, is_allowed: impl Fn(char) -> bool) -> String {
    let is_fine = |c: char| is_allowed(c);
    if !name.is_empty() && name.len() <= max && !name.starts_with('.') && name.chars().all(is_fine) {
        return name.to_owned();
    }
    let plain: String = name.chars().take(max - 9).map(|c| if is_allowed(c) && c != '.' { c } else { '_' }).collect();
    let [a, b, c, d, ..] = content_hash(&[name.as_bytes()]).0;
    format!("{plain}_{a:02x}{b:02x}{c:02x}{d:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::is_uuid;

    #[test]
    fn a_step_stays_in_its_directory() {
        assert_eq!(step("ses-1.a_b"), "ses-1.a_b");
        for name in ["..", ".", "", "a/b", "a\\b", "/etc/passwd", "C:x", &"x".repeat(500), ".hidden", "né"] {
            let step = step(name);
            assert!(!step.starts_with('.') && step.len() <= 120 && !step.contains(['/', '\\', ':']), "{step}");
        }
        assert_ne!(step("a/b"), step("a:b"));
        assert_eq!(word("mcp__x-1"), "mcp__x-1");
        assert!(word("mcp.x 1").starts_with("mcp_x_1_"));
    }

    #[test]
    fn names_are_of_the_content() {
        let mut lineage = Lineage::default();
        let before = Names::of("codex", &lineage, "/p");
        assert_eq!(before.uuid("a"), Names::of("codex", &lineage, "/p").uuid("a"));
        assert!(is_uuid(&before.uuid("a")) && before.uuid("a") != before.uuid("b"));
        let at = Timestamp(1_772_442_000_000_000);
        let sorted = before.uuid_at("a", at);
        assert!(is_uuid(&sorted) && sorted.starts_with("019cadc6") && sorted.as_bytes()[14] == b'7', "{sorted}");
        lineage.root.messages.push(jay_types::session::Message {
            id: "m".into(),
            role: None,
            author: None,
            at: None,
            model: None,
            parts: vec![],
            row: 0,
        });
        assert_ne!(before.uuid("a"), Names::of("codex", &lineage, "/p").uuid("a"));
    }
}
