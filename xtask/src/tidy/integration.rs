//! One integration binary per crate (`tests/it/main.rs`): each further one is linked anew and runs by itself.
//!
//! A test file that the binary does not declare would never run and nobody would notice.

use crate::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, _) in tree.rust() {
        let Some((package, file)) = path.split_once("/tests/") else { continue };
        if tree.text(&format!("{package}/Cargo.toml")).is_none() {
            continue;
        }
        let Some(file) = file.strip_prefix("it/") else {
            faults.push(format!("{path}: integration tests of {package} stand in {package}/tests/it"));
            continue;
        };
        let module = file.strip_suffix("/mod.rs").or_else(|| file.strip_suffix(".rs")).unwrap_or(file);
        // Deeper modules are declared by their parent, where the compiler looks.
        if module == "main" || module.contains('/') {
            continue;
        }
        let main = format!("{package}/tests/it/main.rs");
        let declared = tree.text(&main).unwrap_or_default().lines().any(|line| {
            let line = line.trim();
            line.strip_prefix("pub ").unwrap_or(line) == format!("mod {module};")
        });
        if !declared {
            faults.push(format!("{path}: not declared in {main}"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn every_test_file_is_declared() {
        let tree = Tree::of(&[
            ("crates/a/Cargo.toml", ""),
            ("crates/a/tests/it/main.rs", "//! All.\nmod told;\n    mod nested;\n// mod lost;\n"),
            ("crates/a/tests/it/told.rs", ""),
            ("crates/a/tests/it/nested/mod.rs", ""),
            ("crates/a/tests/it/nested/inner.rs", ""),
            ("crates/a/tests/it/lost.rs", ""),
            ("crates/a/tests/alone.rs", ""),
            ("crates/b/Cargo.toml", ""),
            ("crates/b/tests/it/story.rs", ""),
            ("crates/b/src/tests/under_the_code.txt", ""),
            ("crates/b/tests/fixtures/sample.rs", ""),
        ]);
        expect![[r#"
            crates/a/tests/alone.rs: integration tests of crates/a stand in crates/a/tests/it
            crates/a/tests/it/lost.rs: not declared in crates/a/tests/it/main.rs
            crates/b/tests/it/story.rs: not declared in crates/b/tests/it/main.rs"#]]
        .assert_eq(&check(&tree).join("\n"));
    }
}
