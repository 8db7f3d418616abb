//! Stores in temporary directories, and the short words in which the tests speak of them.

use jay_store::vector_index::VectorMath;
use jay_store::{
    ActorName, Analysis, Bm25, Draft, ListFilter, Machine, MemoryRow, Moment, ReceiveReport, Scope, Store,
    StoreOptions, TextQuery, WantedVectors, WriteTx,
};
use jay_testkit::{Clock, Random};
use jay_types::change::frame::{self, FrameEntry};
use jay_types::change::registry::{FORGOTTEN, TEXT};
use jay_types::change::{Body, EntityKind, Op, Register, RegisterShape};
use jay_types::namespace::NamespacePath;
use jay_types::surroundings::Surroundings;
use jay_types::time::SECOND;
use jay_types::{EntityId, Error, NamespaceId, NodeId, Timestamp};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// Time that steps and randomness that belongs to a seed.
pub(crate) struct Steps {
    pub(crate) clock: Clock,
    random: Mutex<Random>,
}

impl Steps {
    pub(crate) fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self { clock: Clock::new(), random: Mutex::new(Random::new(seed)) })
    }
}

impl Surroundings for Steps {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }
    fn fill_random(&self, bytes: &mut [u8]) {
        self.random.lock().unwrap().fill(bytes);
    }
}

/// Words in lower case: an analysis that a test can foresee.
pub(crate) fn words(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join(" ")
}

/// Arithmetic as the engine gives it.
pub(crate) const MATH: VectorMath = VectorMath {
    distances: jay_models::kernel::distances,
    query_code: jay_models::weighted_query,
    dot: jay_models::kernel::dot,
    sign_code: jay_models::sign_code,
    version: jay_models::signs::SIGNS_VERSION,
};
/// A question for one of these words.
pub(crate) fn asking(text: &str) -> TextQuery {
    TextQuery::any(words(text).split(' '))
}

/// The paths of all calls of `write`.
fn touched(message: &jay_types::session::Message) -> Vec<String> {
    use jay_types::session::Part;
    let path = |part: &Part| match part {
        Part::ToolCall { name, input, .. } if name == "write" => input["path"].as_str().map(str::to_owned),
        _ => None,
    };
    message.parts.iter().filter_map(path).collect()
}

pub(crate) fn options(directory: &Path, steps: &Arc<Steps>) -> StoreOptions {
    StoreOptions {
        directory: directory.to_owned(),
        force_location: false,
        machine: Machine { id: "test machine".to_owned() },
        surroundings: Arc::clone(steps) as Arc<dyn Surroundings>,
        analysis: Analysis {
            index_text: words,
            is_question: |text| text.ends_with('?'),
            touched,
            version: 1,
            bm25: Bm25 { k1: 0.9, b: 0.4 },
        },
        vector_math: MATH,
        embedder: None,
        model: None,
    }
}

pub(crate) fn ann() -> ActorName {
    ActorName { kind: "person".to_owned(), name: "ann".to_owned() }
}

pub(crate) fn path(text: &str) -> NamespacePath {
    NamespacePath::parse(text).unwrap()
}

/// One data directory with both stores open.
pub(crate) struct Node {
    home: Arc<TempDir>,
    pub(crate) memory: Store,
    pub(crate) archive: Store,
    pub(crate) steps: Arc<Steps>,
}

impl Node {
    pub(crate) fn new(seed: u64) -> Self {
        let home = tempfile::Builder::new().prefix("jay-store-").tempdir().unwrap();
        Self::open(Arc::new(home), Steps::new(seed))
    }

    fn open(home: Arc<TempDir>, steps: Arc<Steps>) -> Self {
        let (memory, archive) = Store::pair(&options(&home.path().join("data"), &steps));
        Self { home, memory, archive, steps }
    }

    pub(crate) fn directory(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// The same directory, as another process would open it.
    pub(crate) fn again(&self) -> Self {
        Self::open(Arc::clone(&self.home), Arc::clone(&self.steps))
    }

    /// The same directory, opened by a process that wants the vectors of `model`, made later by a job; none for none.
    pub(crate) fn wanting(&self, model: Option<&str>) -> Self {
        self.embedding(model.map(|model| WantedVectors { model: model.to_owned(), dimension: 48, at_once: None }))
    }

    /// The same directory, opened by a process that wants the vectors of two models, both made later by jobs.
    pub(crate) fn wanting_both(&self, table: &str, model: Option<&str>) -> Self {
        let wanted = |model: &str, dimension| WantedVectors { model: model.to_owned(), dimension, at_once: None };
        let options = options(&self.directory(), &self.steps);
        let (embedder, model) = (Some(wanted(table, 48)), model.map(|model| wanted(model, 64)));
        let (memory, archive) = Store::pair(&StoreOptions { embedder, model, ..options });
        Self { home: Arc::clone(&self.home), memory, archive, steps: Arc::clone(&self.steps) }
    }

    /// The same directory, opened by a process that wants these vectors.
    pub(crate) fn embedding(&self, embedder: Option<WantedVectors>) -> Self {
        let options = StoreOptions { embedder, ..options(&self.directory(), &self.steps) };
        let (memory, archive) = Store::pair(&options);
        Self { home: Arc::clone(&self.home), memory, archive, steps: Arc::clone(&self.steps) }
    }

    /// A copy of the whole directory, as `cp -r` makes it.
    pub(crate) fn copy(&self, seed: u64) -> Self {
        let home = tempfile::Builder::new().prefix("jay-store-").tempdir().unwrap();
        copy_files(&self.directory(), &home.path().join("data"));
        let copy = Self::open(Arc::new(home), Steps::new(seed));
        copy.steps.clock.advance(self.steps.clock.now().0 - copy.steps.clock.now().0);
        copy
    }

    /// A copy that looks like the original to itself: a machine that was cloned as a whole.
    pub(crate) fn clone_undetected(&self, seed: u64) -> Self {
        let copy = self.copy(seed);
        let mark = copy.directory().join("node.json");
        let mut birth: serde_json::Value = serde_json::from_slice(&std::fs::read(&mark).unwrap()).unwrap();
        let key = std::fs::metadata(copy.directory().join("node.key")).unwrap();
        birth["file"] = json!(std::os::unix::fs::MetadataExt::ino(&key));
        let born = key.created().ok().map(|at| at.duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos());
        let born = born.map(|born| u64::try_from(born).unwrap());
        birth["born"] = json!(born);
        jay_testkit::write(&mark, serde_json::to_vec(&birth).unwrap());
        copy
    }

    pub(crate) fn id(&self) -> NodeId {
        self.memory.node().unwrap()
    }

    /// One act of Ann's, a second after the last.
    pub(crate) fn act<T>(&self, write: impl FnOnce(&mut WriteTx<'_>) -> Result<T, Error>) -> Result<T, Error> {
        self.steps.clock.advance(SECOND);
        self.memory.write(&ann(), write)
    }

    pub(crate) fn namespace(&self, text: &str) -> (NamespaceId, i64) {
        self.act(|w| Ok(w.namespace(&path(text))?)).unwrap()
    }

    /// Creates a memory in namespace `ns`.
    pub(crate) fn remember(&self, ns: NamespaceId, text: &str) -> EntityId {
        self.create(ns, saying(text))
    }

    pub(crate) fn create(&self, ns: NamespaceId, body: Body) -> EntityId {
        self.act(|w| Ok(create(w, ns, body))).unwrap()
    }

    pub(crate) fn edit(&self, ns: NamespaceId, id: EntityId, body: Body) {
        self.act(|w| edit(w, ns, id, Op::Update, body)).unwrap();
    }

    pub(crate) fn forget(&self, ns: NamespaceId, id: EntityId) {
        self.act(|w| forget(w, ns, id)).unwrap();
    }

    pub(crate) fn unforget(&self, ns: NamespaceId, id: EntityId) {
        let body = Body::default().with(FORGOTTEN, serde_json::Value::Null);
        self.act(|w| edit(w, ns, id, Op::Unforget, body)).unwrap();
    }

    pub(crate) fn purge(&self, ns: NamespaceId, id: EntityId) {
        self.act(|w| {
            w.draft(Draft::new(ns, EntityKind::Memory, id, Op::Purge, Body::default()));
            Ok(())
        })
        .unwrap();
    }

    pub(crate) fn get(&self, id: EntityId) -> Option<MemoryRow> {
        self.get_at(id, Moment::Latest)
    }

    pub(crate) fn get_at(&self, id: EntityId, moment: Moment) -> Option<MemoryRow> {
        self.memory
            .read::<_, Error>(|tx| {
                let Ok(num) = tx.find_memory(&id.to_string(), None) else { return Ok(None) };
                Ok(tx.memory(num, moment)?)
            })
            .unwrap()
    }

    /// The ids of a list over everything, newest first.
    pub(crate) fn list(&self) -> Vec<EntityId> {
        let page = self.memory.read::<_, Error>(|tx| Ok(tx.list(&everything(), 1000, None)?)).unwrap();
        page.rows.iter().map(|row| row.memory.id).collect()
    }

    /// The ids that a search over everything finds, sorted.
    pub(crate) fn search(&self, terms: &str) -> Vec<EntityId> {
        self.search_at(terms, &everything())
    }

    pub(crate) fn search_at(&self, terms: &str, filter: &ListFilter) -> Vec<EntityId> {
        let found = self.memory.read::<_, Error>(|tx| {
            let hits = tx.search_memories(&asking(terms), filter, 1000)?;
            let mut ids = Vec::new();
            for hit in hits {
                ids.extend(tx.memory(hit.entity, filter.moment)?.map(|row| row.memory.id));
            }
            Ok(ids)
        });
        let mut ids = found.unwrap();
        ids.sort();
        ids
    }

    pub(crate) fn dump(&self) -> Vec<String> {
        self.memory.read::<_, Error>(|tx| Ok(tx.canonical_dump()?)).unwrap()
    }

    pub(crate) fn receive(&self, entries: &[FrameEntry]) -> ReceiveReport {
        self.memory.receive(entries).unwrap()
    }
}

/// Copies the files of a directory that is not written to at this moment; shared memory is made again by who opens it.
pub(crate) fn copy_files(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if entry.file_type().unwrap().is_file() && !name.to_string_lossy().ends_with("-shm") {
            jay_testkit::write(to.join(&name), std::fs::read(entry.path()).unwrap());
        }
    }
}

pub(crate) fn everything() -> ListFilter {
    ListFilter::shown(Scope::All)
}

pub(crate) fn saying(text: &str) -> Body {
    Body::default().with(TEXT, json!({"text": text}))
}

pub(crate) fn create(w: &mut WriteTx<'_>, ns: NamespaceId, body: Body) -> EntityId {
    let id = w.new_id();
    w.draft(Draft::new(ns, EntityKind::Memory, id, Op::Create, body));
    id
}

/// Drafts a write that replaces every head that it sees.
pub(crate) fn edit(w: &mut WriteTx<'_>, ns: NamespaceId, id: EntityId, op: Op, mut body: Body) -> Result<(), Error> {
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
}

pub(crate) fn forget(w: &mut WriteTx<'_>, ns: NamespaceId, id: EntityId) -> Result<(), Error> {
    let num = w.find_memory(&id.to_string(), None)?;
    let text = w.memory(num, Moment::Latest)?.unwrap().memory.text;
    let mark = w.mark_of(w.namespace_num(ns)?.unwrap(), &text)?.unwrap();
    let body = Body::default().with(FORGOTTEN, json!({"mac": jay_types::id::to_hex(&mark)}));
    edit(w, ns, id, Op::Forget, body)
}

/// Every change that a store holds, as parts of acts, branch by branch in their order.
pub(crate) fn export(store: &Store) -> Vec<Vec<FrameEntry>> {
    store
        .read::<_, Error>(|tx| {
            let mut parts: Vec<Vec<FrameEntry>> = Vec::new();
            for branch in tx.branches()? {
                for change in tx.branch_changes(&branch, 0, u32::MAX)? {
                    if change.header.index == 0 {
                        parts.push(Vec::new());
                    }
                    parts.last_mut().unwrap().push(change.entry());
                }
            }
            Ok(parts)
        })
        .unwrap()
}

/// Sends parts as a frame and reads them back.
pub(crate) fn over_the_wire(parts: &[Vec<FrameEntry>]) -> Vec<FrameEntry> {
    let entries: Vec<FrameEntry> = parts.iter().flatten().cloned().collect();
    let sent = frame::decode(&frame::encode(&entries).unwrap()).unwrap();
    assert_eq!(sent, entries);
    sent
}

/// Gives `to` everything that `from` holds.
pub(crate) fn sync(from: &Node, to: &Node) -> ReceiveReport {
    to.receive(&over_the_wire(&export(&from.memory)))
}
