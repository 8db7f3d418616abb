//! Where a store must not be (I9): on a network file system, whose locks and mmaps lie, and inside a folder that
//! another program synchronises, which would carry half-written files to another machine.

use jay_types::{Code, Error};
use std::path::Path;

/// Names of folders that synchronising programs keep, and marker files that they leave.
const SYNC_FOLDERS: [&str; 8] =
    ["Dropbox", "OneDrive", "Google Drive", "GoogleDrive", "iCloud Drive", "Mobile Documents", "Nextcloud", "ownCloud"];
const SYNC_MARKERS: [&str; 4] = [".stfolder", ".dropbox", ".sync_id", ".owncloudsync.log"];
/// File systems whose locks do not hold between machines.
const NETWORK_FILE_SYSTEMS: [&str; 10] =
    ["nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "fuse.rclone", "afs", "ceph"];

/// Refuses a directory that is not safe for a store.
///
/// # Errors
/// `refused`, with the reason and how to force it.
pub(crate) fn check(directory: &Path) -> Result<(), Error> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let reason = network_mount(directory, &mounts)
        .map(|kind| format!("it is on a network file system ({kind})"))
        .or_else(|| sync_folder(directory).map(|name| format!("it is inside a synchronised folder ({name})")));
    match reason {
        None => Ok(()),
        Some(reason) => Err(Error::new(
            Code::Refused,
            format!("the data directory {} cannot hold a store: {reason}", directory.display()),
        )
        .hint("Set JAY_HOME to a local directory, or JAY_FORCE_LOCATION=1 if you know that locks work there.")),
    }
}

fn network_mount(directory: &Path, mounts: &str) -> Option<String> {
    mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(1);
            let mount = fields.next()?.replace("\\040", " ");
            let kind = fields.next()?;
            directory.starts_with(&mount).then(|| (mount.len(), kind.to_owned()))
        })
        .max_by_key(|(length, _)| *length)
        .map(|(_, kind)| kind)
        .filter(|kind| NETWORK_FILE_SYSTEMS.contains(&kind.as_str()))
}

fn sync_folder(directory: &Path) -> Option<String> {
    directory.ancestors().find_map(|ancestor| {
        let name = ancestor.file_name()?.to_string_lossy().into_owned();
        let named = SYNC_FOLDERS.iter().any(|folder| name == *folder || name.starts_with(&format!("{folder} -")));
        let marked = SYNC_MARKERS.iter().any(|marker| ancestor.join(marker).exists());
        (named || marked).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_mount_decides() {
        let mounts = "/dev/sda / ext4 rw 0 0\nhost:/x /home nfs4 rw 0 0\ntmpfs /home/a/b tmpfs rw 0 0\nserver /mnt/my\\040share cifs rw 0 0\n";
        let kind = |path: &str| network_mount(Path::new(path), mounts);
        assert_eq!(kind("/var/lib"), None);
        assert_eq!(kind("/home/a"), Some("nfs4".to_owned()));
        assert_eq!(kind("/home/a/b/c"), None);
        assert_eq!(kind("/mnt/my share/x"), Some("cifs".to_owned()));
    }

    #[test]
    fn synchronised_folders_are_known_by_name_and_by_marker() {
        let dir = tempfile::tempdir().expect("a directory");
        let inside = dir.path().join("shared/data");
        std::fs::create_dir_all(&inside).expect("made");
        assert_eq!(sync_folder(&inside), None);
        std::fs::create_dir(dir.path().join("shared/.stfolder")).expect("made");
        assert_eq!(sync_folder(&inside), Some("shared".to_owned()));
        assert_eq!(sync_folder(Path::new("/home/a/Dropbox/x")), Some("Dropbox".to_owned()));
        assert_eq!(sync_folder(Path::new("/home/a/OneDrive - Acme/x")), Some("OneDrive - Acme".to_owned()));
        assert!(check(&inside).is_err());
    }
}
