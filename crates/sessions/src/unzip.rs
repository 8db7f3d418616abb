//! Reads files out of a zip archive, in which exports come.
//!
//! **Invariant:** nothing is unpacked to the disk, memory is bounded by the archive's list and a window, and a file that is not
//! what was packed ends in an error, not as if it were whole.

use flate2::CrcReader;
use flate2::bufread::DeflateDecoder;
use jay_types::{Error, Result};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;
use zip::{CompressionMethod, ZipArchive};

/// Bytes of the archive that are read at once.
const BUFFER_BYTES: usize = 256 << 10;

/// True where a file begins as a zip archive does.
pub(crate) fn is_zip(path: &Path) -> bool {
    let mut head = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == *b"PK\x03\x04"
}

fn damaged(path: &Path, what: &dyn std::fmt::Display) -> Error {
    Error::bad_input(format!("{} is no zip archive that can be read: {what}", path.display()))
        .hint("Unpack it and give the directory to `jay session sync --path`.")
}

fn archive(path: &Path) -> Result<ZipArchive<BufReader<File>>> {
    let file = File::open(path).map_err(|cause| crate::input::cannot_read(path, &cause))?;
    ZipArchive::new(BufReader::new(file)).map_err(|error| damaged(path, &error))
}

/// The names of the files that can be read: those that need no password and are packed as exports are.
pub(crate) fn list(path: &Path) -> Result<Vec<String>> {
    let archive = archive(path)?;
    let mut names = Vec::new();
    for number in 0..archive.len() {
        let entry = archive.by_index_data(number).map_err(|error| damaged(path, &error))?;
        let is_known = matches!(entry.compression(), CompressionMethod::Stored | CompressionMethod::Deflated);
        if entry.is_file() && is_known && !entry.encrypted() {
            names.push(entry.name().map_err(|error| damaged(path, &error))?.into_owned());
        }
    }
    Ok(names)
}

/// Opens a file of an archive.
pub(crate) fn open(path: &Path, name: &str) -> Result<Box<dyn BufRead + Send>> {
    let mut archive = archive(path)?;
    let number = archive.index_for_name(name);
    let number = number.ok_or_else(|| Error::not_found(format!("{} has no file {name}", path.display())))?;
    let entry = archive.by_index(number).map_err(|error| damaged(path, &error))?;
    let start = entry.data_start().ok_or_else(|| damaged(path, &"a file has no beginning"))?;
    let (packed_bytes, wanted, method) = (entry.compressed_size(), entry.crc32(), entry.compression());
    drop(entry);
    let cannot_read = |cause| crate::input::cannot_read(path, &cause);
    let mut file = File::open(path).map_err(cannot_read)?;
    file.seek(SeekFrom::Start(start)).map_err(cannot_read)?;
    let packed = BufReader::with_capacity(BUFFER_BYTES, file.take(packed_bytes));
    Ok(match method {
        CompressionMethod::Stored => Box::new(checked(packed, wanted)),
        _ => Box::new(checked(DeflateDecoder::new(packed), wanted)),
    })
}

fn checked<R: Read>(input: R, wanted: u32) -> BufReader<Checked<R>> {
    BufReader::with_capacity(BUFFER_BYTES, Checked { input: CrcReader::new(input), wanted })
}

/// Gives what it reads, and at the end an error where that is not what the archive's checksum is of.
struct Checked<R> {
    input: CrcReader<R>,
    wanted: u32,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        if count == 0 && !buffer.is_empty() && self.input.crc().sum() != self.wanted {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its bytes are not those that were packed"));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_archive_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.zip");
        for bytes in [&b"PK\x03\x04"[..], b"PK\x03\x04 and PK\x05\x06", &[b'P'; 70_000]] {
            jay_testkit::write(&path, bytes);
            let error = list(&path).unwrap_err();
            assert!(error.message.contains("is no zip archive that can be read"), "{}", error.message);
        }
    }

    #[test]
    fn a_file_that_is_not_what_was_packed_ends_in_an_error() {
        use std::io::Write as _;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.zip");
        for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
            let mut writer = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
            let options = zip::write::SimpleFileOptions::default().compression_method(method);
            writer.start_file("a.json", options).unwrap();
            writer.write_all(b"it was a bright cold day in April").unwrap();
            let mut bytes = writer.finish().unwrap().into_inner();
            jay_testkit::write(&path, &bytes);
            assert_eq!(list(&path).unwrap(), ["a.json"]);
            let mut text = String::new();
            open(&path, "a.json").unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, "it was a bright cold day in April");
            // Behind the head of 30 bytes and the name.
            bytes[30 + 6 + 8] ^= 1;
            jay_testkit::write(&path, &bytes);
            assert!(open(&path, "a.json").unwrap().read_to_string(&mut String::new()).is_err(), "{method}");
        }
        assert!(open(&path, "b.json").is_err());
    }
}
