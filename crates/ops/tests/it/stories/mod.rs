//! What a user lives through, told through the catalogue over real stores: JSON in, JSON out.
//!
//! `m01` … `m26` in a name are the lessons of other tools' users that the story shows.

mod appending;
mod batch;
mod blaming;
mod confidence;
mod documents;
mod documents_elsewhere;
mod edits;
mod endpoints;
mod erasing;
mod evaluating;
mod events;
mod exporting;
mod fetched;
mod forgetting;
mod forms;
mod git;
mod idempotency;
mod looking_through;
mod machine;
mod model;
mod models;
mod namespaces;
mod prefixes;
mod purging;
mod queries;
mod ranking;
mod reading;
mod recalling;
mod remembering;
mod reranking;
mod rereading;
mod resuming;
mod resuming_everywhere;
mod retention;
mod secrets;
mod session_list;
mod session_search;
mod sessions;
mod sharing;
mod sharing_by_client;
mod sharing_clocks;
mod sharing_copies;
mod sharing_health;
mod sharing_moves;
mod sharing_periods;
mod sharing_places;
mod sql;
mod syncing;
mod undoing;
mod usage;
mod verifying;
mod watching;

use jay_core::{ActorKind, Caller, Door, EmbedderChoice, Engine, EngineOptions, Surroundings};
use jay_ops::{Context, find};
use jay_testkit::{Clock, Random, TempHome};
use jay_types::namespace::NamespacePath;
use jay_types::{Code, Error, Timestamp};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// A server's key, in the variable `JAY_TEST_KEY` of every world.
const KEY: &str = "sk-a-key-that-nobody-sees";

/// A clock that the world steps, and bytes of a seed.
struct Steps {
    clock: Clock,
    random: Mutex<Random>,
    /// Microseconds that pass with each look at the clock.
    passes: std::sync::atomic::AtomicI64,
}

impl Surroundings for Steps {
    fn now(&self) -> Timestamp {
        self.clock.advance(self.passes.load(std::sync::atomic::Ordering::Relaxed))
    }
    fn fill_random(&self, bytes: &mut [u8]) {
        self.random.lock().unwrap().fill(bytes);
    }
}

/// One machine with its store; each call is a second later than the one before.
struct World {
    home: TempHome,
    steps: Arc<Steps>,
    engine: Engine,
    /// A person at the web page, in `work/acme/api`.
    me: Caller,
}

impl World {
    fn new() -> Self {
        Self::with(false)
    }

    fn with(test_embedder: bool) -> Self {
        Self::embedding(if test_embedder { EmbedderChoice::Test } else { EmbedderChoice::None })
    }

    fn embedding(embedder: EmbedderChoice) -> Self {
        let home = TempHome::new();
        let steps = Arc::new(Steps { clock: Clock::new(), random: Mutex::new(Random::new(7)), passes: 0.into() });
        Self::open(home, steps, embedder)
    }

    /// The same store, as the next process opens it.
    fn again(self, embedder: EmbedderChoice) -> Self {
        Self::open(self.home, self.steps, embedder)
    }

    /// The same store, on a machine of another name.
    fn on(self, host: &str) -> Self {
        Self::open_on(self.home, self.steps, EmbedderChoice::None, host)
    }

    /// The same store, of a person who has rules for how long sessions are kept.
    fn keeping(self, rules: &str) -> Self {
        let retention = Some(rules.to_owned());
        let options = EngineOptions { retention, ..Self::options(&self.home, EmbedderChoice::None, "host") };
        Self::open_with(self.home, self.steps, options)
    }

    fn open(home: TempHome, steps: Arc<Steps>, embedder: EmbedderChoice) -> Self {
        Self::open_on(home, steps, embedder, "host")
    }

    fn open_on(home: TempHome, steps: Arc<Steps>, embedder: EmbedderChoice, host: &str) -> Self {
        let options = Self::options(&home, embedder, host);
        Self::open_with(home, steps, options)
    }

    fn options(home: &TempHome, embedder: EmbedderChoice, host: &str) -> EngineOptions {
        EngineOptions {
            data_dir: home.path().join("scrubjay"),
            force_location: true,
            embedder,
            model: None,
            reranker: None,
            retention: None,
            machine_id: "machine".to_owned(),
            host: host.to_owned(),
            user: "ann".to_owned(),
            home: Some(home.work_dir()),
            variables: [("JAY_TEST_KEY".to_owned(), KEY.to_owned())].into(),
            namespace_of: None,
        }
    }

    fn open_with(home: TempHome, steps: Arc<Steps>, options: EngineOptions) -> Self {
        let engine = Engine::open(options, Arc::clone(&steps) as Arc<dyn Surroundings>).unwrap();
        Self { home, steps, engine, me: someone("ann", ActorKind::Person, Door::Web, "work/acme/api") }
    }

    fn ask(&self, caller: &Caller, op: &str, input: Value) -> Result<Value, Error> {
        self.steps.clock.tick();
        let context = Context { engine: &self.engine, caller, surroundings: self.steps.as_ref() };
        jay_ops::call(find(op).unwrap(), &context, input)
    }

    #[track_caller]
    fn ok(&self, op: &str, input: Value) -> Value {
        self.by(&self.me, op, input)
    }

    #[track_caller]
    fn by(&self, caller: &Caller, op: &str, input: Value) -> Value {
        match self.ask(caller, op, input.clone()) {
            Ok(value) => value,
            Err(error) => panic!("{op} {input}: {error:?}"),
        }
    }

    #[track_caller]
    fn err(&self, op: &str, input: Value) -> Error {
        self.err_by(&self.me, op, input)
    }

    #[track_caller]
    fn err_by(&self, caller: &Caller, op: &str, input: Value) -> Error {
        match self.ask(caller, op, input.clone()) {
            Ok(value) => panic!("{op} {input} was not refused: {value}"),
            Err(error) => {
                assert!(!error.message.ends_with('.') && error.hint.is_some(), "{error:?}");
                error
            }
        }
    }

    /// Remembers and gives the id.
    #[track_caller]
    fn keep(&self, input: Value) -> String {
        let answer = self.ok("remember", input.clone());
        assert_eq!(answer["outcome"], "created", "{input}: {answer}");
        answer["id"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    fn get(&self, id: &str) -> Value {
        self.ok("get", json!({"ids": [id]}))["memories"][0].clone()
    }

    /// The texts that a recall finds, best first.
    #[track_caller]
    fn recall(&self, input: Value) -> Vec<String> {
        texts(&self.ok("recall", input)["hits"])
    }

    /// The texts of a list, newest first.
    #[track_caller]
    fn list(&self, input: Value) -> Vec<String> {
        texts(&self.ok("list", input)["memories"])
    }

    /// Changes in both journals: a refused write leaves it as it was.
    #[track_caller]
    fn changes(&self) -> u64 {
        self.ok("status", json!({}))["changes"].as_u64().unwrap()
    }

    fn now(&self) -> String {
        self.steps.clock.now().rfc3339()
    }
}

fn someone(name: &str, kind: ActorKind, door: Door, namespace: &str) -> Caller {
    Caller { kind, name: name.to_owned(), door, namespace: NamespacePath::parse(namespace).unwrap() }
}

/// An agent over MCP, in the namespace of [`World::me`].
fn agent() -> Caller {
    someone("claude", ActorKind::Agent, Door::Mcp, "work/acme/api")
}

fn texts(list: &Value) -> Vec<String> {
    strings(list, "text")
}

fn strings(list: &Value, field: &str) -> Vec<String> {
    let items = list.as_array().unwrap_or_else(|| panic!("not a list: {list}"));
    items.iter().map(|item| item[field].as_str().unwrap_or_else(|| panic!("{field}: {item}")).to_owned()).collect()
}

/// Every file of the home that holds these bytes.
fn files_with(home: &TempHome, needle: &str) -> Vec<String> {
    let holds = |bytes: &[u8]| bytes.windows(needle.len()).any(|window| window == needle.as_bytes());
    let files = home.files().unwrap().into_iter().filter(|(_, bytes)| holds(bytes));
    files.map(|(path, _)| path.display().to_string()).collect()
}

/// Memory and archive of a world as another process of the machine opens them.
fn stores_of(world: &World) -> (jay_store::Store, jay_store::Store) {
    let options = jay_store::StoreOptions {
        directory: world.home.path().join("scrubjay"),
        force_location: true,
        machine: jay_store::Machine { id: "machine".to_owned() },
        surroundings: Arc::clone(&world.steps) as Arc<dyn Surroundings>,
        analysis: jay_store::Analysis {
            is_question: |text| text.ends_with('?'),
            touched: |_| vec![],
            index_text: str::to_lowercase,
            version: 1,
            bm25: jay_store::Bm25 { k1: 0.9, b: 0.4 },
        },
        vector_math: jay_store::vector_index::VectorMath {
            distances: |_, _, _| (),
            query_code: |_| (vec![], 0),
            dot: |_, _| 0,
            sign_code: |_| vec![],
            version: 1,
        },
        embedder: None,
        model: None,
    };
    jay_store::Store::pair(&options)
}

/// Where the checked-in session files stand.
fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/sessions").canonicalize().unwrap()
}
