//! Machines with stores of their own, a folder between them, and the short words in which the tests speak of them.

use crate::support::{Steps, quick_directory};
use jay_store::vector_index::VectorMath;
use jay_store::{
    ActorName, Analysis, Bm25, Branch, Draft, ListFilter, Machine, Moment, Scope, Store, StoreOptions, WriteTx,
};
use jay_transfer::remote::Remote;
use jay_transfer::remote::folder::Folder;
use jay_transfer::sync::config::RemoteConfig;
use jay_transfer::sync::report::SyncedRemote;
use jay_transfer::sync::setup::{self, Begun, Proof};
use jay_transfer::sync::{CHECKPOINT_FROM_CHANGES, Direction, Peer, sync};
use jay_transfer::vault::keys::VaultKeys;
use jay_transfer::vault::members::{self, TakenOut};
use jay_transfer::vault::roster::Roster;
use jay_types::change::registry::TEXT;
use jay_types::change::{Body, EntityKind, Op, Register, RegisterShape};
use jay_types::namespace::NamespacePath;
use jay_types::surroundings::Surroundings;
use jay_types::time::SECOND;
use jay_types::{EntityId, Error, NamespaceId, NodeId, Result, Timestamp};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// Arithmetic as the engine gives it.
const MATH: VectorMath = VectorMath {
    distances: jay_models::kernel::distances,
    query_code: jay_models::weighted_query,
    dot: jay_models::kernel::dot,
    sign_code: jay_models::sign_code,
    version: jay_models::signs::SIGNS_VERSION,
};

fn options(directory: &Path, steps: &Arc<Steps>) -> StoreOptions {
    StoreOptions {
        directory: directory.to_owned(),
        force_location: false,
        machine: Machine { id: "test machine".to_owned() },
        surroundings: Arc::clone(steps) as Arc<dyn Surroundings>,
        analysis: Analysis {
            index_text: |text| text.to_lowercase(),
            is_question: |text| text.ends_with('?'),
            touched: |_| Vec::new(),
            version: 1,
            bm25: Bm25 { k1: 0.9, b: 0.4 },
        },
        vector_math: MATH,
        embedder: None,
        model: None,
    }
}

/// A machine with a data directory.
pub(crate) struct Home {
    directory: Arc<TempDir>,
    pub(crate) memory: Store,
    pub(crate) archive: Store,
    pub(crate) steps: Arc<Steps>,
    name: String,
    /// So that a test need not fill a store to see a checkpoint.
    pub(crate) checkpoint_from_changes: u64,
}

pub(crate) fn ann() -> ActorName {
    ActorName { kind: "person".to_owned(), name: "ann".to_owned() }
}

pub(crate) fn path(text: &str) -> NamespacePath {
    NamespacePath::parse(text).unwrap()
}

pub(crate) fn saying(text: &str) -> Body {
    Body::default().with(TEXT, json!({"text": text}))
}

/// A remote called `home`.
pub(crate) fn config() -> RemoteConfig {
    let (name, url) = ("home".to_owned(), "/shared".to_owned());
    RemoteConfig { name, url, namespaces: Vec::new(), archive: true, clients: Vec::new(), added_at: Timestamp(0) }
}

/// The folder at a place, as one machine sees it.
pub(crate) fn folder(at: &Path, seed: u64) -> Folder {
    Folder::new(at.to_owned(), Steps::new(seed))
}

impl Home {
    pub(crate) fn new(seed: u64) -> Self {
        let directory = quick_directory("jay-transfer-");
        Self::open(Arc::new(directory), Steps::new(seed), format!("machine-{seed}"))
    }

    fn open(directory: Arc<TempDir>, steps: Arc<Steps>, name: String) -> Self {
        let (memory, archive) = Store::pair(&options(&directory.path().join("data"), &steps));
        Self { directory, memory, archive, steps, name, checkpoint_from_changes: CHECKPOINT_FROM_CHANGES }
    }

    /// A copy of the whole directory, as `cp -r` makes it.
    pub(crate) fn copy(&self, seed: u64) -> Self {
        let mut copy = Self::open(Arc::new(self.save()), Steps::new(seed), format!("copy-{seed}"));
        copy.checkpoint_from_changes = self.checkpoint_from_changes;
        copy.steps.clock.advance(self.steps.clock.now().0 - copy.steps.clock.now().0);
        copy
    }

    /// The files of the directory as they are now, in another one.
    pub(crate) fn save(&self) -> TempDir {
        let directory = quick_directory("jay-transfer-");
        copy_tree(&self.directory.path().join("data"), &directory.path().join("data"));
        directory
    }

    /// The machine with its data directory as it once was saved. Where `is_noticed` the files are others than those that were
    /// copied, as when a backup is put back; else nothing in them tells, as when a whole disk is put back.
    pub(crate) fn put_back(&self, saved: TempDir, seed: u64, is_noticed: bool) -> Self {
        let data = saved.path().join("data");
        if !is_noticed {
            hide_copy(&data);
        }
        let mut back = Self::open(Arc::new(saved), Steps::new(seed), self.name.clone());
        back.checkpoint_from_changes = self.checkpoint_from_changes;
        back.steps.clock.advance(self.steps.clock.now().0 - back.steps.clock.now().0);
        back
    }

    /// The same directory, as the next process opens it.
    pub(crate) fn next_process(&self) -> Self {
        let mut next = Self::open(Arc::clone(&self.directory), Arc::clone(&self.steps), self.name.clone());
        next.checkpoint_from_changes = self.checkpoint_from_changes;
        next
    }

    /// A copy that looks like the original to itself: a machine that was cloned as a whole.
    pub(crate) fn clone_undetected(&self, seed: u64) -> Self {
        self.put_back(self.save(), seed, false)
    }

    /// What this machine knows of a remote's files is lost.
    pub(crate) fn lose_record(&self) {
        let _ = std::fs::remove_file(self.memory.state_file("remote-home.json"));
    }

    /// Where all its files are.
    pub(crate) fn data(&self) -> std::path::PathBuf {
        self.directory.path().join("data")
    }

    pub(crate) fn id(&self) -> NodeId {
        self.memory.public_key().unwrap().0
    }

    pub(crate) fn peer(&self) -> Peer<'_> {
        Peer {
            memory: &self.memory,
            archive: &self.archive,
            surroundings: self.steps.as_ref(),
            actor: ann(),
            name: self.name.clone(),
            program: "0.1.0".to_owned(),
            checkpoint_from_changes: self.checkpoint_from_changes,
            after_pull: Box::new(|| {
                let moves = jay_core::edit::follow_moves(&self.memory, self.steps.as_ref())?;
                let looked = jay_core::remember::join_copies(&self.memory, self.steps.as_ref())?;
                assert_eq!((moves.failed, looked.failed), (0, 0), "a job failed");
                Ok(())
            }),
        }
    }

    pub(crate) fn begin(&self, remote: &dyn Remote) -> Begun {
        setup::begin(&self.peer(), remote, &config(), &mut |_, _, _| ()).unwrap()
    }

    pub(crate) fn try_sync(&self, remote: &dyn Remote, config: &RemoteConfig) -> Result<SyncedRemote> {
        self.steps.clock.advance(SECOND);
        sync(&self.peer(), remote, config, Direction::Both, &mut |_, _, _| ())
    }

    pub(crate) fn sync(&self, remote: &dyn Remote) -> SyncedRemote {
        self.try_sync(remote, &config()).unwrap()
    }

    /// The keys of the vault and who belongs to it, as this machine knows them.
    pub(crate) fn vault(&self) -> (VaultKeys, Roster) {
        let keys = VaultKeys::load(&self.memory).unwrap().unwrap();
        let roster = self.memory.read(|tx| Roster::read(tx, &keys)).unwrap();
        (keys, roster)
    }

    pub(crate) fn rotate(&self) {
        let (mut keys, roster) = self.vault();
        members::rotate(&self.memory, &ann(), &mut keys, &roster, self.steps.as_ref()).unwrap();
    }

    /// Takes nodes out; `kept` is one that stays, and against whom.
    pub(crate) fn take_out(&self, nodes: &[NodeId], kept: Option<(NodeId, NodeId)>) {
        let (mut keys, roster) = self.vault();
        let of = |store: &Store| store.exists().then(|| store.read::<_, Error>(|tx| Ok(tx.branches()?)).unwrap());
        let branches: Vec<Branch> = [&self.memory, &self.archive].into_iter().filter_map(of).flatten().collect();
        let those = TakenOut { roster: &roster, nodes, kept, branches: &branches };
        members::remove(&self.memory, &ann(), &mut keys, those, self.steps.as_ref()).unwrap();
    }

    /// Invites on one remote what joins on another, which may be the same.
    pub(crate) fn invite(&self, remote: &dyn Remote) -> jay_transfer::vault::code::InviteCode {
        setup::invite(&self.peer(), remote, &config(), &mut |_, _, _| ()).unwrap().0
    }

    pub(crate) fn join(&self, remote: &dyn Remote, code: &jay_transfer::vault::code::InviteCode) {
        setup::join(&self.peer(), remote, &Proof::Code(code.clone())).unwrap();
    }

    pub(crate) fn act<T>(&self, write: impl FnOnce(&mut WriteTx<'_>) -> Result<T, Error>) -> T {
        self.steps.clock.advance(SECOND);
        self.memory.write(&ann(), write).unwrap()
    }

    pub(crate) fn remember(&self, namespace: &str, text: &str) -> (NamespaceId, EntityId) {
        self.act(|w| {
            let ns = w.namespace(&path(namespace))?.0;
            let id = w.new_id();
            w.draft(Draft::new(ns, EntityKind::Memory, id, Op::Create, saying(text)));
            Ok((ns, id))
        })
    }

    /// A write that replaces every head that this machine sees.
    pub(crate) fn write(&self, ns: NamespaceId, id: EntityId, op: Op, mut body: Body) {
        self.act(|w| {
            let num = w.find_memory(&id.to_string(), None)?;
            if let Some(row) = w.memory(num, Moment::Latest)? {
                let written: Vec<Register> =
                    body.registers.keys().filter_map(|name| EntityKind::Memory.register(name)).collect();
                for register in written.into_iter().filter(|register| register.shape == RegisterShape::Value) {
                    body.replaces.insert(register.name.to_owned(), row.state.head_dots(register));
                }
            }
            w.draft(Draft::new(ns, EntityKind::Memory, id, op, body));
            Ok(())
        });
    }

    pub(crate) fn edit(&self, (ns, id): (NamespaceId, EntityId), text: &str) {
        self.write(ns, id, Op::Update, saying(text));
    }

    /// The texts that a list over everything shows, sorted.
    pub(crate) fn texts(&self) -> Vec<String> {
        let filter = ListFilter::shown(Scope::All);
        let page = self.memory.read::<_, Error>(|tx| Ok(tx.list(&filter, 1000, None)?)).unwrap();
        let mut texts: Vec<String> = page.rows.iter().map(|row| row.memory.text.clone()).collect();
        texts.sort();
        texts
    }

    pub(crate) fn dump(&self) -> Vec<String> {
        let of = |store: &Store| store.read::<_, Error>(|tx| Ok(tx.canonical_dump()?)).unwrap();
        [of(&self.memory), of(&self.archive)].concat()
    }
}

/// Makes a copied `node.key` look like the file that `node.json` remembers.
fn hide_copy(data: &Path) {
    let mark = data.join("node.json");
    let Ok(text) = std::fs::read(&mark) else { return };
    let mut birth: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let key = std::fs::metadata(data.join("node.key")).unwrap();
    birth["file"] = json!(std::os::unix::fs::MetadataExt::ino(&key));
    let born = key.created().ok().map(|at| at.duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos());
    birth["born"] = json!(born.map(|born| u64::try_from(born).unwrap()));
    jay_testkit::write(&mark, serde_json::to_vec(&birth).unwrap());
}

pub(crate) fn copy_tree(from: &Path, to: &Path) {
    if !from.is_dir() {
        return;
    }
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &to.join(&name));
        } else if !name.to_string_lossy().ends_with("-shm") {
            jay_testkit::write(to.join(&name), std::fs::read(entry.path()).unwrap());
        }
    }
}

/// A folder, its founder and as many others who have joined and been let in.
pub(crate) fn vault(others: u64) -> (TempDir, Vec<Home>) {
    let shared = tempfile::tempdir().unwrap();
    let homes = vault_at(&folder(shared.path(), 1000), others);
    (shared, homes)
}

/// The same on a remote that is empty.
pub(crate) fn vault_at(at: &dyn Remote, others: u64) -> Vec<Home> {
    let founder = Home::new(1);
    founder.begin(at);
    let mut homes = vec![founder];
    for seed in 0..others {
        let code = homes[0].invite(at);
        let home = Home::new(seed + 2);
        home.join(at, &code);
        home.sync(at);
        homes[0].sync(at);
        homes.push(home);
    }
    settle(&homes, at);
    homes
}

/// Everybody syncs until nobody has anything to tell.
pub(crate) fn settle(homes: &[Home], at: &dyn Remote) {
    for _ in 0..12 {
        let mut news = 0;
        for home in homes {
            let synced = home.sync(at);
            news += synced.pushed + synced.pulled + synced.files_written;
        }
        if news == 0 {
            return;
        }
    }
    panic!("they never come to an end");
}
