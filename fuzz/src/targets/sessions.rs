//! The adapters of `jay-sessions`: what a file holds is kept, byte for byte, whatever it is.

use crate::{Seeds, Target};
use jay_sessions::cursor_cli::root::Root;
use jay_sessions::{Shape, Summary, adapters, read_all, read_documents, read_pieces};

pub(super) const SESSIONS: Target = Target {
    name: "sessions",
    run: sessions,
    seeds: Seeds::Written(&[
        include_bytes!(
            "../../../fixtures/sessions/claude-code/2.0/projects/-home-mira-code-lantern/c7d9e2a4-13b8-4f0a-8a55-9e0b7c4d2f31.jsonl"
        ),
        include_bytes!(
            "../../../fixtures/sessions/claude-code/crlf/projects/C--Users-mira-lantern/9d3c5e70-2b4f-4a6d-8c1e-7f0a9b8d6e52.jsonl"
        ),
        include_bytes!(
            "../../../fixtures/sessions/codex/0.147/sessions/2026/03/02/rollout-2026-03-02T10-00-00-019ca9d8-4a21-7c10-9b5e-6a1f2e3d4c5b.jsonl"
        ),
        include_bytes!(
            "../../../fixtures/sessions/codex/legacy/sessions/2025/06/11/rollout-2025-06-11T08-30-00-7a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d.jsonl"
        ),
        include_bytes!("../../../fixtures/sessions/generic/1/team.jsonl"),
        include_bytes!(
            "../../../fixtures/sessions/gemini-cli/0.40/tmp/lantern/chats/session-2026-05-04T08-00-5e1c7a20.jsonl"
        ),
        include_bytes!(
            "../../../fixtures/sessions/cursor-cli/2026.02/projects/home-mira-code-lantern/agent-transcripts/2f9a7c10-5b3e-4d21-8c6f-0a1b2c3d4e5f/2f9a7c10-5b3e-4d21-8c6f-0a1b2c3d4e5f.jsonl"
        ),
        include_bytes!(
            "../../../fixtures/sessions/copilot-cli/0.0.420/session-state/c3b1f0d2-7a6e-4f5d-8c9b-1e2d3c4b5a69/events.jsonl"
        ),
        include_bytes!(
            "../../../fixtures/sessions/pi/3/sessions/--home-mira-code-lantern--/2026-03-05T09-00-00-000Z_019cbd10-0000-7aaa-8bbb-000000000001.jsonl"
        ),
        include_bytes!(
            "../../../fixtures/sessions/pi/4/sessions/--home-mira-code-lantern--/2026-09-01T10-00-00-000Z_019d0000-0000-7aaa-8bbb-000000000004.jsonl"
        ),
        include_bytes!(
            "../../../fixtures/sessions/oh-my-pi/1/agent/sessions/-code-lantern/2026-04-01T08-00-00-000Z_1f9d2a6b9c0d1234.jsonl"
        ),
        include_bytes!(
            "../../../fixtures/sessions/openclaw/2026.6/agents/main/sessions/6a7b8c9d-0e1f-4a2b-8c3d-4e5f6a7b8c9d.jsonl"
        ),
        include_bytes!(
            "../../../fixtures/sessions/claude-desktop/1/local-agent-mode-sessions/acc-1/ws-1/local_3f2e1d0c-9b8a-4c7d-8e6f-5a4b3c2d1e0f/audit.jsonl"
        ),
        include_bytes!(
            "../../../fixtures/sessions/qwen-code/0.10/projects/-home-mira-code-lantern/chats/1b2c3d4e-5f60-4a71-8b82-9c93ad04be15.jsonl"
        ),
        include_bytes!(
            "../../../fixtures/sessions/droid/0.60/sessions/-home-mira-code-lantern/4d5e6f70-8192-4aa3-9bb4-ccd5ee06ff17.jsonl"
        ),
        include_bytes!(
            "../../../fixtures/sessions/nanoclaw/2/data/v2-sessions/group-7/.claude-shared/projects/-workspace-group/6f708192-a3b4-4cc5-8dd6-eef7a028b139.jsonl"
        ),
        include_bytes!(
            "../../../fixtures/sessions/kimi/1.4/sessions/wd_lantern_0a1b2c3d4e5f/session_7b8c/agents/main/wire.jsonl"
        ),
        include_bytes!(
            "../../../fixtures/sessions/grok-build/1/sessions/%2Fhome%2Fmira%2Fcode%2Flantern/0197a000-0000-7000-8000-00000000000a/updates.jsonl"
        ),
        include_bytes!("../../../fixtures/sessions/letta-code/1/agent-12ab/conv-7/transcript.jsonl"),
        include_bytes!("../../../fixtures/sessions/kiro/2/sessions/cli/4c5d6e7f-8091-4aa2-9bb3-ccd4dd05ee06.jsonl"),
        include_bytes!(
            "../../../fixtures/sessions/deepseek/1/sessions/home-mira-code-lantern/session-5c4d3e2f-a2b3-4cc4-8dd5-eef6ff17a028/session.jsonl"
        ),
        include_bytes!("../../../fixtures/sessions/aider/0.86/lantern/.aider.chat.history.md"),
        OPENCLAW_ROWS,
        PI_ROWS,
        ANTIGRAVITY_ROWS,
        include_bytes!(
            "../../../fixtures/sessions/kiro/2/sessions/3b1f/sess_6e7f8091-a2b3-4cc4-8dd5-eef6ff17a028/messages.jsonl"
        ),
        // Rows of databases, as they are read.
        br#"{"table":"conversations_v2","row":{"key":"/p","conversation_id":"c","created_at":1764579600000}}
{"history":{"user":{"content":{"Prompt":{"prompt":"p"}},"timestamp":"2025-12-01T10:00:00+01:00","images":[{"format":"png"}]},"assistant":{"ToolUse":{"message_id":"a","content":"c","thinking":{"text":"t"},"tool_uses":[{"id":"u","name":"n","args":{}}]}},"request_metadata":{"stream_end_timestamp_ms":1764579604000,"model_id":"m"}}}
{"history":[{"content":{"ToolUseResults":{"tool_use_results":[{"tool_use_id":"u","content":[{"Text":"o"},{"Json":{}}],"status":"Error"}]}}},{"Response":{"content":"r"}}]}
{"next_message":{"content":{"CancelledToolUses":{"prompt":"p","tool_use_results":[]}}}}
{"transcript":"t"}
"#,
        br#"{"table":"meta","row":{"key":"0","value":"7b7d"},"value":{"name":"n","createdAt":1780300800000}}
{"table":"blobs","row":{"id":"i","data":"{\"role\":\"assistant\",\"content\":[{\"type\":\"reasoning\",\"text\":\"t\"},{\"type\":\"tool-call\",\"toolCallId\":\"c\",\"toolName\":\"n\",\"args\":{}}]}"},"is_told":true}
{"table":"blobs","row":{"id":"j","data":"{\"role\":\"tool\",\"content\":[{\"type\":\"tool-result\",\"toolCallId\":\"c\",\"result\":\"r\"}],\"providerOptions\":{\"cursor\":{\"highLevelToolCallResult\":{\"isError\":true}}}}"},"is_told":true}
{"table":"blobs","row":{"id":"k","data":{"base64":"CiA="}},"is_told":false}
"#,
    ]),
};

/// Rows of databases, as they are handed to an adapter.
const OPENCLAW_ROWS: &[u8] = br#"{"table":"session_windows","row":{"session_id":"s","session_key":"agent:main:main","updated_at":1}}
{"table":"transcript_events","row":{"session_id":"s","seq":0,"event_json":"{\"type\":\"message\",\"message\":{\"role\":\"user\",\"content\":\"Hi\"}}","created_at":1782900001000}}
{"table":"transcript_events","row":{"session_id":"s","seq":1,"event_json":{"base64":"AA=="},"created_at":"never"}}
"#;

const PI_ROWS: &[u8] = br#"{"table":"sessions","row":{"id":"s","created_at":"2026-09-10T10:00:00.000Z","cwd":"/a"}}
{"table":"entries","row":{"session_id":"s","seq":2,"id":"e","parent_id":null,"type":"message","timestamp":1,"payload":"{\"message\":{\"role\":\"user\",\"content\":\"Hi\"}}"}}
{"table":"records","row":{"payload":"{}","type":"usage"}}
{"table":"facts","row":{"kind":"name","value":"\"Buoys\""}}
{"table":"lane_moves","row":{}}
"#;

const ANTIGRAVITY_ROWS: &[u8] = br#"{"table":"trajectory_metadata_blob","row":{"id":"main","data":{"base64":"CgoKCGZpbGU6Ly8vEgIIAQ=="}}}
{"table":"steps","row":{"idx":0,"step_type":14,"status":3,"metadata":null,"step_payload":{"base64":"CA4gA5oBBAoCSGk="}}}
{"table":"steps","row":{"idx":2,"step_type":15,"status":3,"metadata":{"base64":"CgIIAQ=="},"step_payload":{"base64":"CA8gA6IBCRoDaG1tCgJPaw=="}},"model":"m"}
"#;

/// Every adapter reads it: a wrong `--path` is input too.
fn sessions(input: &[u8]) {
    for adapter in adapters() {
        hold(adapter.name(), input, &read_all(*adapter, input));
    }
    for name in ["gemini-cli", "kiro", "cursor-cli"] {
        let adapter = jay_sessions::adapter(name).expect("it is among them");
        hold(name, input, &read_documents(adapter, input));
    }
}

fn hold(name: &str, input: &[u8], summary: &Summary) {
    assert!(summary.is_lossless, "{name} loses bytes");
    assert_eq!(summary.report.bytes, input.len() as u64, "{name}");
    let said = summary.messages.len() as u64;
    assert_eq!(summary.report.messages + summary.report.carriers, said, "{name}");
    assert!(said + summary.report.blank >= summary.report.rows, "{name}: a row has no message");
}

pub(super) const PIECES: Target = Target {
    name: "session_pieces",
    run: pieces,
    seeds: Seeds::Written(&[
        include_bytes!("../../../fixtures/sessions/cline/3/tasks/1772442000000/api_conversation_history.json"),
        include_bytes!("../../../fixtures/sessions/cline/4/sessions/ses-4f1c/ses-4f1c.messages.json"),
        include_bytes!("../../../fixtures/sessions/claude-ai/2026/conversations.json"),
        include_bytes!("../../../fixtures/sessions/chatgpt/2026/conversations.json"),
        include_bytes!(
            "../../../fixtures/sessions/gemini-cli/0.20/tmp/4bb8f1ec24ede4c8034dad44ca872091e9fa214b93f9c7a61176022c1ff81bb1/chats/session-2025-11-20T08-00-8a1f0c3e.json"
        ),
    ]),
};

/// A JSON file that is cut into its elements, in every shape that an adapter asks for.
fn pieces(input: &[u8]) {
    for (name, shape) in [
        ("cline", Shape { is_many: false, key: None }),
        ("cline", Shape { is_many: false, key: Some("messages") }),
        ("gemini-cli", Shape { is_many: false, key: Some("messages") }),
        ("claude-ai", Shape { is_many: true, key: Some("chat_messages") }),
        ("chatgpt", Shape { is_many: true, key: Some("mapping") }),
    ] {
        let adapter = jay_sessions::adapter(name).expect("it is among them");
        for max_row_bytes in [7, 300, 1 << 20] {
            let summary = read_pieces(adapter, input, shape, max_row_bytes);
            assert!(summary.is_lossless, "{name} loses bytes");
            let said = summary.messages.len() as u64;
            assert_eq!(summary.report.messages + summary.report.carriers, said, "{name}");
            assert!(said + summary.report.blank >= summary.report.rows, "{name}: a row has no message");
        }
    }
}

pub(super) const ROOTS: Target = Target {
    name: "session_roots",
    run: roots,
    seeds: Seeds::Written(&[
        b"\x0a\x20abcdefghijklmnopqrstuvwxyz012345\x28\x96\x01\x4a\x08file:///\x0a\x20012345abcdefghijklmnopqrstuvwxyz",
        b"\x0a\x03abc\x1d1234\x2112345678\x42\x04turn",
    ]),
};

/// The state of a session of Cursor's command line: what is found stands in the bytes.
fn roots(input: &[u8]) {
    let root = Root::read(input);
    assert!(root.messages.len() * 34 <= input.len(), "an id for each 32 bytes and what stands before them");
    let digits: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(root.messages.iter().all(|id| id.len() == 64 && digits.contains(id.as_str())));
    let bytes: usize = root.workspaces.iter().map(|place| place.len() + 2).sum();
    assert!(bytes <= input.len(), "no byte twice");
}
