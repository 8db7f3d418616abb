//! Archived sessions of chosen clients.
//!
//! A stream of the archive holds the sessions of every client of a namespace, and a stream travels whole: a filter that left changes out
//! would leave holes in it (J1). So the headers of all blocks travel, and of those of other clients than the chosen ones the bodies do not.
//! Who receives them keeps them as what they are, changes without a body, and shows no such session. A head names the clients that its
//! node shares: when more are chosen later, the node writes their blocks once more, with their bodies.
//!
//! **Invariant:** whatever goes out or comes in, a block has its body only where its session is of a chosen client; one of
//! which the client cannot be told goes out without it, and stays as it came.

use super::push::READ_BYTES;
use super::run::Run;
use super::segments::Gathered;
use jay_store::{Branch, Journalled};
use jay_types::change::frame::FrameEntry;
use jay_types::change::{Header, Journal, Op, body};
use jay_types::{EntityId, Error, Result};
use serde::Deserialize;
use std::collections::BTreeSet;

/// The sessions whose blocks go out.
pub(super) enum Chosen {
    All,
    Of(BTreeSet<EntityId>),
}

impl Chosen {
    /// The sessions of some clients; of every one where none is named.
    fn read(run: &Run<'_, '_>, clients: &[String]) -> Result<Self> {
        if clients.is_empty() {
            return Ok(Self::All);
        }
        if !run.peer.archive.exists() {
            return Ok(Self::Of(BTreeSet::new()));
        }
        Ok(Self::Of(run.peer.archive.read::<_, Error>(|tx| Ok(tx.sessions_of_clients(clients)?))?))
    }

    fn has(&self, session: EntityId) -> bool {
        match self {
            Self::All => true,
            Self::Of(sessions) => sessions.contains(&session),
        }
    }

    /// A change as it goes out.
    pub(super) fn entry(&self, change: &Journalled) -> FrameEntry {
        let mut entry = change.entry();
        if is_block(&change.header) && !self.has(change.header.entity) {
            entry.body = None;
        }
        entry
    }
}

/// The sessions that go out to this remote.
pub(super) fn chosen(run: &Run<'_, '_>) -> Result<Chosen> {
    Chosen::read(run, &run.config.clients)
}

fn is_block(header: &Header) -> bool {
    header.journal == Journal::Archive.number() && [Op::Block.number(), Op::Reparse.number()].contains(&header.op)
}

/// Takes the bodies of blocks of other clients out of what came. One that this version cannot read is kept: so is the change.
pub(super) fn strip(clients: &[String], entries: &mut [FrameEntry]) {
    if clients.is_empty() {
        return;
    }
    for entry in entries {
        let Ok(header) = Header::decode(&entry.header) else { continue };
        if !is_block(&header) {
            continue;
        }
        let client = entry.body.as_ref().and_then(|(_, bytes)| client_of(header.encoding, bytes));
        if client.is_some_and(|client| !clients.contains(&client)) {
            entry.body = None;
        }
    }
}

/// The client of a block.
fn client_of(encoding: u8, bytes: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Wrapper {
        block: Named,
    }
    #[derive(Deserialize)]
    struct Named {
        session: Session,
    }
    #[derive(Deserialize)]
    struct Session {
        client: String,
    }
    let json = body::decode(encoding, bytes).ok()?;
    serde_json::from_slice::<Wrapper>(&json).ok().map(|wrapper| wrapper.block.session.client)
}

/// The clients of which this node last told that it shares them, no client meaning every one. `None` where it told nothing yet.
fn told(run: &Run<'_, '_>) -> Option<Vec<String>> {
    run.state.own.as_ref().filter(|own| own.node == run.node).map(|own| own.clients.clone())
}

/// The clients that a head names after a whole push. Without the archive what was left out before stays left out: it is given when the
/// archive comes back.
pub(super) fn shared(run: &Run<'_, '_>) -> Vec<String> {
    if run.config.archive { run.config.clients.clone() } else { told(run).unwrap_or_default() }
}

/// The clients that a head names before any block was written: fewer are told at once, more after they were given.
pub(super) fn shared_before(run: &Run<'_, '_>) -> Vec<String> {
    match told(run) {
        Some(told) if run.config.archive => narrower(told, &run.config.clients),
        _ => shared(run),
    }
}

/// What both have, where that is any client at all; else what was told.
fn narrower(told: Vec<String>, chosen: &[String]) -> Vec<String> {
    if told.is_empty() {
        return chosen.to_vec();
    }
    let both: Vec<String> = told.iter().filter(|client| chosen.contains(client)).cloned().collect();
    if both.is_empty() { told } else { both }
}

/// Writes once more the blocks of sessions that are shared now and were not when this node last told what it shares.
pub(super) fn give_more(run: &mut Run<'_, '_>, branches: &[Branch]) -> Result<()> {
    let Some(told) = told(run) else { return Ok(()) };
    if told.is_empty() || told == run.config.clients || !run.config.archive {
        return Ok(());
    }
    let before = Chosen::read(run, &told)?;
    let mut gathered = Gathered::default();
    for branch in branches.iter().filter(|branch| branch.stream.journal == Journal::Archive.number()) {
        let mut after = branch.parent.map_or(0, |(_, seq)| seq);
        while after < branch.head_seq {
            let changes = run
                .store(branch.stream.journal)
                .read::<_, Error>(|tx| Ok(tx.branch_acts(branch, (after, branch.head_seq), READ_BYTES)?))?;
            let Some(last) = changes.last() else { break };
            after = last.header.seq;
            for act in changes.chunk_by(|one, next| one.header.act == next.header.act) {
                let is_more = |change: &Journalled| {
                    let session = change.header.entity;
                    is_block(&change.header) && run.chosen.has(session) && !before.has(session)
                };
                if !act.iter().any(is_more) {
                    continue;
                }
                act.iter().for_each(|change| gathered.add(run.chosen.entry(change)));
                if gathered.is_full() {
                    gathered.write(run)?;
                }
            }
        }
    }
    gathered.write(run)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jay_types::change::block::{Block, BlockSource};
    use jay_types::session::SessionMeta;

    #[test]
    fn a_block_tells_its_client() {
        let source = BlockSource {
            client: "a file's".to_owned(),
            path: "/p".to_owned(),
            revision: 0,
            host: String::new(),
            user: String::new(),
            session: None,
        };
        let session = SessionMeta { client: "codex".to_owned(), id: "one".to_owned(), ..SessionMeta::default() };
        let block = Block {
            source,
            session,
            adapter: 1,
            reads: None,
            secrets: Vec::new(),
            messages: Vec::new(),
            rows: Vec::new(),
        };
        assert_eq!(client_of(body::ENCODING_JSON, &block.to_json()).as_deref(), Some("codex"));
        assert_eq!(client_of(body::ENCODING_JSON, b"{}"), None);
        assert_eq!(client_of(250, &block.to_json()), None);
    }

    #[test]
    fn fewer_clients_are_told_before_and_more_after() {
        let of = |told: &[&str], chosen: &[&str]| {
            let words = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
            narrower(words(told), &words(chosen)).join(",")
        };
        assert_eq!(of(&[], &["editor"]), "editor");
        assert_eq!(of(&["editor"], &[]), "editor");
        assert_eq!(of(&["editor"], &["editor", "robot"]), "editor");
        assert_eq!(of(&["editor", "robot"], &["editor"]), "editor");
        assert_eq!(of(&["editor"], &["robot"]), "editor");
    }
}
