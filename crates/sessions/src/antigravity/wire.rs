//! Messages of Protocol Buffers, whose schema is not published: their fields by number.
//!
//! A library would decode by a schema, and there is none to give it; of the encoding itself so little is left that it stands
//! here.
//!
//! **Invariant:** nothing is copied and nothing is made of a message that is not whole, however long its bytes are.

/// A message of which every field was looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Message<'a>(&'a [u8]);

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Message<'a> {
    /// None where the bytes are no message.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes;
        while !rest.is_empty() {
            field(&mut rest)?;
        }
        Some(Self(bytes))
    }

    fn fields(self) -> impl Iterator<Item = (u64, Value<'a>)> {
        let mut rest = self.0;
        std::iter::from_fn(move || field(&mut rest))
    }

    /// The numbers of its fields, in their order.
    pub(super) fn numbers(self) -> impl Iterator<Item = u64> {
        self.fields().map(|(number, _)| number)
    }

    /// A number; of several the last, as the encoding says.
    pub(super) fn number(self, wanted: u64) -> Option<u64> {
        let number = |(number, value)| match value {
            Value::Number(found) if number == wanted => Some(found),
            _ => None,
        };
        self.fields().filter_map(number).last()
    }

    /// What a field that may stand several times holds.
    pub(super) fn each(self, wanted: u64) -> impl Iterator<Item = &'a [u8]> {
        self.fields().filter_map(move |(number, value)| match value {
            Value::Bytes(found) if number == wanted => Some(found),
            _ => None,
        })
    }

    /// The messages of such a field.
    pub(super) fn messages(self, wanted: u64) -> impl Iterator<Item = Message<'a>> {
        self.each(wanted).filter_map(Message::parse)
    }

    pub(super) fn message(self, wanted: u64) -> Option<Self> {
        self.messages(wanted).last()
    }

    /// A text that is more than white space.
    pub(super) fn word(self, wanted: u64) -> Option<&'a str> {
        self.each(wanted)
            .filter_map(|bytes| std::str::from_utf8(bytes).ok())
            .last()
            .filter(|text| !text.trim().is_empty())
    }
}

/// Numbers that stand one behind the other in one field.
pub(super) fn packed(bytes: &[u8]) -> impl Iterator<Item = u64> {
    let mut rest = bytes;
    std::iter::from_fn(move || varint(&mut rest))
}

/// The next field; none at the end, and where the bytes are none.
fn field<'a>(rest: &mut &'a [u8]) -> Option<(u64, Value<'a>)> {
    let tag = varint(rest)?;
    let value = match tag & 7 {
        0 => Value::Number(varint(rest)?),
        1 => Value::Number(u64::from_le_bytes(take(rest, 8)?.try_into().ok()?)),
        2 => {
            let length = usize::try_from(varint(rest)?).ok()?;
            Value::Bytes(take(rest, length)?)
        }
        5 => Value::Number(u32::from_le_bytes(take(rest, 4)?.try_into().ok()?).into()),
        _ => return None,
    };
    (tag >> 3 > 0).then_some((tag >> 3, value))
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

/// Seven bits in each byte, the lowest first.
fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, left) = rest.split_first()?;
        *rest = left;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return None;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_number() {
        let bytes = b"\x08\x96\x01\x12\x02hi\x12\x05there\x1a\x02\x08\x07\x21\x01\x00\x00\x00\x00\x00\x00\x00\x2d\x02\x00\x00\x00";
        let message = Message::parse(bytes).unwrap();
        assert_eq!(message.numbers().collect::<Vec<_>>(), [1, 2, 2, 3, 4, 5]);
        assert_eq!((message.number(1), message.number(4), message.number(5)), (Some(150), Some(1), Some(2)));
        assert_eq!((message.word(2), message.each(2).count()), (Some("there"), 2));
        assert_eq!(message.message(3).and_then(|inner| inner.number(1)), Some(7));
        assert!(message.number(9).is_none() && message.word(1).is_none() && message.number(2).is_none());
    }

    #[test]
    fn what_is_no_message_is_none() {
        let long = [&[0x08][..], &[0xff; 10]].concat();
        let wide = [&[0x08][..], &[0xff; 9], &[0x02]].concat();
        let bytes: [&[u8]; 8] = [
            b"\x08",
            b"\x12\x05hi",
            b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x0b",
            b"\x00\x01",
            b"\x21\x01",
            &long,
            &wide,
        ];
        for damaged in bytes {
            assert!(Message::parse(damaged).is_none(), "{damaged:?}");
        }
        assert!(Message::parse(b"").is_some());
    }
}
