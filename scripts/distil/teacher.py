"""The teacher's vectors: MiniLM on every token of the vocabulary, and on sentences for the training.

Output (not in the tree): CACHE/tokens.npy, 30,522 x 384, f32; CACHE/sentences.npy, one row per line of
CACHE/sentences.txt. The tokens go through the f32 model, the many sentences through the int8 one (mean cosine to
f32 0.99, and twice as quick).
"""
import sys
import time

import numpy as np

from common import CACHE, Model, plain_ids, tokenizer


def tokens():
    """`[CLS] token [SEP]` for each token of the vocabulary."""
    size = tokenizer().get_vocab_size()
    np.save(CACHE / "tokens.npy", Model().vectors([[i] for i in range(size)], batch=64))


def sentences():
    """One vector per sentence, in float16: the target of a fit needs no more."""
    lines = (CACHE / "sentences.txt").read_text().splitlines()
    tok, model = tokenizer(), Model("model-int8.onnx")
    # A file that grows: what is done can be looked at while the rest is made; rows of zeros are not made yet.
    out = np.lib.format.open_memmap(CACHE / "sentences.npy", "w+", np.float16, (len(lines), 384))
    start, step = time.time(), 2048
    for at in range(0, len(lines), step):
        out[at : at + step] = model.vectors(plain_ids(tok, lines[at : at + step]))
        print(f"{at + step}/{len(lines)} {time.time() - start:.0f} s", file=sys.stderr, flush=True)
    out.flush()


if __name__ == "__main__":
    {"tokens": tokens, "sentences": sentences}[sys.argv[1]]()
