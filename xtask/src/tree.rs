//! The files of the repository as the checks see them: paths and bytes, in memory.
//!
//! **Invariant:** what git ignores is not in it; a path uses `/` and is relative to the root.

use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Files by path.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, Vec<u8>>,
}

impl Tree {
    /// The files that git tracks or would track in `root`.
    pub(crate) fn load(root: &Path) -> Result<Self> {
        let output = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root)
            .output()
            .context("cannot run git")?;
        ensure!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr).trim());
        let mut files = BTreeMap::new();
        for path in String::from_utf8(output.stdout).context("a path is not UTF-8")?.split_terminator('\0') {
            let absolute = root.join(path);
            // A file that is deleted but not yet staged is listed; a link's target stands in the list by itself.
            if absolute.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
                let bytes = std::fs::read(&absolute).with_context(|| format!("cannot read {path}"))?;
                files.insert(path.to_owned(), bytes);
            }
        }
        Ok(Self { files })
    }

    /// A tree of `(path, content)`.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        Self { files: files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect() }
    }

    /// How many files there are.
    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    /// Every file with its bytes, by path.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
    }

    /// Every file that is text, by path.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files().filter_map(|(path, bytes)| std::str::from_utf8(bytes).ok().map(|text| (path, text)))
    }

    /// Every Rust file that is no fixture.
    pub(crate) fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(|(path, _)| path.ends_with(".rs") && !path.contains("fixtures/"))
    }

    /// The text of one file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    /// The directories of the packages below `crates/`, by name: `("store", "crates/store/Cargo.toml" text)`.
    pub(crate) fn crates(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter_map(|(path, text)| {
            let name = path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
            (!name.contains('/')).then_some((name, text))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_and_deleted_files_are_not_in_the_tree() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let root = directory.path();
        let git = |arguments: &[&str]| {
            let output = Command::new("git").args(arguments).current_dir(root).output().expect("git runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        git(&["init", "--quiet"]);
        for (path, text) in [(".gitignore", "/target\n"), ("a.rs", "a"), ("gone.rs", ""), ("target/b.rs", "b")] {
            jay_testkit::write(root.join(path), text);
        }
        git(&["add", "."]);
        std::fs::remove_file(root.join("gone.rs")).expect("it was written above");
        jay_testkit::write(root.join("sub/c.txt"), [0xff]);
        let tree = Tree::load(root).expect("a repository");
        let paths: Vec<&str> = tree.files().map(|(path, _)| path).collect();
        assert_eq!(paths, [".gitignore", "a.rs", "sub/c.txt"]);
        assert_eq!(tree.texts().count(), 2);
        assert_eq!(tree.rust().map(|(path, _)| path).collect::<Vec<_>>(), ["a.rs"]);
        assert!(Tree::load(&root.join("nowhere")).is_err());
    }
}
