//! The state of a session in `store.db`: a protobuf message that names the blobs of the conversation.
//!
//! Its schema is not public. Two fields are known by what they hold: 1, repeated, the SHA-256 of a message's blob; 9 the
//! address of a directory. All else is passed over.
//!
//! **Invariant:** whatever the bytes are, reading ends, and what is found lies in them.

/// Bytes of a blob's id.
const ID_BYTES: usize = 32;
const MESSAGE: u64 = 1;
const WORKSPACE: u64 = 9;

/// What a root names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Root {
    /// The ids of the messages' blobs in hexadecimal digits, in the order of the conversation, each once.
    pub messages: Vec<String>,
    /// The addresses of directories: `file:` addresses, or paths.
    pub workspaces: Vec<String>,
}

impl Root {
    /// Reads a root; of bytes that are none what can be read of them.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        let mut root = Self::default();
        let mut seen = std::collections::BTreeSet::new();
        let mut left = bytes;
        while let Some((number, value)) = field(&mut left) {
            match (number, value) {
                (MESSAGE, Some(id)) if id.len() == ID_BYTES => {
                    let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
                    if seen.insert(id.clone()) {
                        root.messages.push(id);
                    }
                }
                (WORKSPACE, Some(text)) => root.workspaces.extend(String::from_utf8(text.to_vec()).ok()),
                _ => {}
            }
        }
        root
    }
}

/// The next field: its number, and its bytes where it has some. None at the end and where no field can be read.
fn field<'a>(left: &mut &'a [u8]) -> Option<(u64, Option<&'a [u8]>)> {
    let key = varint(left)?;
    let value = match key & 7 {
        0 => varint(left).map(|_| None)?,
        1 => take(left, 8).map(|_| None)?,
        2 => {
            let length = usize::try_from(varint(left)?).ok()?;
            Some(take(left, length)?)
        }
        5 => take(left, 4).map(|_| None)?,
        _ => return None,
    };
    Some((key >> 3, value))
}

fn varint(left: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = left.split_first()?;
        *left = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(left: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, after) = left.split_at_checked(length)?;
    *left = after;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_names_messages_once_and_in_order_whatever_else_it_holds() {
        let id = |byte: u8| [vec![0x0a, 32], vec![byte; 32]].concat();
        let other =
            [&[0x0a, 3][..], b"abc", &[0x10, 0x96, 0x01, 0x1d, 1, 2, 3, 4, 0x21, 1, 2, 3, 4, 5, 6, 7, 8]].concat();
        let place = [&[0x4a, 6][..], b"file:/"].concat();
        let root = Root::read(&[id(2), other, id(1), id(2), place].concat());
        assert_eq!(root.messages, ["02".repeat(32), "01".repeat(32)]);
        assert_eq!(root.workspaces, ["file:/"]);
    }

    #[test]
    fn what_is_torn_or_no_root_gives_what_stands_before() {
        let id = [vec![0x0a, 32], vec![7; 32]].concat();
        for torn in
            [&[0x0a][..], &[0x0a, 33, 1], &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], &[0x0b]]
        {
            assert_eq!(Root::read(&[&id, torn].concat()).messages.len(), 1, "{torn:?}");
        }
        assert_eq!(Root::read(b"{\"role\":1}"), Root::default());
        assert_eq!(Root::read(&[0xff; 100]), Root::default());
    }
}
