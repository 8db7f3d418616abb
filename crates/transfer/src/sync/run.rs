//! One sync with one remote, from the first listing to the record of what was done.

use super::clients::Chosen;
use super::config::RemoteConfig;
use super::coverage::MISSED_FOR;
use super::proof::Proof;
use super::report::SyncedRemote;
use super::scope::Scope;
use super::state::RemoteState;
use super::{foresee, heads, intact, key_rings, membership, pull, push, temporary};
use crate::format::clear::KeyId;
use crate::remote::tolerant::Tolerant;
use crate::remote::{Remote, RemoteFile};
use crate::vault::keys::VaultKeys;
use crate::vault::roster::Roster;
use jay_store::{ActorName, Branch, NOT_SHARED, Store};
use jay_types::change::header::StreamId;
use jay_types::surroundings::Surroundings;
use jay_types::text::counted;
use jay_types::{Code, Error, Hash, NodeId, Result, Timestamp};
use std::collections::BTreeSet;

/// This machine, as it takes part in a sync.
pub struct Peer<'a> {
    /// The journal of memories.
    pub memory: &'a Store,
    /// The journal of archived sessions.
    pub archive: &'a Store,
    /// Time and randomness.
    pub surroundings: &'a dyn Surroundings,
    /// In whose name the roster is written.
    pub actor: ActorName,
    /// The machine's name.
    pub name: String,
    /// The version of this program.
    pub program: String,
    /// How many changes must be shared before a checkpoint is made.
    pub checkpoint_from_changes: u64,
    /// Called when changes were taken in, before what is here is shared: work that is queued with them and writes to the journal.
    pub after_pull: Box<dyn Fn() -> Result<()> + 'a>,
}

/// Which way changes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Both.
    Both,
    /// Only what others wrote is read.
    Pull,
    /// Only what this machine has is written.
    Push,
    /// As [`Direction::Both`], but of what this machine has only the vault's own namespace is written.
    Roster,
}

/// Told while a sync runs: bytes or changes done, in all (0 where something is merely said), and what is done.
pub type Progress<'a> = dyn FnMut(u64, u64, &str) + 'a;

/// Everything that the steps of a sync need.
pub(super) struct Run<'a, 'p> {
    pub(super) peer: &'a Peer<'a>,
    pub(super) remote: &'a dyn Remote,
    /// The same, to ask what of it could not be read.
    pub(super) place: &'a Tolerant<'a>,
    pub(super) config: &'a RemoteConfig,
    pub(super) keys: VaultKeys,
    pub(super) roster: Roster,
    pub(super) proof: Proof,
    /// Something of a member's is sealed with a key that has not come to this machine.
    pub(super) lacks_key: bool,
    /// With which keys that are not here files were found to be sealed.
    pub(super) lacking: BTreeSet<KeyId>,
    /// The sessions of the archive that go out.
    pub(super) chosen: Chosen,
    pub(super) node: NodeId,
    pub(super) state: RemoteState,
    pub(super) listing: Vec<RemoteFile>,
    pub(super) report: SyncedRemote,
    pub(super) progress: &'a mut Progress<'p>,
}

impl Run<'_, '_> {
    pub(super) fn now(&self) -> Timestamp {
        self.peer.surroundings.now()
    }

    /// The stores by the number of their journal.
    pub(super) fn store(&self, journal: u8) -> &Store {
        if journal == 0 { self.peer.memory } else { self.peer.archive }
    }

    /// True where a change is in the journal.
    pub(super) fn has(&self, stream: StreamId, seq: u64, hash: Hash) -> Result<bool> {
        self.store(stream.journal).read::<_, Error>(|tx| Ok(tx.has_change(stream, seq, hash)?))
    }

    pub(super) fn read_roster(&mut self) -> Result<()> {
        self.roster = self.peer.memory.read(|tx| Roster::read(tx, &self.keys))?;
        let past = self.peer.memory.successions()?;
        self.roster.past = past.iter().map(|link| link.from).collect();
        Ok(())
    }

    pub(super) fn scope(&self) -> Result<Scope<'_>> {
        self.peer.memory.read(|tx| Scope::read(tx, self.config, self.keys.vault, &self.state.elsewhere))
    }

    /// The branches that are shared with this remote, of both journals.
    pub(super) fn branches(&self) -> Result<Vec<Branch>> {
        let scope = self.scope()?;
        let mut all = self.peer.memory.read::<_, Error>(|tx| Ok(tx.branches()?))?;
        if self.config.archive && self.peer.archive.exists() {
            all.extend(self.peer.archive.read::<_, Error>(|tx| Ok(tx.branches()?))?);
        }
        Ok(scope.shared(all))
    }

    /// Changes and fields that are kept and not applied, of both journals, with their authors.
    pub(super) fn deferred(&self) -> Result<Vec<(NodeId, String, u64)>> {
        let mut all = Vec::new();
        for store in [self.peer.memory, self.peer.archive].into_iter().filter(|store| store.exists()) {
            let held = store.read::<_, Error>(|tx| Ok(tx.deferred_by_node()?))?;
            all.extend(held.into_iter().filter(|(_, reason, _)| reason != NOT_SHARED));
        }
        Ok(all)
    }

    pub(super) fn own_directory(&self) -> String {
        directory_of(self.node)
    }

    /// A share that is not mounted leaves an empty folder: what was written there would be seen by nobody. A place where no sync ever
    /// ended well may be empty.
    fn demand_not_emptied(&self, listing: &[RemoteFile]) -> Result<()> {
        if !listing.is_empty() || !self.place.unread().is_empty() || self.state.last_success.is_none() {
            return Ok(());
        }
        let files = self.state.files.values().filter(|record| record.missing_since.is_none()).count();
        let heads = self.state.heads.len() + usize::from(self.state.own.is_some());
        if files + heads == 0 {
            return Ok(());
        }
        let address = self.remote.address();
        let there = counted((files + heads) as u64, "file was", "files were");
        Err(Error::new(Code::Unreachable, format!("{address} is empty, and {there} there at the last sync")).hint(format!(
            "Mount what belongs there, and run this again. Where it was emptied on purpose: `jay remote remove {name}`, and add it \
             again.",
            name = self.config.name
        )))
    }

    /// A new listing; what is listed no longer is marked, what is back loses its mark.
    fn list(&mut self) -> Result<()> {
        let listing = self.remote.list("nodes/")?;
        self.demand_not_emptied(&listing)?;
        self.listing = listing;
        let now = self.now();
        for file in &self.listing {
            // Own files are not read back: they are what was written.
            if let Some(record) = self.state.files.get_mut(&file.path)
                && record.stamp.is_empty()
                && record.bytes == file.bytes
            {
                record.stamp.clone_from(&file.stamp);
            }
        }
        let (own, listing, place) = (self.own_directory(), &self.listing, self.place);
        let is_listed = |path: &str| listing.binary_search_by(|file| file.path.as_str().cmp(path)).is_ok();
        // Own files that are gone are written anew; of others a carrier may bring back what was there a while ago, and where members
        // seal against this machine, they may have taken its files away, as they would again. What is remembered of files does not
        // outgrow them.
        let is_shut_out = self.state.lacks_key_since.is_some();
        self.state.files.retain(|path, record| {
            // What lies in a directory that cannot be read is neither there nor gone.
            let missing_since = match record.missing_since {
                _ if is_listed(path) => None,
                known if place.is_unread(path) => known,
                known => Some(known.unwrap_or(now)),
            };
            // What was purged while it was away was not looked for in it.
            record.is_looked_through &= record.missing_since.is_none() || missing_since.is_some();
            record.missing_since = missing_since;
            let may_stay = is_shut_out || !path.starts_with(&own);
            missing_since.is_none_or(|since| may_stay && now.0.saturating_sub(since.0) < MISSED_FOR)
        });
        self.state.read.retain(|path, _| is_listed(path) || place.is_unread(path));
        self.state.retired.retain(|path, _| is_listed(path));
        Ok(())
    }
}

fn directory_of(node: NodeId) -> String {
    format!("nodes/{node}/")
}

/// The keys of this machine's vault.
///
/// # Errors
/// `refused` where it belongs to none, with what to do.
pub fn demand_keys(store: &Store, config: &RemoteConfig) -> Result<VaultKeys> {
    VaultKeys::load(store)?.ok_or_else(|| not_joined(&config.name))
}

/// What is said to who syncs with a vault of others.
pub(super) fn not_joined(remote: &str) -> Error {
    Error::new(Code::Refused, format!("this machine does not belong to the vault of `{remote}`")).hint(format!(
        "Run `jay vault invite {remote}` on a machine that does, then here `jay vault join {remote} --code CODE`."
    ))
}

/// Refuses where a journal was here and is gone: what is not here was neither taken in nor is it to be told as lacking.
///
/// # Errors
/// `damaged`, with what helps.
pub fn demand_files(memory: &Store, archive: &Store) -> Result<()> {
    [memory, archive].into_iter().find_map(Store::missing).map_or(Ok(()), Err)
}

/// Syncs with a remote. The record of it is read, and written whatever becomes of it. One sync runs at a time in a store: the caller
/// sees to that.
///
/// # Errors
/// `refused` where this machine belongs to no vault; what the remote says; what the stores say. What was taken in or written
/// until then stays.
pub fn sync(
    peer: &Peer<'_>,
    remote: &dyn Remote,
    config: &RemoteConfig,
    direction: Direction,
    progress: &mut Progress<'_>,
) -> Result<SyncedRemote> {
    demand_files(peer.memory, peer.archive)?;
    temporary::remove_left_over(peer.memory)?;
    temporary::remove_unfinished(peer.memory, peer.surroundings.now())?;
    let keys = demand_keys(peer.memory, config)?;
    let before = RemoteState::load_for(peer.memory, peer.archive, &config.name)?;
    let node = peer.memory.public_key()?.0;
    let place = Tolerant::new(remote, directory_of(node));
    let mut run = begin((peer, node), &place, config, (keys, before.clone()), progress);
    let done = steps(&mut run, direction).and_then(|()| tell_nodes(&mut run));
    if done.is_ok() {
        run.state.last_success = Some(run.now());
    }
    run.report.finished_at = run.now();
    // What was refused before anything was done leaves the record as it was.
    let is_changed = done.is_ok() || run.state != before;
    let noted = if is_changed { run.state.note_journals(peer.memory, peer.archive) } else { Ok(()) };
    if run.state != before {
        run.state.save(peer.memory, &config.name)?;
    }
    done.and(noted).map(|()| run.report)
}

fn begin<'a, 'p>(
    (peer, node): (&'a Peer<'a>, NodeId),
    place: &'a Tolerant<'a>,
    config: &'a RemoteConfig,
    (keys, mut state): (VaultKeys, RemoteState),
    progress: &'a mut Progress<'p>,
) -> Run<'a, 'p> {
    state.set_back(peer.surroundings.now());
    let report = SyncedRemote::new(&config.name, &config.url);
    let (listing, lacks_key) = (Vec::new(), state.lacks_key_since.is_some());
    let (roster, proof, lacking) = (Roster::default(), Proof::default(), BTreeSet::new());
    let chosen = Chosen::All;
    let remote: &dyn Remote = place;
    Run {
        peer,
        remote,
        place,
        config,
        keys,
        roster,
        proof,
        lacks_key,
        lacking,
        chosen,
        node,
        state,
        listing,
        report,
        progress,
    }
}

/// What is told of nodes beside what a pull counted: their names, what of theirs is kept and cannot be applied, and what of the place
/// could not be read.
fn tell_nodes(run: &mut Run<'_, '_>) -> Result<()> {
    for (path, why) in run.place.unread() {
        run.report.note(format!("{path} was left out: {why}"));
    }
    for (node, _, count) in run.deferred()? {
        run.report.node(node).deferred += count;
    }
    for report in &mut run.report.nodes {
        let member = run.roster.nodes.get(&report.node);
        report.name = member.map(|member| member.name.clone()).filter(|name| !name.is_empty());
    }
    Ok(())
}

fn steps(run: &mut Run<'_, '_>, direction: Direction) -> Result<()> {
    run.list()?;
    run.read_roster()?;
    key_rings::note_own_head(run)?;
    key_rings::take(run)?;
    heads::recall_own(run)?;
    heads::check_own(run)?;
    intact::check_own(run)?;
    if direction != Direction::Push {
        take_in(run)?;
    }
    if direction != Direction::Pull {
        if membership::tend(run)? && direction != Direction::Push {
            // What a node wrote before it was let in counts from now on.
            take_in(run)?;
        }
        push::push(run, direction == Direction::Roster)?;
    }
    Ok(())
}

fn take_in(run: &mut Run<'_, '_>) -> Result<()> {
    pull::pull(run)?;
    // A branch of our own stream may have come: then this store goes on as a new node, and writes below that one's name.
    run.node = run.peer.memory.public_key()?.0;
    (run.peer.after_pull)()
}

/// What a sync would do: nothing is written, here or there, but the clear headers of new files are read.
///
/// # Errors
/// As [`sync`].
pub fn dry_run(
    peer: &Peer<'_>,
    remote: &dyn Remote,
    config: &RemoteConfig,
    direction: Direction,
    progress: &mut Progress<'_>,
) -> Result<SyncedRemote> {
    demand_files(peer.memory, peer.archive)?;
    let keys = demand_keys(peer.memory, config)?;
    let state = RemoteState::load_for(peer.memory, peer.archive, &config.name)?;
    // As it is remembered: to be sure of it would make it where there is none, and another one where the directory is a copy.
    let node = peer.memory.node().unwrap_or(NodeId([0; 16]));
    let place = Tolerant::new(remote, directory_of(node));
    let mut run = begin((peer, node), &place, config, (keys, state), progress);
    run.list()?;
    run.read_roster()?;
    if direction != Direction::Push {
        foresee::pull(&mut run)?;
    }
    if direction != Direction::Pull {
        foresee::push(&mut run)?;
    }
    tell_nodes(&mut run)?;
    run.report.finished_at = run.now();
    Ok(run.report)
}
