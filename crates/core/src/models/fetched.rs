//! A model's files from an address: fetched into a directory of their own, from which they are installed like any others.
//!
//! **Invariant:** that directory goes with its value, and what a process that was ended left of it goes at the next install;
//! an address with a password, a query or a secret in it is neither asked nor noted.

use super::files::{ModelFiles, make_private, private_file, remove};
use jay_types::{Code, Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::path::PathBuf;

/// How far a long fetch has come: bytes here, bytes in all, the file.
pub(super) type Progress<'a> = dyn FnMut(u64, u64, &str) + 'a;

/// Files of a model as somebody asks for them.
#[derive(Clone, Debug, Default)]
pub struct FilesAsked {
    /// The address below which they stand
    pub base: String,
    /// The graph's file below it; where exporters put it, where not given
    pub graph: Option<String>,
    /// What the SHA-256 of the graph must be, in hexadecimal digits
    pub sha256: Option<String>,
}

/// What an install fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fetched {
    /// The address
    pub from: String,
    /// The files below it, the model last
    pub files: Vec<FetchedFile>,
}

/// One file that an install fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FetchedFile {
    /// Its path below the address
    pub file: String,
    /// Its length
    pub bytes: u64,
    /// Of its bytes, in hexadecimal digits
    pub sha256: String,
}

/// The directory that files are fetched into.
pub(super) struct FetchDirectory {
    pub(super) path: PathBuf,
    /// Held as long as somebody fetches.
    _lock: File,
}

impl FetchDirectory {
    /// An empty one.
    #[cfg_attr(not(feature = "network"), expect(dead_code, reason = "nothing is fetched without it"))]
    pub(super) fn begin(files: &ModelFiles) -> Result<Self> {
        let directory = Self::take(files)?.ok_or_else(|| {
            Error::new(Code::Busy, "another process fetches a model into this data directory")
                .hint("Wait until it is done; `jay model list` shows what is installed.")
        })?;
        make_private(&directory.path)?;
        Ok(directory)
    }

    /// Removes what a process that was ended left; what another one fetches just now stays.
    pub(super) fn tidy(files: &ModelFiles) -> Result<()> {
        if files.fetched().exists() { Self::take(files).map(drop) } else { Ok(()) }
    }

    fn take(files: &ModelFiles) -> Result<Option<Self>> {
        files.make()?;
        let path = files.fetch_lock();
        let lock = private_file(&path).map_err(|error| Error::io(format!("cannot open {}", path.display()), &error))?;
        // A file system without locks: two fetches at once would be noticed by what they give.
        if matches!(lock.try_lock(), Err(TryLockError::WouldBlock)) {
            return Ok(None);
        }
        let path = files.fetched();
        remove(&path)?;
        Ok(Some(Self { path, _lock: lock }))
    }
}

impl Drop for FetchDirectory {
    fn drop(&mut self) {
        // Where it fails, the next install does it.
        let _ = remove(&self.path);
    }
}

/// Files that are here, as long as this is.
pub(super) struct FilesHere {
    pub(super) directory: FetchDirectory,
    pub(super) fetched: Fetched,
    /// What to call the model, as far as its address tells.
    pub(super) called: String,
    pub(super) notes: Vec<String>,
}

/// Fetches what an install reads.
#[cfg(not(feature = "network"))]
pub(super) fn fetch(_: &ModelFiles, _: &FilesAsked, _: &mut Progress<'_>) -> Result<FilesHere> {
    Err(super::endpoint::missing())
}

#[cfg(feature = "network")]
pub(super) use with::fetch;

#[cfg(feature = "network")]
mod with {
    use super::super::load::{self, CONFIG, GRAPH, POOLING, SETTINGS, TOKENIZER};
    use super::{
        Code, Error, FetchDirectory, Fetched, FetchedFile, FilesAsked, FilesHere, ModelFiles, Progress, Result,
        make_private, private_file,
    };
    use jay_models::network::{Address, Answer, FetchPatience, FileSource};
    use std::io::Write as _;
    use std::path::Path;

    /// Bytes of all files together.
    const ALL_MAX_BYTES: u64 = 2 * 1024 * 1024 * 1024;
    /// Bytes of a tokenizer: ten times those of a vocabulary of 100,000 tokens.
    const TOKENIZER_MAX_BYTES: u64 = 64 * 1024 * 1024;
    /// Bytes of the settings.
    const SETTINGS_MAX_BYTES: u64 = 64 * 1024;
    /// Bytes of `config.json`, which may name a thousand labels.
    const CONFIG_MAX_BYTES: u64 = 1024 * 1024;
    /// How the pointer begins that Git LFS keeps in the place of a large file.
    const POINTER: &[u8] = b"version https://git-lfs";

    pub(in crate::models) fn fetch(
        files: &ModelFiles,
        asked: &FilesAsked,
        progress: &mut Progress<'_>,
    ) -> Result<FilesHere> {
        let address = address(asked)?;
        let wanted = asked.sha256.as_deref().map(digits).transpose()?;
        let mut fetching = Fetching {
            source: FileSource::new(address.clone(), FetchPatience::default()),
            directory: FetchDirectory::begin(files)?,
            fetched: Fetched { from: address.base().to_owned(), files: vec![] },
            notes: vec![],
            progress,
        };
        // The small ones first: where they are not there or not of use, no large one is needed.
        if !fetching.one(TOKENIZER, TOKENIZER, TOKENIZER_MAX_BYTES)? {
            return Err(fetching.absent(TOKENIZER));
        }
        fetching.one(SETTINGS, SETTINGS, SETTINGS_MAX_BYTES)?;
        fetching.one(POOLING, POOLING, SETTINGS_MAX_BYTES)?;
        fetching.one(CONFIG, CONFIG, CONFIG_MAX_BYTES)?;
        load::check_small(&fetching.directory.path)?;
        let exported = format!("onnx/{GRAPH}");
        let graphs = asked.graph.as_deref().map_or_else(|| vec![GRAPH, &exported], |graph| vec![graph]);
        let mut is_here = false;
        for graph in &graphs {
            is_here = is_here || fetching.one(graph, GRAPH, ALL_MAX_BYTES - fetching.bytes())?;
        }
        if !is_here {
            return Err(fetching.absent(&graphs.join(" and no ")));
        }
        fetching.check_graph(wanted.as_deref())?;
        if !address.is_loopback() && !address.is_tls() {
            fetching.notes.push("the files came unencrypted: `--sha256` makes sure of the model".to_owned());
        }
        let Fetching { directory, fetched, notes, .. } = fetching;
        Ok(FilesHere { directory, fetched, called: called(address.base()), notes })
    }

    /// The address, where it may be asked and noted.
    fn address(asked: &FilesAsked) -> Result<Address> {
        let helped = |error: Error| {
            error.hint("Name the address below which the files stand, such as https://models.example.com/minilm.")
        };
        let address = Address::parse(&asked.base).map_err(helped)?;
        let graph = asked.graph.as_deref().unwrap_or_default();
        if !graph.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/')) {
            return Err(Error::bad_input("`file`: has signs that no address has in the clear")
                .hint("It has letters, digits, `.`, `_`, `-` and `/`."));
        }
        if let Some(finding) = crate::secrets::scan_name(&address.below(graph)).first() {
            return Err(Error::new(Code::Refused, format!("the address has a secret in it ({})", finding.rule))
                .hint("It would be noted with the model. Download the files yourself and install the directory."));
        }
        Ok(address)
    }

    fn digits(sha256: &str) -> Result<String> {
        let is_one = sha256.len() == 64 && sha256.chars().all(|c| c.is_ascii_hexdigit());
        is_one.then(|| sha256.to_ascii_lowercase()).ok_or_else(|| {
            Error::bad_input("`sha256`: must be 64 hexadecimal digits").hint("`sha256sum model.onnx` shows a file's.")
        })
    }

    /// What the model is called at its address: `minilm` of `…/minilm`, and of `…/minilm/resolve/main`.
    fn called(base: &str) -> String {
        let segments: Vec<&str> = base.split('/').collect();
        let name = match segments.as_slice() {
            [.., name, "resolve", _] => name,
            [.., name] => name,
            [] => "",
        };
        name.to_owned()
    }

    struct Fetching<'a, 'p> {
        source: FileSource,
        directory: FetchDirectory,
        fetched: Fetched,
        notes: Vec<String>,
        progress: &'a mut Progress<'p>,
    }

    impl Fetching<'_, '_> {
        fn bytes(&self) -> u64 {
            self.fetched.files.iter().map(|file| file.bytes).sum()
        }

        /// Puts `file` into the directory as `name`; false where it is not there.
        fn one(&mut self, file: &str, name: &str, max_bytes: u64) -> Result<bool> {
            let path = self.directory.path.join(name);
            path.parent().map(make_private).transpose()?;
            let failed = |error: std::io::Error| Error::io(format!("cannot write {}", path.display()), &error);
            let mut out = None;
            let mut take = |piece: &[u8]| {
                let out = match &mut out {
                    Some(out) => out,
                    None => out.insert(private_file(&path).map_err(failed)?),
                };
                out.write_all(piece).map_err(failed)
            };
            let progress = &mut *self.progress;
            match self.source.fetch(file, max_bytes, &mut take, &mut |done, all| progress(done, all, file))? {
                Answer::File(one) => {
                    // One without a byte is a file too.
                    take(&[])?;
                    self.fetched.files.push(FetchedFile {
                        file: file.to_owned(),
                        bytes: one.bytes,
                        sha256: one.sha256,
                    });
                    Ok(true)
                }
                Answer::Absent(status) => {
                    if status == 403 {
                        self.notes.push(format!("the server forbids {file} (403): it is taken for not there"));
                    }
                    Ok(false)
                }
            }
        }

        fn absent(&self, what: &str) -> Error {
            let forbidden = if self.notes.is_empty() { "" } else { " that may be read" };
            Error::not_found(format!("there is no {what} below {}{forbidden}", self.fetched.from)).hint(
                "Name the address below which the files stand; of Hugging Face it is \
                 https://huggingface.co/OWNER/NAME/resolve/main. `--file` names a model with another name.",
            )
        }

        fn check_graph(&self, wanted: Option<&str>) -> Result<()> {
            let Some(graph) = self.fetched.files.last() else { return Ok(()) };
            if is_pointer(&self.directory.path.join(GRAPH), graph.bytes) {
                return Err(Error::new(
                    Code::VerificationFailed,
                    format!("{} is a pointer of Git LFS, not the file", graph.file),
                )
                .hint("Hugging Face gives files below …/resolve/main, and pointers below …/raw/main."));
            }
            match wanted {
                Some(wanted) if wanted != graph.sha256 => Err(Error::new(
                    Code::VerificationFailed,
                    format!("{} has the SHA-256 {}, not {wanted}", graph.file, graph.sha256),
                )
                .hint("Nothing was installed. Compare with what the publisher says of the file.")),
                _ => Ok(()),
            }
        }
    }

    fn is_pointer(path: &Path, bytes: u64) -> bool {
        bytes < 1024 && std::fs::read(path).is_ok_and(|text| text.starts_with(POINTER))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_model_is_called_what_its_address_says() {
            for (base, name) in [
                ("https://huggingface.co/acme/MiniLM-L6/resolve/main", "MiniLM-L6"),
                ("https://models.example.com/minilm", "minilm"),
                ("https://models.example.com/resolve/main", "models.example.com"),
                ("http://127.0.0.1:8080", "127.0.0.1:8080"),
            ] {
                assert_eq!(called(base), name, "{base}");
            }
        }
    }
}
