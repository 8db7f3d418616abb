//! A BERT with random weights, small enough to be made by the test that loads it: ONNX bytes and a tokenizer.
//!
//! One layer, one head, positions for [`POSITIONS`] tokens, output `last_hidden_state`, or `logits` over the first token. The bytes are protobuf written by
//! hand, so that no test needs Python or a file in the tree.

use crate::{Random, write};
use std::collections::BTreeMap;
use std::path::Path;

/// Tokens for which it has positions.
pub const POSITIONS: usize = 64;

/// Which one to make.
#[derive(Clone, Copy, Debug)]
pub struct TinyBert {
    /// Other seeds give other weights, and so another model.
    pub seed: u64,
    /// Length of its vectors.
    pub hidden: usize,
    /// Matrices as int8, with dynamic quantisation of what they are multiplied with.
    pub is_int8: bool,
    /// Values for a pair of texts (output `logits`) in place of vectors; 0 for vectors.
    pub labels: usize,
}

impl Default for TinyBert {
    fn default() -> Self {
        Self { seed: 1, hidden: 32, is_int8: false, labels: 0 }
    }
}

impl TinyBert {
    /// Writes a model directory with `settings` as its `jay-model.toml`; none where they are empty.
    ///
    /// # Panics
    /// Where the disk does not take it.
    pub fn write(&self, directory: &Path, settings: &str) {
        write(directory.join("model.onnx"), self.onnx());
        write(directory.join("tokenizer.json"), tokenizer());
        if !settings.is_empty() {
            write(directory.join("jay-model.toml"), settings);
        }
    }

    /// `model.onnx`
    #[must_use]
    pub fn onnx(&self) -> Vec<u8> {
        self.graph().0
    }

    /// The matrices by name, row by row, as they are before they are made int8.
    #[must_use]
    pub fn weights(&self) -> BTreeMap<String, Vec<f32>> {
        self.graph().1
    }

    fn graph(&self) -> (Vec<u8>, BTreeMap<String, Vec<f32>>) {
        let mut graph = Graph::new(self.seed, self.is_int8);
        let hidden = self.hidden;
        // Words say more than places, so that texts with the same words are near each other.
        let words = graph.table("words", vocabulary().len(), hidden, 1.0);
        let kinds = graph.table("kinds", 2, hidden, 0.1);
        let positions = graph.table("positions", POSITIONS, hidden, 0.1);
        let words = graph.op("Gather", &[&words, "input_ids"], &[]);
        let kinds = graph.op("Gather", &[&kinds, "token_type_ids"], &[]);
        let shape = graph.op("Shape", &["input_ids"], &[]);
        let (zero, one) = (graph.ints("zero", &[0]), graph.ints("one", &[1]));
        let length = graph.op("Gather", &[&shape, &one], &[]);
        let positions = graph.op("Slice", &[&positions, &zero, &length, &zero], &[]);
        let sum = graph.op("Add", &[&words, &kinds], &[]);
        let sum = graph.op("Add", &[&sum, &positions], &[]);
        let x = graph.norm(&sum, hidden);
        let [query, key, value] =
            [("query", 0.5), ("key", 0.5), ("value", 4.0)].map(|(name, scale)| graph.dense(&x, name, hidden, scale));
        let key = graph.op("Transpose", &[&key], &[Attribute::Ints("perm", &[0, 2, 1])]);
        let scores = graph.op("MatMul", &[&query, &key], &[]);
        let mask = graph.op("Cast", &["attention_mask"], &[Attribute::Int("to", 1)]);
        let mask = graph.op("Unsqueeze", &[&mask, &one], &[]);
        let (full, minus) = (graph.floats("full", &[], &[1.0]), graph.floats("minus", &[], &[-1e4]));
        let inverse = graph.op("Sub", &[&full, &mask], &[]);
        let bias = graph.op("Mul", &[&inverse, &minus], &[]);
        let scores = graph.op("Add", &[&scores, &bias], &[]);
        let weights = graph.op("Softmax", &[&scores], &[Attribute::Int("axis", -1)]);
        let mixed = graph.op("MatMul", &[&weights, &value], &[]);
        let sum = graph.op("Add", &[&x, &mixed], &[]);
        let last = graph.norm(&sum, hidden);
        if self.labels == 0 {
            graph.nodes.push(node("Identity", &[&last], "last_hidden_state", &[]));
            return (graph.model(("last_hidden_state", &[None, None, Some(hidden)])), graph.weights);
        }
        let first = graph.op("Gather", &[&last, &zero], &[Attribute::Int("axis", 1)]);
        let first = graph.op("Squeeze", &[&first, &one], &[]);
        let head = graph.table("head", hidden, self.labels, 1.0);
        graph.nodes.push(node("MatMul", &[&first, &head], "logits", &[]));
        (graph.model(("logits", &[None, Some(self.labels)])), graph.weights)
    }
}

/// A cross-encoder with weights by hand: the logit is `bias` and, for each word of the vocabulary that stands in question and
/// document, its weight times how often it stands in the one times how often in the other.
#[derive(Clone, Debug)]
pub struct TinyJudge {
    /// What each word weighs; those that are not named weigh nothing.
    pub words: Vec<(&'static str, f32)>,
    /// The logit of a pair that shares nothing.
    pub bias: f32,
}

impl TinyJudge {
    /// Writes a model directory.
    ///
    /// # Panics
    /// Where the disk does not take it.
    pub fn write(&self, directory: &Path) {
        write(directory.join("model.onnx"), self.onnx());
        write(directory.join("tokenizer.json"), tokenizer());
        write(directory.join("config.json"), r#"{"architectures":["BertForSequenceClassification"]}"#);
    }

    /// `model.onnx`
    #[must_use]
    pub fn onnx(&self) -> Vec<u8> {
        let mut graph = Graph::new(0, false);
        let tokens = vocabulary();
        let size = tokens.len();
        let (mut counted, mut weighed) = (vec![0.0; size * size], vec![0.0; size * size]);
        for (place, token) in tokens.iter().enumerate() {
            if let Some((_, weight)) = self.words.iter().find(|(word, _)| word == token) {
                counted.get_mut(place * size + place).into_iter().for_each(|cell| *cell = 1.0);
                weighed.get_mut(place * size + place).into_iter().for_each(|cell| *cell = *weight);
            }
        }
        let counted = graph.floats("counted", &[size, size], &counted);
        let weighed = graph.floats("weighed", &[size, size], &weighed);
        let [counted, weighed] = [counted, weighed].map(|table| graph.op("Gather", &[&table, "input_ids"], &[]));
        let (one, two, full) = (graph.ints("one", &[1]), graph.ints("two", &[2]), graph.floats("full", &[], &[1.0]));
        let second = graph.op("Cast", &["token_type_ids"], &[Attribute::Int("to", 1)]);
        let second = graph.op("Unsqueeze", &[&second, &one], &[]);
        let first = graph.op("Sub", &[&full, &second], &[]);
        let question = graph.op("MatMul", &[&first, &counted], &[]);
        let document = graph.op("MatMul", &[&second, &weighed], &[]);
        let shared = graph.op("Mul", &[&question, &document], &[]);
        let sum = graph.op("ReduceSum", &[&shared, &two], &[Attribute::Int("keepdims", 0)]);
        let bias = graph.floats("bias", &[], &[self.bias]);
        graph.nodes.push(node("Add", &[&sum, &bias], "logits", &[]));
        graph.model(("logits", &[None, Some(1)]))
    }
}

/// The tokens: special ones, letters and digits at the beginning of a word and inside one, a few words.
#[must_use]
pub fn vocabulary() -> Vec<String> {
    let mut tokens: Vec<String> = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"].map(str::to_owned).to_vec();
    for c in ('a'..='z').chain('0'..='9') {
        tokens.extend([c.to_string(), format!("##{c}")]);
    }
    tokens.extend(["the", "restart", "worker", "query", "passage", ":", ".", "?"].map(str::to_owned));
    tokens
}

/// `tokenizer.json`
#[must_use]
pub fn tokenizer() -> String {
    let vocabulary: serde_json::Map<String, serde_json::Value> =
        vocabulary().into_iter().zip(0..).map(|(token, id): (String, u32)| (token, id.into())).collect();
    serde_json::json!({
        "version": "1.0",
        "truncation": {"max_length": 16, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": 16}, "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"},
        "added_tokens": [{"id": 2, "special": true, "content": "[CLS]"}, {"id": 3, "special": true, "content": "[SEP]"}],
        "normalizer": {"type": "BertNormalizer", "lowercase": true, "strip_accents": null, "handle_chinese_chars": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "TemplateProcessing", "single": [
            {"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
            {"SpecialToken": {"id": "[SEP]", "type_id": 0}}]},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary}
    })
    .to_string()
}

enum Attribute<'a> {
    Int(&'a str, i64),
    Ints(&'a str, &'a [i64]),
}

/// Nodes and constants in the order in which they are made.
struct Graph {
    random: Random,
    int8: bool,
    nodes: Vec<Vec<u8>>,
    constants: Vec<Vec<u8>>,
    weights: BTreeMap<String, Vec<f32>>,
}

impl Graph {
    fn new(seed: u64, int8: bool) -> Self {
        Self { random: Random::new(seed), int8, nodes: vec![], constants: vec![], weights: BTreeMap::new() }
    }

    fn values(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| (self.random.fraction() * 2.0 - 1.0) as f32).collect()
    }

    fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> String {
        self.constant(name, 1, shape, &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
    }

    fn ints(&mut self, name: &str, values: &[i64]) -> String {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(name, 7, &[values.len()], &bytes)
    }

    fn table(&mut self, name: &str, rows: usize, hidden: usize, scale: f32) -> String {
        let values: Vec<f32> = self.values(rows * hidden).iter().map(|value| value * scale).collect();
        let name = self.floats(name, &[rows, hidden], &values);
        self.weights.insert(name.clone(), values);
        name
    }

    /// TensorProto: dims 1, data_type 2, name 8, raw_data 9.
    fn constant(&mut self, name: &str, kind: u64, shape: &[usize], raw: &[u8]) -> String {
        let mut tensor = Vec::new();
        shape.iter().for_each(|size| number(&mut tensor, 1, *size as u64));
        number(&mut tensor, 2, kind);
        bytes(&mut tensor, 8, name.as_bytes());
        bytes(&mut tensor, 9, raw);
        self.constants.push(tensor);
        name.to_owned()
    }

    fn op(&mut self, kind: &str, inputs: &[&str], attributes: &[Attribute<'_>]) -> String {
        let out = format!("{kind}_{}", self.nodes.len());
        self.nodes.push(node(kind, inputs, &out, attributes));
        out
    }

    fn norm(&mut self, x: &str, hidden: usize) -> String {
        let name = format!("norm_{}", self.nodes.len());
        let (scale, bias) = (vec![1.0; hidden], vec![0.0; hidden]);
        let scale = self.floats(&format!("{name}_scale"), &[hidden], &scale);
        let bias = self.floats(&format!("{name}_bias"), &[hidden], &bias);
        self.op("LayerNormalization", &[x, &scale, &bias], &[Attribute::Int("axis", -1)])
    }

    /// x W, where W makes x about half of `scale` times as long.
    fn dense(&mut self, x: &str, name: &str, hidden: usize, scale: f32) -> String {
        let factor = scale / (hidden as f32).sqrt();
        let values: Vec<f32> = self.values(hidden * hidden).iter().map(|value| value * factor).collect();
        self.weights.insert(name.to_owned(), values.clone());
        if !self.int8 {
            let weight = self.floats(name, &[hidden, hidden], &values);
            return self.op("MatMul", &[x, &weight], &[]);
        }
        let greatest = values.iter().fold(0.0_f32, |greatest, value| greatest.max(value.abs()));
        let codes: Vec<u8> = values.iter().map(|v| ((v / greatest * 127.0).round() as i8).cast_unsigned()).collect();
        let weight = self.constant(name, 3, &[hidden, hidden], &codes);
        let weight_scale = self.floats(&format!("{name}_scale"), &[], &[greatest / 127.0]);
        let outputs = ["codes", "scale", "zero"].map(|part| format!("{name}_x_{part}"));
        let mut quantised = Vec::new();
        bytes(&mut quantised, 1, x.as_bytes());
        outputs.iter().for_each(|output| bytes(&mut quantised, 2, output.as_bytes()));
        bytes(&mut quantised, 4, b"DynamicQuantizeLinear");
        self.nodes.push(quantised);
        let product = self.op("MatMulInteger", &[&outputs[0], &weight, &outputs[2]], &[]);
        let product = self.op("Cast", &[&product], &[Attribute::Int("to", 1)]);
        let scale = self.op("Mul", &[&outputs[1], &weight_scale], &[]);
        self.op("Mul", &[&product, &scale], &[])
    }

    /// ModelProto: ir_version 1, graph 7, opset_import 8. GraphProto: node 1, name 2, initializer 5, input 11, output 12.
    fn model(&self, (output, shape): (&str, &[Option<usize>])) -> Vec<u8> {
        let mut graph = Vec::new();
        self.nodes.iter().for_each(|node| bytes(&mut graph, 1, node));
        bytes(&mut graph, 2, b"tiny");
        self.constants.iter().for_each(|tensor| bytes(&mut graph, 5, tensor));
        for name in ["input_ids", "attention_mask", "token_type_ids"] {
            bytes(&mut graph, 11, &value_info(name, 7, &[None, None]));
        }
        bytes(&mut graph, 12, &value_info(output, 1, shape));
        let mut opset = Vec::new();
        bytes(&mut opset, 1, b"");
        number(&mut opset, 2, 17);
        let mut model = Vec::new();
        number(&mut model, 1, 8);
        bytes(&mut model, 7, &graph);
        bytes(&mut model, 8, &opset);
        model
    }
}

/// NodeProto: input 1, output 2, op_type 4, attribute 5. AttributeProto: name 1, i 3, ints 8, type 20.
fn node(kind: &str, inputs: &[&str], output: &str, attributes: &[Attribute<'_>]) -> Vec<u8> {
    let mut node = Vec::new();
    inputs.iter().for_each(|input| bytes(&mut node, 1, input.as_bytes()));
    bytes(&mut node, 2, output.as_bytes());
    bytes(&mut node, 4, kind.as_bytes());
    for attribute in attributes {
        let mut out = Vec::new();
        match attribute {
            Attribute::Int(name, value) => {
                bytes(&mut out, 1, name.as_bytes());
                number(&mut out, 3, value.cast_unsigned());
                number(&mut out, 20, 2);
            }
            Attribute::Ints(name, values) => {
                bytes(&mut out, 1, name.as_bytes());
                values.iter().for_each(|value| number(&mut out, 8, value.cast_unsigned()));
                number(&mut out, 20, 7);
            }
        }
        bytes(&mut node, 5, &out);
    }
    node
}

/// ValueInfoProto: name 1, type 2 {tensor_type 1 {elem_type 1, shape 2 {dim 1 {dim_value 1, dim_param 2}}}}.
fn value_info(name: &str, kind: u64, shape: &[Option<usize>]) -> Vec<u8> {
    let mut dims = Vec::new();
    for (place, size) in shape.iter().enumerate() {
        let mut dim = Vec::new();
        match size {
            Some(size) => number(&mut dim, 1, *size as u64),
            None => bytes(&mut dim, 2, format!("d{place}").as_bytes()),
        }
        bytes(&mut dims, 1, &dim);
    }
    let mut tensor = Vec::new();
    number(&mut tensor, 1, kind);
    bytes(&mut tensor, 2, &dims);
    let mut of_type = Vec::new();
    bytes(&mut of_type, 1, &tensor);
    let mut info = Vec::new();
    bytes(&mut info, 1, name.as_bytes());
    bytes(&mut info, 2, &of_type);
    info
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn number(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3);
    varint(out, value);
}

fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}
