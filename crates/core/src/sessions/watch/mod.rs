//! Sessions taken in while they are written: which sources changed, when they are looked at, and their turn.
//!
//! The platform's events come from the door, as paths; here it is decided what they mean. Events are a hint and no more:
//! every few minutes all places are looked through, and what no event told of is found then.
//!
//! **Invariant:** the lock of syncs is held only while something is taken in, and another sync is never waited for
//! inside it; what was found changed stays queued until it was taken in.

mod client;
mod gather;

pub use client::Place;

use super::report::Synced;
use super::sync::{Problems, sync_some};
use crate::call::Call;
use crate::engine::Engine;
use client::Client;
use gather::{Gathering, left};
use jay_sessions::{Environment, SessionAdapter, Source, adapter, adapters};
use jay_types::{Code, Error, Result, Timestamp};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Sources that are taken in at once: the door looks in between whether it is to stop.
const TURN_SOURCES: usize = 64;
/// Bytes of sources that are taken in at once, one source at least.
const TURN_BYTES: u64 = 32 * 1024 * 1024;
/// How long until it is tried again where another sync runs.
const BUSY_WAIT: Duration = Duration::from_millis(500);
/// How often places that were not there are looked for, and the longest that a door sleeps.
const PLACES_EVERY: Duration = Duration::from_secs(30);

/// What to watch.
#[derive(Clone, Debug, Default)]
pub struct WatchRequest {
    /// Only these clients; all where empty.
    pub clients: Vec<String>,
    /// A file or directory of the one client named, instead of where it keeps its sessions.
    pub path: Option<PathBuf>,
}

/// What a turn came to.
#[derive(Clone, Debug)]
pub enum Turn {
    /// Nothing was due.
    Nothing,
    /// Another sync runs: who, in words. It is tried again.
    Busy(String),
    /// This was taken in.
    Taken(Synced),
}

/// Whether a source was found by looking, the number of its client, its name.
type Key = (bool, usize, String);

/// A watch over the sources of clients.
pub struct Watch {
    environment: Environment,
    clients: Vec<Client>,
    gathering: Gathering,
    /// What is to be taken in: what was told of before what was found by looking, then by client and name.
    queue: BTreeMap<Key, Source>,
    problems: Problems,
    busy_since: Option<Timestamp>,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Watch({} clients, {} queued)", self.clients.len(), self.queue.len())
    }
}

impl Watch {
    /// A watch that has looked at nothing yet.
    ///
    /// # Errors
    /// `bad_input` for a client that is not known, a path without exactly one client, or generic without a path; what
    /// the path answers where it cannot be looked at.
    pub fn new(engine: &Engine, request: &WatchRequest) -> Result<Self> {
        let wanted: Vec<&'static dyn SessionAdapter> = match request.clients.as_slice() {
            [] => adapters().to_vec(),
            names => names.iter().map(|name| adapter(name)).collect::<Result<_>>()?,
        };
        let path = match (&request.path, wanted.as_slice()) {
            (None, _) => None,
            (Some(path), [adapter]) => {
                adapter.discover_path(path)?;
                Some(std::path::absolute(path).unwrap_or_else(|_| path.clone()))
            }
            (Some(_), _) => {
                return Err(Error::bad_input("`path` needs exactly one client")
                    .hint("For example: `jay session watch generic --path FILE`."));
            }
        };
        let environment = engine.environment();
        let only_generic = !request.clients.is_empty() && wanted.iter().all(|one| one.roots(&environment).is_empty());
        if path.is_none() && only_generic {
            return Err(Error::bad_input(format!(
                "`path`: is required for {}, which keeps its sessions nowhere of its own",
                request.clients.join(", ")
            ))
            .hint("For example: `jay session watch generic --path FILE`."));
        }
        let mut clients: Vec<Client> = Vec::new();
        for adapter in wanted {
            if !clients.iter().any(|client| client.adapter.name() == adapter.name()) {
                clients.push(Client::new(adapter, &environment, path.clone()));
            }
        }
        Ok(Self {
            environment,
            clients,
            gathering: Gathering::default(),
            queue: BTreeMap::new(),
            problems: Vec::new(),
            busy_since: None,
        })
    }

    /// Places that are there and of which no changes are told yet; to be asked for again now and then, since a client
    /// may be installed later.
    #[must_use]
    pub fn unwatched(&self) -> Vec<Place> {
        let mut places: Vec<Place> = Vec::new();
        for place in self.clients.iter().flat_map(Client::unwatched) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places
    }

    /// From here on [`Watch::changed`] is called for this place; where `is_told` is false it cannot be, and it is
    /// looked through each second instead, or as often as is cheap.
    pub fn watched(&mut self, place: &Place, is_told: bool) {
        for client in &mut self.clients {
            if client.unwatched().contains(place) {
                client.is_polled |= !is_told;
                client.watched(&place.path);
            }
        }
    }

    /// Something changed here.
    pub fn changed(&mut self, path: &Path, now: Timestamp) {
        for (number, client) in self.clients.iter_mut().enumerate() {
            let Some(named) = client.named(path) else { continue };
            client.look_whether_gone(&named);
            if !self.gathering.add(number, named, now) {
                client.round.want();
            }
        }
    }

    /// Changes were lost: everything is looked through.
    pub fn lost(&mut self) {
        self.clients.iter_mut().for_each(|client| client.round.want());
    }

    /// How long nothing is due, where nothing changes.
    #[must_use]
    pub fn wait(&self, now: Timestamp) -> Duration {
        let rounds = self.clients.iter().map(|client| client.round.wait(client.is_polled, now));
        let gathered = self.clients.iter().filter_map(|client| client.rests.wait(now)).chain(self.gathering.wait(now));
        let queued = match self.busy_since {
            Some(since) => Some(left(since, BUSY_WAIT, now)),
            None => (!self.queue.is_empty() || !self.problems.is_empty()).then_some(Duration::ZERO),
        };
        rounds.chain(gathered).chain(queued).fold(PLACES_EVERY, Duration::min)
    }

    /// Does what is due: looks, and takes in a part of what was found. To be called again while [`Watch::wait`] is zero.
    ///
    /// # Errors
    /// What the store says. Failures of single sources stand in the answer, and that source is tried again.
    pub fn turn(&mut self, call: &Call<'_>) -> Result<Turn> {
        self.look(call)?;
        let is_resting = self.busy_since.is_some_and(|since| !left(since, BUSY_WAIT, call.now).is_zero());
        if is_resting || (self.queue.is_empty() && self.problems.is_empty()) {
            return Ok(Turn::Nothing);
        }
        let batch = self.batch();
        let found = batch.iter().filter_map(|((_, number, _), source)| {
            let client = self.clients.get(*number)?;
            Some((client.adapter, source.clone()))
        });
        let found = found.collect();
        let problems = self.problems.clone();
        let clock = &call.engine.surroundings;
        let began = clock.now();
        match sync_some(call, found, problems) {
            Ok(synced) => {
                self.busy_since = None;
                self.problems.clear();
                self.tried(&batch, &synced, began, clock.now());
                Ok(Turn::Taken(synced))
            }
            Err(error) if error.code == Code::Busy => {
                self.queue.extend(batch);
                self.busy_since = Some(clock.now());
                Ok(Turn::Busy(error.message))
            }
            Err(error) => Err(error),
        }
    }

    /// Queues what changed of what was told of, and of the clients whose round is due.
    fn look(&mut self, call: &Call<'_>) -> Result<()> {
        let clock = &call.engine.surroundings;
        let mut due = self.gathering.take(call.now);
        for (number, client) in self.clients.iter_mut().enumerate() {
            due.extend(client.rests.due(call.now).into_iter().map(|path| (number, path)));
        }
        for (number, path) in due {
            let Some(client) = self.clients.get_mut(number) else { continue };
            for source in client.look_at(&path, clock.as_ref()) {
                let name = source.name();
                self.queue.remove(&(true, number, name.clone()));
                self.queue.insert((false, number, name), source);
            }
        }
        for (number, client) in self.clients.iter_mut().enumerate() {
            if !client.round.wait(client.is_polled, call.now).is_zero() {
                continue;
            }
            let began = clock.now();
            let found = client.look_through(&self.environment, call.now)?;
            client.round.done(began, clock.now());
            self.problems.extend(found.problems.into_iter().map(|problem| (client.adapter, problem)));
            for source in found.sources {
                let name = source.name();
                if !self.queue.contains_key(&(false, number, name.clone())) {
                    self.queue.insert((true, number, name), source);
                }
            }
        }
        Ok(())
    }

    /// Takes the first of the queue.
    fn batch(&mut self) -> Vec<(Key, Source)> {
        let (mut batch, mut bytes) = (Vec::new(), 0_u64);
        while batch.len() < TURN_SOURCES
            && (batch.is_empty() || bytes < TURN_BYTES)
            && let Some((key, source)) = self.queue.pop_first()
        {
            bytes = bytes.saturating_add(source.stamp.size_bytes);
            batch.push((key, source));
        }
        batch
    }

    /// Notes which of them could be read, and what that cost each of them.
    fn tried(&mut self, batch: &[(Key, Source)], synced: &Synced, began: Timestamp, now: Timestamp) {
        let cost = Duration::from_micros(u64::try_from(now.0 - began.0).unwrap_or(0));
        let cost = cost / u32::try_from(batch.len().max(1)).unwrap_or(u32::MAX);
        for ((_, number, _), source) in batch {
            let shown = super::report::report(source, "failed");
            let is_failed = synced.sources.iter().any(|report| {
                report.error.is_some() && (&report.path, &report.session) == (&shown.path, &shown.session)
            });
            if let Some(client) = self.clients.get_mut(*number) {
                client.tried(source, is_failed, cost, now);
            }
        }
    }
}
