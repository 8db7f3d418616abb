//! What this process takes in memory: its own pages, and those of mapped files that it has touched.

/// Pages of this process that are in memory, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resident {
    /// Of no file: heap, stacks, SQLite's page cache.
    pub(crate) anonymous: u64,
    /// Of mapped files, shared with other processes: index files, the database, the program itself.
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
        let (all, anonymous) = (bytes("Rss:")?, bytes("Anonymous:")?);
        Some(Self { anonymous, of_files: all.saturating_sub(anonymous) })
    }

    /// Both together.
    pub(crate) const fn bytes(self) -> u64 {
        self.anonymous + self.of_files
    }
}
