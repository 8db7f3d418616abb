//! Models that make vectors beside the table that is compiled in, and cross-encoders that judge the best hits: installing,
//! choosing, removing.
//!
//! A model's files are copied into the data directory under the model's id, which names all that decides its vectors; of one
//! on a server only how it is reached is noted there. Which one of each sort is in use is a local choice; vectors are made by
//! jobs, and until they are there the table finds what there is.
//!
//! **Invariant:** nothing is downloaded but from an address that a person named. A model is tried before it is installed; one
//! that is in use is not removed.

mod endpoint;
mod fetched;
mod files;
mod install;
mod lane;
mod load;
mod private;

pub use endpoint::EndpointAsked;
pub(crate) use endpoint::Reach;
pub use fetched::{Fetched, FetchedFile, FilesAsked};
pub(crate) use files::ModelFiles;
pub use files::{ModelKind, Slot};
pub use install::{install, install_endpoint, install_files};
pub(crate) use lane::{JudgeLane, ModelLane, NONE, in_use, judge_in_use, sharing};
pub use load::Overrides;
pub(crate) use private::{REASON, is_asked_in_private};

use crate::call::Call;
use crate::engine::EmbedderChoice;
use files::Installed;
use jay_store::{ListFilter, Scope};
use jay_types::{Code, Error, Result, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An installed model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelView {
    /// Names all that decides its vectors
    pub id: String,
    /// What it was called when it was installed
    pub name: String,
    /// Length of its vectors; absent where it makes none
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimension: Option<usize>,
    /// encoder for files that stand here, server for a model that is asked over the network, cross_encoder for files of one that
    /// judges question and text together
    pub kind: ModelKind,
    /// Bytes of its files; absent where they are a server's
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Where it was read from, or where it is
    pub source: String,
    /// When
    pub installed_at: Timestamp,
    /// True for the one whose vectors are made, and for the cross-encoder that judges
    pub in_use: bool,
}

/// The answer to model install and model remove.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelChanged {
    /// The model
    pub model: ModelView,
    /// installed, already_installed, updated or removed
    pub outcome: String,
    /// Vectors that went with it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vectors_dropped: Option<u64>,
    /// What was fetched from an address
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetched: Option<Fetched>,
    /// What there is to say
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The answer to model list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelList {
    /// The table that is compiled in; absent where the settings switch it off
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built_in: Option<String>,
    /// What is installed, by name
    pub models: Vec<ModelView>,
    /// What there is to say
    pub notes: Vec<String>,
}

/// The answer to model use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelUsed {
    /// The model whose vectors are made, or that judges, from now on; absent for none
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelView>,
    /// What no model is used for from now on
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub turned_off: Vec<Slot>,
    /// Memories that have no vectors of it yet
    pub not_embedded: u64,
    /// What there is to say
    pub notes: Vec<String>,
}

fn files(call: &Call<'_>) -> ModelFiles {
    ModelFiles::of(call.engine.data_dir())
}

fn view(call: &Call<'_>, record: Installed) -> ModelView {
    let Installed { id, name, dimension, bytes, source, installed_at, kind } = record;
    let in_use = match kind.slot() {
        Slot::Encoder => call.engine.model.as_ref().map(|lane| &lane.record),
        Slot::CrossEncoder => call.engine.reranker.as_ref().map(|lane| &lane.record),
    };
    let in_use = in_use.is_some_and(|record| record.id == id);
    let dimension = Some(dimension).filter(|dimension| *dimension > 0);
    ModelView { id, name, dimension, kind, bytes, source, installed_at, in_use }
}

/// What is installed.
///
/// # Errors
/// `io` where the directory cannot be read.
pub fn list(call: &Call<'_>) -> Result<ModelList> {
    let engine = call.engine;
    let models = files(call).list()?.into_iter().map(|record| view(call, record)).collect();
    let built_in = engine.embedder.as_ref().map(|embedder| embedder.id().to_owned());
    Ok(ModelList { built_in, models, notes: engine.model_note().into_iter().chain(engine.reranker_note()).collect() })
}

/// Chooses the model whose vectors are made, or that judges, from now on; with `none`, that none does, of one `kind` or of both.
///
/// # Errors
/// `not_found` and `ambiguous`; `bad_input` for a model of another kind; what is wrong with its files where it cannot be loaded.
pub fn choose(call: &Call<'_>, word: &str, kind: Option<Slot>) -> Result<ModelUsed> {
    call.demand_person("choosing a model")?;
    let files = files(call);
    if word == NONE {
        let turned_off: Vec<Slot> =
            Slot::ALL.into_iter().filter(|slot| kind.is_none_or(|kind| kind == *slot)).collect();
        for slot in &turned_off {
            files.choose(*slot, NONE)?;
        }
        let notes = turned_off.iter().filter_map(|slot| overruled(call, *slot)).collect();
        return Ok(ModelUsed { model: None, turned_off, not_embedded: 0, notes });
    }
    let record = files.find(word)?;
    let slot = record.kind.slot();
    if kind.is_some_and(|kind| kind != slot) {
        return Err(Error::bad_input(format!("`kind`: {} is of the kind {}", record.name, slot.name()))
            .hint("`jay model list` shows the kinds; with a model's name `--kind` is not needed."));
    }
    let mut notes = Vec::from_iter(overruled(call, slot));
    // One that cannot be loaded is not chosen.
    let not_embedded = match slot {
        Slot::Encoder => {
            if call.engine.options.embedder == EmbedderChoice::None {
                notes.push("the setting `embedder` is `none`: no vectors are made at all".to_owned());
            }
            let reach = Reach::of(&call.engine.options, &call.engine.surroundings);
            lane::in_use(&files, Some(&record.id), reach)?.map(|lane| lane.embedder()).transpose()?;
            call.engine.memory.read(|tx| tx.not_embedded(&record.id, &ListFilter::shown(Scope::All)))?
        }
        Slot::CrossEncoder => {
            lane::judge_in_use(&files, Some(&record.id))?.map(|lane| lane.reranker()).transpose()?;
            0
        }
    };
    files.choose(slot, &record.id)?;
    notes.push("running servers take it when they are started again".to_owned());
    let mut model = view(call, record);
    model.in_use = true;
    Ok(ModelUsed { model: Some(model), turned_off: vec![], not_embedded, notes })
}

/// What is to be said where a setting goes before the choice.
fn overruled(call: &Call<'_>, slot: Slot) -> Option<String> {
    let (name, setting) = match slot {
        Slot::Encoder => ("model", &call.engine.options.model),
        Slot::CrossEncoder => ("reranker", &call.engine.options.reranker),
    };
    setting.as_ref()?;
    Some(format!("the setting `{name}` goes before this choice; `jay config show --origins` says where it is set"))
}

/// Removes a model with its vectors.
///
/// # Errors
/// `conflict` for the one in use.
pub fn remove(call: &Call<'_>, word: &str) -> Result<ModelChanged> {
    call.demand_person("removing a model")?;
    let files = files(call);
    let record = match files.find(word) {
        Err(error) => files.broken(word).ok_or(error)?,
        Ok(record) => record,
    };
    let model = view(call, record);
    let slot = model.kind.slot();
    let is_chosen = Slot::ALL.iter().any(|slot| files.chosen(*slot).is_some_and(|id| id == model.id));
    if model.in_use || is_chosen {
        return Err(Error::new(Code::Conflict, format!("{} is in use", model.name))
            .hint(format!("First `jay model use none --kind {}`, or another one.", slot.name())));
    }
    files.remove(&model.id)?;
    let dropped = match slot {
        Slot::Encoder => Some(call.engine.memory.drop_model(&model.id)? + call.engine.archive.drop_model(&model.id)?),
        Slot::CrossEncoder => None,
    };
    Ok(ModelChanged { model, outcome: "removed".to_owned(), vectors_dropped: dropped, fetched: None, notes: vec![] })
}
