"""Writes MiniLM as ONNX without torch: f32 and int8, pooling and length inside the graph.

Output (not in the tree): CACHE/minilm/{model.onnx, model-int8.onnx, tokenizer.json, config.json, vocab.txt}.
"""
import json
import shutil

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

from common import CACHE, model_directory


class Graph:
    """Nodes and constants in the order in which they are made."""

    def __init__(self, weights):
        self.weights, self.nodes, self.constants = weights, [], {}

    def op(self, kind, *inputs, **attributes):
        """Adds a node with one output and returns the output's name."""
        out = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [out], name=out, **attributes))
        return out

    def constant(self, name, value):
        """A named constant, stored once."""
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def weight(self, name, transpose=False):
        """A tensor of the model."""
        value = self.weights[name].astype(np.float32)
        return self.constant(name, value.T if transpose else value)

    def dense(self, x, name):
        """x W + b; MatMul and not Gemm, so that quantisation finds it."""
        product = self.op("MatMul", x, self.weight(f"{name}.weight", transpose=True))
        return self.op("Add", product, self.weight(f"{name}.bias"))

    def norm(self, x, name):
        """Layer normalisation with BERT's epsilon."""
        return self.op(
            "LayerNormalization", x, self.weight(f"{name}.weight"), self.weight(f"{name}.bias"), axis=-1, epsilon=1e-12
        )


def attention(g, x, bias, name, heads, size):
    """Multi-head self-attention with its output projection."""
    split = g.constant("split", np.array([0, 0, heads, size], np.int64))
    parts = {}
    for part in ("query", "key", "value"):
        reshaped = g.op("Reshape", g.dense(x, f"{name}.self.{part}"), split)
        parts[part] = g.op("Transpose", reshaped, perm=[0, 2, 3, 1] if part == "key" else [0, 2, 1, 3])
    scores = g.op("MatMul", parts["query"], parts["key"])
    scores = g.op("Mul", scores, g.constant("scale", np.float32(1 / np.sqrt(size))))
    weights = g.op("Softmax", g.op("Add", scores, bias), axis=-1)
    mixed = g.op("Transpose", g.op("MatMul", weights, parts["value"]), perm=[0, 2, 1, 3])
    merged = g.op("Reshape", mixed, g.constant("merge", np.array([0, 0, heads * size], np.int64)))
    return g.dense(merged, f"{name}.output.dense")


def gelu(g, x):
    """The exact form, with erf."""
    erf = g.op("Erf", g.op("Div", x, g.constant("sqrt2", np.float32(np.sqrt(2)))))
    return g.op("Mul", g.op("Mul", x, g.op("Add", erf, g.constant("one", np.float32(1)))), g.constant("half", np.float32(0.5)))


def build(weights, config):
    """The whole graph: ids and mask to sentence vectors."""
    g = Graph(weights)
    heads = config["num_attention_heads"]
    size = config["hidden_size"] // heads
    words = g.op("Gather", g.weight("embeddings.word_embeddings.weight"), "input_ids")
    length = g.op("Gather", g.op("Shape", "input_ids"), g.constant("index1", np.array([1], np.int64)))
    zero, step = g.constant("zero", np.array([0], np.int64)), g.constant("axis0", np.array([0], np.int64))
    positions = g.op("Slice", g.weight("embeddings.position_embeddings.weight"), zero, length, step)
    kind = g.constant("kind", weights["embeddings.token_type_embeddings.weight"][:1].astype(np.float32))
    x = g.norm(g.op("Add", g.op("Add", words, positions), kind), "embeddings.LayerNorm")
    mask = g.op("Cast", "attention_mask", to=TensorProto.FLOAT)
    wide = g.op("Unsqueeze", mask, g.constant("axes12", np.array([1, 2], np.int64)))
    inverse = g.op("Sub", g.constant("one", np.float32(1)), wide)
    bias = g.op("Mul", inverse, g.constant("minus", np.float32(-1e4)))
    for layer in range(config["num_hidden_layers"]):
        name = f"encoder.layer.{layer}"
        attended = attention(g, x, bias, f"{name}.attention", heads, size)
        x = g.norm(g.op("Add", x, attended), f"{name}.attention.output.LayerNorm")
        inner = gelu(g, g.dense(x, f"{name}.intermediate.dense"))
        x = g.norm(g.op("Add", x, g.dense(inner, f"{name}.output.dense")), f"{name}.output.LayerNorm")
    column = g.op("Unsqueeze", mask, g.constant("axes2", np.array([2], np.int64)))
    total = g.op("ReduceSum", g.op("Mul", x, column), g.constant("axis1", np.array([1], np.int64)), keepdims=0)
    count = g.op("ReduceSum", column, "axis1", keepdims=0)
    mean = g.op("Div", total, count)
    length = g.op("ReduceL2", mean, axes=[1], keepdims=1)
    g.nodes.append(helper.make_node("Div", [mean, length], ["sentence_embedding"], name="normalise"))
    shape = ["batch", "tokens"]
    graph = helper.make_graph(
        g.nodes,
        "all-MiniLM-L6-v2",
        [helper.make_tensor_value_info(n, TensorProto.INT64, shape) for n in ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["batch", config["hidden_size"]])],
        list(g.constants.values()),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def main():
    source, target = model_directory(), CACHE / "minilm"
    target.mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "config.json", "vocab.txt"):
        shutil.copyfile(source / name, target / name)
    config = json.loads((source / "config.json").read_text())
    onnx.save(build(load_file(source / "model.safetensors"), config), target / "model.onnx")
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        target / "model.onnx",
        target / "model-int8.onnx",
        per_channel=True,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["MatMul", "Gather"],
    )
    for name in ("model.onnx", "model-int8.onnx"):
        print(f"{name}: {(target / name).stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
