//! Reading rows once more that were kept: by an adapter that has learned to read them better.
//!
//! **Invariant:** a row says what it would say had its source been read now for the first time, as far as the row and those before
//! it tell: ids that count lines are the same.

use crate::adapter::{RowParser, SessionAdapter};
use crate::discover::Source;
use crate::reader::{oversized, parsed};
use crate::rows::without_ending;
use crate::sink::{Collected, Sink};
use jay_types::session::{Message, SessionMeta};

/// Reads the rows of one source in their order.
pub struct Again {
    source: Source,
    client: &'static str,
    parser: Box<dyn RowParser>,
    row_max_bytes: usize,
}

impl std::fmt::Debug for Again {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Again").field("source", &self.source.name()).finish_non_exhaustive()
    }
}

/// What a row says.
#[derive(Debug, Default)]
pub struct SaidAgain {
    /// Its messages; their `row` is 0.
    pub messages: Vec<Message>,
    /// What it tells of sessions.
    pub sessions: Vec<SessionMeta>,
}

impl Again {
    /// Begins at the first row of `source`; rows of more than `row_max_bytes` are kept and not parsed.
    #[must_use]
    pub fn new(adapter: &dyn SessionAdapter, source: Source, row_max_bytes: usize) -> Self {
        let parser = adapter.parser(&source, None);
        Self { client: adapter.name(), parser, source, row_max_bytes }
    }

    /// What the row of this number says (the first is 0), its line ending included.
    pub fn row(&mut self, number: u64, bytes: &[u8]) -> SaidAgain {
        let mut collected = Collected::default();
        let mut sink = Sink { collected: &mut collected, client: self.client, row: 0, line: number + 1 };
        // Counted without its ending, as when it was read from its source.
        if without_ending(bytes).len() > self.row_max_bytes {
            oversized(&self.source, bytes, self.row_max_bytes, &mut sink);
        } else {
            parsed(self.parser.as_mut(), bytes, number == 0, &mut sink);
        }
        let messages = collected.messages.into_iter().map(|said| said.message).collect();
        SaidAgain { messages, sessions: collected.sessions.into_values().collect() }
    }
}
