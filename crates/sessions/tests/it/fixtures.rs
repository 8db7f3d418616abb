//! The fixtures, and a caller as the archive is one: it keeps blocks and cursors and puts them together again.

use jay_sessions::{Block, Cursor, ReadOptions, ReadReport, SessionAdapter, SessionMessage, Source, Verdict};
use jay_types::session::SessionMeta;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The directory of the fixtures.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/sessions")
}

/// Every source of every fixture that is a file of lines, with its adapter. A client that has neither these nor SQL to
/// be laid out fails here.
pub(crate) fn all() -> Vec<(&'static dyn SessionAdapter, Source)> {
    let mut found = Vec::new();
    for adapter in jay_sessions::adapters() {
        let fixtures = root().join(adapter.name());
        assert!(fixtures.is_dir(), "{} has no fixture", adapter.name());
        found.extend(
            sources(*adapter, &fixtures).into_iter().filter(|(adapter, source)| !is_documents(*adapter, source)),
        );
    }
    found
}

/// Every source of every fixture that is read as documents, in a copy of the fixtures that may be changed.
pub(crate) fn laid_out() -> (tempfile::TempDir, Vec<(&'static dyn SessionAdapter, Source)>) {
    let directory = tempfile::tempdir().unwrap();
    let mut found = Vec::new();
    for adapter in jay_sessions::adapters() {
        let copy = directory.path().join(adapter.name());
        jay_testkit::foreign::lay_out(&root().join(adapter.name()), &copy);
        let all = sources(*adapter, &copy);
        assert!(!all.is_empty(), "{} has no fixture", adapter.name());
        found.extend(all.into_iter().filter(|(adapter, source)| is_documents(*adapter, source)));
    }
    (directory, found)
}

/// The bytes of a file of lines, unpacked where it is compressed; a last frame that is cut ends them.
pub(crate) fn contents(path: &Path) -> Vec<u8> {
    use std::io::Read as _;
    let bytes = std::fs::read(path).unwrap();
    if path.extension().is_none_or(|ending| ending != "zstd") {
        return bytes;
    }
    let mut unpacked = Vec::new();
    let _ = zstd::Decoder::new(bytes.as_slice()).unwrap().read_to_end(&mut unpacked);
    unpacked
}

fn is_documents(adapter: &dyn SessionAdapter, source: &Source) -> bool {
    adapter.documents(source).unwrap().is_some()
}

/// The sources of each version of a client's fixtures.
fn sources(adapter: &'static dyn SessionAdapter, fixtures: &Path) -> Vec<(&'static dyn SessionAdapter, Source)> {
    let mut versions: Vec<_> = std::fs::read_dir(fixtures).unwrap().map(|version| version.unwrap().path()).collect();
    versions.sort();
    let mut found = Vec::new();
    for version in versions {
        let discovery = adapter.discover_path(&version).unwrap();
        assert_eq!(discovery.problems, []);
        found.extend(discovery.sources.into_iter().map(|source| (adapter, source)));
    }
    found
}

/// A message by the line of its row, which is the same however the blocks are cut.
pub(crate) type Placed = (u64, SessionMessage);

/// What a caller holds of one source.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Held {
    pub(crate) cursor: Option<Cursor>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) messages: Vec<Placed>,
    pub(crate) sessions: BTreeMap<String, SessionMeta>,
    pub(crate) unknown: BTreeMap<String, u64>,
    pub(crate) rows: u64,
    pub(crate) blank: u64,
    pub(crate) carriers: u64,
}

impl Held {
    /// Reads what is left of `source`, as a sync does, and stops after `max_blocks`.
    pub(crate) fn sync(
        &mut self,
        adapter: &dyn SessionAdapter,
        source: &Source,
        options: ReadOptions,
        max_blocks: usize,
    ) -> (Verdict, ReadReport) {
        let mut reader = adapter.read(source, self.cursor.as_ref(), options).unwrap();
        let verdict = reader.verdict();
        if verdict == Verdict::Rewritten {
            *self = Self::default();
        }
        let mut taken = 0;
        while taken < max_blocks {
            let Some(block) = reader.next() else { break };
            self.take(&block.unwrap());
            taken += 1;
            self.keep(&reader.cursor());
        }
        self.keep(&reader.cursor());
        let report = reader.report().clone();
        self.rows += report.rows;
        self.blank += report.blank;
        self.carriers += report.carriers;
        (verdict, report)
    }

    /// Keeps a cursor as a database does: as text.
    fn keep(&mut self, cursor: &Cursor) {
        let text = serde_json::to_string(cursor).unwrap();
        let back = serde_json::from_str(&text).unwrap();
        assert_eq!(*cursor, back);
        self.cursor = Some(back);
    }

    /// What a source that is read as documents says now: of each id what was said last, in no order.
    pub(crate) fn said(&self) -> BTreeMap<(String, String), SessionMessage> {
        let said = self.messages.iter().filter(|(_, found)| found.message.role.is_some());
        said.map(|(_, found)| ((found.session.clone(), found.message.id.clone()), found.clone())).collect()
    }

    fn take(&mut self, block: &Block) {
        let block: Block = serde_json::from_str(&serde_json::to_string(block).unwrap()).unwrap();
        assert_eq!(block.start, self.bytes.len() as u64);
        let mut line = block.first_row;
        let mut lines = Vec::new();
        for row in &block.rows {
            lines.push(line);
            line += u64::from(row.0.ends_with(b"\n"));
            self.bytes.extend(&row.0);
        }
        assert_eq!(block.end, self.bytes.len() as u64);
        for mut message in block.messages {
            let line = lines[message.message.row as usize];
            message.message.row = 0;
            self.messages.push((line, message));
        }
        for meta in block.sessions {
            self.sessions.entry(meta.id.clone()).or_insert_with(|| meta.clone()).merge(&meta);
        }
        for (kind, count) in block.unknown {
            *self.unknown.entry(kind).or_default() += count;
        }
    }

    /// What does not depend on when and in how many goes it was read.
    pub(crate) fn told(&self) -> impl PartialEq + std::fmt::Debug + use<> {
        let Self { bytes, messages, sessions, unknown, rows, blank, carriers, .. } = self.clone();
        (bytes, messages, sessions, unknown, (rows, blank, carriers))
    }
}

/// Small blocks, so that fixtures are cut into many.
pub(crate) fn small(max_block_bytes: usize) -> ReadOptions {
    ReadOptions { max_block_bytes, ..ReadOptions::default() }
}

/// A file that grows, and the source that describes it.
pub(crate) struct Growing {
    pub(crate) source: Source,
    _directory: tempfile::TempDir,
}

impl Growing {
    /// An empty file that is read as `like` is.
    pub(crate) fn like(like: &Source) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file.jsonl");
        jay_testkit::write(&path, b"");
        Self { source: Source { path, ..like.clone() }, _directory: directory }
    }

    pub(crate) fn append(&self, bytes: &[u8]) {
        std::fs::OpenOptions::new().append(true).open(&self.source.path).unwrap().write_all(bytes).unwrap();
    }

    pub(crate) fn write(&self, bytes: &[u8]) {
        jay_testkit::write(&self.source.path, bytes);
    }
}
