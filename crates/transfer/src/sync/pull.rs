//! Reading what others wrote.
//!
//! Files are found by listing. A file's clear header says which changes it carries, so that of one whose changes are here nothing is
//! taken in; it is opened once, for whoever carries it could have written the header. What cannot be taken in yet (a gap, an author who is no member yet, a
//! key that has not come) waits, and is tried again when something it waits for is here.
//!
//! **Invariant:** a file is applied only when every change that its header names is in the journal, or is not for this store.

use super::intact::{self, Found};
use super::run::Run;
use super::scope::{Scope, Shared};
use super::state::FileState;
use super::taking::{Round, flush, gather};
use super::waiting::{self, note, note_intact, note_taken, wait};
use super::{checkpoint, choosing, heads, key_rings, proof, removals};
use crate::format::FileFault;
use crate::format::clear::{CLEAR_MAX_BYTES, Clear, FileKind, Range};
use crate::format::seal;
use crate::format::segment::{self, SEGMENT_MAX_BYTES};
use crate::remote::RemoteFile;
use crate::vault::roster::Accepted;
use jay_types::change::frame::FrameEntry;
use jay_types::{Error, Result};

/// Files up to this size are read whole at once; of larger ones the header first.
pub(super) const WHOLE_BYTES: u64 = 64 << 10;
/// Bytes that hold the header of most files.
const HEADER_BYTES: u64 = 4 << 10;

/// Reads heads and segments until nothing new can be taken in.
pub(super) fn pull(run: &mut Run<'_, '_>) -> Result<()> {
    run.lacks_key = false;
    heads::read(run)?;
    // Before any file: in which order those of the roster are read hangs on what all of them say.
    if key_rings::take(run)? {
        run.lacks_key = false;
        heads::read(run)?;
    }
    let pulled = run.report.pulled;
    checkpoint::begin(run)?;
    let mut round = Round::new(run.report.pulled > pulled);
    choosing::look_again(run)?;
    loop {
        round.is_progress = false;
        let mut files = candidates(run);
        removals::arrange(run, &mut files)?;
        let (mut done, in_all) = (0, files.iter().map(|file| file.bytes).sum::<u64>());
        for file in files {
            take_file(run, &mut round, &file)?;
            done += file.bytes;
            (run.progress)(done, in_all.max(1), "reading what others shared");
        }
        flush(run, &mut round)?;
        round.is_progress |= key_rings::take(run)?;
        if !round.is_progress && !proof::extend(run)? {
            break;
        }
    }
    choosing::forget_given(run)?;
    // Who became a member only now has a head that could not be verified before.
    heads::read(run)?;
    removals::tell_contested(run)?;
    waiting::tell_files(run);
    Ok(())
}

/// Segments that were not looked at as they are now, or that wait; those of the vault's own namespace first.
pub(super) fn candidates(run: &Run<'_, '_>) -> Vec<RemoteFile> {
    let is_candidate = |file: &&RemoteFile| {
        let Some(rest) = file.path.splitn(3, '/').nth(2) else { return false };
        let is_segment =
            rest.contains(".jay") && rest != crate::vault::request::REQUEST_NAME && !rest.starts_with("invites/");
        let is_done = run
            .state
            .files
            .get(&file.path)
            .is_some_and(|record| record.stamp == file.stamp && record.state != FileState::Waiting);
        is_segment && !is_done
    };
    let mut files: Vec<RemoteFile> = run.listing.iter().filter(is_candidate).cloned().collect();
    let word = removals::roster_word(run);
    // In the order of the streams, where that is known from an earlier look.
    let first = |file: &RemoteFile| {
        let record = run.state.files.get(&file.path)?;
        record.ranges.first().map(|range| (range.stream, range.from))
    };
    files.sort_by_cached_key(|file| (!file.path.contains(&word), first(file)));
    files
}

fn take_file(run: &mut Run<'_, '_>, round: &mut Round, file: &RemoteFile) -> Result<()> {
    if is_known(run, round, file)? {
        return Ok(());
    }
    let (clear, bytes) = match read_clear(run, file)? {
        Some(Ok(read)) => read,
        Some(Err((state, why))) => return note(run, file, Vec::new(), state, Some(why)),
        // It was taken away while it was read.
        None => return Ok(()),
    };
    if let Some(why) = misplaced(run, file, &clear) {
        return note(run, file, Vec::new(), FileState::Quarantined, Some(why));
    }
    if clear.kind != FileKind::Segment {
        if !clear.is_checkpoint_at(&file.path) {
            return note(run, file, Vec::new(), FileState::Quarantined, Some(FileFault::Damaged.to_string()));
        }
        // Whatever it names, nobody can take changes in from it.
        note(run, file, Vec::new(), FileState::Applied, None)?;
        if let Some(record) = run.state.files.get_mut(&file.path) {
            record.is_checkpoint = true;
        }
        return Ok(());
    }
    if run.keys.key(clear.key).is_none() {
        return wait_for_key(run, file, clear);
    }
    let is_passed_over = !choosing::left_out(run, &clear.ranges)?.is_empty();
    let mut early = None;
    if let Some(bytes) = bytes.as_ref().filter(|_| is_passed_over) {
        let learned = choosing::learn_of(run, bytes)?;
        round.is_progress |= learned.is_again;
        early = learned.early;
    }
    if is_whole(run, &clear.ranges)? {
        return take_whole(run, file, (clear, bytes), early, round.is_beginning);
    }
    if !can_go_on(run, round, &clear.ranges)? {
        return match bytes.map(|bytes| open(run, &bytes)) {
            Some(Err(fault)) => note(run, file, Vec::new(), FileState::Quarantined, Some(fault.to_string())),
            opened => {
                wait(run, file, &clear)?;
                if opened.is_some() {
                    note_intact(run, file);
                }
                Ok(())
            }
        };
    }
    let bytes = match bytes {
        Some(bytes) => bytes,
        None => match run.remote.read(&file.path, SEGMENT_MAX_BYTES)? {
            Some(bytes) => {
                run.report.bytes_read += bytes.len() as u64;
                bytes
            }
            None => return Ok(()),
        },
    };
    match open(run, &bytes) {
        Ok((opened, entries)) if opened == clear => gather(run, round, file, clear, &entries),
        Ok(_) => Ok(()),
        Err(FileFault::Incomplete) => {
            note(run, file, clear.ranges, FileState::Waiting, Some(FileFault::Incomplete.to_string()))
        }
        Err(fault) => note(run, file, Vec::new(), FileState::Quarantined, Some(fault.to_string())),
    }
}

/// Notes a file of which everything is here; `early` says why it is looked at again all the same.
fn take_whole(
    run: &mut Run<'_, '_>,
    file: &RemoteFile,
    (clear, bytes): (Clear, Option<Vec<u8>>),
    early: Option<String>,
    is_beginning: bool,
) -> Result<()> {
    let found = intact::find(run, file, (&clear, bytes.as_ref()), is_beginning)?;
    match found {
        Found::Damaged => {
            return note(run, file, Vec::new(), FileState::Quarantined, Some(FileFault::Damaged.to_string()));
        }
        Found::Gone => return Ok(()),
        Found::Intact | Found::Unopened => {}
    }
    count_have(run, &clear.ranges)?;
    note_taken(run, file, clear.ranges, early)?;
    if matches!(found, Found::Intact) {
        note_intact(run, file);
    }
    Ok(())
}

/// True where what is remembered of a file is enough: it came by another one meanwhile, or what it waits for is not here yet.
fn is_known(run: &mut Run<'_, '_>, round: &Round, file: &RemoteFile) -> Result<bool> {
    let record = run.state.files.get(&file.path);
    let Some(record) = record.filter(|record| record.stamp == file.stamp && !record.ranges.is_empty()) else {
        return Ok(false);
    };
    let ranges = record.ranges.clone();
    if !choosing::left_out(run, &ranges)?.is_empty() {
        // It may give a path that counts once its author does.
        return Ok(ranges.iter().all(|range| run.roster.accepts(range.stream.node) == Accepted::Unknown));
    }
    let is_intact = record.is_intact;
    if is_whole(run, &ranges)? {
        if is_intact {
            note(run, file, ranges, FileState::Applied, None)?;
            note_intact(run, file);
        }
        return Ok(is_intact);
    }
    Ok(!can_go_on(run, round, &ranges)?)
}

/// Anybody can name a key in a file's header: whether members seal with one that has not come here their heads tell.
fn wait_for_key(run: &mut Run<'_, '_>, file: &RemoteFile, clear: Clear) -> Result<()> {
    run.lacking.insert(clear.key);
    let why = format!("the key of epoch {} has not come yet", clear.key.epoch);
    note(run, file, clear.ranges, FileState::Waiting, Some(why))
}

/// A file's header with its bytes, where they were read; or what is wrong with it and why. None where it is gone.
pub(super) type Looked = Option<std::result::Result<(Clear, Option<Vec<u8>>), (FileState, String)>>;

/// A file's clear header, and its bytes where it is small.
pub(super) fn read_clear(run: &mut Run<'_, '_>, file: &RemoteFile) -> Result<Looked> {
    let (mut limit, is_small) = if file.bytes <= WHOLE_BYTES { (WHOLE_BYTES, true) } else { (HEADER_BYTES, false) };
    let incomplete = || Err((FileState::Waiting, FileFault::Incomplete.to_string()));
    loop {
        let Some(bytes) = run.remote.read(&file.path, limit)? else { return Ok(None) };
        run.report.bytes_read += bytes.len() as u64;
        return Ok(Some(match Clear::decode(&bytes) {
            Ok((clear, _, whole)) if !is_small && file.bytes >= whole => Ok((clear, None)),
            Ok((clear, _, whole)) if is_small && bytes.len() as u64 >= whole => Ok((clear, Some(bytes))),
            Ok(_) => incomplete(),
            Err(FileFault::Incomplete) if !is_small && limit < CLEAR_MAX_BYTES as u64 => {
                limit = CLEAR_MAX_BYTES as u64;
                continue;
            }
            Err(FileFault::Incomplete) => incomplete(),
            Err(fault) => Err((FileState::Quarantined, fault.to_string())),
        }));
    }
}

/// Why a file does not belong where it lies.
pub(super) fn misplaced(run: &Run<'_, '_>, file: &RemoteFile, clear: &Clear) -> Option<String> {
    if clear.vault != run.keys.vault {
        return Some("it belongs to another vault".to_owned());
    }
    let directory = format!("nodes/{}/", clear.node);
    (!file.path.starts_with(&directory)).then(|| format!("it lies under another name than {}", clear.node))
}

/// The changes of a segment.
pub(super) fn open(run: &Run<'_, '_>, bytes: &[u8]) -> Result<(Clear, Vec<FrameEntry>), FileFault> {
    let (clear, content) = seal::open(bytes, &|id| run.keys.key(id))?;
    let entries = segment::decode(&content)?;
    // A header of a later version has no ranges that this one could tell.
    match segment::ranges_of(&entries) {
        Some(ranges) if ranges != clear.ranges => Err(FileFault::Damaged),
        _ => Ok((clear, entries)),
    }
}

/// Counts changes that are here already; what is not for this store is not here.
fn count_have(run: &mut Run<'_, '_>, ranges: &[Range]) -> Result<()> {
    let scope = run.scope()?;
    let ours: Vec<Range> = ranges.iter().filter(|range| is_for_us(&scope, range)).copied().collect();
    drop(scope);
    for range in ours {
        run.report.node(range.stream.node).have += range.to - range.from + 1;
    }
    Ok(())
}

/// True where every change of the ranges is in the journal, or is of a stream that is not for this store.
pub(super) fn is_here(run: &Run<'_, '_>, ranges: &[Range]) -> Result<bool> {
    let scope = run.scope()?;
    for range in ranges {
        if is_for_us(&scope, range) && !run.has(range.stream, range.to, range.hash)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// True where nothing of the ranges could be taken in from another file: they are here, with the bodies that nobody purged.
fn is_whole(run: &Run<'_, '_>, ranges: &[Range]) -> Result<bool> {
    for range in ranges {
        if lacks_bodies(run, range)? {
            return Ok(false);
        }
    }
    is_here(run, ranges)
}

fn lacks_bodies(run: &Run<'_, '_>, range: &Range) -> Result<bool> {
    let store = run.store(range.stream.journal);
    store.read::<_, Error>(|tx| Ok(tx.lacks_bodies(range.stream, range.from, range.to)?))
}

pub(super) fn is_for_us(scope: &Scope<'_>, range: &Range) -> bool {
    scope.shares(range.stream) != Shared::No
}

/// True where something of the ranges may be taken in now: its author counts and what is before it is here.
fn can_go_on(run: &Run<'_, '_>, round: &Round, ranges: &[Range]) -> Result<bool> {
    for range in ranges {
        let counts = match run.roster.accepts(range.stream.node) {
            Accepted::Yes => true,
            Accepted::UpTo(_) => run.proof.allows_some(range),
            Accepted::Unknown => false,
        };
        if lacks_bodies(run, range)? {
            return Ok(true);
        }
        if !counts || run.has(range.stream, range.to, range.hash)? {
            continue;
        }
        let reached =
            run.store(range.stream.journal).read::<_, Error>(|tx| Ok(tx.reaches(range.stream, range.from - 1)?))?;
        if reached || round.reached.get(&range.stream).is_some_and(|seq| *seq >= range.from - 1) {
            return Ok(true);
        }
    }
    Ok(false)
}
