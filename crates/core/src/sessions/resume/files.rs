//! Puts the files of a draft down: all of them or none, and never over one that is there.
//!
//! Each is made beside its place under another name, synced, and takes its place by a link, which fails where something
//! is there; on file systems without links it is made in its place, which fails just so.

use jay_sessions::write::{Draft, DraftFile};
use jay_types::{Code, Error, Result};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// Whether every file has a free place; tells the shared ones that are there already.
///
/// # Errors
/// `conflict` where something is in the place of one.
pub(super) fn check(draft: &Draft) -> Result<Vec<PathBuf>> {
    let mut skipped = Vec::new();
    for file in &draft.files {
        match std::fs::symlink_metadata(&file.path) {
            Ok(_) if file.is_shared => skipped.push(file.path.clone()),
            Ok(_) => return Err(taken(draft, &file.path)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failed(&file.path, &error)),
        }
    }
    Ok(skipped)
}

/// Writes every file; tells the shared ones that were there already.
///
/// # Errors
/// `conflict` where something is in the place of one, `io`; then nothing of it is there.
pub(super) fn put_down(draft: &Draft) -> Result<Vec<PathBuf>> {
    let skipped = check(draft)?;
    let mut made = Made::default();
    let wanted: Vec<&DraftFile> = draft.files.iter().filter(|file| !skipped.contains(&file.path)).collect();
    let outcome = (|| {
        let mut unfinished = Vec::new();
        for file in &wanted {
            unfinished.push(made.unfinished(file)?);
        }
        // The session's own file comes last: a client that looks meanwhile finds no part of a lineage.
        for (file, unfinished) in wanted.iter().zip(&unfinished).rev() {
            made.place(draft, file, unfinished)?;
        }
        made.sync_directories()
    })();
    made.clear(outcome.is_ok());
    outcome.map(|()| skipped)
}

fn taken(draft: &Draft, path: &Path) -> Error {
    Error::new(Code::Conflict, format!("{} is there already, and is not overwritten", path.display()))
        .hint(format!("It may be this session: `{}` opens it. Name another directory with --path.", draft.command))
        .details(serde_json::json!({"path": path.display().to_string(), "command": draft.command}))
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::io(format!("cannot write {}", path.display()), error)
        .hint("Nothing was written; name another directory with --path.")
}

/// What was made so far, to be taken away again.
#[derive(Default)]
struct Made {
    unfinished: Vec<PathBuf>,
    files: Vec<PathBuf>,
    directories: Vec<PathBuf>,
}

impl Made {
    /// A file with the bytes, beside its place.
    fn unfinished(&mut self, file: &DraftFile) -> Result<PathBuf> {
        let told = |error: &std::io::Error| failed(&file.path, error);
        let directory = file.path.parent().unwrap_or(Path::new("."));
        self.directory(directory).map_err(|error| told(&error))?;
        let name = file.path.file_name().unwrap_or_default().to_string_lossy();
        let path = directory.join(format!(".{name}.{}.new", std::process::id()));
        let mut opened = create(&path).map_err(|error| told(&error))?;
        self.unfinished.push(path.clone());
        opened.write_all(&file.bytes).and_then(|()| opened.sync_all()).map_err(|error| told(&error))?;
        Ok(path)
    }

    /// Makes a directory and those above it, each for its owner only.
    fn directory(&mut self, path: &Path) -> std::io::Result<()> {
        if path.as_os_str().is_empty() || path.is_dir() {
            return Ok(());
        }
        if let Some(above) = path.parent() {
            self.directory(above)?;
        }
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match builder.create(path) {
            Ok(()) => {
                self.directories.push(path.to_path_buf());
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn place(&mut self, draft: &Draft, file: &DraftFile, unfinished: &Path) -> Result<()> {
        let placed = match std::fs::hard_link(unfinished, &file.path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => self.copy(file),
            linked => linked,
        };
        match placed {
            Ok(()) => {
                self.files.push(file.path.clone());
                Ok(())
            }
            // Somebody else made it since; what sessions share is as good as ours.
            Err(error) if error.kind() == ErrorKind::AlreadyExists && file.is_shared => Ok(()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(taken(draft, &file.path)),
            Err(error) => Err(failed(&file.path, &error)),
        }
    }

    fn copy(&mut self, file: &DraftFile) -> std::io::Result<()> {
        let mut made = create(&file.path)?;
        self.files.push(file.path.clone());
        made.write_all(&file.bytes)?;
        made.sync_all()
    }

    fn sync_directories(&self) -> Result<()> {
        for file in &self.files {
            let Some(directory) = file.parent() else { continue };
            // Windows opens no directories, and needs none to be synced.
            if cfg!(unix) {
                File::open(directory).and_then(|opened| opened.sync_all()).map_err(|error| failed(file, &error))?;
            }
        }
        Ok(())
    }

    /// Takes away what is not to stay. There is nobody to tell where that fails, and nothing else to be done.
    fn clear(&self, is_done: bool) {
        let gone = if is_done { &[][..] } else { &self.files };
        for path in self.unfinished.iter().chain(gone) {
            let _ = std::fs::remove_file(path);
        }
        if !is_done {
            for directory in self.directories.iter().rev() {
                let _ = std::fs::remove_dir(directory);
            }
        }
    }
}

/// A new file for its owner only.
fn create(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
