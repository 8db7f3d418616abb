//! `session_append`.

use crate::bounds::Several;
use crate::operation::{ALL_DOORS, Access, Operation};
use jay_core::Call;
use jay_core::sessions::{AppendAnswer, AppendRequest};
use jay_types::Result;
use jay_types::bounds::{BATCH_MAX, Bounded, Title, Word};
use jay_types::namespace::NamespacePath;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value;

/// Take messages into the archive from an agent that keeps no files
///
/// A message that is here already is matched, and a bad one stops no other. The project and the title are taken with
/// messages that are new. Sent again, all is matched.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct SessionAppendInput {
    /// The program that holds the session: lower-case letters, digits, hyphens
    #[schemars(extend("x-positional" = true))]
    client: Word,
    /// Its own id of the session
    #[schemars(extend("x-positional" = true))]
    session: Word,
    /// The messages in their order, each `{"role": "user", "text": "…"}`, with `id`, `at` and `author` where there are any
    #[schemars(extend("x-flag" = "message"))]
    messages: Several<HandedIn, BATCH_MAX>,
    /// The project directory
    #[serde(default)]
    project: Option<Bounded<4096>>,
    /// The title of the session
    #[serde(default)]
    title: Option<Title>,
    /// Where a new session is put; where not given the namespace of the project directory, else the caller's own
    #[serde(default)]
    namespace: Option<NamespacePath>,
}

/// A message as it was handed in: whether it can be one is answered for each.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
struct HandedIn(Value);

impl JsonSchema for HandedIn {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Message".into()
    }

    /// In `allOf`, so that the catalogue's own check leaves it to the operation.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"allOf": [{
            "type": "object",
            "required": ["role"],
            "properties": {
                "id": {"type": "string", "description": "Its own id; else one is made of what it says and when"},
                "role": {"enum": ["system", "user", "assistant", "tool"]},
                "text": {"type": "string", "description": "What was said; required where there are no parts"},
                "parts": {"type": "array", "items": {"type": "object"}, "description": "text, reasoning, file, tool_call, tool_result, by `type`"},
                "at": {"type": ["string", "number"], "description": "When: RFC 3339, or seconds since 1970"},
                "author": {"type": "string", "description": "The speaker's name"},
                "model": {"type": "string", "description": "The model that answered"},
            },
        }]})
    }

    fn inline_schema() -> bool {
        true
    }
}

pub(super) struct SessionAppend;

impl Operation for SessionAppend {
    const NAME: &'static str = "session_append";
    const ACCESS: Access = Access::Write;
    const DOORS: &'static [jay_core::Door] = ALL_DOORS;
    type Input = SessionAppendInput;
    type Output = AppendAnswer;

    fn run(call: &Call<'_>, input: Self::Input) -> Result<Self::Output> {
        let SessionAppendInput { client, session, messages, project, title, namespace } = input;
        let messages = messages.into_vec().into_iter().map(|message| message.0).collect();
        jay_core::sessions::append(call, &AppendRequest { client, session, messages, project, title, namespace })
    }
}
