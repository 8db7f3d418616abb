//! Who may read the files of a store: their owner.
//!
//! **Invariant:** a right is only ever taken away, and only from what this program keeps.

use crate::{Result, Store};
use jay_types::Error;
use std::fs;
use std::path::{Path, PathBuf};

impl Store {
    /// Files of the data directory that others than their owner may read, in words.
    #[must_use]
    pub fn permission_faults(&self) -> Vec<String> {
        self.kept_files().iter().filter_map(|path| permission_fault(path)).collect()
    }

    /// Takes the rights of others away from every file of the store.
    ///
    /// # Errors
    /// `io` where a file is not this user's.
    pub fn mend_permissions(&self) -> Result<()> {
        for path in self.kept_files().iter().filter(|path| permission_fault(path).is_some()) {
            if path.is_dir() { private_directory(path)? } else { private_mode(path)? }
        }
        Ok(())
    }

    /// What this program keeps in the data directory, the directory itself included. Not what a user may keep beside it:
    /// under JAY_HOME the settings.
    fn kept_files(&self) -> Vec<PathBuf> {
        let directory = &self.options.directory;
        let is_ours = |path: &Path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            ["memory.db", "archive.db", "node."].iter().any(|ours| name.starts_with(ours))
        };
        let mut kept = vec![directory.clone()];
        kept.extend(files_in(directory).into_iter().filter(|path| is_ours(path)));
        for folder in ["state", "index"].map(|name| directory.join(name)).into_iter().filter(|path| path.exists()) {
            kept.push(folder.clone());
            kept.extend(files_in(&folder));
        }
        kept
    }
}

/// Everything under `directory` but links, by path; what cannot be listed is left out.
fn files_in(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_symlink() {
            continue;
        }
        if kind.is_dir() {
            found.extend(files_in(&entry.path()));
        }
        found.push(entry.path());
    }
    found.sort();
    found
}

#[cfg(unix)]
fn permission_fault(path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(path).ok()?.permissions().mode();
    (mode & 0o077 != 0).then(|| format!("{} can be read by others (mode {:o})", path.display(), mode & 0o777))
}

#[cfg(not(unix))]
fn permission_fault(_: &Path) -> Option<String> {
    None
}

/// Makes a file its owner's only.
#[cfg(unix)]
pub(crate) fn private_mode(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let told = |error: std::io::Error| Error::io(format!("cannot protect {}", path.display()), &error);
    let metadata = fs::metadata(path).map_err(told)?;
    if metadata.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(told)?;
    }
    Ok(())
}

/// Makes a directory its owner's only.
#[cfg(unix)]
pub(crate) fn private_directory(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let told = |error: std::io::Error| Error::io(format!("cannot protect {}", path.display()), &error);
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(told)?)
}

#[cfg(not(unix))]
pub(crate) fn private_mode(_: &Path) -> Result<()> {
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn private_directory(_: &Path) -> Result<()> {
    Ok(())
}
