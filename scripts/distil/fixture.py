"""What the Rust side must reproduce: token ids by the tokenizers library, and vectors computed here from the file.

Output: crates/models/fixtures/static/{tokens.jsonl, vectors.jsonl}.
"""
import json
import random
import struct

import numpy as np

from common import DATA, FIXTURES, HERE, tokenizer

HAND = [
    "", " ", "\t\n\r", "a", "The worker restarts itself.", "We'll deploy on Friday, won't we?", "naïve café résumé Übergröße",
    "İstanbul ISTANBUL ıstanbul", "ΑΣ ὈΔΥΣΣΕΎΣ Σίσυφος", "ŁÓDŹ Đà Nẵng", "a\u0301e\u0300 n\u0303", "ﬁne ﬀ ½ Ⅷ ①", "ǅ ǈ ŉ ẞ ß",
    "東京の天気は晴れ", "我们周五部署", "漢字kanji混じりtext", "한국어 문장입니다", "カタカナ ﾊﾝｶｸ ひらがな", "㐀㐁 𠀀𠀁 豈更車", "「引用」、句点。",
    "مرحبا بالعالم", "إعادة تشغيل الخادم، من فضلك؟", "שלום עולם", "नमस्ते दुनिया", "สวัสดีชาวโลก", "Привет, мир! Ёлка", "Γειά σου Κόσμε", "Xin chào thế giới",
    "🚀", "ship it 🚀🚀 now", "👩‍👩‍👧‍👦 family", "👍🏽 ok", "🇩🇪 flag", "☃ snow ☕ coffee", "→ ← ⇒ ∀x∈ℝ", "€100 £5 ¥300 ₹20", "100% of $HOME",
    "fn main() { println!(\"hi\"); }", "self.assertEqual(a_b, c-d)", "HTTPServer parseJSON getHTTPResponseCode", "snake_case_name kebab-case-name",
    "foo::bar::<Baz>()", "std::collections::HashMap", "a.b.c.d", "v1.2.3-rc.1+build.5", "https://example.com/a/b?c=d&e=f#g", "user@example.com",
    "0xDEADBEEF 1e-9 3.14159 1,000,000", "192.168.0.1:8080", "C:\\Users\\x\\file.txt", "/usr/local/bin/jay", "~/.config/scrubjay/config.toml",
    "SELECT * FROM t WHERE a='b';", "git rebase -i HEAD~3", "kubectl -n prod get pods -o wide | grep api", "#!/bin/sh", "{\"key\": [1, null, true]}",
    "x" * 99, "x" * 100, "x" * 101, "x" * 500, "é" * 100, "é" * 101, "界" * 120, "a-" * 120, "word " * 300, "pneumonoultramicroscopicsilicovolcanoconiosis",
    "\u0000a\u0001b\u0007c", "a\u200bb\u200cc\u200dd\ufeffe", "a\u00adb", "a\u00a0b\u2003c\u3000d", "a\u2028b\u2029c", "a\u0085b", "a\u000bb\u000cc", "\ufffd x \ufffd",
    "\ue000 private \uf8ff", "\U000e0041 tag", "a\u202eb\u202cc", "a\u0378b", "\U0001f9ff\U0001fae8", "a\u0600b", "\u061c\u06dd",
    "[CLS] [SEP] [MASK] [PAD] [UNK]", "[cls]", "[unused1] [unused99]", "##ing ##", "# ## ### heading", "...", "!?!?", "—–-‐−", "“quoted” ‘single’ «guillemets»",
    "`tick` ^caret ~tilde |pipe", "a_b __init__ __", "́", "\u1fef\u037e\u2000", "\ufb2a\ufb1d", "A\u030a Å Å", "ａｂｃ ＡＢＣ １２３", "𝒜𝓑 𝟙𝟚", "ᾳ ᾼ", "ꙮ ༄ ৳ ௹", "ⴰⵣⵓⵍ ᓀᐦ",
    "don't can't I'm you've", "O'Reilly's", "e.g. i.e. etc.", "U.S.A. Ph.D.", "rock'n'roll", "C++ C# F# .NET", "TCP/IP and/or", "(a) [b] {c} <d>", "a\tb\tc", "line one\nline two\r\nline three",
]
VECTOR_TEXTS = [
    "How do I restart the worker?", "The deploy to production failed because the certificate had expired.", "café naïve RÉSUMÉ",
    "fn parse_header(bytes: &[u8]) -> Result<Header, Error>", "東京の天気 🚀 café", "port 5433", "a", "[1:56 pm on 8 May, 2023] Caroline: Hey Mel! Good to see you!",
]


def generated(count, rng):
    """Random mixtures: words of the hand-written texts glued together, and code points of all kinds."""
    pool = [w for text in HAND for w in text.split() if len(w) < 40]
    ranges = [(0x20, 0x7E), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x52F), (0x590, 0x6FF), (0x900, 0x97F), (0x1E00, 0x1FFF)]
    ranges += [(0x2000, 0x22FF), (0x3000, 0x30FF), (0x4E00, 0x4FFF), (0xAC00, 0xACFF), (0xF900, 0xFAFF), (0x1F300, 0x1F6FF), (0, 0x1F)]
    for i in range(count):
        if i % 2:
            yield "".join(rng.choice(pool) + rng.choice(["", " ", "_", "."]) for _ in range(rng.randint(1, 9)))
        else:
            yield "".join(chr(rng.randint(*rng.choice(ranges))) for _ in range(rng.randint(1, 24)))


def words(rng):
    """Sentences of the paraphrase set: ordinary English."""
    lines = [line.split("\t") for line in (HERE / "paraphrases.tsv").read_text().splitlines() if not line.startswith("#")]
    return [text for row in rng.sample(lines, 40) for text in row]


def read_table():
    """Scales and codes out of the file that is shipped, read by its description."""
    data = (DATA / "static-table.bin").read_bytes()
    dimension, rows = struct.unpack_from("<II", data, 12)
    scales = np.frombuffer(data, "<f4", rows, 64)
    start = 64 + -(-8 * rows // 64) * 64
    codes = np.frombuffer(data, "i1", rows * dimension, start).reshape(rows, dimension)
    return codes.astype(np.float64) * scales[:, None]


def main():
    tok, rng = tokenizer(), random.Random(5433)
    # What a user wrote is text: special tokens are not read out of it.
    tok.encode_special_tokens = True
    target = FIXTURES / "static"
    target.mkdir(parents=True, exist_ok=True)
    texts = list(dict.fromkeys([*HAND, *words(rng), *generated(140, rng)]))
    ids = [tok.encode(t, add_special_tokens=False).ids for t in texts]
    lines = [json.dumps({"text": t, "ids": i}, separators=(",", ":")) for t, i in zip(texts, ids)]
    (target / "tokens.jsonl").write_text("\n".join(lines) + "\n")
    table, lines = read_table(), []
    for text in VECTOR_TEXTS:
        vector = table[tok.encode(text, add_special_tokens=False).ids].sum(axis=0)
        vector /= np.linalg.norm(vector)
        lines.append(json.dumps({"text": text, "vector": [round(float(x), 4) for x in vector]}, separators=(",", ":")))
    (target / "vectors.jsonl").write_text("\n".join(lines) + "\n")
    print(f"{len(texts)} texts with ids, {len(VECTOR_TEXTS)} with vectors")


if __name__ == "__main__":
    main()
