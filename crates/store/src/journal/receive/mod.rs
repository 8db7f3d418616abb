//! Receiving changes of other nodes: journalled once chain, signature and bounds hold, then projected or deferred (J5).
//!
//! **Invariant:** what fails is refused by name and stops its stream, no other; what is already here is not written again;
//! a gap is "not here yet" and no fault.

mod chain;

pub(crate) use chain::told_key;

use super::append::{Place, Row, insert, insert_body, insert_stream, set_head};
use super::stopped::{BAD_CLOCK, is_bad_clock};
use super::{ahead, stopped};
use crate::open::Store;
use crate::tx::Tx;
use crate::{Result, project};
use chain::{Missing, Parent, check_chain, find_parent, public_key};
use jay_types::bounds::{ACT_MAX_BYTES, ACT_MAX_CHANGES};
use jay_types::change::frame::FrameEntry;
use jay_types::change::header::{HeaderFault, StreamId};
use jay_types::change::{Header, Journal, PublicKey, StoredBody};
use jay_types::{EntityId, Hash, Hlc, NamespaceId, NodeId};
use rusqlite::params;
use std::collections::{BTreeMap, BTreeSet};

/// A part of an act that was not journalled, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The stream that it stops.
    pub node: NodeId,
    /// The stream that it stops.
    pub namespace: NamespaceId,
    /// Where it stops.
    pub seq: u64,
    /// `unknown_version`, `bad_chain`, `bad_signature`, `bad_bounds`, `bad_body`, `bad_clock`.
    pub reason: &'static str,
}

/// What became of received changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceiveReport {
    /// Journalled.
    pub journalled: u64,
    /// Here already.
    pub have: u64,
    /// Both of these by author.
    pub by_node: BTreeMap<NodeId, (u64, u64)>,
    /// Bodies that completed changes which were here without them.
    pub bodies: u64,
    /// Changes whose predecessor is not here yet.
    pub gaps: u64,
    /// What was refused.
    pub refused: Vec<Refusal>,
    /// A branch of one of our own streams came from outside: this store was rolled back or copied, and goes on as a
    /// new node (J3).
    pub renewed_node: bool,
    /// Memories here that say what was purged as another one.
    pub say_what_was_purged: Vec<EntityId>,
}

/// One change of a part: its header, its hash, how it came.
pub(crate) struct Received<'a> {
    pub(crate) header: Header,
    pub(crate) hash: Hash,
    pub(crate) entry: &'a FrameEntry,
}

/// What parts are received for, and what became of them so far.
pub(crate) struct Receiving {
    /// The node of this store.
    own: NodeId,
    now: i64,
    /// True where [`prove_part`] was asked before.
    is_proven: bool,
    pub(crate) report: ReceiveReport,
    touched: BTreeSet<i64>,
}

impl Receiving {
    pub(crate) fn new(own: NodeId, now: i64, is_proven: bool) -> Self {
        Self { own, now, is_proven, report: ReceiveReport::default(), touched: BTreeSet::new() }
    }
}

impl Received<'_> {
    fn body(&self) -> Option<StoredBody> {
        self.entry.stored_body(&self.header)
    }
}

impl Store {
    /// Journals what `entries` bring, in one transaction.
    ///
    /// # Errors
    /// What SQLite says; faults of the changes themselves stand in the report.
    pub fn receive(&self, entries: &[FrameEntry]) -> Result<ReceiveReport> {
        let now = self.options.surroundings.now().0;
        self.group.run(
            || self.open_writer(),
            &self.ready()?,
            |connection| {
                let own = self.identity.key()?.node_id();
                let report = receive(&self.tx(connection), entries, own, now)?;
                if report.renewed_node {
                    // Before the commit: once the branch is here, nothing would tell of it again.
                    self.identity.renew()?;
                }
                Ok(report)
            },
        )
    }
}

fn receive(tx: &Tx<'_>, entries: &[FrameEntry], own: NodeId, now: i64) -> Result<ReceiveReport> {
    let mut receiving = Receiving::new(own, now, false);
    let mut halted: BTreeSet<StreamId> = BTreeSet::new();
    let first_pos = tx.next_pos()?;
    let mut rest = entries;
    while let Some((first, _)) = rest.split_first() {
        let (part, tail) = match split_part(first, rest) {
            Ok(split) => split,
            Err(refusal) => {
                rest = rest.split_first().map_or(&[], |(_, tail)| tail);
                if let Some((stream, seq, reason)) = refusal
                    && stream.journal == tx.journal.number()
                    && halted.insert(stream)
                {
                    refuse(tx, &mut receiving.report, stream, (seq, reason, None), now)?;
                }
                continue;
            }
        };
        rest = tail;
        let Some(head) = part.first() else { continue };
        let (stream, seq) = (head.header.stream(), head.header.seq);
        if Journal::from_number(stream.journal) != Some(tx.journal) || halted.contains(&stream) {
            continue;
        }
        if let Err(reason) = take_part(tx, &part, &mut receiving)? {
            halted.insert(stream);
            let clock = part.iter().map(|received| received.header.hlc).max().filter(|_| reason == BAD_CLOCK);
            refuse(tx, &mut receiving.report, stream, (seq, reason, clock), now)?;
        }
    }
    let next = tx.next_pos()?;
    if next > first_pos {
        tx.note_arrival(next - 1, now)?;
    }
    receiving.report.say_what_was_purged = project::received(tx, &receiving.touched, own, now)?;
    Ok(receiving.report)
}

type PartFault = Option<(StreamId, u64, &'static str)>;

/// The changes of one (act, stream) at the front of `entries`, and what follows.
fn split_part<'a>(
    first: &'a FrameEntry,
    entries: &'a [FrameEntry],
) -> Result<(Vec<Received<'a>>, &'a [FrameEntry]), PartFault> {
    let read = |entry: &'a FrameEntry| match Header::decode(&entry.header) {
        Ok(header) => Ok(Received { hash: header.hash(), header, entry }),
        Err(fault) => Err(Header::peek(&entry.header).map(|(_, stream, seq)| {
            let reason = if matches!(fault, HeaderFault::UnknownVersion(_)) { "unknown_version" } else { "bad_bounds" };
            (stream, seq, reason)
        })),
    };
    let head = read(first)?;
    let (stream, act, count) = (head.header.stream(), head.header.act, usize::from(head.header.count));
    let mut part = vec![head];
    for entry in entries.iter().skip(1).take(count.saturating_sub(1)) {
        match read(entry) {
            Ok(next) if next.header.stream() == stream && next.header.act == act => part.push(next),
            _ => break,
        }
    }
    let (_, tail) = entries.split_at(part.len());
    Ok((part, tail))
}

fn refuse(
    tx: &Tx<'_>,
    report: &mut ReceiveReport,
    stream: StreamId,
    (seq, reason, clock): (u64, &'static str, Option<Hlc>),
    now: i64,
) -> Result<()> {
    stopped::stop(tx, stream, seq, reason, clock, now)?;
    report.refused.push(Refusal { node: stream.node, namespace: stream.namespace, seq, reason });
    Ok(())
}

/// Journals one part. The inner error is the reason for which it is refused.
pub(crate) fn take_part(
    tx: &Tx<'_>,
    part: &[Received<'_>],
    receiving: &mut Receiving,
) -> Result<Result<(), &'static str>> {
    let (Some(head), Some(last)) = (part.first(), part.last()) else { return Ok(Ok(())) };
    let Receiving { own, now, is_proven, report, touched } = receiving;
    let (own, now) = (*own, *now);
    if !*is_proven && let Err(reason) = check_bounds(part, now) {
        return Ok(Err(reason));
    }
    let namespace = tx.number_namespace(head.header.namespace)?;
    let node = tx.number_node(head.header.node)?;
    if let Some(reason) = take_known(tx, part, node, namespace, report, touched)? {
        return Ok(reason);
    }
    let parent = match find_parent(tx, node, namespace, &head.header)? {
        Ok(parent) => parent,
        Err(Missing::NotHereYet) => {
            report.gaps += part.len() as u64;
            return Ok(Ok(()));
        }
        Err(Missing::Broken) => return Ok(Err("bad_chain")),
    };
    if let Err(reason) = check_chain(part, &parent) {
        return Ok(Err(reason));
    }
    let Some(author) = public_key(tx, node, head)? else { return Ok(Err("bad_signature")) };
    if !*is_proven && !is_signed(last, &author.key) {
        return Ok(Err("bad_signature"));
    }
    if !author.is_known {
        tx.execute("UPDATE nodes SET public_key = ?2 WHERE num = ?1", params![node, author.key.bytes()])?;
    }
    let stream = match parent {
        Parent::Head { stream, .. } => stream,
        Parent::Start => {
            let known =
                tx.number("SELECT count(*) FROM streams WHERE node = ?1 AND namespace = ?2", [node, namespace])?;
            report.renewed_node |= head.header.node == own && known > 0;
            insert_stream(tx, node, namespace, None, 0)?
        }
        Parent::Inside { stream, seq, .. } => {
            report.renewed_node |= head.header.node == own;
            insert_stream(tx, node, namespace, Some(stream), seq)?
        }
    };
    report.renewed_node |= head.header.node == own;
    journal_part(tx, part, stream, namespace, touched)?;
    report.journalled += part.len() as u64;
    report.by_node.entry(head.header.node).or_default().0 += part.len() as u64;
    ahead::note(tx, part.iter().map(|received| &received.header), now)?;
    stopped::lift(tx, head.header.node, head.header.namespace)?;
    Ok(Ok(()))
}

fn journal_part(
    tx: &Tx<'_>,
    part: &[Received<'_>],
    stream: i64,
    namespace: i64,
    touched: &mut BTreeSet<i64>,
) -> Result<()> {
    let Some(last) = part.last() else { return Ok(()) };
    let act = tx.number_act(last.header.act, false)?;
    let mut hlc = tx.meta_number("hlc")?.unwrap_or(0);
    for (pos, received) in (tx.next_pos()?..).zip(part) {
        let entity = tx.number_entity(namespace, received.header.kind, received.header.entity)?;
        // A body of a purged entity is dropped on arrival (J10).
        let body = if tx.is_purged(entity)? { None } else { received.body() };
        // Only the last one's signature was verified; what stands elsewhere says nothing and is not kept.
        let signature = received.entry.signature.filter(|_| received.hash == last.hash);
        let row = Row { header: &received.header, hash: received.hash, body: body.as_ref(), signature };
        insert(tx, pos, Place { stream, namespace, act, entity }, &row)?;
        touched.insert(entity);
        hlc = hlc.max(received.header.hlc.0 as i64);
    }
    tx.set_meta("hlc", hlc)?;
    set_head(tx, stream, last.header.seq, last.hash)
}

/// What of a part can be checked without the store: its bounds, its bodies and its signature. Its place in the stream cannot.
pub(crate) fn prove_part(part: &[Received<'_>], key: Option<&PublicKey>, now: i64) -> Result<(), &'static str> {
    check_bounds(part, now)?;
    let is_good = part.last().zip(key).is_some_and(|(last, key)| is_signed(last, key));
    if is_good { Ok(()) } else { Err("bad_signature") }
}

fn is_signed(last: &Received<'_>, key: &PublicKey) -> bool {
    last.entry.signature.is_some_and(|signature| key.has_signed(last.header.node, &last.hash, &signature))
}

fn check_bounds(part: &[Received<'_>], now: i64) -> Result<(), &'static str> {
    let Some(head) = part.first() else { return Ok(()) };
    let count = usize::from(head.header.count);
    // Positions in a stream are stored as signed numbers.
    let seqs = head.header.seq.checked_add(u64::from(head.header.count)).is_some_and(|end| i64::try_from(end).is_ok());
    if count != part.len() || count > ACT_MAX_CHANGES || head.header.seq == 0 || !seqs {
        return Err("bad_bounds");
    }
    let bytes: usize =
        part.iter().filter_map(|received| received.entry.body.as_ref()).map(|(_, bytes)| bytes.len()).sum();
    if bytes > ACT_MAX_BYTES {
        return Err("bad_bounds");
    }
    for (index, received) in part.iter().enumerate() {
        let header = &received.header;
        if usize::from(header.index) != index || header.count != head.header.count || header.actor != head.header.actor
        {
            return Err("bad_bounds");
        }
        if is_bad_clock(header.hlc, now) {
            return Err(BAD_CLOCK);
        }
        if received.body().is_some_and(|body| body.hash() != header.body_hash) {
            return Err("bad_body");
        }
    }
    Ok(())
}

/// Where all of the part is here already: fills bodies that were missing. None where it is new.
fn take_known(
    tx: &Tx<'_>,
    part: &[Received<'_>],
    node: i64,
    namespace: i64,
    report: &mut ReceiveReport,
    touched: &mut BTreeSet<i64>,
) -> Result<Option<Result<(), &'static str>>> {
    let mut known = Vec::new();
    for received in part {
        match tx.find_change(node, namespace, received.header.seq, received.hash)? {
            Some(found) => known.push((found, received)),
            None if known.is_empty() => return Ok(None),
            // A part is journalled whole or not at all.
            None => return Ok(Some(Err("bad_chain"))),
        }
    }
    for ((pos, entity), received) in known {
        report.have += 1;
        report.by_node.entry(received.header.node).or_default().1 += 1;
        let missing = tx.number("SELECT count(*) FROM bodies WHERE pos = ?1", [pos])? == 0;
        if let Some(body) = received.body().filter(|_| missing)
            && !tx.is_purged(entity)?
        {
            insert_body(tx, pos, &body)?;
            touched.insert(entity);
            report.bodies += 1;
        }
    }
    Ok(Some(Ok(())))
}

impl Tx<'_> {
    /// True where an entity was purged.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn is_purged(&self, entity: i64) -> Result<bool> {
        Ok(self.one("SELECT 1 FROM purged WHERE entity = ?1", [entity], |_| Ok(()))?.is_some())
    }

    /// Position and entity of the change with this hash.
    fn find_change(&self, node: i64, namespace: i64, seq: u64, hash: Hash) -> Result<Option<(i64, i64)>> {
        self.one(
            "SELECT c.pos, c.entity FROM streams s JOIN changes c ON c.stream = s.num AND c.seq = ?3
             WHERE s.node = ?1 AND s.namespace = ?2 AND c.hash = ?4",
            params![node, namespace, seq, hash.0],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
    }
}
