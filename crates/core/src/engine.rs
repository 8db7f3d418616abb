//! The engine: two stores, an embedder and models where there are any.
//!
//! **Invariant:** opening makes nothing and fails for no model: one that cannot be had is a note of the answers.

use crate::models::{self, JudgeLane, ModelFiles, ModelLane, Reach};
use jay_models::signs::SIGNS_VERSION;
use jay_models::{Embedder, HashEmbedder, StaticEmbedder, kernel, sign_code, weighted_query};
use jay_sessions::{Environment, Platform};
use jay_store::vector_index::VectorMath;
use jay_store::{Analysis, Bm25, Machine, Store, StoreOptions, StoredVector, WantedVectors};
use jay_types::namespace::NamespacePath;
use jay_types::surroundings::Surroundings;
use jay_types::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Counts up when [`jay_rank::analyse::index_text`] gives other terms: text indexes are then made again.
const ANALYSIS_VERSION: u32 = 1;
/// Dimension of the deterministic embedder that tests use.
const TEST_DIMENSION: usize = 256;

/// Which embedder makes vectors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EmbedderChoice {
    /// The table of token vectors that is compiled in.
    #[default]
    BuiltIn,
    /// None: found by text only.
    None,
    /// The deterministic embedder of the tests.
    Test,
}

/// How a project directory is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryName {
    /// The namespace.
    pub path: NamespacePath,
    /// A file of the project says so: then nothing else names what was done there.
    pub is_pinned: bool,
}

type DirectoryNamer = dyn Fn(&Path) -> Result<DirectoryName> + Send + Sync;

/// Finds the namespace of a project directory: the binary knows how to ask git. Fails where a file that may pin it cannot be
/// read.
#[derive(Clone)]
pub struct NamespaceOfDirectory(pub Arc<DirectoryNamer>);

impl std::fmt::Debug for NamespaceOfDirectory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NamespaceOfDirectory")
    }
}

/// Where things are and how to behave; made by the binary from its configuration.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// The data directory.
    pub data_dir: PathBuf,
    /// Open even on a network file system or inside a synchronised folder.
    pub force_location: bool,
    /// Which embedder makes vectors.
    pub embedder: EmbedderChoice,
    /// The installed model that makes vectors beside it: a name, an id or `none`; as it was chosen by `model_use` where not
    /// set.
    pub model: Option<String>,
    /// The installed cross-encoder that judges the best hits: a name, an id or `none`; as it was chosen by `model_use` where
    /// not set.
    pub reranker: Option<String>,
    /// How long archived sessions are kept, as `session_retention` reads it; for ever where not set.
    pub retention: Option<String>,
    /// The operating system's id of this installation, for clone detection.
    pub machine_id: String,
    /// The machine's name, recorded with ingested sessions.
    pub host: String,
    /// The OS user, recorded with ingested sessions.
    pub user: String,
    /// The home directory, where clients keep their sessions.
    pub home: Option<PathBuf>,
    /// The environment: variables that clients honour, and those in which keys of servers stand.
    pub variables: BTreeMap<String, String>,
    /// The namespace of a project directory.
    pub namespace_of: Option<NamespaceOfDirectory>,
}

/// What every operation runs on. Nothing is opened or made before the first read or write.
pub struct Engine {
    pub(crate) memory: Store,
    pub(crate) archive: Store,
    pub(crate) embedder: Option<Arc<dyn Embedder>>,
    /// The installed model that is in use.
    pub(crate) model: Option<ModelLane>,
    /// Why the one that was chosen is not.
    model_fault: Option<Error>,
    /// The cross-encoder that is in use.
    pub(crate) reranker: Option<JudgeLane>,
    /// Why the one that was chosen is not.
    reranker_fault: Option<Error>,
    pub(crate) options: EngineOptions,
    pub(crate) surroundings: Arc<dyn Surroundings>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Engine({})", self.options.data_dir.display())
    }
}

impl Engine {
    /// An engine over a data directory.
    ///
    /// # Errors
    /// Where the embedder cannot be made.
    pub fn open(options: EngineOptions, surroundings: Arc<dyn Surroundings>) -> Result<Self> {
        let embedder: Option<Arc<dyn Embedder>> = match options.embedder {
            EmbedderChoice::BuiltIn => Some(Arc::new(StaticEmbedder::new())),
            EmbedderChoice::None => None,
            EmbedderChoice::Test => Some(Arc::new(HashEmbedder::new(TEST_DIMENSION)?)),
        };
        let at_once: Option<fn(i64, &str) -> Vec<StoredVector>> = match options.embedder {
            EmbedderChoice::BuiltIn => Some(crate::embedding::built_in),
            EmbedderChoice::None | EmbedderChoice::Test => None,
        };
        // Where it cannot be had, everything goes on without it, and answers say so.
        let chosen = match options.embedder {
            EmbedderChoice::None => Ok(None),
            _ => {
                let reach = Reach::of(&options, &surroundings);
                models::in_use(&ModelFiles::of(&options.data_dir), options.model.as_deref(), reach)
            }
        };
        let (model, model_fault) = match chosen {
            Ok(model) => (model, None),
            Err(error) => (None, Some(error)),
        };
        let judge = models::judge_in_use(&ModelFiles::of(&options.data_dir), options.reranker.as_deref());
        let (reranker, reranker_fault) = match judge {
            Ok(reranker) => (reranker, None),
            Err(error) => (None, Some(error)),
        };
        let (memory, archive) = Store::pair(&StoreOptions {
            directory: options.data_dir.clone(),
            force_location: options.force_location,
            machine: Machine { id: options.machine_id.clone() },
            surroundings: Arc::clone(&surroundings),
            analysis: Analysis {
                index_text: jay_rank::analyse::index_text,
                is_question: jay_rank::analyse::is_question,
                touched: jay_sessions::touched::paths,
                version: ANALYSIS_VERSION,
                bm25: Bm25 { k1: jay_rank::plan::BM25_K1, b: jay_rank::plan::BM25_B },
            },
            vector_math: VectorMath {
                distances: kernel::distances,
                dot: kernel::dot,
                sign_code,
                query_code: weighted_query,
                version: SIGNS_VERSION,
            },
            embedder: embedder.as_ref().map(|embedder| WantedVectors {
                model: embedder.id().to_owned(),
                dimension: embedder.dimension(),
                at_once,
            }),
            model: model.as_ref().map(|lane| WantedVectors {
                model: lane.record.id.clone(),
                dimension: lane.record.dimension,
                at_once: None,
            }),
        });
        Ok(Self { memory, archive, embedder, model, model_fault, reranker, reranker_fault, options, surroundings })
    }

    /// The journals of memories and of archived sessions, for what carries their changes to other machines.
    #[must_use]
    pub const fn stores(&self) -> (&Store, &Store) {
        (&self.memory, &self.archive)
    }

    /// Time and randomness.
    #[must_use]
    pub fn surroundings(&self) -> &Arc<dyn Surroundings> {
        &self.surroundings
    }

    /// Where things are and how to behave.
    #[must_use]
    pub const fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// Texts that wait for a vector of an embedder or model in use.
    ///
    /// # Errors
    /// What the stores say.
    pub fn not_embedded(&self) -> Result<u64> {
        let mut waiting = 0;
        for store in [&self.memory, &self.archive] {
            for kind in ["embed", "embed_model"] {
                waiting += store.read::<_, Error>(|tx| Ok(tx.jobs_pending(Some(kind))?))?;
            }
        }
        Ok(waiting)
    }

    /// Runs `work`, whose writes to the memory on this thread share one commit: an answer may be given only after this
    /// returns.
    ///
    /// # Errors
    /// The commit's; then nothing that `work` wrote is stored.
    pub fn group<T>(&self, work: impl FnOnce() -> T) -> Result<T> {
        Ok(self.memory.group(work)?)
    }

    /// Moves large write-ahead logs into their databases, and fresh documents and vectors into the index files.
    /// Called after acknowledgements; a failure harms nothing.
    pub fn after_writes(&self) {
        for (store, is_memory) in [(&self.memory, true), (&self.archive, false)] {
            match store.tend() {
                Ok(grew) if grew && is_memory => {
                    if let Err(error) = crate::recall::confidence::keep_up(self) {
                        tracing::debug!(%error, "null distributions were not measured");
                    }
                }
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, "a checkpoint or a segment did not come through"),
            }
            if let Err(error) = store.extend_vectors_if_behind() {
                tracing::debug!(%error, "the vector index was not extended");
            }
        }
    }

    /// What is to be said where a model was chosen and is not here.
    pub(crate) fn model_note(&self) -> Option<String> {
        let error = self.model_fault.as_ref()?;
        Some(format!("the chosen model is not used: {}; `jay model list` shows what is installed", error.message))
    }

    /// As [`Engine::model_note`], of the cross-encoder.
    pub(crate) fn reranker_note(&self) -> Option<String> {
        let error = self.reranker_fault.as_ref()?;
        Some(format!("the chosen reranker is not used: {}; `jay model list` shows what is installed", error.message))
    }

    /// Reads every byte of the index files and makes again what is damaged; true where anything was.
    ///
    /// # Errors
    /// What the store says; answers come as before.
    pub fn mend_indexes(&self) -> Result<bool> {
        Ok(self.memory.mend_indexes()? | self.archive.mend_indexes()?)
    }

    /// The data directory.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.options.data_dir
    }

    /// True where something was remembered or archived once.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.memory.exists() || self.archive.exists()
    }

    /// Refuses where the memory's file was here and is gone: nothing is not what it held.
    pub(crate) fn demand_memory(&self) -> Result<()> {
        self.memory.missing().map_or(Ok(()), Err)
    }

    /// As [`Engine::demand_memory`], for the archive.
    pub(crate) fn demand_archive(&self) -> Result<()> {
        self.archive.missing().map_or(Ok(()), Err)
    }

    /// Commits of this process and acts in them: how well writers share.
    #[must_use]
    pub fn group_counts(&self) -> (usize, usize) {
        self.memory.group_counts()
    }

    pub(crate) fn environment(&self) -> Environment {
        let platform = if cfg!(windows) {
            Platform::Windows
        } else if cfg!(target_os = "macos") {
            Platform::MacOs
        } else {
            Platform::Linux
        };
        Environment {
            home: self.options.home.clone().unwrap_or_default(),
            variables: self.options.variables.clone(),
            platform,
        }
    }
}
