//! Unsafe code stands in named files only, each with its reason, and the lints of their crates differ in nothing else.
//!
//! Every crate forbids unsafe code. One that cannot do without copies the workspace's lints with `deny` instead, and
//! has one small file that allows it and says why.

use crate::tree::Tree;
use proc_macro2::{TokenStream, TokenTree};
use std::collections::BTreeSet;
use toml::{Table, Value};

/// The files that may hold unsafe code, one for a crate.
const ALLOWED: &[&str] = &["crates/models/src/kernel/detected.rs", "crates/store/src/mapped.rs"];
/// What such a file says in its head.
const REASON: &str = "//! **Why unsafe:**";

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let mut faults = check_files(tree);
    faults.extend(check_lints(tree));
    faults
}

fn check_files(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, text) in tree.rust() {
        let words = text.parse::<TokenStream>().map(has_unsafe).unwrap_or_default();
        let is_allowed = ALLOWED.contains(&path);
        if words && !is_allowed {
            faults.push(format!("{path}: unsafe code stands in {} only", ALLOWED.join(" and ")));
        }
        if is_allowed && !words {
            faults.push(format!("{path}: has no unsafe code any more: take it off the list in xtask tidy"));
        }
        if is_allowed && !text.lines().any(|line| line.starts_with(REASON)) {
            faults.push(format!("{path}: no line `{REASON}` in the head"));
        }
    }
    faults
}

/// True where the words `unsafe` or `unsafe_code` stand in the code itself.
fn has_unsafe(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(word) => word == "unsafe" || word == "unsafe_code",
        TokenTree::Group(group) => has_unsafe(group.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

fn check_lints(tree: &Tree) -> Vec<String> {
    let lints = |text: &str, outer: Option<&str>| -> Option<Value> {
        let table = text.parse::<Table>().ok()?;
        match outer {
            Some(outer) => table.get(outer)?.get("lints").cloned(),
            None => table.get("lints").cloned(),
        }
    };
    let Some(workspace) = tree.text("Cargo.toml").and_then(|text| lints(text, Some("workspace"))) else {
        return Vec::new();
    };
    let crates: BTreeSet<&str> = ALLOWED.iter().filter_map(|path| path.split('/').nth(1)).collect();
    let mut faults = Vec::new();
    for (name, manifest) in tree.crates() {
        let own = lints(manifest, None).unwrap_or(Value::Boolean(false));
        let inherits = own.get("workspace").and_then(Value::as_bool) == Some(true);
        let mut expected = workspace.clone();
        if let Some(level) = expected.get_mut("rust").and_then(|rust| rust.get_mut("unsafe_code")) {
            *level = Value::String("deny".to_owned());
        }
        match (inherits, crates.contains(name)) {
            (true, false) => {}
            (false, true) if own == expected => {}
            (_, true) => faults.push(format!(
                "crates/{name}/Cargo.toml: its lints are not the workspace's with `unsafe_code = \"deny\"`"
            )),
            (false, false) => faults.push(format!("crates/{name}/Cargo.toml: its lints are not the workspace's")),
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    const ROOT: &str = "[workspace.lints.rust]\nunsafe_code = \"forbid\"\nmissing_docs = \"warn\"\n";
    const INHERITS: &str = "[lints]\nworkspace = true\n";
    const OWN: &str = "[lints.rust]\nunsafe_code = \"deny\"\nmissing_docs = \"warn\"\n";
    const CODE: &str = "//! Head.\n//! **Why unsafe:** so.\nfn f() { unsafe { g() } }\n";

    #[test]
    fn named_files_with_a_reason_pass() {
        let tree = Tree::of(&[
            ("Cargo.toml", ROOT),
            ("crates/models/Cargo.toml", OWN),
            ("crates/store/Cargo.toml", OWN),
            ("crates/core/Cargo.toml", INHERITS),
            (ALLOWED[0], CODE),
            (ALLOWED[1], CODE),
            ("crates/core/src/a.rs", "//! No unsafe here.\nconst A: &str = \"unsafe\"; // unsafe\n"),
        ]);
        assert_eq!(check(&tree), Vec::<String>::new());
    }

    #[test]
    fn others_are_named() {
        let tree = Tree::of(&[
            ("Cargo.toml", ROOT),
            ("crates/models/Cargo.toml", INHERITS),
            ("crates/store/Cargo.toml", "[lints.rust]\nunsafe_code = \"allow\"\n"),
            ("crates/core/Cargo.toml", OWN),
            ("crates/ops/Cargo.toml", "[package]\n"),
            (ALLOWED[0], "//! Head.\n#![allow(unsafe_code)]\n"),
            (ALLOWED[1], "//! **Why unsafe:** so.\n"),
            ("crates/core/src/a.rs", CODE),
            ("crates/ops/src/b.rs", "//! Head.\n#![allow(unsafe_code)]\n"),
        ]);
        expect![[r#"
            crates/core/src/a.rs: unsafe code stands in crates/models/src/kernel/detected.rs and crates/store/src/mapped.rs only
            crates/models/src/kernel/detected.rs: no line `//! **Why unsafe:**` in the head
            crates/ops/src/b.rs: unsafe code stands in crates/models/src/kernel/detected.rs and crates/store/src/mapped.rs only
            crates/store/src/mapped.rs: has no unsafe code any more: take it off the list in xtask tidy
            crates/core/Cargo.toml: its lints are not the workspace's
            crates/models/Cargo.toml: its lints are not the workspace's with `unsafe_code = "deny"`
            crates/ops/Cargo.toml: its lints are not the workspace's
            crates/store/Cargo.toml: its lints are not the workspace's with `unsafe_code = "deny"`"#]].assert_eq(&check(&tree).join("\n"));
    }
}
