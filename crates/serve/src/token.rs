//! The token of this store's HTTP door: `state/token`, readable by its owner only.

use jay_core::Surroundings;
use jay_types::id::to_hex;
use jay_types::{Code, Error, Result};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Where the token of the store in `data_dir` stands.
#[must_use]
pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("state").join("token")
}

/// Reads the token of the store in `data_dir`, or makes one of 32 random bytes.
///
/// # Errors
/// `io` where the file cannot be read or made; `refused` where others than its owner may read it; `damaged` where it
/// is too short to be one.
pub fn load_or_create(data_dir: &Path, surroundings: &dyn Surroundings) -> Result<String> {
    let path = path(data_dir);
    match read(&path) {
        Ok(token) => checked(&path, token.trim()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => create(&path, surroundings),
        Err(error) => Err(Error::io(format!("cannot read {}", path.display()), &error)),
    }
}

/// The file's text; what is not text is no token, and is told as such.
fn read(path: &Path) -> std::io::Result<String> {
    std::fs::read(path).map(|bytes| String::from_utf8(bytes).unwrap_or_default())
}

fn checked(path: &Path, token: &str) -> Result<String> {
    let hint = "Remove the file; `jay serve` makes another one.";
    if token.len() < 32 {
        return Err(Error::new(Code::Damaged, format!("{} does not hold a token", path.display())).hint(hint));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(path)
            .map_err(|error| Error::io(format!("cannot read {}", path.display()), &error))?
            .permissions()
            .mode();
        if mode & 0o077 != 0 {
            return Err(Error::new(Code::Refused, format!("{} can be read by others than its owner", path.display()))
                .hint(hint));
        }
    }
    Ok(token.to_owned())
}

/// Written whole under another name and then linked: two servers that start at once agree on one token, and neither
/// reads half of it.
fn create(path: &Path, surroundings: &dyn Surroundings) -> Result<String> {
    let mut bytes = [0; 32];
    surroundings.fill_random(&mut bytes);
    let token = to_hex(&bytes);
    let folder = path.parent().unwrap_or(path);
    let failed = |what: &str, error: &std::io::Error| Error::io(format!("cannot {what} {}", path.display()), error);
    make_private_folder(folder).map_err(|error| failed("make the folder of", &error))?;
    let unfinished = path.with_extension(format!("{}.new", token.get(..8).unwrap_or_default()));
    let written = write_private(&unfinished, &token).and_then(|()| std::fs::hard_link(&unfinished, path));
    let removed = std::fs::remove_file(&unfinished);
    match written {
        Ok(()) => removed.map(|()| token).map_err(|error| failed("finish", &error)),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let token = read(path).map_err(|error| failed("read", &error))?;
            checked(path, token.trim())
        }
        Err(error) => Err(failed("write", &error)),
    }
}

fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder)
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jay_types::Timestamp;

    struct Bytes(u8);
    impl Surroundings for Bytes {
        fn now(&self) -> Timestamp {
            Timestamp(0)
        }
        fn fill_random(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn is_made_once_and_kept_to_its_owner() {
        let home = tempfile::tempdir().unwrap();
        let first = load_or_create(home.path(), &Bytes(1)).unwrap();
        assert_eq!(first, "01".repeat(32));
        assert_eq!(load_or_create(home.path(), &Bytes(2)).unwrap(), first);
        let left: Vec<_> =
            std::fs::read_dir(home.path().join("state")).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["token"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let path = path(home.path());
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
            assert_eq!(load_or_create(home.path(), &Bytes(1)).unwrap_err().code, Code::Refused);
            let mut file = std::fs::OpenOptions::new().write(true).truncate(true).open(&path).unwrap();
            file.write_all(&[0xff; 64]).unwrap();
            let error = load_or_create(home.path(), &Bytes(1)).unwrap_err();
            assert!(error.code == Code::Damaged && error.hint.is_some(), "{error:?}");
        }
    }
}
