//! Claude Code: `<slug>/<session>.jsonl`, with subagents in a directory of the session's name.
//!
//! Rows are a chain by `parentUuid`; the client goes on from its end. Calls that were made at once are rows of one
//! `message.id`. Rebuilt reasoning has no signature, and the API refuses a conversation with such a block, so its rows hang
//! beside the chain: they are in the file and are not sent.

use super::anthropic::block;
use super::draft::{Draft, DraftFile};
use super::names::word;
use super::steps::{Lines, Step, below, is_put_in, quoted, steps};
use super::{About, Lineage, SessionWriter, Whole};
use jay_types::Result;
use jay_types::session::{Part, Role, SessionMeta};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// The version whose rows these are.
const FORMAT: &str = "2.0.0";

/// The writer.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClaudeCode;

impl SessionWriter for ClaudeCode {
    fn name(&self) -> &'static str {
        "claude-code"
    }

    fn place_again(&self, _: &Whole, steps: &[&str]) -> Option<PathBuf> {
        below(steps, "projects")
    }

    fn beside(&self, meta: &SessionMeta, file: &Path) -> Vec<DraftFile> {
        beside(meta, file)
    }

    fn rebuild(&self, lineage: &Lineage, about: &About, draft: &mut Draft) -> Result<()> {
        let directory = PathBuf::from(slug(&about.project));
        rebuild(self, lineage, about, &directory, draft);
        Ok(())
    }

    fn command(&self, session: &str, project: &str, _: &[&Path]) -> String {
        format!("cd {} && claude --resume {}", quoted(project), quoted(session))
    }

    fn notes(&self) -> &'static [&'static str] {
        &["reasoning stands in the file beside the conversation: the client does not send it, for it has no signature"]
    }
}

/// What the client calls a project directory: every UTF-16 unit that is no letter or digit of ASCII is a dash.
pub(super) fn slug(project: &str) -> String {
    let dash = |unit: u16| {
        let plain = char::from_u32(u32::from(unit)).filter(char::is_ascii_alphanumeric);
        plain.unwrap_or('-')
    };
    project.encode_utf16().map(dash).take(200).collect()
}

/// What a subagent's file has beside it: what it is and which call started it.
pub(super) fn beside(meta: &SessionMeta, file: &Path) -> Vec<DraftFile> {
    let is_agent = file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("agent-"));
    if !is_agent || !meta.is_subagent() {
        return Vec::new();
    }
    let mut fields = Map::new();
    let told = [("agentType", &meta.agent), ("description", &meta.title)];
    for (name, value) in told {
        fields.extend(value.clone().map(|value| (name.to_owned(), Value::String(value))));
    }
    let call = meta.parent_call.as_deref().map(word);
    fields.extend(call.map(|call| ("toolUseId".to_owned(), Value::String(call))));
    let bytes = Value::Object(fields).to_string().into_bytes();
    vec![DraftFile { path: file.with_extension("meta.json"), bytes, is_shared: false }]
}

/// Writes a lineage below `directory`.
pub(super) fn rebuild(
    writer: &dyn SessionWriter,
    lineage: &Lineage,
    about: &About,
    directory: &Path,
    draft: &mut Draft,
) {
    let session = about.names.uuid("session");
    for whole in lineage.all() {
        let is_root = std::ptr::eq(whole, &lineage.root);
        let agent = about.names.hex(&format!("agent {}", whole.meta.id), 8);
        let path = if is_root {
            directory.join(format!("{session}.jsonl"))
        } else {
            directory.join(&session).join("subagents").join(format!("agent-{agent}.jsonl"))
        };
        let mut rows =
            Rows { session: &session, agent: (!is_root).then_some(agent), whole, about, chain: Chain::default() };
        let bytes = rows.write(draft);
        draft.put(writer, &whole.meta, path, bytes);
    }
    draft.session = session;
}

/// Where the chain of rows stands.
#[derive(Default)]
struct Chain {
    /// The last row of the conversation.
    last: Option<String>,
    /// The message of the model that the last rows belong to.
    answer: Option<String>,
}

struct Rows<'a> {
    session: &'a str,
    /// A subagent's name in its parent.
    agent: Option<String>,
    whole: &'a Whole,
    about: &'a About,
    chain: Chain,
}

impl Rows<'_> {
    fn write(&mut self, draft: &mut Draft) -> Vec<u8> {
        let mut lines = Lines::default();
        for step in steps(self.whole, self.about.now, draft) {
            if let Some(block) = block(&step, draft) {
                lines.push(&self.row(&step, block));
            }
        }
        // A subagent's title stands beside its file.
        if let (Some(title), None) = (&self.whole.meta.title, &self.agent) {
            lines.push(&json!({"type": "custom-title", "customTitle": title, "sessionId": self.session}));
        }
        lines.0
    }

    fn row(&mut self, step: &Step<'_>, block: Value) -> Value {
        let names = &self.about.names;
        let is_answer = step.role == Role::Assistant;
        let uuid = names.uuid(&format!("row {} {}", self.whole.meta.id, step.place));
        let message = if is_answer { self.answer(step, &uuid, block) } else { spoken(step, &block) };
        let mut row = Map::new();
        let mut put = |name: &str, value: Value| drop(row.insert(name.to_owned(), value));
        put("parentUuid", self.chain.last.clone().into());
        put("isSidechain", self.agent.is_some().into());
        put("userType", "external".into());
        put("cwd", self.about.project.clone().into());
        put("sessionId", self.session.into());
        put("version", FORMAT.into());
        put("gitBranch", self.whole.meta.git_branch.clone().unwrap_or_default().into());
        if let Some(agent) = &self.agent {
            put("agentId", agent.clone().into());
        }
        put("type", if is_answer { "assistant" } else { "user" }.into());
        put("message", message);
        if is_put_in(step) {
            put("isMeta", true.into());
        }
        put("uuid", uuid.clone().into());
        put("timestamp", step.at.rfc3339().into());
        if !matches!(step.part, Part::Reasoning { .. }) {
            self.chain.last = Some(uuid);
            self.chain.answer = self.chain.answer.take().filter(|_| is_answer);
        }
        Value::Object(row)
    }

    /// What the model says. Consecutive rows are one answer; reasoning, which hangs beside them, is one of its own.
    fn answer(&mut self, step: &Step<'_>, uuid: &str, block: Value) -> Value {
        let own = || format!("msg_{}", self.about.names.hex(&format!("answer {uuid}"), 24));
        let id = match step.part {
            Part::Reasoning { .. } => own(),
            _ => self.chain.answer.get_or_insert_with(own).clone(),
        };
        let mut message = json!({"id": id, "type": "message", "role": "assistant"});
        if let (Some(fields), Some(model)) = (message.as_object_mut(), &step.message.model) {
            fields.insert("model".to_owned(), model.clone().into());
        }
        if let Some(fields) = message.as_object_mut() {
            fields.insert("content".to_owned(), Value::Array(vec![block]));
            fields.insert("stop_reason".to_owned(), Value::Null);
            fields.insert("stop_sequence".to_owned(), Value::Null);
        }
        message
    }
}

/// What a person says, or a tool answers in the person's name.
fn spoken(step: &Step<'_>, block: &Value) -> Value {
    match step.part {
        Part::Text { text, .. } => json!({"role": "user", "content": text}),
        _ => json!({"role": "user", "content": [block]}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_has_a_dash_for_every_unit_that_is_no_letter_or_digit() {
        assert_eq!(slug("/home/mira/code/lantern.x"), "-home-mira-code-lantern-x");
        assert_eq!(slug("C:\\Users\\mira"), "C--Users-mira");
        assert_eq!(slug("/é/😀"), "------".get(..5).unwrap());
    }
}
