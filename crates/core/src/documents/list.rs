//! Which folders were added, and what is here of them.

use super::add::file_of;
use super::name;
use crate::call::Call;
use crate::namespaces::{Says, of_directory};
use crate::secrets::masked_name;
use jay_store::{PlacedRow, Scope, Tx};
use jay_types::namespace::NamespacePath;
use jay_types::{Error, NodeId, Result, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};

/// A folder, or a single file, that was added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocsRoot {
    /// Where it is, on the machine that added it
    pub root: String,
    /// The namespace that has it
    pub namespace: String,
    /// Its documents
    pub files: u64,
    /// Their pieces
    pub chunks: u64,
    /// Bytes of text in them
    pub bytes: u64,
    /// When a piece of it was last changed here
    pub changed_at: Timestamp,
}

/// A document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocsFile {
    /// The path by which it is found
    pub path: String,
    /// The folder that was added
    pub root: String,
    /// The namespace that has it
    pub namespace: String,
    /// Its pieces
    pub chunks: u64,
    /// Bytes of text in them
    pub bytes: u64,
    /// When a piece of it was last changed here
    pub changed_at: Timestamp,
}

/// The answer to docs list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocsListed {
    /// The folders that were added
    pub roots: Vec<DocsRoot>,
    /// The documents at or below the path that was asked for
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<DocsFile>,
    /// What there is to say
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Lists the folders of a namespace, those above it and `global`, or of all; with a path the documents at or below it.
///
/// # Errors
/// `not_found` where no document is at or below the path.
pub fn list(
    call: &Call<'_>,
    path: Option<&Path>,
    namespace: Option<&NamespacePath>,
    all: bool,
    limit: usize,
) -> Result<DocsListed> {
    call.engine.demand_memory()?;
    let here = &match path {
        Some(path) => named_or_around(call, path, namespace)?,
        None => namespace.unwrap_or(&call.caller.namespace).clone(),
    };
    let target = path.map(|path| Target::of(call, path, here)).transpose()?;
    let (rows, paths) = call.engine.memory.read(|tx| -> Result<_> {
        let scope = if all { Scope::All } else { tx.scope_of(here)? };
        let rows: Vec<PlacedRow> = tx.placed(&scope)?.into_iter().filter(PlacedRow::is_shown).collect();
        let paths = paths_of(tx, &rows)?;
        Ok((rows, paths))
    })?;
    let meant = |row: &&PlacedRow| target.as_ref().is_none_or(|target| target.holds(row));
    let rows: Vec<&PlacedRow> = rows.iter().filter(meant).collect();
    if let (Some(target), true) = (&target, rows.is_empty()) {
        return Err(none_below(target));
    }
    let mut answer = DocsListed { roots: roots(&rows, &paths), ..DocsListed::default() };
    if target.is_some() {
        answer.files = files(&rows, &paths);
        if answer.files.len() > limit {
            answer.notes.push(format!("{} more documents: --limit shows more", answer.files.len() - limit));
            answer.files.truncate(limit);
        }
    }
    Ok(answer)
}

/// The namespace that is named, else the one in which `docs add` would keep what is at `path`.
pub(super) fn named_or_around(
    call: &Call<'_>,
    path: &Path,
    namespace: Option<&NamespacePath>,
) -> Result<NamespacePath> {
    if let Some(namespace) = namespace {
        return Ok(namespace.clone());
    }
    let path = name::whole(path).map_err(|error| Error::bad_input(format!("`path`: {error}")))?;
    of_directory(call, &std::fs::canonicalize(&path).unwrap_or(path), Says::OfProject)
}

/// A folder or file that a caller names, as what is here can be held against it.
pub(super) struct Target {
    path: PathBuf,
    /// Without links; as it is named where it is gone.
    real: PathBuf,
    /// From the top of its repository, where it is in one: what another machine added from a clone of it is there, too.
    in_repository: Option<PathBuf>,
    own: Option<NodeId>,
    /// The namespace of that repository.
    namespace: Option<i64>,
}

impl Target {
    pub(super) fn of(call: &Call<'_>, path: &Path, namespace: &NamespacePath) -> Result<Self> {
        let path = name::whole(path).map_err(|error| Error::bad_input(format!("`path`: {error}")))?;
        let real = std::fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        let base = name::base_of(&real, real.is_dir());
        let in_repository = real.strip_prefix(&base).ok().filter(|_| name::is_repository(&base)).map(Path::to_owned);
        let number = |tx: &Tx<'_>| -> Result<_> { Ok(tx.namespaces_at(namespace.as_str())?.first().copied()) };
        let namespace = call.engine.memory.read(number)?;
        Ok(Self { path, real, in_repository, own: call.engine.memory.node(), namespace })
    }

    pub(super) fn shown(&self) -> String {
        masked_name(self.path.to_string_lossy().into_owned())
    }

    /// True where a piece is of a file at or below it, or of what was added there.
    pub(super) fn holds(&self, row: &PlacedRow) -> bool {
        let at_or_below = |target: &Path| file_of(row).starts_with(target) || Path::new(&row.place.root) == target;
        let is_foreign = Some(row.node) != self.own && Some(row.namespace) == self.namespace;
        let in_clone = |below: &PathBuf| Path::new(&row.place.path).starts_with(below);
        at_or_below(&self.path)
            || at_or_below(&self.real)
            || (is_foreign && self.in_repository.as_ref().is_some_and(in_clone))
    }
}

pub(super) fn none_below(target: &Target) -> Error {
    Error::not_found(format!("`path`: no document was added from {}", target.shown()))
        .hint("`jay docs list` shows what was added here, `jay docs list --all` in every namespace.")
}

fn paths_of(tx: &Tx<'_>, rows: &[PlacedRow]) -> Result<BTreeMap<i64, String>> {
    let mut paths = BTreeMap::new();
    for row in rows {
        if let Entry::Vacant(place) = paths.entry(row.namespace) {
            place.insert(tx.path_of(row.namespace)?);
        }
    }
    Ok(paths)
}

fn roots(rows: &[&PlacedRow], paths: &BTreeMap<i64, String>) -> Vec<DocsRoot> {
    let mut roots: BTreeMap<(&str, i64), (DocsRoot, &str)> = BTreeMap::new();
    for row in rows {
        let (root, last) = roots.entry((&row.place.root, row.namespace)).or_insert_with(|| {
            let namespace = paths.get(&row.namespace).cloned().unwrap_or_default();
            let root = masked_name(row.place.root.clone());
            (DocsRoot { root, namespace, files: 0, chunks: 0, bytes: 0, changed_at: row.updated_at }, "")
        });
        // Rows come by file.
        root.files += u64::from(*last != row.place.path);
        *last = &row.place.path;
        root.chunks += 1;
        root.bytes += row.text_bytes;
        root.changed_at = root.changed_at.max(row.updated_at);
    }
    roots.into_values().map(|(root, _)| root).collect()
}

fn files(rows: &[&PlacedRow], paths: &BTreeMap<i64, String>) -> Vec<DocsFile> {
    let mut files: BTreeMap<(&str, &str, i64), DocsFile> = BTreeMap::new();
    for row in rows {
        let place = &row.place;
        let file = files.entry((&place.root, &place.path, row.namespace)).or_insert_with(|| DocsFile {
            path: masked_name(place.path.clone()),
            root: masked_name(place.root.clone()),
            namespace: paths.get(&row.namespace).cloned().unwrap_or_default(),
            chunks: 0,
            bytes: 0,
            changed_at: row.updated_at,
        });
        file.chunks += 1;
        file.bytes += row.text_bytes;
        file.changed_at = file.changed_at.max(row.updated_at);
    }
    files.into_values().collect()
}
