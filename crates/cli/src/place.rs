//! The namespace in which the caller stands.
//!
//! `--namespace` > `JAY_NAMESPACE` > the nearest `.jay.toml` > the git remote of the repository > the directory. So
//! clones and worktrees of one repository share one memory, and a directory without any has its own.

use crate::surroundings::Machine;
use jay_core::DirectoryName;
use jay_types::Result;
use jay_types::namespace::{NamespacePath, normalise_git_remote};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The file that pins a project's namespace.
pub(crate) const PROJECT_FILE: &str = ".jay.toml";

/// The nearest project file at or above `directory`.
pub(crate) fn project_file(directory: &Path) -> Option<PathBuf> {
    directory.ancestors().map(|folder| folder.join(PROJECT_FILE)).find(|path| path.is_file())
}

/// The namespace of the machine's current directory, where nothing pins one.
pub(crate) fn derived(machine: &Machine) -> NamespacePath {
    machine.directory.as_deref().map_or_else(NamespacePath::global, |directory| of(directory, machine.home.as_deref()))
}

/// How a directory is named: by the nearest project file, else as [`of`] says.
///
/// # Errors
/// `bad_input` where that file does not say it.
pub(crate) fn name_of(directory: &Path, home: Option<&Path>) -> Result<DirectoryName> {
    let pinned = project_file(directory).map(|file| crate::config::pinned(&file)).transpose()?.flatten();
    Ok(match pinned {
        Some(path) => DirectoryName { path, is_pinned: true },
        None => DirectoryName { path: of(directory, home), is_pinned: false },
    })
}

/// The namespace of a directory: its repository's, else its own. A directory that is gone is named by its path.
pub(crate) fn of(directory: &Path, home: Option<&Path>) -> NamespacePath {
    match directory.ancestors().find(|folder| folder.join(".git").exists()) {
        Some(repository) => of_repository(repository),
        None => of_directory(directory, home),
    }
}

/// From the remote `origin`, else the first remote that is not a path; a repository without one is named by the
/// directory of its main worktree.
fn of_repository(repository: &Path) -> NamespacePath {
    let remotes = git(repository, &["config", "--get-regexp", r"^remote\..*\.url$"]).unwrap_or_default();
    let mut named: Vec<(&str, &str)> = remotes.lines().filter_map(|line| line.split_once(' ')).collect();
    named.sort_by_key(|(key, _)| *key != "remote.origin.url");
    if let Some(remote) = named.iter().find_map(|(_, url)| normalise_git_remote(url)) {
        return NamespacePath::from_words(&remote);
    }
    let common = git(repository, &["rev-parse", "--path-format=absolute", "--git-common-dir"]);
    let main = common.as_deref().map(|path| Path::new(path.trim())).and_then(main_worktree);
    let name = main.as_deref().unwrap_or(repository).file_name().map(|name| name.to_string_lossy().into_owned());
    NamespacePath::from_words(&format!("local/{}", name.unwrap_or_default()))
}

/// `/x/api/.git` belongs to `/x/api`; a bare `/x/api.git` is named by itself.
fn main_worktree(common: &Path) -> Option<PathBuf> {
    if common.file_name().is_some_and(|name| name == ".git") {
        return common.parent().map(Path::to_owned);
    }
    Some(common.with_extension(""))
}

fn of_directory(directory: &Path, home: Option<&Path>) -> NamespacePath {
    let relative = |folder: &Path| folder.to_string_lossy().into_owned();
    match home.and_then(|home| directory.strip_prefix(home).ok()) {
        Some(inside) if inside.as_os_str().is_empty() => NamespacePath::global(),
        Some(inside) => NamespacePath::from_words(&format!("home/{}", relative(inside))),
        None if directory.parent().is_none() => NamespacePath::global(),
        None => NamespacePath::from_words(&format!("dir/{}", relative(directory))),
    }
}

fn git(folder: &Path, words: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(words).stdin(Stdio::null()).stderr(Stdio::null());
    // A hook of git sets these for the repository that runs it, which need not be the one in which we stand.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE"] {
        command.env_remove(name);
    }
    let output = command.output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(folder: &Path, words: &[&str]) {
        assert!(git(folder, words).is_some(), "git {words:?}");
    }

    fn stands_in(directory: &Path, home: &Path) -> String {
        let mut machine = crate::config::tests::machine(home, &[]);
        machine.directory = Some(directory.to_owned());
        derived(&machine).as_str().to_owned()
    }

    #[test]
    fn clones_and_worktrees_share_a_namespace() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        let api = home.join("code/api");
        std::fs::create_dir_all(api.join("src/deep")).unwrap();
        run(&api, &["init", "--quiet"]);
        assert_eq!(stands_in(&api.join("src/deep"), &home), "local/api");
        run(&api, &["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--allow-empty", "-m", "x"]);
        let tree = home.join("elsewhere/tree");
        run(&api, &["worktree", "add", "--quiet", tree.to_str().unwrap()]);
        assert_eq!(stands_in(&tree, &home), "local/api");
        run(&api, &["remote", "add", "backup", "https://host.test/acme/backup"]);
        assert_eq!(stands_in(&api, &home), "host.test/acme/backup");
        run(&api, &["remote", "add", "origin", "git@github.com:acme/API.git"]);
        assert_eq!(stands_in(&api, &home), "github.com/acme/API");
        assert_eq!(stands_in(&tree, &home), "github.com/acme/API");
        let clone = home.join("clone");
        run(&home, &["clone", "--quiet", api.to_str().unwrap(), clone.to_str().unwrap()]);
        assert_eq!(stands_in(&clone, &home), "local/clone");
    }

    #[test]
    fn directories_are_named_below_home() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        std::fs::create_dir_all(home.join("my notes/x")).unwrap();
        assert_eq!(stands_in(&home, &home), "global");
        assert_eq!(stands_in(&home.join("my notes/x"), &home), "home/my-notes/x");
        assert_eq!(stands_in(Path::new("/"), &home), "global");
        assert_eq!(stands_in(Path::new("/srv/data"), Path::new("/nowhere")), "dir/srv/data");
    }

    #[test]
    fn the_nearest_project_file_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        std::fs::create_dir_all(&deep).unwrap();
        jay_testkit::write(folder.path().join("a").join(PROJECT_FILE), "namespace = \"x\"");
        assert_eq!(project_file(&deep), Some(folder.path().join("a").join(PROJECT_FILE)));
    }
}
