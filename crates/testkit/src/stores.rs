//! Filled stores for benchmarks: each size is made once and then shared, by programs too.
//!
//! **Invariant:** whoever takes a shared store leaves its memories as they are; a benchmark that writes uses a home of
//! its own.

use crate::process::Jay;
use crate::salad::Salad;
use crate::stopwatch::Stopwatch;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

/// A salad of this seed fills a store; queries are from another one over the same vocabulary.
const SEED: u64 = 1;
/// The most memories in one batch (DESIGN section 5).
const BATCH_MEMORIES_MAX: usize = 1_000;
/// Lies beside a home that is filled to the end, and holds the milliseconds that it took.
const FILLED: &str = "filled";

/// Homes by the number of memories in them, below one directory.
#[derive(Clone, Debug)]
pub struct Stores {
    program: PathBuf,
    directory: PathBuf,
}

impl Stores {
    /// The namespace in which the memories stand; a home's directory would make one that no other program knows.
    pub const NAMESPACE: &str = "bench";

    /// Stores that the binary `program` fills below `directory`.
    #[must_use]
    pub fn new(program: &Path, directory: &Path) -> Self {
        Self { program: program.to_owned(), directory: directory.to_owned() }
    }

    /// The binary.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Where the stores stand.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// `jay` in a store of so many memories of about 60 words, which is made where it is not there yet.
    ///
    /// # Errors
    /// Where it cannot be filled.
    pub fn jay(&self, memories: usize) -> io::Result<Jay> {
        let place = self.directory.join(memories.to_string());
        let jay = Jay::at(&self.program, self.home(memories), place.join("work")).env("JAY_NAMESPACE", Self::NAMESPACE);
        if !place.join(FILLED).exists() {
            std::fs::create_dir_all(self.home(memories))?;
            std::fs::create_dir_all(place.join("work"))?;
            let watch = Stopwatch::start();
            fill(&jay, memories)?;
            crate::home::write(place.join(FILLED), watch.elapsed().as_millis().to_string());
        }
        Ok(jay)
    }

    /// How long it took to fill the store of so many memories; none where it is not filled.
    #[must_use]
    pub fn filled_in(&self, memories: usize) -> Option<Duration> {
        let text = std::fs::read_to_string(self.directory.join(memories.to_string()).join(FILLED)).ok()?;
        text.parse().ok().map(Duration::from_millis)
    }

    /// Where the store of so many memories stands, once [`Stores::jay`] has made it.
    #[must_use]
    pub fn home(&self, memories: usize) -> PathBuf {
        self.directory.join(memories.to_string()).join("home")
    }
}

/// One batch after the other: a million texts at once would stay in the memory of a process that measures memory.
fn fill(jay: &Jay, memories: usize) -> io::Result<()> {
    let mut command = jay.command(&["call"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let answered = std::thread::scope(|scope| {
        scope.spawn(move || {
            // A process that ends early closes the pipe; what it answered tells.
            let mut stdin = stdin?;
            batches(memories).try_for_each(|batch| stdin.write_all(batch.as_bytes())).ok()
        });
        let lines = stdout.map(|stdout| BufReader::new(stdout).lines()).into_iter().flatten();
        lines.map_while(Result::ok).filter(|line| line.contains("\"ok\":true")).count()
    });
    let status = child.wait()?;
    let expected = memories.div_ceil(BATCH_MEMORIES_MAX);
    if status.success() && answered == expected {
        return Ok(());
    }
    Err(io::Error::other(format!("filling the store: {answered} of {expected} batches, {status}")))
}

/// The lines of input of `jay call` that remember so many memories.
fn batches(memories: usize) -> impl Iterator<Item = String> {
    let mut salad = Salad::new(SEED);
    (0..memories).step_by(BATCH_MEMORIES_MAX).map(move |first| {
        let count = BATCH_MEMORIES_MAX.min(memories - first);
        let texts: Vec<serde_json::Value> =
            salad.memories(count).map(|text| serde_json::json!({ "text": text })).collect();
        format!("{}\n", serde_json::json!({ "op": "remember_batch", "input": { "memories": texts } }))
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::home::TempHome;

    #[test]
    fn batches_hold_every_memory_once() {
        let sizes: Vec<usize> = batches(2_500)
            .map(|line| {
                let value: serde_json::Value = serde_json::from_str(&line).expect("JSON");
                value["input"]["memories"].as_array().map_or(0, Vec::len)
            })
            .collect();
        assert_eq!(sizes, [1_000, 1_000, 500]);
    }

    #[test]
    fn a_store_that_cannot_be_filled_is_an_error_each_time() {
        let home = TempHome::new();
        let stores = Stores::new(Path::new("/bin/false"), &home.path());
        for _ in 0..2 {
            let error = stores.jay(10).expect_err("nothing was stored");
            assert!(error.to_string().contains("0 of 1 batches"), "{error}");
        }
    }

    #[test]
    fn a_size_is_made_once() {
        let home = TempHome::new();
        let script = home.write(
            "jay",
            "#!/bin/sh\necho made in $JAY_NAMESPACE >> \"$JAY_HOME/made\"\ncat > /dev/null\necho '{\"ok\":true}'\n",
        );
        std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("it is ours");
        let stores = Stores::new(&script, &home.path());
        assert_eq!(stores.filled_in(10), None);
        for _ in 0..2 {
            stores.jay(10).expect("filled");
        }
        assert!(stores.filled_in(10).is_some());
        assert_eq!(std::fs::read_to_string(stores.home(10).join("made")).expect("made"), "made in bench\n");
    }
}
