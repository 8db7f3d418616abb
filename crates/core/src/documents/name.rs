//! How files and pieces are named: the path by which a file is known, and the key of a piece.
//!
//! **Invariant:** both are functions of the file's place in its repository (or folder) and of its headings, so that two machines
//! give them alike.

use super::cut::Piece;
use std::path::{Component, Path, PathBuf};

/// Bytes that a key may have; what would be longer ends in a hash.
const KEY_MAX_BYTES: usize = 220;
/// Bytes of a title.
const TITLE_MAX_BYTES: usize = 512;
/// Between the headings of a title.
const BETWEEN: &str = " › ";

/// The folder that the paths of what is at or below `target` begin at: the top of its repository; outside of one the folder that
/// holds the folder that is added, so that two folders of one namespace do not both have a `README.md`.
pub(super) fn base_of(target: &Path, is_folder: bool) -> PathBuf {
    if let Some(top) = target.ancestors().find(|folder| folder.join(".git").exists()) {
        return top.to_owned();
    }
    let folder = if is_folder { target } else { target.parent().unwrap_or(target) };
    folder.parent().unwrap_or(folder).to_owned()
}

/// True where paths begin at the top of a repository: its clones and worktrees hold the same files.
pub(super) fn is_repository(base: &Path) -> bool {
    base.join(".git").exists()
}

/// A file's path from `base`, with `/` between its parts; none where it is not below it or its name is no UTF-8.
pub(super) fn path_from(base: &Path, file: &Path) -> Option<String> {
    let parts = file.strip_prefix(base).ok()?.components().map(|part| match part {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    Some(parts.collect::<Option<Vec<_>>>()?.join("/")).filter(|path| !path.is_empty())
}

/// `path` as a whole one, without `.` and `..`; links are not followed, so that what is gone can be named too.
pub(crate) fn whole(path: &Path) -> std::io::Result<PathBuf> {
    let mut out = PathBuf::new();
    for part in std::path::absolute(path)?.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    Ok(out)
}

/// What the keys of pieces under the same headings of a file have in common.
pub(super) fn group(path: &str, piece: &Piece) -> String {
    // `~` and a number tell the pieces of a group apart.
    let headings: Vec<String> = piece.headings.iter().map(|heading| heading.replace('~', "-")).collect();
    let whole = format!("{path}#{}", headings.join("/"));
    if whole.len() <= KEY_MAX_BYTES {
        return whole;
    }
    let hash = blake3::hash(whole.as_bytes()).to_hex();
    let end = (0..=KEY_MAX_BYTES - 33).rev().find(|at| whole.is_char_boundary(*at)).unwrap_or(0);
    format!("{}#{}", whole.get(..end).unwrap_or_default().replace('~', "-"), hash.get(..32).unwrap_or_default())
}

/// The key of the piece with a number in its group; the first has none.
pub(super) fn key(group: &str, number: u64) -> String {
    if number == 1 { group.to_owned() } else { format!("{group}~{number}") }
}

/// Group and number of a key.
pub(super) fn parts(key: &str) -> (&str, u64) {
    let numbered = key.rsplit_once('~').and_then(|(group, number)| Some((group, number.parse().ok()?)));
    numbered.unwrap_or((key, 1))
}

/// What a piece is about: the document's title and the headings above it; the file's name where there are neither.
pub(super) fn title(path: &str, document: Option<&str>, headings: &[String]) -> String {
    let document = document.filter(|title| headings.first().is_none_or(|first| first != title));
    let parts: Vec<&str> = document.into_iter().chain(headings.iter().map(String::as_str)).collect();
    if parts.is_empty() {
        return cut_front(path.rsplit('/').next().unwrap_or(path));
    }
    cut_front(&parts.join(BETWEEN))
}

/// The end of a title that is too long: what stands nearest says most.
fn cut_front(title: &str) -> String {
    if title.len() <= TITLE_MAX_BYTES {
        return title.to_owned();
    }
    let room = TITLE_MAX_BYTES - '…'.len_utf8();
    let start = (title.len() - room..=title.len()).find(|at| title.is_char_boundary(*at)).unwrap_or(title.len());
    format!("…{}", title.get(start..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(headings: &[&str]) -> Piece {
        let headings = headings.iter().map(|heading| (*heading).to_owned()).collect();
        Piece { headings, text: String::new(), line: 1, line_end: 1 }
    }

    #[test]
    fn keys_come_apart_again() {
        for (path, headings) in [("a.md", &["One", "Two"][..]), ("a~2.md", &[]), ("a.md", &["x~3"]), ("a.md", &["C#"])]
        {
            let group = group(path, &piece(headings));
            for number in [1, 2, 17] {
                assert_eq!(parts(&key(&group, number)), (group.as_str(), number), "{group}");
            }
        }
        let long = "é~".repeat(300);
        let group = group(&long, &piece(&["x"]));
        assert!(key(&group, u64::MAX).len() <= 256, "{}", group.len());
        assert_eq!(parts(&key(&group, 2)), (group.as_str(), 2));
        assert_ne!(group, super::group(&long, &piece(&["y"])));
    }

    #[test]
    fn titles_keep_what_stands_nearest() {
        let headings = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(title("docs/a.md", None, &[]), "a.md");
        assert_eq!(title("docs/a.md", Some("T"), &[]), "T");
        assert_eq!(title("docs/a.md", Some("T"), &headings(&["T", "One"])), "T › One");
        assert_eq!(title("docs/a.md", Some("U"), &headings(&["T", "One"])), "U › T › One");
        let long = title("a.md", None, &headings(&[&"é".repeat(400), "Last"]));
        assert!(long.len() <= 512 && long.starts_with('…') && long.ends_with("› Last"), "{long}");
    }

    #[test]
    fn paths_are_whole_and_begin_at_their_base() {
        assert_eq!(whole(Path::new("/a/./b/../c")).unwrap(), Path::new("/a/c"));
        assert_eq!(path_from(Path::new("/a"), Path::new("/a/b/c.md")).as_deref(), Some("b/c.md"));
        assert_eq!(path_from(Path::new("/a"), Path::new("/b/c.md")), None);
        assert_eq!(path_from(Path::new("/a"), Path::new("/a")), None);
        assert_eq!(base_of(Path::new("/nowhere/notes"), true), Path::new("/nowhere"));
        assert_eq!(base_of(Path::new("/nowhere/notes/a.md"), false), Path::new("/nowhere"));
        assert_eq!(base_of(Path::new("/"), true), Path::new("/"));
    }
}
