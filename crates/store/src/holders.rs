//! Who else has a database open: so that "postponed" says whom to wait for (J11).
//!
//! A reader of a database in WAL mode holds a shared lock on one of a few bytes of the `-shm` file; the kernel tells who
//! holds which lock. Where it tells nothing (another system, a container without the list), the processes that have the
//! file open are the next best answer, and "another process" the last.
//!
//! **Invariant:** looks only, and never fails: what cannot be found out is said in general words.

use std::path::Path;

/// Who keeps the log of the database from being truncated, in words that end "waiting for …".
pub(crate) fn who_holds(shm: &Path) -> String {
    let own = std::process::id();
    let locked = locking(shm);
    if !locked.is_empty() {
        return said(&locked, own, "processes", "and");
    }
    // Some of them only have it open: any one may be the reader.
    let open: Vec<u32> = having_open(shm).into_iter().filter(|process| *process != own).collect();
    if open.is_empty() {
        return "another process that reads the store".to_owned();
    }
    said(&open, own, "one of the processes", "or")
}

fn said(processes: &[u32], own: u32, several: &str, joint: &str) -> String {
    let name = |process: &u32| {
        if *process == own { format!("{process} (this one)") } else { process.to_string() }
    };
    match processes {
        [] => String::new(),
        [one] => format!("process {}", name(one)),
        [rest @ .., last] => {
            let rest: Vec<String> = rest.iter().map(name).collect();
            format!("{several} {} {joint} {}", rest.join(", "), name(last))
        }
    }
}

/// The bytes of a `-shm` file whose locks keep a log from being truncated: writer, checkpointer, recovery, five readers.
/// The byte after them only says that the file is open.
#[cfg(any(target_os = "linux", test))]
const LOCKED: std::ops::RangeInclusive<u64> = 120..=127;

/// The processes that hold such a lock on the file with this number, from the kernel's list of locks.
#[cfg(any(target_os = "linux", test))]
fn holders_in(list: &str, file: u64) -> Vec<u32> {
    let mut found: Vec<u32> = list.lines().filter_map(|line| holder_in(line, file)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// `4: POSIX  ADVISORY  READ 1234 fd:01:5678 123 123`; a line with `->` only waits.
#[cfg(any(target_os = "linux", test))]
fn holder_in(line: &str, file: u64) -> Option<u32> {
    let mut words = line.split_ascii_whitespace().skip(1);
    if words.next()? != "POSIX" {
        return None;
    }
    let (process, place) = (words.nth(2)?, words.next()?);
    let (first, last) = (words.next()?.parse::<u64>().ok()?, words.next()?.parse::<u64>().unwrap_or(u64::MAX));
    let is_file = place.rsplit(':').next()?.parse() == Ok(file);
    // Of a process in another container the list says 0.
    let process = process.parse::<u32>().ok().filter(|process| *process > 0)?;
    (is_file && first <= *LOCKED.end() && last >= *LOCKED.start()).then_some(process)
}

#[cfg(target_os = "linux")]
fn locking(shm: &Path) -> Vec<u32> {
    use std::os::unix::fs::MetadataExt as _;
    let (Ok(metadata), Ok(list)) = (std::fs::metadata(shm), std::fs::read_to_string("/proc/locks")) else {
        return Vec::new();
    };
    let mut found = holders_in(&list, metadata.ino());
    // Another file system may have a file of the same number: what is known not to have this one open is left out.
    found.retain(|process| has_open(*process, shm) != Some(false));
    found
}

#[cfg(target_os = "linux")]
fn having_open(shm: &Path) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let processes = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let mut found: Vec<u32> = processes.filter(|process| has_open(*process, shm) == Some(true)).collect();
    found.sort_unstable();
    found
}

/// Whether a process has the file open; none where it may not be looked at.
#[cfg(target_os = "linux")]
fn has_open(process: u32, file: &Path) -> Option<bool> {
    let file = file.canonicalize().ok()?;
    let entries = std::fs::read_dir(format!("/proc/{process}/fd")).ok()?;
    Some(entries.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok()).any(|open| open == file))
}

#[cfg(not(target_os = "linux"))]
fn locking(_: &Path) -> Vec<u32> {
    Vec::new()
}

#[cfg(not(target_os = "linux"))]
fn having_open(_: &Path) -> Vec<u32> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_locks_is_read() {
        let list = "1: POSIX  ADVISORY  READ 1200 fd:01:77 128 128\n\
                    2: POSIX  ADVISORY  READ 1300 fd:01:77 124 124\n\
                    2: -> POSIX  ADVISORY  WRITE 1301 fd:01:77 124 127\n\
                    3: FLOCK  ADVISORY  WRITE 1400 fd:01:77 0 EOF\n\
                    4: POSIX  ADVISORY  READ 1500 fd:01:78 124 124\n\
                    5: POSIX  ADVISORY  WRITE 1600 fd:01:77 0 EOF\n\
                    6: POSIX  ADVISORY  READ 0 fd:01:77 124 124\n\
                    7: OFDLCK ADVISORY  READ -1 fd:01:77 124 124\n\
                    8: POSIX  ADVISORY  READ 1300 fd:01:77 123 123\n\
                    nonsense\n";
        assert_eq!(holders_in(list, 77), [1300, 1600]);
        assert_eq!(holders_in("", 77), [0; 0]);
    }

    #[test]
    fn one_two_and_three_are_named() {
        let name = |processes: &[u32]| said(processes, 9, "processes", "and");
        assert_eq!(name(&[4]), "process 4");
        assert_eq!(name(&[4, 5]), "processes 4 and 5");
        assert_eq!(name(&[4, 9, 12]), "processes 4, 9 (this one) and 12");
    }
}
