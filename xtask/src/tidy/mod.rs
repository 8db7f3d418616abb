//! The shape of the repository: what a compiler cannot hold.
//!
//! A fault fails; a note is a place to look at (a long file, a long function): sizes are a symptom, not a rule.
//! Each file here is one kind of rule; a rule takes the tree and returns what it found.
//!
//! **Invariant:** a rule is a pure function of the tree.

mod dependencies;
mod edges;
mod integration;
mod rust;
mod size;
mod text;
mod unsafety;

use crate::tree::Tree;

/// What the rules found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// What must be mended.
    pub(crate) faults: Vec<String>,
    /// What may be worth a look.
    pub(crate) notes: Vec<String>,
}

/// Runs every rule.
pub(crate) fn check(tree: &Tree) -> Report {
    let rules = [edges::check, dependencies::check, rust::check, text::check, integration::check, unsafety::check];
    Report { faults: rules.iter().flat_map(|rule| rule(tree)).collect(), notes: size::notes(tree) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_run() {
        let report = check(&Tree::of(&[
            ("Cargo.toml", "[workspace.package]\nrust-version = \"1.0\"\n[workspace.dependencies]\nserde = \"1\"\n"),
            ("rust-toolchain.toml", "[toolchain]\nchannel = \"1.95.0\"\n"),
            ("crates/rank/Cargo.toml", "[dependencies]\njay-store.workspace = true\n"),
            ("crates/rank/src/lib.rs", "unsafe fn f() {} \n"),
            ("crates/rank/tests/it/lost.rs", "//! Lost.\n"),
        ]));
        let rules = [
            "may not depend",
            "docs/dependencies.md",
            "head",
            "white space",
            "not declared",
            "rust-version",
            "unsafe code",
        ];
        for rule in rules {
            assert!(report.faults.iter().any(|fault| fault.contains(rule)), "{rule}: {:#?}", report.faults);
        }
    }
}
