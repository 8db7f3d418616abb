//! NanoClaw: `data/v2-sessions/<group>/.claude-shared/projects/<slug>/<session>.jsonl` in its own directory, in Claude
//! Code's rows ([`crate::claude_code`]); a file that was put aside ends in `.rotated-<time>`.
//!
//! The rows' directory is one inside a container, the same for every group, so the group is told as the agent.

use crate::adapter::SessionAdapter as _;
use crate::claude_code::ClaudeCode;
use crate::discover::{self, Source};
use crate::environment::Environment;
use crate::lines::JsonLines;
use std::path::{Path, PathBuf};

/// The adapter.
pub const NANOCLAW: JsonLines = JsonLines {
    name: "nanoclaw",
    version: 1,
    roots,
    hidden: &[SHARED],
    is_session,
    describe,
    parser: |source, state| ClaudeCode.parser(source, state),
};

/// The directory of Claude Code in the directory of a group.
const SHARED: &str = ".claude-shared";

fn roots(environment: &Environment) -> Vec<PathBuf> {
    vec![environment.in_home(&["nanoclaw", "data", "v2-sessions"])]
}

fn is_session(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_transcript = name.ends_with(".jsonl") || name.contains(".jsonl.rotated-");
    is_transcript && name != "journal.jsonl" && discover::above(path, SHARED).is_some()
}

fn describe(source: &mut Source) {
    if let Some((session, _)) = source.session.split_once(".jsonl") {
        source.session = session.to_owned();
    }
    crate::claude_code::describe(source);
    let group = discover::above(&source.path, SHARED).and_then(Path::parent).and_then(Path::file_name);
    source.agent = source.agent.take().or_else(|| group.map(|group| group.to_string_lossy().into_owned()));
}
