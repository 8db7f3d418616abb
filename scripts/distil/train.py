"""Trains the table: the sum of a sentence's rows shall point where MiniLM's vector of the sentence points.

Starts from the SIF table; only rows of tokens that the sentences hold move, and each is drawn back to its start, so
that rare ones do not learn a single sentence by heart. Plain numpy: AdaGrad per row, cosine loss, fixed seed.
Output (not in the tree): CACHE/table-NAME.npy.
"""
import argparse

import numpy as np

from common import CACHE, plain_ids, tokenizer
from table import projection, silent, start_table

BATCH = 512


def targets():
    """MiniLM's sentence vectors in the space of the table, of length 1."""
    out = np.load(CACHE / "sentences.npy").astype(np.float32) @ projection()
    return out / np.linalg.norm(out, axis=1, keepdims=True)


def gradient(table, rows, target):
    """Loss, the rows that a batch touches, and their gradients."""
    flat = np.concatenate(rows)
    lengths = np.array([len(row) for row in rows])
    starts = np.cumsum([0, *lengths[:-1]])
    sums = np.add.reduceat(table[flat], starts, axis=0)
    size = np.linalg.norm(sums, axis=1, keepdims=True) + 1e-6
    unit = sums / size
    cosine = (unit * target).sum(axis=1, keepdims=True)
    slope = -(target - cosine * unit) / size
    order = np.argsort(flat, kind="stable")
    ids, first = np.unique(flat[order], return_index=True)
    each = np.repeat(slope, lengths, axis=0)[order]
    return 1 - cosine.mean(), ids, np.add.reduceat(each, first, axis=0)


def train(start, rows, target, epochs, rate, pull, seed=5433):
    """The trained table."""
    rng = np.random.default_rng(seed)
    table, speed = start.copy(), np.full((len(start), 1), 1e-6, np.float32)
    for epoch in range(epochs):
        losses, order = [], rng.permutation(len(rows))
        for at in range(0, len(order), BATCH):
            part = order[at : at + BATCH]
            loss, ids, slope = gradient(table, [rows[i] for i in part], target[part])
            slope += pull * (table[ids] - start[ids])
            speed[ids] += (slope**2).mean(axis=1, keepdims=True)
            table[ids] -= rate * (1 - epoch / epochs) * slope / np.sqrt(speed[ids])
            losses.append(loss)
        print(f"epoch {epoch + 1}: cosine {1 - np.mean(losses):.4f}", flush=True)
    return table


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", default="trained")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rate", type=float, default=0.01)
    parser.add_argument("--pull", type=float, default=0.003)
    options = parser.parse_args()
    tok = tokenizer()
    mute = silent(tok)
    lines = (CACHE / "sentences.txt").read_text().splitlines()
    target = targets()
    rows = [np.array([i for i in ids[:254] if not mute[i]]) for ids in plain_ids(tok, lines[: len(target)])]
    kept = [i for i, row in enumerate(rows) if len(row)]
    start = start_table("sif")
    table = train(start, [rows[i] for i in kept], target[kept], options.epochs, options.rate, options.pull)
    table[mute] = 0
    np.save(CACHE / f"table-{options.name}.npy", table)


if __name__ == "__main__":
    main()
