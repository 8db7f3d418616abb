//! Rules for every text: white space, size, and nothing of the machine it was written on.
//!
//! The words that are looked for are put together from halves, so that this file does not find itself.

use crate::tree::Tree;
use regex::Regex;
use std::sync::LazyLock;

/// A tracked file is at most this large: history keeps every version for ever.
const FILE_BYTES_MAX: usize = 1 << 20;

/// The one exception: the built-in model, which is compiled in and so must be here.
const MODEL: &str = "crates/models/data/static-table.bin";

/// A model is at most this large.
const MODEL_BYTES_MAX: usize = 10 << 20;

/// Directories of the machines that this is built on, as the beginning of a path.
static MACHINE_PATH: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = concat!(r"(?:^|[^\w./~$}-])(/wo", r"rk/|/tmp/", r"wt|/ro", r"ot/|/fa", r"rm/)");
    Regex::new(pattern).expect("a pattern that a test uses")
});

/// Addresses of package registries and settings that name one: which registry is used is the machine's affair.
static REGISTRY: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = concat!(
        r#"://[\w.-]*(?:npm"#,
        r#"js\.|pypi\.|python"#,
        r#"hosted\.|(?:index|static)\.crates\.|deb\.debian\.)|extra-index-"#,
        r#"url|replace-"#,
        r#"with\s*=|"resolved"\s*:"#
    );
    Regex::new(pattern).expect("a pattern that a test uses")
});

/// Work that was put off: it belongs into an issue.
static PUT_OFF: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(concat!(r"\b(FIX", r"ME|XX", r"X|TO", r"DO)\b")).expect("a pattern that a test uses"));

/// Files whose content is not written here: fixtures keep what a client wrote, to the byte.
fn is_verbatim(path: &str) -> bool {
    path.contains("fixtures/") || path.contains("/tests/expect/") || path.starts_with("LICENSE")
}

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let large = tree
        .files()
        .map(|(path, bytes)| (path, bytes.len(), if path == MODEL { MODEL_BYTES_MAX } else { FILE_BYTES_MAX }))
        .filter(|(_, size, max)| size > max)
        .map(|(path, size, max)| format!("{path}: {size} bytes; a tracked file has at most {max}"));
    large.chain(tree.texts().flat_map(|(path, text)| check_text(path, text))).collect()
}

fn check_text(path: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let is_rust = path.ends_with(".rs");
    let is_lock = path.ends_with("Cargo.lock");
    for (line, number) in text.split('\n').zip(1_usize..) {
        let mut fault = |what: &str| faults.push(format!("{path}:{number}: {what}"));
        if !is_verbatim(path) {
            let line_end = line.strip_suffix('\r').unwrap_or(line);
            if line_end.len() < line.len() {
                fault("carriage return at the end of the line");
            }
            if line_end.trim_end().len() < line_end.len() {
                fault("trailing white space");
            }
            if is_rust && line.contains('\t') {
                fault("tab");
            }
            if !is_lock && !path.ends_with("package-lock.json") && PUT_OFF.is_match(line) {
                fault("work that was put off belongs into an issue");
            }
        }
        if MACHINE_PATH.is_match(line) {
            fault("a path of one machine");
        }
        if !is_lock && REGISTRY.is_match(line) {
            fault("the address of a package registry");
        }
    }
    if !is_verbatim(path) && !text.is_empty() && !text.ends_with('\n') {
        faults.push(format!("{path}: no newline at the end"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(path: &str, text: &str) -> Option<String> {
        check(&Tree::of(&[(path, text)])).into_iter().next()
    }

    #[test]
    fn clean_text_passes() {
        for (path, text) in [
            ("a.rs", "fn f() {}\n"),
            ("Makefile", "all:\n\tcargo build\n"),
            ("a.md", "The namespace work/acme/api, the crate store/root, a path/tmp, ~/work/api, $HOME/root/x.\n"),
            ("scripts/x", "mktemp -d jay.XXXXXX\n"),
            ("crates/a/tests/fixtures/s.jsonl", "{\"a\":1}  \r\nTODO"),
            ("empty.txt", ""),
        ] {
            assert_eq!(first(path, text), None, "{path}");
        }
    }

    #[test]
    fn each_fault_is_found_with_its_line() {
        for (path, text, fault) in [
            ("a.md", "one\ntwo \n", "a.md:2: trailing white space"),
            ("a.md", "one\r\n", "a.md:1: carriage return at the end of the line"),
            ("a.rs", "\tx\n", "a.rs:1: tab"),
            ("a.md", "x", "a.md: no newline at the end"),
            ("a.rs", concat!("// FIX", "ME later\n"), "a.rs:1: work that was put off belongs into an issue"),
            ("a.py", concat!("# TO", "DO\n"), "a.py:1: work that was put off belongs into an issue"),
            ("a.md", concat!("see /wo", "rk/main\n"), "a.md:1: a path of one machine"),
            ("f/fixtures/a.json", concat!("\"/ro", "ot/x\"\n"), "f/fixtures/a.json:1: a path of one machine"),
            ("a.sh", concat!("cd /tmp/", "wt/x\n"), "a.sh:1: a path of one machine"),
            (
                "p/package-lock.json",
                concat!("\"resol", "ved\": 1\n"),
                "p/package-lock.json:1: the address of a package registry",
            ),
            ("pip.conf", concat!("extra-index-", "url = x\n"), "pip.conf:1: the address of a package registry"),
            ("a.md", concat!("https://registry.npm", "js.org\n"), "a.md:1: the address of a package registry"),
        ] {
            assert_eq!(first(path, text).as_deref(), Some(fault));
        }
    }

    #[test]
    fn a_large_file_is_a_fault() {
        let text = "x\n".repeat(FILE_BYTES_MAX / 2);
        assert_eq!(first("a.txt", &text), None);
        assert_eq!(first(MODEL, &format!("{text}\n")), None);
        assert_eq!(
            first("a.txt", &format!("{text}\n")).as_deref(),
            Some("a.txt: 1048577 bytes; a tracked file has at most 1048576")
        );
    }
}
