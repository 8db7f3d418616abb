//! Building, extending and erasing a file. Whoever calls this holds the store's write lock.
//!
//! Records go behind the committed count, are synced, and then counted by the header: a crash in between leaves bytes
//! that the next writer overwrites. A file is never shortened; a new one is written beside it and takes its name.

use super::header::{Damage, Header};
use super::layout::{
    CHECK, CHUNK, DROPPED, GROUP, HEADER_BYTES, LABEL_BYTES, NAMESPACE, PAGE, SCALE, SLOTS, Shape, put,
};
use super::record::{Code, Extent, Record};
use super::view::{Summary, read_header};
use super::{Mark, VectorIndex};
use jay_types::Error;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// A vector that goes into a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Addition<'a> {
    /// The document.
    pub doc: i64,
    /// 0, 1, … within it.
    pub chunk: u32,
    /// Number of its namespace.
    pub namespace: u32,
    /// Its code as the table has it.
    pub code: &'a [u8],
}

impl VectorIndex {
    /// Begins a new file; nothing is seen of it before [`Builder::finish`].
    ///
    /// # Errors
    /// `io`.
    pub fn build(&self) -> Result<Builder<'_>, Error> {
        let parent = self.path.parent().unwrap_or(Path::new("."));
        private_directory(parent).map_err(|error| Error::io(format!("cannot make {}", parent.display()), &error))?;
        let path = self.path.with_extension("vectors-new");
        let file = open_private(&path, true).map_err(|error| self.told(&error))?;
        let header =
            Header { dimension: self.model.dimension, build: 0, serial: 0, count: 0, dropped: 0, marks: vec![] };
        Ok(Builder { writer: Writer::new(self, file, header), path, sum: 0 })
    }

    /// Adds vectors to the file, drops the earlier records of their documents and of `dropped`, and commits it as the
    /// state `mark` of the table.
    ///
    /// # Errors
    /// Why the file cannot be extended: then it is made anew.
    pub fn append(&self, additions: &[Addition<'_>], dropped: &[i64], mark: Mark) -> Result<(), Damage> {
        let view = self.view()?;
        let told = |error: io::Error| Damage::Io(error.to_string());
        let mut file = open_private(&self.path, false).map_err(told)?;
        let header = read_header(&mut file, &self.model, self.math.version)?;
        if header != *view.header() {
            return Err(Damage::OtherContent);
        }
        let mut writer = Writer::new(self, file, header);
        writer.load().map_err(told)?;
        let replaced: BTreeSet<i64> =
            additions.iter().map(|addition| addition.doc).chain(dropped.iter().copied()).collect();
        for doc in replaced {
            let records = view.slots_of(doc, view.count())?.len();
            if records > 0 {
                writer.drop_document(doc).map_err(told)?;
                writer.header.dropped += records + 1;
            }
        }
        for addition in additions {
            writer.add(addition).map_err(told)?;
        }
        writer.commit(mark).map_err(told)
    }

    /// True where so much is dropped that the file is better made anew.
    ///
    /// # Errors
    /// Why the file cannot be used.
    pub fn is_worn(&self) -> Result<bool, Damage> {
        Ok(self.view()?.is_worn())
    }

    /// Overwrites the file, so that nothing of it is left even where another process still has it mapped, and removes it.
    ///
    /// # Errors
    /// `io`; then bytes may be left.
    pub fn erase(&self) -> Result<(), Error> {
        self.forget();
        erase(&self.path)
    }

    fn told(&self, error: &io::Error) -> Error {
        Error::io(format!("cannot write the vector index {}", self.path.display()), error)
    }
}

/// Overwrites a file with zeros and removes it; one that is not there is gone already.
pub(crate) fn erase(path: &Path) -> Result<(), Error> {
    let told = |error: &io::Error| Error::io(format!("cannot erase {}", path.display()), error);
    let mut file = match File::options().write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(told(&error)),
    };
    let overwrite = |file: &mut File| -> io::Result<()> {
        let zeros = vec![0; 1 << 18];
        let mut left = file.metadata()?.len();
        while left > 0 {
            let part = left.min(zeros.len() as u64);
            file.write_all(zeros.get(..part as usize).unwrap_or_default())?;
            left -= part;
        }
        file.sync_data()
    };
    overwrite(&mut file).map_err(|error| told(&error))?;
    fs::remove_file(path).map_err(|error| told(&error))
}

/// A file that is being made.
pub struct Builder<'a> {
    writer: Writer<'a>,
    path: PathBuf,
    /// Over all records: tells builds apart.
    sum: u64,
}

impl std::fmt::Debug for Builder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Builder({}, {} records)", self.path.display(), self.writer.header.count)
    }
}

impl Builder<'_> {
    /// Adds a vector; in the order of documents, so that they are found by halving.
    ///
    /// # Errors
    /// `io`; then the file is not finished, and what was there stays.
    pub fn push(&mut self, addition: &Addition<'_>) -> Result<(), Error> {
        let check = self.writer.add(addition).map_err(|error| self.writer.index.told(&error))?;
        self.sum = (self.sum ^ u64::from(check)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
        Ok(())
    }

    /// Commits the file as the state `mark` of the table and gives it its name. `erase_old` overwrites what had the name:
    /// for a purge. `salt` is any number that is another one at each build.
    ///
    /// # Errors
    /// `io`; then what was there may be there still.
    pub fn finish(mut self, mark: Mark, salt: u64, erase_old: bool) -> Result<(), Error> {
        let index = self.writer.index;
        self.writer.header.build = self.sum ^ mark.token ^ salt.rotate_left(17);
        self.writer.commit(mark).map_err(|error| index.told(&error))?;
        index.forget();
        if erase_old {
            erase(&index.path)?;
        }
        #[expect(clippy::disallowed_methods, reason = "both files are synced: it is the commit that ends with a sync")]
        fs::rename(&self.path, &index.path).map_err(|error| index.told(&error))?;
        sync_directory(&index.path);
        Ok(())
    }
}

struct Writer<'a> {
    index: &'a VectorIndex,
    file: File,
    shape: Shape,
    header: Header,
    /// The bytes of the extent that is being filled.
    extent: Vec<u8>,
    /// The first slot of it that is not in the file yet.
    unwritten: usize,
}

impl<'a> Writer<'a> {
    fn new(index: &'a VectorIndex, file: File, header: Header) -> Self {
        let shape = Shape::of(index.model.dimension);
        let unwritten = header.count % SLOTS;
        Self { index, file, shape, header, extent: vec![0; shape.extent_bytes()], unwritten }
    }

    /// Reads the extent that is partly full.
    fn load(&mut self) -> io::Result<()> {
        if self.unwritten > 0 {
            self.file.seek(SeekFrom::Start(self.extent_start()))?;
            self.file.read_exact(&mut self.extent)?;
        }
        Ok(())
    }

    /// Where the extent of the record that was added last stands in the file.
    fn extent_start(&self) -> u64 {
        let index = self.header.count.saturating_sub(1) / SLOTS;
        (HEADER_BYTES + index * self.shape.extent_bytes()) as u64
    }

    /// Adds a vector; returns its checksum.
    fn add(&mut self, addition: &Addition<'_>) -> io::Result<u32> {
        let code = Code::read(addition.code, self.shape.dimension)
            .filter(|_| addition.namespace != DROPPED)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a vector of another dimension"))?;
        let signs = (self.index.math.sign_code)(code.values);
        let Addition { doc, chunk, namespace, .. } = *addition;
        self.write(&Record { doc, chunk, namespace, code }, &signs)
    }

    /// Adds a record that drops the earlier ones of a document.
    fn drop_document(&mut self, doc: i64) -> io::Result<u32> {
        let (values, signs) = (vec![0; self.shape.dimension], vec![0; self.shape.words]);
        let code = Code { scale: 0.0, values: &values };
        self.write(&Record { doc, chunk: 0, namespace: DROPPED, code }, &signs)
    }

    fn write(&mut self, record: &Record<'_>, signs: &[u64]) -> io::Result<u32> {
        let slot = self.header.count % SLOTS;
        let check = record.check();
        let extent = &mut self.extent;
        let label = Shape::label(slot);
        put(extent, label, &record.doc.to_le_bytes());
        put(extent, label + CHUNK, &record.chunk.to_le_bytes());
        put(extent, label + NAMESPACE, &record.namespace.to_le_bytes());
        put(extent, Shape::SCOPES + 4 * slot, &record.namespace.to_le_bytes());
        put(extent, label + SCALE, &record.code.scale.to_bits().to_le_bytes());
        put(extent, label + CHECK, &check.to_le_bytes());
        for (word, signs) in signs.iter().enumerate() {
            put(extent, self.shape.sign_word(slot, word), &signs.to_le_bytes());
        }
        put(extent, self.shape.codes() + slot * self.shape.dimension, record.code.values);
        self.header.count += 1;
        if self.header.count.is_multiple_of(SLOTS) {
            let summary = Summary::of(Extent { shape: self.shape, bytes: &self.extent }, SLOTS);
            summary.write(&mut self.extent);
            self.flush()?;
            self.extent.fill(0);
            self.unwritten = 0;
        }
        Ok(check)
    }

    /// Writes what is new in the extent, array by array.
    fn flush(&mut self) -> io::Result<()> {
        let (from, to) = (
            self.unwritten,
            match self.header.count % SLOTS {
                0 if self.header.count > 0 => SLOTS,
                slot => slot,
            },
        );
        if from >= to {
            return Ok(());
        }
        let start = self.extent_start();
        if self.file.metadata()?.len() < start + self.shape.extent_bytes() as u64 {
            self.file.set_len(start + self.shape.extent_bytes() as u64)?;
        }
        let array = |offset: usize, width: usize| offset + width * from..offset + width * to;
        let group = self.shape.group_bytes();
        let groups = from / GROUP * group..to.div_ceil(GROUP) * group;
        let mut ranges = vec![
            array(Shape::LABELS, LABEL_BYTES),
            array(Shape::SCOPES, 4),
            Shape::SIGNS + groups.start..Shape::SIGNS + groups.end,
            array(self.shape.codes(), self.shape.dimension),
        ];
        if to == SLOTS {
            ranges.push(0..PAGE);
        }
        for range in ranges {
            self.file.seek(SeekFrom::Start(start + range.start as u64))?;
            self.file.write_all(self.extent.get(range).unwrap_or_default())?;
        }
        self.unwritten = to;
        Ok(())
    }

    /// Makes everything durable, then visible.
    fn commit(&mut self, mark: Mark) -> io::Result<()> {
        if !self.header.count.is_multiple_of(SLOTS) {
            self.flush()?;
        }
        if self.file.metadata()?.len() < HEADER_BYTES as u64 {
            self.file.set_len(HEADER_BYTES as u64)?;
        }
        self.file.sync_data()?;
        self.header.serial += 1;
        self.header.add_mark(mark);
        let (offset, page) = self.header.encode(&self.index.model, self.index.math.version);
        self.file.seek(SeekFrom::Start(offset as u64))?;
        self.file.write_all(&page)?;
        // A header that is lost leaves the one before it, which names fewer records.
        Ok(())
    }
}

fn open_private(path: &Path, is_new: bool) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(is_new).truncate(is_new);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn private_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes the new name durable; a file system that cannot do it for directories loses at most a derived file.
fn sync_directory(path: &Path) {
    if let Some(directory) = path.parent().and_then(|parent| File::open(parent).ok()) {
        let _ = directory.sync_all();
    }
}
