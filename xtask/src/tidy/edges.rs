//! Which crate may know which, and which room a library belongs to (DESIGN section 2).
//!
//! **Invariant:** only `[dependencies]` and `[build-dependencies]` are held; what a test needs it may use.

use crate::tree::Tree;
use toml::Table;

/// For each product crate the crates of this repository that it may know.
const EDGES: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("store", &["types"]),
    ("rank", &["types"]),
    ("models", &["types"]),
    ("sessions", &["types"]),
    ("core", &["types", "store", "rank", "models", "sessions"]),
    ("transfer", &["types", "store"]),
    ("ops", &["types", "core", "transfer"]),
    ("serve", &["types", "core", "ops"]),
    ("cli", &["types", "models", "sessions", "core", "ops", "serve"]),
];

/// Packages that exist for development; they may know everything, and no product crate may know them.
const DEVELOPMENT: &[&str] = &["testkit"];

/// Libraries that stand in certain rooms only.
const ROOMS: &[(&str, &[&str])] = &[
    ("rusqlite", &["store", "sessions"]),
    ("memmap2", &["store"]),
    ("axum", &["serve"]),
    ("rmcp", &["serve"]),
    ("tokio", &["serve", "transfer"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("ignore", &["core"]),
    ("indicatif", &["cli"]),
    ("notify", &["cli"]),
    ("tracing-subscriber", &["cli"]),
    ("getrandom", &["cli", "serve"]),
    ("pulldown-cmark", &["core"]),
    ("rten", &["models"]),
    ("rten-tensor", &["models"]),
    ("age", &["transfer"]),
    ("chacha20poly1305", &["transfer"]),
    ("object_store", &["transfer"]),
    ("ureq", &["models", "transfer"]),
];

/// Tables of a manifest that decide what the product is built from.
const TABLES: &[&str] = &["dependencies", "build-dependencies"];

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, manifest) in tree.crates().filter(|(name, _)| !DEVELOPMENT.contains(name)) {
        let Some((_, allowed)) = EDGES.iter().find(|(of, _)| *of == name) else {
            faults.push(format!("crates/{name}: no line for it in the edges of xtask tidy and the design"));
            continue;
        };
        match manifest.parse::<Table>() {
            Ok(table) => faults.extend(check_manifest(name, &table, allowed)),
            Err(error) => faults.push(format!("crates/{name}/Cargo.toml: {}", error.message())),
        }
    }
    faults
}

fn check_manifest(name: &str, manifest: &Table, allowed: &[&str]) -> Vec<String> {
    let mut faults = Vec::new();
    for dependency in dependencies(manifest) {
        if let Some(other) = dependency.strip_prefix("jay-") {
            if !allowed.contains(&other) {
                faults.push(format!(
                    "crates/{name}/Cargo.toml: {name} may not depend on {other}; it may know: {}",
                    if allowed.is_empty() { "none".to_owned() } else { allowed.join(", ") }
                ));
            }
        } else if let Some((_, rooms)) = ROOMS.iter().find(|(library, _)| *library == dependency)
            && !rooms.contains(&name)
        {
            faults.push(format!("crates/{name}/Cargo.toml: {dependency} belongs into {}", rooms.join(" or ")));
        }
    }
    faults
}

/// The packages of every table that the product is built from, those for one platform or renamed too.
fn dependencies(manifest: &Table) -> Vec<&str> {
    let platforms = manifest.get("target").and_then(toml::Value::as_table);
    let platforms = platforms.into_iter().flat_map(Table::values).filter_map(toml::Value::as_table);
    platforms
        .chain([manifest])
        .flat_map(|table| TABLES.iter().filter_map(|name| table.get(*name).and_then(toml::Value::as_table)))
        .flatten()
        .map(|(name, value)| value.get("package").and_then(toml::Value::as_str).unwrap_or(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn faults(files: &[(&str, &str)]) -> String {
        check(&Tree::of(files)).join("\n")
    }

    #[test]
    fn the_edges_of_the_design_pass() {
        let found = faults(&[
            (
                "crates/types/Cargo.toml",
                "[dependencies]\nserde = \"1\"\n[dev-dependencies]\njay-testkit.workspace = true\n",
            ),
            ("crates/store/Cargo.toml", "[dependencies]\njay-types.workspace = true\nrusqlite.workspace = true\n"),
            ("crates/cli/Cargo.toml", "[dependencies]\njay-ops.workspace = true\nclap.workspace = true\n"),
            ("crates/testkit/Cargo.toml", "[dependencies]\njay-cli.workspace = true\n"),
        ]);
        assert_eq!(found, "");
    }

    #[test]
    fn other_edges_are_named() {
        let found = faults(&[
            ("crates/types/Cargo.toml", "[dependencies]\njay-store.workspace = true\n"),
            ("crates/rank/Cargo.toml", "[target.'cfg(unix)'.build-dependencies]\njay-testkit.workspace = true\n"),
            ("crates/core/Cargo.toml", "[dependencies]\nsql = { package = \"rusqlite\", version = \"1\" }\n"),
            ("crates/ops/Cargo.toml", "[dependencies.jay-serve]\nworkspace = true\n"),
            ("crates/shed/Cargo.toml", "[package]\n"),
            ("crates/serve/Cargo.toml", "[dependencies\n"),
        ]);
        expect![[r#"
            crates/core/Cargo.toml: rusqlite belongs into store or sessions
            crates/ops/Cargo.toml: ops may not depend on serve; it may know: types, core, transfer
            crates/rank/Cargo.toml: rank may not depend on testkit; it may know: types
            crates/serve/Cargo.toml: unclosed table, expected `]`
            crates/shed: no line for it in the edges of xtask tidy and the design
            crates/types/Cargo.toml: types may not depend on store; it may know: none"#]]
        .assert_eq(&found);
    }
}
