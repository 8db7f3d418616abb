//! Direct dependencies: each has a reason in docs/dependencies.md, one version for all crates, and one MSRV.

use crate::tree::Tree;
use std::collections::BTreeSet;
use toml::{Table, Value};

/// Where the reasons stand: a table `| name | why | alternative |`.
const REASONS: &str = "docs/dependencies.md";

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let Some(root) = tree.text("Cargo.toml").and_then(|text| text.parse::<Table>().ok()) else {
        return vec!["Cargo.toml: not there, or no TOML".to_owned()];
    };
    let mut faults = check_reasons(tree, &root);
    faults.extend(check_one_version(tree));
    faults.extend(check_msrv(tree, &root));
    faults
}

fn check_reasons(tree: &Tree, root: &Table) -> Vec<String> {
    let declared: BTreeSet<&str> = table(root, &["workspace", "dependencies"])
        .into_iter()
        .flat_map(Table::keys)
        .map(String::as_str)
        .filter(|name| !name.starts_with("jay-"))
        .collect();
    let mut explained = BTreeSet::new();
    let mut faults = Vec::new();
    for row in tree.text(REASONS).unwrap_or_default().lines().filter_map(|line| line.strip_prefix("| `")) {
        let cells: Vec<&str> = row.split('|').map(|cell| cell.trim().trim_end_matches('`')).collect();
        if let [name, why, alternative, ..] = cells.as_slice() {
            explained.insert(*name);
            if why.is_empty() || alternative.is_empty() {
                faults.push(format!("{REASONS}: {name} lacks its reason or the alternative"));
            }
        }
    }
    faults.extend(
        declared
            .difference(&explained)
            .map(|name| format!("{REASONS}: no line for {name}: why is it used, and instead of what?")),
    );
    faults
        .extend(explained.difference(&declared).map(|name| format!("{REASONS}: {name} is not a dependency any more")));
    faults
}

/// A version stands in the root, so that two crates cannot use two of them.
fn check_one_version(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, text) in tree.texts().filter(|(path, _)| path.ends_with("/Cargo.toml")) {
        let Ok(manifest) = text.parse::<Table>() else { continue };
        // A package that is a workspace of its own has nowhere to inherit from.
        if manifest.contains_key("workspace") {
            continue;
        }
        for name in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (dependency, value) in table(&manifest, &[name]).into_iter().flatten() {
                if value.get("workspace").and_then(Value::as_bool) != Some(true) {
                    faults.push(format!("{path}: {dependency} is not taken from [workspace.dependencies]"));
                }
            }
        }
    }
    faults
}

fn check_msrv(tree: &Tree, root: &Table) -> Vec<String> {
    let declared = table(root, &["workspace", "package"]).and_then(|package| package.get("rust-version"));
    let toolchain = tree.text("rust-toolchain.toml").and_then(|text| text.parse::<Table>().ok());
    let channel =
        toolchain.as_ref().and_then(|file| table(file, &["toolchain"])).and_then(|table| table.get("channel"));
    let declared = declared.and_then(Value::as_str).unwrap_or_default();
    let channel = channel.and_then(Value::as_str).unwrap_or_default();
    let tested: Vec<&str> = channel.split('.').take(2).collect();
    if declared.is_empty() || declared != tested.join(".") {
        return vec![format!(
            "Cargo.toml: rust-version `{declared}` is not the `{channel}` of rust-toolchain.toml that the tests run with"
        )];
    }
    Vec::new()
}

fn table<'a>(value: &'a Table, path: &[&str]) -> Option<&'a Table> {
    path.iter().try_fold(value, |table, name| table.get(*name)?.as_table())
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    const ROOT: &str = "[workspace.package]\nrust-version = \"1.95\"\n[workspace.dependencies]\njay-types = { path = \"crates/types\" }\nserde = \"1\"\n";
    const TOOLCHAIN: (&str, &str) = ("rust-toolchain.toml", "[toolchain]\nchannel = \"1.95.0\"\n");

    #[test]
    fn a_reason_and_one_version_are_enough() {
        let tree = Tree::of(&[
            ("Cargo.toml", ROOT),
            TOOLCHAIN,
            (REASONS, "| name | why | alternative |\n| --- | --- | --- |\n| `serde` | JSON | by hand |\n"),
            ("crates/types/Cargo.toml", "[dependencies]\nserde.workspace = true\n"),
            ("tests/alone/Cargo.toml", "[workspace]\n[dependencies]\nserde = \"1\"\n"),
        ]);
        assert_eq!(check(&tree), Vec::<String>::new());
    }

    #[test]
    fn what_is_missing_is_named() {
        let tree = Tree::of(&[
            ("Cargo.toml", &format!("{ROOT}toml = \"1\"\n")),
            ("rust-toolchain.toml", "[toolchain]\nchannel = \"1.96.1\"\n"),
            (REASONS, "| `serde` | JSON | |\n| `chrono` | time | jiff |\n"),
            ("crates/types/Cargo.toml", "[dev-dependencies]\nserde = \"1\"\n"),
        ]);
        expect![[r#"
            docs/dependencies.md: serde lacks its reason or the alternative
            docs/dependencies.md: no line for toml: why is it used, and instead of what?
            docs/dependencies.md: chrono is not a dependency any more
            crates/types/Cargo.toml: serde is not taken from [workspace.dependencies]
            Cargo.toml: rust-version `1.95` is not the `1.96.1` of rust-toolchain.toml that the tests run with"#]]
        .assert_eq(&check(&tree).join("\n"));
    }
}
