"""Compares what jay reads from MiniLM, f32 and int8, with onnxruntime and the tokenizers library.

Both files lie in CACHE/minilm after the step export. The texts are those of the tokenizer's fixture and the paraphrases.
f32 must agree to the fourth digit of the cosine. In int8 the two runtimes round differently: 0.98 is what int8 itself
loses against f32 at worst.
"""
import json
import subprocess

import numpy as np

from common import CACHE, FIXTURES, HERE, ROOT, Model, plain_ids, tokenizer

LEAST = {"model.onnx": 0.9999, "model-int8.onnx": 0.98}


def texts():
    """One line each: what the pipe can carry."""
    rows = [json.loads(line)["text"] for line in (FIXTURES / "static" / "tokens.jsonl").read_text().splitlines()]
    lines = [line.split("\t") for line in (HERE / "paraphrases.tsv").read_text().splitlines() if not line.startswith("#")]
    rows += [text for line in lines for text in line]
    return [text for text in rows if text.strip() and not set(text) & set("\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")]


def ours(name, rows):
    """Vectors by jay's own reader."""
    command = ["cargo", "run", "--quiet", "--release", "-p", "jay-models", "--features", "transformer"]
    command += ["--example", "encode", "--", str(CACHE / "minilm"), name]
    out = subprocess.run(command, cwd=ROOT, input="\n".join(rows) + "\n", capture_output=True, text=True, check=True)
    return np.array([json.loads(line) for line in out.stdout.splitlines()])


def main():
    rows = texts()
    tok = tokenizer()
    # What looks like a special token is text to us.
    tok.encode_special_tokens = True
    ids = plain_ids(tok, rows)
    for name, least in LEAST.items():
        model = Model(name)
        # One by one: in int8 the texts of a batch change each other.
        theirs = model.vectors(ids, batch=1)
        cosines = (ours(name, rows) * theirs).sum(1)
        # A text of signs without a token is nothing to us.
        cosines = np.array([cosine for cosine, row in zip(cosines, ids) if row])
        print(f"{name}: {len(cosines)} texts, cosine mean {cosines.mean():.5f}, least {cosines.min():.5f}")
        if cosines.min() < least:
            raise SystemExit(f"{name} is read differently: {cosines.min():.5f}")


if __name__ == "__main__":
    main()
