//! What an adapter for a client must know: where its files are, and what one row means.

use crate::cursor::Cursor;
use crate::discover::{Discovery, Source};
use crate::documents::Documents;
use crate::environment::Environment;
use crate::reader::BlockReader;
use crate::sink::Sink;
use jay_types::{Error, Result};
use std::path::{Path, PathBuf};

/// Bytes of source rows in one block (DESIGN J17).
pub const BLOCK_MAX_BYTES: usize = 1 << 20;
/// Bytes of the longest row that is parsed; a longer one is kept in pieces, unparsed.
pub const ROW_MAX_BYTES: usize = 64 << 20;

/// How a source is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadOptions {
    /// Bytes of source rows after which a block is cut: 1 to 1 MiB. A longer row is a block of its own.
    pub max_block_bytes: usize,
    /// Bytes of the longest row that is parsed: 1 to 64 MiB. A longer one is kept in pieces of `max_block_bytes`.
    pub max_row_bytes: usize,
    /// Takes a last line that has no line ending and is not a JSON object too, as a carrier: for files that nobody
    /// writes any more.
    pub final_pass: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { max_block_bytes: BLOCK_MAX_BYTES, max_row_bytes: ROW_MAX_BYTES, final_pass: false }
    }
}

impl ReadOptions {
    /// These options for what nobody writes any more.
    #[must_use]
    pub fn last(self) -> Self {
        Self { final_pass: true, ..self }
    }

    /// These options with every number inside its bounds.
    #[must_use]
    pub fn bounded(self) -> Self {
        Self {
            max_block_bytes: self.max_block_bytes.clamp(1, BLOCK_MAX_BYTES),
            max_row_bytes: self.max_row_bytes.clamp(1, ROW_MAX_BYTES),
            final_pass: self.final_pass,
        }
    }
}

/// Reads the rows of one source, in order.
pub trait RowParser: Send {
    /// Says what a row means. `row` has no line ending and is not blank; whatever it holds, something is put in the
    /// sink, a carrier at least.
    fn row(&mut self, row: &[u8], sink: &mut Sink<'_>);

    /// What must be remembered to go on with the next row in another process, at most some 100 KiB.
    fn state(&self) -> serde_json::Value;
}

/// Knowledge of one agent client. The conformance suite of this crate runs over every implementation.
pub trait SessionAdapter: Send + Sync {
    /// The client's name of DESIGN section 3's list.
    fn name(&self) -> &'static str;

    /// The version of this adapter's reading: raised when the same rows give other messages, so that the archive can
    /// read its blocks again.
    fn version(&self) -> u32;

    /// The directories under which this client keeps its files, whether they are there or not.
    fn roots(&self, environment: &Environment) -> Vec<PathBuf>;

    /// Every source of this client on this machine; where the client is not installed, none.
    fn discover(&self, environment: &Environment) -> Discovery;

    /// The sources at a path that a person gave: one file, or all of a directory.
    ///
    /// # Errors
    /// `not_found` where there is no such path, `io` where it cannot be read.
    fn discover_path(&self, path: &Path) -> Result<Discovery>;

    /// The age in days at which this client removes its sessions, by its settings; none where it keeps them.
    fn cleanup_days(&self, _environment: &Environment) -> Option<u32> {
        None
    }

    /// In which of its forms a source of this name is, where the client keeps a session in several whose messages have ids of
    /// their own, so that only one of them may be archived. The lowest is read where none was yet.
    fn form(&self, _name: &str) -> Option<u8> {
        None
    }

    /// What `source` holds, opened for reading only, where it is no file of lines; none where it is one.
    ///
    /// # Errors
    /// `not_found` where it is gone, `busy`, `bad_input` or `io` where it cannot be read.
    fn documents(&self, _source: &Source) -> Result<Option<Box<dyn Documents>>> {
        Ok(None)
    }

    /// A parser for `source`, going on from `state` where a cursor held one.
    fn parser(&self, source: &Source, state: Option<&serde_json::Value>) -> Box<dyn RowParser>;

    /// Opens `source` for reading only, decides by `previous` what is left to read, and gives it in blocks.
    ///
    /// # Errors
    /// `not_found` where the file is gone, `io` where it cannot be read.
    fn read(&self, source: &Source, previous: Option<&Cursor>, options: ReadOptions) -> Result<BlockReader> {
        BlockReader::open(self, source, previous, options)
    }
}

/// Every adapter, in the order in which clients are shown.
#[must_use]
pub fn adapters() -> &'static [&'static dyn SessionAdapter] {
    &[
        &crate::claude_code::ClaudeCode,
        &crate::codex::Codex,
        &crate::opencode::Opencode,
        &crate::cursor_ide::CursorIde,
        &crate::cline::CLINE,
        &crate::cline::ROO,
        &crate::claude_ai::ClaudeAi,
        &crate::chatgpt::ChatGpt,
        &crate::goose::GOOSE,
        &crate::crush::CRUSH,
        &crate::hermes::HERMES,
        &crate::zed::Zed,
        &crate::openhands::OpenHands,
        &crate::devin::DEVIN,
        &crate::antigravity::Antigravity,
        &crate::managed_agents::ManagedAgents,
        &crate::gemini_cli::GEMINI_CLI,
        &crate::cursor_cli::CURSOR_CLI,
        &crate::copilot_cli::COPILOT_CLI,
        &crate::pi::PI,
        &crate::claude_desktop::CLAUDE_DESKTOP,
        &crate::qwen_code::QWEN_CODE,
        &crate::droid::DROID,
        &crate::oh_my_pi::OH_MY_PI,
        &crate::kimi::KIMI,
        &crate::grok_build::GROK_BUILD,
        &crate::letta_code::LETTA_CODE,
        &crate::openclaw::OPENCLAW,
        &crate::nanoclaw::Nanoclaw,
        &crate::kiro::KIRO,
        &crate::deepseek::DEEPSEEK,
        &crate::aider::AIDER,
        &crate::git::Git,
        &crate::generic::Generic,
    ]
}

/// The adapter of a client.
///
/// # Errors
/// `bad_input` where no adapter has that name.
pub fn adapter(name: &str) -> Result<&'static dyn SessionAdapter> {
    adapters().iter().copied().find(|adapter| adapter.name() == name).ok_or_else(|| {
        let names: Vec<_> = adapters().iter().map(|adapter| adapter.name()).collect();
        Error::bad_input(format!("no adapter reads sessions of `{}`", jay_types::text::shorten(name, 40)))
            .hint(format!("`jay session sync` takes one of: {}.", names.join(", ")))
    })
}
