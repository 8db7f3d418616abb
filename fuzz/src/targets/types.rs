//! The readers of `jay-types`: what they accept they write in a form that they read as the same value.

use crate::{Seeds, Target};
use jay_types::namespace::{NamespacePath, PATH_MAX_BYTES, normalise_git_remote};
use jay_types::{EntityId, Hash, Timestamp, id, text};

pub(super) const TIMES: Target = Target {
    name: "times",
    run: times,
    seeds: Seeds::Written(&[
        b"2026-05-01",
        b"2026-05-01T10:00:00.123456Z",
        b"2026-05-01T10:00:00+02:00[Europe/Berlin]",
        b"3d",
        b"90s ago",
        b"-9999-01-01",
    ]),
};

pub(super) const NAMESPACES: Target = Target {
    name: "namespaces",
    run: namespaces,
    seeds: Seeds::Written(&[
        b"work/acme/api",
        b"git@github.com:Acme/API.git",
        b"ssh://git@host:22/a/b/",
        b"C:\\repo\\x",
        b"file:///x/y",
        "größe/日本".as_bytes(),
    ]),
};

pub(super) const IDS: Target = Target {
    name: "ids",
    run: ids,
    seeds: Seeds::Written(&[
        b"0196b2f0-1c9a-7def-8abc-1234567890ab",
        b"0196b2f01c9a7def8abc1234567890ab",
        b"7890ab",
        &[b'f'; 64],
    ]),
};

pub(super) const TEXTS: Target = Target {
    name: "texts",
    run: texts,
    seeds: Seeds::Written(&[
        "Cafe\u{301}\n\tau  lait".as_bytes(),
        "\u{1100}\u{1161}\u{11a8} 각".as_bytes(),
        b"Staging Postgres listens on 5433, not 5432",
    ]),
};

fn times(input: &[u8]) {
    let input = String::from_utf8_lossy(input);
    let now = Timestamp(1_777_629_600_000_000);
    for read in [Timestamp::parse(&input), Timestamp::parse_relative(&input, now)] {
        match read {
            Ok(at) => {
                if let Ok(again) = Timestamp::parse(&at.rfc3339()) {
                    assert_eq!(again, at, "{input:?}");
                }
            }
            Err(error) => assert!(error.message.len() < 1_000, "the message repeats a long input"),
        }
    }
}

fn namespaces(input: &[u8]) {
    let input = String::from_utf8_lossy(input);
    if let Ok(path) = NamespacePath::parse(&input) {
        assert_eq!(path.as_str(), input);
        assert!(path.lineage().all(|ancestor| NamespacePath::parse(ancestor).is_ok()), "{path}");
    }
    let made = NamespacePath::from_words(&input);
    assert!(made.as_str().len() <= PATH_MAX_BYTES && NamespacePath::parse(made.as_str()).is_ok(), "{made}");
    if let Some(remote) = normalise_git_remote(&input) {
        let (host, path) = remote.split_once('/').expect("a remote is host and path");
        assert!(!host.is_empty() && !path.is_empty(), "{remote:?}");
        assert!(!host.contains(['@', ':']), "a user, a password or a port is left in {remote:?}");
    }
}

fn ids(input: &[u8]) {
    let input = String::from_utf8_lossy(input);
    if let Ok(id) = EntityId::parse(&input) {
        assert_eq!(EntityId::parse(&id.to_string()), Ok(id));
    }
    if let Ok(hash) = Hash::parse(&input) {
        assert_eq!(Hash::parse(&hash.to_string()), Ok(hash));
    }
    let whole = "0196b2f0-1c9a-7def-8abc-1234567890ab";
    assert!(id::matches_shortened(whole, whole));
    assert!(!id::matches_shortened(whole, &input) || input.len() >= 6, "{input:?}");
}

fn texts(input: &[u8]) {
    let input = String::from_utf8_lossy(input);
    let normal = text::normalise(&input);
    assert_eq!(text::normalise(&normal), normal, "{input:?}");
    assert!(!normal.contains("  ") && normal.trim() == normal, "{input:?}");
    let short = text::shorten(&input, 10);
    assert!(short.chars().count() <= 10, "{short:?}");
}
