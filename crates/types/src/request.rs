//! What callers ask for: the fields of a new memory, an edit, a filter, a recall.
//!
//! They stand here so that the catalogue, which publishes them, and the core, which obeys them, share one definition.
//! The doc comments are the help of every door.

use crate::bounds::{Limit, MemoryText, Query, Tag, Title, Unit, Word};
use crate::id::EntityId;
use crate::memory::{Kind, Link, Place, Source};
use crate::namespace::NamespacePath;
use crate::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A memory to be kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NewMemory {
    /// What to remember, at most 64 KiB
    #[schemars(extend("x-positional" = true))]
    pub text: MemoryText,
    /// What sort of memory it is
    #[serde(default)]
    pub kind: Kind,
    /// Slot that it claims: the latest memory with this key supersedes the earlier ones of its namespace
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Word>,
    /// A short title
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Title>,
    /// Tags, at most 64
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-flag" = "tag"))]
    pub tags: Vec<Tag>,
    /// How much it matters, 0 to 1; breaks ties only
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub importance: Option<Unit>,
    /// How sure it is, 0 to 1
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Unit>,
    /// Keep it in the context at all times
    #[serde(default)]
    pub pinned: bool,
    /// Where it came from
    #[serde(default, skip_serializing_if = "Source::is_empty")]
    pub source: Source,
    /// When it was said or learned; the moment of writing where not given
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// From when it holds
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Timestamp>,
    /// Until when it holds
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<Timestamp>,
    /// After which it is not shown any more; it is not removed
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Where to keep it; the caller's own namespace where not given
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<NamespacePath>,
}

/// Changes to one memory; what is not given stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Edit {
    /// New text
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<MemoryText>,
    /// New title
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Title>,
    /// New kind
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// New key
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Word>,
    /// The full list of tags that it shall have
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-flag" = "tag"))]
    pub tags: Option<Vec<Tag>>,
    /// Tags to add
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-flag" = "add-tag"))]
    pub add_tags: Vec<Tag>,
    /// Tags to remove
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-flag" = "remove-tag"))]
    pub remove_tags: Vec<Tag>,
    /// New importance, 0 to 1
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub importance: Option<Unit>,
    /// New confidence, 0 to 1
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Unit>,
    /// Pin it, or not
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
    /// New source
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// From when it holds
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Timestamp>,
    /// Until when it holds
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<Timestamp>,
    /// After which it is not shown any more
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Fields to empty: title, key, importance, confidence, source, valid_from, valid_to, expires_at
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clear: Vec<Clearable>,
}

/// A field that `update --clear` can empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Clearable {
    /// The title.
    Title,
    /// The key.
    Key,
    /// The importance.
    Importance,
    /// The confidence.
    Confidence,
    /// The source.
    Source,
    /// The start of validity.
    ValidFrom,
    /// The end of validity.
    ValidTo,
    /// The expiry.
    ExpiresAt,
}

/// Which memories are meant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Filter {
    /// See this namespace, its ancestors and `global`; the caller's own where not given
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<NamespacePath>,
    /// See every namespace
    #[serde(default)]
    pub all: bool,
    /// Only these kinds
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-flag" = "kind"))]
    pub kinds: Vec<Kind>,
    /// Only those that have all of these tags
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-flag" = "tag"))]
    pub tags: Vec<Tag>,
    /// Only those created at or after this time (2026-05-01, RFC 3339, or an age such as 3d)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Word>,
    /// Only those created before this time
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Word>,
    /// Also superseded ones
    #[serde(default)]
    pub include_superseded: bool,
    /// Also expired ones
    #[serde(default)]
    pub include_expired: bool,
    /// Also forgotten ones (people only, from the command line or the web)
    #[serde(default)]
    pub include_forgotten: bool,
    /// As this store knew it at that time (a time, an age such as 3d, or a position such as pos:120)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Word>,
}

/// A question to the memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecallQuery {
    /// What to look for, in words; quote a phrase to demand it, write `deploy*` for words that begin so
    #[schemars(extend("x-positional" = true))]
    pub query: Query,
    /// Which memories are meant
    #[serde(flatten)]
    pub filter: Filter,
    /// The most hits to return
    #[serde(default)]
    pub limit: Limit<10, 200>,
    /// Stop before the hits exceed this many tokens (estimated)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<Limit<1200, 100_000>>,
    /// Answer nothing unless the best hit is an answer with this confidence, 0 to 1: the share of questions about other
    /// subjects that find only weaker ones here
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_confidence: Option<Unit>,
    /// Say for each hit why it is here
    #[serde(default)]
    pub explain: bool,
}

/// One memory that answers a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hit {
    /// Its id
    pub id: EntityId,
    /// What it says; a window of it where it is long (`span` tells which)
    pub text: String,
    /// How well it fits, 0 to 1 and above; comparable within one answer
    pub score: f64,
    /// The path of its namespace
    pub namespace: String,
    /// What sort it is
    pub kind: Kind,
    /// Its title
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// When it was said or learned
    pub created_at: Timestamp,
    /// Where it came from
    pub source: Source,
    /// Where `text` stands in a file, where it is a piece of a document
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Characters of the memory's text that `text` shows, where it does not show all
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<(u64, u64)>,
    /// Every leg's rank and score, where asked for
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<serde_json::Value>,
}

/// The answer to a question. An empty one is an answer; `notes` say what it could not take into account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recalled {
    /// Best first
    pub hits: Vec<Hit>,
    /// The confidence of the best hit, where `min_confidence` or `explain` asked for it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// `text_only`, `below_floor`, `12 memories are not embedded yet`, …
    pub notes: Vec<String>,
}

/// What became of a memory that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is kept as a new memory.
    Created,
    /// It says what an earlier one says; that one is named, and has what this one added.
    Duplicate,
}

/// The answer to remember.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Remembered {
    /// The memory that has it now
    pub id: EntityId,
    /// What became of it
    pub outcome: Outcome,
    /// Why, where there is more to say: `redacted aws_access_key`, `fills tags`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// A memory that says nearly the same, or that this one supersedes
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<EntityId>,
    /// The path of its namespace
    pub namespace: String,
    /// The number of its changes held here
    pub version: u64,
}

/// A link to be made or taken away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LinkEnds {
    /// The memory that links (its id, or at least 6 characters of either end of it)
    #[schemars(extend("x-positional" = true))]
    pub from: Word,
    /// The memory that is linked to
    #[schemars(extend("x-positional" = true))]
    pub to: Word,
    /// How they belong together: relates, supersedes, derived_from, contradicts, or a word of your own
    #[serde(default = "relates")]
    pub relation: Word,
}

fn relates() -> Word {
    Word::new("relates").unwrap_or_else(|_| unreachable!("`relates` is within bounds"))
}

/// The answer to every write that touches one memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Written {
    /// The memory
    pub id: EntityId,
    /// The path of its namespace
    pub namespace: String,
    /// The number of its changes held here
    pub version: u64,
    /// False where it was so already and nothing was written
    pub changed: bool,
    /// What there is to say: `redacted aws_access_key`, …
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Links of a memory, both directions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LinksOf {
    /// From it
    pub from_here: Vec<Link>,
    /// To it: the relation and the memory that links
    pub to_here: Vec<Link>,
}
