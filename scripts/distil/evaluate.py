"""How well each table finds: LoCoMo turns (dense alone, and late interaction), and the paraphrase set beside this file.

    evaluate.py --locomo FILE [TABLE …]     TABLE: unweighted, zipf, sif-plain, sif, minilm, or the name of CACHE/table-NAME.npy

LoCoMo is a benchmark: it is read from where it is given, trains nothing, and stands nowhere in the tree.
"""
import argparse
import json
import re

import numpy as np

from common import CACHE, HERE, Model, plain_ids, tokenizer
from table import restored, start_table

FLOOR = 0.35


def unit(rows):
    """Rows of length 1; rows of zeros stay."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length > 0, length, 1)


def locomo(path):
    """Per conversation: documents as (id, text), questions as (text, ids of the evidence)."""
    for sample in json.load(open(path)):
        talk, documents, number = sample["conversation"], [], 1
        while f"session_{number}" in talk or f"session_{number}_date_time" in talk:
            date = talk.get(f"session_{number}_date_time", "")
            for turn in talk.get(f"session_{number}") or []:
                documents.append((turn["dia_id"], f"[{date}] {turn['speaker']}: {turn['text']}"))
            number += 1
        known = {name for name, _ in documents}
        questions = []
        for row in sample["qa"]:
            found = (re.findall(r"D:?(\d+)\s*:\s*(\d+)", e) for e in row.get("evidence") or [])
            gold = {f"D{a}:{int(b)}" for pairs in found for a, b in pairs} & known
            if gold and row["category"] != 5:
                questions.append((row["question"], gold))
        yield documents, questions


class Static:
    """A table as an encoder."""

    def __init__(self, table):
        self.table, self.directions = table, unit(table)

    def encode(self, ids):
        """Sums of rows, of length 1."""
        return unit(np.stack([self.table[row].sum(axis=0) for row in ids]) if ids else self.table[:0])

    def late(self, queries, documents):
        """Per query and document: sum over query tokens of IDF x the best cosine with a document token."""
        owner = np.concatenate([np.full(len(row), i) for i, row in enumerate(documents)])
        starts = np.searchsorted(owner, np.arange(len(documents)))
        tokens = np.concatenate(documents).astype(int)
        seen = np.zeros(len(self.table))
        for row in documents:
            seen[list(set(row))] += 1
        idf = np.log(1 + (len(documents) - seen + 0.5) / (seen + 0.5))
        scores = np.zeros((len(queries), len(documents)), np.float32)
        for i, row in enumerate(queries):
            cosines = self.directions[row] @ self.directions[tokens].T
            best = np.maximum.reduceat(cosines, starts, axis=1)
            scores[i] = idf[row] @ np.where(best < FLOOR, 0, best)
        return scores


def recall(scores, names, gold, k=10):
    """Share of the evidence in the first k, per question."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return [len({names[j] for j in row} & wanted) / len(wanted) for row, wanted in zip(order, gold)]


def on_locomo(path, encode, late):
    """R@10 dense, and with late interaction where the encoder has it."""
    tok, dense, interaction = tokenizer(), [], []
    for documents, questions in locomo(path):
        names, gold = [n for n, _ in documents], [g for _, g in questions]
        d, q = plain_ids(tok, [t for _, t in documents]), plain_ids(tok, [t for t, _ in questions])
        dense += recall(encode(q) @ encode(d).T, names, gold)
        if late:
            interaction += recall(late(q, d), names, gold)
    return 100 * np.mean(dense), 100 * np.mean(interaction) if late else float("nan"), len(dense)


def on_paraphrases(encode):
    """R@1, R@10 and MRR of questions against all statements."""
    tok = tokenizer()
    rows = [line.split("\t") for line in (HERE / "paraphrases.tsv").read_text().splitlines() if not line.startswith("#")]
    statements, questions = zip(*rows)
    scores = encode(plain_ids(tok, questions)) @ encode(plain_ids(tok, statements)).T
    rank = (scores > np.diag(scores)[:, None]).sum(axis=1)
    return 100 * (rank < 1).mean(), 100 * (rank < 10).mean(), 100 * (1 / (1 + rank)).mean(), len(rows)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--locomo")
    parser.add_argument("tables", nargs="*", default=["unweighted", "zipf", "sif-plain", "sif", "minilm"])
    options = parser.parse_args()
    print("| table | LoCoMo R@10 | late R@10 | paraphrase R@1 | R@10 | MRR |\n| --- | --- | --- | --- | --- | --- |")
    for name in options.tables:
        if name.startswith("minilm"):
            encode, late = Model("model-int8.onnx" if name.endswith("int8") else "model.onnx").vectors, None
        else:
            path = CACHE / f"table-{name}.npy"
            static = Static(restored(np.load(path) if path.exists() else start_table(name)))
            encode, late = static.encode, static.late
        r, interaction, n = on_locomo(options.locomo, encode, late) if options.locomo else (np.nan, np.nan, 0)
        first, ten, mrr, pairs = on_paraphrases(encode)
        print(f"| {name} | {r:.1f} | {interaction:.1f} | {first:.1f} | {ten:.1f} | {mrr:.1f} |", flush=True)
    print(f"{n} questions of LoCoMo, {pairs} paraphrase pairs")


if __name__ == "__main__":
    main()
