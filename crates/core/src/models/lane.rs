//! The models in use: known from their records at once, loaded when the first text is given to them.

use super::endpoint::{self, Reach};
use super::files::{self, Installed, ModelFiles, ModelKind, Slot};
use super::load;
use super::private::Sharing;
use crate::engine::Engine;
use jay_models::{Embedder, Reranker};
use jay_types::{Error, Result};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// The word for no model.
pub(crate) const NONE: &str = "none";

/// A model whose vectors are wanted.
pub(crate) struct ModelLane {
    pub(crate) record: Installed,
    directory: PathBuf,
    reach: Reach,
    /// Where it stands which one is chosen, if that decided and not the settings.
    chosen_in: Option<ModelFiles>,
    loaded: OnceLock<Result<Arc<dyn Embedder>>>,
}

impl ModelLane {
    /// The embedder, loaded once for each process, as long as it may be used: a process that runs on when its model was
    /// removed makes no vectors of it, and sends nothing to a server that was turned off.
    pub(crate) fn embedder(&self) -> Result<Arc<dyn Embedder>> {
        let is_chosen = || {
            let chosen = self.chosen_in.as_ref().map(|files| files.chosen(Slot::Encoder));
            chosen.is_none_or(|id| id.as_ref() == Some(&self.record.id))
        };
        if !files::is_model(&self.directory) || (self.is_on_server() && !is_chosen()) {
            return Err(Error::new(
                jay_types::Code::Conflict,
                "it was removed or turned off while this process runs".to_owned(),
            )
            .hint("Start `jay serve` or `jay mcp` again: it takes up what was chosen."));
        }
        self.opened()
    }

    /// What it is, also where it may not be used any more.
    fn opened(&self) -> Result<Arc<dyn Embedder>> {
        self.loaded.get_or_init(|| self.load()).clone()
    }

    fn load(&self) -> Result<Arc<dyn Embedder>> {
        let embedder = match self.record.kind {
            ModelKind::Encoder | ModelKind::CrossEncoder => load::installed(&self.directory)?,
            ModelKind::Server => endpoint::open(&self.directory, &self.reach)?,
        };
        if embedder.id() != self.record.id || embedder.dimension() != self.record.dimension {
            return Err(changed(&self.record));
        }
        Ok(embedder)
    }

    /// True where it is a server's: what goes wrong there is seldom a text's fault.
    pub(crate) fn is_on_server(&self) -> bool {
        self.record.kind == ModelKind::Server
    }

    /// True where texts would be sent to another machine. It stays what it is while the model is turned off and on: what is
    /// private is told apart first, and whether the model may be used is asked after that.
    pub(crate) fn leaves_machine(&self) -> bool {
        // Where it cannot be opened nothing is sent.
        self.is_on_server() && self.opened().is_ok_and(|embedder| embedder.leaves_machine())
    }
}

/// A model that judges the best hits.
pub(crate) struct JudgeLane {
    pub(crate) record: Installed,
    directory: PathBuf,
    loaded: OnceLock<Result<Arc<dyn Reranker>>>,
}

impl JudgeLane {
    /// The model, loaded once for each process.
    pub(crate) fn reranker(&self) -> Result<Arc<dyn Reranker>> {
        let load = || {
            let reranker = load::installed_judge(&self.directory)?;
            if reranker.id() == self.record.id { Ok(reranker) } else { Err(changed(&self.record)) }
        };
        self.loaded.get_or_init(load).clone()
    }
}

fn changed(record: &Installed) -> Error {
    Error::new(
        jay_types::Code::VerificationFailed,
        format!("the files of the model {} were changed since it was installed", record.name),
    )
    .hint(format!("`jay model remove {}` and install it again.", record.id))
}

/// Which texts the model in use is given.
pub(crate) fn sharing(engine: &Engine) -> Result<Sharing> {
    match &engine.model {
        Some(lane) if lane.leaves_machine() => Sharing::open_ones(engine),
        _ => Ok(Sharing::everything()),
    }
}

/// The model that is to make vectors: what the settings say, else what `jay model use` chose. An error where that one is not
/// here: answers go on without it and say so.
pub(crate) fn in_use(files: &ModelFiles, setting: Option<&str>, reach: Reach) -> Result<Option<ModelLane>> {
    let found = found(files, Slot::Encoder, setting)?;
    let chosen_in = setting.is_none().then(|| files.clone());
    Ok(found.map(|(record, directory)| ModelLane { record, directory, reach, chosen_in, loaded: OnceLock::new() }))
}

/// The model that is to judge, as [`in_use`].
pub(crate) fn judge_in_use(files: &ModelFiles, setting: Option<&str>) -> Result<Option<JudgeLane>> {
    let found = found(files, Slot::CrossEncoder, setting)?;
    Ok(found.map(|(record, directory)| JudgeLane { record, directory, loaded: OnceLock::new() }))
}

fn found(files: &ModelFiles, slot: Slot, setting: Option<&str>) -> Result<Option<(Installed, PathBuf)>> {
    let Some(word) = setting.map(str::to_owned).or_else(|| files.chosen(slot)).filter(|word| word != NONE) else {
        return Ok(None);
    };
    let record = files.find(&word)?;
    if record.kind.slot() != slot {
        let (is, other) = match slot {
            Slot::Encoder => ("judges and makes no vectors", "reranker"),
            Slot::CrossEncoder => ("makes vectors and does not judge", "model"),
        };
        return Err(Error::bad_input(format!("the model {} {is}", record.name))
            .hint(format!("The setting `{other}` is for it.")));
    }
    let directory = files.directory(&record.id);
    Ok(Some((record, directory)))
}
