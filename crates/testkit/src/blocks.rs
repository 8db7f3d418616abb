//! Blocks of archived sessions, small ones.
//!
//! **Invariant:** an equal call gives an equal block.

use crate::Random;
use jay_types::change::block::{Block, BlockSource, Row};
use jay_types::session::{Message, Part, Provenance, Role, SessionMeta};
use jay_types::{EntityId, Timestamp};

fn message(id: &str, text: &str, at: i64, row: u32) -> Message {
    Message {
        id: id.to_owned(),
        role: Some(Role::User),
        author: None,
        at: Some(Timestamp(at)),
        model: None,
        parts: vec![Part::Text { text: text.to_owned(), provenance: Provenance::Conversational }],
        row,
    }
}

/// A block of consecutive rows, each with a message that says `words`.
#[must_use]
pub fn block(session: &str, path: &str, revision: u32, first: u64, words: &[&str]) -> Block {
    let mut meta = SessionMeta { client: "generic".to_owned(), id: session.to_owned(), ..SessionMeta::default() };
    let said = |(n, text): (u32, &&str)| {
        message(&format!("{session}:{}", first + u64::from(n)), text, 1000 + first as i64 + i64::from(n), n)
    };
    let messages: Vec<Message> = (0..).zip(words).map(said).collect();
    messages.iter().filter_map(|message| message.at).for_each(|at| meta.saw(at));
    meta.title = Some(format!("title {first}"));
    let source = BlockSource {
        client: "generic".into(),
        path: path.into(),
        revision,
        host: "h".into(),
        user: "u".into(),
        session: None,
    };
    let rows = (first..).zip(words).map(|(n, text)| Row::new(n, format!("{text}\n").as_bytes())).collect();
    Block { source, session: meta, adapter: 1, reads: None, rows, messages, secrets: Vec::new() }
}

/// A block of a session, with a few of `words`.
pub fn any_block(random: &mut Random, session: &str, words: &[&str]) -> Block {
    let said: Vec<&str> = (0..=random.below(3)).map(|_| random.pick(words).copied().unwrap_or_default()).collect();
    let path = if random.chance(50) { "/a" } else { "/b" };
    block(session, path, random.below(3) as u32, random.below(5), &said)
}

/// The id of a session by the client's own id.
#[must_use]
pub fn session_id(session: &str) -> EntityId {
    EntityId::derived("session", &["generic", session])
}
