//! Where installed models stand: `models/<id>/` in the data directory, and which of them are in use: one that makes vectors and
//! one that judges.
//!
//! **Invariant:** a model's directory is whole or not there; what is in it is never changed, but for how a server is reached.

use jay_types::{Error, Result, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The file that says what a directory holds, so that nothing must be loaded to know it.
const RECORD: &str = "installed.json";
/// Where files are fetched to before they are a model.
const FETCHED: &str = "fetched.unfinished";
/// The lock under which somebody fetches.
const FETCH_LOCK: &str = "fetch.lock";
/// The lock under which somebody puts files into place.
const INSTALL_LOCK: &str = "install.lock";
/// The end of what is not in place yet.
const UNFINISHED: &str = ".unfinished";

/// What sort of model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// Makes vectors, from files that stand here.
    #[default]
    Encoder,
    /// Makes vectors, on a server.
    Server,
    /// Judges question and text together, from files that stand here.
    CrossEncoder,
}

impl ModelKind {
    pub(crate) const fn slot(self) -> Slot {
        match self {
            Self::Encoder | Self::Server => Slot::Encoder,
            Self::CrossEncoder => Slot::CrossEncoder,
        }
    }
}

/// What models are used for: one is chosen for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Slot {
    /// Makes vectors beside the table, from files or on a server.
    Encoder,
    /// Judges the best hits.
    CrossEncoder,
}

impl Slot {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Encoder, Self::CrossEncoder];

    /// The file that names the model in use.
    const fn file(self) -> &'static str {
        match self {
            Self::Encoder => "in-use",
            Self::CrossEncoder => "reranker",
        }
    }

    /// What a model of it is called among people.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Encoder => "encoder",
            Self::CrossEncoder => "cross_encoder",
        }
    }
}

/// What is known of an installed model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Installed {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Of its vectors; 0 where it makes none.
    #[serde(default)]
    pub(crate) dimension: usize,
    /// Of its files; none where they are a server's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bytes: Option<u64>,
    pub(crate) source: String,
    pub(crate) installed_at: Timestamp,
    #[serde(default)]
    pub(crate) kind: ModelKind,
}

/// The directory of all models.
#[derive(Clone, Debug)]
pub(crate) struct ModelFiles(PathBuf);

impl ModelFiles {
    pub(crate) fn of(data_dir: &Path) -> Self {
        Self(data_dir.join("models"))
    }

    pub(crate) fn directory(&self, id: &str) -> PathBuf {
        self.0.join(id)
    }

    /// Every installed model, by name.
    pub(crate) fn list(&self) -> Result<Vec<Installed>> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
            Err(error) => return Err(Error::io(format!("cannot read {}", self.0.display()), &error)),
        };
        let ids = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut models: Vec<Installed> = ids.filter_map(|id| self.installed(&id).ok().flatten()).collect();
        models.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        Ok(models)
    }

    /// The record of a model; none where it is not installed.
    pub(crate) fn installed(&self, id: &str) -> Result<Option<Installed>> {
        let path = self.directory(id).join(RECORD);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(Error::io(format!("cannot read {}", path.display()), &error)),
        };
        let record: Option<Installed> = serde_json::from_slice(&text).ok();
        let record = record.filter(|record| record.id == id);
        record.map(Some).ok_or_else(|| {
            Error::new(jay_types::Code::Damaged, format!("{} is damaged", path.display()))
                .hint(format!("Install the model again after `jay model remove {id}`."))
        })
    }

    /// The model that a word names: its id, its name, or at least six characters of either end of its id.
    pub(crate) fn find(&self, word: &str) -> Result<Installed> {
        let models = self.list()?;
        let is_part = |id: &str| word.len() >= 6 && (id.starts_with(word) || id.ends_with(word));
        let named = |model: &&Installed| model.id == word || model.name == word || is_part(&model.id);
        let found: Vec<&Installed> = models.iter().filter(named).collect();
        match found.as_slice() {
            [one] => Ok((*one).clone()),
            [] => {
                Err(Error::new(jay_types::Code::NotFound, format!("no model `{}`", jay_types::text::shorten(word, 60)))
                    .hint("`jay model list` shows what is installed; `jay model install` installs one."))
            }
            _ => {
                let ids: Vec<&str> = found.iter().map(|model| model.id.as_str()).collect();
                Err(Error::new(jay_types::Code::Ambiguous, format!("`{word}` fits several models"))
                    .hint(format!("Say which: {}.", ids.join(", ")))
                    .details(serde_json::json!({ "candidates": ids })))
            }
        }
    }

    /// What was chosen: the id of a model, `none`, or nothing yet.
    pub(crate) fn chosen(&self, slot: Slot) -> Option<String> {
        let text = fs::read_to_string(self.0.join(slot.file())).ok()?;
        Some(text.trim().to_owned()).filter(|id| !id.is_empty())
    }

    pub(crate) fn choose(&self, slot: Slot, id: &str) -> Result<()> {
        let _lock = self.begin()?;
        replace(&self.0.join(slot.file()), format!("{id}\n").as_bytes())
    }

    /// Puts a model's files into its directory; false where another process did so meanwhile.
    pub(crate) fn install(&self, record: &Installed, files: &[(&str, &[u8])]) -> Result<bool> {
        let _lock = self.begin()?;
        let directory = self.directory(&record.id);
        if directory.exists() {
            return Ok(false);
        }
        let unfinished = self.0.join(format!("{}{UNFINISHED}", record.id));
        let put = || -> Result<()> {
            make_private(&unfinished)?;
            for (name, bytes) in files {
                write_private(&unfinished.join(name), bytes)?;
            }
            let text = serde_json::to_vec_pretty(record).map_err(|error| Error::internal(error.to_string()))?;
            write_private(&unfinished.join(RECORD), &text)?;
            rename(&unfinished, &directory)
        };
        // A disk that is full is not kept full.
        put().inspect_err(|_| drop(remove(&unfinished)))?;
        Ok(true)
    }

    /// Takes the lock under which files are put into place, waiting for whoever has it: it is held while a model is copied.
    /// Removes what one left that was ended in the middle.
    pub(super) fn begin(&self) -> Result<File> {
        self.make()?;
        let path = self.0.join(INSTALL_LOCK);
        let lock = private_file(&path).map_err(|error| Error::io(format!("cannot open {}", path.display()), &error))?;
        // A file system without locks has none to wait for.
        let _ = lock.lock();
        for path in self.unfinished() {
            remove(&path)?;
        }
        Ok(lock)
    }

    /// Removes what an install left that was ended in the middle; waits for one that is not.
    pub(super) fn tidy(&self) -> Result<()> {
        if self.unfinished().is_empty() { Ok(()) } else { self.begin().map(drop) }
    }

    fn unfinished(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten().map(|entry| entry.path());
        entries.filter(|path| path.to_string_lossy().ends_with(UNFINISHED) && *path != self.fetched()).collect()
    }

    /// The model that has no readable record, where `id` is one: it can only be removed.
    pub(crate) fn broken(&self, id: &str) -> Option<Installed> {
        let is_id = id.starts_with(|c: char| c.is_ascii_alphanumeric())
            && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        let is_broken = is_id && self.directory(id).is_dir() && !matches!(self.installed(id), Ok(Some(_)));
        is_broken.then(|| Installed {
            id: id.to_owned(),
            name: id.to_owned(),
            dimension: 0,
            bytes: None,
            source: "(its record is damaged)".to_owned(),
            installed_at: Timestamp::default(),
            kind: ModelKind::default(),
        })
    }

    /// A file of an installed model; nothing where it cannot be read.
    pub(crate) fn text(&self, id: &str, name: &str) -> Option<String> {
        fs::read_to_string(self.directory(id).join(name)).ok()
    }

    /// Puts another text into a file of an installed model.
    pub(crate) fn rewrite(&self, id: &str, name: &str, text: &str) -> Result<()> {
        let _lock = self.begin()?;
        replace(&self.directory(id).join(name), text.as_bytes())
    }

    pub(crate) fn remove(&self, id: &str) -> Result<()> {
        let _lock = self.begin()?;
        remove(&self.directory(id))
    }

    pub(super) fn fetched(&self) -> PathBuf {
        self.0.join(FETCHED)
    }

    pub(super) fn fetch_lock(&self) -> PathBuf {
        self.0.join(FETCH_LOCK)
    }

    pub(super) fn make(&self) -> Result<()> {
        make_private(&self.0)
    }
}

/// True where a directory holds a model.
pub(super) fn is_model(directory: &Path) -> bool {
    directory.join(RECORD).exists()
}

pub(super) fn make_private(path: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| Error::io(format!("cannot make {}", path.display()), &error))
}

/// A new, empty file that is its owner's only.
pub(super) fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = private_file(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|error| Error::io(format!("cannot write {}", path.display()), &error))
}

/// Puts other bytes in the place of a file's.
fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(UNFINISHED);
    let unfinished = Path::new(&unfinished);
    write_private(unfinished, bytes).and_then(|()| rename(unfinished, path)).inspect_err(|_| drop(remove(unfinished)))
}

#[expect(clippy::disallowed_methods, reason = "this is the atomic write: what is moved is whole and synced")]
fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|error| Error::io(format!("cannot write {}", to.display()), &error))
}

#[expect(clippy::disallowed_methods, reason = "what this module made: a directory with the copies in it, or one file")]
pub(super) fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io(format!("cannot remove {}", path.display()), &error))
        }
        _ => Ok(()),
    }
}
