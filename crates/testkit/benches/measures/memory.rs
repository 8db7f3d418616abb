//! What this process takes in memory: its own pages, and those of mapped files that it has touched.
//!
//! A page counts once, however often it is mapped: each connection to the database maps it again. So it is the proportional
//! share that is read, which is the whole where no other process has the files open.

/// Pages of this process that are in memory, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resident {
    /// Of no file: heap, stacks, SQLite's page cache.
    pub(crate) anonymous: u64,
    /// Of mapped files: index files, the database, the program itself.
    pub(crate) of_files: u64,
}

impl Resident {
    /// What it is now; none where the system does not say.
    pub(crate) fn now() -> Option<Self> {
        let text = std::fs::read_to_string("/proc/self/smaps_rollup").ok()?;
        let bytes = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
        };
        Some(Self { anonymous: bytes("Anonymous:")?, of_files: bytes("Pss_File:")? })
    }

    /// Both together.
    pub(crate) const fn bytes(self) -> u64 {
        self.anonymous + self.of_files
    }
}
