//! A memory and the fields that it has (DESIGN section 3).

use crate::bounds::Unit;
use crate::id::{Dot, EntityId};
use crate::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What sort of memory it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Anything worth keeping.
    #[default]
    Note,
    /// Something that is so.
    Fact,
    /// Something that was decided, and why.
    Decision,
    /// How somebody wants things done.
    Preference,
    /// How something is done, step by step.
    Procedure,
    /// Something that surprises and costs time.
    Gotcha,
    /// Something that happened.
    Event,
    /// Something to be done.
    Task,
    /// Something that was said.
    Message,
    /// A digest of other memories or sessions.
    Summary,
    /// A piece of a file that `docs add` read.
    Document,
}

impl Kind {
    /// Every kind, in the order of its number in the store.
    pub const ALL: [Self; 11] = [
        Self::Note,
        Self::Fact,
        Self::Decision,
        Self::Preference,
        Self::Procedure,
        Self::Gotcha,
        Self::Event,
        Self::Task,
        Self::Message,
        Self::Summary,
        Self::Document,
    ];

    /// Its name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Fact => "fact",
            Self::Decision => "decision",
            Self::Preference => "preference",
            Self::Procedure => "procedure",
            Self::Gotcha => "gotcha",
            Self::Event => "event",
            Self::Task => "task",
            Self::Message => "message",
            Self::Summary => "summary",
            Self::Document => "document",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Where a memory came from; every field is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The agent that said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The client in which it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The client's own id of the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The client's own id of the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// A file or page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// First and last character within that source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<(u64, u64)>,
}

impl Source {
    /// True where nothing is told.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Where a piece of a document stands: in which file, and in which of its lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// The folder, or the one file, that was added, as a whole path of the machine that added it.
    pub root: String,
    /// The folder that `path` begins at, where that is not `root`: the top of the repository, or the folder of a single file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// The file, from the top of its repository, else from the folder that was added; with `/` on every platform.
    pub path: String,
    /// Its first line, counted from 1.
    pub line: u64,
    /// Its last line.
    pub line_end: u64,
}

impl Place {
    /// The folder that `path` begins at.
    #[must_use]
    pub fn base(&self) -> &str {
        self.base.as_deref().unwrap_or(&self.root)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.path, self.line)
    }
}

/// One end of a link.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Link {
    /// How the two belong together: `relates`, `supersedes`, `derived_from`, `contradicts`, or a word of your own.
    pub relation: String,
    /// The other memory.
    pub to: EntityId,
}

/// A field that two machines wrote without seeing each other; the winner is shown, this is every head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Conflict {
    /// The register.
    pub field: String,
    /// Every value that no later write replaced, winner first.
    pub heads: Vec<Head>,
}

/// One head of a conflict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Head {
    /// The write.
    pub dot: Dot,
    /// What it says.
    pub value: serde_json::Value,
    /// The wall clock of the writer.
    pub at: Timestamp,
}

/// A memory as every door shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Memory {
    /// Its id.
    pub id: EntityId,
    /// The path of its namespace.
    pub namespace: String,
    /// What sort it is.
    pub kind: Kind,
    /// The slot that it claims: at most one memory of a namespace holds a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it says.
    pub text: String,
    /// Its tags, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// How much it matters, 0 to 1; breaks ties only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub importance: Option<Unit>,
    /// How sure it is, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Unit>,
    /// Kept in the context at all times.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
    /// Where it came from.
    #[serde(default, skip_serializing_if = "Source::is_empty")]
    pub source: Source,
    /// Where it stands in a file, where it is a piece of a document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// When it was said or learned.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// From when it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Timestamp>,
    /// Until when it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<Timestamp>,
    /// After which it is not shown any more; it is not removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The memory that holds its key now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<EntityId>,
    /// Where it was moved to: the memory that goes on in another namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_to: Option<EntityId>,
    /// What it was copied from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copied_from: Option<EntityId>,
    /// Forgotten: shown to people who ask for it, never to agents.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forgotten: bool,
    /// Retired by a restore, revert or move; any greater edit reopens it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retired: bool,
    /// Links from it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// Fields that two machines wrote without seeing each other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Conflict>,
    /// The number of its changes held here.
    pub version: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_names_are_what_serde_writes() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).ok(), Some(kind.name().into()));
            assert_eq!(Kind::from_name(kind.name()), Some(kind));
        }
    }
}
