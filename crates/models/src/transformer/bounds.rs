//! How large and how deep a graph is, before the runtime reads it: its parser and its planner recurse, and a stack that
//! overflows ends the process, which nothing catches.
//!
//! Field numbers are those of <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3>.
//!
//! **Invariant:** nothing here recurses; a file that passes has no graph within a graph and no type within a type.

use rten_onnx::protobuf::{DecodeMessage, Fields, OwnedValues, ProtobufError, ReadValue, ValueReader};

/// Nodes of a graph. Encoders of 24 layers have some 1,500, with the most talkative exporters 4,000.
pub(super) const NODES_MAX: usize = 20_000;
/// Nodes up to which the runtime is content with any thread's stack.
const PLAIN_NODES: usize = 1_000;
/// Bytes of stack for each node: the planner recurses along a chain of them, with less than 800 bytes a step.
const STACK_A_NODE_BYTES: usize = 2_048;
/// Bytes of stack besides.
const STACK_BYTES: usize = 4 * 1024 * 1024;

/// Counts the nodes of an ONNX file.
///
/// # Errors
/// What the file is not: readable, flat, small enough.
pub(super) fn nodes(onnx: &[u8]) -> Result<usize, String> {
    let counted =
        Model::decode(ValueReader::from_buf(onnx)).map_err(|_| "it is not an ONNX file, or not a whole one")?.0;
    match counted {
        Counted { is_nested: true, .. } => {
            Err("it holds a graph or a type within another, which no encoder does".into())
        }
        Counted { nodes, .. } if nodes > NODES_MAX => Err(format!("it has {nodes} nodes; {NODES_MAX} are taken")),
        Counted { nodes, .. } => Ok(nodes),
    }
}

/// Runs `work` on a stack that is deep enough for a graph of `nodes` nodes.
pub(super) fn with_stack_for<T: Send>(nodes: usize, work: impl FnOnce() -> T + Send) -> std::thread::Result<T> {
    if nodes <= PLAIN_NODES {
        return std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    }
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(STACK_BYTES + nodes * STACK_A_NODE_BYTES);
        match builder.spawn_scoped(scope, work) {
            Ok(thread) => thread.join(),
            Err(error) => Err(Box::new(error) as Box<dyn std::any::Any + Send>),
        }
    })
}

#[derive(Clone, Copy, Default)]
struct Counted {
    nodes: usize,
    is_nested: bool,
}

impl Counted {
    const fn add(&mut self, other: Self) {
        self.nodes += other.nodes;
        self.is_nested |= other.is_nested;
    }
}

/// A message of which some fields are messages to look into, others break the rule by being there.
macro_rules! looked_into {
    ($name:ident, counts $counts:expr, into {$($field:literal => $inner:ident),*}, nested [$($nested:literal),*]) => {
        struct $name(Counted);

        impl DecodeMessage for $name {
            type Types = OwnedValues;

            fn decode_fields<R: ReadValue<Types = Self::Types>>(mut fields: Fields<R>) -> Result<Self, ProtobufError> {
                let mut counted = Counted { nodes: $counts, is_nested: false };
                while let Some(mut field) = fields.next()? {
                    match field.number() {
                        $($field => counted.add($inner::decode_field(&mut field)?.0),)*
                        $($nested => {
                            counted.is_nested = true;
                            field.skip()?;
                        })*
                        _ => field.skip()?,
                    }
                }
                Ok(Self(counted))
            }
        }
    };
}

looked_into!(Model, counts 0, into { 7 => Graph }, nested [25]);
looked_into!(Graph, counts 0, into { 1 => Node, 11 => Value, 12 => Value, 13 => Value }, nested []);
looked_into!(Node, counts 1, into { 5 => Attribute }, nested []);
// `g` and `graphs`, `tp` and `type_protos`.
looked_into!(Attribute, counts 0, into {}, nested [6, 11, 14, 15]);
looked_into!(Value, counts 0, into { 2 => Type }, nested []);
// `sequence_type`, `map_type`, `optional_type`.
looked_into!(Type, counts 0, into {}, nested [4, 5, 9]);

#[cfg(test)]
mod tests {
    use super::*;

    fn varint(mut value: usize) -> Vec<u8> {
        let mut out = Vec::new();
        while value >= 0x80 {
            out.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
        out
    }

    fn message(field: usize, value: &[u8]) -> Vec<u8> {
        [varint(field << 3 | 2), varint(value.len()), value.to_vec()].concat()
    }

    fn model(graph: &[u8]) -> Vec<u8> {
        message(7, graph)
    }

    #[test]
    fn nodes_are_counted_up_to_their_bound() {
        assert_eq!(nodes(&model(&message(1, &message(3, b"name")).repeat(3))), Ok(3));
        assert_eq!(nodes(&model(&message(1, b"").repeat(NODES_MAX))), Ok(NODES_MAX));
        let said = nodes(&model(&message(1, b"").repeat(NODES_MAX + 1))).unwrap_err();
        assert_eq!(said, "it has 20001 nodes; 20000 are taken");
        assert!(nodes(b"\x3a\xff\xff\xff\xff\x0fx").is_err(), "a length beyond the end");
    }

    #[test]
    fn what_is_nested_is_refused_however_deep_it_is() {
        let mut graph = message(1, b"");
        for _ in 0..10_000 {
            graph = message(1, &message(5, &message(6, &graph)));
        }
        let inner_type = message(11, &message(2, &message(4, b"")));
        for nested in [model(&graph), model(&inner_type), message(25, b"")] {
            assert!(nodes(&nested).unwrap_err().contains("within another"));
        }
    }
}
