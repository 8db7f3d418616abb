"""The tokenizer as a file that is used where it lies: nothing is parsed at start.

Little endian. Header of 64 bytes, then the sections in this order, each at a multiple of 4 bytes:
    offsets  u32 x (count + 1)   where each token's bytes begin in the strings
    slots    u16 x slots         open addressing over FNV-1a, linear probing; id + 1, 0 is empty
    classes  u32 x ranges        code point | class << 24: the class holds from there to the next entry
    strings  bytes               the tokens in the order of their ids, `##` left out
    inner    bytes x ceil(count / 8)   one bit per token, low bit first: it continues a word (`##`)
The classes are asked of the tokenizers library for every code point, so that both agree whatever Unicode's version.
"""
import struct

import numpy as np
from blake3 import blake3

from common import DATA, tokenizer

MAGIC, VERSION, SLOTS = b"JAYVOCAB", 1, 1 << 16
FNV_START, FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3
PLAIN, DROPPED, SPACE, SINGLE, PUNCTUATION = range(5)


def hash_of(token, inner):
    """FNV-1a over the bytes, started with one byte that tells beginnings from continuations; high bits folded in."""
    value = FNV_START
    for byte in bytes([inner]) + token:
        value = ((value ^ byte) * FNV_PRIME) & 0xFFFFFFFFFFFFFFFF
    return (value ^ (value >> 32)) & (SLOTS - 1)


def class_of(tok, character):
    """What the library does with a character between two letters."""
    text = tok.normalizer.normalize_str(f"a{character}a")
    if text == "aa":
        return DROPPED
    if text == "a a":
        return SPACE
    if text.startswith("a ") and text.endswith(" a"):
        return SINGLE
    pieces = [piece for piece, _ in tok.pre_tokenizer.pre_tokenize_str(text)]
    # A character that decomposes into a sign is judged by what it becomes, which has a class of its own.
    return PUNCTUATION if pieces == ["a", character, "a"] else PLAIN


def classes(tok):
    """Entries where the class changes."""
    out, before = [], None
    for point in range(0x110000):
        if 0xD800 <= point < 0xE000:
            continue
        found = class_of(tok, chr(point))
        if found != before:
            out.append(point | found << 24)
            before = found
    return out


def build():
    """The bytes of the file."""
    tok = tokenizer()
    names = [tok.id_to_token(i) for i in range(tok.get_vocab_size())]
    special = {t.content for t in tok.get_added_tokens_decoder().values()}
    inner = [name.startswith("##") and len(name) > 2 for name in names]
    # What stands in a text is never read as a special token: those get no string.
    plain = ["" if n in special else n[2:] if i else n for n, i in zip(names, inner)]
    encoded = [p.encode() for p in plain]
    slots = np.zeros(SLOTS, "<u2")
    for i, token in enumerate(encoded):
        at = hash_of(token, inner[i])
        while token and slots[at]:
            at = (at + 1) % SLOTS
        if token:
            slots[at] = i + 1
    offsets = np.cumsum([0, *map(len, encoded)]).astype("<u4")
    ranges = np.array(classes(tok), "<u4")
    bits = np.packbits(np.array(inner, np.uint8), bitorder="little").tobytes()
    payload = offsets.tobytes() + slots.tobytes() + ranges.tobytes() + b"".join(encoded) + bits
    longest = max(map(len, encoded))
    unknown = tok.token_to_id("[UNK]")
    header = struct.pack("<8sIIIIIIII", MAGIC, VERSION, len(names), SLOTS, len(ranges), int(offsets[-1]), longest, unknown, 0)
    header += blake3(payload).digest()[:24]
    assert len(header) == 64
    return header + payload


def main():
    DATA.mkdir(parents=True, exist_ok=True)
    data = build()
    (DATA / "static-vocabulary.bin").write_bytes(data)
    print(f"static-vocabulary.bin: {len(data)} bytes")


if __name__ == "__main__":
    main()
