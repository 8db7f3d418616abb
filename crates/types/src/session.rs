//! Sessions as the adapters of `jay-sessions` read them: a session holds messages, a message holds parts.
//!
//! These are the normalised shapes beside which the archive keeps every source row verbatim.
//!
//! **Invariant:** nothing read from a client is dropped or invented: a row that an adapter does not know
//! becomes a message of no role with no parts (a *carrier*), and its bytes stand in the block all the same.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Who speaks in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The client or its operator.
    System,
    /// The person, or what the client sends in a person's name.
    User,
    /// The model.
    Assistant,
    /// The answer of a tool.
    Tool,
}

/// Whether a text was said in the conversation or put in by the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// A person or model said it.
    #[default]
    Conversational,
    /// The client put it in (environment, reminders, summaries); not searched by default.
    Injected,
}

/// One piece of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    /// Words.
    Text {
        /// The words.
        text: String,
        /// Said or put in.
        #[serde(default, skip_serializing_if = "is_conversational")]
        provenance: Provenance,
    },
    /// The model's reasoning, where the client keeps it.
    Reasoning {
        /// The words; empty where only a signature or ciphertext is kept.
        text: String,
    },
    /// A file or image that went along.
    File {
        /// Name or path, if the client tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Media type, if the client tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        media_type: Option<String>,
        /// Where the bytes are, if not in the row itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uri: Option<String>,
    },
    /// A call of a tool.
    ToolCall {
        /// The client's id of the call.
        id: String,
        /// The tool's name.
        name: String,
        /// The arguments, decoded where the client keeps them as a JSON string.
        input: serde_json::Value,
    },
    /// What a tool answered.
    ToolResult {
        /// The id of the call that it answers.
        id: String,
        /// The tool's name, if known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// The answer as text.
        output: String,
        /// True where the client says that the call failed.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
    },
}

fn is_conversational(provenance: &Provenance) -> bool {
    *provenance == Provenance::Conversational
}

/// One message of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The client's own id, or `<session>:<line>` where the client has none.
    pub id: String,
    /// Who speaks; none for a carrier row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The speaker's name, where several people share a role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// When it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The model that answered, if told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What was said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// Index of the source row within its block that this message was read from.
    pub row: u32,
}

impl Part {
    /// The same with `mask` over what names it: the names of files and tools, and the ids of calls.
    #[must_use]
    pub fn with_names(self, mask: impl Fn(String) -> String) -> Self {
        match self {
            Self::File { name, media_type, uri } => {
                Self::File { name: name.map(&mask), media_type, uri: uri.map(&mask) }
            }
            Self::ToolCall { id, name, input } => Self::ToolCall { id: mask(id), name: mask(name), input },
            Self::ToolResult { id, name, output, is_error } => {
                Self::ToolResult { id: mask(id), name: name.map(&mask), output, is_error }
            }
            part @ (Self::Text { .. } | Self::Reasoning { .. }) => part,
        }
    }
}

impl Message {
    /// The conversational text, parts joined by a blank line: what is searched by default.
    #[must_use]
    pub fn conversational_text(&self) -> String {
        let mut out = String::new();
        for part in &self.parts {
            if let Part::Text { text, provenance: Provenance::Conversational } = part {
                if !out.is_empty() {
                    out.push_str("\n\n");
                }
                out.push_str(text);
            }
        }
        out
    }
}

/// What one turn of a model's API used, as the client's file tells it. What it does not tell is none, never zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// The API's own id of the turn: rows with the same one tell of the same turn. None where the row is the turn.
    pub turn: Option<String>,
    /// True where `turn` names the same turn in every session, so that a fork that copied a part of it is known.
    pub is_turn_unique: bool,
    /// The model, where the row tells it.
    pub model: Option<String>,
    /// Tokens that went in, without those that the API had in its cache.
    pub input_tokens: Option<u64>,
    /// Tokens that came out.
    pub output_tokens: Option<u64>,
    /// Tokens that were read from the API's cache.
    pub cache_read_tokens: Option<u64>,
    /// Tokens that were written into it.
    pub cache_write_tokens: Option<u64>,
    /// Tokens of reasoning; whether `output_tokens` holds them too is the client's custom.
    pub reasoning_tokens: Option<u64>,
    /// What it cost in US dollars, where the client tells it; nothing is computed from prices.
    pub cost_usd: Option<f64>,
}

impl Usage {
    /// Takes in another row of the same turn: it repeats what was told or counts on, so that the most holds.
    pub fn merge(&mut self, other: &Self) {
        self.model = self.model.take().or_else(|| other.model.clone());
        self.input_tokens = self.input_tokens.max(other.input_tokens);
        self.output_tokens = self.output_tokens.max(other.output_tokens);
        self.cache_read_tokens = self.cache_read_tokens.max(other.cache_read_tokens);
        self.cache_write_tokens = self.cache_write_tokens.max(other.cache_write_tokens);
        self.reasoning_tokens = self.reasoning_tokens.max(other.reasoning_tokens);
        self.cost_usd = [self.cost_usd, other.cost_usd].into_iter().flatten().reduce(f64::max);
    }
}

/// What is known of a session as a whole. A later row may know more: fields are filled, never emptied.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionMeta {
    /// The client's name, of DESIGN section 3's list.
    pub client: String,
    /// The client's own id of the session.
    pub id: String,
    /// The client's own id of the session that this one was spawned or forked from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// How it relates to its parent: `subagent`, `fork`, `continuation`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<String>,
    /// The parent's tool call that started this session, if the client tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_call: Option<String>,
    /// The agent inside the client, e.g. the type of a subagent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The project directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The git remote that the client recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_remote: Option<String>,
    /// The git branch that the client recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_branch: Option<String>,
    /// The title, given or generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The client's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_version: Option<String>,
    /// First and last time told by a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// Last time told by a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

/// How a session that another one's tool call started relates to it.
pub const SUBAGENT: &str = "subagent";

impl SessionMeta {
    /// Whether another session started this one for a part of its work.
    #[must_use]
    pub fn is_subagent(&self) -> bool {
        self.parent.is_some() && self.relation.as_deref() == Some(SUBAGENT)
    }

    /// Takes over what `later` knows: its fields replace ours where it has them; the start is the earliest and the
    /// end the latest of both. Folding the metas of a file's blocks in order gives the same whatever the blocks' cuts.
    pub fn merge(&mut self, later: &Self) {
        fn take(ours: &mut Option<String>, theirs: &Option<String>) {
            if theirs.is_some() {
                ours.clone_from(theirs);
            }
        }
        take(&mut self.parent, &later.parent);
        take(&mut self.relation, &later.relation);
        take(&mut self.parent_call, &later.parent_call);
        take(&mut self.agent, &later.agent);
        take(&mut self.project, &later.project);
        take(&mut self.git_remote, &later.git_remote);
        take(&mut self.git_branch, &later.git_branch);
        take(&mut self.title, &later.title);
        take(&mut self.client_version, &later.client_version);
        self.started_at = [self.started_at, later.started_at].into_iter().flatten().min();
        self.ended_at = [self.ended_at, later.ended_at].into_iter().flatten().max();
    }

    /// Widens the time between start and end so that it holds `at`; one that could not be read again is none.
    pub fn saw(&mut self, at: Timestamp) {
        if !at.is_readable() {
            return;
        }
        self.started_at = Some(self.started_at.map_or(at, |first| first.min(at)));
        self.ended_at = Some(self.ended_at.map_or(at, |last| last.max(at)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_meta_fills_and_replaces_but_never_empties() {
        let mut meta =
            SessionMeta { title: Some("first".into()), project: Some("/p".into()), ..SessionMeta::default() };
        meta.saw(Timestamp(5));
        let mut later =
            SessionMeta { title: Some("second".into()), git_branch: Some("main".into()), ..SessionMeta::default() };
        later.saw(Timestamp(3));
        later.saw(Timestamp(4));
        meta.merge(&later);
        assert_eq!(meta.title.as_deref(), Some("second"));
        assert_eq!(meta.project.as_deref(), Some("/p"));
        assert_eq!(meta.git_branch.as_deref(), Some("main"));
        assert_eq!((meta.started_at, meta.ended_at), (Some(Timestamp(3)), Some(Timestamp(5))));
    }
}
