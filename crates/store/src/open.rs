//! A store: the file of one journal, its readers and its writer.

use crate::identity::{Identity, Machine};
use crate::permissions::{private_directory, private_mode};
use crate::text::Bm25;
use crate::text_index::TextFiles;
use crate::tx::Tx;
use crate::vector_files::Indexes;
use crate::vector_index::VectorMath;
use crate::vectors::WantedVectors;
use crate::{Result, StoreError, begun, connection, error, group, location, migrate};
use jay_types::change::Journal;
use jay_types::session::Message;
use jay_types::surroundings::Surroundings;
use jay_types::{Error, NodeId};
use rusqlite::Connection;
use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// How text becomes what the text index holds. Given from outside, so that this crate knows no language.
#[derive(Clone, Copy)]
pub struct Analysis {
    /// Terms joined by spaces; each of ASCII letters, digits, `_` or other than ASCII.
    pub index_text: fn(&str) -> String,
    /// Whether a text ends by asking something; a column of the rows, which a rebuild makes again.
    pub is_question: fn(&str) -> bool,
    /// The paths of the files that a message's calls of tools touched; marks of them are rows, which a rebuild makes again.
    pub touched: fn(&Message) -> Vec<String>,
    /// Counts up when `index_text` gives other terms; the index is then made again.
    pub version: u32,
    /// How what is found is weighed.
    pub bm25: Bm25,
}

impl std::fmt::Debug for Analysis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Analysis(v{})", self.version)
    }
}

/// Where a store is and what it is given.
#[derive(Clone)]
pub struct StoreOptions {
    /// The data directory; made, with mode 0700, at the first write.
    pub directory: PathBuf,
    /// Open even where locks may not hold (I9).
    pub force_location: bool,
    /// For clone detection.
    pub machine: Machine,
    /// Time and randomness.
    pub surroundings: Arc<dyn Surroundings>,
    /// The text index's words.
    pub analysis: Analysis,
    /// Arithmetic on vectors' codes.
    pub vector_math: VectorMath,
    /// The embedder whose vectors are wanted; without one nothing is queued.
    pub embedder: Option<WantedVectors>,
    /// A second embedder whose vectors are wanted too, made by jobs.
    pub model: Option<WantedVectors>,
}

/// Connections that are kept for readers; more are opened and closed as needed.
const READERS_KEPT: usize = 8;
/// Bytes of the WAL from which a writer moves it into the database, after it acknowledged.
const CHECKPOINT_FROM_BYTES: u64 = 4 * 1024 * 1024;
/// Size of the log from which it is cut off once it is in the database: a burst has left it, or a store that began with a checkpoint.
const TRUNCATE_FROM_BYTES: u64 = 32 << 20;

/// The two journals of one data directory share a node.
pub struct Store {
    pub(crate) options: StoreOptions,
    pub(crate) journal: Journal,
    pub(crate) identity: Arc<Identity>,
    pub(crate) group: group::Group,
    indexes: Indexes,
    pub(crate) text: TextFiles,
    readers: Mutex<Vec<Connection>>,
    checked: Mutex<bool>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.file().display())
    }
}

impl Store {
    /// The memory and the archive of a data directory. Nothing is opened or made yet.
    #[must_use]
    pub fn pair(options: &StoreOptions) -> (Self, Self) {
        let identity =
            Identity::new(options.directory.clone(), options.machine.clone(), Arc::clone(&options.surroundings));
        let identity = Arc::new(identity);
        let store = |journal, identity| Self {
            options: options.clone(),
            journal,
            identity,
            group: group::Group::default(),
            indexes: Indexes::new(options.directory.join("index"), journal, options.vector_math),
            text: TextFiles::new(&options.directory, journal),
            readers: Mutex::new(Vec::new()),
            checked: Mutex::new(false),
        };
        (store(Journal::Memory, Arc::clone(&identity)), store(Journal::Archive, identity))
    }

    /// The database file.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.options.directory.join(begun::file_name(self.journal))
    }

    /// The data directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.options.directory
    }

    /// True where something was written once.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.file().exists()
    }

    /// The node of this data directory; none before the first write.
    #[must_use]
    pub fn node(&self) -> Option<NodeId> {
        self.identity.known_node()
    }

    /// The newest format that this program writes.
    #[must_use]
    pub fn newest_format(&self) -> u32 {
        migrate::newest(self.journal)
    }

    /// Runs `read` on one snapshot. Nothing is written; a store that does not exist reads as an empty one.
    ///
    /// # Errors
    /// What `read` returns; `store_too_new`, `damaged`, `io`.
    pub fn read<T, E: From<StoreError>>(&self, read: impl FnOnce(&Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        if self.group.is_held_here() {
            // Inside a group this thread must see what it wrote a moment ago.
            let mut read = Some(read);
            let seen = self.group.with_open_connection(|connection| read.take().map(|read| read(&self.tx(connection))));
            return match (seen.flatten(), read) {
                (Some(result), _) => result,
                (None, Some(read)) => self.read_fresh(read),
                (None, None) => Err(StoreError::from(Error::internal("a read was lost")).into()),
            };
        }
        self.read_fresh(read)
    }

    fn read_fresh<T, E: From<StoreError>>(&self, read: impl FnOnce(&Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        let (connection, of_file) = self.reader()?;
        connection.execute_batch("BEGIN").map_err(StoreError::from)?;
        let result = read(&self.tx(&connection));
        let ended = connection.execute_batch("ROLLBACK");
        // An empty stand-in is not kept: the file may be there at the next read.
        if of_file && ended.is_ok() && !connection.is_busy() {
            let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
            if readers.len() < READERS_KEPT {
                readers.push(connection);
            }
        }
        result
    }

    pub(crate) fn tx<'c>(&'c self, connection: &'c Connection) -> Tx<'c> {
        Tx {
            connection,
            journal: self.journal,
            analysis: &self.options.analysis,
            embedder: self.options.embedder.as_ref(),
            model: self.options.model.as_ref(),
            indexes: &self.indexes,
            text: &self.text,
            sources: RefCell::default(),
            foreseen: RefCell::default(),
        }
    }

    /// A connection to read with, and whether it is one to the file.
    fn reader(&self) -> Result<(Connection, bool)> {
        if let Some(connection) = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok((connection, true));
        }
        let file = self.file();
        if fs::metadata(&file).map_or(0, |metadata| metadata.len()) == 0 {
            // Not opened: SQLite throws the log of an empty file away.
            return Ok((self.empty()?, false));
        }
        let named = |error: StoreError| error::of_file(error, self.journal);
        let connection = connection::open_reader(&file).map_err(named)?;
        match migrate::check(&connection, self.journal).map_err(named)? {
            // Somebody is making it at this moment.
            0 => Ok((self.empty()?, false)),
            format if format < migrate::newest(self.journal) => {
                drop(connection);
                self.group.exclusively(|| self.open_writer(), &self.ready()?, |_| Ok(()))?;
                Ok((connection::open_reader(&file)?, true))
            }
            _ => Ok((connection, true)),
        }
    }

    fn empty(&self) -> Result<Connection> {
        let connection = connection::open_in_memory()?;
        migrate::run(&connection, self.journal, None, 0)?;
        Ok(connection)
    }

    /// Opens the writer's connection: file, format, what waited. Runs under the write lock, so that no two processes make a store.
    pub(crate) fn open_writer(&self) -> Result<Connection> {
        let file = self.file();
        self.demand_file()?;
        let named = |error: StoreError| error::of_file(error, self.journal);
        if file.exists() {
            // Before anything is set in it: what is refused stays as it is.
            connection::open_reader(&file).and_then(|reader| migrate::check(&reader, self.journal)).map_err(named)?;
        }
        let connection = connection::open_writer(&file, self.journal).map_err(named)?;
        private_mode(&file)?;
        migrate::run(&connection, self.journal, Some(&file), self.options.surroundings.now().0).map_err(named)?;
        self.note_begun()?;
        let tx = self.tx(&connection);
        if tx.meta_number("analysis")?.is_none() {
            tx.set_meta("analysis", i64::from(self.options.analysis.version))?;
            tx.begin_embedder()?;
        }
        self.retry_waiting(&connection);
        Ok(connection)
    }

    /// Makes the data directory where it is a good place; returns the lock under which this store's writers queue.
    pub(crate) fn ready(&self) -> Result<PathBuf> {
        self.check_location()?;
        Ok(self.lock_file())
    }

    fn check_location(&self) -> Result<()> {
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        if *checked {
            return Ok(());
        }
        let directory = &self.options.directory;
        if !self.options.force_location {
            location::check(directory)?;
        }
        let made = fs::create_dir_all(directory.join("state"));
        made.map_err(|error| no_directory(directory, &error))?;
        private_directory(directory)?;
        private_directory(&directory.join("state"))?;
        *checked = true;
        Ok(())
    }

    fn lock_file(&self) -> PathBuf {
        self.options.directory.join("state").join(match self.journal {
            Journal::Memory => "write-memory.lock",
            Journal::Archive => "write-archive.lock",
        })
    }

    /// The bytes of the write-ahead log; 0 where there is none.
    #[must_use]
    pub fn wal_bytes(&self) -> u64 {
        fs::metadata(self.beside("-wal")).map_or(0, |metadata| metadata.len())
    }

    /// The file on which SQLite's readers of this store hold their locks.
    pub(crate) fn shm_file(&self) -> PathBuf {
        self.beside("-shm")
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.file().into_os_string();
        name.push(suffix);
        PathBuf::from(name)
    }

    /// Moves a large write-ahead log into the database. Called after acknowledgements (I6).
    ///
    /// # Errors
    /// What SQLite says; the store stays as it was.
    pub fn checkpoint_if_large(&self) -> Result<()> {
        if self.wal_bytes() < CHECKPOINT_FROM_BYTES {
            return Ok(());
        }
        self.group.with_idle_connection(|connection| {
            connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
            if self.wal_bytes() >= TRUNCATE_FROM_BYTES {
                // A log that stays this large is copied once more by each process that opens the file when nobody else has it open.
                // Where somebody reads just now it stays, and nobody waits.
                connection.busy_timeout(std::time::Duration::ZERO)?;
                let truncated = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
                connection.busy_timeout(connection::BUSY_TIMEOUT)?;
                truncated?;
            }
            Ok(())
        })
    }

    /// The file's bytes, log and text index included.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        fs::metadata(self.file()).map_or(0, |metadata| metadata.len()) + self.wal_bytes() + self.text.bytes()
    }

    /// Forgets the open readers, so that a purge can truncate the log.
    pub(crate) fn close_readers(&self) {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Why the data directory cannot be made; a link to nothing is there and is not there.
fn no_directory(directory: &Path, error: &std::io::Error) -> Error {
    let dangling =
        [directory.to_owned(), directory.join("state")].into_iter().find(|path| path.is_symlink() && !path.exists());
    match dangling {
        Some(link) => {
            Error::new(jay_types::Code::Io, format!("{} is a link to a place that is not there", link.display()))
                .hint("Make that place, or remove the link.")
        }
        None => Error::io(format!("cannot make the data directory {}", directory.display()), error)
            .hint("Name another directory with `--home DIR` or JAY_HOME."),
    }
}

impl Store {
    /// The version of this program's text analysis.
    #[must_use]
    pub fn analysis(&self) -> u32 {
        self.options.analysis.version
    }

    /// Writes the number of the format into the file's header again, where only that is lost.
    ///
    /// # Errors
    /// `damaged` where the file does not tell it, `busy`, `io`.
    pub fn mend_format(&self) -> Result<()> {
        let _lock = crate::lock::acquire(&self.ready()?)?;
        let connection = Connection::open(self.file())?;
        migrate::mend_format(&connection, self.journal).map_err(|error| error::of_file(error, self.journal))
    }

    /// Copies of this store's file that were made before a migration: they hold every text that it held then.
    ///
    /// # Errors
    /// `io` where the data directory cannot be listed.
    pub fn copies(&self) -> Result<Vec<PathBuf>> {
        let file = self.file();
        let name = file.file_name().map(|name| format!("{}.before-", name.to_string_lossy())).unwrap_or_default();
        let told = |error: std::io::Error| Error::io(format!("cannot list {}", self.directory().display()), &error);
        let mut copies = Vec::new();
        for entry in fs::read_dir(self.directory()).map_err(told)? {
            let path = entry.map_err(told)?.path();
            if path.file_name().is_some_and(|found| found.to_string_lossy().starts_with(&name)) {
                copies.push(path);
            }
        }
        copies.sort();
        Ok(copies)
    }
}
