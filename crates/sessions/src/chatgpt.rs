//! ChatGPT: the export of a person's conversations.
//!
//! A conversation is a tree of nodes by id, in which every edited question and every answer made anew is a branch. All
//! are kept, in the order of the file. A conversation tells its id behind its nodes, so the ids are looked for first.

use crate::adapter::{RowParser, SessionAdapter};
use crate::discover::{Discovery, Problem, Source};
use crate::documents::Documents;
use crate::environment::Environment;
use crate::export;
use crate::json::{self, Fields};
use crate::key::{content_hash, said_hash};
use crate::sink::Sink;
use crate::splitter::{Piece, Shape};
use jay_types::Result;
use jay_types::session::{Message, Part, Provenance, Role};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::path::{Path, PathBuf};

const KEY: &str = "mapping";

/// The adapter.
#[derive(Clone, Copy, Debug)]
pub struct ChatGpt;

impl SessionAdapter for ChatGpt {
    fn name(&self) -> &'static str {
        "chatgpt"
    }

    fn version(&self) -> u32 {
        1
    }

    /// None: an export lies where a person put it.
    fn roots(&self, _: &Environment) -> Vec<PathBuf> {
        Vec::new()
    }

    fn discover(&self, _: &Environment) -> Discovery {
        Discovery::default()
    }

    fn discover_path(&self, path: &Path) -> Result<Discovery> {
        let mut discovery = export::discover_path(self.name(), path)?;
        for source in &mut discovery.sources {
            match sessions(source) {
                Ok(found) => source.sessions = found,
                Err(error) => discovery.problems.push(Problem { path: source.path.clone(), message: error.message }),
            }
        }
        Ok(discovery)
    }

    fn documents(&self, source: &Source) -> Result<Option<Box<dyn Documents>>> {
        export::documents(source, KEY).map(Some)
    }

    fn parser(&self, source: &Source, state: Option<&Value>) -> Box<dyn RowParser> {
        let state = state.and_then(|state| serde_json::from_value(state.clone()).ok()).unwrap_or_default();
        Box::new(Parser { file: source.session.clone(), sessions: source.sessions.clone(), state })
    }
}

/// Bytes of a piece that is looked into for an id; what tells it is not longer.
const LOOK_BYTES: usize = 1 << 20;
const SHAPE: Shape = Shape { is_many: true, key: Some(KEY) };

/// The ids of an export's conversations, in order; an empty text for one that tells none.
fn sessions(source: &Source) -> Result<Vec<String>> {
    let mut documents = export::documents(source, KEY)?;
    let mut found: Vec<String> = Vec::new();
    while let Some(piece) = documents.next(LOOK_BYTES)? {
        let Piece::Around(text) = SHAPE.read(&piece.bytes) else { continue };
        let fields = Fields::parse(&text).unwrap_or_default();
        if fields.get(KEY).is_some() {
            found.push(String::new());
        }
        let id = fields.word("conversation_id").or_else(|| fields.word("id"));
        if let Some((last, id)) = found.last_mut().zip(id)
            && last.is_empty()
        {
            *last = id;
        }
    }
    Ok(found)
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    /// Conversations of the file so far.
    conversations: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
}

struct Parser {
    file: String,
    /// The ids of the conversations.
    sessions: Vec<String>,
    state: State,
}

impl RowParser for Parser {
    fn row(&mut self, row: &[u8], sink: &mut Sink<'_>) {
        let said = match SHAPE.read(row) {
            Piece::Element(element) => self.node(&element, sink),
            Piece::Around(fields) => {
                self.around(&Fields::parse(&fields).unwrap_or_default(), sink);
                Err(String::new())
            }
            Piece::Bracket => Err(String::new()),
            Piece::Other => Err("(not JSON)".to_owned()),
        };
        if let Err(kind) = said {
            if !kind.is_empty() {
                sink.unknown(&kind);
            }
            sink.carrier(self.session(), None, None, content_hash(&[row]));
        }
    }

    fn state(&self) -> Value {
        serde_json::to_value(&self.state).unwrap_or_default()
    }
}

impl Parser {
    fn session(&self) -> &str {
        self.state.session.as_ref().unwrap_or(&self.file)
    }

    /// What stands before a conversation's nodes, or behind them.
    fn around(&mut self, fields: &Fields<'_>, sink: &mut Sink<'_>) {
        if fields.get(KEY).is_some() {
            let told = self.sessions.get(self.state.conversations).filter(|id| !id.is_empty());
            let name = || format!("{}:{}", self.file, self.state.conversations);
            self.state.session = Some(told.cloned().unwrap_or_else(name));
            self.state.conversations += 1;
        }
        let meta = sink.session(self.session());
        meta.title = fields.word("title").or_else(|| meta.title.take());
        for at in ["create_time", "update_time"].iter().filter_map(|name| fields.time(name)) {
            meta.saw(at);
        }
    }

    /// Reads a node, `{id: {message, parent, children}}`.
    fn node(&mut self, element: &str, sink: &mut Sink<'_>) -> Result<(), String> {
        let member = Fields::parse(element).unwrap_or_default();
        let (key, node) =
            member.single().and_then(|(key, node)| Some((key, json::object(node)?))).ok_or("(no node)")?;
        let Some(message) = node.object("message") else {
            // The root of the tree, which says nothing.
            return Err(if node.get("children").is_some() { String::new() } else { "(no node)".to_owned() });
        };
        let author = message.object("author").unwrap_or_default();
        let role = match author.text("role").as_deref() {
            Some("user") => Role::User,
            Some("assistant") => Role::Assistant,
            Some("system") => Role::System,
            Some("tool") => Role::Tool,
            other => return Err(format!("role:{}", other.unwrap_or("(none)"))),
        };
        let id = message.word("id").unwrap_or_else(|| key.to_owned());
        let metadata = message.object("metadata").unwrap_or_default();
        let content = message.object("content").unwrap_or_default();
        let is_hidden = role == Role::System || metadata.is_true("is_visually_hidden_from_conversation");
        let mut said = Said { is_hidden, ..Said::default() };
        said.content(&content, sink);
        for file in metadata.get("attachments").and_then(json::array).unwrap_or_default() {
            let fields = json::object(file).unwrap_or_default();
            said.file(fields.word("name"), fields.word("mime_type"), fields.word("id"));
        }
        let recipient = message.word("recipient").filter(|recipient| recipient != "all");
        let parts = match (role, recipient) {
            (Role::Assistant, Some(name)) => {
                let input = json::decode_string(said.words());
                vec![Part::ToolCall { id: id.clone(), name, input }]
            }
            (Role::Tool, _) => {
                let call = node.word("parent").unwrap_or_default();
                let is_error = content.text("content_type").as_deref() == Some("system_error");
                let result = Part::ToolResult { id: call, name: author.word("name"), output: said.words(), is_error };
                std::iter::once(result).chain(said.files).collect()
            }
            _ => said.parts.into_iter().chain(said.files).collect(),
        };
        if parts.is_empty() {
            return Err(String::new());
        }
        let at = message.time("create_time");
        let session = self.session();
        if let Some(at) = at {
            sink.session(session).saw(at);
        }
        let model = metadata.word("model_slug").filter(|_| role == Role::Assistant);
        let hash = said_hash(Some(role), &parts);
        sink.message(session, hash, Message { id, role: Some(role), author: None, at, model, parts, row: 0 });
        Ok(())
    }
}

/// What a message's content comes to.
#[derive(Default)]
struct Said {
    is_hidden: bool,
    parts: Vec<Part>,
    files: Vec<Part>,
}

impl Said {
    fn text(&mut self, text: Option<String>) {
        if let Some(text) = text.filter(|text| !text.trim().is_empty()) {
            let provenance = if self.is_hidden { Provenance::Injected } else { Provenance::Conversational };
            self.parts.push(Part::Text { text, provenance });
        }
    }

    fn file(&mut self, name: Option<String>, media_type: Option<String>, uri: Option<String>) {
        self.files.push(Part::File { name, media_type, uri });
    }

    /// All words, for what a tool was told or answered.
    fn words(&self) -> String {
        let texts = self.parts.iter().filter_map(|part| match part {
            Part::Text { text, .. } | Part::Reasoning { text } => Some(text.as_str()),
            _ => None,
        });
        texts.collect::<Vec<_>>().join("\n\n")
    }

    fn content(&mut self, content: &Fields<'_>, sink: &mut Sink<'_>) {
        let kind = content.text("content_type").unwrap_or_default();
        match kind.as_str() {
            "text" | "multimodal_text" => {
                for part in content.get("parts").and_then(json::array).unwrap_or_default() {
                    self.part(part, sink);
                }
            }
            "code" | "execution_output" | "tether_quote" | "system_error" => self.text(content.text("text")),
            "tether_browsing_display" => {
                self.text(content.word("result").or_else(|| content.word("summary")));
            }
            "thoughts" => {
                for thought in content.get("thoughts").and_then(json::array).unwrap_or_default() {
                    let fields = json::object(thought).unwrap_or_default();
                    let words: Vec<_> = ["summary", "content"].iter().filter_map(|name| fields.word(name)).collect();
                    self.parts.push(Part::Reasoning { text: words.join("\n") });
                }
            }
            "reasoning_recap" => self.parts.extend(content.word("content").map(|text| Part::Reasoning { text })),
            "user_editable_context" | "model_editable_context" => {
                self.is_hidden = true;
                for name in ["user_profile", "user_instructions", "model_set_context"] {
                    self.text(content.text(name));
                }
            }
            _ => sink.unknown(&format!("content:{}", if kind.is_empty() { "(no type)" } else { &kind })),
        }
    }

    fn part(&mut self, part: &RawValue, sink: &mut Sink<'_>) {
        if let Some(text) = json::text(part) {
            return self.text(Some(text));
        }
        let fields = json::object(part).unwrap_or_default();
        match fields.text("content_type").as_deref() {
            Some("image_asset_pointer") => self.file(None, Some("image".to_owned()), fields.word("asset_pointer")),
            Some("audio_asset_pointer" | "real_time_user_audio_video_asset_pointer") => {
                self.file(None, Some("audio".to_owned()), fields.word("asset_pointer"));
            }
            Some("audio_transcription") => self.text(fields.text("text")),
            other => sink.unknown(&format!("part:{}", other.unwrap_or("(no type)"))),
        }
    }
}
