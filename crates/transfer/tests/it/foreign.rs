//! Files that carry what an author of the tests says, and what it would ask with.

use jay_testkit::{Author, Random};
use jay_transfer::format::clear::{Clear, FileKind, Range};
use jay_transfer::format::seal::{self, FileKey};
use jay_transfer::format::segment;
use jay_transfer::vault::keys::VaultKeys;
use jay_transfer::vault::request::Request;
use jay_types::NodeId;
use jay_types::change::frame::FrameEntry;
use jay_types::id::to_hex;

/// What an author would ask to be let in with.
pub(crate) fn request_of(author: &Author) -> Request {
    Request {
        node: author.node_id(),
        public_key: to_hex(&author.key.public_key()),
        recipient: String::new(),
        name: "a newer program".to_owned(),
        at: author.at,
        invite: None,
        proof: None,
        past: Vec::new(),
    }
}

/// A sealed segment below a node's name, with the ranges that its content has: its path and bytes.
pub(crate) fn segment_file(
    keys: &VaultKeys,
    key: &FileKey,
    node: NodeId,
    entries: &[FrameEntry],
    random: &mut Random,
) -> (String, Vec<u8>) {
    let ranges = segment::ranges_of(entries).unwrap();
    sealed_file(keys, key, (FileKind::Segment, node), ranges, &segment::encode(entries).unwrap(), random)
}

/// Any content sealed below a node's name.
pub(crate) fn sealed_file(
    keys: &VaultKeys,
    key: &FileKey,
    (kind, node): (FileKind, NodeId),
    ranges: Vec<Range>,
    content: &[u8],
    random: &mut Random,
) -> (String, Vec<u8>) {
    let clear = Clear { kind, vault: keys.vault, key: key.id, node, ranges, nonce: random.bytes() };
    let file = seal::seal(&clear, key, content);
    (format!("nodes/{node}/{}", clear.name(&seal::hash_of(&file))), file)
}
