"""From token vectors to the table: projection to 256 dimensions, weights, int8 rows, and the file.

Little endian. Header of 64 bytes, then the sections:
    scales   f32 x rows                a row's values are its codes times its scale
    lengths  f32 x rows                length (L2) of a row's codes, so that a cosine needs one integer dot product
    codes    i8 x rows x dimension     from a multiple of 64 bytes on
"""
import struct
import sys

import numpy as np
from blake3 import blake3

from common import CACHE, DATA, tokenizer

MAGIC, VERSION, DIMENSION = b"JAYTABLE", 1, 256
SMOOTHING = 1e-4
# Documentation hardly ever asks or tells of people, so these words look rare in it and would weigh like content. Each
# counts as at least one word in a thousand.
COMMON_SHARE = 1e-3
COMMON = """
    who whom whose what when where which why how did do does done doing i me my mine we us our ours you your yours he him
    his she her hers it its they them their theirs is are was were be been being am has have had having will would shall
    should can could may might must a an the this that these those there here and or but if then so because as of at by
    for with about against between into through during before after above below to from up down in out on off over under
    again not no nor only than too very just also s t d ll m o re ve don
""".split() + list("'\".,?!:;-()[]")


def silent(tok):
    """Ids that stand for no text: special tokens and those that were never given a meaning."""
    special = set(tok.get_added_tokens_decoder())
    return np.array([i in special or tok.id_to_token(i).startswith("[unused") for i in range(tok.get_vocab_size())])


def projection():
    """The 256 directions in which MiniLM's sentence vectors differ most, strongest first, each with its largest entry
    positive. (Directions of the token vectors keep 89 % of what sentences vary in, these 97 %.)"""
    sentences = np.load(CACHE / "sentences.npy").astype(np.float32)
    values, directions = np.linalg.eigh((sentences.T @ sentences).astype(np.float64))
    best = directions[:, np.argsort(-values)[:DIMENSION]]
    best = best * np.sign(best[np.abs(best).argmax(axis=0), range(DIMENSION)])
    return best.astype(np.float32)


def weights(kind, counts, tok):
    """How much a token counts in the mean."""
    if kind == "unweighted":
        return np.ones(len(counts))
    if kind == "zipf":
        return np.log(1 + np.arange(len(counts)))
    if kind in ("sif-plain", "sif"):
        # A token that was never seen is as rare as one that was seen once.
        share = np.maximum(counts, 1) / counts.sum()
        if kind == "sif":
            common = [tok.token_to_id(word) for word in COMMON]
            share[common] = np.maximum(share[common], COMMON_SHARE)
        return SMOOTHING / (SMOOTHING + share)
    raise SystemExit(f"no weights of the kind {kind}")


def start_table(kind):
    """The table before any training, f32."""
    tok = tokenizer()
    vectors = np.load(CACHE / "tokens.npy")
    table = (vectors - vectors.mean(axis=0)) @ projection()
    table *= weights(kind, np.load(CACHE / "frequencies.npy"), tok)[:, None]
    table[silent(tok)] = 0
    return table.astype(np.float32)


def quantise(table):
    """int8 codes and a scale per row."""
    greatest = np.abs(table).max(axis=1)
    scales = np.where(greatest > 0, greatest / 127, 0).astype("<f4")
    codes = np.round(table / np.where(scales > 0, scales, 1)[:, None]).clip(-127, 127).astype("i1")
    return codes, scales


def restored(table):
    """The table as the file keeps it."""
    codes, scales = quantise(table)
    return codes.astype(np.float32) * scales[:, None]


def to_bytes(table):
    """The file."""
    codes, scales = quantise(table)
    lengths = np.sqrt((codes.astype(np.int64) ** 2).sum(axis=1)).astype("<f4")
    payload = scales.tobytes() + lengths.tobytes()
    payload += bytes(-(64 + len(payload)) % 64) + codes.tobytes()
    header = struct.pack("<8sIIII", MAGIC, VERSION, codes.shape[1], codes.shape[0], 0)
    header += blake3(payload).digest() + bytes(8)
    assert len(header) == 64
    return header + payload


def main():
    name = sys.argv[1]
    path = CACHE / f"table-{name}.npy"
    table = np.load(path) if path.exists() else start_table(name)
    data = to_bytes(table)
    (DATA / "static-table.bin").write_bytes(data)
    print(f"static-table.bin: {name}, {len(data)} bytes")


if __name__ == "__main__":
    main()
