//! The ONNX graph: what it wants, what it gives, and running it for one text.
//!
//! Only the operators that BERT-type graphs are made of are linked; int8 graphs need those of dynamic quantisation.
//!
//! **Invariant:** whatever the file holds, loading and running it end in a value or an error: the runtime's panics are
//! caught here, and what would overflow its stack is refused (`bounds`). One thing is beyond it: a graph that asks for more
//! memory than the machine gives ends the process, as Rust has it; so a model is to come from somebody who is trusted.

use super::bounds;
use super::settings::{Pooling, Settings};
use jay_types::Error;
use rten::{Model, ModelOptions, NodeId, OpRegistry, RunOptions, ThreadPool, Value, op_registry};
use rten_tensor::prelude::*;
use std::sync::Arc;

/// The greatest length of a vector.
const DIMENSION_MAX: usize = 4096;

/// The output of models that judge a pair of texts.
const LOGITS: &str = "logits";

/// What the graph can be asked for, by a part of the input's name.
#[derive(Clone, Copy, Debug)]
enum Input {
    Ids,
    Mask,
    Types,
}

/// A loaded graph.
pub(super) struct Graph {
    model: Model,
    inputs: Vec<(NodeId, Input)>,
    output: NodeId,
    /// True where the output is a judgement and not a vector.
    judges: bool,
    pooling: Option<Pooling>,
    /// Nodes, by which the stack is measured.
    nodes: usize,
}

fn refused(what: impl std::fmt::Display) -> Error {
    Error::bad_input(format!("model.onnx: {what}"))
        .hint("A BERT-type encoder is needed: inputs input_ids, attention_mask and perhaps token_type_ids.")
}

/// What BERT-type encoders are made of, as the usual exporters write them.
#[rustfmt::skip]
fn operators() -> OpRegistry {
    op_registry!(
        Abs, Add, And, Cast, CastLike, Clip, Concat, ConstantOfShape, CumSum, DequantizeLinear, Div,
        DynamicQuantizeLinear, Einsum, Equal, Erf, Exp, Expand, Flatten, Gather, GatherElements, GatherND, Gelu, Gemm,
        Greater, GreaterOrEqual, Identity, IsInf, IsNaN, LayerNormalization, Less, LessOrEqual, Log, LpNormalization,
        MatMul, MatMulInteger, Max, Min, Mod, Mul, Neg, NonZero, Not, Or, Pow, QuantizeLinear, Range, Reciprocal,
        ReduceL2, ReduceMax, ReduceMean, ReduceMin, ReduceSum, Relu, Reshape, ScatterND, Shape, Sigmoid, Sign, Slice,
        Softmax, Split, Sqrt, Squeeze, Sub, Sum, Tanh, Tile, Transpose, Trilu, Unsqueeze, Where
    )
}

/// Runs what may panic on a file that nobody checked.
fn caught<T: Send>(nodes: usize, what: &str, work: impl FnOnce() -> Result<T, String> + Send) -> Result<T, Error> {
    match bounds::with_stack_for(nodes, work) {
        Ok(result) => result.map_err(|error| refused(format!("{what}: {error}"))),
        Err(_) => Err(refused(format!("{what}: the runtime gave up"))),
    }
}

impl Graph {
    /// Reads the file.
    pub(super) fn load(onnx: Vec<u8>, settings: &Settings) -> Result<Self, Error> {
        let nodes = caught(0, "cannot be read", || bounds::nodes(&onnx))?;
        let model = caught(nodes, "cannot be read", || {
            let mut options = ModelOptions::with_ops(operators());
            options.prepack_weights(true);
            options.load(onnx).map_err(|error| error.to_string())
        })?;
        let mut inputs = Vec::new();
        for id in model.input_ids() {
            let info = model.node_info(*id);
            let name = info.as_ref().and_then(|info| info.name()).unwrap_or_default();
            let input = match name {
                _ if name.contains("input_ids") => Input::Ids,
                _ if name.contains("mask") => Input::Mask,
                _ if name.contains("token_type") || name.contains("segment") => Input::Types,
                _ => return Err(refused(format!("nothing is known to give to its input `{name}`"))),
            };
            inputs.push((*id, input));
        }
        if !inputs.iter().any(|(_, input)| matches!(input, Input::Ids)) {
            return Err(refused("it has no input input_ids"));
        }
        let (output, name) = output(&model, settings.output.as_deref())?;
        Ok(Self { model, inputs, output, judges: name == LOGITS, pooling: settings.pooling, nodes })
    }

    /// True where it judges pairs of texts and makes no vectors.
    pub(super) const fn judges(&self) -> bool {
        self.judges
    }

    /// The vector of one text's tokens, not scaled.
    pub(super) fn run(&self, ids: &[u32], pool: &Arc<ThreadPool>) -> Result<Vec<f32>, Error> {
        let (shape, values) = self.outputs(ids, ids.len(), pool)?;
        self.pool(&shape, &values, ids.len())
    }

    /// The judgement of a pair whose second text begins at `second`.
    pub(super) fn judge(&self, ids: &[u32], second: usize, pool: &Arc<ThreadPool>) -> Result<f32, Error> {
        let (shape, values) = self.outputs(ids, second, pool)?;
        match (shape.as_slice(), values.as_slice()) {
            ([1] | [1, 1], [value]) if value.is_finite() => Ok(*value),
            ([1] | [1, 1], [_]) => Err(refused("its output is not finite")),
            _ => Err(Error::bad_input(format!(
                "model.onnx: its output `{LOGITS}` has the shape {shape:?} for one pair; one value is needed"
            ))
            .hint("A cross-encoder for ranking has one label; one with several sorts into classes.")),
        }
    }

    fn outputs(&self, ids: &[u32], second: usize, pool: &Arc<ThreadPool>) -> Result<(Vec<usize>, Vec<f32>), Error> {
        caught(self.nodes, "cannot be run", || {
            let mut inputs = Vec::with_capacity(self.inputs.len());
            for (id, input) in &self.inputs {
                let values: Vec<i32> = match input {
                    Input::Ids => ids.iter().map(|id| id.cast_signed()).collect(),
                    Input::Mask => vec![1; ids.len()],
                    Input::Types => (0..ids.len()).map(|place| i32::from(place >= second)).collect(),
                };
                let value = Value::from_shape([1, ids.len()], values).map_err(|error| error.to_string())?;
                inputs.push((*id, value.into()));
            }
            let mut options = RunOptions::default();
            options.thread_pool = Some(Arc::clone(pool));
            let outputs = self.model.run(inputs, &[self.output], Some(options)).map_err(|error| error.to_string())?;
            let Some(Value::FloatTensor(tensor)) = outputs.into_iter().next() else {
                return Err("its output holds no floating-point numbers".to_owned());
            };
            Ok((tensor.shape().to_vec(), tensor.to_vec()))
        })
    }

    fn pool(&self, shape: &[usize], values: &[f32], tokens: usize) -> Result<Vec<f32>, Error> {
        let vector = match (shape, self.pooling) {
            ([1, dimension], None | Some(Pooling::None)) => values.get(..*dimension).map(<[f32]>::to_vec),
            ([1, given, dimension], None | Some(Pooling::Mean)) if *given == tokens && *dimension > 0 => {
                let mut mean = vec![0.0_f32; *dimension];
                for row in values.chunks_exact(*dimension) {
                    mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += value / tokens as f32);
                }
                Some(mean)
            }
            ([1, given, dimension], Some(Pooling::Cls)) if *given >= 1 => values.get(..*dimension).map(<[f32]>::to_vec),
            _ => None,
        };
        let vector = vector.filter(|vector| (1..=DIMENSION_MAX).contains(&vector.len()));
        let vector = vector.ok_or_else(|| {
            let pooling = self.pooling.map_or("none set", Pooling::name);
            refused(format!("an output of shape {shape:?} for {tokens} tokens does not fit the pooling ({pooling})"))
        })?;
        if vector.iter().any(|value| !value.is_finite()) {
            return Err(refused("its output is not finite"));
        }
        if !crate::vector::has_length(&vector) {
            return Err(refused("its output is too small or too large for its length to be told"));
        }
        Ok(vector)
    }
}

/// The output that was asked for, with its name; else the one for whole texts, else that for tokens, else that for pairs.
fn output(model: &Model, wanted: Option<&str>) -> Result<(NodeId, String), Error> {
    let named: Vec<(NodeId, String)> = model
        .output_ids()
        .iter()
        .map(|id| (*id, model.node_info(*id).and_then(|info| info.name().map(str::to_owned)).unwrap_or_default()))
        .collect();
    let find = |name: &str| named.iter().find(|(_, other)| other == name).cloned();
    if let Some(name) = wanted {
        return find(name).ok_or_else(|| {
            let names: Vec<&str> = named.iter().map(|(_, name)| name.as_str()).collect();
            refused(format!("it has no output `{name}`; it has {}", names.join(", ")))
        });
    }
    let known = ["sentence_embedding", "last_hidden_state", "token_embeddings", LOGITS].into_iter().find_map(find);
    known.or_else(|| named.first().cloned()).ok_or_else(|| refused("it has no output"))
}
