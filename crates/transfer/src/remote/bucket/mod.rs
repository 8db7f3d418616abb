//! A remote that is a bucket: S3 and what speaks like it, Google Cloud Storage, Azure Blob Storage.
//!
//! The clouds' protocols are `object_store`'s; this room decides what is asked of them. Files go and come in pieces of a few
//! MiB, so that a line that breaks costs one piece, and so that every request has a time in which it must end. Nothing is
//! written over by a creating call: it looks first, which also holds at servers that ignore conditions, and then sends the
//! condition, which holds against another writer in between.
//!
//! The library is asynchronous and this crate is not: a bucket has a small runtime of its own, and its calls block. They must
//! not be made from inside another runtime's tasks.
//!
//! **Invariant:** a call ends: each request has its time, and each call a number of repetitions and a time after which none
//! begins. No credential leaves but to the server of the address.

mod address;
mod connect;
mod fault;
mod pieces;
mod settings;
mod transport;

pub use connect::VARIABLES;
pub use settings::{BucketSettings, Patience};

use super::{Created, Moved, Remote, RemoteFile, check_path};
use address::{Address, Cloud};
use connect::Stores;
use fault::Fault;
use jay_types::{Code, Error, Result};
use object_store::list::PaginatedListOptions;
use object_store::path::Path as Key;
use object_store::{ObjectMeta, ObjectStoreExt as _, PutMode, PutOptions, PutPayload};
use pieces::read_part;
use std::fmt;
use std::fs::File;
use std::future::Future;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::runtime::Runtime;

/// Bytes that are read or sent with one request. S3 takes parts of 5 MiB and more.
const PIECE_BYTES: u64 = 8 << 20;
/// Bytes of an answer: a piece, or a page of a listing.
const ANSWER_MAX: u64 = 2 * PIECE_BYTES;
/// How often a creating call begins anew where something was there and is gone again.
const CREATE_TRIES: u32 = 3;
/// Most pages of a listing, of 1,000 files each: more are no remote of ours.
const PAGES_MAX: u32 = 10_000;
/// What `holds_writers_apart` writes; a dot begins it, so that no listing shows it.
const PROBE: &str = ".jay-check";

/// True where a text is the address of a bucket and no path: `s3://`, `gs://`, `az://`, `abfss://`.
#[must_use]
pub fn is_bucket(address: &str) -> bool {
    address::cloud_of(address).is_some()
}

/// The address of a bucket as it is kept and shown: without white space and slashes that mean nothing.
///
/// # Errors
/// `bad_input` where it cannot be read or holds a credential.
pub fn normalise(address: &str) -> Result<String> {
    Ok(Address::parse(address)?.shown)
}

/// A bucket.
pub struct Bucket {
    address: Address,
    stores: Stores,
    /// None only while it is dropped.
    runtime: Option<Runtime>,
    /// The server said that it knows no conditions: looking first is all there is.
    is_unconditional: AtomicBool,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bucket").field(&self.address.shown).finish()
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        // A runtime waits for its threads when it is dropped, and another runtime forbids that in its tasks.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Bucket {
    /// The bucket at `address`; nothing is sent.
    ///
    /// # Errors
    /// `bad_input` where the address cannot be read, holds a credential or would go to another machine without TLS, and where
    /// credentials are missing; the hint shows a right address or names the variables.
    pub fn new(address: &str, settings: &BucketSettings) -> Result<Self> {
        let address = Address::parse(address)?;
        let stores = connect::connect(&address, settings)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .max_blocking_threads(4)
            .thread_name("jay-bucket")
            .build()
            .map_err(|error| Error::io("cannot start the threads of a bucket", &error))?;
        Ok(Self { address, stores, runtime: Some(runtime), is_unconditional: AtomicBool::new(false) })
    }

    fn ask<T>(&self, operation: impl Future<Output = object_store::Result<T>>) -> Result<T, Fault> {
        let Some(runtime) = &self.runtime else {
            let source = "the runtime is gone".into();
            return Err(Fault::new(object_store::Error::NotSupported { source }, fault::Heard::default()));
        };
        let (outcome, heard) = runtime.block_on(transport::listen(operation));
        outcome.map_err(|error| Fault::new(error, heard))
    }

    fn note_unconditional(&self) {
        tracing::warn!(remote = self.address.shown, "this server knows no conditions on writing");
        self.is_unconditional.store(true, Ordering::Relaxed);
    }

    fn told(&self, fault: &Fault, doing: &str) -> Error {
        fault.told(doing, &self.address)
    }

    fn key(&self, path: &str) -> Result<Key> {
        check_path(path)?;
        self.key_of(path)
    }

    fn key_of(&self, path: &str) -> Result<Key> {
        let whole = self.whole(path);
        Key::parse(&whole).map_err(|_| Error::internal(format!("`{path}` is no path of a file on a remote")))
    }

    fn whole(&self, path: &str) -> String {
        let prefix = &self.address.prefix;
        if prefix.is_empty() { path.to_owned() } else { format!("{prefix}/{path}") }
    }

    /// The size of a file that is there. Its first byte is asked for: an answer to HEAD has no body that says what is wrong.
    fn size_of(&self, key: &Key, doing: &str) -> Result<Option<u64>> {
        match self.piece(key, 0, 1, None) {
            Ok(piece) => Ok(Some(piece.meta.size)),
            Err(fault) if fault.is_absent() => Ok(None),
            Err(fault) if fault.is_behind_end() => Ok(Some(0)),
            Err(fault) => Err(self.told(&fault, doing)),
        }
    }

    async fn put(&self, key: &Key, bytes: Vec<u8>, mode: PutMode) -> object_store::Result<()> {
        self.stores.store.put_opts(key, PutPayload::from(bytes), PutOptions::from(mode)).await.map(drop)
    }

    fn remove(&self, key: &Key, doing: &str) -> Result<()> {
        match self.ask(self.stores.store.delete(key)) {
            Ok(()) => Ok(()),
            Err(fault) if fault.is_absent() => Ok(()),
            Err(fault) => Err(self.told(&fault, doing)),
        }
    }

    /// True where these bytes are there.
    fn holds(&self, key: &Key, bytes: &[u8]) -> bool {
        let end = (bytes.len() as u64).clamp(1, PIECE_BYTES);
        match self.piece(key, 0, end, None) {
            Ok(piece) => piece.meta.size == bytes.len() as u64 && bytes.starts_with(&piece.bytes),
            Err(fault) => bytes.is_empty() && fault.is_behind_end(),
        }
    }

    /// Looks, then writes under the condition that nothing is there.
    fn create_bytes(&self, key: &Key, bytes: &[u8], doing: &str) -> Result<Created> {
        for _ in 0..CREATE_TRIES {
            if self.size_of(key, doing)?.is_some() {
                return Ok(Created::Exists);
            }
            let is_unconditional = self.is_unconditional.load(Ordering::Relaxed);
            let mode = if is_unconditional { PutMode::Overwrite } else { PutMode::Create };
            match self.ask(self.put(key, bytes.to_vec(), mode)) {
                Ok(()) => return Ok(Created::Written),
                Err(fault) if fault.is_condition_unknown() && !is_unconditional => {
                    self.note_unconditional();
                }
                // An answer was lost, and what is there is what was sent.
                Err(fault) if fault.is_taken() && fault.was_repeated() && self.holds(key, bytes) => {
                    return Ok(Created::Written);
                }
                // It is there now; or another write of it was under way, and may yet have failed: looked at again.
                Err(fault) if fault.is_taken() => {}
                Err(fault) => return Err(self.told(&fault, doing)),
            }
        }
        if self.size_of(key, doing)?.is_some() {
            return Ok(Created::Exists);
        }
        Err(Error::new(Code::Busy, format!("cannot {doing} in {}: others write it too", self.address.shown))
            .hint("Run this again in a moment."))
    }
}

impl Remote for Bucket {
    fn address(&self) -> &str {
        &self.address.shown
    }

    fn list(&self, prefix: &str) -> Result<Vec<RemoteFile>> {
        let top = self.whole("");
        let whole = self.whole(prefix);
        // Of Azure's listings the library leaves out a file whose name is the whole prefix, for it may be a folder.
        let asked = match self.address.cloud {
            Cloud::Azure => whole.rsplit_once('/').map_or("", |(folder, _)| &whole[..=folder.len()]),
            Cloud::S3 | Cloud::Google => &whole,
        };
        let mut found = Vec::new();
        let mut page_token = None;
        for _ in 0..PAGES_MAX {
            let options = PaginatedListOptions { page_token, ..PaginatedListOptions::default() };
            let asked = Some(asked).filter(|text| !text.is_empty());
            let page = self.ask(self.stores.store.list_paginated(asked, options));
            let page = page.map_err(|fault| self.told(&fault, "list files"))?;
            found.extend(page.result.objects.iter().filter_map(|object| file_of(object, &top)));
            match page.page_token.filter(|token| !token.is_empty()) {
                Some(token) => page_token = Some(token),
                None => {
                    found.retain(|file: &RemoteFile| file.path.starts_with(prefix));
                    found.sort_by(|one, other| one.path.cmp(&other.path));
                    return Ok(found);
                }
            }
        }
        Err(Error::new(Code::Io, format!("{} has more files than a remote can have", self.address.shown))
            .hint("Give the remote a prefix of its own."))
    }

    fn read(&self, path: &str, max_bytes: u64) -> Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        let is_there = self.fetch(path, max_bytes, &mut |piece, _| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(is_there.then_some(bytes))
    }

    fn download(&self, path: &str, into: &mut dyn Write, moved: &mut Moved<'_>) -> Result<bool> {
        self.fetch(path, u64::MAX, &mut |piece, done| {
            into.write_all(piece)?;
            moved(done);
            Ok(())
        })
    }

    fn create(&self, path: &str, bytes: &[u8]) -> Result<Created> {
        let (key, doing, size) = (self.key(path)?, format!("write {path}"), bytes.len() as u64);
        if size <= PIECE_BYTES {
            return self.create_bytes(&key, bytes, &doing);
        }
        let mut source = bytes;
        self.create_of_parts(&key, &mut source, size, &doing, &mut |_| ())
    }

    fn upload(&self, path: &str, from: &Path, moved: &mut Moved<'_>) -> Result<Created> {
        let key = self.key(path)?;
        let doing = format!("write {path}");
        let cannot = |error| Error::io(format!("cannot read {}", from.display()), &error);
        let mut file = File::open(from).map_err(cannot)?;
        let size = file.metadata().map_err(cannot)?.len();
        if size <= PIECE_BYTES {
            let created = self.create_bytes(&key, &read_part(&mut file, size)?, &doing)?;
            if created == Created::Written {
                moved(size);
            }
            return Ok(created);
        }
        self.create_of_parts(&key, &mut file, size, &doing, moved)
    }

    fn replace(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let key = self.key(path)?;
        let put = self.ask(self.put(&key, bytes.to_vec(), PutMode::Overwrite));
        put.map_err(|fault| self.told(&fault, &format!("write {path}")))
    }

    fn delete(&self, path: &str) -> Result<()> {
        self.remove(&self.key(path)?, &format!("remove {path}"))
    }

    fn holds_writers_apart(&self) -> Result<bool> {
        // True where the server keeps a file that is there when it is told to create it.
        let key = self.key_of(PROBE)?;
        let doing = "write a trial file";
        let put = |bytes: &'static [u8]| match self.ask(self.put(&key, bytes.to_vec(), PutMode::Create)) {
            Ok(()) => Ok(true),
            Err(fault) if fault.is_taken() => Ok(false),
            Err(fault) if fault.is_condition_unknown() => Ok(true),
            Err(fault) => Err(self.told(&fault, doing)),
        };
        // What an earlier trial may have left.
        self.remove(&key, doing)?;
        put(b"one")?;
        let is_written = put(b"two")?;
        self.remove(&key, doing)?;
        Ok(!is_written)
    }
}

/// A file below the prefix; none for what is no file of a remote, such as the empty ones by which consoles make folders.
fn file_of(object: &ObjectMeta, top: &str) -> Option<RemoteFile> {
    let path = object.location.as_ref().strip_prefix(top)?.to_owned();
    check_path(&path).ok()?;
    let written = object.last_modified.timestamp_millis();
    let stamp = format!("{}-{written}-{}", object.size, object.e_tag.as_deref().unwrap_or_default());
    Some(RemoteFile { path, bytes: object.size, stamp })
}
