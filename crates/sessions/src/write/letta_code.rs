//! Letta Code: `<agent>/<conversation>/transcript.jsonl`. A call and its answer are one row.

use super::draft::Draft;
use super::names::word;
use super::steps::{Lines, Step, arguments, is_put_in, quoted, steps, with};
use super::{About, Lineage, SessionWriter, Whole};
use jay_types::Result;
use jay_types::session::{Part, Role};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

/// The writer.
#[derive(Clone, Copy, Debug)]
pub(super) struct LettaCode;

impl SessionWriter for LettaCode {
    fn name(&self) -> &'static str {
        "letta-code"
    }

    fn place_again(&self, _: &Whole, steps: &[&str]) -> Option<PathBuf> {
        steps.last_chunk::<3>().map(|last| last.iter().collect())
    }

    fn rebuild(&self, lineage: &Lineage, about: &About, draft: &mut Draft) -> Result<()> {
        let agent = format!("agent-{}", about.names.uuid("agent"));
        for whole in lineage.all() {
            let conversation = format!("conv-{}", about.names.uuid(&format!("session {}", whole.meta.id)));
            let bytes = rows(whole, about, draft);
            let path = Path::new(&agent).join(&conversation).join("transcript.jsonl");
            draft.put(self, &whole.meta, path, bytes);
            if std::ptr::eq(whole, &lineage.root) {
                draft.session = format!("{agent}+{conversation}");
            }
        }
        Ok(())
    }

    fn command(&self, session: &str, project: &str, _: &[&Path]) -> String {
        let (agent, conversation) = session.split_once('+').unwrap_or((session, ""));
        format!("cd {} && letta --agent {} --conversation {}", quoted(project), quoted(agent), quoted(conversation))
    }

    fn notes(&self) -> &'static [&'static str] {
        &["the agent itself lives on Letta's server: the transcript is what the client shows and reflects on"]
    }
}

fn rows(whole: &Whole, about: &About, draft: &mut Draft) -> Vec<u8> {
    let mut lines = Lines::default();
    let steps = steps(whole, about.now, draft);
    let mut answers: BTreeMap<&str, VecDeque<&Step<'_>>> = BTreeMap::new();
    for step in &steps {
        if let Part::ToolResult { id, .. } = step.part {
            answers.entry(id).or_default().push_back(step);
        }
    }
    for step in &steps {
        let id = format!("message-{}", about.names.hex(&format!("row {} {}", whole.meta.id, step.place), 24));
        let kind = match (step.part, step.role) {
            (Part::Text { .. }, _) if is_put_in(step) => {
                draft.leave_out("injected texts");
                continue;
            }
            (Part::Text { text, .. }, Role::Assistant) => json!({"kind": "assistant", "text": text}),
            (Part::Text { text, .. }, _) => json!({"kind": "user", "text": text}),
            (Part::Reasoning { text }, _) => json!({"kind": "reasoning", "text": text}),
            (Part::ToolCall { id, name, input }, _) => {
                let answer = answers.get_mut(id.as_str()).and_then(VecDeque::pop_front);
                call(id, name, input, answer)
            }
            // It stands with its call.
            (Part::ToolResult { .. }, _) => continue,
            (Part::File { .. }, _) => {
                draft.leave_out("files");
                continue;
            }
        };
        lines.push(&dated(kind, step, &id));
    }
    for _ in answers.values().flatten() {
        draft.leave_out("results");
    }
    lines.0
}

fn call(id: &str, name: &str, input: &Value, answer: Option<&Step<'_>>) -> Value {
    let mut row = json!({"kind": "tool_call", "name": name, "argsText": arguments(input).to_string(),
        "source_line_id": word(id)});
    if let Some(Part::ToolResult { output, is_error, .. }) = answer.map(|answer| answer.part) {
        row = with(row, "resultText", output.clone());
        row = with(row, "resultOk", !is_error);
    }
    row
}

fn dated(mut row: Value, step: &Step<'_>, id: &str) -> Value {
    row = with(row, "captured_at", step.at.rfc3339());
    row = with(row, "source_message_id", id);
    row
}
