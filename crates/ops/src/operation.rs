//! What an operation is, and its type-erased form that the catalogue lists.

use jay_core::{Call, Door};
use jay_types::{Error, Result};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::OnceLock;

/// What an operation may do; decides who may call it and what MCP is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Changes nothing.
    Read,
    /// Writes memories or sessions; takes an `idempotency_key`.
    Write,
    /// Writes what only a person may decide: what is final, what brings back the forgotten, what names and guards a namespace.
    Admin,
    /// Changes only what this store derives from its journals (queues, projections); running it twice is harmless.
    Maintain,
    /// Arranges with whom this machine shares: remotes, the vault. People only; sent twice it is done twice, since the answers may
    /// hold a secret that is kept nowhere.
    Arrange,
}

impl Access {
    /// True where the operation changes what the journals say.
    #[must_use]
    pub const fn writes(self) -> bool {
        matches!(self, Self::Write | Self::Admin)
    }
}

/// Every door.
pub const ALL_DOORS: &[Door] = &[Door::Cli, Door::Call, Door::Http, Door::Mcp, Door::Web];
/// The doors at which a person looks: what was forgotten comes back nowhere else.
pub const SEEN_BY_PEOPLE: &[Door] = &[Door::Cli, Door::Web];
/// The doors of operations that only a person uses.
pub const PEOPLE: &[Door] = &[Door::Cli, Door::Call, Door::Web];
/// The doors of operations about this machine, which are of no use to an agent.
pub const HERE: &[Door] = &[Door::Cli, Door::Call, Door::Http, Door::Web];
/// The doors of operations that write files of this machine outside the store.
pub const AT_THE_MACHINE: &[Door] = &[Door::Cli, Door::Call];
/// The doors of operations whose input is made by programs.
pub const PROGRAMS: &[Door] = &[Door::Call, Door::Http, Door::Mcp, Door::Web];

/// How far a long operation has come: bytes done, bytes in all, what is being read.
pub type Progress<'a> = dyn FnMut(u64, u64, &str) + 'a;

/// One operation. Its input's doc comment is the help of every door: the first line says what it does in the imperative.
pub trait Operation {
    /// Its name: the words of the command line joined by `_`.
    const NAME: &'static str;
    /// What it may do.
    const ACCESS: Access;
    /// Where it is offered.
    const DOORS: &'static [Door];
    /// Fields that the small MCP profile shows; none where the operation is not part of it.
    const BRIEF: Option<&'static [&'static str]> = None;
    /// It takes away something that an agent may still want (the MCP `destructiveHint`).
    const DESTRUCTIVE: bool = false;
    /// Doing it twice with the same input leaves what doing it once leaves (the MCP `idempotentHint`).
    const IDEMPOTENT: bool = true;
    /// It cannot be undone: the command line asks before it is run.
    const FINAL: bool = false;
    /// It is one short write: in `jay call` it may share a commit with others that wait.
    const SHORT: bool = false;
    /// What it takes.
    type Input: DeserializeOwned + JsonSchema;
    /// What it answers.
    type Output: Serialize + DeserializeOwned + JsonSchema;

    /// Runs it.
    ///
    /// # Errors
    /// What the core answers.
    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output>;

    /// Runs it and tells how far it has come; the same as [`Operation::run`] where it is not long.
    ///
    /// # Errors
    /// What the core answers.
    fn run_with_progress(call: &Call<'_>, input: Self::Input, _progress: &mut Progress<'_>) -> Result<Self::Output> {
        Self::run(call, input)
    }

    /// The answer as an agent reads it, within `max_tokens`; none where its JSON serves as well.
    fn for_agents(_output: &Self::Output, _max_tokens: usize) -> Option<String> {
        None
    }
}

type Run = fn(&Call<'_>, &Value, &mut Progress<'_>) -> Result<Value>;

/// An operation without its types: what the catalogue lists.
pub struct Spec {
    /// Its name: the words of the command line joined by `_`.
    pub name: &'static str,
    /// What it may do.
    pub access: Access,
    /// Where it is offered.
    pub doors: &'static [Door],
    /// Fields that the small MCP profile shows.
    pub brief: Option<&'static [&'static str]>,
    /// It takes away something that an agent may still want.
    pub destructive: bool,
    /// Doing it twice leaves what doing it once leaves.
    pub idempotent: bool,
    /// It cannot be undone.
    pub is_final: bool,
    /// In `jay call` it may share a commit with the lines that wait.
    pub is_short: bool,
    run: Run,
    for_agents: fn(&Value, usize) -> Option<String>,
    make_input: fn() -> Value,
    make_output: fn() -> Value,
    input: OnceLock<Value>,
    output: OnceLock<Value>,
}

impl Spec {
    /// The operation `O` without its types.
    #[must_use]
    pub const fn of<O: Operation>() -> Self {
        Self {
            name: O::NAME,
            access: O::ACCESS,
            doors: O::DOORS,
            brief: O::BRIEF,
            destructive: O::DESTRUCTIVE,
            idempotent: O::IDEMPOTENT,
            is_final: O::FINAL,
            is_short: O::SHORT,
            run: run::<O>,
            for_agents: |value, max_tokens| {
                let output = O::Output::deserialize(value).ok()?;
                O::for_agents(&output, max_tokens)
            },
            make_input: || schema_of::<O::Input>(SchemaSettings::draft2020_12()),
            make_output: || schema_of::<O::Output>(SchemaSettings::draft2020_12().for_serialize()),
            input: OnceLock::new(),
            output: OnceLock::new(),
        }
    }

    /// The words of the command line: `session_search` is `session search`.
    #[must_use]
    pub fn words(&self) -> String {
        self.name.replace('_', " ")
    }

    /// The schema of what it takes, with what the catalogue itself adds.
    pub fn input_schema(&self) -> &Value {
        self.input.get_or_init(|| {
            let mut schema = (self.make_input)();
            if self.access.writes() {
                crate::schema::add_idempotency_key(&mut schema);
            }
            schema
        })
    }

    /// The schema of what it answers.
    pub fn output_schema(&self) -> &Value {
        self.output.get_or_init(|| (self.make_output)())
    }

    /// What it does, in one line.
    pub fn summary(&self) -> &str {
        self.about().lines().next().unwrap_or_default()
    }

    /// What it does, in full.
    pub fn about(&self) -> &str {
        self.input_schema().get("description").and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn run(&self, call: &Call<'_>, input: &Value, progress: &mut Progress<'_>) -> Result<Value> {
        (self.run)(call, input, progress)
    }

    pub(crate) fn for_agents(&self, output: &Value, max_tokens: usize) -> Option<String> {
        (self.for_agents)(output, max_tokens)
    }
}

fn run<O: Operation>(call: &Call<'_>, input: &Value, progress: &mut Progress<'_>) -> Result<Value> {
    let input = crate::check::read::<O::Input>(O::NAME, input)?;
    let output = O::run_with_progress(call, input, progress)?;
    serde_json::to_value(output)
        .map_err(|error| Error::internal(format!("the answer of {} cannot be written as JSON: {error}", O::NAME)))
}

fn schema_of<T: JsonSchema>(settings: SchemaSettings) -> Value {
    let settings = settings.with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    if let Some(object) = schema.as_object_mut() {
        object.remove("title");
        object.remove("$defs");
    }
    schema
}
