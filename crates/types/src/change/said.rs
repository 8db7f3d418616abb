//! What is said in a block, read without its rows.
//!
//! A search reads a few messages of each of many blocks. The rows of a block are more than half of its bytes and stand last in its
//! JSON, so that decompression ends before them and of the messages only those are parsed that are asked for.
//!
//! **Invariant:** what is read is what [`Block::from_json`](super::block::Block::from_json) reads, whatever the order of the fields.

use super::block::SecretSpan;
use super::body::{BODY_MAX_DECODED_BYTES, BodyFault, ENCODING_ZSTD, decode};
use crate::session::Message;
use serde::Deserialize;
use serde_json::value::RawValue;
use zstd::stream::raw::{Decoder, InBuffer, Operation as _, OutBuffer};

/// Bytes that are decompressed before the rows are looked for again.
const STEP_BYTES: usize = 32 * 1024;
/// How the rows begin behind the messages. Within a string its quotes would be escaped.
const ROWS: &[u8] = b"],\"rows\":[";
/// What closes a block instead of its rows.
const CLOSED: &[u8] = b"}}";

/// The messages of a block, each parsed when it is asked for, and where secrets stand in them.
#[derive(Debug, Deserialize)]
pub struct Said<'json> {
    /// Where secrets stand.
    #[serde(default)]
    pub secrets: Vec<SecretSpan>,
    #[serde(borrow)]
    messages: Vec<&'json RawValue>,
}

#[derive(Deserialize)]
struct Wrapper<'json> {
    #[serde(borrow)]
    block: Said<'json>,
}

impl Said<'_> {
    /// The message at a place; none where there are fewer.
    ///
    /// # Errors
    /// The reason why it is no message.
    pub fn message(&self, place: usize) -> Result<Option<Message>, String> {
        let Some(raw) = self.messages.get(place) else { return Ok(None) };
        serde_json::from_str(raw.get()).map(Some).map_err(|error| error.to_string())
    }
}

/// Reads what is said in blocks, one after another: the memory that one took serves the next.
#[derive(Default)]
pub struct Reader {
    decoder: Option<Decoder<'static>>,
    /// Room for JSON, of which each block fills as much as it needs.
    json: Vec<u8>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reader({} bytes)", self.json.len())
    }
}

impl Reader {
    /// Hands what is said in the stored body of a block to `visit`, with the bytes of JSON that were read for it.
    ///
    /// # Errors
    /// The reason why it is no block that this version can read.
    pub fn read<T>(
        &mut self,
        encoding: u8,
        bytes: &[u8],
        visit: impl FnOnce(&Said<'_>, usize) -> T,
    ) -> Result<T, BodyFault> {
        if encoding == ENCODING_ZSTD
            && let Some(json) = self.before_rows(bytes).and_then(|read| self.json.get(..read))
            // The same words can stand within what a tool was asked: what is cut off there is no JSON.
            && let Ok(wrapper) = serde_json::from_slice::<Wrapper<'_>>(json)
        {
            return Ok(visit(&wrapper.block, json.len()));
        }
        let json = decode(encoding, bytes)?;
        let wrapper: Wrapper<'_> =
            serde_json::from_slice(&json).map_err(|error| BodyFault::Malformed(error.to_string()))?;
        Ok(visit(&wrapper.block, json.len()))
    }

    /// The JSON of a block up to its rows, closed, at the beginning of `json`: how long it is; none where no rows were seen.
    fn before_rows(&mut self, bytes: &[u8]) -> Option<usize> {
        let decoder = match &mut self.decoder {
            Some(decoder) => decoder,
            none => none.insert(Decoder::new().ok()?),
        };
        decoder.reinit().ok()?;
        let mut input = InBuffer::around(bytes);
        let (mut read, mut searched) = (0, 0);
        while read < BODY_MAX_DECODED_BYTES {
            // The decoder fills what it is given: the rows behind would cost as much again.
            let end = read + STEP_BYTES;
            if self.json.len() < end {
                self.json.resize(end, 0);
            }
            let mut output = OutBuffer::around_pos(self.json.get_mut(..end)?, read);
            decoder.run(&mut input, &mut output).ok()?;
            let now = output.pos();
            if now == read {
                return None;
            }
            if let Some(at) = memchr::memmem::find(self.json.get(searched..now)?, ROWS) {
                let end = searched + at + 1;
                self.json.get_mut(end..end + CLOSED.len())?.copy_from_slice(CLOSED);
                return Some(end + CLOSED.len());
            }
            read = now;
            searched = now.saturating_sub(ROWS.len() - 1);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::block::{Block, BlockSource, Row};
    use super::super::body::{ENCODING_JSON, StoredBody};
    use super::*;
    use crate::session::{Part, SessionMeta};
    use serde_json::json;

    fn block(messages: usize, input: serde_json::Value) -> Block {
        let source = BlockSource {
            client: "generic".into(),
            path: "/a".into(),
            revision: 0,
            host: "h".into(),
            user: "u".into(),
            session: None,
        };
        let call = Part::ToolCall { id: "c".into(), name: "t".into(), input };
        let message = |n: usize| Message {
            id: format!("m{n}"),
            parts: vec![call.clone()],
            role: None,
            author: None,
            at: None,
            model: None,
            row: 0,
        };
        let rows = (0..messages as u64).map(|n| Row::new(n, b"],\"rows\":[ a row that says so\n")).collect();
        let span = SecretSpan { message: 0, part: 0, start: 1, end: 2, rule: "r".into() };
        Block {
            source,
            session: SessionMeta::default(),
            adapter: 1,
            reads: None,
            secrets: vec![span],
            messages: (0..messages).map(message).collect(),
            rows,
        }
    }

    fn of(json: &[u8]) -> (Vec<Message>, Vec<SecretSpan>, usize) {
        let body = StoredBody::of_json(json.to_vec(), [0; 16]);
        Reader::default()
            .read(body.encoding, &body.bytes, |said, read| {
                let messages = (0..).map_while(|place| said.message(place).unwrap()).collect();
                (messages, said.secrets.clone(), read)
            })
            .unwrap()
    }

    #[test]
    fn what_is_read_is_what_a_block_says() {
        // None, few, more than is decompressed at first, and what looks like the rows.
        let nested = json!({"a": {"x": [1], "rows": [{"n": 0}]}, "text": "],\"rows\":["});
        for (messages, input) in [(0, json!({})), (1, json!({})), (9_000, json!({"x": "y"})), (40, nested)] {
            let block = block(messages, input);
            let json = block.to_json();
            let (said, secrets, read) = of(&json);
            assert_eq!((said, secrets), (block.messages.clone(), block.secrets.clone()));
            if messages > 100 {
                assert!(read < json.len() / 4 * 3, "{read} of {}", json.len());
            }
        }
    }

    #[test]
    fn any_order_of_fields_is_read() {
        let block = block(200, json!({}));
        let value: serde_json::Value = serde_json::from_slice(&block.to_json()).unwrap();
        let inner = &value["block"];
        let turned = format!(
            "{{\"block\":{{\"rows\":{},\"messages\":{},\"secrets\":{}}}}}",
            inner["rows"], inner["messages"], inner["secrets"]
        );
        assert_eq!(of(turned.as_bytes()).0, block.messages);
    }

    #[test]
    fn one_message_is_parsed_alone_and_what_is_none_is_told() {
        let json = b"{\"block\":{\"messages\":[{\"id\":\"a\",\"row\":0},7],\"rows\":[]}}";
        let (first, second, third) = Reader::default()
            .read(ENCODING_JSON, json, |said, _| (said.message(0), said.message(1), said.message(2)))
            .unwrap();
        assert_eq!(first.unwrap().unwrap().id, "a");
        assert!(second.is_err());
        assert_eq!(third.unwrap(), None);
        assert!(Reader::default().read(ENCODING_ZSTD, b"no frame", |_, _| ()).is_err());
        assert!(Reader::default().read(9, b"{}", |_, _| ()).is_err());
    }
}
