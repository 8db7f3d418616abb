//! The model in use: known from its record at once, loaded when the first text is given to it.

use super::files::{Installed, ModelFiles};
use super::load;
use jay_models::Embedder;
use jay_types::{Error, Result};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// The word for no model.
pub(crate) const NONE: &str = "none";

/// A model whose vectors are wanted.
pub(crate) struct ModelLane {
    pub(crate) record: Installed,
    directory: PathBuf,
    loaded: OnceLock<Result<Arc<dyn Embedder>>>,
}

impl ModelLane {
    /// The embedder, loaded once for each process.
    pub(crate) fn embedder(&self) -> Result<Arc<dyn Embedder>> {
        self.loaded.get_or_init(|| self.load()).clone()
    }

    fn load(&self) -> Result<Arc<dyn Embedder>> {
        let embedder = load::installed(&self.directory)?;
        if embedder.id() != self.record.id || embedder.dimension() != self.record.dimension {
            return Err(Error::new(
                jay_types::Code::VerificationFailed,
                format!("the files of the model {} were changed since it was installed", self.record.name),
            )
            .hint(format!("`jay model remove {}` and install it again.", self.record.id)));
        }
        Ok(embedder)
    }
}

/// The model that is to be used: what the settings say, else what `jay model use` chose. An error where that one is not
/// here: answers go on without it and say so.
pub(crate) fn in_use(files: &ModelFiles, setting: Option<&str>) -> Result<Option<ModelLane>> {
    let Some(word) = setting.map(str::to_owned).or_else(|| files.chosen()).filter(|word| word != NONE) else {
        return Ok(None);
    };
    let record = files.find(&word)?;
    let directory = files.directory(&record.id);
    Ok(Some(ModelLane { record, directory, loaded: OnceLock::new() }))
}
