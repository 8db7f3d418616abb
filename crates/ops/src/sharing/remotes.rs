//! Adding, showing, removing and trying remotes.

use super::{all, alone, demand_machine, one, open, peer};
use crate::Progress;
use jay_core::Call;
use jay_transfer::remote::Created;
use jay_transfer::sync::config::{self, RemoteConfig};
use jay_transfer::sync::setup::{self, Begun, Found};
use jay_transfer::sync::status::RemoteStatus;
use jay_types::surroundings::random;
use jay_types::{Code, Error, NamespaceId, Result, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A remote as it is shown
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemoteView {
    /// What it is called here
    pub name: String,
    /// Where it is
    pub url: String,
    /// Namespaces that are shared there, with those below them; all but private ones where it is empty
    pub namespaces: Vec<String>,
    /// Archived sessions are shared there too
    pub archive: bool,
    /// The clients whose archived sessions are shared there; every client where it is empty
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<String>,
    /// When it was added
    pub added_at: Timestamp,
}

impl From<RemoteConfig> for RemoteView {
    fn from(config: RemoteConfig) -> Self {
        let RemoteConfig { name, url, namespaces, archive, clients, added_at } = config;
        Self { name, url, namespaces, archive, clients, added_at }
    }
}

/// The remotes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Remotes {
    /// Every remote, in the order in which they were added
    pub remotes: Vec<RemoteView>,
}

/// A remote with all that is known of it
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RemoteShown {
    /// How far it is
    #[serde(flatten)]
    pub status: RemoteStatus,
    /// Namespaces that are shared there, with those below them; all but private ones where it is empty
    pub namespaces: Vec<String>,
    /// Archived sessions are shared there too
    pub archive: bool,
    /// The clients whose archived sessions are shared there; every client where it is empty
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<String>,
    /// When it was added
    pub added_at: Timestamp,
}

impl RemoteShown {
    pub(crate) fn new(status: RemoteStatus, config: RemoteConfig) -> Self {
        let RemoteConfig { namespaces, archive, clients, added_at, .. } = config;
        Self { status, namespaces, archive, clients, added_at }
    }
}

/// What became of a remote that was added
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemoteAdded {
    /// The remote
    #[serde(flatten)]
    pub remote: RemoteView,
    /// made where a vault was made there, known where it is this machine's, must_join where this machine has to join it first
    pub vault: String,
    /// The vault's id; absent where this machine has to join it first
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault_id: Option<NamespaceId>,
    /// What to do next
    pub notes: Vec<String>,
}

pub(crate) fn add(call: &Call<'_>, config: RemoteConfig, progress: &mut Progress<'_>) -> Result<RemoteAdded> {
    demand_machine(call, "remote_add")?;
    config.check()?;
    alone(call, false, progress, |progress| {
        let mut remotes = all(call)?;
        if remotes.iter().any(|known| known.name == config.name) {
            return Err(Error::new(Code::Conflict, format!("there is a remote `{}` already", config.name))
                .hint(format!("`jay remote show {0}` shows it; `jay remote remove {0}` takes it away.", config.name)));
        }
        let place = folder_of(&config.url);
        let is_same = |known: &RemoteConfig| place.is_some() && folder_of(&known.url) == place;
        if let Some(known) = remotes.iter().find(|known| known.url == config.url || is_same(known)) {
            return Err(Error::new(Code::Conflict, format!("`{}` is the remote `{}` already", config.url, known.name))
                .hint(format!("`jay sync {}` syncs with it.", known.name)));
        }
        refuse_own_directory(call, &config)?;
        let made = make_folder(&config)?;
        let remote = open(call, &config.url)?;
        let begun = setup::begin(&peer(call), remote.as_ref(), &config, progress)?;
        remotes.push(config.clone());
        config::save(call.engine.stores().0, &remotes)?;
        let mut answer = added(config, &begun);
        answer.notes.splice(0..0, made);
        answer.notes.extend(unknown_clients(call, &answer.remote)?);
        Ok(answer)
    })
}

/// What is not bad input, for another machine may have them, and may be a slip of the pen.
fn unknown_clients(call: &Call<'_>, remote: &RemoteView) -> Result<Option<String>> {
    let unknown = jay_core::sessions::unknown_clients(call, &remote.clients)?;
    let Some(first) = unknown.first() else { return Ok(None) };
    Ok(Some(format!(
        "no session of {} is archived here, and jay reads none by itself: only what other machines have of it will come. Where it is a slip, `jay session sync {first}` lists the clients; `jay remote remove {}`, and add it again",
        unknown.join(", "),
        remote.name
    )))
}

/// Makes the folder where only its last part is missing: anything else is a slip of the pen, or a disk that is not mounted.
fn make_folder(config: &RemoteConfig) -> Result<Option<String>> {
    let folder = Path::new(&config.url);
    let is_new = folder_of(&config.url).is_some() && !folder.exists() && folder.parent().is_some_and(Path::is_dir);
    if !is_new {
        return Ok(None);
    }
    if folder.is_symlink() {
        return Err(Error::bad_input(format!("`url`: {} is a link that leads nowhere", config.url))
            .hint("Make the folder that it names, or give another one."));
    }
    std::fs::create_dir(folder).map_err(|error| Error::io(format!("cannot make {}", config.url), &error))?;
    Ok(Some(format!("made the folder {}", config.url)))
}

/// Where the folder of an address is; none where that is a bucket.
fn folder_of(url: &str) -> Option<PathBuf> {
    (!url.contains("://")).then(|| really(Path::new(url)))
}

/// Where a path leads, by whatever links and `..`: the nearest directory that is there, and what is to come below it.
fn really(path: &Path) -> PathBuf {
    let there = path.ancestors().find_map(|folder| Some((folder, folder.canonicalize().ok()?)));
    match there {
        Some((folder, real)) => path.strip_prefix(folder).map_or_else(|_| path.to_owned(), |rest| real.join(rest)),
        None => path.to_owned(),
    }
}

/// The data directory itself must not be carried: two machines would write into one database.
fn refuse_own_directory(call: &Call<'_>, config: &RemoteConfig) -> Result<()> {
    let data = call.engine.data_dir();
    let Some(folder) = folder_of(&config.url) else { return Ok(()) };
    let own = really(data);
    if folder.starts_with(&own) || own.starts_with(&folder) {
        return Err(Error::bad_input(format!(
            "`url`: {} and the data directory {} lie in one another",
            config.url,
            data.display()
        ))
        .hint("Give a folder of its own, for example one inside the folder that your carrier syncs."));
    }
    Ok(())
}

fn added(config: RemoteConfig, begun: &Begun) -> RemoteAdded {
    let name = config.name.clone();
    let (vault, vault_id, note) = match begun {
        Begun::Founded(id) => (
            "made",
            Some(*id),
            format!(
                "`jay sync {name}` shares what is here; `jay vault invite {name}` gives a code for the next machine"
            ),
        ),
        Begun::Known(id) => ("known", Some(*id), format!("`jay sync {name}` syncs with it")),
        Begun::MustJoin => (
            "must_join",
            None,
            format!(
                "it holds a vault: run `jay vault invite {name}` on a machine that belongs to it, then here `jay vault join {name} --code CODE`"
            ),
        ),
    };
    RemoteAdded { remote: config.into(), vault: vault.to_owned(), vault_id, notes: vec![note] }
}

/// What became of a remote that was removed
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemoteRemoved {
    /// The remote, as it was
    #[serde(flatten)]
    pub remote: RemoteView,
    /// What stays
    pub notes: Vec<String>,
}

pub(crate) fn remove(call: &Call<'_>, name: &str, progress: &mut Progress<'_>) -> Result<RemoteRemoved> {
    alone(call, false, progress, |_| {
        let mut remotes = all(call)?;
        let removed = config::find(&remotes, name)?.clone();
        remotes.retain(|remote| remote.name != name);
        config::save(call.engine.stores().0, &remotes)?;
        jay_transfer::sync::state::RemoteState::default().save(call.engine.stores().0, name)?;
        let notes = vec![format!(
            "nothing was removed at {}; this machine stays in the vault and keeps its keys, so that it can be added again",
            removed.url
        )];
        Ok(RemoteRemoved { remote: removed.into(), notes })
    })
}

/// What a try of a remote showed
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemoteChecked {
    /// The remote
    #[serde(flatten)]
    pub remote: RemoteView,
    /// Files below nodes/
    pub files: u64,
    /// Their bytes
    pub bytes: u64,
    /// True where it holds files of this machine's vault and of no other
    pub is_ours: bool,
    /// True where a file could be written, read back, and removed
    pub is_writable: bool,
    /// How long that took
    pub duration_ms: u64,
    /// What there is to say
    pub notes: Vec<String>,
}

pub(crate) fn check(call: &Call<'_>, name: &str) -> Result<RemoteChecked> {
    let config = one(call, Some(name))?;
    let remote = open(call, &config.url)?;
    let surroundings = call.engine.surroundings();
    let started = surroundings.now();
    let listing = remote.list("nodes/")?;
    let keys = jay_transfer::vault::keys::VaultKeys::load(call.engine.stores().0)?;
    let found = setup::look(remote.as_ref())?;
    let mut notes = Vec::new();
    let is_ours = match (&keys, &found) {
        (Some(keys), Found::Vaults(vaults)) => vaults.iter().all(|vault| *vault == keys.vault),
        (_, Found::Empty) => {
            notes.push(format!("nothing is there yet: `jay sync {name}` writes what is shared"));
            false
        }
        (None, Found::Vaults(_)) => false,
    };
    if matches!(&found, Found::Vaults(vaults) if vaults.len() > 1) {
        notes.push("it holds files of more than one vault: those of the others are not read".to_owned());
    }
    let path = format!("checks/{}", jay_types::id::to_hex(&random::<8>(surroundings.as_ref())));
    let is_writable =
        remote.create(&path, b"jay")? == Created::Written && remote.read(&path, 16)?.as_deref() == Some(b"jay");
    remote.delete(&path)?;
    if !remote.holds_writers_apart()? {
        notes.push("it does not hold two writers of one name apart; machines write under names of their own, so that nothing is lost".to_owned());
    }
    let duration_ms = u64::try_from((surroundings.now().0 - started.0) / 1000).unwrap_or(0);
    let bytes = listing.iter().map(|file| file.bytes).sum();
    Ok(RemoteChecked {
        remote: config.into(),
        files: listing.len() as u64,
        bytes,
        is_ours,
        is_writable,
        duration_ms,
        notes,
    })
}
