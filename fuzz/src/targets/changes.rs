//! The readers of changes: what came over a wire is refused or read, and what is read is written as it was.

use crate::{Seeds, Target};
use jay_types::change::block::Block;
use jay_types::change::body::{ENCODING_JSON, ENCODING_ZSTD, ElementDot};
use jay_types::change::frame::{self, FrameEntry};
use jay_types::change::{Body, EntityKind, Header, StoredBody};
use std::sync::LazyLock;

pub(super) const FRAMES: Target = Target {
    name: "frames",
    run: frames,
    seeds: Seeds::Written(&[
        b"JAYFRAME\x01\0\0\0\0",
        b"JAYFRAME\x01\0\0\0\x01\0\x03abc\x03AAAAAAAAAAAAAAAA\0\0\0\x02{}SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS",
        b"JAYFRAME\x01\0\0\0\x02\0\0\0\0\x01x\x01AAAAAAAAAAAAAAAA\0\0\0\0",
    ]),
};

pub(super) const HEADERS: Target =
    Target { name: "headers", run: headers, seeds: Seeds::Written(&[&[1; 195], &[2; 60], &[1; 42]]) };

pub(super) const BODIES: Target = Target {
    name: "bodies",
    run: bodies,
    seeds: Seeds::Written(&[
        br#"{"text":{"text":"a","title":"b"},"tags":{"add":["x"],"remove":["09090909090909090909090909090909:2"]},"replaces":{"text":["09090909090909090909090909090909"]}}"#,
        br#"{"undoes":"0196b2f0-1c9a-7def-8abc-1234567890ab","mood":[null,1e9,-1]}"#,
        b"{\"replaces\":{\"text\":[]}}",
    ]),
};

pub(super) const BLOCKS: Target = Target {
    name: "blocks",
    run: blocks,
    seeds: Seeds::Written(&[
        br#"{"block":{"source":{"client":"generic","path":"/a","revision":0},"session":{"client":"generic","id":"s"},"adapter":1,"rows":[{"n":0,"t":"x\n"},{"n":1,"x":"ff00"}],"messages":[{"id":"m","role":"user","at":"2026-05-01T10:00:00Z","parts":[{"type":"text","text":"x"}],"row":0}],"secrets":[{"message":0,"part":0,"start":0,"end":1,"rule":"r"}]}}"#,
    ]),
};

fn frames(input: &[u8]) {
    // The checksum is put behind the input, so that a search comes past it.
    let sealed = [input, &jay_types::Hash::of(input).0].concat();
    for bytes in [input, &sealed] {
        if let Ok(entries) = frame::decode(bytes) {
            let again = frame::encode(&entries).expect("what fitted into a frame fits into one");
            assert_eq!(again, bytes, "a frame has one form");
            entries.iter().for_each(entry);
        }
    }
}

fn entry(entry: &FrameEntry) {
    if let Ok(header) = Header::decode(&entry.header) {
        let _ = entry.stored_body(&header).map(|body| body.read());
    }
}

fn headers(input: &[u8]) {
    let peeked = Header::peek(input);
    if let Ok(header) = Header::decode(input) {
        assert_eq!(header.encode(), input, "a header has one form");
        assert_eq!(peeked, Some((1, header.stream(), header.seq)));
    }
}

/// A little JSON in zstd, so that inputs can be parts of it.
static PACKED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let body = Body::default().with(jay_types::change::registry::TEXT, "words ".repeat(1_000));
    body.store([0; 16]).bytes
});

fn bodies(input: &[u8]) {
    let stored = |encoding, bytes: Vec<u8>| StoredBody { encoding, salt: [0; 16], bytes };
    if let Ok(body) = stored(ENCODING_JSON, input.to_vec()).read() {
        for kind in EntityKind::ALL {
            let _ = body.unknown_fields(kind);
        }
        let again = Body::from_json(&body.to_json()).expect("what is written can be read");
        let without_empty = body.replaces.into_iter().filter(|(_, dots)| !dots.is_empty()).collect();
        assert_eq!(again, Body { replaces: without_empty, ..body });
    }
    let _ = stored(ENCODING_ZSTD, input.to_vec()).read();
    let _ = stored(ENCODING_ZSTD, [PACKED.as_slice(), input].concat()).read();
    if let Some(element) = std::str::from_utf8(input).ok().and_then(ElementDot::parse) {
        assert_eq!(ElementDot::parse(&element.to_string()), Some(element));
    }
}

fn blocks(input: &[u8]) {
    if let Ok(block) = Block::from_json(input) {
        for row in &block.rows {
            let _ = row.bytes();
        }
        assert_eq!(Block::from_json(&block.to_json()), Ok(block));
    }
}
