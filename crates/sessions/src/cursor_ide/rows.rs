//! What Cursor's values say: sessions (`composerData`), old ones with their messages inside, and messages (`bubbleId`).

use super::{MESSAGE, SESSION};
use crate::adapter::RowParser;
use crate::discover::Source;
use crate::json::{self, Fields};
use crate::key::{content_hash, line_id, said_hash};
use crate::sink::Sink;
use jay_types::session::{Message, Part, Provenance, Role};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
}

pub(super) struct Parser {
    source: Source,
    state: State,
}

impl Parser {
    pub(super) fn new(source: &Source, state: Option<&Value>) -> Self {
        let state = state.and_then(|state| serde_json::from_value(state.clone()).ok()).unwrap_or_default();
        Self { source: source.clone(), state }
    }
}

impl RowParser for Parser {
    fn row(&mut self, row: &[u8], sink: &mut Sink<'_>) {
        let said = match std::str::from_utf8(row).ok().and_then(Fields::parse) {
            None => Err("(not an object)".to_owned()),
            Some(fields) => self.value(&fields, sink),
        };
        if let Err(kind) = &said
            && !kind.is_empty()
        {
            sink.unknown(kind);
        }
        if said.is_err() {
            sink.carrier(&self.source.session, None, None, content_hash(&[row]));
        }
    }

    fn state(&self) -> Value {
        serde_json::to_value(&self.state).unwrap_or_default()
    }
}

impl Parser {
    /// Reads a value; where it says nothing the kind of what is not known, or an empty text.
    fn value(&mut self, fields: &Fields<'_>, sink: &mut Sink<'_>) -> Result<(), String> {
        let row = fields.object("row").unwrap_or_default();
        let key = row.text("key").unwrap_or_default();
        let value = row.text("value").unwrap_or_default();
        let Some(value) = Fields::parse(&value) else { return Err("(value that is no object)".to_owned()) };
        if key.starts_with(SESSION) {
            return self.session(&value, sink);
        }
        let Some(id) = key.strip_prefix(MESSAGE).and_then(|key| key.split_once(':')) else {
            return Err("(key of another kind)".to_owned());
        };
        self.message(&value, Some(id.1.to_owned()), sink)
    }

    fn session(&mut self, value: &Fields<'_>, sink: &mut Sink<'_>) -> Result<(), String> {
        if let Some(model) = value.object("modelConfig").and_then(|config| config.word("modelName")) {
            self.state.model = Some(model).filter(|model| model != "default");
        }
        let workspace = value.object("workspaceIdentifier").and_then(|workspace| workspace.object("uri"));
        let meta = sink.session(&self.source.session);
        meta.title = value.word("name");
        meta.project = workspace
            .and_then(|uri| uri.word("fsPath").or_else(|| uri.word("path")))
            .or_else(|| self.source.project.clone());
        let branch = value.get("trackedGitRepos").and_then(json::array).and_then(|repos| {
            let branches = json::object(repos.first()?)?.get("branches").and_then(json::array)?;
            json::object(branches.first()?)?.word("branchName")
        });
        meta.git_branch = branch;
        meta.parent = value.object("subagentInfo").and_then(|info| info.word("parentComposerId"));
        meta.relation = meta.parent.as_ref().map(|_| "subagent".to_owned());
        if let Some(at) = value.time("createdAt") {
            meta.saw(at);
        }
        let inside = value.get("conversation").and_then(json::array).unwrap_or_default();
        let mut said = Err(String::new());
        for bubble in inside {
            let bubble = json::object(bubble).unwrap_or_default();
            match self.message(&bubble, bubble.word("bubbleId"), sink) {
                Err(kind) if !kind.is_empty() => sink.unknown(&kind),
                Err(_) => {}
                Ok(()) => said = Ok(()),
            }
        }
        said
    }

    fn message(&mut self, value: &Fields<'_>, id: Option<String>, sink: &mut Sink<'_>) -> Result<(), String> {
        let role = match value.get("type").and_then(json::integer) {
            Some(1) => Role::User,
            Some(2) => Role::Assistant,
            Some(other) => return Err(format!("bubble:{other}")),
            None => return Err("bubble:(no type)".to_owned()),
        };
        let session = &self.source.session;
        let id = id.unwrap_or_else(|| line_id(session, sink.line()));
        let at = value.time("createdAt").or_else(|| value.time("timestamp"));
        let meta = sink.session(session);
        if let Some(at) = at {
            meta.saw(at);
        }
        if let Some(project) = value.word("workspaceProjectDir") {
            meta.project = Some(project);
        }
        let mut parts = words(value, role);
        let result = value.object("toolFormerData").and_then(|tool| {
            let (call, result) = tool_parts(&tool, &id)?;
            parts.push(call);
            result
        });
        if parts.is_empty() {
            return Err(String::new());
        }
        let model = value.object("modelInfo").and_then(|info| info.word("modelName"));
        let model = model.filter(|model| model != "default").or_else(|| self.state.model.clone());
        let model = model.filter(|_| role == Role::Assistant);
        let hash = said_hash(Some(role), &parts);
        let message = Message { id: id.clone(), role: Some(role), author: None, at, model, parts, row: 0 };
        sink.message(session, hash, message);
        if let Some(result) = result {
            let (parts, role) = (vec![result], Some(Role::Tool));
            let id = format!("{id}/result");
            let hash = said_hash(role, &parts);
            sink.message(session, hash, Message { id, role, author: None, at, model: None, parts, row: 0 });
        }
        Ok(())
    }
}

/// What was thought and said, and the files that went along.
fn words(value: &Fields<'_>, role: Role) -> Vec<Part> {
    let mut parts = Vec::new();
    let thought = value.object("thinking").and_then(|thinking| thinking.word("text"));
    if let Some(text) = thought.or_else(|| value.word("thinking")) {
        parts.push(Part::Reasoning { text });
    }
    let text = value.word("text").or_else(|| value.word("rawText")).or_else(|| code(value));
    if let Some(text) = text {
        parts.push(Part::Text { text, provenance: Provenance::Conversational });
    }
    if role == Role::User {
        let context = value.object("context").unwrap_or_default();
        for file in context.get("fileSelections").and_then(json::array).unwrap_or_default() {
            let uri = json::object(file).and_then(|file| file.object("uri")).unwrap_or_default();
            if let Some(name) = uri.word("fsPath").or_else(|| uri.word("path")) {
                parts.push(Part::File { name: Some(name), media_type: None, uri: None });
            }
        }
    }
    parts
}

/// The code of a message that has no other words.
fn code(value: &Fields<'_>) -> Option<String> {
    let blocks = value.get("codeBlocks").and_then(json::array)?;
    let code: Vec<_> = blocks.iter().filter_map(|block| json::object(block)?.word("content")).collect();
    (!code.is_empty()).then(|| code.join("\n\n"))
}

/// A call and its answer, where there is one.
fn tool_parts(tool: &Fields<'_>, message: &str) -> Option<(Part, Option<Part>)> {
    let name = tool.word("name").or_else(|| tool.word("tool"))?;
    let id = tool.word("toolCallId").unwrap_or_else(|| message.to_owned());
    let argument = |name: &str| tool.get(name).map(json::decoded);
    let is_said = |value: &Value| !matches!(value, Value::Null) && value.as_str() != Some("");
    let input = argument("rawArgs").filter(is_said).or_else(|| argument("params")).unwrap_or_default();
    let status = tool.word("status").unwrap_or_default();
    let more = tool.object("additionalData").and_then(|data| data.word("status"));
    let is_error = status == "error" || more.as_deref() == Some("error");
    let failure = tool.get("error").filter(|_| is_error);
    let output = tool.get("result").or(failure).map(|raw| json::text(raw).unwrap_or_else(|| raw.get().to_owned()));
    let result = output.filter(|output| !output.is_empty() || is_error).map(|output| Part::ToolResult {
        id: id.clone(),
        name: Some(name.clone()),
        output,
        is_error,
    });
    Some((Part::ToolCall { id, name, input }, result))
}
