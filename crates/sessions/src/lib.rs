//! What jay knows of agent clients' session files: where they lie, how to read them again after they grew, and what
//! their rows say.
//!
//! One file per client ([`claude_code`], [`codex`], [`gemini_cli`] and others) says where the client keeps its files
//! ([`SessionAdapter::discover`]) and what one row means ([`RowParser`]). All the rest is common: rows are cut from a
//! stream within bounded memory, gathered into [`Block`]s, and the [`Cursor`] that belongs to each block says where
//! to go on the next time.
//!
//! **Invariant:** the rows of a file's blocks, one after the other, are the file's bytes: an adapter decides only what
//! stands beside them. Every row that is not blank has at least one message, be it a carrier. Nothing here writes,
//! and nothing reads the environment: home and variables come in as an [`Environment`].

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing))]

mod adapter;
mod again;
pub mod aider;
mod anthropic;
pub mod antigravity;
mod block;
mod calls;
pub mod chatgpt;
pub mod claude_ai;
pub mod claude_code;
pub mod claude_desktop;
pub mod cline;
pub mod codex;
pub mod copilot_cli;
pub mod crush;
mod cursor;
pub mod cursor_cli;
pub mod cursor_ide;
mod database;
pub mod deepseek;
pub mod devin;
mod discover;
mod documents;
pub mod droid;
mod environment;
mod export;
mod files;
mod forms;
pub mod gemini_cli;
pub mod generic;
pub mod git;
mod google;
pub mod goose;
pub mod grok_build;
pub mod hermes;
mod input;
pub mod json;
mod key;
pub mod kimi;
pub mod kiro;
pub mod letta_code;
mod lines;
pub mod managed_agents;
pub mod nanoclaw;
pub mod oh_my_pi;
pub mod openclaw;
pub mod opencode;
pub mod openhands;
pub mod pi;
pub mod qwen_code;
mod reader;
mod rows;
mod said;
mod sink;
mod splitter;
mod summary;
mod tables;
mod told;
pub mod touched;
mod unzip;
mod usage;
pub mod write;
pub mod zed;

pub use adapter::{BLOCK_MAX_BYTES, ROW_MAX_BYTES, ReadOptions, RowParser, SessionAdapter, adapter, adapters};
pub use again::{Again, SaidAgain};
pub use block::{Block, ReadReport, RowBytes, SessionMessage};
pub use cursor::{Cursor, FileStamp, OpenRow, Verdict};
pub use discover::{Discovery, Problem, Source};
pub use documents::{Document, Documents, Taken};
pub use environment::{CLIENT_VARIABLES, Environment, Platform};
pub use forms::Forms;
pub use key::{content_hash, line_id, message_key};
pub use lines::JsonLines;
pub use reader::BlockReader;
pub use sink::Sink;
pub use splitter::{Shape, Splitter};
pub use summary::{Summary, read_all, read_documents, read_pieces};
pub use tables::Tables;
pub use usage::usage;
