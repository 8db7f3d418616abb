//! Namespaces: list, rename, alias, set, merge, delete.

mod merge;

pub use merge::{Deleted, Merged, delete, merge};

use crate::call::Call;
use crate::registers::{put, put_set};
use crate::secrets::masked_name;
use jay_store::{Draft, Moment, NamespaceRow, Tx, WriteTx};
use jay_types::bounds::Word;
use jay_types::change::registry::{ALIASES, PATH, POLICY, REMOTES};
use jay_types::change::{Body, EntityKind, Op};
use jay_types::namespace::{Names, NamespacePath, normalise_git_remote};
use jay_types::{Code, EntityId, Error, NamespaceId, Result, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::Path;

/// What becomes of secrets in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretPolicy {
    /// Each is replaced by a mark that names its rule.
    Redact,
    /// A text with one is refused.
    Refuse,
    /// Texts are kept as they are.
    Allow,
}

impl SecretPolicy {
    /// Its name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Redact => "redact",
            Self::Refuse => "refuse",
            Self::Allow => "allow",
        }
    }

    fn from_name(name: &str) -> Self {
        match name {
            "refuse" => Self::Refuse,
            "allow" => Self::Allow,
            _ => Self::Redact,
        }
    }
}

/// A namespace as every door shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NamespaceView {
    /// Its id
    pub id: NamespaceId,
    /// Its path
    pub path: String,
    /// Other paths that mean it
    pub aliases: Vec<String>,
    /// Git remotes whose clones and worktrees are in it
    pub remotes: Vec<String>,
    /// Memories in it that are shown
    pub memories: u64,
    /// What becomes of secrets
    pub secrets: SecretPolicy,
    /// When it was made
    pub created_at: Timestamp,
    /// True where it never leaves this machine
    pub private: bool,
}

fn view(row: NamespaceRow) -> NamespaceView {
    NamespaceView {
        id: row.id,
        aliases: row.aliases,
        remotes: row.remotes,
        memories: row.memories,
        secrets: SecretPolicy::from_name(&row.secrets),
        created_at: row.created_at,
        private: row.is_private,
        path: row.path,
    }
}

/// Every namespace, by path.
///
/// # Errors
/// `damaged` where the file that holds them is missing.
pub fn list(call: &Call<'_>) -> Result<Vec<NamespaceView>> {
    call.engine.demand_memory()?;
    call.engine.memory.read(|tx| Ok(tx.namespaces()?.into_iter().map(view).collect()))
}

/// One namespace.
///
/// # Errors
/// `not_found`.
pub fn show(call: &Call<'_>, path: &NamespacePath) -> Result<NamespaceView> {
    call.engine.memory.read(|tx| Ok(view(tx.namespace(find(tx, path)?)?)))
}

/// The namespace that a path means to who speaks of it: the one of which it is the path and not another name, as of what is left of one that
/// was merged; of several the one that this store bound first.
pub(crate) fn find(tx: &Tx<'_>, path: &NamespacePath) -> Result<i64> {
    let all = tx.namespaces_at(path.as_str())?;
    let mut own = None;
    for num in &all {
        if own.is_none() && tx.path_of(*num)? == path.as_str() {
            own = Some(*num);
        }
    }
    own.or_else(|| all.first().copied()).ok_or_else(|| {
        Error::not_found(format!("there is no namespace {path}")).hint("`jay namespace list` shows those here.")
    })
}

/// The names of the namespace that a path means here; of the one that would be made where there is none.
///
/// # Errors
/// What the store says.
pub fn names(call: &Call<'_>, path: &NamespacePath) -> Result<Names> {
    call.engine.memory.read(|tx| match find(tx, path) {
        Ok(num) => Ok(tx.names_of(num)?),
        Err(error) if error.code == Code::NotFound => Ok(Names::at(path)),
        Err(error) => Err(error),
    })
}

/// The same of the namespace to which what is written at that path goes.
///
/// # Errors
/// What the store says.
pub fn names_where_written(call: &Call<'_>, path: &NamespacePath) -> Result<Names> {
    call.engine.memory.read(|tx| match tx.namespaces_at(path.as_str())?.first() {
        Some(num) => Ok(tx.names_of(*num)?),
        None => Ok(Names::at(path)),
    })
}

/// The path and the names of the namespace in which a memory stands; none where it is not found.
///
/// # Errors
/// What the store says.
pub fn names_around(call: &Call<'_>, id: &Word) -> Result<Option<(String, Names)>> {
    call.engine.memory.read(|tx| {
        let row = match crate::read::find(tx, id.as_str(), Moment::Latest, false) {
            Ok(row) => row,
            Err(error) if matches!(error.code, Code::NotFound | Code::Ambiguous) => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(num) = tx.namespace_num(row.namespace)? else { return Ok(None) };
        Ok(Some((row.memory.namespace, tx.names_of(num)?)))
    })
}

/// What a directory says of the namespace of something that is put there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    /// What a caller would be told who stands there.
    Always,
    /// The same where it belongs to a project: a file pins it, or a repository holds it. A plain folder says nothing.
    OfProject,
}

/// Where something is put that belongs to a directory, and for which nobody names a namespace: where the directory says, else
/// where the caller stands. What a private project holds stays private whoever calls from where, and who stands in a private
/// namespace puts nothing elsewhere by the name of a directory.
///
/// # Errors
/// `bad_input` where a file that may pin the directory cannot be read; what the store says.
pub(crate) fn of_directory(call: &Call<'_>, directory: &Path, says: Says) -> Result<NamespacePath> {
    let own = &call.caller.namespace;
    let Some(ask) = call.engine.options.namespace_of.as_ref() else { return Ok(own.clone()) };
    let named = (ask.0)(directory)?;
    let path = without_secrets(named.path);
    if names(call, &path)?.is_private() {
        return Ok(path);
    }
    let is_project = named.is_pinned || directory.ancestors().any(|folder| folder.join(".git").exists());
    // A directory of another machine is none of this one's.
    let is_said = is_project || (says == Says::Always && directory.is_dir());
    Ok(if is_said && !names(call, own)?.is_private() { path } else { own.clone() })
}

/// A path that may be made: a secret in a project's name must not become a name that is kept and shown for good.
pub(crate) fn without_secrets(path: NamespacePath) -> NamespacePath {
    let masked = masked_name(path.as_str().to_owned());
    if masked == path.as_str() { path } else { NamespacePath::from_words(&masked) }
}

/// These namespaces and those that were merged into them: archived sessions stay in the stream in which they came.
pub(crate) fn with_merged(tx: &Tx<'_>, nums: &[i64]) -> Result<Vec<i64>> {
    let mut all = nums.to_vec();
    for retired in tx.retired_namespaces()? {
        if !all.contains(&retired) && nums.contains(&tx.goes_on_as(retired)?) {
            all.push(retired);
        }
    }
    Ok(all)
}

fn demand_free(tx: &Tx<'_>, path: &NamespacePath) -> Result<()> {
    if tx.namespaces_at(path.as_str())?.is_empty() {
        return Ok(());
    }
    Err(Error::new(Code::Conflict, format!("the path {path} is taken"))
        .hint("`jay namespace merge FROM INTO` joins two namespaces."))
}

/// Drafts an update of a namespace's own entity; tells whether there was something to write.
fn draft_update(w: &mut WriteTx<'_>, num: i64, body: Body) -> Result<bool> {
    if body.registers.is_empty() {
        return Ok(false);
    }
    let id = w.namespace_id_of(num)?;
    w.draft(Draft::new(id, EntityKind::Namespace, EntityId::of_namespace(id), Op::Update, body));
    Ok(true)
}

/// Runs an edit of one namespace and shows it as it is then.
fn edit(
    call: &Call<'_>,
    path: &NamespacePath,
    edit: impl FnOnce(&mut WriteTx<'_>, i64) -> Result<Body>,
) -> Result<NamespaceView> {
    let num = call.act(|w| {
        let num = find(w, path)?;
        let body = edit(w, num)?;
        draft_update(w, num, body)?;
        Ok(num)
    })?;
    call.engine.memory.read(|tx| Ok(view(tx.namespace(num)?)))
}

/// Gives a namespace another path; what is in it stays.
///
/// The old path goes on to mean it, as an alias: a directory, a remote or a `.jay.toml` that is named so would otherwise make
/// it anew, empty, and open where the new one is private. Out of `private` no private name is kept, since one would keep it
/// private.
///
/// # Errors
/// `not_found`, `conflict` where the path is taken.
pub fn rename(call: &Call<'_>, from: &NamespacePath, to: &NamespacePath) -> Result<NamespaceView> {
    edit(call, from, |w, num| {
        let (state, before) = (w.namespace_entity(num)?, w.names_of(num)?);
        if !before.aliases.iter().any(|alias| alias == to.as_str()) {
            demand_free(w, to)?;
        }
        let after = before.renamed(to);
        let lacking = |of: &[String], those: &[String]| -> Vec<String> {
            those.iter().filter(|name| !of.contains(name)).cloned().collect()
        };
        let mut body = Body::default();
        put(&mut body, &state, PATH, to.as_str().into());
        let (add, gone) = (lacking(&before.aliases, &after.aliases), lacking(&after.aliases, &before.aliases));
        put_set(&mut body, &state, ALIASES, &add, &gone);
        Ok(body)
    })
}

/// Adds another path that means this namespace, or takes it away.
///
/// # Errors
/// `not_found`, `conflict` where the alias is taken.
pub fn alias(call: &Call<'_>, path: &NamespacePath, alias: &NamespacePath, remove: bool) -> Result<NamespaceView> {
    edit(call, path, |w, num| {
        let state = w.namespace_entity(num)?;
        let here = state.elements(ALIASES).any(|element| element == alias.as_str());
        if !remove && !here {
            demand_free(w, alias)?;
        }
        if remove && !here {
            return Err(Error::not_found(format!("{alias} is no alias of {path}"))
                .hint("`jay namespace show` lists its aliases."));
        }
        let element = [alias.as_str().to_owned()];
        let (add, gone): (&[String], &[String]) = if remove { (&[], &element) } else { (&element, &[]) };
        let mut body = Body::default();
        put_set(&mut body, &state, ALIASES, add, gone);
        Ok(body)
    })
}

/// Sets what becomes of secrets, and which git remotes belong to a namespace. A path that is new is made.
///
/// # Errors
/// `bad_input` for a remote that is none or where nothing is to be set.
pub fn set(
    call: &Call<'_>,
    path: &NamespacePath,
    secrets: Option<SecretPolicy>,
    add_remotes: &[Word],
    remove_remotes: &[Word],
) -> Result<NamespaceView> {
    if secrets.is_none() && add_remotes.is_empty() && remove_remotes.is_empty() {
        return Err(Error::bad_input("nothing to set").hint("Give `--secrets`, `--add-remote` or `--remove-remote`."));
    }
    let normal = |remotes: &[Word]| -> Result<Vec<String>> {
        let one = |remote: &Word| {
            let text = remote.as_str();
            let plain = !text.contains(':') && text.contains('/') && !text.starts_with(['/', '.']);
            normalise_git_remote(text).or_else(|| plain.then(|| text.trim_matches('/').to_owned())).ok_or_else(|| {
                Error::bad_input(format!("`{}` is not a git remote", jay_types::text::shorten(text, 60)))
                    .hint("Give a remote's URL, as `git remote -v` shows it.")
            })
        };
        remotes.iter().map(one).collect()
    };
    let (add, remove) = (normal(add_remotes)?, normal(remove_remotes)?);
    let num = call.act(|w| {
        let (_, num) = w.namespace(path)?;
        let state = w.namespace_entity(num)?;
        let mut body = Body::default();
        if let Some(secrets) = secrets {
            put(&mut body, &state, POLICY, json!({"secrets": secrets.name()}));
        }
        put_set(&mut body, &state, REMOTES, &add, &remove);
        draft_update(w, num, body)?;
        Ok(num)
    })?;
    call.engine.memory.read(|tx| Ok(view(tx.namespace(num)?)))
}
