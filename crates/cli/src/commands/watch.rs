//! `jay session watch`: the platform's word of changed files, handed to the watch of the engine until stopped.
//!
//! **Invariant:** it sleeps until something changes or is due. That a change was not told of costs time, never a message.

use crate::app::App;
use crate::output::{Output, one_line};
use crate::render::count;
use crate::surroundings::Real;
use clap::{Arg, ArgMatches, Command};
use jay_core::diagnostics::jobs_run;
use jay_core::sessions::{Place, SourceReport, Synced, Turn, Watch, WatchRequest};
use jay_core::{ActorKind, Call, Caller, Door, Engine, Surroundings as _};
use jay_types::namespace::NamespacePath;
use jay_types::{Code, Error, Result, Timestamp};
use notify::event::ModifyKind;
use notify::{Config, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

/// Events that wait at most; of more it is only known that there were some.
const EVENTS_MAX: usize = 4096;
/// Queued jobs that are done between two looks at what changed.
const JOBS_MAX: usize = 32;
/// How often it is asked for jobs that others queued.
const JOBS_EVERY: Duration = Duration::from_secs(60);
/// How often places that were not there are looked for.
const PLACES_EVERY: Duration = Duration::from_secs(30);

/// Things that were said and are remembered; with more of them some is said again.
const TOLD_MAX: usize = 10_000;
/// What is done where no changes are told.
const LOOKED_AT: &str = "files are looked at each second instead, or less often where that is slow";

/// Its grammar.
pub(super) fn command() -> Command {
    Command::new("watch")
        .about("Archive sessions while they are written, until stopped")
        .long_about(
            "Archive sessions while they are written, until stopped\n\nTakes in what the clients write within a second, so \
             that a running session can be searched. It begins with all that is new, as `jay session sync` does, which \
             works beside it. Prints a line for each session that it took something of.",
        )
        .arg(
            Arg::new("clients")
                .value_name("CLIENT")
                .num_args(0..)
                .help("Only these clients: claude-code, codex, gemini-cli and others; all where not given"),
        )
        .arg(
            Arg::new("path")
                .long("path")
                .value_name("PATH")
                .help("Watch this file or folder rather than where the client keeps its sessions"),
        )
}

/// Watches until it is stopped or nobody reads what it says.
///
/// # Errors
/// As [`Watch::new`]; what the store says.
pub(super) fn run(app: &App<'_>, matches: &ArgMatches) -> Result<u8> {
    let request = WatchRequest {
        clients: matches.get_many::<String>("clients").into_iter().flatten().cloned().collect(),
        path: matches.get_one::<String>("path").map(PathBuf::from),
    };
    app.output.check()?;
    let engine = app.engine()?;
    let mut running = Running::start(app, &engine, Watch::new(&engine, &request)?)?;
    app.output.pieces(|| running.next())?;
    if !app.output.json {
        app.output.talk(&running.totals.text());
    }
    Ok(0)
}

/// What another thread tells.
enum Told {
    Changed(Vec<PathBuf>),
    Stop,
}

/// What all turns came to.
#[derive(Default)]
struct Totals {
    sessions: BTreeSet<(String, Option<String>)>,
    new_sessions: u64,
    messages: u64,
    failed: u64,
}

impl Totals {
    fn text(&self) -> String {
        let failed = match self.failed {
            0 => String::new(),
            failed => format!("; {}", count(failed, "failure", "failures")),
        };
        format!(
            "stopped: took in {} of {}, {} of them new{failed}",
            count(self.messages, "message", "messages"),
            count(self.sessions.len() as u64, "session", "sessions"),
            self.new_sessions
        )
    }
}

struct Running<'a> {
    output: &'a Output,
    engine: &'a Engine,
    caller: Caller,
    watch: Watch,
    events: Receiver<Told>,
    lost: Arc<AtomicBool>,
    /// Why not, where the platform cannot tell of changes.
    watcher: std::result::Result<RecommendedWatcher, String>,
    /// Directories whose changes are told, and whether those of the directories in them are too.
    directories: BTreeMap<PathBuf, bool>,
    /// Places that are watched or looked at.
    places: u64,
    places_looked: Option<Timestamp>,
    jobs_looked: Option<Timestamp>,
    has_jobs: bool,
    told: BTreeSet<String>,
    totals: Totals,
    is_stopping: bool,
    is_done: bool,
}

impl<'a> Running<'a> {
    fn start(app: &'a App<'_>, engine: &'a Engine, watch: Watch) -> Result<Self> {
        let (sender, events) = sync_channel(EVENTS_MAX);
        let lost = Arc::new(AtomicBool::new(false));
        let stop = sender.clone();
        jay_serve::when_stopped(move || {
            // Nobody is left to be told where it has ended already.
            let _ = stop.send(Told::Stop);
        })?;
        let mut running = Self {
            output: &app.output,
            engine,
            caller: app.caller(Door::Cli)?,
            watch,
            events,
            watcher: watcher(sender, Arc::clone(&lost)),
            lost,
            directories: BTreeMap::new(),
            places: 0,
            places_looked: None,
            jobs_looked: None,
            has_jobs: false,
            told: BTreeSet::new(),
            totals: Totals::default(),
            is_stopping: false,
            is_done: false,
        };
        if let Err(why) = &running.watcher {
            let what = format!("the system tells of no changes ({why}): {LOOKED_AT}");
            running.say(&what);
        }
        running.look_for_places();
        let places = running.places;
        running.output.talk(&match places {
            0 => "watching; none of the clients has sessions here yet".to_owned(),
            places => format!("watching {}", count(places, "place", "places")),
        });
        Ok(running)
    }

    /// The next lines; none once it was stopped.
    fn next(&mut self) -> Result<Option<String>> {
        loop {
            if self.is_stopping {
                return Ok(self.last_line());
            }
            self.wait();
            if self.is_stopping {
                continue;
            }
            let now = Real.now();
            if is_due(self.places_looked, PLACES_EVERY, now) {
                self.look_for_places();
            }
            let call = Call { engine: self.engine, caller: &self.caller, now, idempotency: None };
            match self.watch.turn(&call)? {
                Turn::Nothing => self.work(now),
                Turn::Busy(who) => self.say(&format!("waiting: {who}")),
                Turn::Taken(synced) => {
                    self.has_jobs = true;
                    let lines = self.lines(&synced);
                    if !lines.is_empty() {
                        return Ok(Some(lines));
                    }
                }
            }
        }
    }

    /// Sleeps until something is told or due.
    fn wait(&mut self) {
        let idle = if self.has_jobs { Duration::ZERO } else { JOBS_EVERY };
        let mut wait = self.watch.wait(Real.now()).min(idle);
        loop {
            match self.events.recv_timeout(wait) {
                Ok(Told::Stop) => self.is_stopping = true,
                Ok(Told::Changed(paths)) => paths.iter().for_each(|path| self.watch.changed(path, Real.now())),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => {
                    // Nobody can stop it any more, which does not happen; it must not become a loop without sleep.
                    std::thread::sleep(wait);
                    break;
                }
            }
            // All that is there is taken; then it sleeps by what that made due.
            wait = Duration::ZERO;
        }
        if self.lost.swap(false, Ordering::AcqRel) {
            self.watch.lost();
        }
    }

    /// Has changes told of places that are there and were not.
    fn look_for_places(&mut self) {
        self.places_looked = Some(Real.now());
        for place in self.watch.unwatched() {
            let told = self.tell_of(&place);
            if let (Err(why), Ok(_)) = (&told, &self.watcher) {
                let what = format!("no changes are told of {} ({why}): {LOOKED_AT}", place.path.display());
                self.say(&what);
            }
            self.watch.watched(&place, told.is_ok());
            self.places += 1;
        }
    }

    fn tell_of(&mut self, place: &Place) -> std::result::Result<(), String> {
        let covers = |(directory, is_recursive): (&PathBuf, &bool)| {
            let is_same = *directory == place.directory && (*is_recursive || !place.is_recursive);
            is_same || (*is_recursive && is_below(&place.directory, directory))
        };
        // A watch of the same directory that reaches less would replace the one that reaches more.
        if self.directories.iter().any(covers) && place.directory.exists() {
            return Ok(());
        }
        let watcher = self.watcher.as_mut().map_err(|why| why.clone())?;
        let mode = if place.is_recursive { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
        watcher.watch(&place.directory, mode).map_err(why)?;
        self.directories.insert(place.directory.clone(), place.is_recursive);
        Ok(())
    }

    /// Does a part of the queued work: vectors of what was taken in.
    fn work(&mut self, now: Timestamp) {
        if !(self.has_jobs || is_due(self.jobs_looked, JOBS_EVERY, now)) {
            return;
        }
        self.jobs_looked = Some(now);
        self.has_jobs = false;
        let caller = Caller {
            kind: ActorKind::Service,
            name: "jay".to_owned(),
            door: Door::Call,
            namespace: NamespacePath::global(),
        };
        let call = Call { engine: self.engine, caller: &caller, now, idempotency: None };
        match jobs_run(&call, false, JOBS_MAX) {
            Ok(done) => self.has_jobs = done.done > 0 && done.pending > 0,
            Err(error) if error.code == Code::Busy => {}
            Err(error) => self.say(&format!("queued work was not done: {}", error.message)),
        }
    }

    /// Says something once.
    fn say(&mut self, what: &str) {
        if self.is_news(what) {
            self.output.talk(&one_line(what));
        }
    }

    /// True where this was not told yet, as far as is remembered.
    fn is_news(&mut self, what: &str) -> bool {
        if self.told.len() >= TOLD_MAX {
            self.told.clear();
        }
        self.told.insert(what.to_owned())
    }

    /// A line for each source of which something was taken in, or that failed otherwise than before.
    fn lines(&mut self, synced: &Synced) -> String {
        self.totals.new_sessions += synced.sessions_inserted;
        let mut lines = String::new();
        for source in &synced.sources {
            if let Some(error) = &source.error {
                if !self.is_news(&format!("{} {error}", source.path)) {
                    continue;
                }
                self.totals.failed += 1;
            } else if source.messages == 0 {
                continue;
            } else {
                self.totals.messages += source.messages;
                self.totals.sessions.insert((source.client.clone(), source.session.clone()));
            }
            lines.push_str(&self.line(synced.finished_at, source));
        }
        for note in &synced.notes {
            self.say(&format!("note: {note}"));
        }
        lines
    }

    fn line(&self, at: Timestamp, source: &SourceReport) -> String {
        if self.output.json {
            let mut value = json!({"at": at});
            if let (Some(all), Ok(serde_json::Value::Object(fields))) =
                (value.as_object_mut(), serde_json::to_value(source))
            {
                all.extend(fields);
            }
            return format!("{value}\n");
        }
        let session = source.session.as_deref().unwrap_or(&source.path);
        let style = self.output.style;
        match &source.error {
            Some(error) => format!("{} {} {}\n", style.red("failed"), one_line(&source.client), one_line(error)),
            None => format!(
                "{}  {}  {}  {}\n",
                style.dim(&at.to_string()),
                one_line(&source.client),
                style.bold(&one_line(session)),
                count(source.messages, "message", "messages")
            ),
        }
    }

    /// For programs the end is a line too.
    fn last_line(&mut self) -> Option<String> {
        if std::mem::replace(&mut self.is_done, true) || !self.output.json {
            return None;
        }
        let Totals { sessions, new_sessions, messages, failed } = &self.totals;
        let value = json!({
            "outcome": "stopped", "sessions": sessions.len(), "sessions_inserted": new_sessions,
            "messages_inserted": messages, "failed": failed,
        });
        Some(format!("{value}\n"))
    }
}

fn is_due(last: Option<Timestamp>, every: Duration, now: Timestamp) -> bool {
    // Set back, the clock makes it due.
    last.is_none_or(|last| u64::try_from(now.0 - last.0).map_or(true, |passed| every <= Duration::from_micros(passed)))
}

fn is_below(inner: &Path, outer: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    real(inner).zip(real(outer)).is_some_and(|(inner, outer)| inner.starts_with(outer))
}

/// Hands on what the platform tells. That a file was opened or read, or has another owner, is no change: a sync does the
/// first two, and SQLite as root the third.
fn watcher(events: SyncSender<Told>, lost: Arc<AtomicBool>) -> std::result::Result<RecommendedWatcher, String> {
    let tell = move |told: notify::Result<notify::Event>| {
        let is_told = match told {
            Ok(event) if event.need_rescan() => false,
            Ok(event) if is_no_change(event.kind) => true,
            Ok(event) => events.try_send(Told::Changed(event.paths)).is_ok(),
            Err(_) => false,
        };
        if !is_told {
            lost.store(true, Ordering::Release);
            // It wakes; where there is no room the one that reads is awake.
            let _ = events.try_send(Told::Changed(Vec::new()));
        }
    };
    // A link may lead anywhere, and a sync follows none that leaves the place.
    RecommendedWatcher::new(tell, Config::default().with_follow_symlinks(false)).map_err(why)
}

const fn is_no_change(kind: EventKind) -> bool {
    matches!(kind, EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_)))
}

/// Why a watch is refused, in words.
fn why(error: notify::Error) -> String {
    match error.kind {
        notify::ErrorKind::MaxFilesWatch => {
            "the system's limit of watches is reached; on Linux `fs.inotify.max_user_watches` raises it".to_owned()
        }
        notify::ErrorKind::Io(error) => Error::io("no watch", &error).message,
        kind => notify::Error::new(kind).to_string(),
    }
}
