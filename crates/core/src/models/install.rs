//! Installing: from a directory, from an address below which files stand, or by noting where a server is.
//!
//! **Invariant:** what is refused leaves nothing; what is installed was loaded and tried in the form in which it is kept.

use super::endpoint::{self, EndpointAsked, Reach};
use super::fetched::{self, FetchDirectory, FilesAsked, FilesHere, Progress};
use super::files::{Installed, ModelKind};
use super::load::{self, Overrides};
use super::{ModelChanged, NONE, files, view};
use crate::call::{Call, Door};
use jay_types::{Error, Result};
use std::path::{Path, PathBuf};

/// Characters of a name.
const NAME_MAX: usize = 64;

/// Copies a model from a directory.
///
/// # Errors
/// `bad_input` that names the file and what is wrong with it; nothing is installed then.
pub fn install(
    call: &Call<'_>,
    path: &str,
    graph: Option<&str>,
    name: Option<&str>,
    overrides: Overrides,
) -> Result<ModelChanged> {
    call.demand_person("installing a model")?;
    let directory = PathBuf::from(path);
    if directory.is_relative() && call.caller.door != Door::Cli {
        return Err(Error::bad_input(format!("`{path}` is not an absolute path"))
            .hint("A server's directory is not its caller's: name the whole path."));
    }
    let directory = directory.canonicalize().map_err(|_| {
        Error::bad_input(format!("{} is not there", directory.display()))
            .hint("Name a directory with model.onnx and tokenizer.json, or the address of one.")
    })?;
    FetchDirectory::tidy(&files(call))?;
    files(call).tidy()?;
    let graph = graph_file(&directory, graph)?;
    let called = directory.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    keep(call, &directory, &graph, Named { name, called: &called }, overrides, directory.display().to_string())
}

/// Fetches a model's files from an address and installs them as those of a directory.
///
/// # Errors
/// As [`install`]; and `not_found` for files that are not there, `unreachable`, `refused` and `verification_failed` for what the
/// address answers, `busy` where another process fetches. Nothing is installed then and nothing is left.
pub fn install_files(
    call: &Call<'_>,
    asked: &FilesAsked,
    name: Option<&str>,
    overrides: Overrides,
    progress: &mut Progress<'_>,
) -> Result<ModelChanged> {
    call.demand_person("installing a model")?;
    load::demand()?;
    name.map(named).transpose()?;
    if let Some(graph) = &asked.graph {
        demand_inside(graph)?;
    }
    let FilesHere { directory, fetched, called, notes } = fetched::fetch(&files(call), asked, progress)?;
    let (path, names) = (&directory.path, Named { name, called: &called });
    let changed = keep(call, path, &path.join(load::GRAPH), names, overrides, fetched.from.clone())?;
    Ok(ModelChanged { fetched: Some(fetched), notes, ..changed })
}

/// What a model is to be called: the name that was given, else what its place tells.
struct Named<'a> {
    name: Option<&'a str>,
    called: &'a str,
}

/// Tries the files of a directory and keeps copies of them.
fn keep(
    call: &Call<'_>,
    directory: &Path,
    graph: &Path,
    Named { name, called }: Named<'_>,
    overrides: Overrides,
    source: String,
) -> Result<ModelChanged> {
    let found = load::candidate(directory, graph, overrides)?;
    let name = match name {
        Some(name) => named(name)?,
        None => named(&nameable(called)).unwrap_or_else(|_| found.id.clone()),
    };
    let changed = |record, outcome: &str| ModelChanged {
        model: view(call, record),
        outcome: outcome.to_owned(),
        vectors_dropped: None,
        fetched: None,
        notes: vec![],
    };
    let files = files(call);
    if let Some(before) = files.installed(&found.id)? {
        return Ok(changed(before, "already_installed"));
    }
    let bytes = (found.model.len() + found.tokenizer.len() + found.settings.len()) as u64;
    let record = Installed {
        id: found.id,
        name,
        dimension: found.dimension,
        bytes: Some(bytes),
        source,
        installed_at: call.now,
        kind: found.kind,
    };
    let is_new = files.install(
        &record,
        &[
            (load::GRAPH, &found.model),
            (load::TOKENIZER, &found.tokenizer),
            (load::SETTINGS, found.settings.as_bytes()),
        ],
    )?;
    Ok(changed(record, outcome_of(is_new)))
}

/// Notes a model on a server, after it has answered.
///
/// # Errors
/// `bad_input` and `refused` for what is asked for; `unreachable`, `not_found`, `verification_failed` and others for what the
/// server answers; nothing is noted then.
pub fn install_endpoint(call: &Call<'_>, asked: EndpointAsked) -> Result<ModelChanged> {
    call.demand_person("installing a model")?;
    let model = asked.model.clone();
    let name = asked.name.as_deref().map(named).transpose()?;
    let reach = Reach::of(&call.engine.options, &call.engine.surroundings);
    let found = endpoint::probe(asked, &reach)?;
    let name = name.or_else(|| named(&nameable(&model)).ok()).unwrap_or_else(|| found.id.clone());
    let files = files(call);
    let changed = |record, outcome: &str| ModelChanged {
        model: view(call, record),
        outcome: outcome.to_owned(),
        vectors_dropped: None,
        fetched: None,
        notes: found.notes.clone(),
    };
    if let Some(before) = files.installed(&found.id)? {
        // The same vectors; perhaps another key or another patience.
        if files.text(&found.id, endpoint::SETTINGS).as_deref() == Some(found.settings.as_str()) {
            return Ok(changed(before, "already_installed"));
        }
        files.rewrite(&found.id, endpoint::SETTINGS, &found.settings)?;
        return Ok(changed(before, "updated"));
    }
    let record = Installed {
        id: found.id.clone(),
        name,
        dimension: found.dimension,
        bytes: None,
        source: found.source.clone(),
        installed_at: call.now,
        kind: ModelKind::Server,
    };
    let is_new = files.install(&record, &[(endpoint::SETTINGS, found.settings.as_bytes())])?;
    Ok(changed(record, outcome_of(is_new)))
}

const fn outcome_of(is_new: bool) -> &'static str {
    if is_new { "installed" } else { "already_installed" }
}

/// The graph's file: the one that is named, else `model.onnx`, else where exporters put it.
fn graph_file(directory: &Path, named: Option<&str>) -> Result<PathBuf> {
    if let Some(named) = named {
        demand_inside(named)?;
        return Ok(directory.join(named));
    }
    let usual = directory.join(load::GRAPH);
    let exported = directory.join("onnx").join(load::GRAPH);
    Ok(if usual.exists() || !exported.exists() { usual } else { exported })
}

fn demand_inside(named: &str) -> Result<()> {
    if Path::new(named).components().all(|part| matches!(part, std::path::Component::Normal(_))) {
        return Ok(());
    }
    Err(Error::bad_input(format!("`{named}` is not a file of the directory"))
        .hint("Name it from the model's directory on."))
}

fn nameable(name: &str) -> String {
    name.to_lowercase().chars().map(|c| if is_name_char(c) { c } else { '-' }).take(NAME_MAX).collect()
}

const fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

fn named(name: &str) -> Result<String> {
    let is_good = !name.is_empty() && name.len() <= NAME_MAX && name.chars().all(is_name_char);
    if !is_good || name == NONE || name.starts_with(['.', '-']) {
        return Err(Error::bad_input(format!("`{}` is not a name for a model", jay_types::text::shorten(name, 60)))
            .hint(format!("A name has 1 to {NAME_MAX} letters, digits, `.`, `_`, `-`, and is not `none`.")));
    }
    Ok(name.to_owned())
}
